"""``torch.backends.mha``: the fast path of attention in inference, which is not there."""

from __future__ import annotations

__all__ = ["get_fastpath_enabled", "set_fastpath_enabled"]


def get_fastpath_enabled() -> bool:
    """Return False."""
    return False


def set_fastpath_enabled(value: bool) -> None:
    """Do nothing."""
