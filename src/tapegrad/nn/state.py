"""Writing a module's state into a dictionary and reading it back: all of it, or nothing and one message about it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core import STATE, Parameter, Tensor, as_array, wrap
from ..errors import StateError, UsageError
from .parameter import is_lazy

if TYPE_CHECKING:
    from .module import Module

__all__ = ["EXTRA_STATE", "IncompatibleKeys", "load", "load_own", "save", "save_own"]

EXTRA_STATE = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: keys that the module has and the state lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    __str__ = __repr__


class _Incoming(OrderedDict):
    """A state on its way in: writes are noted, and done once all of it is known to fit."""

    writes: list[Callable[[], None]]


# -- out --------------------------------------------------------------------------------------------------------------


def save(module: Module, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Add the state of a module and of its submodules to ``destination``."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()  # type: ignore[attr-defined]
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for hook in module._state_dict_pre_hooks.values():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in module._state_dict_hooks.values():
        changed = hook(module, destination, prefix, metadata)
        destination = destination if changed is None else changed
    return destination


def save_own(module: Module, destination: Any, prefix: str, keep_vars: bool) -> None:
    """Add a module's own parameters, persistent buffers and extra state to ``destination``."""
    for name, value in _own_tensors(module).items():
        if value is not None:
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
    if _has_extra_state(module):
        destination[prefix + EXTRA_STATE] = module.get_extra_state()


def _own_tensors(module: Module) -> dict[str, Tensor | None]:
    passing = module._non_persistent_buffers_set
    return {**module._parameters, **{k: b for k, b in module._buffers.items() if k not in passing}}


def _has_extra_state(module: Module, method: str = "get_extra_state") -> bool:
    from .module import Module

    return getattr(type(module), method) is not getattr(Module, method)


# -- in ---------------------------------------------------------------------------------------------------------------


