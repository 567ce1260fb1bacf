"""Weight normalisation with a hook: PyTorch's older form, whose parameters are ``weight_g`` and ``weight_v``."""

from __future__ import annotations

from typing import Any

from ...core import Parameter, Tensor
from ...errors import ArgumentError, StateError
from ..module import Module
from .parametrizations import norm_except

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The hook that computes w = g · v / ‖v‖ before each forward pass."""

    def __init__(self, name: str, dim: int | None):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """Return the weight from its length and its direction."""
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / norm_except(v, self.dim))

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Replace a parameter by its length and its direction. Raises StateError when it was already."""
        if any(isinstance(hook, WeightNorm) and hook.name == name for hook in hooks_of(module)):
            raise StateError("weight_norm", f"'{name}' has a weight_norm hook already", "remove it first")
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        if not isinstance(weight, Parameter):
            raise ArgumentError("weight_norm", f"'{name}' is a {type(weight).__name__}", "name a parameter")
        delattr(module, name)
        module.register_parameter(f"{name}_g", Parameter(norm_except(weight.detach(), hook.dim)))
        module.register_parameter(f"{name}_v", Parameter(weight.detach()))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again, with its present value."""
        weight = self.compute_weight(module).detach()
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def hooks_of(module: Module) -> list[Any]:
    """Return the functions that run before the module's forward pass."""
    return [entry[0] for entry in module._forward_pre_hooks.values()]


def take_hook(module: Module, kind: type, name: str, who: str) -> Any:
    """Take a hook of a kind and name away and return it. Raises ArgumentError when there is none."""
    for key, entry in module._forward_pre_hooks.items():
        if isinstance(entry[0], kind) and entry[0].name == name:
            del module._forward_pre_hooks[key]
            return entry[0]
    raise ArgumentError(who, f"'{name}' of {type(module).__name__} has none", "check the name")


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Compute a weight as w = g · v / ‖v‖ before each forward pass; parameters are ``weight_g`` and ``weight_v``.

    One length for each index along ``dim``, or for all when it is None. The newer form, which holds for every reading
    of the weight, is :func:`tapegrad.nn.utils.parametrizations.weight_norm`.
    Source: T. Salimans, D. Kingma, "Weight normalization" (2016), https://arxiv.org/abs/1602.07868

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.weight_norm(tg.nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (tapegrad.Size([40, 1]), tapegrad.Size([40, 20]))
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Take :func:`weight_norm` off a module; the weight keeps its value. Raises ArgumentError when there is none.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.remove_weight_norm(tg.nn.utils.weight_norm(tg.nn.Linear(2, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    take_hook(module, WeightNorm, name, "remove_weight_norm").remove(module)
    return module
