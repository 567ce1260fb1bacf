"""Programs as one file that imports NumPy alone: memory, kernels, training steps, inference, and a trial of itself."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core import REGISTRY, ops
from ..errors import UsageError
from .definitions import end
from .formatting import formatted, identifiers, renamed, without_dead_setup
from .harvest import Harvest, edited
from .kernels import Unknown, literal_text
from .texts import PREDICT, PREPARE, PREPARED, RESTORE, STORED, TRAIN_STEP, TRIAL

__all__ = ["Exported", "Prepare", "write_numpy"]

_PACKAGE = __name__.partition(".")[0]

_OWN = {
    "np",
    "pathlib",
    "stored",
    "memory",
    "random_numbers",
    "restore",
    "train_step",
    "predict",
    "follow_schedule",
    "Stale",
}
_OWN |= {"prepare", "memory_file", "dtypes"}
_OWN |= {"training_steps", "inference", "settings", "Path", "main", "begin", "count", "part", "i", "name", "array"}


@dataclasses.dataclass
class Prepare:
    """How inputs are standardized. ``inputs``: what they are before, in a sentence; ``given``, ``prepared``: samples."""

    mean: np.ndarray
    std: np.ndarray
    inputs: str
    given: np.ndarray
    prepared: np.ndarray


@dataclasses.dataclass
class Exported:
    """What a file is made of.

    ``training``: programs of updates; ``inference``: one of a forward pass without gradients, if any. ``states``: values
    of the arrays (by id) at named moments, "initial" among them; ``generator``: the state of the stream of random numbers
    at the beginning. ``lasting``: the arrays (by id) that are weights, buffers or states of the optimizer. ``rates``:
    settings that a schedule changes, (group, name, place) -> values by update. ``prepare``: of inputs, if anything.
    """

    title: str
    description: str
    training: Sequence[Any]
    inference: Any
    states: Mapping[str, Mapping[int, np.ndarray]]
    generator: Mapping[str, Any]
    rates: Mapping[tuple[int, str, int | None], np.ndarray]
    groups: Sequence[Mapping[str, Any]]
    lasting: set[int]
    losses: int = 1
    prepare: Prepare | None = None


def write_numpy(exported: Exported) -> tuple[str, dict[str, np.ndarray]]:
    """Return the source of the file, and the arrays that it finds beside it. Raises UsageError for what has no source."""
    return _File(exported).write()


class _File:
    def __init__(self, exported: Exported):
        self.exported = exported
        programs = [*exported.training, *([exported.inference] if exported.inference is not None else [])]
        self.sources = {id(p): _without_modules(p.source.text, p.source.given) for p in programs}
        taken: set[str] = set()
        for text, held in self.sources.values():
            taken |= identifiers(text) - {name for name, value in held.items() if _is_function(value)}
        self.harvest = Harvest(taken | _OWN)
        self.roots: list[tuple[str, np.ndarray]] = []
        self.stored: dict[str, np.ndarray] = {}
        self._names = taken | _OWN
        self._settings: dict[int, str] = {}
        # All functions are known before the first is written: what one is called with decides about another.
        for value in (v for _, held in self.sources.values() for v in held.values()):
            if _is_function(value):
                self.harvest.add(value)

    def write(self) -> tuple[str, dict[str, np.ndarray]]:
        # Flat vectors first, so that what lies within them is written as a slice.
        for program in self.exported.training:
            for variable, array in program.flats.items():
                self._root(array, program.source.names[variable])
        builders = [self._builder(p, f"training_step_{i}") for i, p in enumerate(self.exported.training, 1)]
        if self.exported.inference is not None:
            builders.append(self._builder(self.exported.inference, "inference"))
        memory = self._memory(set(re.findall(r'settings\w*\["(\w+)"\]', "\n".join(builders))))
        kernels = self._kernels()
        parts = [self._head(), memory, kernels, *builders, self._use(), self._trial()]
        return "\n\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n", self.stored

    # -- memory --------------------------------------------------------------------------------------------------------

    def _root(self, array: np.ndarray, wish: str) -> str:
        for name, held in self.roots:
            if held is array:
                return name
        name, count = wish, 1
        while any(name == n for n, _ in self.roots) or name in _OWN or name in self.harvest.taken - {wish}:
            count += 1
            name = f"{wish}_{count}"
        self.roots.append((name, array))
        self.harvest.taken.add(name)
        return name

    def _expression(self, array: np.ndarray, wish: str) -> str:
        """Return how the file finds an array: by name, or as a slice of a vector."""
        for name, held in self.roots:
            if array.base is held and array.flags.c_contiguous and held.ndim == 1 and array.dtype == held.dtype:
                place = (array.__array_interface__["data"][0] - held.__array_interface__["data"][0]) // array.itemsize
                return f"{name}[{place}:{place + array.size}].reshape({literal_text(tuple(array.shape))})"
        return self._root(array, wish)

    def _memory(self, options: set[str]) -> str:
        lines = [
            _rule("memory: weights, buffers, and what the optimizer keeps of them"),
            "",
            STORED,
        ]
        held = [(name, array) for name, array in self.roots if id(array) in self.exported.lasting]
        for name, array in self.roots:
            if id(array) not in self.exported.lasting:
                lines += self._constant(name, array)
                continue
            first = self.exported.states["initial"].get(id(array))
            self.stored[f"initial.{name}"] = np.array(array if first is None else first)
            for moment, values in self.exported.states.items():
                if moment != "initial" and id(array) in values:
                    self.stored[f"{moment}.{name}"] = values[id(array)]
            lines.append(
                f'{name} = stored["initial.{name}"].copy()  # {array.dtype} {literal_text(tuple(array.shape))}'
            )
        items = ", ".join(f'"{name}": {name}' for name, _ in held)
        lines += formatted(f"memory = {{{items}}}")
        for i, group in enumerate(self.exported.groups):
            plain = {k: v for k, v in group.items() if k in options and _is_plain(v)}
            text = ", ".join(f'"{k}": {v!r}' for k, v in plain.items())
            lines += ["# the optimizer's settings" + (f", group {i + 1}" if len(self.exported.groups) > 1 else "")]
            lines += formatted(f"{self._settings_name(group)} = {{{text}}}")
        lines += ["random_numbers = np.random.Generator(np.random.PCG64DXSM())", "", ""]
        lines += [
            RESTORE.format(
                generator="\n".join(
                    formatted(f"    random_numbers.bit_generator.state = {dict(self.exported.generator)!r}")
                )
            )
        ]
        lines += self._schedule()
        return "\n".join(lines)

    def _constant(self, name: str, array: np.ndarray) -> list[str]:
        """Return the lines that make an array that never changes."""
        shape, dtype = literal_text(tuple(array.shape)), literal_text(array.dtype)
        if array.size and (array == array.flat[0]).all():
            return [f"{name} = np.full({shape}, {literal_text(array.flat[0].item())}, {dtype})"]
        self.stored[f"constant.{name}"] = array
        return [f'{name} = stored["constant.{name}"]  # {array.dtype} {shape}']

    def _settings_name(self, group: Any) -> str:
        if id(group) not in self._settings:
            number = len(self._settings) + 1
            self._settings[id(group)] = "settings" if number == 1 else f"settings_{number}"
        return self._settings[id(group)]

    def _schedule(self) -> list[str]:
        lines = [
            "",
            "",
            "def follow_schedule(i):",
            '    """Give the optimizer its settings for update ``i``, counted from 0."""',
        ]
        if not self.exported.rates:
            return [*lines[:-1], '    """Do nothing: the settings are the same in all updates."""']
        pairs: dict[tuple[int, str], list[str]] = {}
        for (number, name, place), values in self.exported.rates.items():
            key = f"rates.{number}.{name}" + ("" if place is None else f".{place}")
            self.stored[key] = values
            last = len(values) - 1
            pairs.setdefault((number, name), []).append(f'float(stored["{key}"][min(i, {last})])')
        for (number, name), values in pairs.items():
            group = self._settings_name(self.exported.groups[number])
            text = (
                values[0]
                if len(values) == 1 and not isinstance(self.exported.groups[number][name], (tuple, list))
                else f"({', '.join(values)})"
            )
            lines += formatted(f'    {group}["{name}"] = {text}')
        return lines

    # -- kernels -------------------------------------------------------------------------------------------------------

    def _kernels(self) -> str:
        text = self.harvest.text()
        return f"{_rule('what the steps call')}\n\n\n{text}" if text else ""

    # -- programs ------------------------------------------------------------------------------------------------------

    def _builder(self, program: Any, name: str) -> str:
        """Return the function that lays out a program's memory and returns the program."""
        if program.step.found:
            raise UsageError("export", "the step uses gradients of an earlier one", "call zero_grad() in the step")
        names: dict[str, str] = {}
        extra: list[str] = []
        freed: list[str] = []
        arrays = {
            program.source.names[v]: a
            for v, a in {**program.step.constants, **program.flats}.items()
            if v in program.source.names.of
        }
        source, held = self.sources[id(program)]
        for given, value in held.items():
            value = arrays.get(given, value) if value is None or isinstance(value, np.ndarray) else value
            if isinstance(value, np.ndarray):
                text = self._expression(value, given)
                if text.isidentifier():
                    names[given] = text
                else:
                    extra.append(f"{given} = {text}")
            elif isinstance(value, dict):
                names[given] = self._settings_name(value)
            elif inspect.ismodule(value):
                self.harvest.imports.add(f"import {value.__name__}" + (f" as {given}" * (given != value.__name__)))
            elif _is_function(value):
                names[given] = self.harvest.add(value)
                freed.append(names[given])
            else:
                try:
                    extra.append(f"{given} = {literal_text(value)}")
                except Unknown:
                    what = f"{_operation_with(given, source)} uses a {type(value).__name__} ({given})"
                    raise UsageError("export", what, "export a network without it") from None
        text = source.split("\n", 1)[1]
        setup, _, step = text.partition("@np.errstate")
        lines = [
            line for line in setup.strip("\n").split("\n") if not (line.startswith("# ") and line.endswith(", given"))
        ]
        step = _plainer("@np.errstate" + step.rstrip("\n"))
        lines = without_dead_setup([*extra, *lines], step)
        text = renamed("\n".join(lines) + "\n\n" + step, names)
        text = self._without_np(text, freed)
        shapes = ", ".join(
            f"{program.source.names[v]} {literal_text(tuple(v.shape))}" for v in dict.fromkeys(program.step.inputs)
        )
        what = "an update" if name.startswith("training") else "the network's outputs"
        head = [f"def {name}():", f'    """Return the function that computes {what} for {shapes}."""']
        body = [piece for line in text.split("\n") for piece in formatted(f"    {line}" if line else "")]
        returned = "step"
        return "\n".join([*head, *body, "", f"    return {returned}"])

    def _without_np(self, text: str, functions: list[str]) -> str:
        """Leave out the first argument of calls of functions that do not take it any more."""
        calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        edits = []
        for call in calls:
            assert isinstance(call.func, ast.Name)
            if call.func.id not in functions or not self.harvest.leaves_out_np(call.func.id):
                continue
            following = [(a.lineno, a.col_offset) for a in call.args[1:]] + [
                (k.lineno, k.col_offset) for k in call.keywords
            ]
            start, end = (
                (call.args[0].lineno, call.args[0].col_offset),
                (call.args[0].end_lineno, call.args[0].end_col_offset),
            )
            edits.append((start, min(following, default=end), ""))
        return edited(text, edits)  # type: ignore[arg-type]

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _head(self) -> str:
        description = textwrap.indent(self.exported.description.strip("\n"), "")
        imports = sorted(i for i in self.harvest.imports if i.startswith("import "))
        froms = sorted({*(i for i in self.harvest.imports if i.startswith("from ")), "from pathlib import Path"})
        lines = [
            f'"""{self.exported.title}',
            "",
            description,
            '"""',
            "",
            *imports,
            *_merged(froms),
            "",
            "import numpy as np",
        ]
        stale = ["", "", "class Stale(Exception):", '    """A program was made for other settings."""']
        return "\n".join([*lines, *stale])

    def _use(self) -> str:
        names = [f"training_step_{i}" for i in range(1, len(self.exported.training) + 1)]
        shapes = [tuple(tuple(v.shape) for v in dict.fromkeys(p.step.inputs)) for p in self.exported.training]
        entries: dict[str, list[str]] = {}
        for shape, name in zip(shapes, names, strict=True):
            entries.setdefault(literal_text(shape), []).append(f"{name}()")
        items = ", ".join(f"{shape}: [{', '.join(made)}]" for shape, made in entries.items())
        lines = [_rule("how to use it"), "", *formatted(f"training_steps = {{{items}}}"), "", ""]
        inputs = list(dict.fromkeys(self.exported.training[0].step.inputs))
        dtypes = ", ".join(literal_text(v.dtype) for v in inputs[:2])
        lines.append(TRAIN_STEP.format(dtypes=f"({dtypes})"))
        prepare = self.exported.prepare
        if prepare is not None:
            self.stored["prepare.mean"], self.stored["prepare.std"] = prepare.mean, prepare.std
            self.stored["samples.given"], self.stored["samples.prepared"] = prepare.given, prepare.prepared
            lines += ["", "", PREPARE.format(inputs=prepare.inputs, dtype=literal_text(inputs[0].dtype))]
        if self.exported.inference is not None:
            first = self.exported.inference.step.inputs[0]
            told = " Inputs are what prepare() returns." if prepare is not None else ""
            text = PREDICT.format(size=first.shape[0], dtype=literal_text(first.dtype), prepared=told)
            lines += ["", "", text]
        return "\n".join(lines)

    def _trial(self) -> str:
        prepared = PREPARED if self.exported.prepare is not None else ""
        return TRIAL.format(losses=self.exported.losses, prepared=prepared)


