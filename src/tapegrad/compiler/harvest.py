"""Functions of the library as source text that stands by itself: with all that they call, and without the library.

The text is the library's own, comments and all. Annotations and our decorators go, errors become Python's, and ``xp``
becomes ``np`` where a function is only ever called with NumPy.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from ..core import REGISTRY, ops
from ..errors import TapegradError, UsageError
from .definitions import (
    WIDTH,
    attributes,
    binding,
    definition,
    edited,
    end,
    free_names,
    home,
    is_ours,
    plain_error,
    single_import,
    start,
)

__all__ = ["Harvest", "edited"]

_PACKAGE = __name__.partition(".")[0]


class _Unit:
    """One function, class or constant: where it comes from, its text, and what the names in it mean."""

    def __init__(self, module: str, name: str, node: ast.stmt, text: str):
        self.module = module
        self.name = name
        self.node = node
        self.text = text
        # An assignment may define several names at once.
        self.defines = _defined(node)
        self.needs: dict[str, _Unit] = {}


class Harvest:
    """Collects functions and all that they need. ``taken``: names that mean something else in the file."""

    def __init__(self, taken: set[str]):
        self.taken = {*taken, *dir(builtins), "np"}
        self.units: dict[tuple[str, str], _Unit] = {}
        self.imports: set[str] = set()
        self.names: dict[tuple[str, str], str] = {}
        self._order: list[_Unit] = []

    def add(self, function: Callable) -> str:
        """Collect a function, and return the name that it gets."""
        function = inspect.unwrap(function)
        unit = self._unit(function.__module__, function.__name__)
        return self.names[unit.module, unit.name]

    def leaves_out_np(self, name: str) -> bool:
        """Return whether the function of this name is written without the array module as its first argument."""
        return any(self.names[u.module, u.name] == name for u in self._freed)

    @functools.cached_property
    def _freed(self) -> list[_Unit]:
        """The functions that are never handed on, but called with ``xp`` at each place: it can be left out."""
        handed: set[int] = set()
        for unit in self._order:
            nodes = list(ast.walk(ast.parse(unit.text)))
            calls = [n for n in nodes if isinstance(n, ast.Call) and _passes_np(n)]
            direct = {id(c.func) for c in calls}
            for n in nodes:
                if isinstance(n, ast.Name) and n.id in unit.needs and id(n) not in direct:
                    handed.add(id(unit.needs[n.id]))
                elif isinstance(n, ast.Attribute) and ast.unparse(n) in unit.needs:
                    handed.add(id(unit.needs[ast.unparse(n)]))
        return [u for u in self._order if _first_parameter(u.node) == "xp" and id(u) not in handed]

    def text(self) -> str:
        """Return the source of everything collected, each before what uses it."""
        parts: list[str] = []
        before: _Unit | None = None
        for unit in self._order:
            constant = not isinstance(unit.node, (ast.FunctionDef, ast.ClassDef))
            close = before is not None and constant and not isinstance(before.node, (ast.FunctionDef, ast.ClassDef))
            parts.append(("\n" if close else "\n\n\n" if parts else "") + self._finished(unit))
            before = unit
        return "".join(parts)

    # -- collecting ----------------------------------------------------------------------------------------------------

    def _unit(self, module: str, name: str) -> _Unit:
        module, name = home(module, name)
        key = (module, name)
        if key in self.units:
            return self.units[key]
        text, node = definition(module, name)
        unit = _Unit(module, name, node, text)
        for defined in unit.defines:
            self.units[module, defined] = unit
            self.names[module, defined] = self._unique(defined)
        for needed in sorted(free_names(text)):
            self._need(unit, needed)
        self._order.append(unit)
        return unit

    def _need(self, unit: _Unit, name: str) -> None:
        if name in dir(builtins) or name in (*unit.defines, "random_numbers", "__name__"):
            return
        found = binding(unit.module, name)
        if found is None:
            raise UsageError("export", f"{unit.module}.{unit.name} uses {name}, which is not known", "report it")
        node = found[1]
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not is_ours(node):
            if ast.unparse(node) != "import numpy as np":
                self.imports.add(single_import(node, name))
            return
        value = getattr(sys.modules[unit.module], name, None)
        if isinstance(value, type) and issubclass(value, TapegradError):
            return
        if value is ops:  # a kernel that calls another operation
            for attribute in attributes(unit.text, name):
                kernel: Any = inspect.unwrap(REGISTRY[attribute].kernel)
                unit.needs[f"{name}.{attribute}"] = self._unit(kernel.__module__, kernel.__name__)
            return
        if inspect.ismodule(value):
            for attribute in attributes(unit.text, name):
                unit.needs[f"{name}.{attribute}"] = self._unit(value.__name__, attribute)
            return
        unit.needs[name] = self._unit(unit.module, name)

    def _unique(self, wish: str) -> str:
        name, count = wish, 1
        while name in self.taken:
            count += 1
            name = f"{wish}_{count}"
        self.taken.add(name)
        return name

    # -- writing -------------------------------------------------------------------------------------------------------

    def _finished(self, unit: _Unit) -> str:
        text = self._with_plain_errors(unit)
        own = unit in self._freed
        edits: list[tuple[Any, Any, str]] = []
        gone: list[tuple[Any, Any]] = []
        whole: set[tuple[int, int]] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name) and start(node) not in whole:
                edits.append((start(node), end(node), self._renamed(unit, node.id, own)))
            elif _is_held_np(node):
                edits.append((start(node), end(node), "np"))
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in unit.needs:
                needed = unit.needs[ast.unparse(node)]
                edits = [e for e in edits if e[0] != start(node)]
                edits.append((start(node), end(node), self.names[needed.module, needed.name]))
                if getattr(sys.modules[unit.module], ast.unparse(node.value)) is ops:
                    line, column = end(node)
                    edits.append(((line, column + 1), (line, column + 1), "np, "))
                whole.add(start(node))
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == unit.name:
                place = node.lineno, node.col_offset + (4 if isinstance(node, ast.FunctionDef) else 6)
                stop = place[0], place[1] + len(node.name.encode())
                edits.append((place, stop, self.names[unit.module, unit.name]))
                if own and isinstance(node, ast.FunctionDef):
                    gone.append(_first_piece(text, node))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and self._is_free(unit, node.func.id):
                following = [*map(start, node.args[1:]), *((k.lineno, k.col_offset) for k in node.keywords)]
                gone.append((start(node.args[0]), min(following, default=end(node.args[0]))))
        held = [(a, b) for a, b, new in edits if new == "np"]
        edits = [e for e in edits if not any(a <= e[0] < b for a, b in gone)]
        edits = [e for e in edits if e[2] == "np" or not any(a <= e[0] < b for a, b in held)]
        return _joined_heads(edited(text, [*edits, *((a, b, "") for a, b in gone)]))

    def _is_free(self, unit: _Unit, name: str) -> bool:
        return unit.needs.get(name) in self._freed

    def _renamed(self, unit: _Unit, name: str, own: bool) -> str:
        if own and name == "xp":
            return "np"
        needed = unit.needs.get(name)
        if needed is not None:
            return self.names[needed.module, home(unit.module, name)[1]]
        return self.names[unit.module, name] if name in unit.defines else name

    @staticmethod
    def _with_plain_errors(unit: _Unit) -> str:
        edits: list[tuple[Any, Any, str]] = []
        for node in ast.walk(ast.parse(unit.text)):
            if isinstance(node, ast.Call):
                edits += plain_error(node, sys.modules[unit.module], unit.text)
        return edited(unit.text, edits)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def _passes_np(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return (isinstance(first, ast.Name) and first.id in ("xp", "np")) or _is_held_np(first)


def _is_held_np(node: Any) -> bool:
    """Return whether an expression is ``self.xp``, read."""
    return isinstance(node, ast.Attribute) and node.attr == "xp" and isinstance(node.ctx, ast.Load)


def _first_piece(text: str, node: ast.FunctionDef) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where the first parameter is, with the comma, and the star of keywords that it leaves useless."""
    first = node.args.args[0]
    stop = end(first)
    line = text.encode().split(b"\n")[stop[0] - 1][stop[1] :].decode()
    found = re.match(r"\s*,\s*", line)
    if found is None:
        return start(first), stop
    if found.group() == line:  # alone on its line
        after = text.split("\n")[stop[0]]
        return start(first), (stop[0] + 1, len(after) - len(after.lstrip()))
    return start(first), (stop[0], stop[1] + len(found.group().encode()))


def _joined_heads(text: str) -> str:
    """Put heads of functions on one line that fit there, now that they are shorter."""

    def join(found: re.Match) -> str:
        line = f"{found[1]}{found[2]}):"
        return line if len(line) <= WIDTH and "\n" not in found[2] and not found[2].endswith(",") else found[0]

    return re.sub(r"^([ ]*def \w+\()\n\s+([^\n]*)\n\s*\):$", join, text, flags=re.M)


def _first_parameter(node: ast.stmt) -> str:
    return node.args.args[0].arg if isinstance(node, ast.FunctionDef) and node.args.args else ""
