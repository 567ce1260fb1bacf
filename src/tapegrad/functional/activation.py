"""Activations. Softmax and its relatives, whose outputs are probabilities, are in ``probability``."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu3",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _apply(input: Tensor, inplace: bool, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the activation of a tensor, or write it into the tensor; its gradient may then need what was there."""
    return input.copy_(activation(ops.clone(input))) if inplace else activation(input)


# -- piecewise linear -------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element, or 0 where it is negative: max(x, 0). The gradient at 0 is 0.

    ``inplace``: overwrite the input. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else ops.relu(input)


def relu_(input: Tensor) -> Tensor:
    """In-place version of :func:`relu`."""
    return input.relu_()


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return each element, times ``negative_slope`` where it is negative: max(x, 0) + a · min(x, 0).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.leaky_relu(tg.tensor([-1.0, 2.0]), 0.25)
    tensor([-0.2500,  2.0000])
    """
    if negative_slope < 0:
        return _apply(input, inplace, lambda x: ops.where(x > 0, x, x * negative_slope))
    if inplace:
        return input.leaky_relu_(negative_slope)
    return ops.leaky_relu(input, negative_slope=negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place version of :func:`leaky_relu`."""
    return leaky_relu(input, negative_slope, True)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return each element, times a learned weight where it is negative: max(x, 0) + w · min(x, 0).

    ``weight``: one for all, or one for each channel, which is dimension 1 of the input (N, C, ...).
    Raises ShapeError when there are as many weights as no dimension 1 has, DTypeError for different dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.prelu(tg.tensor([[-1.0, -2.0]]), tg.tensor([0.5, 0.25]))
    tensor([[-0.5000, -0.5000]])
    """
    if weight.ndim > 1:
        raise ShapeError("prelu", f"argument 'weight' has shape {tuple(weight.shape)}", "give a vector")
    count = weight.numel()
    if count != 1:
        channels = input.shape[1] if input.ndim > 1 else input.ndim
        if count != channels:
            raise ShapeError(
                "prelu",
                f"{count} weights for an input of shape {tuple(input.shape)}, which has {channels} channels",
                f"use 1 weight or {channels}",
            )
        weight = ops.reshape(weight, shape=(count, *(1,) * (input.ndim - 2)))
    elif input.ndim == 0:
        weight = ops.reshape(weight, shape=())
    return ops.parametric_relu(input, weight)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Return each element, times a slope where it is not positive: drawn evenly from [lower, upper) in training, else their mean.

    Raises ArgumentError when ``lower`` is above ``upper``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.rrelu(tg.tensor([-1.0, 2.0]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    if not lower <= upper:
        raise OptionError("rrelu", f"lower={lower} is above upper={upper}", "swap them")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    slopes = ops.random_uniform(size=tuple(input.shape), low=float(lower), high=float(upper), dtype=input.dtype)
    return _apply(input, inplace, lambda x: ops.parametric_relu(x, slopes))


def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return rrelu(input, lower, upper, training, True)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, at least ``min_val`` and at most ``max_val``. The gradient at these is 0.

    Raises ArgumentError when ``min_val`` is above ``max_val``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardtanh(tg.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise OptionError("hardtanh", f"min_val={min_val} is above max_val={max_val}", "swap them")
    if inplace:
        return input.hardtanh_(min_val, max_val)
    return ops.hardtanh(input, min_val=min_val, max_val=max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place version of :func:`hardtanh`."""
    return hardtanh(input, min_val, max_val, True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element, at least 0 and at most 6.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.relu6.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.relu6(tg.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return a piecewise linear sigmoid of each element: min(max(x + 3, 0), 6) / 6.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardsigmoid.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardsigmoid(tg.tensor([-3.0, 0.0, 3.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _apply(input, inplace, lambda x: relu6(x + 3) / 6)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element times its :func:`hardsigmoid`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardswish(tg.tensor([-3.0, 0.0, 3.0]))
    tensor([-0., 0., 3.])
    """
    return _apply(input, inplace, lambda x: x * hardsigmoid(x))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return each element, or ``value`` where it is at most ``threshold``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.threshold(tg.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """
    return _apply(input, inplace, lambda x: ops.where(x <= threshold, value, x))


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place version of :func:`threshold`."""
    return input.copy_(ops.where(input <= threshold, value, input))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return each element, or 0 where its size is at most ``lambd``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardshrink.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardshrink(tg.tensor([-1.0, 0.5, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    return ops.where((input >= -lambd) & (input <= lambd), 0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return each element moved towards 0 by ``lambd``, or 0 where that would pass it.

    Raises ArgumentError for a negative ``lambd``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.softshrink(tg.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if not lambd >= 0:
        raise OptionError("softshrink", f"lambd is {lambd}", "use at least 0")
    return input - ops.clamp(input, -lambd, lambd)


# -- smooth -----------------------------------------------------------------------------------------------------------


def relu3(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the cube of each element, or 0 where it is negative: max(x, 0)³, twice continuously differentiable.

    Source: W. E, B. Yu, "The Deep Ritz Method" (2018), https://arxiv.org/abs/1710.00211

    >>> import tapegrad as tg
    >>> tg.nn.functional.relu3(tg.tensor([-1.0, 2.0]))
    tensor([0., 8.])
    """
    return _apply(input, inplace, ops.relu3)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, or α(eˣ - 1) where it is negative.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.elu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.elu(tg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _elu(input, inplace, alpha, 1.0, 1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`elu`."""
    return elu(input, alpha, True)


def _elu(input: Tensor, inplace: bool, alpha: float, scale: float, input_scale: float) -> Tensor:
    if alpha < 0:
        return _apply(
            input, inplace, lambda x: ops.where(x > 0, x, ops.expm1(ops.clamp(x, None, 0) * input_scale) * alpha)
        )
    if inplace:
        return input.elu_(alpha, scale, input_scale)
    return ops.elu(input, alpha=alpha, scale=scale, input_scale=input_scale)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return λ · :func:`elu` (x, α) with the α and λ that keep mean 0 and variance 1 from layer to layer.

    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515

    >>> import tapegrad as tg
    >>> tg.nn.functional.selu(tg.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _elu(input, inplace, _SELU_ALPHA, _SELU_SCALE, 1.0)


def selu_(input: Tensor) -> Tensor:
    """In-place version of :func:`selu`."""
    return selu(input, True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, or α(e^(x/α) - 1) where it is negative, so that the slope at 0 is 1 for every α.

    Raises ArgumentError for ``alpha=0``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.celu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.celu(tg.tensor([-1.0, 2.0]), 2.0)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise OptionError("celu", "alpha is 0, and x is divided by it", "use a positive number")
    return _elu(input, inplace, alpha, 1.0, 1 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`celu`."""
    return celu(input, alpha, True)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return each element times the probability that a standard normal variable is below it: x · Φ(x).

    ``approximate="tanh"``: x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Raises ArgumentError for another word.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.gelu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise OptionError("gelu", f"approximate is '{approximate}'", "use 'none' or 'tanh'")
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element times its logistic function: x · σ(x), also called swish.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.silu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.silu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    return _apply(input, inplace, lambda x: x * ops.sigmoid(x))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x · tanh(softplus(x)) for each element.

    Source: D. Misra, "Mish" (2019), https://arxiv.org/abs/1908.08681

    >>> import tapegrad as tg
    >>> tg.nn.functional.mish(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.3034,  0.0000,  0.8651])
    """
    return _apply(input, inplace, lambda x: x * ops.tanh(ops.softplus(x)))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ln(1 + e^(βx)) / β for each element, and x itself where βx is above ``threshold``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.softplus(tg.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """
    return ops.softplus(input, beta=beta, threshold=threshold)


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|) for each element.

    >>> import tapegrad as tg
    >>> tg.nn.functional.softsign(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (ops.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x) for each element.

    >>> import tapegrad as tg
    >>> tg.nn.functional.tanhshrink(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return input - ops.tanh(input)


def logsigmoid(input: Tensor) -> Tensor:
    """Return ln σ(x) for each element, exact where σ(x) underflows to 0.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.logsigmoid(tg.tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    return ops.logsigmoid(input)


def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + e⁻ˣ) for each element: :func:`tapegrad.sigmoid`."""
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element: :func:`tapegrad.tanh`."""
    return ops.tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return the first half of a dimension times the logistic function of the second: a · σ(b).

    Raises ShapeError when the dimension cannot be halved.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.glu.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.glu(tg.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    if input.ndim == 0:
        raise ShapeError("glu", "a 0-d tensor cannot be halved", "give it a dimension of even size")
    size = input.size(dim)
    if size % 2:
        raise ShapeError("glu", f"dimension {dim} of shape {tuple(input.shape)} is odd", "make it even")
    return input.narrow(dim, 0, size // 2) * ops.sigmoid(input.narrow(dim, size // 2, size // 2))
