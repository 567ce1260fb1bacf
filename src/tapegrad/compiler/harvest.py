"""Functions of the library as source text that stands by itself: with all that they call, and without the library.

The text is the library's own, comments and all. Annotations and our decorators go, errors become Python's, and ``xp``
becomes ``np`` where a function is only ever called with NumPy.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import importlib.util
import inspect
import pathlib
import re
import symtable
import sys
from collections.abc import Callable
from typing import Any

from ..core import REGISTRY, ops
from ..errors import TapegradError, UsageError

__all__ = ["Harvest", "edited"]

_WIDTH = 120
_PACKAGE = __name__.partition(".")[0]
_STREAM = '''def {name}(*names):
    """Return the stream of random numbers that everything is drawn from."""
    return random_numbers'''
_HALVES = '''def {name}(xp, work, count):
    """Return [work(0, middle), work(middle, count)]: the same two parts, one after the other."""
    if count < 2:
        return [work(0, count)]
    middle = (count + 1) // 2
    return [work(0, middle), work(middle, count)]'''
# What is other in a program of its own: one stream of random numbers, and one thread.
_SUBSTITUTES = {("ops.draw", "_stream"): _STREAM, ("ops.threads", "halves"): _HALVES}


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
        module, name = _home(module, name)
        key = (module, name)
        if key in self.units:
            return self.units[key]
        text, node = _definition(module, name)
        unit = _Unit(module, name, node, text)
        for defined in unit.defines:
            self.units[module, defined] = unit
            self.names[module, defined] = self._unique(defined)
        for needed in sorted(_free_names(text)):
            self._need(unit, needed)
        self._order.append(unit)
        return unit

    def _need(self, unit: _Unit, name: str) -> None:
        if name in dir(builtins) or name in (*unit.defines, "random_numbers", "__name__"):
            return
        found = _binding(unit.module, name)
        if found is None:
            raise UsageError("export", f"{unit.module}.{unit.name} uses {name}, which is not known", "report it")
        node = found[1]
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not _is_ours(node):
            if ast.unparse(node) != "import numpy as np":
                self.imports.add(_single_import(node, name))
            return
        value = getattr(sys.modules[unit.module], name, None)
        if isinstance(value, type) and issubclass(value, TapegradError):
            return
        if value is ops:  # a kernel that calls another operation
            for attribute in _attributes(unit.text, name):
                kernel: Any = inspect.unwrap(REGISTRY[attribute].kernel)
                unit.needs[f"{name}.{attribute}"] = self._unit(kernel.__module__, kernel.__name__)
            return
        if inspect.ismodule(value):
            for attribute in _attributes(unit.text, name):
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
            if isinstance(node, ast.Name) and _start(node) not in whole:
                edits.append((_start(node), _end(node), self._renamed(unit, node.id, own)))
            elif _is_held_np(node):
                edits.append((_start(node), _end(node), "np"))
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in unit.needs:
                needed = unit.needs[ast.unparse(node)]
                edits = [e for e in edits if e[0] != _start(node)]
                edits.append((_start(node), _end(node), self.names[needed.module, needed.name]))
                if getattr(sys.modules[unit.module], ast.unparse(node.value)) is ops:
                    line, column = _end(node)
                    edits.append(((line, column + 1), (line, column + 1), "np, "))
                whole.add(_start(node))
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == unit.name:
                place = node.lineno, node.col_offset + (4 if isinstance(node, ast.FunctionDef) else 6)
                stop = place[0], place[1] + len(node.name.encode())
                edits.append((place, stop, self.names[unit.module, unit.name]))
                if own and isinstance(node, ast.FunctionDef):
                    gone.append(_first_piece(text, node))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and self._is_free(unit, node.func.id):
                following = [*map(_start, node.args[1:]), *((k.lineno, k.col_offset) for k in node.keywords)]
                gone.append((_start(node.args[0]), min(following, default=_end(node.args[0]))))
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
            return self.names[needed.module, _home(unit.module, name)[1]]
        return self.names[unit.module, name] if name in unit.defines else name

    @staticmethod
    def _with_plain_errors(unit: _Unit) -> str:
        edits: list[tuple[Any, Any, str]] = []
        for node in ast.walk(ast.parse(unit.text)):
            if isinstance(node, ast.Call):
                edits += _plain_error(node, sys.modules[unit.module], unit.text)
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
    stop = _end(first)
    line = text.encode().split(b"\n")[stop[0] - 1][stop[1] :].decode()
    found = re.match(r"\s*,\s*", line)
    if found is None:
        return _start(first), stop
    if found.group() == line:  # alone on its line
        after = text.split("\n")[stop[0]]
        return _start(first), (stop[0] + 1, len(after) - len(after.lstrip()))
    return _start(first), (stop[0], stop[1] + len(found.group().encode()))


def _joined_heads(text: str) -> str:
    """Put heads of functions on one line that fit there, now that they are shorter."""

    def join(found: re.Match) -> str:
        line = f"{found[1]}{found[2]}):"
        return line if len(line) <= _WIDTH and "\n" not in found[2] and not found[2].endswith(",") else found[0]

    return re.sub(r"^([ ]*def \w+\()\n\s+([^\n]*)\n\s*\):$", join, text, flags=re.M)


def _first_parameter(node: ast.stmt) -> str:
    return node.args.args[0].arg if isinstance(node, ast.FunctionDef) and node.args.args else ""


def _start(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def edited(text: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]]) -> str:
    """Return a text with pieces between (line, column in UTF-8) replaced."""
    lines = text.encode().split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    data = text.encode()
    for (line, column), (last, stop), new in sorted(edits, key=lambda e: (e[0], e[1]), reverse=True):
        data = data[: starts[line - 1] + column] + new.encode() + data[starts[last - 1] + stop :]
    return data.decode()


# -- finding ------------------------------------------------------------------------------------------------------------


@functools.cache
def _source(module: str) -> tuple[str, ast.Module]:
    text = pathlib.Path(inspect.getsourcefile(importlib.import_module(module)) or "").read_text(encoding="utf-8")
    return text, ast.parse(text)


def _binding(module: str, name: str) -> tuple[str, ast.stmt] | None:
    """Return the statement of a module that gives a name its meaning."""
    for node in _source(module)[1].body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return module, node
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if any((alias.asname or alias.name.partition(".")[0]) == name for alias in node.names):
                return module, node
        elif isinstance(node, ast.Assign):
            if any(isinstance(n, ast.Name) and n.id == name for t in node.targets for n in ast.walk(t)):
                return module, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return module, node
    return None


def _is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.level > 0 or (node.module or "").partition(".")[0] == _PACKAGE)


def _home(module: str, name: str) -> tuple[str, str]:
    """Return the module that defines what a name means in a module, and its name there."""
    found = _binding(module, name)
    if found is not None and isinstance(found[1], ast.ImportFrom) and _is_ours(found[1]):
        node = found[1]
        alias = next(a for a in node.names if (a.asname or a.name) == name)
        base = importlib.util.resolve_name(
            "." * node.level + (node.module or ""), importlib.import_module(module).__package__
        )
        return _home(base, alias.name)
    return module, name


def _definition(module: str, name: str) -> tuple[str, ast.stmt]:
    """Return the text of a definition without our decorators and without annotations, and its tree."""
    substitute = _SUBSTITUTES.get((module.removeprefix(_PACKAGE + "."), name))
    if substitute is not None:
        text = substitute.format(name=name)
        return text, ast.parse(text).body[0]
    found = _binding(module, name)
    if found is None:
        raise UsageError("export", f"{module} has no source of {name}", "report it")
    node: Any = found[1]
    lines = _source(module)[0].split("\n")[node.lineno - 1 : node.end_lineno]
    decorators = []
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        decorators = [f"@{ast.unparse(d)}" for d in node.decorator_list if not _is_our_decorator(module, d)]
    text = _without_examples(_without_annotations("\n".join([*decorators, *lines])))
    return text, ast.parse(text).body[0]


def _is_our_decorator(module: str, decorator: ast.expr) -> bool:
    name = next(n.id for n in ast.walk(decorator) if isinstance(n, ast.Name))
    found = _binding(module, name)
    return found is not None and isinstance(found[1], ast.ImportFrom) and _is_ours(found[1])


def _without_annotations(text: str) -> str:
    edits: list[tuple[Any, Any, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            start = node.lineno, node.col_offset + len(node.arg.encode())
            line, column = _end(node.annotation)
            default = text.encode().split(b"\n")[line - 1][column:].startswith(b" = ")
            edits.append((start, (line, column + 3 * default), "=" * default))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            edits.append((_end(node.target), _end(node.annotation), ""))
    text = edited(text, edits)
    text = re.sub(r"^(\s*(?:async )?def .*?)\)\s*->\s*[^\n]+:$", r"\1):", text, flags=re.M)
    return re.sub(r"^(\s*\))\s*->\s*[^\n]+:$", r"\1:", text, flags=re.M)


def _without_examples(text: str) -> str:
    """Leave out what docstrings show of the library at work."""
    edits: list[tuple[Any, Any, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ">>>" in (ast.get_docstring(node) or ""):
            doc: Any = node.body[0]
            said = doc.value.value.partition(">>>")[0].rstrip()
            closing = "" if "\n" not in said else "\n" + " " * doc.col_offset
            raw = "r" if "\\" in said else ""
            edits.append((_start(doc), _end(doc), f'{raw}"""{said}{closing}"""'))
    return edited(text, edits)


def _attributes(text: str, name: str) -> list[str]:
    nodes = ast.walk(ast.parse(text))
    return sorted({n.attr for n in nodes if isinstance(n, ast.Attribute) and _is_name(n.value, name)})


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _free_names(text: str) -> set[str]:
    """Return the names that a definition takes from around itself."""
    found: set[str] = set()

    def look(table: symtable.SymbolTable) -> None:
        for symbol in table.get_symbols():
            if table.get_type() == "module":
                if symbol.is_referenced() and not symbol.is_assigned():
                    found.add(symbol.get_name())
            elif symbol.is_global() and symbol.is_referenced():
                found.add(symbol.get_name())
        for child in table.get_children():
            look(child)

    look(symtable.symtable(text, "<definition>", "exec"))
    return found


def _single_import(node: ast.Import | ast.ImportFrom, name: str) -> str:
    alias = next(a for a in node.names if (a.asname or a.name.partition(".")[0]) == name)
    alias_text = alias.name + (f" as {alias.asname}" if alias.asname else "")
    return f"from {node.module} import {alias_text}" if isinstance(node, ast.ImportFrom) else f"import {alias_text}"


def _plain_error(call: ast.Call, module: Any, text: str) -> list:
    """Return the edits that make one of our errors one of Python's, with its three parts as one sentence."""
    kind = getattr(module, call.func.id, None) if isinstance(call.func, ast.Name) else None
    if not (isinstance(kind, type) and issubclass(kind, TapegradError)):
        return []
    plain = next(k for k in (IndexError, TypeError, ValueError) if issubclass(kind, k) or k is ValueError)
    pieces: list[ast.expr] = []
    for argument, after in zip(call.args, (": ", "; ", ""), strict=False):
        pieces += argument.values if isinstance(argument, ast.JoinedStr) else [_formatted(argument)]
        pieces.append(ast.Constant(after))
    message = ast.unparse(ast.fix_missing_locations(ast.JoinedStr(pieces)))
    if message.startswith("f'") and '"' not in message:
        message = f'f"{message[2:-1]}"'
    line = text.split("\n")[call.lineno - 1]
    indent = " " * (len(line) - len(line.lstrip()))
    short = len(line[: call.col_offset]) + len(plain.__name__) + len(message) + 2 <= _WIDTH
    inner = message if short else f"\n{indent}    {message}\n{indent}"
    return [(_start(call), _end(call), f"{plain.__name__}({inner})")]


def _formatted(value: ast.expr) -> ast.expr:
    return value if isinstance(value, ast.Constant) else ast.FormattedValue(value, -1)
