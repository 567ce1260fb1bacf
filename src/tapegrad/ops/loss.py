"""Losses of numbers, element by element, where a composition would overflow or lose digits."""

from __future__ import annotations

import math
from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DataError, ShapeError
from .buffers import MANY
from .samples import bad_pairs, singles

__all__: list[str] = []

# The logarithms of probabilities are cut off here, as PyTorch does, so that a wrong certainty costs 100 and not inf.
_LOWEST_LOG = -100.0


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, delta: g * ops.hardtanh(input, min_val=-delta, max_val=delta),),
    formula=r"\begin{cases} x^2 / 2 & |x| \le \delta \\ \delta (|x| - \delta / 2) & \text{else} \end{cases}",
    derivative=r"\min(\max(x, -\delta), \delta)",
    samples=lambda: [*singles(), Sample((3, 4), delta=0.5)],
    torch="",
)
def huber(xp, input, *, delta=1.0, out=None):
    """Return half the square of each element, and beyond ``delta`` the straight line that continues it."""
    size = xp.abs(input)
    inner = size.clip(0, delta) if input.size > MANY else xp.minimum(size, delta)
    return xp.multiply(inner, size - 0.5 * inner, out=out)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, target: g * (ops.sigmoid(input) - target), lambda g, input: -g * input),
    formula=r"-t \ln \sigma(x) - (1 - t) \ln(1 - \sigma(x))",
    derivative=r"\sigma(x) - t, -x",
    samples=lambda: [
        Sample((3, 4), Array(3, 4, low=0.0, high=1.0)),
        Sample((2, 3), Array(3, low=0.0, high=1.0)),
        Sample((), Array(low=0.0, high=1.0)),
        Sample((0, 2), (0, 2)),
    ],
    errors=bad_pairs,
    torch="",
)
def logit_cross_entropy(xp, input, target, *, out=None):
    """Return the binary cross entropy between the logistic function of each element and its target."""
    above = input.clip(0, math.inf) if getattr(input, "size", 1) > MANY else xp.maximum(input, 0)
    return xp.add(above - input * target, xp.log1p(xp.exp(-xp.abs(input))), out=out)


def _probability_gradient(g, input, target):
    return g * (input - target) / ops.maximum(input * (1 - input), 1e-12)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(_probability_gradient, lambda g, input: g * (_cut_log(1 - input) - _cut_log(input))),
    formula=r"-t \ln x - (1 - t) \ln(1 - x)",
    derivative=r"(x - t) / (x (1 - x)), \ln(1 - x) - \ln x",
    samples=lambda: [
        Sample(Array(3, 4, low=0.1, high=0.9), Array(3, 4, low=0.0, high=1.0)),
        Sample(Array(2, 3, low=0.1, high=0.9), Array(3, low=0.0, high=1.0)),
    ],
    errors=lambda: [
        ErrorSample(DataError, "lie between 0 and 1", Array(3, low=2.0, high=3.0), (3,)),
        ErrorSample(ShapeError, "could not be broadcast", Array(2, 3, low=0.0, high=1.0), (4,)),
    ],
    torch="",
)
def probability_cross_entropy(xp, input, target, *, out=None):
    """Return the binary cross entropy between each probability and its target; logarithms count as at least -100."""
    outside = (input < 0) | (input > 1)
    if outside.any():
        raise _probability_error(xp, input, outside)
    with xp.errstate(divide="ignore"):
        yes, no = xp.maximum(xp.log(input), _LOWEST_LOG), xp.maximum(xp.log1p(-input), _LOWEST_LOG)
    return xp.subtract((target - 1) * no, target * yes, out=out)


def _cut_log(x):
    return ops.maximum(ops.log(x), _LOWEST_LOG)


def _probability_error(xp, values: Any, outside: Any) -> DataError:
    place = tuple(int(i) for i in xp.argwhere(outside)[0])
    return DataError(
        "binary_cross_entropy",
        f"input{list(place) if place else ''} is {float(values[place]):g}, and probabilities lie between 0 and 1",
        "apply sigmoid() first, or use binary_cross_entropy_with_logits, which takes the numbers as they are",
    )
