"""``torch.utils.hooks``: what registering a hook returns."""

from ..core import RemovableHandle

__all__ = ["RemovableHandle"]
