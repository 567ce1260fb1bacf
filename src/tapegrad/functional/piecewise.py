"""Activations made of straight pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core import Tensor, ops
from ..errors import DTypeError, OptionError, ShapeError
from .windows import check_floating

__all__ = [
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "softshrink",
    "threshold",
    "threshold_",
]


def apply_activation(input: Tensor, inplace: bool, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the activation of a tensor, or write it into the tensor; its gradient may then need what was there."""
    return input.copy_(activation(ops.clone(input))) if inplace else activation(input)


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
    check_floating("leaky_relu", input)
    if negative_slope < 0:
        return apply_activation(input, inplace, lambda x: ops.where(x > 0, x, x * negative_slope))
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
    return apply_activation(input, inplace, lambda x: ops.parametric_relu(x, slopes))


def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return rrelu(input, lower, upper, training, True)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element, at least ``min_val`` and at most ``max_val``. The gradient at these is 0.

    Integers keep their dtype, and the limits lose their fractions. Raises ArgumentError when ``min_val`` is above
    ``max_val``, DTypeError for booleans, and for a negative limit of numbers without a sign.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardtanh(tg.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise OptionError("hardtanh", f"min_val={min_val} is above max_val={max_val}", "swap them")
    if input.dtype.kind in "iub":
        min_val, max_val = _whole_limits(input, min_val, max_val)
    if inplace:
        return input.hardtanh_(min_val, max_val)
    return ops.hardtanh(input, min_val=min_val, max_val=max_val)


def _whole_limits(input: Tensor, low: float, high: float) -> tuple[int, int]:
    """Return limits as integers of the input's dtype."""
    if input.dtype.kind == "b":
        raise DTypeError("hardtanh", "the input has dtype bool", "convert it with .float()")
    if input.dtype.kind == "u" and min(low, high) < 0:
        raise DTypeError("hardtanh", f"limits {low} and {high} for dtype {input.dtype}", "use limits from 0")
    info = np.iinfo(input.dtype)
    return int(max(low, info.min)), int(min(high, info.max))


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
    check_floating("hardsigmoid", input)
    return apply_activation(input, inplace, lambda x: relu6(x + 3) / 6)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return each element times its :func:`hardsigmoid`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hardswish(tg.tensor([-3.0, 0.0, 3.0]))
    tensor([-0., 0., 3.])
    """
    check_floating("hardswish", input)
    return apply_activation(input, inplace, lambda x: x * hardsigmoid(x))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return each element, or ``value`` where it is at most ``threshold``.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.threshold(tg.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """
    return apply_activation(input, inplace, lambda x: ops.where(x <= threshold, value, x))


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
    check_floating("hardshrink", input)
    return ops.where((input >= -lambd) & (input <= lambd), 0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return each element moved towards 0 by ``lambd``, or 0 where that would pass it.

    Raises ArgumentError for a negative ``lambd``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.softshrink(tg.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    check_floating("softshrink", input)
    if not lambd >= 0:
        raise OptionError("softshrink", f"lambd is {lambd}", "use at least 0")
    return input - ops.clamp(input, -lambd, lambd)
