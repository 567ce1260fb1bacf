"""Comparisons, element by element, and whether tensors are equal or close. They have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, OptionError
from .samples import bad_pairs, pairs

__all__ = [
    "allclose",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "le",
    "less",
    "less_equal",
    "lt",
    "ne",
    "not_equal",
]


def _tensor_first():
    return [s for s in pairs() if isinstance(s.inputs[0], tuple)]


# -- comparisons --------------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    formula=r"[x = y]",
    onnx="Equal",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="eq",
    inplace=True,
)
def eq(xp, input, other, *, out=None):
    """Return whether elements are equal.

    >>> import tapegrad as tg
    >>> tg.eq(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([False,  True])
    """
    return xp.equal(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"[x \ne y]",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="ne not_equal",
    inplace=True,
)
def ne(xp, input, other, *, out=None):
    """Return whether elements differ.

    >>> import tapegrad as tg
    >>> tg.ne(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([ True, False])
    """
    return xp.not_equal(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"[x < y]",
    onnx="Less",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="lt less __lt__",
    inplace=True,
)
def lt(xp, input, other, *, out=None):
    """Return whether elements are less than those of another tensor.

    >>> import tapegrad as tg
    >>> tg.lt(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([ True, False])
    """
    return xp.less(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"[x \le y]",
    onnx="LessOrEqual",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="le less_equal __le__",
    inplace=True,
)
def le(xp, input, other, *, out=None):
    """Return whether elements are less than or equal to those of another tensor.

    >>> import tapegrad as tg
    >>> tg.le(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([True, True])
    """
    return xp.less_equal(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"[x > y]",
    onnx="Greater",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="gt greater __gt__",
    inplace=True,
)
def gt(xp, input, other, *, out=None):
    """Return whether elements are greater than those of another tensor.

    >>> import tapegrad as tg
    >>> tg.gt(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([False, False])
    """
    return xp.greater(input, other, out=out)


@primitive(
    elementwise=True,
    formula=r"[x \ge y]",
    onnx="GreaterOrEqual",
    samples=_tensor_first,
    errors=bad_pairs,
    methods="ge greater_equal __ge__",
    inplace=True,
)
def ge(xp, input, other, *, out=None):
    """Return whether elements are greater than or equal to those of another tensor.

    >>> import tapegrad as tg
    >>> tg.ge(tg.tensor([1, 2]), tg.tensor([2, 2]))
    tensor([False,  True])
    """
    return xp.greater_equal(input, other, out=out)


def _equality(name: str, compare: Any) -> Callable:
    """Return ``==`` or ``!=``: what cannot be compared with a tensor is left to Python, to which it is not equal."""
    comparable = (Tensor, np.ndarray, np.generic, int, float, complex)

    def method(self: Tensor, other: Any) -> Any:
        return compare(self, other) if isinstance(other, comparable) else NotImplemented

    method.__name__ = name
    return method


Tensor.__eq__ = _equality("__eq__", eq)  # type: ignore[method-assign]
Tensor.__ne__ = _equality("__ne__", ne)  # type: ignore[method-assign]


# -- nearly equal -----------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="same",
    formula=r"|x - y| \le a + r |y|",
    samples=lambda: [
        Sample((3, 4), (3, 4)),
        Sample((3, 4), (4,), rtol=0.1),
        Sample((2,), (), atol=1.0, equal_nan=True),
    ],
    errors=lambda: [ErrorSample(DTypeError, "float64", Array(2, dtype="float32"), Array(2, dtype="float64"))],
    methods="isclose",
)
def isclose(xp, input, other, *, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Return whether elements differ by no more than ``atol`` plus ``rtol`` times the magnitude of the second.

    Equal infinities are close; nan is close to nan with ``equal_nan`` alone. Raises DTypeError for different dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.isclose.html

    >>> import tapegrad as tg
    >>> tg.isclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    if rtol < 0 or atol < 0:
        raise OptionError("isclose", f"rtol is {rtol}, atol {atol}", "use numbers from 0 on")
    return xp.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@function(methods="allclose")
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether all elements are close, as :func:`isclose` tells.

    >>> import tapegrad as tg
    >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.1]))
    False
    """
    return bool(ops.all(ops.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@function(methods="equal")
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and the same elements.

    >>> import tapegrad as tg
    >>> tg.equal(tg.tensor([1, 2]), tg.tensor([1, 2]))
    True
    """
    return input.shape == other.shape and bool(ops.all(ops.eq(input, other)))


not_equal = ne
less = lt
less_equal = le
greater = gt
greater_equal = ge
