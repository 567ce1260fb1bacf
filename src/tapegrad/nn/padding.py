"""Padding layers: a border of zeros, of a constant, mirrored, of the edge's elements, or from the other side."""

from __future__ import annotations

from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..errors import ArgumentError
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    dimensions = 0
    mode = "constant"

    def __init__(self, padding: Any):
        super().__init__()
        # One number stands for both ends of every dimension; pairs begin with the last dimension.
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.dimensions)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


# -- constants ----------------------------------------------------------------------------------------------------------


class _ConstantPadNd(_Pad):
    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A border of ``value`` around the last dimension: ``padding`` is one number, or (before, after).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html

    >>> import tapegrad as tg
    >>> tg.nn.ConstantPad1d((1, 2), 9.0)(tg.tensor([[1.0, 2.0]]))
    tensor([[9., 1., 2., 9., 9.]])
    """

    dimensions = 1


class ConstantPad2d(_ConstantPadNd):
    """A border of ``value`` around images: ``padding`` is one number, or (left, right, top, bottom).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html
    """

    dimensions = 2


class ConstantPad3d(_ConstantPadNd):
    """A border of ``value`` around volumes: ``padding`` is one number, or (left, right, top, bottom, front, back).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html
    """

    dimensions = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd, ConstantPad1d):
    """A border of zeros around the last dimension: ``padding`` is one number, or (before, after).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html

    >>> import tapegrad as tg
    >>> tg.nn.ZeroPad1d(1)(tg.tensor([[1.0, 2.0]]))
    tensor([[0., 1., 2., 0.]])
    """


class ZeroPad2d(_ZeroPadNd, ConstantPad2d):
    """A border of zeros around images: ``padding`` is one number, or (left, right, top, bottom).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html

    >>> import tapegrad as tg
    >>> tg.nn.ZeroPad2d((1, 0, 0, 0))
    ZeroPad2d((1, 0, 0, 0))
    """


class ZeroPad3d(_ZeroPadNd, ConstantPad3d):
    """A border of zeros around volumes: ``padding`` is one number, or (left, right, top, bottom, front, back).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html
    """


# -- what the input holds -----------------------------------------------------------------------------------------------


class _ReflectionPadNd(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """The last dimension mirrored at its outermost elements: ``padding`` is one number, or (before, after).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html

    >>> import tapegrad as tg
    >>> tg.nn.ReflectionPad1d(1)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    dimensions = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Images mirrored at their outermost pixels: ``padding`` is one number, or (left, right, top, bottom).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
    """

    dimensions = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Volumes mirrored at their outermost voxels: ``padding`` is one number, or (left, right, top, bottom, front, back).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html
    """

    dimensions = 3


class _ReplicationPadNd(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """The last dimension continued with its outermost elements: ``padding`` is one number, or (before, after).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html

    >>> import tapegrad as tg
    >>> tg.nn.ReplicationPad1d((0, 2))(tg.tensor([[1.0, 2.0]]))
    tensor([[1., 2., 2., 2.]])
    """

    dimensions = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Images continued with their outermost pixels: ``padding`` is one number, or (left, right, top, bottom).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html
    """

    dimensions = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Volumes continued with their outermost voxels: ``padding`` is one number, or (left, right, top, bottom, front, back).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html
    """

    dimensions = 3


class _CircularPadNd(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        wanted = (self.dimensions + 1, self.dimensions + 2)
        if input.ndim not in wanted:
            raise ArgumentError(
                type(self).__name__,
                f"expected {wanted[0]}D or {wanted[1]}D input (got {input.ndim}D input of shape {tuple(input.shape)})",
                "reshape it, or use the layer for that number of dimensions",
            )
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """The last dimension continued from its other side: ``padding`` is one number, or (before, after).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html

    >>> import tapegrad as tg
    >>> tg.nn.CircularPad1d((2, 0))(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3.]])
    """

    dimensions = 1


class CircularPad2d(_CircularPadNd):
    """Images continued from their other sides: ``padding`` is one number, or (left, right, top, bottom).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html
    """

    dimensions = 2


class CircularPad3d(_CircularPadNd):
    """Volumes continued from their other sides: ``padding`` is one number, or (left, right, top, bottom, front, back).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html
    """

    dimensions = 3
