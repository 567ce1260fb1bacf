"""A layer without parameters that prints the arguments it was made with."""

from __future__ import annotations

from .module import Module

__all__ = ["Described"]


class Described(Module):
    """A base for layers that keep their arguments as attributes; ``shown`` names those to print."""

    shown: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
