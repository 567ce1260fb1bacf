"""Who holds a tensor: modules and optimizers, found among all objects that are alive, so that nobody need keep books."""

from __future__ import annotations

import gc
from typing import Any

from ...core import Tensor
from ...nn import Module
from ...optim import Optimizer

__all__ = ["Holder", "holder_of", "holds", "optimizers"]


class Holder:
    """A parameter's place: its path in the outermost module, that module, and the modules from there down to its own."""

    def __init__(self, path: str, chain: list[Module]):
        self.path = path
        self.chain = chain

    @property
    def kind(self) -> str:
        """The class of the module that has the parameter."""
        return type(self.chain[-1]).__name__

    @property
    def forward(self) -> str:
        """``file:line`` of the nearest ``forward`` around the module that a user wrote, or an empty string."""
        for module in reversed(self.chain[:-1] or self.chain):
            code = getattr(type(module).forward, "__code__", None)
            if code is not None and not type(module).__module__.startswith("tapegrad."):
                return f"{code.co_filename}:{code.co_firstlineno}"
        return ""


def _alive(kind: type) -> list[Any]:
    return [o for o in gc.get_objects() if issubclass(type(o), kind)]


def holder_of(t: Tensor) -> Holder | None:
    """Return where a parameter or buffer is held, or None when no module holds it."""
    modules = [m for m in _alive(Module) if "_modules" in vars(m)]
    for module in modules:
        for name, held in (*module._parameters.items(), *module._buffers.items()):
            if held is t:
                return _climb(modules, module, name)
    return None


def _climb(modules: list[Module], module: Module, name: str) -> Holder:
    chain, path = [module], name
    while True:
        above = next(
            ((m, key) for m in modules for key, child in m._modules.items() if child is chain[0] and m not in chain),
            None,
        )
        if above is None:
            return Holder(path, chain)
        chain.insert(0, above[0])
        path = f"{above[1]}.{path}"


def optimizers() -> list[Optimizer]:
    """Return the optimizers that there are."""
    return [o for o in _alive(Optimizer) if "param_groups" in vars(o)]


def holds(owner: Any, t: Tensor) -> bool:
    """Return whether an optimizer or a module has a tensor among its parameters."""
    if isinstance(owner, Optimizer):
        return any(p is t for group in owner.param_groups for p in group["params"])
    return isinstance(owner, Module) and any(p is t for p in owner.parameters())
