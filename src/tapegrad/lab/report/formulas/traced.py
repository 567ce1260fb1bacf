"""The steps of any network, from its trace: each operation with the registry's formula and derivative."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ....core import no_grad, trace
from ....core.trace import Variable
from ....explain.formulas.notation import space
from ....ops.random import rand

__all__ = ["Traced", "TracedStep", "traced"]

# An odd size, so that a first dimension of this size is the batch's.
_BATCH = 7


@dataclasses.dataclass(frozen=True)
class TracedStep:
    """One operation: what its result is called, the set that it is in, the call, and the operation's formulas."""

    result: str
    shape: str
    call: str
    formula: str
    derivative: str


@dataclasses.dataclass(frozen=True)
class Traced:
    """All operations of a network, in order, and the shape of what it makes of one sample."""

    steps: tuple[TracedStep, ...]
    output_shape: tuple[int, ...]


def traced(model: Any, input_shape: Sequence[int]) -> Traced:
    """Return what a network does with a batch, in evaluation mode. Raises TraceError when it cannot be recorded."""
    training = model.training
    dtype = next((p.dtype for p in model.parameters()), None)
    batch = rand(_BATCH, *input_shape, dtype=dtype)
    model.eval()
    try:
        with no_grad():
            program = trace(model, batch, names=dict(model.named_parameters()))
    finally:
        model.train(training)
    steps = [
        TracedStep(
            ", ".join(variable.name for variable in equation.outputs),
            _shape(equation.outputs[0]),
            _call(equation),
            getattr(equation.primitive, "formula", ""),
            getattr(equation.primitive, "derivative", ""),
        )
        for equation in program.equations
    ]
    output = program.outputs
    return Traced(tuple(steps), tuple(output.shape[1:]) if isinstance(output, Variable) else ())


def _shape(variable: Variable) -> str:
    sizes = ["N" if i == 0 and size == _BATCH else size for i, size in enumerate(variable.shape)]
    return space(*sizes)


def _call(equation: Any) -> str:
    inputs = [repr(x) for x in equation.inputs if x is not None]
    keywords = [f"{key}={value}" for key, value in equation.keywords.items() if value is not None and value != ()]
    return f"{equation.primitive.name}({', '.join([*inputs, *keywords])})"
