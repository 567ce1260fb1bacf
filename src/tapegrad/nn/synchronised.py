"""Batch normalisation for several processes, and normalisation over channels as Lua Torch had it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import ArgumentError
from .described import Described
from .module import Module
from .normalization import _BatchNorm

__all__ = ["CrossMapLRN2d", "SyncBatchNorm"]


class SyncBatchNorm(_BatchNorm):
    """:class:`BatchNorm1d` for (N, C, ...) with any number of dimensions. There is one process, whose batch is all there is.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html

    >>> import tapegrad as tg
    >>> model = tg.nn.Sequential(tg.nn.BatchNorm1d(2))
    >>> tg.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    Sequential(
      (0): SyncBatchNorm(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    )
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2 or input.shape[1] == 0:
            raise ArgumentError("SyncBatchNorm", f"the input has shape {tuple(input.shape)}", "give (N, C, ...)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return the module with every batch normalisation in it replaced by one of these, with its state."""
        result = module
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            result = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None or not module.affine,
            )
            result.weight, result.bias = module.weight, module.bias
            result.running_mean, result.running_var = module.running_mean, module.running_var
            result.num_batches_tracked = module.num_batches_tracked
            result.train(module.training)
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result


class CrossMapLRN2d(Described):
    """Divides images (N, C, H, W) by a power of k + α / size · the sum of squares over ``size`` neighbouring channels.

    As in PyTorch, the first channel stays in the running sum once the window has left it behind.
    A call raises ArgumentError for another number of dimensions.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.CrossMapLRN2d.html

    >>> import tapegrad as tg
    >>> tg.nn.CrossMapLRN2d(1, alpha=1.0, beta=1.0)(tg.ones(1, 1, 1, 1))
    tensor([[[[0.5000]]]])
    """

    shown = ("alpha", "beta", "k")

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4:
            raise ArgumentError("CrossMapLRN2d", f"the input has {input.ndim} dimensions", "give (N, C, H, W)")
        counted = wrap(self._windows(input.shape[1]).astype(input.dtype))
        sums = ops.linear(ops.square(input).movedim(1, -1), counted, None).movedim(-1, 1)
        return input * (sums * (self.alpha / self.size) + self.k) ** -self.beta

    def _windows(self, channels: int) -> np.ndarray:
        """Return which channels count for each channel, as a matrix of 0 and 1."""
        half = int((self.size - 1) / 2 + 1)
        place = np.arange(channels)
        distance = place - place[:, None]
        inside = (distance < half) & (distance > -half)
        inside[half:, 0] = True
        return inside

    def extra_repr(self) -> str:
        return f"{self.size}, {super().extra_repr()}"
