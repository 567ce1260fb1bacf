"""Modules as functions of their parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..core import Tensor, ops
from ..core.graph import ALTERATIONS
from ..errors import StateError, UsageError, did_you_mean

__all__ = ["debug_unwrap", "functional_call", "functionalize", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` computed with other parameters and buffers, by name; the module keeps its own.

    ``tie_weights``: a tensor that the module has under several names is replaced under all. ``strict``: the names must
    be all of the module's, and no others. Raises StateError for unknown or missing names.
    Source: https://pytorch.org/docs/stable/generated/torch.func.functional_call.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> tg.func.functional_call(layer, {"weight": tg.ones(1, 2), "bias": tg.zeros(1)}, tg.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    given = _merged(parameter_and_buffer_dicts)
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*positional, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, (list, tuple)) or not all(isinstance(d, Mapping) for d in dicts):
        raise UsageError(
            "functional_call", f"the parameters are a {type(dicts).__name__}", "pass a dict, or a tuple of dicts"
        )
    merged: dict[str, Tensor] = {}
    for one in dicts:
        twice = merged.keys() & one.keys()
        if twice:
            raise UsageError("functional_call", f"{sorted(twice)} are given twice", "give each name once")
        merged.update(one)
    return merged


@contextlib.contextmanager
def _replaced(module: Any, given: dict[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    own = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    unknown = [name for name in given if name not in own]
    missing = [name for name in own if name not in given] if strict else []
    if strict and (unknown or missing):
        raise StateError(
            "functional_call", f"unknown names {unknown}, missing names {missing}", "give all names, or strict=False"
        )
    if unknown:
        raise StateError("functional_call", f"the module has no '{unknown[0]}'", did_you_mean(unknown[0], list(own)))
    if tie_weights:
        given = _tied(given, own)
    places = [_place(module, name) for name in given]
    before = [holder[last] for holder, last in places]
    try:
        for (holder, last), tensor in zip(places, given.values(), strict=True):
            holder[last] = tensor
        ALTERATIONS[0] += 1
        yield
    finally:
        for (holder, last), tensor in zip(places, before, strict=True):
            holder[last] = tensor
        ALTERATIONS[0] += 1


def _tied(given: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the replacements under every name of each replaced tensor."""
    all_names = dict(given)
    for name, replacement in given.items():
        for other, tensor in own.items():
            if tensor is own[name] and other not in given:
                all_names[other] = replacement
    return all_names


def _place(module: Any, name: str) -> tuple[dict, str]:
    """Return the dict, and the name in it, that hold a parameter or buffer of this dotted name."""
    *path, last = name.split(".")
    for part in path:
        module = module._modules[part]
    return (module._parameters if last in module._parameters else module._buffers), last


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters and the buffers of several modules of one kind, each name's stacked along a new dimension 0.

    The parameters are new leaves that require a gradient. For ``vmap`` over an ensemble with :func:`functional_call`.
    Raises StateError for no modules, or modules of several kinds or modes.
    Source: https://pytorch.org/docs/stable/generated/torch.func.stack_module_state.html

    >>> import tapegrad as tg
    >>> parameters, buffers = tg.func.stack_module_state([tg.nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape
    tapegrad.Size([3, 1, 2])
    """
    if not models:
        raise StateError("stack_module_state", "there are no modules", "pass at least one")
    if len({type(m) for m in models}) > 1 or len({m.training for m in models}) > 1:
        raise StateError(
            "stack_module_state", "the modules differ in kind or mode", "pass modules of one class, all in one mode"
        )
    first = models[0]
    parameters = {
        name: _stacked([dict(m.named_parameters())[name] for m in models], p.requires_grad)
        for name, p in first.named_parameters()
    }
    buffers = {
        name: _stacked([dict(m.named_buffers())[name] for m in models], False) for name, _ in first.named_buffers()
    }
    return parameters, buffers


def _stacked(tensors: list[Tensor], requires_grad: bool) -> Tensor:
    return ops.stack(*[t.detach() for t in tensors], dim=0).requires_grad_(requires_grad)


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """Return the function as it is: derivatives and batches follow in-place operations here, so none needs removing.

    >>> import tapegrad as tg
    >>> tg.func.functionalize(lambda x: x.add_(1))(tg.zeros(2))
    tensor([1., 1.])
    """
    return func


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """Return the tensor itself: transformations wrap none here.

    >>> import tapegrad as tg
    >>> tg.func.debug_unwrap(tg.zeros(1))
    tensor([0.])
    """
    return tensor
