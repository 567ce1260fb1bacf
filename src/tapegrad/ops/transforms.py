"""The functions of ``torch.fft``. Source: https://pytorch.org/docs/stable/fft.html"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..core import Tensor, function, ops, wrap
from ..errors import DTypeError, IndexRangeError, OptionError, UnsupportedDTypeError
from .shape import wrap_dim

__all__: list[str] = []

_OTHER_WAY = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
Sizes = Sequence[int] | None


# -- arguments ----------------------------------------------------------------------------------------------------------


def _norm(who: str, norm: str | None) -> str:
    if norm is not None and norm not in _OTHER_WAY:
        raise OptionError(who, f"norm='{norm}' is unknown", "use 'backward', 'ortho' or 'forward'")
    return norm or "backward"


def _floating(who: str, x: Tensor) -> Tensor:
    if x.dtype == np.float16:
        raise UnsupportedDTypeError(who, "the input has dtype float16", "convert it, e.g. with .float()")
    return x if x.dtype.kind in "fc" else ops.cast(x, dtype=get_default_dtype())


def _complex(who: str, x: Tensor) -> Tensor:
    x = _floating(who, x)
    return x if x.dtype.kind == "c" else ops.cast(x, dtype=np.result_type(x.dtype, np.complex64))


def _real(who: str, x: Tensor) -> Tensor:
    if x.dtype.kind == "c":
        raise DTypeError(
            who, f"the input has dtype {x.dtype}", f"pass a real tensor, or use {who.replace('r', '', 1)}()"
        )
    return _floating(who, x)


def _resized(who: str, x: Tensor, dim: int, n: int | None) -> Tensor:
    """Return a tensor cut, or filled up with zeros, to a length along a dimension."""
    length: int = x.shape[dim]
    n = length if n is None or n == -1 else n
    if n < 1:
        raise OptionError(who, f"{n} data points along dim {dim}", "transform at least one")
    if n == length:
        return x
    rest = [(0, 0)] * x.ndim
    rest[dim] = (0, abs(n - length))
    change = ops.constant_pad if n > length else ops.crop
    return change(x, padding=tuple(rest))


def _one(who: str, x: Tensor, dim: int) -> int:
    if x.ndim == 0:
        raise IndexRangeError(who, f"dim {dim} of a 0-d tensor", "pass at least one dimension")
    return wrap_dim(who, dim, x.ndim)


def _several(who: str, x: Tensor, s: Sizes, dim: Any) -> tuple[list[int], list[int | None]]:
    """Return the dimensions to transform, and the size of each or None."""
    s = [s] if isinstance(s, int) else s
    dim = [dim] if isinstance(dim, int) else dim
    if dim is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise OptionError(who, f"{count} sizes for {x.ndim} dimensions", "give fewer sizes")
        dims = list(range(x.ndim - count, x.ndim))
    else:
        dims = [wrap_dim(who, d, x.ndim) for d in dim]
    if len(set(dims)) != len(dims):
        raise OptionError(who, f"a dimension of {dim} is named twice", "name each once")
    sizes: list[int | None] = [None] * len(dims) if s is None else list(s)
    if len(sizes) != len(dims):
        raise OptionError(who, f"{len(sizes)} sizes for {len(dims)} dimensions", "give one size for each")
    return dims, sizes


def _checked_several(who: str, x: Tensor, s: Sizes, dim: Any) -> tuple[list[int], list[int | None]]:
    dims, sizes = _several(who, x, s, dim)
    if not dims:
        raise OptionError(who, "there is no dimension to transform", "name at least one")
    return dims, sizes


def _transform(who: str, x: Tensor, dims: Sequence[int], sizes: Sizes | list, inverse: bool, norm: str) -> Tensor:
    for d, n in zip(dims, sizes or (), strict=False):
        x = _resized(who, x, d, n)
    return ops.fft_complex(x, dim=tuple(dims), inverse=inverse, norm=norm)


def _half(who: str, x: Tensor, dims: list[int], sizes: list, inverse: bool, norm: str) -> Tensor:
    """Return the half spectrum of real numbers, over the last of the dimensions; its conjugate's way when ``inverse``."""
    x = _real(who, x)
    for d, n in zip(dims, sizes, strict=True):
        x = _resized(who, x, d, n)
    if not inverse:
        x = ops.fft_half(x, dim=dims[-1], norm=norm)
    else:
        x = ops.conj(ops.fft_half(x, dim=dims[-1], norm=_OTHER_WAY[norm]))
    return ops.fft_complex(x, dim=tuple(dims[:-1]), inverse=inverse, norm=norm) if len(dims) > 1 else x


