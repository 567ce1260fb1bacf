"""PyTorch's file of the switches for gradients, by which scripts name them."""

from ..core import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
