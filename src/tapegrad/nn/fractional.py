"""Layers that pool over windows at pseudo-random places."""

from __future__ import annotations

from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..errors import ArgumentError
from ..functional.windows import per_dimension
from .module import Module

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]


class _FractionalMaxPool(Module):
    dimensions = 0

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ):
        super().__init__()
        who, n = type(self).__name__, self.dimensions
        self.kernel_size = per_dimension(who, "kernel_size", kernel_size, n)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else per_dimension(who, "output_size", output_size, n)
        self.output_ratio = None
        if output_ratio is not None:
            given = tuple(output_ratio) if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
            self.output_ratio = given
        if (output_size is None) == (output_ratio is None):
            raise ArgumentError(
                who, f"output_size is {output_size}, output_ratio {output_ratio}", "give exactly one of them"
            )
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ArgumentError(who, f"output_ratio is {output_ratio}", "use numbers between 0 and 1")

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"fractional_max_pool{self.dimensions}d")
        return pool(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest element of windows at pseudo-random places of images.

    See :func:`tapegrad.nn.functional.fractional_max_pool2d`. Raises ArgumentError unless exactly one of ``output_size``
    and ``output_ratio`` is given. Source: https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.FractionalMaxPool2d(3, output_ratio=(0.5, 0.5))(tg.zeros(2, 3, 20, 10)).shape
    tapegrad.Size([2, 3, 10, 5])
    """

    dimensions = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest element of windows at pseudo-random places of volumes, as :class:`FractionalMaxPool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html
    """

    dimensions = 3
