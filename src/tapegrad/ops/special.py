"""Special functions, element by element: the error function and the gamma function, with their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import ArgumentError, OptionError
from . import approximations
from .samples import between, singles

__all__ = ["digamma", "erf", "erfc", "erfinv", "lgamma", "mvlgamma", "polygamma"]

_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)


def in_float64(xp: Any, function: Callable, input: Any) -> Any:
    """Return a function's values, computed in float64, in the dtype and shape of the input."""
    array = xp.atleast_1d(xp.asarray(input, xp.float64))
    with xp.errstate(all="ignore"):
        return function(xp, array).reshape(input.shape).astype(input.dtype)


# -- the error function -------------------------------------------------------------------------------------------------


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * (_TWO_BY_ROOT_PI * ops.exp(-input * input)),),
    formula=r"\frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt",
    derivative=r"2 e^{-x^2} / \sqrt{\pi}",
    onnx="Erf",
    samples=lambda: [*singles(), Sample(Array(4, 5, low=-6.0, high=6.0))],
    methods="erf",
    inplace=True,
)
def erf(xp, input):
    """Return the error function of each element: the integral of the normal distribution.

    Source: https://pytorch.org/docs/stable/generated/torch.special.erf.html

    >>> import tapegrad as tg
    >>> tg.erf(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """
    if input.dtype == xp.float32:
        return approximations.erf_fast(xp, input)
    return in_float64(xp, approximations.erf, input)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: -g * (_TWO_BY_ROOT_PI * ops.exp(-input * input)),),
    formula=r"1 - \mathrm{erf}(x)",
    derivative=r"-2 e^{-x^2} / \sqrt{\pi}",
    samples=lambda: [*singles(), Sample(Array(4, 5, low=-6.0, high=6.0))],
    methods="erfc",
    inplace=True,
)
def erfc(xp, input):
    """Return 1 minus the error function of each element, exact where that is small.

    >>> import tapegrad as tg
    >>> tg.erfc(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.1573])
    """
    return in_float64(xp, approximations.erfc, input)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, out: g * (ops.exp(out * out) / _TWO_BY_ROOT_PI),),
    formula=r"\mathrm{erf}^{-1}(x)",
    derivative=r"\sqrt{\pi} e^{\mathrm{erf}^{-1}(x)^2} / 2",
    samples=lambda: between(-0.9, 0.9),
    methods="erfinv",
    inplace=True,
)
def erfinv(xp, input):
    """Return the number whose error function is each element (inf at 1, nan beyond).

    >>> import tapegrad as tg
    >>> tg.erfinv(tg.tensor([0.0, 0.5, 1.0]))
    tensor([0.0000, 0.4769,    inf])
    """
    return in_float64(xp, approximations.erfinv, input)


# -- the gamma function -------------------------------------------------------------------------------------------------


def _gamma_samples():
    yield from between(0.2, 12.0)
    yield Sample(Array(3, 2, low=-0.8, high=-0.2))


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.digamma(input),),
    formula=r"\ln |\Gamma(x)|",
    derivative=r"\psi(x)",
    samples=_gamma_samples,
    methods="lgamma",
    inplace=True,
)
def lgamma(xp, input):
    """Return the logarithm of the magnitude of the gamma function of each element (inf at 0, -1, -2, ...).

    Source: https://pytorch.org/docs/stable/generated/torch.lgamma.html

    >>> import tapegrad as tg
    >>> tg.lgamma(tg.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """
    return in_float64(xp, approximations.gamma_log, input)


def _digamma(xp, x):
    poles = (x < 0) & (x == xp.floor(x))
    values = xp.where(poles, xp.nan, approximations.polygamma_of(xp, 0, x))
    return xp.where(x == 0, -xp.copysign(xp.inf, x), values)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input: g * ops.polygamma(input, n=1),),
    formula=r"\psi(x) = \Gamma'(x) / \Gamma(x)",
    derivative=r"\psi'(x)",
    samples=_gamma_samples,
    methods="digamma",
    inplace=True,
)
def digamma(xp, input):
    """Return the derivative of :func:`lgamma` at each element (nan at -1, -2, ..., -inf at 0).

    Source: https://pytorch.org/docs/stable/generated/torch.digamma.html

    >>> import tapegrad as tg
    >>> tg.digamma(tg.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return in_float64(xp, _digamma, input)


@primitive(
    elementwise=True,
    promote="float",
    vjp=(lambda g, input, n: g * ops.polygamma(input, n=n + 1),),
    formula=r"\psi^{(n)}(x)",
    derivative=r"\psi^{(n+1)}(x)",
    samples=lambda: [Sample(*s.inputs, n=n) for n in (0, 1, 2, 3) for s in _gamma_samples()],
    errors=lambda: [ErrorSample(ArgumentError, "n = -1", (2,), n=-1)],
    signature="n, input",
)
def polygamma(xp, input, *, n):
    """Return the n-th derivative of the digamma function at each element.

    Raises ArgumentError for a negative ``n``.
    Source: https://pytorch.org/docs/stable/generated/torch.polygamma.html

    >>> import tapegrad as tg
    >>> tg.polygamma(1, tg.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise ArgumentError("polygamma", f"n = {n} is no order of a derivative", "use 0 or more")
    if n == 0:
        return in_float64(xp, _digamma, input)
    return in_float64(xp, lambda xp, x: approximations.polygamma_of(xp, n, x), input)


@function(methods="polygamma", name="tensor_polygamma", inplace=True)
def _polygamma_of_tensor(self: Tensor, n: int) -> Tensor:
    """Return :func:`polygamma` of this tensor."""
    return ops.polygamma(self, n=n)


@function(methods="mvlgamma", inplace=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    r"""Return the logarithm of the gamma function of ``p`` variables at each element.

    Formula: :math:`p (p - 1) / 4 \ln \pi + \sum_{i=0}^{p-1} \ln \Gamma(x - i / 2)`, for elements above (p - 1) / 2.
    Raises OptionError for ``p`` below 1.
    Source: https://pytorch.org/docs/stable/special.html#torch.special.multigammaln

    >>> import tapegrad as tg
    >>> tg.mvlgamma(tg.tensor([2.0]), 2)
    tensor([0.4516])
    """
    if p < 1:
        raise OptionError("mvlgamma", f"p = {p} is no number of variables", "use 1 or more")
    terms = [ops.lgamma(input - i / 2 if i else input) for i in range(p)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total + p * (p - 1) / 4 * math.log(math.pi)
