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
        self._local: dict[tuple[Variable, str], str] = {}
        modules = module_names(step.entered)
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

    def local(self, variable: Variable, name: str) -> str:
        """Return what a kernel's own variable is called where the kernel computes a value: no other has that name."""
        if (variable, name) not in self._local:
            self._local[variable, name] = self.unique(f"{self.of[variable]}_{name}")
        return self._local[variable, name]

    def _name_inputs(self, step: Step, arguments: list[str]) -> None:
        for variable, name in zip(step.inputs, arguments, strict=True):
            self.give(variable, name)

    def _name_settings(self, step: Step) -> None:
        for variable, (_, name, place) in step.settings.items():
            self.give(variable, name if place is None else f"{name.rstrip('s')}{place + 1}")

    def _name_flats(self, step: Step) -> None:
        for flat in step.flats:
            self.give(flat.variable, f"{flat.use}s" if flat.counts and flat.use == "step" else flat.use)

    def _name_tensors(self, step: Step, modules: dict[int, str]) -> None:
        paths = _tensor_paths(modules, step.entered)
        for flat in step.flats:
            if flat.tensors is not None and flat.use == "parameters":
                for part, t in zip(flat.parts, flat.tensors, strict=True):
                    self.give(part, paths.get(id(t), "parameter"))
        parameters = {
            id(t): p for f in step.flats if f.use == "parameters" for p, t in zip(f.parts, f.owners, strict=True)
        }
        for flat in step.flats:
            if flat.use not in ("parameters", "gradients") and flat.tensors is not None:
                for part, owner in zip(flat.parts, flat.owners, strict=True):
                    self.give(part, f"{flat.use}_{self.of[parameters[id(owner)]] if id(owner) in parameters else 0}")
        for variable in step.constants:
            owner = step.owners.get(variable)
            self.give(variable, paths.get(id(owner), "") or ("constant" if owner is None else "tensor"))
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
                    self.give(out, self._number(e))
                elif source is not None and source in self.of:
                    self.give(out, f"grad_{self.of[source]}")
                elif module is not None and modules.get(id(module)) and last.get(id(module)) is e and i == 0:
                    self.give(out, modules[id(module)])
                else:
                    self.give(out, self._derived(e, i, modules.get(id(module), "")))

    def _number(self, e: Any) -> str:
        """Return a name for what is computed of settings: what it is made of, while that is short."""
        name = e.primitive.name
        words = [self.of.get(x, "") if isinstance(x, Variable) else _number_text(x) for x in e.inputs]
        if name in _VERBS and all(words):
            wish = f"sqrt_{words[0]}" if (name, words[1]) == ("pow", "half") else _VERBS[name].format(*words)
            if len(wish) <= _LONGEST_NUMBER:
                return wish
        return "number"

    def _derived(self, e: Any, place: int, module: str) -> str:
        """Return a name for a result that no module stands for: views are called after what they show."""
        name = e.primitive.name
        source = self.of.get(e.inputs[0]) if e.inputs and isinstance(e.inputs[0], Variable) else None
        if name == "count":
            return "t"
        if source is not None and len(source) <= _LONGEST and name in _VIEWS:
            return f"{source}_{_VIEWS[name]}"
        name = _PARTS[name][place] if name in _PARTS else name
        return f"{module}_{name}" if module and len(module) <= _LONGEST and e.primitive.name not in _PARTS else name


# What numbers, and views, are called after the operation that gives them.
_VERBS = {
    "add": "{0}_plus_{1}",
    "sub": "{0}_minus_{1}",
    "mul": "{0}_times_{1}",
    "pow": "{0}_to_{1}",
    "truediv": "{0}_by_{1}",
}
_VIEWS = {
    "transpose": "T",
    "mT": "T",
    "permute": "permuted",
    "reshape": "reshaped",
    "expand": "expanded",
    "cast": "cast",
}
_VIEWS |= {"gt": "mask", "ge": "mask", "lt": "mask", "le": "mask"}
_PARTS = {"softmax_cross_entropy": ("loss", "loss_gradient"), "standardize": ("standardized", "mean", "variance")}
_LONGEST, _LONGEST_NUMBER = 24, 30


def _number_text(value: Any) -> str:
    return {1: "one", 2: "two", 0.5: "half"}.get(value, "")


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
            kind = _kind(root)
            names[id(root)] = "loss" if kind.endswith("loss") else kind
    return names


def _kind(module: Any) -> str:
    return re.sub(r"(?<=[a-z])[123]d$", "", type(module).__name__.lower())


def _readable(root: Any, path: str) -> str:
    """Return a path in which a place in a Sequential is the class, counted among those of its kind: linear1, relu1."""
    parts = []
    for part in path.split("."):
        held = root._modules
        root = held[part]
        if part.isdigit():
            alike = [name for name, module in held.items() if type(module) is type(root)]
            part = f"{_kind(root)}{alike.index(part) + 1}"
        parts.append(part)
    return "_".join(parts)
