"""One layer's place in a chain of layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ....explain.formulas.notation import Symbol
from ..document import Line

__all__ = ["Family", "Step"]


@dataclasses.dataclass(frozen=True)
class Step:
    """A layer with what it is given and what it makes: symbols, and shapes of one sample.

    ``passes_on``: some layer before it learns, so that the gradient has to go on. ``number`` counts layers with weights.
    """

    path: str
    layer: Any
    given: Symbol
    made: Symbol
    given_shape: tuple[int, ...]
    made_shape: tuple[int, ...]
    number: int
    passes_on: bool = True

    @property
    def weight(self) -> str:
        """The symbol of the weights."""
        return f"W^{{({self.number})}}"

    @property
    def bias(self) -> str:
        """The symbol of the bias."""
        return f"b^{{({self.number})}}"

    def learns(self, name: str) -> bool:
        """Return whether the layer has a parameter of that name that is trained."""
        parameter = getattr(self.layer, name, None)
        return parameter is not None and parameter.requires_grad

    def symbols(self) -> dict[str, str]:
        """Return the symbols of the layer's own parameters by their names."""
        named = {"weight": self.weight, "bias": self.bias}
        if "Norm" in type(self.layer).__name__:
            named = {"weight": rf"\gamma^{{({self.number})}}", "bias": rf"\beta^{{({self.number})}}"}
        if type(self.layer).__name__ == "PReLU":
            named = {"weight": f"a^{{({self.number})}}"}
        return {name: named.get(name, rf"\theta_{{\text{{{name}}}}}") for name, _ in self.layer.named_parameters()}


@dataclasses.dataclass(frozen=True)
class Family:
    """How layers of one kind are written: the letter of what they make, and their lines forward and backward."""

    letter: str
    forward: Callable[[Step], list[Line]]
    backward: Callable[[Step], list[Line]]
    weighted: bool = False