def load(module: Module, state_dict: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """Load a state into a module; see :meth:`tapegrad.nn.Module.load_state_dict`."""
    if not isinstance(state_dict, Mapping):
        raise UsageError(
            "load_state_dict", f"expected a dict of tensors, got {type(state_dict).__name__}", "pass model.state_dict()"
        )
    incoming = _Incoming(state_dict)
    incoming.writes = []
    result = IncompatibleKeys([], [])
    errors: list[str] = []
    _collect(module, incoming, "", getattr(state_dict, "_metadata", {}), assign, result, errors)
    hooks = [(m, hook) for m in _children_first(module) for hook in m._load_state_dict_post_hooks.values()]
    # A post-hook may strike keys off the lists, so with one the keys are judged last.
    if errors or not hooks:
        _judge(module, result, errors, strict)
    for write in incoming.writes:
        write()
    for owner, hook in hooks:
        if hook(owner, result) is not None:
            raise UsageError("load_state_dict", "a post-hook returned something", "change the lists in place instead")
    _judge(module, result, errors, strict)
    return result


def _children_first(module: Module) -> list[Module]:
    below = [m for child in module.children() for m in _children_first(child)]
    return [*below, module]


def _collect(
    module: Module,
    state: Any,
    prefix: str,
    metadata: Any,
    assign: bool,
    result: IncompatibleKeys,
    errors: list[str],
) -> None:
    local = dict(metadata.get(prefix[:-1], {}))
    local["assign_to_params_buffers"] = assign
    # All keys are compared, since those that do not match are returned even when they are no error.
    lists = (True, result.missing_keys, result.unexpected_keys, errors)
    for hook in module._load_state_dict_pre_hooks.values():
        hook(module, state, prefix, local, *lists)
    module._load_from_state_dict(state, prefix, local, *lists)
    for name, child in module._modules.items():
        if child is not None:
            _collect(child, state, f"{prefix}{name}.", metadata, assign, result, errors)


def load_own(
    module: Module,
    state: Any,
    prefix: str,
    metadata: Any,
    strict: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Find a module's own tensors in a state; add to ``missing``, ``unexpected`` and ``errors`` what does not fit."""
    own = {name: value for name, value in _own_tensors(module).items() if value is not None}
    assign = metadata.get("assign_to_params_buffers", False)
    for name, value in own.items():
        key = prefix + name
        if key not in state:
            missing.append(key)
            continue
        given = state[key]
        problem = _misfit(key, value, given)
        if problem:
            errors.append(problem)
        elif not is_lazy(given):
            _write(state, _assignment(module, name, value, given) if assign else _copy(value, given))
    _load_extra(module, state, prefix, missing, unexpected)
    if strict:
        unexpected += [k for k in state if k.startswith(prefix) and not _known(module, own, k[len(prefix) :])]


def _known(module: Module, own: dict, name: str) -> bool:
    """Return whether a key belongs to this module itself or to a submodule of it, which will judge it."""
    first, dot, _ = name.partition(".")
    return name in own or name == EXTRA_STATE or (bool(dot) and first in module._modules)


def _load_extra(module: Module, state: Any, prefix: str, missing: list[str], unexpected: list[str]) -> None:
    key = prefix + EXTRA_STATE
    if _has_extra_state(module, "set_extra_state"):
        if key in state:
            extra = state[key]
            _write(state, lambda: module.set_extra_state(extra))
        else:
            missing.append(key)
    elif key in state:
        unexpected.append(key)


def _write(state: Any, action: Callable[[], None]) -> None:
    if isinstance(state, _Incoming):
        state.writes.append(action)
    else:
        action()


def _misfit(key: str, held: Tensor, given: Any) -> str:
    if not isinstance(given, (Tensor, np.ndarray)):
        return f'While copying the parameter named "{key}", expected a tensor but received {type(given).__name__}.'
    if is_lazy(held):
        return ""
    shape = tuple(given.shape)
    # Old states have numbers as vectors of one element.
    if shape == tuple(held.shape) or (held.ndim == 0 and len(shape) == 1 and shape[0] > 0):
        return ""
    return (
        f"size mismatch for {key}: copying a param with shape {list(shape)} from checkpoint, "
        f"the shape in current model is {list(held.shape)}."
    )


def _copy(held: Tensor, given: Any) -> Callable[[], None]:
    def copy() -> None:
        if STATE.tracer is not None:
            STATE.tracer.refuse("load_state_dict", "a state is loaded inside the step", "load it before")
        if held.is_sparse:
            held.copy_(given)
            return
        values = as_array(given)
        if is_lazy(held):
            held.materialize(values.shape)
        held.array[...] = values if values.ndim <= held.array.ndim else values[0]
        held.memory.wrote()

    return copy


def _assignment(module: Module, name: str, held: Tensor, given: Any) -> Callable[[], None]:
    value = given if isinstance(given, Tensor) else wrap(given)
    if isinstance(held, Parameter) and not isinstance(value, Parameter):
        value = Parameter(value, requires_grad=held.requires_grad)
    return lambda: setattr(module, name, value)


# -- what does not fit ------------------------------------------------------------------------------------------------


def _judge(module: Module, result: IncompatibleKeys, errors: list[str], strict: bool) -> None:
    lines = list(errors)
    if strict and result.unexpected_keys:
        lines.insert(0, f"Unexpected key(s) in state_dict: {_quoted(result.unexpected_keys)}.")
    if strict and result.missing_keys:
        lines.insert(0, f"Missing key(s) in state_dict: {_quoted(result.missing_keys)}.")
    if lines:
        details = "\n\t".join(lines)
        raise StateError(
            "load_state_dict",
            f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{details}\n\tNothing was loaded",
            "build the model with the checkpoint's sizes" if errors else _advice(result),
        )


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _advice(result: IncompatibleKeys) -> str:
    """Return what to do; a state whose keys differ by a common beginning alone can be renamed."""
    otherwise = "pass strict=False to load the keys that match"
    if not result.missing_keys or len(result.missing_keys) != len(result.unexpected_keys):
        return otherwise
    for ours, theirs, advice in (
        (result.missing_keys, result.unexpected_keys, "take '{}' off the beginning of the state's keys"),
        (result.unexpected_keys, result.missing_keys, "put '{}' before the state's keys"),
    ):
        begin = theirs[0].removesuffix(ours[0])
        if begin and [begin + key for key in ours] == theirs:
            return advice.format(begin)
    return otherwise
