"""Pooling over 1, 2 and 3 dimensions. Pooling to a given size is in ``adaptive``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, ops
from ..errors import IndexRangeError, ShapeError
from ..ops.creation import zeros
from ..ops.sliding import pooled_counts
from .windows import check_floating, check_images, per_dimension

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


def _window(
    who: str,
    input: Tensor,
    n: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool = False,
) -> dict:
    """Return the keywords of a pooling primitive, checked. No stride stands for the kernel's size."""
    check_images(who, input, n)
    kernel = per_dimension(who, "kernel_size", kernel_size, n)
    stride = kernel if stride is None or stride == [] or stride == () else per_dimension(who, "stride", stride, n)
    padding = per_dimension(who, "padding", padding, n, least=0)
    dilation = per_dimension(who, "dilation", dilation, n)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(2 * p > span for p, span in zip(padding, spans, strict=True)):
        raise ShapeError(
            who, f"padding {padding} with windows that span {spans}", "use at most half of a window's span"
        )
    if 0 in input.shape[-n - 1 :]:
        raise ShapeError(
            who,
            f"the input has shape {tuple(input.shape)}",
            "only a batch may have no elements: give channels and sizes",
        )
    size = tuple(input.shape[-n:])
    if min(pooled_counts(size, kernel, stride, padding, dilation, ceil_mode)) < 1:
        raise ShapeError(
            who,
            f"windows that span {spans} do not fit into an input of shape {tuple(input.shape)} with padding {padding}",
            f"use smaller windows, or an input of at least {spans}",
        )
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}


# -- the largest element ------------------------------------------------------------------------------------------------


def _check_seeing(who: str, size: tuple, kernel_size: tuple, stride: tuple, padding: tuple, dilation: tuple) -> None:
    """Raise ShapeError when all elements of a window lie in the padding, which dilation makes possible."""
    for n, k, s, p, d in zip(size, kernel_size, stride, padding, dilation, strict=True):
        starts = range(-p, 0, s) if d > 1 else ()
        if any(all(not 0 <= start + j * d < n for j in range(k)) for start in starts):
            raise ShapeError(
                who,
                f"a window sees nothing but padding: kernel_size={kernel_size}, stride={stride}, padding={padding}, "
                f"dilation={dilation} over size {size}",
                "use less padding",
            )


