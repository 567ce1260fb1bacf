"""Normalisation over a batch, a layer, groups of channels, single channels, or neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Tensor, no_grad, ops
from ..errors import ArgumentError, DTypeError, OptionError, ShapeError
from ..ops.pad import pad

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


# -- scale and shift ----------------------------------------------------------------------------------------------------


def _check_channels(who: str, input: Tensor, **tensors: Tensor | None) -> int:
    """Return the number of channels; raises an error when the input or a tensor per channel cannot be used."""
    if input.ndim < 2:
        raise ShapeError(who, f"an input of shape {tuple(input.shape)} has no channels", "give (N, C, ...)")
    if input.dtype.kind != "f":
        raise DTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
    channels = input.shape[1]
    for name, t in tensors.items():
        if t is not None and t.shape != (channels,):
            raise ShapeError(
                who,
                f"{name} of shape {tuple(t.shape)} should contain {channels} elements",
                f"the input has {channels} channels (dimension 1): give {name} the shape ({channels},)",
            )
    return channels


def _beside(t: Tensor | None, input: Tensor) -> Tensor | None:
    """Return numbers per channel in a shape that stretches along an input (N, C, ...)."""
    return t if t is None or input.ndim == 2 else ops.reshape(t, shape=(-1, *(1,) * (input.ndim - 2)))


def _scaled(standard: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return the scaled and shifted tensor; the rule of ``standardize`` keeps its output, so that is never handed out."""
    if weight is None and bias is None and not standard.requires_grad:
        return standard
    return ops.affine(standard, weight, bias)


