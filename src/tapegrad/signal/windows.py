"""The windows of ``torch.signal.windows``: symmetric unless ``sym=False`` makes them a period of a periodic one.

Source: https://pytorch.org/docs/stable/signal.html

>>> import tapegrad as tg
>>> tg.signal.windows.hann(5)
tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..array import available
from ..core import Tensor
from ..errors import ArgumentError, UsageError
from ..ops.tapers import cosines, kaiser_bell, taper, triangle

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _made(
    who: str, M: int, sym: bool, shape: Callable, dtype: Any, layout: Any, device: Any, requires_grad: bool
) -> Tensor:
    if device is not None:
        available(device)
    if M < 0:
        raise ArgumentError(who, f"M is {M}", "use 0 or more")
    if layout is not None and "strided" not in str(layout):
        raise ArgumentError(who, f"layout {layout} is not offered", "leave it out")
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise ArgumentError(who, f"dtype is {dtype}", "use float32 or float64")
    return taper(M, sym, shape, dtype, requires_grad)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return a sum of cosines: :math:`\sum_i (-1)^i a_i \cos(2 \pi i n / (M - 1))`.

    Raises UsageError unless ``a`` is a list of numbers, ArgumentError when that is empty.

    >>> import tapegrad as tg
    >>> tg.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, Iterable):
        raise UsageError("general_cosine", f"a is {a!r}", "pass a list of coefficients")
    weights = list(a)
    if not weights:
        raise ArgumentError("general_cosine", "there are no coefficients", "pass at least one")
    return _made("general_cosine", M, sym, lambda n: cosines(n, weights), dtype, layout, device, requires_grad)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return :math:`\alpha - (1 - \alpha) \cos(2 \pi n / (M - 1))`."""
    shape = lambda n: cosines(n, (alpha, 1 - alpha))  # noqa: E731
    return _made("general_hamming", M, sym, shape, dtype, layout, device, requires_grad)


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the Hamming window: :func:`general_hamming` with alpha 0.54."""
    return _made("hamming", M, sym, lambda n: cosines(n, (0.54, 0.46)), dtype, layout, device, requires_grad)


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the Hann window: :func:`general_hamming` with alpha 0.5."""
    return _made("hann", M, sym, lambda n: cosines(n, (0.5, 0.5)), dtype, layout, device, requires_grad)


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the Blackman window: :func:`general_cosine` with 0.42, 0.5, 0.08."""
    return _made("blackman", M, sym, lambda n: cosines(n, (0.42, 0.5, 0.08)), dtype, layout, device, requires_grad)


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Nuttall's window with four terms and a continuous first derivative.

    Source: A. H. Nuttall, "Some windows with very good sidelobe behavior", IEEE Transactions on Acoustics, Speech, and
    Signal Processing 29 (1981), 84-91.
    """
    weights = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
    return _made("nuttall", M, sym, lambda n: cosines(n, weights), dtype, layout, device, requires_grad)


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the triangular window of Bartlett, 0 at its ends."""
    return _made("bartlett", M, sym, triangle, dtype, layout, device, requires_grad)


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return half a wave: :math:`\sin(\pi (n + 1/2) / M)`."""
    shape = lambda n: np.sin(math.pi * (n + 0.5) / len(n))  # noqa: E731
    return _made("cosine", M, sym, shape, dtype, layout, device, requires_grad)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return :math:`e^{-|n - c| / \tau}` around a centre, the middle; another for ``sym=False`` only.

    Raises ArgumentError for ``tau`` that is not positive, or a ``center`` beside ``sym=True``.
    """
    if tau <= 0:
        raise ArgumentError("exponential", f"tau is {tau}", "use a positive number")
    if sym and center is not None:
        raise ArgumentError("exponential", f"center={center} beside sym=True", "leave one of them out")
    shape = lambda n: np.exp(-np.abs(n - ((len(n) - 1) / 2 if center is None else center)) / tau)  # noqa: E731
    return _made("exponential", M, sym, shape, dtype, layout, device, requires_grad)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return :math:`e^{-(n - c)^2 / (2 \sigma^2)}` around the middle c.

    Raises ArgumentError for ``std`` that is not positive.
    """
    if std <= 0:
        raise ArgumentError("gaussian", f"std is {std}", "use a positive number")
    shape = lambda n: np.exp(-0.5 * np.square((n - (len(n) - 1) / 2) / std))  # noqa: E731
    return _made("gaussian", M, sym, shape, dtype, layout, device, requires_grad)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the Kaiser window, as :func:`tapegrad.kaiser_window` is. Raises ArgumentError for a negative ``beta``."""
    if beta < 0:
        raise ArgumentError("kaiser", f"beta is {beta}", "use 0 or more")
    return _made("kaiser", M, sym, lambda n: kaiser_bell(n, beta), dtype, layout, device, requires_grad)
