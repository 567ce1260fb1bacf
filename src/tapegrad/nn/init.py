"""Initial values of parameters, written in place: torch.nn.init's names.

All functions write into the tensor that they are given, record nothing, and return it. ``generator`` None means the
generator that :func:`tapegrad.manual_seed` seeds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Tensor, no_grad, ops, wrap
from ..core.methods import overwrite
from ..errors import ArgumentError, DeprecationNotice, OptionError, did_you_mean, warn

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "fans",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

# sqrt(1 / E[f(z)^2]) of a standard normal z keeps a signal's variance; tanh and selu carry PyTorch's agreed values.
_GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "leaky_relu": math.sqrt(2.0),
    "selu": 0.75,
    **{f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)},
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights should grow to make up for a nonlinearity.

    linear, conv, sigmoid: 1; tanh: 5/3; relu: sqrt(2); leaky_relu: sqrt(2 / (1 + slope²)), slope ``param`` or 0.01;
    selu: 3/4. Raises ArgumentError for other names and for a slope that is no number.
    Source: https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain

    >>> import tapegrad as tg
    >>> tg.nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity not in _GAINS:
        raise ArgumentError(
            "calculate_gain", f"there is no gain for '{nonlinearity}'", did_you_mean(str(nonlinearity), _GAINS)
        )
    if nonlinearity != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ArgumentError("calculate_gain", f"the negative slope is {param!r}", "use a number")
    return math.sqrt(2.0 / (1 + slope**2))


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight: the products that feed one output, and the outputs that one input feeds.

    For shape (out, in, *kernel): fan_in = in · |kernel|, fan_out = out · |kernel|.
    Raises ArgumentError for fewer than 2 dimensions.

    >>> import tapegrad as tg
    >>> tg.nn.init.fans(tg.zeros(8, 3, 5, 5))
    (75, 200)
    """
    if tensor.ndim < 2:
        raise ArgumentError(
            "fans",
            f"a tensor of shape {tuple(tensor.shape)} has no fan_in and fan_out",
            "use 2 or more dimensions; for biases nn.init.zeros_ or uniform_",
        )
    out, into, *kernel = tensor.shape
    field = math.prod(kernel)
    return into * field, out * field


# PyTorch's own names, which scripts with initialisations of their own reach for.
_calculate_fan_in_and_fan_out = fans


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ("fan_in", "fan_out")
    if str(mode).lower() not in modes:
        raise ArgumentError("kaiming", f"there is no mode '{mode}'", did_you_mean(str(mode), modes))
    return fans(tensor)[modes.index(mode.lower())]


# -- simple distributions -----------------------------------------------------------------------------------------------


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the uniform distribution U(a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the normal distribution N(mean, std²)."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Draw from the normal distribution N(mean, std²), values outside [a, b] drawn again.

    Raises OptionError when a is not below b. Source: https://pytorch.org/docs/stable/nn.init.html
    """
    if not a < b or not std > 0:
        raise OptionError("trunc_normal_", f"a={a}, b={b}, std={std}", "use a < b and std > 0")
    low, high = (a - mean) / std, (b - mean) / std
    draw = _proposal(low, high, generator)
    values, kept = draw(tensor.numel())
    while not kept.all():
        again = np.flatnonzero(~kept)
        values[again], kept[again] = draw(len(again))
    return _write(tensor, np.clip(values * std + mean, a, b).reshape(tensor.shape), "trunc_normal_")


def _proposal(low: float, high: float, generator: Any) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Return a function that draws n standard normal candidates, and says which of them to keep."""
    inside = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    if inside > 0.2:

        def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
            z = _random("normal", n, generator)
            return z, (z >= low) & (z <= high)

        return draw
    # A narrow interval or a tail, which normal draws would miss: even draws, kept in proportion to the density.
    # Where that has fallen by e^-40 from its peak, float64 has nothing left.
    peak = min(max(0.0, low), high)
    reach = math.sqrt(peak**2 + 80)
    left, right = max(low, -reach), min(high, reach)

    def draw_evenly(n: int) -> tuple[np.ndarray, np.ndarray]:
        z = _random("uniform", n, generator) * (right - left) + left
        return z, _random("uniform", n, generator) < np.exp((peak**2 - z**2) / 2)

    return draw_evenly


def _random(kind: str, n: Any, generator: Any) -> np.ndarray:
    draw = ops.random_normal if kind == "normal" else ops.random_uniform
    size = n if isinstance(n, tuple) else (n,)
    return draw(size=size, dtype=np.dtype(np.float64), generator=generator).array


def _write(tensor: Tensor, values: Any, who: str) -> Tensor:
    return overwrite(tensor, wrap(np.asarray(values, dtype=tensor.dtype)), who)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Write one value everywhere."""
    return _write(tensor, np.full(tensor.shape, val), "constant_")


def ones_(tensor: Tensor) -> Tensor:
    """Write 1 everywhere."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return constant_(tensor, 0.0)


# -- linear maps that keep their input ----------------------------------------------------------------------------------


def _check_dimensions(who: str, tensor: Tensor, allowed: tuple[int, ...]) -> None:
    if tensor.ndim not in allowed:
        wanted = ", ".join(map(str, allowed[:-1])) + (" or " if allowed[:-1] else "") + str(allowed[-1])
        raise ArgumentError(
            who, f"the tensor has {tensor.ndim} dimensions (shape {tuple(tensor.shape)})", f"use {wanted}"
        )


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Write the identity matrix: a Linear layer hands as many inputs on as it can."""
    _check_dimensions("eye_", tensor, (2,))
    return _write(tensor, np.eye(*tensor.shape), "eye_")


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Write 1 at the middle of each kernel from channel i to channel i, else 0: a convolution hands its input on.

    Raises ArgumentError for other than 3 to 5 dimensions, and when ``groups`` does not divide the first size.
    """
    _check_dimensions("dirac_", tensor, (3, 4, 5))
    out, into, *kernel = tensor.shape
    if out % groups:
        raise ArgumentError("dirac_", f"{out} output channels in {groups} groups", "use a divisor of the first size")
    values = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in kernel)
    per_group = out // groups
    for group in range(groups):
        for i in range(min(per_group, into)):
            values[(group * per_group + i, i, *middle)] = 1
    return _write(tensor, values, "dirac_")


