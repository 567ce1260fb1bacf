"""The gradients of convolutions in their input and their weight, by themselves: torch.nn.grad's names."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..functional.windows import per_dimension

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]


def _where(who: str, n: int, stride: Any, padding: Any, dilation: Any, groups: int) -> dict[str, Any]:
    border = per_dimension(who, "padding", padding, n, least=0)
    return {
        "stride": per_dimension(who, "stride", stride, n),
        "padding": tuple((p, p) for p in border),
        "dilation": per_dimension(who, "dilation", dilation, n),
        "groups": groups,
    }


def _input(n: int, input_size: Any, weight: Tensor, grad_output: Tensor, *where: Any) -> Tensor:
    options = _where(f"conv{n}d_input", n, *where)
    return ops.conv_transpose(grad_output, weight, None, size=tuple(input_size)[2:], **options)


def _weight(n: int, input: Tensor, weight_size: Any, grad_output: Tensor, *where: Any) -> Tensor:
    options = _where(f"conv{n}d_weight", n, *where)
    return ops.conv_weight(grad_output, input, kernel=tuple(weight_size)[2:], **options)


def conv1d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv1d` in its input, of shape ``input_size`` (N, C, L)."""
    return _input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv1d` in its weight, of shape ``weight_size``."""
    return _weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv2d` in its input, of shape ``input_size`` (N, C, H, W)."""
    return _input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv2d` in its weight, of shape ``weight_size``."""
    return _weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv3d` in its input, of shape ``input_size`` (N, C, D, H, W)."""
    return _input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of :func:`tapegrad.nn.functional.conv3d` in its weight, of shape ``weight_size``."""
    return _weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)
