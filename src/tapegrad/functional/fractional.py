"""Pooling over windows at pseudo-random places, so that the size shrinks by a factor that is no whole number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import DTypeError, OptionError, ShapeError
from .windows import check_images, per_dimension

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]


def _target(who: str, input: Tensor, n: int, output_size: Any, output_ratio: Any) -> tuple[int, ...]:
    if output_size is None and output_ratio is None:
        raise OptionError(who, "neither output_size nor output_ratio is given", "give one of them")
    if output_size is not None:
        return per_dimension(who, "output_size", output_size, n)
    ratios = tuple(output_ratio) if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
    if len(ratios) != n:
        raise OptionError(who, f"output_ratio is {output_ratio}", f"give one number, or {n}")
    return tuple(int(length * ratio) for length, ratio in zip(input.shape[-n:], ratios, strict=True))


def _starts(samples: Tensor, length: int, target: int, kernel: int) -> Tensor:
    """Return where the windows begin along a dimension, (N, C, target): steps of a + u, rounded down, and the end."""
    step = (length - kernel) / (target - 1) if target > 1 else 0.0
    place = wrap(np.arange(target, dtype=samples.dtype))
    shifted = ops.floor((place + samples.unsqueeze(-1)) * step) - ops.floor(samples * step).unsqueeze(-1)
    return ops.where(place == target - 1, float(length - kernel), shifted).long()


def _pool(
    n: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, random_samples: Tensor | None
) -> tuple[Tensor, Tensor]:
    who = f"fractional_max_pool{n}d"
    target = _target(who, input, n, output_size, output_ratio)
    kernel = per_dimension(who, "kernel_size", kernel_size, n)
    check_images(who, input, n)
    if not input.is_floating_point():
        raise DTypeError(who, f"the input has dtype {input.dtype}", "convert it with .float()")
    size = tuple(input.shape[-n:])
    # PyTorch wants one element more of volumes than of images.
    room = n - 2
    if 0 in input.shape[-n - 1 :] or any(t + k - 1 + room > m for t, k, m in zip(target, kernel, size, strict=True)):
        raise ShapeError(
            who,
            f"windows {kernel} for output {target} do not fit into an input of shape {tuple(input.shape)}",
            "use smaller windows or a smaller output",
        )
    images = input if input.ndim == n + 2 else input.unsqueeze(0)
    batch, channels = images.shape[:2]
    samples = _samples(who, random_samples, (batch, channels, n), images)
    # PyTorch gives an image's width the first number, and a volume's the last.
    order = range(n)[::-1] if n == 2 else range(n)
    flat = None
    for d, which in enumerate(order):
        places = _starts(samples[..., which], size[d], target[d], kernel[d]).unsqueeze(-1) + wrap(np.arange(kernel[d]))
        shape = [batch, channels, *(1,) * (2 * n)]
        shape[2 + d], shape[2 + n + d] = target[d], kernel[d]
        along = ops.reshape(places, shape=tuple(shape))
        flat = along if flat is None else flat * size[d] + along
    assert flat is not None
    number, taps = math.prod(target), math.prod(kernel)
    whole = ops.reshape(
        ops.expand(flat, shape=(batch, channels, *target, *kernel)), shape=(batch, channels, number, taps)
    )
    table = ops.reshape(images, shape=(batch, channels, math.prod(size)))
    values = ops.reshape(
        table.detach().gather(2, ops.reshape(whole, shape=(batch, channels, number * taps))), shape=tuple(whole.shape)
    )
    indices = whole.gather(3, values.argmax(-1, keepdim=True)).squeeze(-1)
    lead = tuple(input.shape[:-n])
    pooled = ops.reshape(table.gather(2, indices), shape=(*lead, *target))
    return pooled, ops.reshape(indices, shape=(*lead, *target))


def _samples(who: str, given: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return a number from [0, 1) for each image, channel and dimension."""
    if given is None:
        return ops.random_uniform(size=shape, dtype=like.dtype)
    if given.dtype != like.dtype:
        raise DTypeError(who, f"_random_samples has dtype {given.dtype}, the input {like.dtype}", "make them equal")
    if given.ndim != 3 or given.shape[0] < shape[0] or tuple(given.shape[1:]) != shape[1:]:
        raise ShapeError(who, f"_random_samples has shape {tuple(given.shape)}", f"give {shape}")
    return given[: shape[0]]


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what :func:`fractional_max_pool2d` does, and the positions of the largest elements in the flattened images."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the largest element of windows at pseudo-random places of images (N, C, H, W) or (C, H, W).

    The windows begin a random mixture of short and long steps apart, drawn for each image and channel; ``output_size``,
    or ``output_ratio`` of the input's size, says how many. ``_random_samples`` (N, C, 2) fixes them.
    Raises ShapeError, ArgumentError. Source: B. Graham, "Fractional Max-Pooling" (2014), https://arxiv.org/abs/1412.6071

    >>> import tapegrad as tg
    >>> tg.nn.functional.fractional_max_pool2d(tg.zeros(1, 3, 9, 9), 2, output_size=6).shape
    tapegrad.Size([1, 3, 6, 6])
    """
    values, indices = _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what :func:`fractional_max_pool3d` does, and the positions of the largest elements in the flattened volumes."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the largest element of windows at pseudo-random places of volumes, as :func:`fractional_max_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html
    """
    values, indices = _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values
