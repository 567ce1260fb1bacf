"""Pruning: parts of a parameter held at zero by a mask, which is computed once and applied before each forward pass.

A pruned parameter ``weight`` becomes the parameter ``weight_orig`` and the buffer ``weight_mask``; ``weight`` itself is
their product. Source: https://pytorch.org/tutorials/intermediate/pruning_tutorial.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...core import Tensor
from ...errors import ArgumentError, UsageError
from ...ops.creation import ones_like
from ..module import Module
from .convert_parameters import parameters_to_vector
from .pruning_methods import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
    method_of,
    take_method,
)
from .weight_norm import hooks_of

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


def identity(module: Module, name: str) -> Module:
    """Give a parameter a mask of ones, so that it can be treated like pruned ones; return the module.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.identity(tg.nn.Linear(2, 1), "bias")
    >>> layer.bias_mask
    tensor([1.])
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune a share (float) or a number (int) of a parameter's elements at random; return the module.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.random_unstructured(tg.nn.Linear(2, 3), "weight", amount=1)
    >>> layer.weight_mask.sum()
    tensor(5.)
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: float, importance_scores: Tensor | None = None) -> Module:
    """Prune a share (float) or a number (int) of the elements nearest to zero; return the module.

    ``importance_scores``: what is compared in the place of the values.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.l1_unstructured(tg.nn.Linear(2, 3), "weight", amount=0.5)
    >>> layer.weight_mask.sum()
    tensor(3.)
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune a share (float) or a number (int) of a parameter's slices along ``dim`` at random; return the module.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.random_structured(tg.nn.Linear(2, 3), "weight", amount=1, dim=1)
    >>> layer.weight_mask.sum()
    tensor(3.)
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prune a share (float) or a number (int) of the slices along ``dim`` of the smallest norm of order ``n``.

    Returns the module. ``importance_scores``: what the norms are of in the place of the values.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.ln_structured(tg.nn.Linear(2, 3), "weight", amount=0.34, n=2, dim=0)
    >>> layer.weight_mask.sum()
    tensor(4.)
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter where a mask is 0; return the module.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.prune.custom_from_mask(tg.nn.Linear(2, 2), "bias", tg.tensor([0, 1]))
    >>> layer.bias_mask
    tensor([0., 1.])
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: Any,
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several parameters, pairs (module, name), with one method that compares all of them.

    ``kwargs`` are the method's arguments; ``importance_scores``: what is compared in the place of some values, by pair.
    Raises UsageError for a method that is not unstructured, and when no pairs or scores are given in that form.

    >>> import tapegrad as tg
    >>> prune = tg.nn.utils.prune
    >>> a, b = tg.nn.Linear(2, 3), tg.nn.Linear(3, 2)
    >>> prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=8)
    >>> a.weight_mask.sum() + b.weight_mask.sum()
    tensor(4.)
    """
    who = "global_unstructured"
    if not isinstance(parameters, Iterable):
        raise UsageError(who, f"parameters is a {type(parameters).__name__}", "pass a list of (module, name)")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, Mapping):
        raise UsageError(who, f"importance_scores is a {type(scores).__name__}", "pass a dict by (module, name)")
    pairs = list(parameters)
    values = [getattr(module, name) for module, name in pairs]
    compared = parameters_to_vector([scores.get(pair, v) for pair, v in zip(pairs, values, strict=True)])
    masks = [getattr(m, f"{name}_mask", None) for m, name in pairs]
    before = parameters_to_vector(
        [ones_like(v) if mask is None else mask for mask, v in zip(masks, values, strict=True)]
    )
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise UsageError(who, f"{type(method).__name__} is of type '{method.PRUNING_TYPE}'", "use an unstructured one")
    container = PruningContainer(method)
    mask = container.compute_mask(compared, before)
    place = 0
    for (module, name), value in zip(pairs, values, strict=True):
        custom_from_mask(module, name, mask[place : place + value.numel()].reshape(value.shape))
        place += value.numel()


def remove(module: Module, name: str) -> Module:
    """Make a pruned parameter an ordinary one with its zeros, and return the module. Raises ArgumentError when it is not pruned.

    >>> import tapegrad as tg
    >>> prune = tg.nn.utils.prune
    >>> layer = prune.remove(prune.l1_unstructured(tg.nn.Linear(2, 3), "weight", amount=2), "weight")
    >>> int((layer.weight == 0).sum()), prune.is_pruned(layer)
    (2, False)
    """
    method = method_of(module, name)
    if method is None:
        raise ArgumentError("prune.remove", f"'{name}' of {type(module).__name__} is not pruned", "check the name")
    method.remove(module)
    take_method(module, name)
    return module


def is_pruned(module: Module) -> bool:
    """Return whether any parameter of the module or of those below it is pruned.

    >>> import tapegrad as tg
    >>> tg.nn.utils.prune.is_pruned(tg.nn.Linear(2, 2))
    False
    """
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in hooks_of(m))
