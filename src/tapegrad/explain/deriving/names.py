"""The symbols of a network's values: inputs, parameters, constants and the results of its operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...core import Tensor, Variable
from ...nn import Module
from ..formulas.notation import plain, space
from ..network.recording import Recorder

__all__ = ["Symbols", "input_names", "variables_in"]


def variables_in(values: Iterable) -> Iterator[Variable]:
    """Yield the variables among the inputs of an equation."""
    return (value for value in values if isinstance(value, Variable))


def input_names(equation: Any) -> list[str]:
    """Return what a primitive calls its inputs; those of a list are numbered."""
    names: list[str] = [*getattr(equation.primitive, "inputs", ("target", "value"))]
    if getattr(equation.primitive, "variadic", False):
        last = names.pop()
        names += [f"{last}[{i}]" for i in range(len(equation.inputs) - len(names))]
    return names


def _index(number: int | str) -> str:
    text = str(number)
    return text if len(text) == 1 else f"{{{text}}}"


class Symbols:
    """``meanings``: what each symbol of an input, a parameter or a constant stands for. ``batched``: the variables whose
    first dimension is that of the batch, whose size is written N.
    """

    def __init__(self, recorder: Recorder, model: Any):
        self.recorder = recorder
        self.meanings: dict[str, str] = {}
        self.batched: set[Variable] = set()
        self._symbols: dict[Variable, str] = {}
        self._spaces: dict[str, Variable] = {}
        self._owners = _owners(model)
        self._buffers = {id(t): name for name, t in model.named_buffers()} if isinstance(model, Module) else {}
        self._numbers: dict[str, str] = {}
        first = recorder.inputs[0][1].shape if recorder.inputs else ()
        self._batch = first[0] if first else 0
        for letter, given in (("x", recorder.inputs), ("t", recorder.targets)):
            for i, (name, variable) in enumerate(given, 1):
                self.batched.add(variable)
                self._name(variable, letter if len(given) == 1 else f"{letter}_{_index(i)}", name)

    def of(self, variable: Variable) -> str:
        """Return what a variable is called now; one that comes from outside is named when it is first asked for."""
        if variable not in self._symbols:
            self._name_found(variable)
        return self._symbols[variable]

    def name_result(self, variable: Variable, number: int, part: int, is_loss: bool) -> str:
        """Name the result of an operation, or one of several; a variable that is written to gets a new name."""
        symbol = "L" if is_loss else f"h_{{{number},{part}}}" if part else f"h_{_index(number)}"
        self._symbols[variable] = symbol
        self._spaces[symbol] = variable
        return symbol

    def space(self, symbol: str) -> str:
        """Return the set that the arrays of a symbol are from."""
        variable = self._spaces[symbol]
        return space(*(["N", *variable.shape[1:]] if self.is_batch(variable) else variable.shape))

    def is_batch(self, value: Any) -> bool:
        """Return whether the first dimension of a value is that of the batch."""
        return isinstance(value, Variable) and value in self.batched and value.shape[:1] == (self._batch,)

    def _name(self, variable: Variable, symbol: str, meaning: str) -> None:
        self._symbols[variable] = symbol
        self._spaces[symbol] = variable
        self.meanings[symbol] = meaning

    def _name_found(self, variable: Variable) -> None:
        call, t = self.recorder.found.get(variable, (-1, None))
        path = self.recorder.calls[call].path if call >= 0 else ""
        if id(t) in self._owners:
            owner, name, normalises = self._owners[id(t)]
            self._name(variable, self._parameter(owner, name, normalises), f"{owner}.{name}".strip("."))
        elif id(t) in self._buffers:
            self._name(variable, f"c_{self._counted('c')}", self._buffers[id(t)])
        elif isinstance(t, Tensor) and t.requires_grad:
            self._name(variable, rf"\theta_{self._counted('theta')}", "a tensor that is trained")
        elif path.partition(".")[0] == "loss" and "t" not in self.meanings:
            self.batched.add(variable)
            self._name(variable, "t", "targets")
        else:
            self._name(variable, f"c_{self._counted('c')}", f"a constant in {path}" if path else "a constant")

    def _counted(self, letter: str) -> str:
        count = sum(symbol.lstrip("\\").startswith(f"{letter}_") for symbol in self.meanings)
        return _index(count + 1)

    def _parameter(self, owner: str, name: str, normalises: bool) -> str:
        """Return W_2 for the weight of the second layer that has parameters; what else its name says is raised."""
        number = self._numbers.setdefault(owner, _index(len(self._numbers) + 1))
        kind = next((kind for kind in ("weight", "bias") if kind in name), "")
        letter = {"weight": r"\gamma" if normalises else "W", "bias": r"\beta" if normalises else "b"}.get(
            kind, r"\theta"
        )
        rest = " ".join(name.replace(kind, " ").replace("_", " ").split()) if kind else name
        raised = "" if not rest else rf"^{{\mathrm{{{plain(rest).replace(' ', chr(92) + ' ')}}}}}"
        return f"{letter}_{number}{raised}"


def _owners(model: Any) -> dict[int, tuple[str, str, bool]]:
    """Return, by the id of each parameter, its module's path, its own name, and whether the module normalises."""
    found: dict[int, tuple[str, str, bool]] = {}
    for path, module in model.named_modules() if isinstance(model, Module) else ():
        for name, p in module._parameters.items():
            if p is not None:
                found.setdefault(id(p), (path, name, "Norm" in type(module).__name__))
    return found
