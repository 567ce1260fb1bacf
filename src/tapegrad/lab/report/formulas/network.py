"""The formulas of a network that is a chain of layers: one after the other forward, and back again."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from ....core import Tensor, no_grad
from ....explain.formulas.notation import Symbol, space
from ....ops.random import rand
from ..document import Line
from . import activations, convolution, dense, normalisation
from .step import Family, Step

__all__ = ["FAMILIES", "Chain", "chain_of", "layers_in_order"]

FAMILIES: dict[str, Family] = {
    **dense.FAMILIES,
    **convolution.FAMILIES,
    **normalisation.FAMILIES,
    **activations.FAMILIES,
}

_BATCH = 3


@dataclasses.dataclass(frozen=True)
class Chain:
    """A network's layers in the order in which they work."""

    steps: tuple[Step, ...]
    input_shape: tuple[int, ...]

    @property
    def output(self) -> Symbol:
        """What the last layer makes."""
        return self.steps[-1].made if self.steps else Symbol("A", 0)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what the last layer makes of one sample."""
        return self.steps[-1].made_shape if self.steps else self.input_shape

    @property
    def symbols(self) -> dict[str, str]:
        """The symbols of all parameters by their paths: fc1.weight is W^{(1)}."""
        found = {}
        for step in self.steps:
            prefix = f"{step.path}." if step.path else ""
            found |= {f"{prefix}{name}": symbol for name, symbol in step.symbols().items()}
        return found

    def forward(self) -> list[Line]:
        """Return the lines from the input to the output."""
        lines = [Line("A^{(0)}", "X", space("N", *self.input_shape))]
        for step in self.steps:
            new = FAMILIES[type(step.layer).__name__].forward(step)
            lines += [dataclasses.replace(line, layer=step.path) for line in new]
        return lines

    def backward(self) -> list[Line]:
        """Return the lines from the gradient of the output to those of all parameters."""
        lines: list[Line] = []
        for step in reversed(self.steps):
            new = FAMILIES[type(step.layer).__name__].backward(step)
            lines += [dataclasses.replace(line, layer=step.path) for line in new]
        return lines


def chain_of(model: Any, input_shape: Sequence[int]) -> Chain | None:
    """Return a network as a chain, or None when its layers do not follow each other or one has no formulas here.

    ``input_shape`` is that of one sample.
    """
    calls = _calls(model, input_shape)
    if calls is None:
        return None
    steps: list[Step] = []
    current = Symbol("A", 0)
    number, used, learning = 0, set(), False
    for path, layer, given_shape, made_shape in calls:
        if type(layer).__name__ == "Identity":
            continue
        family = FAMILIES.get(type(layer).__name__)
        if family is None or not _fits(layer, given_shape):
            return None
        number += family.weighted
        made = Symbol(family.letter, number)
        while made in used or made == Symbol("A", 0):
            made = dataclasses.replace(made, repeat=made.repeat + 1)
        used.add(made)
        steps.append(Step(path, layer, current, made, given_shape, made_shape, number, learning))
        learning = learning or any(p.requires_grad for p in layer.parameters())
        current = made
    return Chain(tuple(steps), tuple(input_shape))


def _fits(layer: Any, shape: tuple[int, ...]) -> bool:
    """Whether a layer is used in the way that its formulas describe."""
    kind = type(layer).__name__
    if kind == "Linear":
        return len(shape) == 1
    if kind.endswith(("Softmax",)):
        return len(shape) == 1 and layer.dim in (1, -1)
    if kind == "Flatten":
        return layer.start_dim == 1
    if "Pool" in kind or kind.startswith("Conv"):
        plain = getattr(layer, "padding_mode", "zeros") == "zeros" and not getattr(layer, "return_indices", False)
        return plain and len(shape) == int(kind[-2]) + 1
    if kind == "PReLU":
        return layer.num_parameters == 1
    return activations.formulas(layer) is not None if FAMILIES[kind].letter == "A" and "Soft" not in kind else True


def layers_in_order(model: Any, input_shape: Sequence[int]) -> list[tuple[str, Any, Tensor, Tensor]]:
    """Return path, layer, input and output of each layer without children, as a batch of random numbers meets them."""
    calls: list[tuple[str, Any, Tensor, Tensor]] = []
    handles = []
    for path, module in model.named_modules():
        if not list(module.children()):

            def note(layer: Any, inputs: Any, output: Any, path: str = path) -> None:
                calls.append((path, layer, inputs[0], output))

            handles.append(module.register_forward_hook(note))
    training = model.training
    model.eval()
    try:
        with no_grad():
            dtype = next((p.dtype for p in model.parameters()), None)
            model(rand(_BATCH, *input_shape, dtype=dtype))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return calls


def _calls(model: Any, input_shape: Sequence[int]) -> list[tuple[str, Any, tuple, tuple]] | None:
    """Return the calls if each layer is given just what the one before it made, and none is used twice; else None."""
    calls = layers_in_order(model, input_shape)
    if not calls or len({id(layer) for _, layer, _, _ in calls}) < len(calls):
        return None
    for (_, _, _, made), (_, _, given, _) in itertools.pairwise(calls):
        if made.array is not given.array:
            return None
    return [(path, layer, tuple(given.shape[1:]), tuple(made.shape[1:])) for path, layer, given, made in calls]
