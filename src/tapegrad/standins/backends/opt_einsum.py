"""``torch.backends.opt_einsum``: not there."""

from __future__ import annotations

__all__ = ["enabled", "is_available", "strategy"]


def is_available() -> bool:
    """Return False."""
    return False


enabled = False
strategy = None
