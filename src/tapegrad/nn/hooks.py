"""Hooks around a module's forward and backward pass; a module without hooks never comes here."""

from __future__ import annotations

import contextlib
import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import STATE, RemovableHandle, Tensor, wrap
from ..core.graph import ALTERATIONS, FunctionNode, Pick
from ..errors import GradError, StateError

if TYPE_CHECKING:
    from .module import Module

__all__ = ["GLOBAL_HOOKS", "REGISTRATION_HOOKS", "add_hook", "announce", "call_with_hooks"]

_next_key = itertools.count().__next__

# Hooks of all modules, by number: what kind each is, and what a module holds for one of that kind.
GLOBAL_HOOKS: OrderedDict[int, tuple[str, Any]] = OrderedDict()
# Functions to call with each parameter, buffer or submodule that any module registers.
REGISTRATION_HOOKS: OrderedDict[int, tuple[str, Callable]] = OrderedDict()


def announce(kind: str, module: Any, name: str, value: Any) -> Any:
    """Show what is about to be registered to the hooks for its kind; return it, or what one of them gave for it."""
    for wanted, hook in list(REGISTRATION_HOOKS.values()):
        if wanted == kind:
            changed = hook(module, name, value)
            value = value if changed is None else changed
    return value


def _all_hooks(kind: str, own: OrderedDict) -> OrderedDict:
    """Return the hooks of all modules of a kind, and a module's own after them."""
    if not GLOBAL_HOOKS:
        return own
    found = OrderedDict((key, entry) for key, (wanted, entry) in GLOBAL_HOOKS.items() if wanted == kind)
    found.update(own)
    return found


def add_hook(hooks: OrderedDict, hook: Any, prepend: bool = False) -> RemovableHandle:
    """Put a hook behind, or before, those that are there; return the handle that takes it away again."""
    key = _next_key()
    ALTERATIONS[0] += 1
    hooks[key] = hook
    if prepend:
        hooks.move_to_end(key, last=False)
    return RemovableHandle(hooks, key)


def call_with_hooks(module: Module, args: tuple, kwargs: dict) -> Any:
    """Run pre-hooks, the forward pass and hooks; ``always_call`` hooks run even when one of these raises."""
    if STATE.tracer is not None:
        STATE.tracer.refuse(type(module).__name__, "a hook of the module runs in the step", "remove it before")
    always = _all_hooks("forward", module._forward_hooks).items()
    pending = OrderedDict((key, entry) for key, entry in always if entry[2])
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        gates = _Gates(module)
        if not (gates.hooks or gates.pre_hooks):
            gates = None
        if gates is not None:
            args = gates.enter(args)
        result = module.forward(*args, **kwargs)
        for key, (hook, with_kwargs, _) in list(_all_hooks("forward", module._forward_hooks).items()):
            pending.pop(key, None)
            changed = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            result = result if changed is None else changed
        return result if gates is None else gates.leave(result)
    except Exception:
        for hook, with_kwargs, _ in pending.values():
            # The error on its way out is the one to report.
            with contextlib.suppress(Exception):
                _ = hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
        raise


