"""Complex numbers: their parts, conjugates and angles, and how they are made of real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import DTypeError, ShapeError

__all__ = [
    "angle",
    "complex",
    "conj",
    "conj_physical",
    "imag",
    "is_conj",
    "is_neg",
    "isreal",
    "polar",
    "real",
    "resolve_conj",
    "resolve_neg",
    "view_as_complex",
    "view_as_real",
]


@primitive(
    elementwise=True,
    vjp=(lambda g: ops.conj(g),),
    formula=r"\bar z",
    derivative=r"\bar g",
    holomorphic=False,
    samples=lambda: [Sample((2, 3)), Sample(())],
    methods="conj conj_physical",
    inplace=True,
)
def conj(xp, input, *, out=None):
    """Return the complex conjugate; a real tensor's values are its own.

    Source: https://pytorch.org/docs/stable/generated/torch.conj.html

    >>> import tapegrad as tg
    >>> tg.conj(tg.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    if input.dtype.kind == "b":
        return xp.logical_and(input, input, out=out)
    return xp.positive(input, out=out) if input.dtype.kind != "c" else xp.conjugate(input, out=out)


@primitive(
    vjp=(lambda g, input_dtype: ops.cast(g, dtype=input_dtype),),
    formula=r"\operatorname{Re} z",
    derivative=r"g",
    holomorphic=False,
    view=True,
    samples=lambda: [Sample((2, 3)), Sample(())],
)
def real(xp, input):
    """Return the real part, a view of the tensor.

    Source: https://pytorch.org/docs/stable/generated/torch.real.html

    >>> import tapegrad as tg
    >>> tg.real(tg.tensor([1 + 2j]))
    tensor([1.])
    """
    return input.real


@primitive(
    vjp=(lambda g, input_dtype: ops.cast(g, dtype=input_dtype) * 1j,),
    formula=r"\operatorname{Im} z",
    derivative=r"i g",
    holomorphic=False,
    view=True,
    samples=lambda: [Sample(Array(2, 3, dtype="complex128"))],
    errors=lambda: [ErrorSample(DTypeError, "has no imaginary part", (2,))],
)
def imag(xp, input):
    """Return the imaginary part, a view of the tensor. Raises DTypeError for real tensors.

    Source: https://pytorch.org/docs/stable/generated/torch.imag.html

    >>> import tapegrad as tg
    >>> tg.imag(tg.tensor([1 + 2j]))
    tensor([2.])
    """
    _check_imaginary(input.dtype)
    return input.imag


@primitive(
    vjp=(lambda g: ops.view_as_complex(g),),
    formula=r"(\operatorname{Re} z, \operatorname{Im} z)",
    derivative=r"g_0 + i g_1",
    holomorphic=False,
    view=True,
    samples=lambda: [Sample(Array(2, 3, dtype="complex128"))],
    errors=lambda: [ErrorSample(DTypeError, "is not complex", (2,))],
)
def view_as_real(xp, input):
    """Return complex numbers as pairs of real ones, along a new last dimension of size 2: a view.

    Raises DTypeError for real tensors.
    Source: https://pytorch.org/docs/stable/generated/torch.view_as_real.html

    >>> import tapegrad as tg
    >>> tg.view_as_real(tg.tensor([1 + 2j, 3j]))
    tensor([[1., 2.],
            [0., 3.]])
    """
    _check_complex(input.dtype)
    return input[..., None].view(input.real.dtype)


@primitive(
    vjp=(lambda g: ops.view_as_real(g),),
    formula=r"x_0 + i x_1",
    derivative=r"(\operatorname{Re} g, \operatorname{Im} g)",
    holomorphic=False,
    view=True,
    samples=lambda: [Sample((2, 3, 2))],
    errors=lambda: [ErrorSample(ShapeError, "a last dimension of size 2", (2, 3))],
)
def view_as_complex(xp, input):
    """Return pairs of real numbers, along a last dimension of size 2, as complex ones: a view where memory allows it.

    Raises ShapeError for another last dimension, DTypeError for other dtypes than float32 and float64.
    Source: https://pytorch.org/docs/stable/generated/torch.view_as_complex.html

    >>> import tapegrad as tg
    >>> tg.view_as_complex(tg.tensor([[1.0, 2.0], [0.0, 3.0]]))
    tensor([1.+2.j, 0.+3.j])
    """
    _check_pairs(input.shape, input.dtype)
    pairs = input if input.strides[-1] == input.itemsize else xp.ascontiguousarray(input)
    return pairs.view(xp.result_type(input.dtype, xp.complex64))[..., 0]


def _check_imaginary(dtype: np.dtype) -> None:
    if dtype.kind != "c":
        raise DTypeError("imag", f"a {dtype} tensor has no imaginary part", "convert it with .to(tapegrad.complex64)")


def _check_complex(dtype: np.dtype) -> None:
    if dtype.kind != "c":
        raise DTypeError("view_as_real", f"a {dtype} tensor is not complex", "use it as it is")


def _check_pairs(shape: tuple, dtype: np.dtype) -> None:
    if dtype not in (np.float32, np.float64):
        raise DTypeError("view_as_complex", f"cannot pair numbers of dtype {dtype}", "convert them with .float()")
    if not shape or shape[-1] != 2:
        raise ShapeError(
            "view_as_complex", f"expected a last dimension of size 2, got shape {shape}", "stack the parts"
        )


# -- composed of them ---------------------------------------------------------------------------------------------------


@function()
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Return ``real + i imag``, for two real tensors of one dtype. Raises DTypeError for others.

    Source: https://pytorch.org/docs/stable/generated/torch.complex.html

    >>> import tapegrad as tg
    >>> tg.complex(tg.tensor([1.0]), tg.tensor([2.0]))
    tensor([1.+2.j])
    """
    if real.dtype.kind != "f" or real.dtype != imag.dtype:
        raise DTypeError(
            "complex", f"the parts have dtypes {real.dtype} and {imag.dtype}", "give both as the same floating dtype"
        )
    result = real + imag * 1j
    if result.dtype == np.complex64 or real.dtype == np.float64:
        return result
    raise DTypeError("complex", f"there are no complex numbers of two {real.dtype}", "convert the parts with .float()")


@function()
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Return the complex numbers of given magnitudes and angles (radians): ``abs (cos angle + i sin angle)``.

    Source: https://pytorch.org/docs/stable/generated/torch.polar.html

    >>> import tapegrad as tg
    >>> tg.polar(tg.tensor([2.0]), tg.tensor([0.0]))
    tensor([2.+0.j])
    """
    return complex(abs * ops.cos(angle), abs * ops.sin(angle))


@function(methods="angle")
def angle(input: Tensor) -> Tensor:
    """Return the angle in radians: ``atan2(Im z, Re z)``; of real numbers 0, or pi below 0, and nan for nan.

    Source: https://pytorch.org/docs/stable/generated/torch.angle.html

    >>> import tapegrad as tg
    >>> tg.angle(tg.tensor([1j, -1.0]))
    tensor([1.5708, 3.1416])
    """
    if input.is_complex():
        return ops.atan2(ops.imag(input), ops.real(input))
    if not input.is_floating_point():
        input = input.to(np.float32)
    below = (input < 0).to(input.dtype) * math.pi
    return below + input * 0


@function(methods="isreal")
def isreal(input: Tensor) -> Tensor:
    """Return where the imaginary part is 0: everywhere in real tensors.

    >>> import tapegrad as tg
    >>> tg.isreal(tg.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """
    return ops.imag(input) == 0 if input.is_complex() else input.new_ones(input.shape, dtype=bool)


@function(methods="resolve_conj resolve_neg")
def resolve_conj(input: Tensor) -> Tensor:
    """Return the tensor itself: conjugates are always computed here, never put off.

    >>> import tapegrad as tg
    >>> tg.resolve_conj(tg.tensor([1j]).conj())
    tensor([0.-1.j])
    """
    return input


@function(methods="is_conj is_neg")
def is_conj(input: Tensor) -> bool:
    """Return False: conjugates and negatives are always computed here, never put off.

    >>> import tapegrad as tg
    >>> tg.is_conj(tg.tensor([1j]).conj())
    False
    """
    return False


conj_physical = conj
resolve_neg = resolve_conj
is_neg = is_conj


def _set_part(name: str, getter: Any) -> None:
    def write(self: Tensor, value: Any) -> None:
        getter(self).copy_(value if isinstance(value, Tensor) else self.new_tensor(value))

    setattr(Tensor, name, property(lambda self: getter(self), write, doc=getter.__doc__))


_set_part("real", real)
_set_part("imag", imag)
