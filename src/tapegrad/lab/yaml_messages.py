"""What PyYAML's parser finds wrong, in words that say what to do."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["explain"]

# Patterns of PyYAML's problem, with what is wrong and what to do. The first that fits is taken.
_PROBLEMS: list[tuple[str, str, str]] = [
    (r"found character '\\t' that cannot start any token", "a tab as indentation", "indent with spaces"),
    (r"found character '(.)' that cannot start", "a value cannot start with '{0}'", "put it in quotes"),
    (
        r"mapping values are not allowed here",
        "a ': ' that does not fit here",
        "look at the indentation, or put the text in quotes",
    ),
    (
        r"could not find expected ':'",
        "a line that is neither 'key: value' nor a list item",
        "write 'key: value', with a space after the colon",
    ),
    (
        r"expected <block end>, but found '-'",
        "a list item at the wrong indentation",
        "indent all items of a list alike",
    ),
    (r"expected <block end>", "indentation that fits no line above", "indent the keys of a mapping alike"),
    (r"expected ',' or '\]'", "a list that is not closed", "write ',' between items and ']' at the end"),
    (r"expected ',' or '\}'", "a mapping that is not closed", "write ',' between entries and '}' at the end"),
    (r"found unexpected end of stream", "quotes that are not closed", "close them"),
    (r"found unexpected document separator", "quotes that are not closed", "close them before the '---'"),
    (r"but found another document", "a second document", "keep one document for each file"),
    (r"expected '<document start>'", "text after the end of the document", "look at the indentation of this line"),
    (r"found undefined alias '?([^']*)'?", "the alias '*{0}' has no anchor '&{0}' before it", "write the value out"),
    (r"second occurrence", "an anchor that stands here twice", "give it another name"),
    (r"found undefined tag handle", "a tag that is not known here", "leave it out"),
    (r"found unknown escape character '(.*)'", "'\\{0}' in double quotes means nothing", "use single quotes"),
    (r"expected the node content, but found '<stream end>'", "a value is missing at the end", "write it"),
    (
        r"expected the node content, but found '(.*)'",
        "a value is missing before '{0}'",
        "write it, or remove what opens it",
    ),
]


def explain(error: Any) -> tuple[int, int, str, str]:
    """Return line, column (from 1), what is wrong and what to do for an error of PyYAML's parser."""
    problem = error.problem or error.context or "is not YAML"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    if problem.startswith("expected <block end>") and _stands_within_line(mark):
        return line, column, "text after a value that is complete", "put the whole value in quotes"
    for pattern, what, fix in _PROBLEMS:
        found = re.search(pattern, problem)
        if found:
            words = [w or "" for w in found.groups()] or [""]
            return line, column, what.format(*words, problem=problem) + _since(error, line), fix
    return line, column, problem.replace("'\\x00'", "the end"), "look at this line and the one above it"


def _since(error: Any, line: int) -> str:
    """Where what is not closed was opened, when that is in an earlier line."""
    opened = error.context_mark
    if opened is None or opened.line + 1 >= line or "while" not in (error.context or ""):
        return ""
    return f" (it began in line {opened.line + 1})"


def _stands_within_line(mark: Any) -> bool:
    before = mark.buffer[: mark.pointer].rpartition("\n")[2] if mark is not None and mark.buffer is not None else ""
    return not before.isspace() and before.strip(" -") != ""
