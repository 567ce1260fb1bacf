"""Windows: weights that fade towards the ends, for spectra of pieces of a signal.

Those of ``torch.*_window``; ``tapegrad.signal.windows`` has more of them. Source of the formulas: F. J. Harris, "On the use of
windows for harmonic analysis with the discrete Fourier transform", Proceedings of the IEEE 66 (1978), 51-83.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array import available, get_default_dtype
from ..core import Tensor, wrap
from ..errors import DTypeError, OptionError
from .cylinder import scaled_i0

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def cosines(n: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    r"""Return :math:`\sum_i (-1)^i a_i \cos(2 \pi i n / (M - 1))` for the M positions n."""
    angle = 2 * math.pi * n / (len(n) - 1)
    total = np.zeros_like(n)
    for i, a in enumerate(weights):
        total += (-1) ** i * a * np.cos(i * angle)
    return total


def triangle(n: np.ndarray) -> np.ndarray:
    """Return a line from 0 up to 1 and down to 0."""
    return 1 - np.abs(2 * n / (len(n) - 1) - 1)


def kaiser_bell(n: np.ndarray, beta: float) -> np.ndarray:
    r"""Return :math:`I_0(\beta \sqrt{1 - t^2}) / I_0(\beta)` for t from -1 to 1."""
    t = 2 * n / (len(n) - 1) - 1
    x = beta * np.sqrt(np.maximum(1 - t * t, 0))
    # exp(-x) I₀(x) does not overflow where I₀ does.
    return scaled_i0(np, x) / scaled_i0(np, np.array([float(beta)])) * np.exp(x - abs(beta))


def taper(length: int, symmetric: bool, shape: Callable, dtype: Any, requires_grad: bool) -> Tensor:
    """Return a window: the shape at each of ``length`` positions, or at one more, of which the last is left out."""
    count = length if symmetric else length + 1
    values = shape(np.arange(count, dtype=np.float64)) if count > 1 else np.ones(count)
    if length == 1:
        values = np.ones(1)
    made = wrap(np.array(values[:length], get_default_dtype() if dtype is None else dtype))
    return made.requires_grad_(requires_grad)


def _window(who: str, length: int, periodic: bool, shape: Callable, dtype: Any, device: Any, grad: bool) -> Tensor:
    if device is not None:
        available(device)
    if length < 0:
        raise OptionError(who, f"the length is {length}", "use 0 or more")
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise DTypeError(who, f"dtype {dtype} is no floating-point dtype", "use float32 or float64")
    return taper(length, not periodic, shape, dtype, grad)


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return the Hann window: :math:`\frac{1}{2} - \frac{1}{2} \cos(2 \pi n / N)`, with N - 1 below unless ``periodic``.

    Raises OptionError for a negative length, DTypeError for an integer dtype.
    Source: https://pytorch.org/docs/stable/generated/torch.hann_window.html

    >>> import tapegrad as tg
    >>> tg.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    shape = lambda n: cosines(n, (0.5, 0.5))  # noqa: E731
    return _window("hann_window", window_length, periodic, shape, dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return the Hamming window: :math:`\alpha - \beta \cos(2 \pi n / N)`, as :func:`hann_window` otherwise.

    >>> import tapegrad as tg
    >>> tg.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    shape = lambda n: cosines(n, (alpha, beta))  # noqa: E731
    return _window("hamming_window", window_length, periodic, shape, dtype, device, requires_grad)


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return the Blackman window: :math:`0.42 - 0.5 \cos(2 \pi n / N) + 0.08 \cos(4 \pi n / N)`."""
    shape = lambda n: cosines(n, (0.42, 0.5, 0.08))  # noqa: E731
    return _window("blackman_window", window_length, periodic, shape, dtype, device, requires_grad)


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Return the triangular window of Bartlett.

    >>> import tapegrad as tg
    >>> tg.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", window_length, periodic, triangle, dtype, device, requires_grad)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    r"""Return the Kaiser window: :math:`I_0(\beta \sqrt{1 - t^2}) / I_0(\beta)` for t from -1 to 1."""
    shape = lambda n: kaiser_bell(n, beta)  # noqa: E731
    return _window("kaiser_window", window_length, periodic, shape, dtype, device, requires_grad)