def _per_channel(standard: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    return _scaled(standard, _beside(weight, standard), _beside(bias, standard))


# -- running statistics -------------------------------------------------------------------------------------------------


def _update(running: Tensor | None, value: Tensor, momentum: Any) -> None:
    """Move a running statistic towards the value of this batch, in place."""
    if running is not None:
        running.mul_(1 - momentum).add_(value * momentum)


def _with_running(input: Tensor, mean: Tensor, var: Tensor, weight: Any, bias: Any, eps: float) -> Tensor:
    """Return the input normalised by given statistics, as one scale and one shift per channel."""
    scale = ops.rsqrt((var.to(np.float32) if var.dtype == np.float16 else var) + eps)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return _per_channel(input, scale.to(input.dtype), shift.to(input.dtype))


def _of_nothing(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return a copy of an input without elements, on the graph of weight and bias; no statistics are kept of it."""
    out = ops.clone(input)
    for parameter, joined in ((weight, ops.mul), (bias, ops.add)):
        if parameter is not None and parameter.array.size:
            out = joined(out, parameter[0])
    return out


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    r"""Return each channel (dimension 1) of ``input`` (N, C, ...) brought to mean 0 and variance 1, scaled and shifted.

    Formula: :math:`y = w (x - \mu) / \sqrt{\sigma^2 + \epsilon} + b`. In ``training`` mean and (biased) variance are
    the batch's, and the running ones, if given, become (1 - momentum) · old + momentum · batch, in place, where the
    variance is the unbiased one. Otherwise mean and variance are the running ones.
    Raises ArgumentError for one value per channel in training, ShapeError for running statistics, weight or bias of
    another shape than (C,), and for their absence when not in training.
    Source: S. Ioffe and C. Szegedy (2015), https://arxiv.org/abs/1502.03167

    >>> import tapegrad as tg
    >>> tg.nn.functional.batch_norm(tg.tensor([[1.0, 10.0], [3.0, 30.0]]), None, None, training=True)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """
    if eps < 0 or (training and eps == 0):
        raise OptionError("batch_norm", f"eps is {eps}", "use a positive number")
    if not input.array.size and input.dtype.kind == "f":
        return _of_nothing(input, weight, bias)
    tensors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    channels = _check_channels("batch_norm", input, **tensors)
    if not training:
        if running_mean is None or running_var is None:
            raise ShapeError(
                "batch_norm", "running_mean and running_var must be defined in evaluation mode", "use training=True"
            )
        return _with_running(input, running_mean, running_var, weight, bias, eps)
    count = math.prod(input.shape) // (channels or 1)
    if count == 1:
        raise ArgumentError(
            "batch_norm",
            f"Expected more than 1 value per channel when training, got input size {tuple(input.shape)}",
            "use a larger batch, drop_last=True in the DataLoader, or eval()",
        )
    standard, mean, var = ops.standardize(input, dim=(0, *range(2, input.ndim)), eps=eps)
    with no_grad():
        _update(running_mean, ops.reshape(mean, shape=(channels,)), momentum)
        _update(running_var, ops.reshape(var, shape=(channels,)) * (count / max(count - 1, 1)), momentum)
    return _per_channel(standard, weight, bias)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return each channel of each sample of ``input`` (N, C, ...) brought to mean 0 and variance 1, scaled and shifted.

    Formula and arguments as in :func:`batch_norm`; the running statistics take the samples' mean. Without
    ``use_input_stats`` it is the same as that in evaluation.
    Raises ArgumentError for a single spatial element, ShapeError for shapes other than (C,).
    Source: D. Ulyanov et al. (2016), https://arxiv.org/abs/1607.08022

    >>> import tapegrad as tg
    >>> tg.nn.functional.instance_norm(tg.tensor([[[1.0, 3.0], [5.0, 5.0]]]))
    tensor([[[-1.0000,  1.0000],
             [ 0.0000,  0.0000]]])
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ShapeError(
                "instance_norm",
                "Expected running_mean and running_var to be defined when use_input_stats is false",
                "use use_input_stats=True",
            )
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(input.shape[2:])
    if input.ndim < 3 or count == 1:
        raise ArgumentError(
            "instance_norm",
            f"Expected more than 1 spatial element when training, got input size {tuple(input.shape)}",
            "give (N, C, L), (N, C, H, W) ... with more than one element per channel",
        )
    tensors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_channels("instance_norm", input, **tensors)
    spatial = tuple(range(2, input.ndim))
    standard, mean, var = ops.standardize(input, dim=spatial, eps=eps)
    if input.shape[0]:
        with no_grad():
            _update(running_mean, ops.mean(mean, dim=(0, *spatial)), momentum)
            _update(running_var, ops.mean(var, dim=(0, *spatial)) * (count / max(count - 1, 1)), momentum)
    return _per_channel(standard, weight, bias)


# -- within a sample ----------------------------------------------------------------------------------------------------


def _trailing(who: str, input: Tensor, normalized_shape: Any, **tensors: Tensor | None) -> tuple[int, ...]:
    """Return the dimensions that a shape names, counted from the end; raises ShapeError when anything does not fit."""
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not wanted:
        raise ShapeError(who, "normalized_shape is empty", "name at least one dimension")
    for name, t in tensors.items():
        if t is not None and t.shape != wanted:
            raise ShapeError(
                who,
                f"Expected {name} to be of same shape as normalized_shape, but got {tuple(t.shape)} and {wanted}",
                "make them equal",
            )
    if tuple(input.shape[-len(wanted) :]) != wanted:
        raise ShapeError(
            who,
            f"Given normalized_shape={list(wanted)}, expected input with shape [*, {', '.join(map(str, wanted))}], "
            f"but got input of size {list(input.shape)}",
            f"normalized_shape={list(input.shape[-len(wanted) :])} would fit",
        )
    return tuple(range(-len(wanted), 0))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    r"""Return the input with its last dimensions, of shape ``normalized_shape``, brought to mean 0 and variance 1 together.

    Formula: :math:`y = w (x - \mu) / \sqrt{\sigma^2 + \epsilon} + b`; weight and bias have shape ``normalized_shape``.
    Raises ShapeError when shapes do not fit.
    Source: J. L. Ba et al. (2016), https://arxiv.org/abs/1607.06450

    >>> import tapegrad as tg
    >>> tg.nn.functional.layer_norm(tg.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    dim = _trailing("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return _scaled(ops.standardize(input, dim=dim, eps=eps)[0], weight, bias)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    r"""Return the input divided by the root mean square of its last dimensions, of shape ``normalized_shape``.

    Formula: :math:`y = w x / \sqrt{\overline{x^2} + \epsilon}`. ``eps`` None is the dtype's distance from 1 to the next
    number (that of float32 for float16). Raises ShapeError when shapes do not fit.
    Source: B. Zhang and R. Sennrich (2019), https://arxiv.org/abs/1910.07467

    >>> import tapegrad as tg
    >>> tg.nn.functional.rms_norm(tg.tensor([3.0, 4.0]), (2,))
    tensor([0.8485, 1.1314])
    """
    dim = _trailing("rms_norm", input, normalized_shape, weight=weight)
    x = input.to(np.float32) if input.dtype == np.float16 else input
    smallest = float(np.finfo(x.dtype).eps) if eps is None else eps
    scaled = x * ops.rsqrt(ops.mean(ops.square(x), dim=dim, keepdim=True) + smallest)
    scaled = scaled.to(input.dtype)
    return scaled if weight is None else ops.affine(scaled, weight, None)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    r"""Return ``input`` (N, C, ...) with each of ``num_groups`` groups of channels brought to mean 0 and variance 1.

    Formula: :math:`y = w (x - \mu) / \sqrt{\sigma^2 + \epsilon} + b`; weight and bias have shape (C,).
    Raises ShapeError when shapes do not fit or the channels do not divide into groups, ArgumentError for groups of one
    value in a batch of one. Source: Y. Wu and K. He (2018), https://arxiv.org/abs/1803.08494

    >>> import tapegrad as tg
    >>> tg.nn.functional.group_norm(tg.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    shape, channels = tuple(input.shape), _check_channels("group_norm", input, weight=weight, bias=bias)
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(
            "group_norm",
            "Expected number of channels in input to be divisible by num_groups, "
            f"but got input of shape {list(shape)} and num_groups={num_groups}",
            f"use a divisor of {channels}",
        )
    size = math.prod(shape[1:]) // num_groups
    if shape[0] * size == 1:
        raise ArgumentError(
            "group_norm",
            f"Expected more than 1 value per channel when training, got input size {list(shape)}",
            "use fewer groups",
        )
    groups = ops.reshape(input, shape=(shape[0], num_groups, size))
    standard = ops.standardize(groups, dim=(2,), eps=eps)[0]
    return _per_channel(ops.reshape(standard, shape=shape), weight, bias)


# -- across channels ----------------------------------------------------------------------------------------------------


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    r"""Return ``input`` (N, C, ...) divided by a power of the mean square over ``size`` neighbouring channels.

    Formula: :math:`y = x / (k + \alpha \overline{x^2})^\beta`, where channels outside count as 0.
    Raises ArgumentError for less than three dimensions or a size below 1.
    Source: A. Krizhevsky et al. (2012), https://papers.nips.cc/paper/4824; PyTorch divides by ``size`` as here

    >>> import tapegrad as tg
    >>> tg.nn.functional.local_response_norm(tg.ones(1, 2, 1), 2, alpha=2.0, beta=1.0)
    tensor([[[0.5000],
             [0.3333]]])
    """
    if input.ndim < 3:
        raise ArgumentError(
            "local_response_norm",
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)",
            "give (N, C, L), (N, C, H, W) ...",
        )
    if size < 1:
        raise ArgumentError("local_response_norm", f"size is {size}", "use at least 1")
    squares = pad(ops.square(input), [0, 0] * (input.ndim - 2) + [size // 2, (size - 1) // 2])
    windows = ops.windows(squares, dimension=1, size=size, step=1)
    # Sums of integers are divided without a rest, as in PyTorch's average pooling.
    near = ops.mean(windows, dim=-1) if input.dtype.kind == "f" else ops.trunc(ops.sum(windows, dim=-1) / size)
    return input / (near * alpha + k) ** beta
