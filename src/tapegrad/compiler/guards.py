"""When a program holds: the conditions under which Python would do again what it did while the step was captured.

They become one expression, which is looked at before every run: identity of tensors and of their memory, values of
plain variables, and, only when a module was altered since, the attributes of the modules.
"""

from __future__ import annotations

import types
from collections import deque
from typing import Any

from ..array import get_default_dtype
from ..core import Tensor
from .capture import Capture
from .program import Step
from .reach import fields_of, is_users_object, is_users_space
from .snapshots import ModuleSnapshot, contents, is_plain, same
from .watch import Watch

__all__ = ["Guards", "guards_of"]


class Guards:
    """Builds the expression of a program's conditions."""

    def __init__(self, names: set[str] | None) -> None:
        # The names of the attributes that may have been read; None when that is not known.
        self.names = names
        self._looked: set[int] = set()
        self.space: dict[str, Any] = {"same": same}
        self.tests: list[str] = []
        self.snapshots: list[ModuleSnapshot] = []
        self._named: dict[int, str] = {}

    def _name(self, value: Any) -> str:
        name = self._named.get(id(value))
        if name is None:
            name = self._named[id(value)] = f"v{len(self._named)}"
            self.space[name] = value
        return name

    def add(self, template: str, *values: Any) -> None:
        """Add a condition: the template with the values' names put in."""
        test = template.format(*map(self._name, values))
        if test not in self.tests:
            self.tests.append(test)

    def add_value(self, place: str, holder: Any, value: Any, depth: int = 4) -> None:
        """Add the condition that a place (an expression of ``holder``) has a value still."""
        if value is None or value is True or value is False:
            self.add(f"{place} is {value}", holder)
        elif type(value) is float and (value == 0.0 or value != value):
            self.add(f"repr({place}) == {{1}}", holder, repr(value))  # 0.0 equals -0.0, and nan not even itself
        elif is_plain(value):
            kind = self._name(type(value))
            self.add(f"type({place}) is {kind} and {place} == {{1}}", holder, value)
        else:
            self.add(f"{place} is {{1}}", holder, value)
            self.add_contents(value, depth)

    def add_contents(self, value: Any, depth: int = 4) -> None:
        """Add the conditions that what can be read from a value is what it was."""
        if not depth or id(value) in self._looked:
            return
        self._looked.add(id(value))
        if isinstance(value, (list, dict, tuple)):
            self.add("same({0}, {1})", value, contents(value))
            for part in list(value.values() if isinstance(value, dict) else value)[:64]:
                if is_users_object(part):
                    self.add_contents(part, depth - 1)
        elif isinstance(value, (set, deque)):
            self.space[f"held{len(self.space)}"] = list(value)
            self.add("[*map(id, {0})] == {1}", value, list(map(id, value)))
        elif isinstance(value, (type, types.ModuleType)):
            if is_users_space(value):
                self._add_namespace(value, depth)
        elif hasattr(value, "_parameters") and hasattr(value, "_modules"):
            self.add_module(value, depth)
        elif is_users_object(value):
            if hasattr(value, "__dict__"):
                # An attribute that is set later may hide one of the class.
                self.add(f"len(vars({{0}})) == {len(vars(value))}", value)
            for name, part in fields_of(value).items():
                if self._is_read(name):
                    self.add_value(f"getattr({{0}}, {name!r}, None)", value, part, depth - 1)
            self._add_classes(value)

    def _is_read(self, name: str) -> bool:
        return self.names is None or name in self.names

    def _add_namespace(self, value: Any, depth: int) -> None:
        for name, part in vars(value).items():
            if self._is_read(name) and name[:2] != "__":
                self.add_value(f"vars({{0}}).get({name!r})", value, part, depth - 1)

    def _add_classes(self, value: Any) -> None:
        for kind in type(value).__mro__:
            if is_users_space(kind):
                self.add_contents(kind, 2)

    def add_module(self, module: Any, depth: int = 2) -> None:
        """Add the conditions of a module: those that have to be looked at each time, and the others."""
        if any(held.module is module for held in self.snapshots):
            return
        self.snapshots.append(ModuleSnapshot(module))
        for name, part in vars(module).items():
            if not name.startswith("_") and not is_plain(part):
                self.add_contents(part, depth - 1)
        for part in module._modules.values():
            if part is not None:
                self.add_module(part, depth)
        self._add_classes(module)