def _rule(text: str) -> str:
    return f"# -- {text} ".ljust(100, "-")


def _merged(imports: list[str]) -> list[str]:
    """Return from-imports with those of one module on one line."""
    modules: dict[str, list[str]] = {}
    for line in imports:
        module, _, name = line.removeprefix("from ").partition(" import ")
        modules.setdefault(module, []).append(name)
    return [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]


def _is_plain(value: Any) -> bool:
    try:
        literal_text(value)
    except Unknown:
        return False
    return True


def _without_modules(text: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a source that calls the library's functions by their names alone, and what its names stand for.

    ``ops.erf(x)`` becomes ``erf(np, x)``, a call of that operation's kernel.
    """
    held = {name: value for name, value in given.items() if not _is_room(value)}
    taken, edits = identifiers(text) | set(held), []
    for node in ast.walk(ast.parse(text)):
        if not (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and _is_room(given.get(node.value.id))
        ):
            continue
        room: Any = given[node.value.id]
        value = inspect.unwrap(REGISTRY[node.attr].kernel) if room is ops else getattr(room, node.attr)
        name = next((n for n, known in held.items() if known is value), None)
        if name is None:
            name = next(n for n in (node.attr, *(f"{node.attr}_{i}" for i in range(2, 1000))) if n not in taken)
            taken.add(name)
            held[name] = value
        line, column = end(node)
        edits.append(((node.lineno, node.col_offset), (line, column), name))
        if room is ops:
            edits.append(((line, column + 1), (line, column + 1), "np, "))
    return edited(text, edits), held  # type: ignore[arg-type]


def _is_room(value: Any) -> bool:
    """Return whether a value is the collection of operations, or one of the library's modules."""
    return value is ops or (inspect.ismodule(value) and value.__name__.partition(".")[0] == _PACKAGE)


def _operation_with(name: str, source: str) -> str:
    """Return the operation, by the comment above it, whose lines use a name."""
    operation = "the step"
    for line in source.partition("def step(")[2].split("\n"):
        found = re.match(r"\s*# (\w+): ", line)
        operation = f"the operation {found[1]}" if found is not None else operation
        if found is None and re.search(rf"\b{re.escape(name)}\b", line):
            return operation
    return "the step"


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__name__") and not isinstance(value, type)


def _plainer(step: str) -> str:
    """Leave out lines that are a name alone, and give each call of a line of several its own."""
    lines: list[str] = []
    for line in step.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        try:
            statement = ast.parse(line.strip()).body
        except SyntaxError:
            statement = []
        value = statement[0].value if len(statement) == 1 and isinstance(statement[0], ast.Expr) else None
        if isinstance(value, ast.Name):
            continue
        if isinstance(value, ast.Tuple):
            lines += [indent + ast.unparse(e) for e in value.elts if not isinstance(e, (ast.Name, ast.Constant))]
        else:
            lines.append(line)
    return "\n".join(lines)
