"""Layers that learn the number of their inputs' features or channels from the first call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, wrap
from ..errors import ArgumentError, ContractError, ShapeError
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .lazy import LazyModuleMixin
from .linear import Linear
from .normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .parameter import UninitializedBuffer, UninitializedParameter

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class LazyLinear(LazyModuleMixin, Linear):
    """:class:`Linear` whose ``in_features`` is the last size of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyLinear.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyLinear(3)
    >>> layer.weight
    <UninitializedParameter>
    >>> layer(tg.zeros(2, 5)).shape, layer.weight.shape
    (tapegrad.Size([2, 3]), tapegrad.Size([3, 5]))
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None):
        # The sizes are zero, so that the base has nothing to draw.
        super().__init__(0, 0, False)
        self.weight: Any = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias: Any = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they are there."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Make weight and bias for the last size of an input. Raises ContractError where a loaded weight does not fit."""
        features = input.shape[-1]
        if self.has_uninitialized_params():
            self.in_features = features
            self.weight.materialize((self.out_features, features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:
            if self.weight.shape[-1] != features:
                raise ContractError(
                    "LazyLinear",
                    f"input has {features} features, weight wants {self.weight.shape[-1]}",
                    "make them equal",
                )
            self.in_features = features


class _LazyConv(LazyModuleMixin):
    """What lazy convolutions share; the second base is the convolution."""

    dimensions: int
    groups: int
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    transposed: bool
    weight: Any
    bias: Any

    def _begin(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they are there."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Make weight and bias for the channels of an input. Raises ShapeError for other numbers of dimensions."""
        channels = self._get_in_channels(input)
        if not self.has_uninitialized_params():
            self.in_channels = self.in_channels or channels
            return
        if channels % self.groups:
            raise ArgumentError(
                type(self).__name__, f"{channels} channels with groups={self.groups}", "use a multiple of the groups"
            )
        self.in_channels = channels
        rows, columns = (channels, self.out_channels) if self.transposed else (self.out_channels, channels)
        self.weight.materialize((rows, columns // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self, input: Tensor) -> int:
        n = self.dimensions
        if input.ndim not in (n + 1, n + 2):
            raise ShapeError(
                type(self).__name__,
                f"an input of shape {tuple(input.shape)}",
                f"use {n + 1} dimensions, or {n + 2} with a batch",
            )
        return input.shape[-n - 1]


class _LazyForward(_LazyConv):
    def __init__(
        self,
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
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._begin(out_channels, bias, device, dtype)


class LazyConv1d(_LazyForward, Conv1d):
    """:class:`Conv1d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConv1d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConv1d(4, 3)(tg.zeros(1, 2, 5)).shape
    tapegrad.Size([1, 4, 3])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyForward, Conv2d):
    """:class:`Conv2d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConv2d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConv2d(4, 3)(tg.zeros(1, 2, 5, 5)).shape
    tapegrad.Size([1, 4, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyForward, Conv3d):
    """:class:`Conv3d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConv3d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConv3d(4, 3)(tg.zeros(1, 2, 5, 5, 5)).shape
    tapegrad.Size([1, 4, 3, 3, 3])
    """

    cls_to_become = Conv3d


class _LazyTranspose(_LazyConv):
    def __init__(
        self,
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
        super().__init__(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode)
        self._begin(out_channels, bias, device, dtype)


class LazyConvTranspose1d(_LazyTranspose, ConvTranspose1d):
    """:class:`ConvTranspose1d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose1d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConvTranspose1d(4, 3)(tg.zeros(1, 2, 5)).shape
    tapegrad.Size([1, 4, 7])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTranspose, ConvTranspose2d):
    """:class:`ConvTranspose2d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose2d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConvTranspose2d(4, 3)(tg.zeros(1, 2, 5, 5)).shape
    tapegrad.Size([1, 4, 7, 7])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTranspose, ConvTranspose3d):
    """:class:`ConvTranspose3d` whose ``in_channels`` are those of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyConvTranspose3d.html

    >>> import tapegrad as tg
    >>> tg.nn.LazyConvTranspose3d(4, 3)(tg.zeros(1, 2, 5, 5, 5)).shape
    tapegrad.Size([1, 4, 7, 7, 7])
    """

    cls_to_become = ConvTranspose3d


class _LazyNorm(LazyModuleMixin):
    """What lazy normalisations share; the second base is the normalisation."""

    num_features: int
    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(0, eps, momentum, False, False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = wrap(np.zeros((), np.int64))

    def reset_parameters(self) -> None:
        """Set weight, bias and running statistics back, once they are there."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        """Make parameters and running statistics for the channels, dimension 1, of an input."""
        if not self.has_uninitialized_params():
            self.num_features = self.num_features or input.shape[1]
            return
        self.num_features = input.shape[1]
        for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
            if tensor is not None:
                tensor.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """:class:`BatchNorm1d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyBatchNorm1d()
    >>> layer(tg.zeros(2, 4)).shape, layer.num_features
    (tapegrad.Size([2, 4]), 4)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """:class:`BatchNorm2d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm2d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyBatchNorm2d()
    >>> layer(tg.zeros(2, 4, 3, 3)).shape, layer.num_features
    (tapegrad.Size([2, 4, 3, 3]), 4)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """:class:`BatchNorm3d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm3d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyBatchNorm3d()
    >>> layer(tg.zeros(2, 4, 3, 3, 3)).shape, layer.num_features
    (tapegrad.Size([2, 4, 3, 3, 3]), 4)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """:class:`InstanceNorm1d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm1d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyInstanceNorm1d()
    >>> layer(tg.zeros(2, 4, 3)).shape, layer.num_features
    (tapegrad.Size([2, 4, 3]), 4)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """:class:`InstanceNorm2d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm2d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyInstanceNorm2d()
    >>> layer(tg.zeros(2, 4, 3, 3)).shape, layer.num_features
    (tapegrad.Size([2, 4, 3, 3]), 4)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """:class:`InstanceNorm3d` whose ``num_features`` are the channels of its first input.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm3d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LazyInstanceNorm3d()
    >>> layer(tg.zeros(2, 4, 3, 3, 3)).shape, layer.num_features
    (tapegrad.Size([2, 4, 3, 3, 3]), 4)
    """

    cls_to_become = InstanceNorm3d