def _whole(who: str, x: Tensor, dims: list[int], sizes: list, inverse: bool, norm: str) -> Tensor:
    """Return the real numbers whose transform along the dimensions has the input as one half."""
    x = _complex(who, x)
    last = dims[-1]
    size = 2 * (x.shape[last] - 1) if sizes[-1] in (None, -1) else sizes[-1]
    if size < 1:
        raise OptionError(who, f"{size} data points along dim {last}", "pass n, at least 1")
    for d, n in zip(dims[:-1], sizes[:-1], strict=True):
        x = _resized(who, x, d, n)
    x = _resized(who, x, last, size // 2 + 1)
    if len(dims) > 1:
        x = ops.fft_complex(x, dim=tuple(dims[:-1]), inverse=inverse, norm=norm)
    if inverse:
        return ops.fft_whole(x, dim=last, size=size, norm=norm)
    return ops.fft_whole(ops.conj(x), dim=last, size=size, norm=_OTHER_WAY[norm])


# -- along one dimension ------------------------------------------------------------------------------------------------


@function()
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    r"""Return the discrete Fourier transform along a dimension, cut or filled up with zeros to ``n`` elements.

    Formula: :math:`X_k = \sum_j x_j e^{-2 \pi i j k / n}`; ``norm="ortho"`` divides by the root of n, ``"forward"`` by n.
    Raises OptionError for ``n`` below 1 or an unknown ``norm``.

    >>> import tapegrad as tg
    >>> tg.fft.fft(tg.tensor([1.0, 0.0])).real
    tensor([1., 1.])
    """
    x, d = _complex("fft", input), _one("fft", input, dim)
    return _transform("fft", x, [d], [n], False, _norm("fft", norm))


@function()
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`fft`; ``norm="backward"``, the default, divides by n, ``"forward"`` by nothing."""
    x, d = _complex("ifft", input), _one("ifft", input, dim)
    return _transform("ifft", x, [d], [n], True, _norm("ifft", norm))


@function()
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the first ``n // 2 + 1`` elements of :func:`fft` of real numbers: the others are their conjugates.

    Raises DTypeError for complex numbers.
    """
    return _half("rfft", input, [_one("rfft", input, dim)], [n], False, _norm("rfft", norm))


@function()
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`rfft`: ``n`` real numbers, ``2 (m - 1)`` for an input of m elements by default."""
    return _whole("irfft", input, [_one("irfft", input, dim)], [n], True, _norm("irfft", norm))


@function()
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the real Fourier transform of ``n`` numbers that are symmetric up to conjugation, given their first half."""
    return _whole("hfft", input, [_one("hfft", input, dim)], [n], False, _norm("hfft", norm))


@function()
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`hfft`: the first half of what has this real transform."""
    return _half("ihfft", input, [_one("ihfft", input, dim)], [n], True, _norm("ihfft", norm))


# -- along several dimensions -------------------------------------------------------------------------------------------


@function()
def fftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return :func:`fft` along several dimensions, all when neither they nor sizes are named.

    Raises OptionError for a dimension named twice, or when sizes and dimensions differ in number.
    """
    dims, sizes = _several("fftn", input, s, dim)
    return _transform("fftn", _complex("fftn", input), dims, sizes, False, _norm("fftn", norm))


@function()
def ifftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`fftn`."""
    dims, sizes = _several("ifftn", input, s, dim)
    return _transform("ifftn", _complex("ifftn", input), dims, sizes, True, _norm("ifftn", norm))


@function()
def rfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return :func:`fftn` of real numbers, the first half along the last of the dimensions."""
    dims, sizes = _checked_several("rfftn", input, s, dim)
    return _half("rfftn", input, dims, sizes, False, _norm("rfftn", norm))


@function()
def irfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`rfftn`, real numbers."""
    dims, sizes = _checked_several("irfftn", input, s, dim)
    return _whole("irfftn", input, dims, sizes, True, _norm("irfftn", norm))


@function()
def hfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return :func:`hfft` along the last of several dimensions, after :func:`fft` along the others."""
    dims, sizes = _checked_several("hfftn", input, s, dim)
    return _whole("hfftn", input, dims, sizes, False, _norm("hfftn", norm))


@function()
def ihfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """Return the inverse of :func:`hfftn`."""
    dims, sizes = _checked_several("ihfftn", input, s, dim)
    return _half("ihfftn", input, dims, sizes, True, _norm("ihfftn", norm))


@function()
def fft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`fftn` along two dimensions, the last ones."""
    return fftn(input, s, dim, norm)


@function()
def ifft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`ifftn` along two dimensions, the last ones."""
    return ifftn(input, s, dim, norm)


@function()
def rfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`rfftn` along two dimensions, the last ones."""
    return rfftn(input, s, dim, norm)


@function()
def irfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`irfftn` along two dimensions, the last ones."""
    return irfftn(input, s, dim, norm)


@function()
def hfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`hfftn` along two dimensions, the last ones."""
    return hfftn(input, s, dim, norm)


@function()
def ihfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """Return :func:`ihfftn` along two dimensions, the last ones."""
    return ihfftn(input, s, dim, norm)


# -- the frequencies ----------------------------------------------------------------------------------------------------


@function()
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Return a spectrum turned so that its element of frequency 0 lies in the middle, along all dimensions or some.

    >>> import tapegrad as tg
    >>> tg.fft.fftshift(tg.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted("fftshift", input, dim, lambda n: n // 2)


@function()
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Return the inverse of :func:`fftshift`."""
    return _shifted("ifftshift", input, dim, lambda n: (n + 1) // 2)


def _shifted(who: str, input: Tensor, dim: Any, shift: Any) -> Tensor:
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [wrap_dim(who, d, input.ndim) for d in dims]
    return input.roll(tuple(shift(input.shape[d]) for d in dims), tuple(dims)) if dims else input.clone()


def _frequencies(values: np.ndarray, n: int, d: float, dtype: Any, requires_grad: bool) -> Tensor:
    made = (values / (n * d) if n else values).astype(get_default_dtype() if dtype is None else dtype)
    return wrap(made).requires_grad_(requires_grad)


@function()
def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the frequencies that the elements of :func:`fft` stand for, in cycles per unit of the sample spacing ``d``.

    >>> import tapegrad as tg
    >>> tg.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    positions = np.arange(n, dtype=np.float64)
    positions[(n + 1) // 2 :] -= n
    return _frequencies(positions, n, d, dtype, requires_grad)


@function()
def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the frequencies that the elements of :func:`rfft` stand for."""
    return _frequencies(np.arange(n // 2 + 1, dtype=np.float64), n, d, dtype, requires_grad)