# -- by the number of connections -----------------------------------------------------------------------------------------


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from U(-a, a) with a = gain · sqrt(6 / (fan_in + fan_out)).

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    """
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from N(0, s²) with s = gain · sqrt(2 / (fan_in + fan_out)).

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def _is_empty(tensor: Tensor) -> bool:
    if tensor.numel() == 0:
        warn("kaiming", "there are no elements to draw", "give the tensor a size")
    return tensor.numel() == 0


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw from U(-b, b) with b = gain · sqrt(3 / fan); ``a`` is the negative slope of a leaky_relu.

    Source: K. He et al., "Delving deep into rectifiers" (2015), https://arxiv.org/abs/1502.01852
    """
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw from N(0, s²) with s = gain / sqrt(fan); ``a`` is the negative slope of a leaky_relu.

    Source: K. He et al., "Delving deep into rectifiers" (2015), https://arxiv.org/abs/1502.01852
    """
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Write a (semi-)orthogonal matrix drawn evenly from all: W Wᵀ = gain² I, or WᵀW for more rows than columns.

    Dimensions after the first count as columns. Raises ArgumentError for fewer than 2 dimensions.
    Source: A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"
    (2013), https://arxiv.org/abs/1312.6120
    """
    if tensor.ndim < 2:
        _check_dimensions("orthogonal_", tensor, (2, 3, 4, 5))
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    q, r = np.linalg.qr(_random("normal", (max(rows, columns), min(rows, columns)), generator))
    # Signs make the factorisation unique, without which Q would not be drawn evenly.
    q = q * np.sign(np.diagonal(r))
    return _write(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape), "orthogonal_")


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Draw from N(0, std²), with the share ``sparsity`` of each column set to 0.

    Source: J. Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    _check_dimensions("sparse_", tensor, (2,))
    rows, columns = tensor.shape
    values = _random("normal", (rows, columns), generator) * std
    order = _random("uniform", (rows, columns), generator).argsort(axis=0)
    values[order[: math.ceil(sparsity * rows)], np.arange(columns)] = 0
    return _write(tensor, values, "sparse_")


# -- PyTorch's old names ------------------------------------------------------------------------------------------------


def _renamed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function under its name without the underscore, which warns."""
    name = function.__name__

    @functools.wraps(function)
    def deprecated(*args: Any, **kwargs: Any) -> Any:
        warn(f"init.{name[:-1]}", "the name is deprecated", f"use init.{name}", DeprecationNotice)
        return function(*args, **kwargs)

    deprecated.__name__ = name[:-1]
    # PyTorch's own are (*args, **kwargs) as well.
    del deprecated.__wrapped__
    deprecated.__doc__ = f"Do as :func:`{name}`, with a warning: a deprecated name."
    return deprecated


constant = _renamed(constant_)
dirac = _renamed(dirac_)
eye = _renamed(eye_)
kaiming_normal = _renamed(kaiming_normal_)
kaiming_uniform = _renamed(kaiming_uniform_)
normal = _renamed(normal_)
orthogonal = _renamed(orthogonal_)
sparse = _renamed(sparse_)
uniform = _renamed(uniform_)
xavier_normal = _renamed(xavier_normal_)
xavier_uniform = _renamed(xavier_uniform_)
