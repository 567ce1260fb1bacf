"""Convolution and transposed convolution of 1-, 2- and 3-dimensional images with channels."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError
from .windows import check_images, per_dimension

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _same_padding(kernel: tuple, dilation: tuple) -> tuple:
    """Return the padding that makes the result as large as the input; an odd one is larger at the end."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in totals)


def _padding_pairs(who: str, padding: Any, stride: tuple, kernel: tuple, dilation: tuple) -> tuple:
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ShapeError(who, f"padding='same' with stride {stride}", "use stride 1, or numbers of padding")
        return _same_padding(kernel, dilation)
    if isinstance(padding, str):
        raise OptionError(who, f"padding is '{padding}'", "use 'same', 'valid' or numbers")
    return tuple((p, p) for p in per_dimension(who, "padding", padding, len(kernel), least=0))


def _check_ranks(who: str, input: Tensor, weight: Tensor, n: int) -> None:
    if weight.ndim != n + 2:
        raise ShapeError(who, f"the weight has shape {tuple(weight.shape)}", f"it should have {n + 2} dimensions")
    check_images(who, input, n)


def _check_bias(who: str, bias: Tensor | None, channels: int, weight: Tensor) -> None:
    if bias is not None and tuple(bias.shape) != (channels,):
        raise ShapeError(
            who,
            f"the bias has shape {tuple(bias.shape)}, the weight {tuple(weight.shape)}",
            f"give a bias of shape ({channels},)",
        )


def _check_channels(who: str, input: Tensor, weight: Tensor, wanted: int, n: int, groups: int) -> None:
    channels = input.shape[-n - 1]
    if channels != wanted:
        raise ShapeError(
            who,
            f"the input of shape {tuple(input.shape)} has {channels} channels, "
            f"the weight of shape {tuple(weight.shape)} with groups={groups} wants {wanted}",
            f"give an input with {wanted} channels, or make the layer with in_channels={channels}",
        )


def _check_groups(who: str, groups: int, outputs: int) -> None:
    if groups < 1 or outputs % groups:
        raise ShapeError(who, f"{outputs} channels in {groups} groups", "use groups that divide the channels")


