"""``torch.backends.cpu``."""

from __future__ import annotations

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """Return ``"DEFAULT"``: NumPy and its BLAS choose their instructions themselves."""
    return "DEFAULT"
