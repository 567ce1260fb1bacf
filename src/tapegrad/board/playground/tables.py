"""Tables that are uploaded to the playground."""

from __future__ import annotations

import pathlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError, TapegradError
from ...lab.data.source import Place
from ...lab.data.tables import csv_file

__all__ = ["upload"]

_MOST_BYTES = 900_000
_MOST_ROWS, _MOST_COLUMNS, _MOST_CLASSES = 20_000, 200, 50


def upload(folder: pathlib.Path, name: Any, text: Any) -> dict[str, Any]:
    """Keep a CSV file in a folder and return its ``token``, ``columns``, ``rows`` and ``classes`` (None for values).

    Raises ArgumentError for more than is allowed, and the errors of :func:`tapegrad.lab.data.tables.csv_file`.
    """
    if not isinstance(name, str) or not isinstance(text, str):
        raise ArgumentError("upload", "name or csv is no text", 'send {"name": "mine.csv", "csv": "..."}')
    data = text.encode("utf-8", "replace")
    if len(data) > _MOST_BYTES:
        raise ArgumentError("upload", f"has {len(data):,} bytes", f"use at most {_MOST_BYTES:,}")
    first = text.lstrip("\ufeff").partition("\n")[0]
    if max(map(first.count, ",;\t|")) >= _MOST_COLUMNS or text.count("\n") > _MOST_ROWS:
        raise ArgumentError("upload", "is too large", f"use at most {_MOST_ROWS:,} rows of {_MOST_COLUMNS} columns")
    token = secrets.token_hex(8)
    path = folder / f"{token}.csv"
    path.write_bytes(data)
    try:
        return {"token": token, **_described(path, name)}
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, TapegradError):
            raise _of_upload(error, path, name) from None
        raise


def _of_upload(error: TapegradError, path: pathlib.Path, name: str) -> ArgumentError:
    """Return an error about a file as one about what was uploaded, where neither the file nor a recipe is at hand."""
    who = "upload" if error.who.startswith("data.") else error.who.replace(str(path), _safe(name))
    fix = "change the table, and upload it again" if "data." in error.fix else error.fix
    return ArgumentError(who, error.what, fix)


def _described(path: pathlib.Path, name: str) -> dict[str, Any]:
    source = csv_file(Place(path.parent, 0, path.parent), path=path.name)
    classes, columns = source.classes, source.columns or []
    if len(columns) > _MOST_COLUMNS or len(classes or ()) > _MOST_CLASSES:
        what = f"has {len(columns)} columns of inputs and {len(classes or ())} classes"
        raise ArgumentError("upload", what, f"use at most {_MOST_COLUMNS} and {_MOST_CLASSES}")
    target = str(source.notes.get("target", ""))
    if classes is not None and len(classes) < 2:
        what = f"its column '{target:.60}' has one class alone, '{classes[0]:.60}'"
        raise ArgumentError("upload", what, "give a table with two classes or more")
    rows = len(source.train) + (0 if source.test is None else len(source.test))
    return {
        "name": _safe(name),
        "columns": columns,
        "rows": rows,
        "classes": classes,
        "target": target,
    }


def table_of(folder: pathlib.Path, token: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a recipe has to know of a table that was uploaded."""
    classes = described["classes"]
    return {
        "path": str(folder / f"{token}.csv"),
        "name": described["name"],
        "inputs": len(described["columns"]),
        "classes": None if classes is None else len(classes),
    }


def _safe(name: str) -> str:
    """Return a file's name that can stand in a recipe.

    >>> _safe("../my table.csv"), _safe("<img>")
    ('my-table.csv', 'img.csv')
    """
    stem = re.sub(r"[^\w.-]+", "-", name.replace("\\", "/").rpartition("/")[2]).removesuffix(".csv").strip("-.")
    return f"{stem[:60] or 'table'}.csv"
