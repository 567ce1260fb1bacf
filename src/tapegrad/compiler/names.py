"""Names for the values of a program, from the module path: ``fc1_weight``, ``grad_fc1_weight``, ``fc1``."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

from ..core import Variable
from .program import Step, is_number

__all__ = ["Names", "module_names"]

_TAKEN = {*keyword.kwlist, *dir(builtins), "np", "math", "step", "scratch", "Stale"}


class Names:
    """Gives each value of a step one name that no other has."""

    def __init__(self, step: Step, arguments: list[str]):
        self.of: dict[Variable, str] = {}
        self._taken = set(_TAKEN)
        modules = module_names([m for m in step.modules.values() if m is not None])
        self._name_inputs(step, arguments)
        self._name_settings(step)
        self._name_flats(step)
        self._name_tensors(step, modules)
        self._name_results(step, modules)

    def __getitem__(self, variable: Variable) -> str:
        return self.of[variable]

    def unique(self, wish: str) -> str:
        """Return the name that was wished for, or one like it that is still free."""
        wish = re.sub(r"\W+", "_", wish).strip("_") or "value"
        wish = f"v{wish}" if wish[0].isdigit() else wish
        name, count = wish, 1
        while name in self._taken:
            count += 1
            name = f"{wish}_{count}" if wish[-1].isdigit() else f"{wish}{count}"
        self._taken.add(name)
        return name

    def give(self, variable: Variable, wish: str) -> None:
        """Name a value unless it has a name already."""
        if variable not in self.of:
            self.of[variable] = self.unique(wish)

    def _name_inputs(self, step: Step, arguments: list[str]) -> None:
        for variable, name in zip(step.inputs, arguments, strict=True):
            self.give(variable, name)

    def _name_settings(self, step: Step) -> None:
        for variable, (_, name, place) in step.settings.items():
            self.give(variable, name if place is None else f"{name.rstrip('s')}{place + 1}")

    def _name_flats(self, step: Step) -> None:
        for flat in step.flats:
            self.give(flat.variable, flat.use)

    def _name_tensors(self, step: Step, modules: dict[int, str]) -> None:
        paths = _tensor_paths(modules, [m for m in step.modules.values() if m is not None])
        for flat in step.flats:
            if flat.tensors is not None and flat.use == "parameters":
                for part, t in zip(flat.parts, flat.tensors, strict=True):
                    self.give(part, paths.get(id(t), "parameter"))
        for variable in step.constants:
            owner = step.owners.get(variable)
            self.give(variable, paths.get(id(owner), "") or ("constant" if owner is None else "tensor"))
        parameters = {
            id(t): p for f in step.flats if f.tensors is not None for p, t in zip(f.parts, f.tensors, strict=True)
        }
        for flat in step.flats:
            if flat.use not in ("parameters", "gradients") and flat.tensors is not None:
                for i, part in enumerate(flat.parts):
                    self.give(part, f"{flat.use}_{i}")
        for leaf, variable in [*step.found, *step.gradients]:
            part = parameters.get(id(leaf))
            name = self.of[part] if part is not None else paths.get(id(leaf), "")
            self.give(variable, f"grad_{name or 'tensor'}")

    def _name_results(self, step: Step, modules: dict[int, str]) -> None:
        last = {id(m): e for e in step.equations if (m := step.modules.get(id(e))) is not None for _ in e.outputs}
        for e in step.equations:
            module = step.modules.get(id(e))
            for i, out in enumerate(e.outputs):
                if out in self.of:
                    continue
                source = step.gradient_of.get(out)
                if is_number(e.primitive):
                    self.give(out, "t" if e.primitive.name == "count" else "number")
                elif source is not None and source in self.of:
                    self.give(out, f"grad_{self.of[source]}")
                elif module is not None and modules.get(id(module)) and last.get(id(module)) is e and i == 0:
                    self.give(out, modules[id(module)])
                else:
                    self.give(out, "t" if e.primitive.name == "count" else e.primitive.name)


def _tensor_paths(modules: dict[int, str], used: list[Any]) -> dict[int, str]:
    paths: dict[int, str] = {}
    for module in used:
        for held in (module._parameters, module._buffers):
            for name, t in held.items():
                if t is not None:
                    paths.setdefault(id(t), f"{modules.get(id(module), '')}_{name}".strip("_"))
    return paths


def module_names(modules: list[Any]) -> dict[int, str]:
    """Return names of modules by id, from the paths in their roots; a place in a Sequential gets its class's name."""
    names: dict[int, str] = {}
    inner = {id(m) for module in modules for m in module.modules() if m is not module}
    for root in modules:
        if id(root) in inner or id(root) in names:
            continue
        names[id(root)] = ""
        for path, module in root.named_modules():
            if path:
                names.setdefault(id(module), _readable(root, path))
        if not list(root.children()):
            names[id(root)] = type(root).__name__.lower()
    return names


def _readable(root: Any, path: str) -> str:
    parts = []
    for part in path.split("."):
        root = root._modules[part]
        parts.append(f"{type(root).__name__.lower()}{part}" if part.isdigit() else part)
    return "_".join(parts)
