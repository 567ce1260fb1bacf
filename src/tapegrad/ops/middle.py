"""Where the middle and the most frequent element are: the primitives below ``median`` and ``mode`` in extremes.py."""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, primitive
from ..errors import IndexRangeError
from .reduce import axis_of

__all__: list[str] = []


def _row_samples():
    yield Sample(Array(3, 4, distinct=True), dim=1)
    yield Sample(Array(5, 2, distinct=True), dim=0)
    yield Sample(Array(6, 2, low=0, high=3, dtype="int64"), dim=0)
    yield Sample((), dim=0)


def _no_element():
    yield ErrorSample(IndexRangeError, "has no element", (0, 3), dim=0)


def _check_size(who, input, dim):
    """Raise IndexRangeError for a dimension without elements."""
    if not input.shape[dim]:
        raise IndexRangeError(who, f"dimension {dim} has no element", "use a dimension that has")


@primitive(
    formula=r"\arg\, x_{(\lfloor (n - 1) / 2 \rfloor)}",
    samples=_row_samples,
    errors=_no_element,
    torch="",
)
def median_index(xp, input, *, dim):
    """Return where the middle element along a dimension is, the lower of two; the first nan if there is one."""
    if axis_of("median_index", input.ndim, dim) is None:
        return xp.zeros((), xp.int64)
    _check_size("median_index", input, dim)
    order = xp.argsort(input, axis=dim, kind="stable")
    middle = xp.take(order, xp.asarray([(input.shape[dim] - 1) // 2]), axis=dim)
    missing = input != input
    return xp.where(missing.any(dim, keepdims=True), missing.argmax(dim, keepdims=True), middle)


@primitive(
    formula=r"\arg\max_i \#\{j: x_j = x_i\}",
    samples=_row_samples,
    errors=_no_element,
    torch="",
)
def mode_index(xp, input, *, dim):
    """Return where the most frequent element along a dimension occurs last; of equally frequent ones the smallest."""
    if axis_of("mode_index", input.ndim, dim) is None:
        return xp.zeros((), xp.int64)
    _check_size("mode_index", input, dim)
    order = xp.argsort(xp.moveaxis(input, dim, 0), axis=0, kind="stable")
    ordered = xp.take_along_axis(xp.moveaxis(input, dim, 0), order, 0)
    place = xp.arange(len(ordered)).reshape(-1, *[1] * (ordered.ndim - 1))
    begins = xp.concatenate([place[:1] == 0 * order[:1], ordered[1:] != ordered[:-1]])
    length = place - xp.maximum.accumulate(xp.where(begins, place, 0), axis=0)
    last = xp.take_along_axis(order, length.argmax(0, keepdims=True), 0)
    return xp.array(xp.moveaxis(last, 0, dim))
