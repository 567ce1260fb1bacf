"""Layouts of convolution weights in memory, of which there is one here: taken, checked, without effect."""

from __future__ import annotations

from typing import Any, TypeVar

from ..module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

Layer = TypeVar("Layer", bound=Module)


def convert_conv2d_weight_memory_format(module: Layer, memory_format: Any) -> Layer:
    """Return the module as it is: every weight here lies in row-major order.

    >>> import tapegrad as tg
    >>> conv = tg.nn.Conv2d(1, 1, 1)
    >>> tg.nn.utils.convert_conv2d_weight_memory_format(conv, tg.channels_last) is conv
    True
    """
    return module


def convert_conv3d_weight_memory_format(module: Layer, memory_format: Any) -> Layer:
    """Return the module as it is: every weight here lies in row-major order.

    >>> import tapegrad as tg
    >>> conv = tg.nn.Conv3d(1, 1, 1)
    >>> tg.nn.utils.convert_conv3d_weight_memory_format(conv, tg.channels_last_3d) is conv
    True
    """
    return module