def _run_pre_hooks(module: Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    for hook, with_kwargs in list(_all_hooks("forward_pre", module._forward_pre_hooks).values()):
        if not with_kwargs:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
            continue
        changed = hook(module, args, kwargs)
        if changed is None:
            continue
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise StateError(
                "forward_pre_hook",
                f"a hook with_kwargs returned {type(changed).__name__}",
                "return None, or the pair (args, kwargs)",
            )
        args, kwargs = changed
    return args, kwargs


class _Gate:
    """A step on the tape that hands values on, and shows the gradients that come back to ``seen``."""

    name = "module_hook"

    def pull(self, context: _Passage, g: list, as_tensors: bool) -> list:
        gradients = [
            None if part is None else part if isinstance(part, Tensor) else wrap(np.asarray(part)) for part in g
        ]
        gradients = context.seen(gradients)
        return gradients if as_tensors else [None if part is None else part.array for part in gradients]


_GATE = _Gate()


class _Passage:
    """What one gate calls when gradients pass it."""

    def __init__(self, seen: Callable[[list], list]):
        self.seen = seen

    def release(self) -> None:
        """Nothing is saved."""


def _pass_through(values: tuple, seen: Callable[[list], list]) -> tuple[tuple, list[int]]:
    """Lead the values that require a gradient through one gate; return all values and the places of those."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    if not places or not STATE.grad_enabled:
        return values, []
    tensors = [values[i] for i in places]
    edges = [t if t.node is None else t.node for t in tensors]
    node = FunctionNode(_GATE, edges, _Passage(seen), len(edges))
    passed = list(values)
    for index, (place, t) in enumerate(zip(places, tensors, strict=True)):
        passed[place] = wrap(t.array, Pick(node, index), t.memory)
        if t.view_version is not None:
            passed[place].view_version, passed[place].base = t.view_version, t.base
    return tuple(passed), places


class _Gates:
    """The gates before and after one call of a module, between which backward hooks see its gradients."""

    def __init__(self, module: Module):
        self.module = module
        self.hooks = list(_all_hooks("backward", module._backward_hooks).values())
        self.pre_hooks = list(_all_hooks("backward_pre", module._backward_pre_hooks).values())
        # Shape and dtype of each input that is a tensor.
        self.inputs: list[tuple | None] = []
        self.input_places: list[int] = []
        self.outputs = 0
        self.output_places: list[int] = []
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        self.inputs = [(a.array.shape, a.array.dtype) if isinstance(a, Tensor) else None for a in args]
        if not self.hooks:
            return args
        args, self.input_places = _pass_through(args, self._at_inputs)
        return args

    def leave(self, result: Any) -> Any:
        values = result if isinstance(result, tuple) else (result,)
        self.outputs = len(values)
        values, self.output_places = _pass_through(values, self._at_outputs)
        if not isinstance(result, tuple):
            return values[0]
        return type(result)(*values) if hasattr(result, "_fields") else values

    def _at_outputs(self, gradients: list) -> list:
        grad_output = _spread(gradients, self.output_places, self.outputs)
        for hook in self.pre_hooks:
            changed = hook(self.module, grad_output)
            if changed is not None:
                grad_output = _as_gradients(changed, self.outputs, "full_backward_pre_hook")
        self.grad_output = grad_output
        if not self.input_places:
            self._without_inputs(grad_output)
        return [grad_output[i] for i in self.output_places]

    def _without_inputs(self, grad_output: tuple) -> None:
        for hook in self.hooks:
            changed = hook(self.module, (None,) * len(self.inputs), grad_output)
            if changed is not None and any(g is not None for g in changed):
                raise GradError(
                    "full_backward_hook",
                    "a hook returned gradients, but no input of the module requires one",
                    "return None, or make an input require a gradient",
                )

    def _at_inputs(self, gradients: list) -> list:
        if self.grad_output is None:
            return gradients
        grad_input = self._with_zeros(_spread(gradients, self.input_places, len(self.inputs)))
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = _as_gradients(changed, len(self.inputs), "full_backward_hook")
        self.grad_output = None
        return [grad_input[i] for i in self.input_places]

    def _with_zeros(self, gradients: tuple) -> tuple:
        """Return the gradients with zeros, as PyTorch gives them, for tensors that the outputs do not depend on."""
        pairs = zip(gradients, self.inputs, strict=True)
        return tuple(wrap(np.zeros(*form)) if g is None and form is not None else g for g, form in pairs)


def _spread(gradients: list, places: list[int], count: int) -> tuple:
    spread: list = [None] * count
    for place, g in zip(places, gradients, strict=True):
        spread[place] = g
    return tuple(spread)


def _as_gradients(changed: Any, count: int, who: str) -> tuple:
    gradients = changed if isinstance(changed, tuple) else (changed,)
    if len(gradients) != count:
        raise GradError(who, f"a hook returned {len(gradients)} gradients for {count}", "return one for each, or None")
    return gradients
