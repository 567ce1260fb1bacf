"""The networks of a script: which modules it calls from outside, and what they and their layers are called."""

from __future__ import annotations

import sys
from typing import Any

from ...core.graph import _PACKAGE
from ...nn import Module

__all__ = ["Roots"]

# A script may build a network anew for each fold or each setting; more than these are not followed.
_MOST = 32


class Roots:
    """Keeps the modules that a script calls, each as a part of the largest one that a variable of the script holds."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.modules: dict[int, Module] = {}
        self._parts: dict[int, tuple[int, str]] = {}

    def meet(self, module: Module) -> None:
        """Take note of a module that the script calls; one that nothing is learned in is no network."""
        if id(module) in self._parts or len(self.modules) >= _MOST:
            return
        owner, name = _owner(module)
        if not any(True for _ in owner.parameters()):
            return
        self.modules[id(owner)] = owner
        self.names[id(owner)] = name
        for path, part in owner.named_modules():
            self._parts.setdefault(id(part), (id(owner), path))

    @property
    def main(self) -> Module | None:
        """The network with the most parameters."""
        return max(self.modules.values(), key=lambda m: sum(p.array.size for p in m.parameters()), default=None)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that hold the networks, that of the largest first; ``model`` where none is known."""
        if len(self.modules) < 2:
            named = [name for key, name in self.names.items() if name != type(self.modules[key]).__name__]
            return tuple(named) or ("model",)
        return tuple(dict.fromkeys([self.names[id(self.main)], *self.names.values()]))

    def path(self, module: Module) -> str:
        """Return a module's dotted path; where there are several networks, with the variable's name before it."""
        owner, path = self._parts.get(id(module), (0, type(module).__name__))
        if len(self.modules) > 1 and owner:
            path = ".".join(part for part in (self.names[owner], path) if part)
        return path or type(module).__name__

    def layers(self) -> list[tuple[str, Module]]:
        """Return the modules without submodules of all networks, by path, each once."""
        found = {
            id(layer): (self.path(layer), layer)
            for module in self.modules.values()
            for layer in module.modules()
            if not list(layer.children())
        }
        return list(found.values())

    def parameters(self) -> list[tuple[str, Any]]:
        """Return the parameters of all networks with their names."""
        several = len(self.modules) > 1
        return [
            (f"{self.names[key]}.{name}" if several else name, p)
            for key, module in self.modules.items()
            for name, p in module.named_parameters()
        ]


def _owner(module: Module) -> tuple[Module, str]:
    """Return the largest module with this one in it that a variable of the calling code holds, and the variable."""
    best, name, most = module, type(module).__name__, 0
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            for variables in (frame.f_locals, frame.f_globals):
                for key, value in list(variables.items()):
                    if isinstance(value, Module):
                        count = sum(1 for _ in value.modules())
                        if count > most and any(part is module for part in value.modules()):
                            best, name, most = value, key, count
        frame = frame.f_back  # type: ignore[assignment]
    return best, name
