"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Parameter, Tensor, no_grad
from ..errors import ArgumentError, warn
from .module import Module
from .running import Normalization, RunningNorm, filled

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


class _BatchNorm(RunningNorm):
    def _momentum(self) -> Any:
        """Count the batch; return the share that it has in the running statistics."""
        if self.num_batches_tracked is None or self.running_mean is None:
            return self.momentum or 0.0
        with no_grad():
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                return 1.0 / self.num_batches_tracked.to(self.running_mean.dtype)
        return self.momentum

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        momentum = self._momentum() if self.training and self.track_running_stats else 0.0
        running = (self.running_mean, self.running_var)
        if self.training and not self.track_running_stats:
            running = (None, None)
        return F.batch_norm(input, *running, self.weight, self.bias, by_batch, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Brings each channel of (N, C) or (N, C, L) to mean 0 and variance 1 over the batch, then scales and shifts it.

    In training with the batch's statistics, while ``running_mean`` and ``running_var`` follow them: a batch has the
    share ``momentum`` (None: all batches the same). In evaluation with the running ones.
    ``weight`` and ``bias`` (C,) begin as ones and zeros. A call raises ArgumentError for other numbers of dimensions,
    or one value per channel in training. See :func:`tapegrad.nn.functional.batch_norm`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.BatchNorm1d(2)
    >>> layer(tg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> layer.running_mean
    tensor([0.2000, 2.0000])
    """

    _dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """:class:`BatchNorm1d` for images (N, C, H, W).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html

    >>> import tapegrad as tg
    >>> tg.nn.BatchNorm2d(16)
    BatchNorm2d(16, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """:class:`BatchNorm1d` for volumes (N, C, D, H, W).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html
    """

    _dimensions = (5,)


class _InstanceNorm(RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_channels(self, input: Tensor, dim: int) -> None:
        channels = input.shape[dim]
        if channels == self.num_features:
            return
        who = type(self).__name__
        if self.affine:
            raise ArgumentError(
                who,
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), but got: {channels}",
                f"nn.{who}({channels}) would fit",
            )
        warn(who, f"num_features is {self.num_features}, the input has {channels} channels", "make them equal")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        single = input.ndim == self._dimensions[0]
        self._check_channels(input, 0 if single else 1)
        out = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    """Brings each channel of each sample, (N, C, L) or (C, L), to mean 0 and variance 1 over its elements.

    With ``affine`` a ``weight`` and a ``bias`` (C,), which begin as ones and zeros, then scale and shift. With
    ``track_running_stats`` evaluation uses running statistics, as in :class:`BatchNorm1d`.
    A call raises ArgumentError for other numbers of dimensions, or a single element per channel.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html

    >>> import tapegrad as tg
    >>> tg.nn.InstanceNorm1d(1)(tg.tensor([[[1.0, 3.0]], [[10.0, 30.0]]]))
    tensor([[[-1.0000,  1.0000]],
    <BLANKLINE>
            [[-1.0000,  1.0000]]])
    """

    _dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """:class:`InstanceNorm1d` for images, (N, C, H, W) or (C, H, W).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
    """

    _dimensions = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """:class:`InstanceNorm1d` for volumes, (N, C, D, H, W) or (C, D, H, W).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html
    """

    _dimensions = (4, 5)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


class LayerNorm(Normalization):
    """Brings the last dimensions, of shape ``normalized_shape``, to mean 0 and variance 1, then scales and shifts.

    ``weight`` and ``bias`` have that shape, and begin as ones and zeros. A call raises ShapeError for another shape.
    See :func:`tapegrad.nn.functional.layer_norm`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html

    >>> import tapegrad as tg
    >>> tg.nn.LayerNorm(2)(tg.tensor([[1.0, 3.0], [10.0, 30.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        affine = elementwise_affine
        self.register_affine(self.normalized_shape, affine, affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Normalization):
    """Divides by the root mean square of the last dimensions, of shape ``normalized_shape``, then scales by ``weight``.

    ``eps`` None is the dtype's distance from 1 to the next number. A call raises ShapeError for another shape.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html

    >>> import tapegrad as tg
    >>> tg.nn.RMSNorm(2)(tg.tensor([3.0, 4.0])).detach()
    tensor([0.8485, 1.1314])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = Parameter(filled(self.normalized_shape, 1.0, device, dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Normalization):
    """Brings each of ``num_groups`` groups of the channels of (N, C, ...) to mean 0 and variance 1, then scales and shifts.

    ``weight`` and ``bias`` (C,) begin as ones and zeros. Raises ArgumentError when the channels do not divide into groups.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html

    >>> import tapegrad as tg
    >>> tg.nn.GroupNorm(2, 4)(tg.tensor([[1.0, 3.0, 10.0, 30.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(
                "GroupNorm",
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})",
                f"use a divisor of {num_channels} groups",
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.register_affine((num_channels,), affine, affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """Divides (N, C, ...) by a power of the mean square over ``size`` neighbouring channels.

    See :func:`tapegrad.nn.functional.local_response_norm`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html

    >>> import tapegrad as tg
    >>> tg.nn.LocalResponseNorm(2)
    LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
