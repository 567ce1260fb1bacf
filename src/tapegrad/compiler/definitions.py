"""Finding what a name means in a module of the library, and its definition as text without annotations and examples."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import pathlib
import re
import symtable
from typing import Any

from ..errors import TapegradError, UsageError

WIDTH = 120
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


def start(node: Any) -> tuple[int, int]:
    """Return where a node begins: line, and column in UTF-8."""
    return node.lineno, node.col_offset


def end(node: Any) -> tuple[int, int]:
    """Return where a node ends."""
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


@functools.cache
def _source(module: str) -> tuple[str, ast.Module]:
    text = pathlib.Path(inspect.getsourcefile(importlib.import_module(module)) or "").read_text(encoding="utf-8")
    return text, ast.parse(text)


def binding(module: str, name: str) -> tuple[str, ast.stmt] | None:
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


def is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    """Return whether an import is one of the library's own modules."""
    return isinstance(node, ast.ImportFrom) and (node.level > 0 or (node.module or "").partition(".")[0] == _PACKAGE)


def home(module: str, name: str) -> tuple[str, str]:
    """Return the module that defines what a name means in a module, and its name there."""
    found = binding(module, name)
    if found is not None and isinstance(found[1], ast.ImportFrom) and is_ours(found[1]):
        node = found[1]
        alias = next(a for a in node.names if (a.asname or a.name) == name)
        base = importlib.util.resolve_name(
            "." * node.level + (node.module or ""), importlib.import_module(module).__package__
        )
        return home(base, alias.name)
    return module, name


def definition(module: str, name: str) -> tuple[str, ast.stmt]:
    """Return the text of a definition without our decorators and without annotations, and its tree."""
    substitute = _SUBSTITUTES.get((module.removeprefix(_PACKAGE + "."), name))
    if substitute is not None:
        text = substitute.format(name=name)
        return text, ast.parse(text).body[0]
    found = binding(module, name)
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
    found = binding(module, name)
    return found is not None and isinstance(found[1], ast.ImportFrom) and is_ours(found[1])


def _without_annotations(text: str) -> str:
    edits: list[tuple[Any, Any, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            start = node.lineno, node.col_offset + len(node.arg.encode())
            line, column = end(node.annotation)
            default = text.encode().split(b"\n")[line - 1][column:].startswith(b" = ")
            edits.append((start, (line, column + 3 * default), "=" * default))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            edits.append((end(node.target), end(node.annotation), ""))
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
            edits.append((start(doc), end(doc), f'{raw}"""{said}{closing}"""'))
    return edited(text, edits)


def attributes(text: str, name: str) -> list[str]:
    """Return the attributes of a name that a text uses."""
    nodes = ast.walk(ast.parse(text))
    return sorted({n.attr for n in nodes if isinstance(n, ast.Attribute) and _is_name(n.value, name)})


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def free_names(text: str) -> set[str]:
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


def single_import(node: ast.Import | ast.ImportFrom, name: str) -> str:
    """Return the import of one name alone."""
    alias = next(a for a in node.names if (a.asname or a.name.partition(".")[0]) == name)
    alias_text = alias.name + (f" as {alias.asname}" if alias.asname else "")
    return f"from {node.module} import {alias_text}" if isinstance(node, ast.ImportFrom) else f"import {alias_text}"


def plain_error(call: ast.Call, module: Any, text: str) -> list:
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
    short = len(line[: call.col_offset]) + len(plain.__name__) + len(message) + 2 <= WIDTH
    inner = message if short else f"\n{indent}    {message}\n{indent}"
    return [(start(call), end(call), f"{plain.__name__}({inner})")]


def _formatted(value: ast.expr) -> ast.expr:
    return value if isinstance(value, ast.Constant) else ast.FormattedValue(value, -1)
