"""When a program holds: the conditions under which Python would do again what it did while the step was captured.

They become one expression, which is looked at before every run: identity of tensors and of their memory, values of
plain variables, and, only when a module was altered since, the attributes of the modules.
"""

from __future__ import annotations

import gc
import types
from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..core import Tensor
from .capture import Capture
from .program import Step
from .snapshots import ModuleSnapshot, contents, is_plain, same
from .watch import Watch

__all__ = ["Guards", "guards_of"]


class Guards:
    """Builds the expression of a program's conditions."""

    def __init__(self) -> None:
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

    def add_value(self, place: str, holder: Any, value: Any) -> None:
        """Add the condition that a place (an expression of ``holder``) has a value still."""
        if value is None or value is True or value is False:
            self.add(f"{place} is {value}", holder)
        elif is_plain(value):
            kind = self._name(type(value))
            self.add(f"type({place}) is {kind} and {place} == {{1}}", holder, value)
        else:
            self.add(f"{place} is {{1}}", holder, value)
            self._add_contents(value)

    def _add_contents(self, value: Any) -> None:
        if isinstance(value, (list, dict)) or (isinstance(value, tuple) and not is_plain(value)):
            self.add("same({0}, {1})", value, contents(value))
        elif _is_plain_object(value):
            self.add("same(vars({0}), {1})", value, contents(vars(value)))


def _is_plain_object(value: Any) -> bool:
    """Return whether a value is an object of the user's that holds settings: no tensor, module, function or class."""
    kinds = (
        Tensor,
        type,
        types.ModuleType,
        types.FunctionType,
        types.BuiltinFunctionType,
        types.MethodType,
        np.ndarray,
    )
    if isinstance(value, kinds) or not hasattr(value, "__dict__"):
        return False
    return not type(value).__module__.startswith(("tapegrad.", "numpy")) and not hasattr(value, "_parameters")


def guards_of(capture: Capture, watch: Watch, step: Step) -> Guards:
    """Return the conditions of a captured step."""
    guards = Guards()
    _guard_tensors(guards, step)
    _guard_gradients(guards, capture)
    _guard_settings(guards, capture, step)
    _guard_environment(guards, watch)
    for module, snapshot in capture.modules:
        guards.snapshots.append(snapshot)
        for name, value in vars(module).items():
            if isinstance(value, (list, dict)) and not name.startswith("_"):
                guards.add("same({0}, {1})", value, contents(value))
    guards.add("dtype() == {0}", get_default_dtype())
    guards.space["dtype"] = get_default_dtype
    return guards


def _guard_tensors(guards: Guards, step: Step) -> None:
    tensors = [t for t in step.owners.values() if t is not None]
    tensors += [t for flat in step.flats for t in flat.tensors or ()]
    for t in tensors:
        guards.add("{0}.array is {1}", t, t.array)
        guards.add(f"{{0}}._leaf_grad is {t._leaf_grad}", t)
        guards.add("not {0}._hooks", t)


def _guard_gradients(guards: Guards, capture: Capture) -> None:
    for gradient in capture.gradients.values():
        if gradient.looked:
            guards.add("{0}._grad is None" if gradient.variable is None else "{0}._grad is not None", gradient.leaf)


def _guard_settings(guards: Guards, capture: Capture, step: Step) -> None:
    for group, name, value in capture.fixed_settings:
        guards.add_value(f"{{0}}[{name!r}]", group, value)
    for flat in step.flats:
        optimizer = flat.optimizer
        guards.add("{0}.state is {1}", optimizer, optimizer.state)
        guards.add("{0}.param_groups is {1}", optimizer, optimizer.param_groups)
        for i, group in enumerate(optimizer.param_groups):
            guards.add(f"{{0}}.param_groups[{i}] is {{1}}", optimizer, group)
            guards.add(f"len({{0}}['params']) == {len(group['params'])}", group)
        guards.add("not {0}._pre_hooks and not {0}._post_hooks", optimizer)
        if flat.counts:
            guards.add("equal({0})", flat)
            guards.space["equal"] = _all_equal
        if flat.tensors is not None and flat.use != "parameters":
            for p, t in zip(flat.owners, flat.tensors, strict=True):
                guards.add(f"{{0}}[{flat.use!r}] is {{1}}", optimizer.state[p], t)


def _all_equal(flat: Any) -> bool:
    values = flat.array.tolist()
    return values.count(values[0]) == len(values)


def _guard_environment(guards: Guards, watch: Watch) -> None:
    for space, name, value in watch.environment:
        guards.add_value(f"{{0}}[{name!r}]", space, value)
    for code in watch.codes:
        if code.co_freevars:
            for function in gc.get_referrers(code):
                if isinstance(function, types.FunctionType) and function.__closure__:
                    _guard_cells(guards, function)


def _guard_cells(guards: Guards, function: types.FunctionType) -> None:
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        guards.add_value("{0}.cell_contents", cell, value)
