"""Lines of programs in the form that formatters give: double quotes, 120 columns, one argument a line where it must be."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable

__all__ = ["formatted", "identifiers", "renamed", "without_dead_setup"]

_WIDTH = 120
_WORD, _TARGET = re.compile(r"(?<![\w.])[A-Za-z_]\w*"), re.compile(r"(\w+) = ")
_OPENING, _CLOSING = "([{", ")]}"


def identifiers(text: str) -> set[str]:
    """Return the names in a source text that are no attributes and no names of keyword arguments."""
    return {text[start:stop] for start, stop in _names(text)}


def renamed(text: str, names: dict[str, str]) -> str:
    """Return a source text with names, not attributes or keyword arguments, replaced."""
    for start, stop in reversed(_names(text)):
        new = names.get(text[start:stop])
        if new is not None:
            text = text[:start] + new + text[stop:]
    return text


def _names(text: str) -> list[tuple[int, int]]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type != tokenize.NL]
    found, depth = [], 0
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        depth += (token.string in _OPENING) - (token.string in _CLOSING) if token.type == tokenize.OP else 0
        if token.type != tokenize.NAME or (before is not None and before.string == "."):
            continue
        if depth and after is not None and after.string == "=" and before is not None and before.string in "(,":
            continue
        start = starts[token.start[0] - 1] + token.start[1]
        found.append((start, start + len(token.string)))
    return found


def without_dead_setup(setup: list[str], rest: str) -> list[str]:
    """Return the lines of a setup whose names are used, by lines that stay or by the rest of the program."""
    used, kept = set(_WORD.findall(rest)), []
    for line in reversed(setup):
        target = _TARGET.match(line)
        if target is not None and target[1] not in used:
            continue
        if not line.lstrip().startswith("#"):
            used.update(_WORD.findall(line if target is None else line[target.end() :]))
        kept.append(line)
    return kept[::-1]


def formatted(line: str, columns: int = 0) -> list[str]:
    """Return a logical line that begins at a column as the lines that a formatter makes of it."""
    if line.lstrip().startswith("#"):
        return [line]
    line = _tightened(_requoted(line))
    if columns + len(line) <= _WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    chain = _chain(line)
    if chain is not None:
        target, parts = chain
        return [f"{target} = (", *(f"{indent}    {part}" for part in parts), f"{indent})"]
    begin, end = _last_bracket(line)
    if begin is None:
        return [line]
    inside = line[begin + 1 : end].strip()
    pieces = _pieces(inside)
    whole = f"{indent}    {inside.rstrip(',')}"
    if columns + len(whole) <= _WIDTH and not (inside.endswith(",") and len(pieces) > 1):
        return [line[: begin + 1], whole, indent + line[end:]]
    lines = [line[: begin + 1]]
    comprehension = len(pieces) == 1 and " for " in inside
    for piece in pieces:
        if comprehension:
            for part in re.split(r" (?=for |if )", piece):
                lines += formatted(f"{indent}    {part}", columns)
        else:
            lines += formatted(f"{indent}    {piece},", columns)
    return [*lines, indent + line[end:]]


def _requoted(line: str) -> str:
    return _by_tokens(line, lambda s: f'"{s[1:-1]}"' if s[0] == "'" and '"' not in s and "\\" not in s else s)


def _by_tokens(line: str, change: Callable[[str], str]) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    text = line.lstrip()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError):
        return line
    for token in reversed(tokens):
        if token.type == tokenize.STRING and token.start[0] == token.end[0] == 1:
            text = text[: token.start[1]] + change(token.string) + text[token.end[1] :]
    return indent + text


def _tightened(line: str) -> str:
    """Write powers of plain operands, and slices between sums, as formatters do."""
    line = re.sub(
        r"(?<![\w.)\]])((?:[A-Za-z_][\w.]*|\d[\w.]*)) \*\* ((?:-?[A-Za-z_][\w.]*|-?\d[\w.]*))(?![\w.(\[])",
        r"\1**\2",
        line,
    )
    return re.sub(r"\[(\w+):(\w+ [+-] \w+)\]", r"[\1 : \2]", line)


def _last_bracket(line: str) -> tuple[int | None, int]:
    """Return where the last bracket on the outermost level opens and closes."""
    depth, begin, found, quote = 0, 0, (None, 0), ""
    for i, c in enumerate(line):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in _OPENING:
            begin = i if depth == 0 else begin
            depth += 1
        elif c in _CLOSING:
            depth -= 1
            if depth == 0 and i > begin + 1:
                found = begin, i
    return found  # type: ignore[return-value]


def _chain(line: str) -> tuple[str, list[str]] | None:
    """Return the target of ``y = x[...].view(...).reshape(...)``, and the links, where there are two calls or more."""
    found = re.match(r"(\s*\w+) = ", line)
    if found is None:
        return None
    text, depth, begin, parts = line[found.end() :], 0, 0, []
    for i, c in enumerate(text):
        depth += (c in _OPENING) - (c in _CLOSING)
        if c == "." and depth == 0 and re.match(r"\.\w+\(", text[i:]):
            parts.append(text[begin:i])
            begin = i
        elif c == " " and depth == 0:
            return None
    parts.append(text[begin:])
    return (found[1], parts) if len(parts) > 2 else None


def _pieces(inside: str) -> list[str]:
    """Return what the commas on the outermost level separate."""
    depth, pieces, begin, quote = 0, [], 0, ""
    for i, c in enumerate(inside):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in _OPENING:
            depth += 1
        elif c in _CLOSING:
            depth -= 1
        elif c == "," and depth == 0:
            pieces.append(inside[begin:i].strip())
            begin = i + 1
    return [p for p in [*pieces, inside[begin:].strip()] if p]
