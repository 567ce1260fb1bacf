"""Choosing between values, element by element: where, masks, clamping, and writing over what is there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, as_tensor, function, ops, primitive
from ..core.methods import inplace_method
from ..errors import DTypeError, OptionError, ShapeError
from .buffers import into
from .elementwise import copy
from .samples import singles
from .select import nonzero

__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "masked_fill", "nan_to_num", "where"]

# PyTorch takes uint8 for bool here, as its first versions did.
_CONDITIONS = (np.dtype(bool), np.dtype(np.uint8))


# -- one or the other ---------------------------------------------------------------------------------------------------


@function()
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return the elements of ``input`` where a condition is true, those of ``other`` where it is not.

    ``input`` and ``other`` are tensors or numbers. With a condition alone: the positions where it is true, as
    ``condition.nonzero(as_tuple=True)``. Raises DTypeError for a condition that is not bool.
    Source: https://pytorch.org/docs/stable/generated/torch.where.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype not in _CONDITIONS:
        raise DTypeError("where", f"the condition has dtype {condition.dtype}", "make it bool, e.g. with x != 0")
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input)
    return ops.where(condition, input, other)


@function(methods="where", name="tensor_where")
def _tensor_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """Return :func:`where` with this tensor in the places where the condition is true."""
    return where(condition, self, other)


@function(methods="masked_fill", inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return the input with one value, a number or a 0-d tensor, in the places where a mask is true.

    The value is brought to the input's dtype. Raises DTypeError for a mask that is not bool and for a value that the
    dtype cannot hold, ShapeError for a value with dimensions.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.masked_fill_.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([1.0, 2.0, 3.0])
    >>> x.masked_fill(x > 1, 0)
    tensor([1., 0., 0.])
    """
    if mask.dtype != np.dtype(bool):
        raise DTypeError("masked_fill", f"the mask has dtype {mask.dtype}", "make it bool, e.g. with mask != 0")
    return ops.where(mask, _as_value("masked_fill", value, input), input)


def _as_value(who: str, value: Any, like: Tensor) -> Any:
    """Return a value as one number of a tensor's dtype."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise ShapeError(who, f"the value has shape {tuple(value.shape)}", "give a number or a 0-d tensor")
        if value.dtype.kind == "c" != like.dtype.kind:
            raise DTypeError(who, f"{like.dtype} cannot hold {value.dtype}", "convert the tensor first")
        return value if value.dtype == like.dtype else ops.cast(value, dtype=like.dtype)
    kind = like.dtype.kind
    if isinstance(value, complex) and kind != "c":
        raise DTypeError(who, f"{like.dtype} cannot hold {value}", "convert the tensor first")
    if kind == "f" and float(np.finfo(like.dtype).max) < abs(value) < math.inf:
        raise DTypeError(who, f"{like.dtype} cannot hold {value}", "use -inf, or a smaller number")
    made: Any = {"c": complex, "f": float, "b": bool}.get(kind, int)
    return value if kind == "c" else made(value)


# -- between limits -----------------------------------------------------------------------------------------------------


def _inside_gradient(g, input, min, max):
    if min is None:
        return g * (input <= max)
    if max is None:
        return g * (input >= min)
    return g * ((input >= min) & (input <= max))


def _min_gradient(g, input, min, max):
    return g * (input < min) if max is None else g * ((input < min) & (min < max))


def _max_gradient(g, input, min, max):
    return g * (input > max) if min is None else g * ((input > max) | (max < min))


@primitive(
    elementwise=True,
    vjp=(_inside_gradient, _min_gradient, _max_gradient),
    formula=r"\min(\max(x, a), b)",
    derivative=r"[a \le x \le b], [x < a], [x > b]",
    onnx="Clip",
    samples=lambda: [
        Sample((3, 4), -1.0, 1.5),
        Sample((3, 4), 0.5, None),
        Sample((3, 4), Array(4, low=-1.0, high=0.0), Array(3, 1, low=0.5, high=1.5)),
        Sample((3, 4), Array(4, low=0.5, high=1.0), Array(4, low=-0.5, high=0.0)),
        Sample((), (2, 2), None),
        Sample((0, 3), 0.0, 1.0),
        Sample(Array(5, low=-5, high=5, dtype="int64"), -1, 2),
    ],
    errors=lambda: [ErrorSample(OptionError, "min and max are both None", (3,))],
    methods="clamp clip",
    inplace=True,
)
def clamp(xp, input, min=None, max=None, *, out=None):
    """Return each element brought between limits, which are numbers, tensors or None (no limit).

    Formula: ``min(max(x, min), max)``, so ``max`` wins where the limits cross. Elements on a limit pass their gradient.
    Raises OptionError without any limit.
    Source: https://pytorch.org/docs/stable/generated/torch.clamp.html

    >>> import tapegrad as tg
    >>> tg.clamp(tg.tensor([-2.0, 0.5, 2.0]), min=0.0, max=1.0)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise OptionError("clamp", "min and max are both None", "give at least one of them")
    if input.dtype.kind == "f":
        # With both limits NumPy takes a faster way.
        min = -math.inf if min is None else min
        max = math.inf if max is None else max
    return input.clip(min, max, out=out)


clip = clamp


@function(methods="clamp_min", inplace=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Return :func:`clamp` with a lower limit alone."""
    return ops.clamp(input, min, None)


@function(methods="clamp_max", inplace=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Return :func:`clamp` with an upper limit alone."""
    return ops.clamp(input, None, max)


@primitive(
    elementwise=True,
    vjp=(lambda g, input: g * ops.isfinite(input),),
    formula=r"x \text{ where finite}",
    derivative=r"[|x| < \infty]",
    samples=lambda: [*singles(), Sample((2, 3), nan=1.0, posinf=2.0, neginf=-2.0)],
    methods="nan_to_num",
    inplace=True,
)
def nan_to_num(xp, input, *, nan=0.0, posinf=None, neginf=None, out=None):
    """Return the input with numbers in the place of nan, inf and -inf: 0 and the largest and smallest unless given.

    Source: https://pytorch.org/docs/stable/generated/torch.nan_to_num.html

    >>> import tapegrad as tg
    >>> tg.nan_to_num(tg.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
    tensor([1., 0., 9.])
    """
    return into(out, xp.asarray(xp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)))


# -- writing over what is there -----------------------------------------------------------------------------------------

_write = inplace_method(copy, "copy_")


def _copy_into(self: Tensor, other: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of another tensor, which may be stretched, into this one; gradients flow to the other.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.copy_.html
    """
    return _write(self, other)


def _fill(self: Tensor, value: Any) -> Tensor:
    """Write one value, a number or a 0-d tensor, everywhere.

    Raises ShapeError for a value with dimensions.
    """
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError("fill_", f"the value has shape {tuple(value.shape)}", "give a number or a 0-d tensor")
    return _write(self, value)


def _zero(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return _write(self, 0)


for _name, _method in {"copy_": _copy_into, "fill_": _fill, "zero_": _zero}.items():
    setattr(Tensor, _name, _method)
