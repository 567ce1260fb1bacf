"""The names of ``torch.signal``: windows. Source: https://pytorch.org/docs/stable/signal.html"""

from . import windows

__all__ = ["windows"]