def guards_of(capture: Capture, watch: Watch, step: Step) -> Guards:
    """Return the conditions of a captured step."""
    guards = Guards(watch.names)
    _guard_tensors(guards, step, watch.reach.tensors)
    _guard_gradients(guards, capture)
    _guard_settings(guards, capture, step)
    _guard_environment(guards, watch)
    if capture.reads_options:
        for group in (g for o in watch.reach.optimizers for g in o.param_groups):
            for name, value in group.items():
                if is_plain(value):
                    guards.add_value(f"{{0}}[{name!r}]", group, value)
    for module, _ in capture.modules:
        guards.add_module(module)
    for value in watch.objects:
        guards.add_contents(value)
    guards.add("dtype() == {0}", get_default_dtype())
    guards.space["dtype"] = get_default_dtype
    return guards


def _guard_tensors(guards: Guards, step: Step, reached: dict[int, Tensor]) -> None:
    # Nobody differentiates an optimizer's own state: of it only the memory counts.
    states = {id(t): t for f in step.flats if f.use != "parameters" for t in f.tensors or ()}
    tensors = [t for t in step.owners.values() if t is not None]
    tensors += [t for flat in step.flats for t in flat.tensors or ()]
    # What the step read may be the result of detach(): it is the tensor that was detached that must stay.
    tensors += [reached[id(t.array)] for t in tensors if reached.get(id(t.array), t) is not t]
    for t in tensors:
        guards.add("{0}.array is {1}", t, t.array)
        if id(t) not in states:
            guards.add(f"{{0}}._leaf_grad is {t._leaf_grad}", t)
            guards.add("{0}._hooks is None" if t._hooks is None else "not {0}._hooks", t)


def _guard_gradients(guards: Guards, capture: Capture) -> None:
    for gradient in capture.gradients.values():
        if gradient.looked:
            guards.add("{0}._grad is None" if gradient.variable is None else "{0}._grad is not None", gradient.leaf)


def _guard_settings(guards: Guards, capture: Capture, step: Step) -> None:
    for group, name, value in capture.fixed_settings:
        guards.add_value(f"{{0}}[{name!r}]", group, value)
    for optimizer in {id(f.optimizer): f.optimizer for f in step.flats}.values():
        guards.add("{0}.state is {1}", optimizer, optimizer.state)
        guards.add("{0}.param_groups is {1}", optimizer, optimizer.param_groups)
        guards.add(f"len({{0}}.param_groups) == {len(optimizer.param_groups)}", optimizer)
        for i, group in enumerate(optimizer.param_groups):
            guards.add(f"{{0}}.param_groups[{i}] is {{1}}", optimizer, group)
            guards.add("[*map(id, {0}['params'])] == {1}", group, list(map(id, group["params"])))
        guards.add("not {0}._pre_hooks and not {0}._post_hooks", optimizer)
    for flat in step.flats:
        optimizer = flat.optimizer
        if flat.counts:
            guards.add("equal({0})", flat)
            guards.space["equal"] = _all_equal
        if flat.tensors is not None and flat.use != "parameters":
            for p, t in zip(flat.owners, flat.tensors, strict=True):
                guards.add("{0}.get({1}) is {2}", optimizer.state, p, optimizer.state[p])
                guards.add(f"{{0}}.get({flat.use!r}) is {{1}}", optimizer.state[p], t)


def _all_equal(flat: Any) -> bool:
    values = flat.array.tolist() if flat.array is not None else [t.array.item() for t in flat.tensors]
    return values.count(values[0]) == len(values)


def _guard_environment(guards: Guards, watch: Watch) -> None:
    for space, name, value in watch.environment:
        guards.add_value(f"{{0}}.get({name!r})", space, value)
    for cell, _, value in watch.cells:
        guards.add_value("{0}.cell_contents", cell, value)
