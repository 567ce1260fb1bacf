"""``torch.utils.model_zoo``: the older name of loading weights from the network."""

from __future__ import annotations

from typing import Any

__all__ = ["load_url"]


def load_url(url: str, *args: Any, **options: Any) -> dict[str, Any]:
    """Return :func:`tapegrad.hub.load_state_dict_from_url` of the same arguments."""
    import tapegrad

    return tapegrad.hub.load_state_dict_from_url(url, *args, **options)
