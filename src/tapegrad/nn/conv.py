"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Parameter, Tensor
from ..errors import ArgumentError, ShapeError, did_you_mean
from ..functional.windows import per_dimension
from . import init
from .module import Module
from .running import filled

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolution layers share: arguments, parameters and how they begin, printing."""

    dimensions = 0

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        self._check_channels(who, in_channels, out_channels, groups)
        if padding_mode not in _PADDING_MODES:
            raise ArgumentError(
                who, f"padding_mode is '{padding_mode}'", did_you_mean(str(padding_mode), _PADDING_MODES)
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dimension(who, "kernel_size", kernel_size, self.dimensions)
        self.stride = per_dimension(who, "stride", stride, self.dimensions)
        self.padding = self._checked_padding(who, padding)
        self.output_padding = per_dimension(who, "output_padding", output_padding, self.dimensions, least=0)
        self.dilation = per_dimension(who, "dilation", dilation, self.dimensions)
        self.transposed = transposed
        self.groups = groups
        self.padding_mode = padding_mode
        rows, columns = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(filled((rows, columns // groups, *self.kernel_size), 0.0, device, dtype))
        self.register_parameter("bias", Parameter(filled((out_channels,), 0.0, device, dtype)) if bias else None)
        self.reset_parameters()

    @staticmethod
    def _check_channels(who: str, in_channels: int, out_channels: int, groups: int) -> None:
        if groups < 1:
            raise ArgumentError(who, f"groups is {groups}", "use at least 1")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels < 0 or channels % groups:
                raise ArgumentError(who, f"{name}={channels} with groups={groups}", "use a multiple of the groups")

    def _checked_padding(self, who: str, padding: Any) -> Any:
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ArgumentError(who, f"padding='same' with stride {self.stride}", "use stride 1, or numbers of padding")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ArgumentError(who, f"padding is '{padding}'", "use 'same', 'valid' or numbers")
        return padding if isinstance(padding, str) else per_dimension(who, "padding", padding, self.dimensions, least=0)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        fan_in = math.prod(self.weight.shape[1:])
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        ones, zeros = (1,) * self.dimensions, (0,) * self.dimensions
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        parts += [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Forward(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            False,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _border(self) -> list[int]:
        """Return the padding as ``functional.pad`` takes it: the last dimension first."""
        if self.padding == "valid":
            return [0, 0] * self.dimensions
        if self.padding == "same":
            totals = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            return [n for total in reversed(totals) for n in (total // 2, total - total // 2)]
        return [p for p in reversed(self.padding) for _ in range(2)]

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the convolution with another weight and bias, which subclasses may give."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._border(), mode=self.padding_mode)
            padding = 0
        conv = getattr(F, f"conv{self.dimensions}d")
        return conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Forward):
    r"""Convolution of signals: (N, C, L) to (N, O, L'), with L' = ⌊(L + 2 p - d (K - 1) - 1) / s⌋ + 1.

    :math:`y_{o,i} = b_o + \sum_{c,k} w_{o,c,k} \, x_{c,\, s i + d k - p}`. ``padding``: a number, ``"same"`` (the result
    is as long as the input) or ``"valid"`` (none); ``padding_mode``: what stands there: zeros, reflect, replicate,
    circular. ``groups``: so many parts of the channels that do not see each other.
    ``weight`` (O, C / groups, K) and ``bias`` (O,) begin uniform in ±1/√(C / groups · K), which PyTorch writes as
    kaiming_uniform_ with a = √5. Raises ArgumentError for channels that the groups do not divide; a call raises
    ShapeError, with the number that would fit. Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html

    >>> import tapegrad as tg
    >>> tg.nn.Conv1d(16, 33, 3, stride=2)(tg.zeros(20, 16, 50)).shape
    tapegrad.Size([20, 33, 24])
    """

    dimensions = 1


class Conv2d(_Forward):
    """Convolution of images: (N, C, H, W) or (C, H, W) to (N, O, H', W'); sizes and arguments as in :class:`Conv1d`.

    ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are numbers or pairs (height, width).
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.Conv2d(1, 6, 5, padding=2)
    >>> layer
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(tg.zeros(8, 1, 28, 28)).shape
    tapegrad.Size([8, 6, 28, 28])
    """

    dimensions = 2


class Conv3d(_Forward):
    """Convolution of volumes: (N, C, D, H, W) or (C, D, H, W) to (N, O, D', H', W'), as :class:`Conv1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html

    >>> import tapegrad as tg
    >>> tg.nn.Conv3d(2, 4, (3, 1, 1))(tg.zeros(1, 2, 8, 5, 5)).shape
    tapegrad.Size([1, 4, 6, 5, 5])
    """

    dimensions = 3


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        who = type(self).__name__
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ArgumentError(
                who, f"padding={padding!r} with padding_mode={padding_mode!r}", "use a number and padding_mode 'zeros'"
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            True,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding(input, tuple(output_size))
        conv = getattr(F, f"conv_transpose{self.dimensions}d")
        return conv(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, input: Tensor, output_size: tuple) -> tuple[int, ...]:
        """Return the output padding that leads to a size."""
        n = self.dimensions
        least = tuple(
            (length - 1) * s - 2 * p + d * (k - 1) + 1
            for length, s, p, d, k in zip(
                input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        )
        wanted = output_size[-n:]
        extra = tuple(a - b for a, b in zip(wanted, least, strict=False))
        if len(output_size) not in (n, input.ndim) or any(
            not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)
        ):
            most = tuple(a + s - 1 for a, s in zip(least, self.stride, strict=True))
            raise ShapeError(
                type(self).__name__,
                f"output_size {output_size} from an input of shape {tuple(input.shape)}",
                f"use sizes from {least} to {most}",
            )
        return extra


class ConvTranspose1d(_ConvTransposeNd):
    r"""Transposed convolution of signals: (N, C, L) to (N, O, L'), with L' = (L - 1) s - 2 p + d (K - 1) + e + 1.

    It spreads each element over a window of the result, and is the gradient of :class:`Conv1d` in its input. e is
    ``output_padding``: how much of the end, which that convolution would not have seen, the result has in addition; a
    call can give ``output_size`` in its place.
    ``weight`` (C, O / groups, K) and ``bias`` (O,) begin uniform in ±1/√(O / groups · K).
    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html

    >>> import tapegrad as tg
    >>> tg.nn.ConvTranspose1d(4, 2, 3, stride=2)(tg.zeros(1, 4, 5), output_size=(12,)).shape
    tapegrad.Size([1, 2, 12])
    """

    dimensions = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of images: (N, C, H, W) or (C, H, W) to (N, O, H', W'), as :class:`ConvTranspose1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1)
    >>> layer
    ConvTranspose2d(16, 8, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))
    >>> layer(tg.zeros(1, 16, 7, 7)).shape
    tapegrad.Size([1, 8, 14, 14])
    """

    dimensions = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of volumes: (N, C, D, H, W) to (N, O, D', H', W'), as :class:`ConvTranspose1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html

    >>> import tapegrad as tg
    >>> tg.nn.ConvTranspose3d(2, 1, 2, stride=2)(tg.zeros(1, 2, 3, 3, 3)).shape
    tapegrad.Size([1, 1, 6, 6, 6])
    """

    dimensions = 3
