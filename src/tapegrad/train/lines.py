"""Files of JSON lines that survive kills, and numbers that JSON has no name for."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Tensor, as_array
from ..formats.append import append_bytes, write_all
from ..formats.atomic import write_atomically

__all__ = ["append_bytes", "append_line", "dump", "is_after", "load", "read_lines", "rewrite_lines", "table_of"]

# JSON has no numbers for these; as text every reader of JSON takes them.
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dump(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON, arrays as lists, what is not finite as text ("NaN", "Infinity", "-Infinity").

    >>> load(dump({"loss": float("inf"), "epoch": np.int64(3)}))
    {'loss': inf, 'epoch': 3}
    """
    try:
        return json.dumps(value, indent=indent, default=_plain, allow_nan=False, ensure_ascii=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def load(text: str) -> Any:
    """Return what :func:`dump` wrote. Raises ValueError for what is no JSON."""
    value = json.loads(text)
    return _numbers(value) if '"NaN"' in text or 'Infinity"' in text else value


def _plain(value: Any) -> Any:
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return as_array(value).tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _finite(_plain(value))


def _numbers(value: Any) -> Any:
    if isinstance(value, str):
        return _NOT_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: _numbers(entry) for key, entry in value.items()}
    return [_numbers(entry) for entry in value] if isinstance(value, list) else value


def append_line(path: str | os.PathLike, line: str) -> None:
    """Append a line in one write. Where a killed process left half a line, a newline goes first, so that none is lost."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = False
        if end:
            os.lseek(descriptor, end - 1, os.SEEK_SET)
            torn = os.read(descriptor, 1) != b"\n"
        write_all(descriptor, (b"\n" if torn else b"") + line.encode() + b"\n")
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        os.close(descriptor)


def read_lines(path: str | os.PathLike, *words: str) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines; what is none is passed over, and so are lines without any of ``words``."""
    return [value for _, value in _objects(path, words)]


def rewrite_lines(path: str | os.PathLike, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the lines that hold an object of which ``keep`` is true; a file that has no others is left alone."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        before = file.read()
    kept = "".join(line + "\n" for line, value in _objects(path, ()) if keep(value)).encode()
    if kept != before:
        write_atomically(path, kept)


def is_after(line: Mapping[str, Any], step: int, epoch: int) -> bool:
    """Return whether a line tells of more than ``step`` updates, or of as many in more than ``epoch`` whole epochs."""
    return (_count(line, "step"), _count(line, "epoch")) > (step, epoch)


def _count(line: Mapping[str, Any], key: str) -> int:
    value = line.get(key)
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0


def _objects(path: str | os.PathLike, words: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        if words and not any(word in line for word in words):
            continue
        try:
            value = load(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append((line, value))
    return found


def table_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return records as CSV, one column for each key that occurs.

    >>> table_of([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "best": 3}])
    'epoch,loss,best\\n1,0.5,\\n2,,3\\n'
    """
    columns = list(dict.fromkeys(key for record in records for key in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
