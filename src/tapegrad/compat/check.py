"""Which of PyTorch's names a script uses, and which of them are missing: read from its syntax, without running it."""

from __future__ import annotations

import ast
import os
import pathlib
import tokenize
from collections import defaultdict
from typing import NamedTuple

from ..errors import FileFormatError
from .lookup import Lookup
from .scopes import Reader

__all__ = ["Missing", "Report", "check_file", "check_source"]


class Missing(NamedTuple):
    """A name that tapegrad has not, where the script uses it, and what to do about it."""

    name: str
    line: int
    planned: bool
    message: str


class Report(NamedTuple):
    """What a script uses: each name with its lines, and what is missing, in the order of the lines.

    Names within a ``try`` that goes on without them are among the names, and never missing.
    """

    names: dict[str, list[int]]
    missing: list[Missing]


def check_source(source: str | bytes, filename: str = "<script>") -> Report:
    """Return which names of ``torch`` and ``torchvision`` a Python source uses, and those that are missing.

    Imports, attributes of what was imported, keyword arguments, and methods that only tensors have are looked at; names
    that are assigned within the script are not. Raises FileFormatError when the source is not Python.

    >>> report = check_source("import torch\\nfrom torch import nn\\nnn.Linear(2, 2)\\ntorch.export.export(None)")
    >>> report.names["torch.nn.Linear"], [(name, line) for name, line, *_ in report.missing]
    ([3], [('torch.export', 4)])
    """
    try:
        tree = ast.parse(source, filename)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise FileFormatError(f"{filename}:{line}", f"this is no Python ({error})", "mend it first") from None
    reader = Reader()
    reader.visit(tree)
    lookup, names, missing = Lookup(), defaultdict(list), {}
    for use in reader.uses:
        name, absent = lookup.find(use)
        if name is None:
            continue
        if use.line not in names[name]:
            names[name].append(use.line)
        if absent is not None and not use.guarded:
            missing.setdefault((absent.name, use.line), Missing(absent.name, use.line, absent.planned, absent.message))
    return Report({name: sorted(names[name]) for name in sorted(names)}, sorted(missing.values(), key=lambda m: m.line))


def check_file(path: str | os.PathLike) -> Report:
    """Return :func:`check_source` of a file. Raises OSError when it cannot be read."""
    with tokenize.open(path) if _is_text(path) else open(path, "rb") as file:
        return check_source(file.read(), os.fspath(path))


def _is_text(path: str | os.PathLike) -> bool:
    """Return whether the file's encoding is what it says; ``ast`` tells of one that is not."""
    try:
        with tokenize.open(path) as file:
            file.read()
    except (SyntaxError, UnicodeDecodeError):
        return False
    return pathlib.Path(path).is_file()
