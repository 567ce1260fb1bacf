"""Attention: torch.nn.attention's names, by which scripts choose among GPU kernels; here there is one way, and all are it."""

from .backends import SDPBackend, sdpa_kernel
from .multihead import MultiheadAttention, NonDynamicallyQuantizableLinear

__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear", "SDPBackend", "sdpa_kernel"]
