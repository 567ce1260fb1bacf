"""The discrete Fourier transforms that all others are made of, with their adjoints.

Gradients: the transform of complex numbers is a symmetric matrix, hence its own transpose; those between real numbers and
the half of a spectrum that suffices for them are each other's adjoints, once the elements that stand for two are weighed.
"""

from __future__ import annotations

from ..core import Array, Sample, ops, primitive

__all__: list[str] = []

_NORMS = ("backward", "ortho", "forward")


def _swapped(norm):
    """Return what the adjoint of a transform is divided by: the transform of the other direction divides by the rest."""
    return "ortho" if norm == "ortho" else "forward" if norm == "backward" else "backward"


def _spectra(*shape):
    return Array(*shape, dtype="complex128")


@primitive(
    vjp=(lambda g, dim, inverse, norm: ops.fft_complex(g, dim=dim, inverse=inverse, norm=norm),),
    formula=r"\sum_n x_n e^{\mp 2 \pi i k n / N}",
    derivative=r"\sum_k g_k e^{\mp 2 \pi i k n / N}",
    samples=lambda: [
        *(Sample(_spectra(2, 5), dim=(1,), norm=n, inverse=i) for n in _NORMS for i in (False, True)),
        Sample(_spectra(2, 3, 4), dim=(0, 2)),
        Sample(_spectra(2, 3), dim=()),
    ],
    torch="",
)
def fft_complex(xp, input, *, dim, inverse=False, norm="backward"):
    """Return the Fourier transform of complex numbers along dimensions, or its inverse."""
    if not dim or input.size == 0:
        return xp.array(input)
    return (xp.fft.ifftn if inverse else xp.fft.fftn)(input, axes=dim, norm=norm)


@primitive(
    vjp=(lambda g, dim, size, factor: ops.weigh_middle(g, dim=dim, size=size, factor=factor),),
    formula=r"w_k x_k",
    derivative=r"w_k",
    samples=lambda: [
        Sample((2, 3), dim=-1, size=4, factor=2.0),
        Sample((2, 3), dim=1, size=5, factor=0.5),
        Sample((1, 2), dim=0, size=1, factor=0.5),
    ],
    torch="",
)
def weigh_middle(xp, input, *, dim, size, factor):
    """Return a half spectrum with the elements that stand for two of the whole one multiplied by a factor."""
    out = xp.array(input)
    length = input.shape[dim]
    middle = [slice(None)] * input.ndim
    middle[dim] = slice(1, length - (size % 2 == 0))
    out[tuple(middle)] *= factor
    return out


@primitive(
    holomorphic=False,
    vjp=(
        lambda g, input_shape, dim, norm: ops.fft_whole(
            ops.weigh_middle(g, dim=dim, size=input_shape[dim], factor=0.5),
            dim=dim,
            size=input_shape[dim],
            norm=_swapped(norm),
        ),
    ),
    formula=r"\sum_n x_n e^{-2 \pi i k n / N}, 0 \le k \le N / 2",
    derivative=r"\mathrm{Re} \sum_k g_k e^{2 \pi i k n / N}",
    samples=lambda: [
        *(Sample((2, 5), dim=1, norm=n) for n in _NORMS),
        Sample((4, 2), dim=0),
        Sample((2, 1), dim=-1),
    ],
    torch="",
)
def fft_half(xp, input, *, dim, norm="backward"):
    """Return the first half of the spectrum of real numbers along a dimension: the other is its conjugate."""
    return xp.fft.rfft(input, axis=dim, norm=norm)


@primitive(
    holomorphic=False,
    vjp=(
        lambda g, dim, size, norm: ops.weigh_middle(
            ops.fft_half(g, dim=dim, norm=_swapped(norm)), dim=dim, size=size, factor=2.0
        ),
    ),
    formula=r"\frac{1}{N} \sum_k x_k e^{2 \pi i k n / N}, x_{N-k} = \bar{x}_k",
    derivative=r"\frac{w_k}{N} \sum_n g_n e^{-2 \pi i k n / N}",
    samples=lambda: [
        *(Sample(_spectra(2, 3), dim=1, size=5, norm=n) for n in _NORMS),
        Sample(_spectra(3, 2), dim=0, size=4),
        Sample(_spectra(2, 1), dim=-1, size=1),
    ],
    torch="",
)
def fft_whole(xp, input, *, dim, size, norm="backward"):
    """Return the ``size`` real numbers along a dimension whose half spectrum the input, of ``size // 2 + 1``, is."""
    return xp.fft.irfft(input, size, axis=dim, norm=norm)
