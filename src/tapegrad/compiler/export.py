"""Programs as one file that imports NumPy alone: memory, kernels, training steps, inference, and a trial of itself."""

from __future__ import annotations

import ast
import dataclasses
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UsageError
from .formatting import formatted, identifiers, renamed, without_dead_setup
from .harvest import Harvest, edited
from .kernels import Unknown, literal_text

__all__ = ["Exported", "write_numpy"]

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
_OWN |= {"training_steps", "inference", "settings", "Path", "main", "begin", "count", "part", "i", "name", "array"}


@dataclasses.dataclass
class Exported:
    """What a file is made of.

    ``training``: programs of updates; ``inference``: one of a forward pass without gradients, if any. ``states``: values
    of the arrays (by id) at named moments, "initial" among them; ``generator``: the state of the stream of random numbers
    at the beginning. ``lasting``: the arrays (by id) that are weights, buffers or states of the optimizer. ``rates``: settings that a schedule changes, (group, name, place) -> values by update.
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


def write_numpy(exported: Exported) -> tuple[str, dict[str, np.ndarray]]:
    """Return the source of the file, and the arrays that it finds beside it. Raises UsageError for what has no source."""
    return _File(exported).write()


class _File:
    def __init__(self, exported: Exported):
        self.exported = exported
        programs = [*exported.training, *([exported.inference] if exported.inference is not None else [])]
        given = {name for p in programs for name, value in p.source.given.items() if _is_function(value)}
        taken = {name for p in programs for name in identifiers(p.source.text)} - given
        self.harvest = Harvest(taken | _OWN)
        self.roots: list[tuple[str, np.ndarray]] = []
        self.stored: dict[str, np.ndarray] = {}
        self._names = taken | _OWN
        self._settings: dict[int, str] = {}
        # All functions are known before the first is written: what one is called with decides about another.
        for value in (v for p in programs for v in p.source.given.values()):
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
            'stored = dict(np.load(Path(__file__).with_suffix(".npz"), allow_pickle=False))',
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
            _RESTORE.format(
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
        for given, value in program.source.given.items():
            value = arrays.get(given, value) if value is None or isinstance(value, np.ndarray) else value
            if isinstance(value, np.ndarray):
                text = self._expression(value, given)
                if text.isidentifier():
                    names[given] = text
                else:
                    extra.append(f"{given} = {text}")
            elif isinstance(value, dict):
                names[given] = self._settings_name(value)
            elif _is_function(value):
                names[given] = self.harvest.add(value)
                freed.append(names[given])
            else:
                try:
                    extra.append(f"{given} = {literal_text(value)}")
                except Unknown:
                    what = f"the step uses a {type(value).__name__} ({given})"
                    raise UsageError("export", what, "export a network without it") from None
        text = program.source.text.split("\n", 1)[1]
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
        lines = [_rule("how to use it"), "", *formatted(f"training_steps = {{{items}}}"), "", "", _TRAIN_STEP]
        if self.exported.inference is not None:
            size = self.exported.inference.step.inputs[0].shape[0]
            lines += ["", "", _PREDICT.format(size=size)]
        return "\n".join(lines)

    def _trial(self) -> str:
        return _TRIAL.format(losses=self.exported.losses)


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


_RESTORE = '''def restore(moment="initial"):
    """Put the memory where the training began ("initial"), or where it ended ("trained")."""
    for name, array in memory.items():
        if f"{{moment}}.{{name}}" in stored:
            array[...] = stored[f"{{moment}}.{{name}}"]
{generator}'''

_TRAIN_STEP = '''def train_step(*arrays):
    """Make one update with a batch (inputs, target), and return (loss, ..., output)."""
    arrays = [np.asarray(a) for a in arrays]
    for step in training_steps.get(tuple(a.shape for a in arrays), []):
        try:
            return step(*arrays)
        except Stale:
            continue
    raise ValueError(f"there is no step for arrays of the shapes {[a.shape for a in arrays]} with these settings")'''

_PREDICT = '''predict_batch = inference()


def predict(inputs):
    """Return the network's outputs for any number of inputs, {size} at a time, with the weights as they are now."""
    outputs = []
    for begin in range(0, len(inputs), {size}):
        part = inputs[begin : begin + {size}]
        count = len(part)
        if count < {size}:
            part = np.concatenate([part, np.zeros(({size} - count, *part.shape[1:]), part.dtype)])
        outputs.append(predict_batch(part)[0][:count].copy())
    return np.concatenate(outputs)'''

_TRIAL = '''def main():
    """Train on the batches that are stored, and compare each loss with the run's. Return how many differ."""
    restore("initial")
    differing = 0
    for i, expected in enumerate(stored["losses"]):
        follow_schedule(i)
        batch = [stored[f"batch.{{i}}.{{k}}"] for k in range(int(stored["arrays"]))]
        losses = [loss.item() for loss in train_step(*batch)[:{losses}]]
        same = losses == expected.tolist()
        differing += not same
        said = "as in the run" if same else f"in the run {{expected}}"
        print(f"update {{i + 1}}: loss {{sum(losses) / len(losses):.9g}}", said)
    return differing


if __name__ == "__main__":
    raise SystemExit(min(main(), 1))'''