def _max_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    window = _window(f"max_pool{n}d", input, n, kernel_size, stride, padding, dilation, ceil_mode)
    _check_seeing(f"max_pool{n}d", tuple(input.shape[-n:]), **window)
    values = ops.max_pool(input, ceil_mode=bool(ceil_mode), **window)
    return (values, ops.window_argmax(input, values, **window)) if return_indices else values


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    r"""Return the largest element of every window: :math:`y_i = \max_k x_{s i + d k - p}`.

    Shapes: input (N, C, L) or (C, L), of floats or integers; result (N, C, L'), with
    L' = ⌊(L + 2 p - d (K - 1) - 1) / s⌋ + 1, or ⌈⌉ with ``ceil_mode`` unless that window would begin in the last padding.
    ``stride`` is the kernel's size unless given. What is padded never is the largest. The gradient goes to the first
    of equal elements. ``return_indices`` gives a pair with their positions (int64), as :func:`max_unpool1d` takes them.
    Raises ShapeError for windows that do not fit, or padding of more than half a window.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.max_pool1d(tg.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
    tensor([[5., 3.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of every window of images (N, C, H, W) or (C, H, W), as :func:`max_pool1d`.

    Positions count through the flattened image, row by row.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import tapegrad as tg
    >>> image = tg.arange(16.0).reshape(1, 4, 4)
    >>> tg.nn.functional.max_pool2d(image, 2, return_indices=True)
    (tensor([[[ 5.,  7.],
              [13., 15.]]]), tensor([[[ 5,  7],
                       [13, 15]]]))
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of every window of volumes (N, C, D, H, W) or (C, D, H, W), as :func:`max_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


# -- the average --------------------------------------------------------------------------------------------------------


def _avg_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    who = f"avg_pool{n}d"
    if input.dtype == np.int64:
        # Sums of int64 are divided without a rest, as in PyTorch.
        exact = input.to(np.dtype(np.float64))
        means = _avg_pool(n, exact, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return ops.trunc(means).to(input.dtype)
    check_floating(who, input)
    window = _window(who, input, n, kernel_size, stride, padding, 1, ceil_mode)
    del window["dilation"]
    if divisor_override == 0:
        raise ShapeError(who, "divisor_override is 0", "use another number, or None for the size of the window")
    return ops.avg_pool(
        input,
        ceil_mode=bool(ceil_mode),
        count_include_pad=bool(count_include_pad),
        divisor_override=divisor_override,
        **window,
    )


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    r"""Return the average of every window: :math:`y_i = \frac{1}{n_i} \sum_k x_{s i + k - p}`.

    Shapes as in :func:`max_pool1d`. n is the number of elements in the window, with those of the padding unless
    ``count_include_pad`` is False; what sticks out with ``ceil_mode`` never counts.
    Raises ShapeError for windows that do not fit or padding of more than half a window, DTypeError for integers.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.avg_pool1d(tg.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
    tensor([[3.0000, 2.5000]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of every window of images (N, C, H, W) or (C, H, W), as :func:`avg_pool1d`.

    ``divisor_override``: divide the sums by this number instead.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.avg_pool2d(tg.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of every window of volumes (N, C, D, H, W) or (C, D, H, W), as :func:`avg_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(n: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    kernel = per_dimension(f"lp_pool{n}d", "kernel_size", kernel_size, n)
    means = _avg_pool(n, input**norm_type, kernel, stride, 0, ceil_mode, True)
    return (ops.sign(means) * ops.relu(ops.abs(means)) * math.prod(kernel)) ** (1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    r"""Return the p-norm of every window: :math:`(\sum_k x_{s i + k}^p)^{1/p}`, with p = ``norm_type``.

    Shapes as in :func:`max_pool1d`. The gradient is nan where a sum is 0 (and nan is the root of a negative one).
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.lp_pool1d(tg.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Return the p-norm of every window of images, as :func:`lp_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Return the p-norm of every window of volumes, as :func:`lp_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


# -- back from the largest element --------------------------------------------------------------------------------------


def _unpooled_size(who: str, input: Tensor, n: int, window: dict, output_size: Any) -> tuple[int, ...]:
    usual = tuple(
        (length - 1) * s - 2 * p + k
        for length, k, s, p in zip(
            input.shape[-n:], window["kernel_size"], window["stride"], window["padding"], strict=True
        )
    )
    if output_size is None:
        return usual
    size = tuple(output_size)[-n:]
    if len(size) != n or any(abs(a - b) >= s for a, b, s in zip(size, usual, window["stride"], strict=True)):
        raise ShapeError(
            who, f"output_size {tuple(output_size)}, where {usual} is usual", "stay within one stride of it"
        )
    return size


def _max_unpool(
    n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    who = f"max_unpool{n}d"
    check_images(who, input, n)
    if indices.shape != input.shape:
        raise ShapeError(
            who,
            f"the input has shape {tuple(input.shape)}, the indices {tuple(indices.shape)}",
            "pass both as max_pool returned them",
        )
    kernel = per_dimension(who, "kernel_size", kernel_size, n)
    window = {
        "kernel_size": kernel,
        "stride": kernel if stride is None else per_dimension(who, "stride", stride, n),
        "padding": per_dimension(who, "padding", padding, n, least=0),
    }
    size = _unpooled_size(who, input, n, window, output_size)
    lead, number = tuple(input.shape[:-n]), math.prod(input.shape[-n:])
    flat = ops.reshape(indices, shape=(*lead, number))
    if indices.numel() and not 0 <= int(flat.min().item()) <= int(flat.max().item()) < math.prod(size):
        raise IndexRangeError(
            who, f"indices up to {int(flat.max().item())} in an output of size {size}", "give the output_size"
        )
    empty = zeros(*lead, math.prod(size), dtype=input.dtype)
    return ops.reshape(empty.scatter(-1, flat, ops.reshape(input, shape=(*lead, number))), shape=(*lead, *size))


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Return zeros with the elements at the positions that :func:`max_pool1d` returned.

    The result's length is (L - 1) s - 2 p + K, or ``output_size``, which may differ from it by less than the stride.
    Raises ShapeError for other sizes, IndexRangeError for a position outside the result.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.max_unpool1d(tg.tensor([[5.0, 3.0]]), tg.tensor([[1, 3]]), 2)
    tensor([[0., 5., 0., 3.]])
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Return zeros with the elements at the positions that :func:`max_pool2d` returned, as :func:`max_unpool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Return zeros with the elements at the positions that :func:`max_pool3d` returned, as :func:`max_unpool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
