"""What the normalisation layers share: weight and bias, and running statistics of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import available, get_default_dtype
from ..core import Parameter, Tensor, no_grad, wrap
from ..errors import ArgumentError
from .module import Module

__all__ = ["Normalization", "RunningNorm", "filled"]


def filled(shape: tuple[int, ...], value: float, device: Any, dtype: Any) -> Tensor:
    """Return a tensor with one value everywhere. Raises ArgumentError for a device that is not there."""
    available(device or "cpu")
    return wrap(np.full(shape, value, get_default_dtype() if dtype is None else dtype))


class Normalization(Module):
    """A layer with an optional weight, which begins as ones, and an optional bias, which begins as zeros."""

    weight: Parameter | None
    bias: Parameter | None

    def register_affine(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        """Make the weight and the bias, or keep their places empty."""
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(filled(shape, 0.0, device, dtype)) if wanted else None)

    def reset_parameters(self) -> None:
        """Set the weight to ones, the bias to zeros, and running statistics back, where there are any."""
        with no_grad():
            for name, value in (("weight", 1.0), ("bias", 0.0)):
                parameter = self._parameters.get(name)
                if parameter is not None:
                    parameter.fill_(value)


class RunningNorm(Normalization):
    """A layer that normalises channels, and may keep a running mean and variance of them."""

    # State dicts of version 1 have no num_batches_tracked.
    _version = 2
    _dimensions: tuple[int, ...] = ()

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        if num_features < 0:
            raise ArgumentError(type(self).__name__, f"num_features is {num_features}", "use at least 0")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.register_affine((num_features,), affine, affine and bias, device, dtype)
        tracked = track_running_stats
        shape = (num_features,)
        self.register_buffer("running_mean", filled(shape, 0.0, device, dtype) if tracked else None)
        self.register_buffer("running_var", filled(shape, 1.0, device, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", wrap(np.zeros((), np.int64)) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the running mean to zeros, the running variance to ones, and the count of batches to 0."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1.0)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the weight to ones, the bias to zeros, and the running statistics back."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._dimensions:
            wanted = " or ".join(f"{n}D" for n in self._dimensions)
            raise ArgumentError(
                type(self).__name__,
                f"expected {wanted} input (got {input.ndim}D input of shape {tuple(input.shape)})",
                "reshape it, or use the layer for that number of dimensions",
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        key = prefix + "num_batches_tracked"
        if (local_metadata.get("version") or 1) < 2 and self.num_batches_tracked is not None and key not in state_dict:
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
