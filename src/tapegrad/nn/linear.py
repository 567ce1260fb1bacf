"""Linear layers, and layers that only reshape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional as F  # noqa: N812  (the field's name)
from ..array import available, get_default_dtype
from ..core import Parameter, Tensor, wrap
from ..errors import ArgumentError, UsageError
from . import init
from .module import Module

__all__ = ["Bilinear", "Flatten", "Identity", "Linear", "Unflatten"]


def _parameter(shape: tuple[int, ...], device: Any, dtype: Any) -> Parameter:
    available(device or "cpu")
    return Parameter(wrap(np.empty(shape, get_default_dtype() if dtype is None else dtype)))


def _check_sizes(who: str, least: int, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < least:
            raise ArgumentError(who, f"{name} is {size}", f"use at least {least}")


class Identity(Module):
    """Returns its input: a place that keeps a layer out. Arguments are taken and ignored.

    >>> import tapegrad as tg
    >>> tg.nn.Identity(54)(tg.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    r"""y = x Wᵀ + b for the last dimension of x: (..., in_features) to (..., out_features).

    ``weight`` has shape (out_features, in_features), ``bias`` (out_features,).
    Both begin uniform in ±1/√in_features: with inputs of unit variance each output then has variance 1/3, whatever the
    width. (PyTorch writes the same bound as kaiming_uniform_ with a = √5.)
    A call raises ShapeError for another number of features. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.Linear.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.Linear(20, 30)
    >>> layer(tg.zeros(128, 20)).shape
    tapegrad.Size([128, 30])
    >>> layer
    Linear(in_features=20, out_features=30, bias=True)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__()
        _check_sizes("Linear", 0, in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = _parameter((out_features, in_features), device, dtype)
        self.register_parameter("bias", _parameter((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x₁ᵀ A_k x₂ + b_k for the last dimensions of two inputs.

    ``weight`` has shape (out_features, in1_features, in2_features); it and the bias begin uniform in ±1/√in1_features.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html

    >>> import tapegrad as tg
    >>> tg.nn.Bilinear(2, 3, 4)(tg.ones(5, 2), tg.ones(5, 3)).shape
    tapegrad.Size([5, 4])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        _check_sizes("Bilinear", 1, in1_features=in1_features)
        _check_sizes("Bilinear", 0, in2_features=in2_features, out_features=out_features)
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = _parameter((out_features, in1_features, in2_features), device, dtype)
        self.register_parameter("bias", _parameter((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}"
        return f"{sizes}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """Joins the dimensions from ``start_dim`` to ``end_dim`` into one: (N, C, H, W) to (N, C·H·W) by default.

    >>> import tapegrad as tg
    >>> tg.nn.Flatten()(tg.zeros(8, 1, 28, 28)).shape
    tapegrad.Size([8, 784])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits a dimension into several; one size may be -1.

    >>> import tapegrad as tg
    >>> tg.nn.Unflatten(1, (1, 28, -1))(tg.zeros(8, 784)).shape
    tapegrad.Size([8, 1, 28, 28])
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)) or not all(isinstance(n, int) for n in unflattened_size):
            raise UsageError("Unflatten", f"unflattened_size is {unflattened_size!r}", "use a tuple of integers")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
