"""Test inputs that many primitives share."""

from __future__ import annotations

from collections.abc import Iterator

from ..core import Array, ErrorSample, Sample
from ..errors import ShapeError


def singles() -> Iterator[Sample]:
    """Yield one tensor: of two dimensions, 0-d, and without elements."""
    yield Sample((3, 4))
    yield Sample(())
    yield Sample((0, 2))


def between(low: float, high: float) -> Iterator[Sample]:
    """Yield one tensor with values from a range."""
    yield Sample(Array(3, 4, low=low, high=high))
    yield Sample(Array(low=low, high=high))
    yield Sample(Array(2, 0, low=low, high=high))


def pairs() -> Iterator[Sample]:
    """Yield two tensors that broadcast against each other, and a tensor with a number on either side."""
    yield Sample((3, 4), (3, 4))
    yield Sample((3, 4), (4,))
    yield Sample((3, 1), (2, 1, 4))
    yield Sample((), (2, 2))
    yield Sample((2, 3), 1.5)
    yield Sample(1.5, (2, 3))
    yield Sample((0, 3), (1, 3))


def tensor_pairs() -> Iterator[Sample]:
    """Yield pairs where PyTorch wants two tensors."""
    return (sample for sample in pairs() if all(isinstance(x, tuple) for x in sample.inputs))


def quotients() -> Iterator[Sample]:
    """Yield pairs whose second stays away from 0."""
    yield Sample((3, 4), Array(4, low=0.5, high=2.0))
    yield Sample((), Array(2, 1, low=-3.0, high=-1.0))
    yield Sample((2, 3), 1.5)
    yield Sample(1.5, Array(2, 3, low=0.5, high=2.0))
    yield Sample((0, 3), Array(3, low=0.5, high=2.0))


def integers() -> Iterator[Sample]:
    """Yield pairs of integers that broadcast."""
    yield Sample(Array(3, 4, low=0, high=9, dtype="int64"), Array(4, low=0, high=9, dtype="int64"))
    yield Sample(Array(low=0, high=9, dtype="int64"), Array(2, 2, low=0, high=9, dtype="int64"))
    yield Sample(Array(2, 3, low=0, high=9, dtype="int32"), 3)


def bad_pairs() -> Iterator[ErrorSample]:
    """Yield two tensors that do not broadcast."""
    yield ErrorSample(ShapeError, "could not be broadcast", (2, 3), (4,))
