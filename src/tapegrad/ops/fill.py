"""Primitives that make an array out of nothing. As steps of a program they make a fresh one every time it runs."""

from __future__ import annotations

import math

from ..core import ErrorSample, Sample, primitive
from ..errors import OptionError, ShapeError

__all__: list[str] = []


@primitive(
    formula=r"c",
    onnx="ConstantOfShape",
    samples=lambda: [
        Sample(size=(2, 3), fill_value=1.5, dtype="float32"),
        Sample(size=(), fill_value=0, dtype="int64"),
    ],
    errors=lambda: [ErrorSample(ShapeError, "negative", size=(2, -1), fill_value=0, dtype="int64")],
    torch="",
)
def full(xp, *, size, fill_value, dtype):
    """Return an array of one value."""
    if min(size, default=0) < 0:
        raise ShapeError("full", f"size {size} has a negative number", "use sizes from 0 on")
    if not fill_value:
        return xp.zeros(size, dtype)
    try:
        return xp.full(size, fill_value, dtype)
    except OverflowError:
        # PyTorch keeps the lowest bits of an integer that is too large.
        return xp.full(size, xp.asarray(fill_value).astype(dtype), dtype)


@primitive(
    formula=r"a + i s",
    onnx="Range",
    samples=lambda: [
        Sample(start=0, end=5, step=1, dtype="int64"),
        Sample(start=1.0, end=-1.0, step=-0.3, dtype="float32"),
    ],
    errors=lambda: [
        ErrorSample(OptionError, "step is 0", start=0, end=1, step=0, dtype="int64"),
        ErrorSample(OptionError, "cannot be reached", start=3, end=0, step=1, dtype="int64"),
    ],
    torch="",
)
def arange(xp, *, start, end, step, dtype):
    """Return the numbers from ``start`` on, ``step`` apart, that come before ``end``."""
    if step == 0:
        raise OptionError("arange", "the step is 0", "use another step")
    if (end - start) * step < 0:
        raise OptionError("arange", f"{end} cannot be reached from {start} in steps of {step}", "turn the step's sign")
    if not math.isfinite(start) or not math.isfinite(end):
        raise OptionError("arange", f"there is no end from {start} to {end}", "use finite numbers")
    count = math.ceil((end - start) / step)
    if xp.dtype(dtype).kind in "iu":
        # As in PyTorch, the fractions are cut off before the steps are added up, for int64 before they are counted.
        start, step = int(start), int(step)
        if xp.dtype(dtype) == xp.int64:
            if not step:
                raise OptionError("arange", "the step is 0 as an integer", "use another step, or a floating dtype")
            count = -((start - int(end)) // step)
    return (start + xp.arange(count) * step).astype(dtype)


@primitive(
    formula=r"a + \frac{i (b - a)}{n - 1}",
    samples=lambda: [
        Sample(start=0.0, end=1.0, steps=5, dtype="float32"),
        Sample(start=3.0, end=4.0, steps=1, dtype="float64"),
        Sample(start=0.0, end=2.0, steps=3, dtype="float64", base=10.0),
    ],
    errors=lambda: [ErrorSample(OptionError, "steps is -1", start=0.0, end=1.0, steps=-1, dtype="float32")],
    torch="",
)
def linspace(xp, *, start, end, steps, dtype, base=None):
    """Return ``steps`` numbers at equal distances from ``start`` to ``end``, or the powers of ``base`` with these exponents."""
    if steps < 0:
        raise OptionError("linspace", f"steps is {steps}", "use 0 or more")
    # Each half is counted from its own end, so that both ends are exact.
    distance = (end - start) / max(steps - 1, 1)
    i = xp.arange(steps)
    numbers = xp.where(i < max(steps // 2, 1), start + distance * i, end - distance * (steps - 1 - i))
    return (numbers if base is None else base**numbers).astype(dtype)


@primitive(
    formula=r"\delta_{ij}",
    onnx="EyeLike",
    samples=lambda: [Sample(n=3, m=3, dtype="float32"), Sample(n=2, m=4, dtype="int64")],
    torch="",
)
def eye(xp, *, n, m, dtype):
    """Return an n by m matrix with ones on the diagonal, zeros elsewhere."""
    return xp.eye(n, m, dtype=dtype)


@primitive(
    formula=r"\{(i, j): j - i \le k\}",
    samples=lambda: [
        Sample(row=3, col=4, offset=0, lower=True),
        Sample(row=3, col=2, offset=-1, lower=True),
        Sample(row=2, col=3, offset=1, lower=False),
    ],
    torch="",
)
def triangle_indices(xp, *, row, col, offset, lower):
    """Return the rows and columns of the elements on and below (or above) a diagonal, as a matrix of two rows."""
    distance = xp.arange(col) - xp.arange(row)[:, None]
    return xp.stack((distance <= offset if lower else distance >= offset).nonzero())