def _conv(
    n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    who = f"conv{n}d"
    _check_ranks(who, input, weight, n)
    _check_groups(who, groups, weight.shape[0])
    _check_channels(who, input, weight, weight.shape[1] * groups, n, groups)
    _check_bias(who, bias, weight.shape[0], weight)
    kernel = tuple(weight.shape[2:])
    stride = per_dimension(who, "stride", stride, n)
    dilation = per_dimension(who, "dilation", dilation, n)
    pairs = _padding_pairs(who, padding, stride, kernel, dilation)
    _check_kernel(who, input, kernel, pairs, dilation)
    batch = input if input.ndim == n + 2 else ops.reshape(input, shape=(1, *input.shape))
    out = ops.conv(batch, weight, bias, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return out if batch is input else ops.reshape(out, shape=out.shape[1:])


def _check_kernel(who: str, input: Tensor, kernel: tuple, padding: tuple, dilation: tuple) -> None:
    n = len(kernel)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    padded = tuple(size + a + b for size, (a, b) in zip(input.shape[-n:], padding, strict=True))
    if any(span > size for span, size in zip(spans, padded, strict=True)):
        raise ShapeError(
            who,
            f"the kernel spans {spans}, but the padded input is only {padded} (input of shape {tuple(input.shape)})",
            f"use a smaller kernel, more padding, or an input of at least {spans}",
        )


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    r"""Return the convolution of signals: :math:`y_{o,i} = b_o + \sum_{c,k} w_{o,c,k} \, x_{c,\, s i + d k - p}`.

    Shapes: input (N, C, L) or (C, L), weight (O, C / groups, K), bias (O); result (N, O, L'), with
    L' = ⌊(L + 2 p - d (K - 1) - 1) / s⌋ + 1. ``padding`` also takes ``"same"`` and ``"valid"``.
    Raises ShapeError, with the number that would fit, ArgumentError for an unknown word of padding.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv1d(tg.tensor([[1.0, 2.0, 4.0]]), tg.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2.]])
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of images, as :func:`conv1d` along both dimensions.

    Shapes: input (N, C, H, W) or (C, H, W), weight (O, C / groups, KH, KW), bias (O); result (N, O, H', W').
    ``stride``, ``padding`` and ``dilation`` are numbers or pairs.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html

    >>> import tapegrad as tg
    >>> image = tg.arange(9.0).reshape(1, 3, 3)
    >>> tg.nn.functional.conv2d(image, tg.ones(1, 1, 2, 2))
    tensor([[[ 8., 12.],
             [20., 24.]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of volumes, as :func:`conv1d` along three dimensions.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW); result (N, O, D', H', W').
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv3d(tg.ones(1, 1, 4, 4, 4), tg.ones(2, 1, 3, 3, 3), stride=(1, 2, 1)).shape
    tapegrad.Size([1, 2, 2, 1, 2])
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


# -- transposed ---------------------------------------------------------------------------------------------------------


def _conv_transpose(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    who = f"conv_transpose{n}d"
    _check_ranks(who, input, weight, n)
    _check_groups(who, groups, weight.shape[0])
    _check_channels(who, input, weight, weight.shape[0], n, groups)
    _check_bias(who, bias, weight.shape[1] * groups, weight)
    stride = per_dimension(who, "stride", stride, n)
    dilation = per_dimension(who, "dilation", dilation, n)
    padding = per_dimension(who, "padding", padding, n, least=0)
    extra = per_dimension(who, "output_padding", output_padding, n, least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ShapeError(
            who,
            f"output_padding {extra} with stride {stride} and dilation {dilation}",
            "use an output_padding below the stride or the dilation",
        )
    size = tuple(
        (o - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for o, s, p, d, k, e in zip(input.shape[-n:], stride, padding, dilation, weight.shape[2:], extra, strict=True)
    )
    if any(length < 1 for length in size):
        raise ShapeError(
            who, f"an input of shape {tuple(input.shape)} gives a result of size {size}", "use less padding"
        )
    batch = input if input.ndim == n + 2 else ops.reshape(input, shape=(1, *input.shape))
    # The convolution whose adjoint this is: what output_padding adds at the end, its windows do not reach.
    pairs = tuple((p, p - e) for p, e in zip(padding, extra, strict=True))
    out = ops.conv_transpose(
        batch, weight, bias, size=size, stride=stride, padding=pairs, dilation=dilation, groups=groups
    )
    return out if batch is input else ops.reshape(out, shape=out.shape[1:])


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    r"""Return the transposed convolution of signals, which spreads each element over a window of the result.

    It is the gradient of :func:`conv1d` in its input: :math:`y_{c,j} = b_c + \sum_{s i + d k - p = j} w_{o,c,k} x_{o,i}`.
    Shapes: input (N, O, L) or (O, L), weight (O, C / groups, K), bias (C); result (N, C, L'), with
    L' = (L - 1) s - 2 p + d (K - 1) + output_padding + 1. Raises ShapeError as :func:`conv1d`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv_transpose1d(tg.tensor([[1.0, 10.0]]), tg.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[ 1., 12., 23., 30.]])
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of images, as :func:`conv_transpose1d` along both dimensions.

    Shapes: input (N, O, H, W) or (O, H, W), weight (O, C / groups, KH, KW), bias (C); result (N, C, H', W').
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv_transpose2d(tg.ones(1, 3, 7, 7), tg.ones(3, 8, 2, 2), stride=2).shape
    tapegrad.Size([1, 8, 14, 14])
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of volumes, as :func:`conv_transpose1d` along three dimensions.

    Shapes: input (N, O, D, H, W) or (O, D, H, W), weight (O, C / groups, KD, KH, KW); result (N, C, D', H', W').
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv_transpose3d(tg.ones(1, 2, 2, 2, 2), tg.ones(2, 1, 2, 2, 2), stride=2).shape
    tapegrad.Size([1, 1, 4, 4, 4])
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)
