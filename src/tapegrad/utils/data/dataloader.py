"""PyTorch's file of the loader, by which scripts name ``default_collate``."""

from .collate import default_collate
from .loader import DataLoader

__all__ = ["DataLoader", "default_collate"]
