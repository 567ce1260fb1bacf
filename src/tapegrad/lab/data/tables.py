"""Tables: CSV files with a sample in each row."""

from __future__ import annotations

import csv
import io
import itertools
import pathlib
from collections.abc import Sequence

import numpy as np

from ...errors import ArgumentError, DataError, FileFormatError, did_you_mean
from .sets import Task
from .source import Place, Samples, Source
from .split import divide

__all__ = ["MISSING", "csv_file"]

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
_DELIMITERS = ",;\t|"
_MOST_BYTES = 1 << 30
# Whole numbers with no more different values than this are taken for classes.
_MOST_CLASSES = 20
_MOST_WORDS = 100


def csv_file(
    place: Place,
    *,
    path: str,
    target: int | str = -1,
    task: str | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    drop: list[int | str] | None = None,
    missing: str = "error",
    test: float = 0.2,
    test_seed: int = 0,
) -> Source:
    """A CSV file with a sample in each row.

    ``target``: the column to learn, by name or number (-1 is the last). ``task``: classification or regression; left out,
    words and whole numbers with at most 20 different values are classes. ``header``: whether the first line has names; left
    out, it has when it holds no number and other lines do. ``delimiter``: , ; | or tab; left out, the one that the first line
    has most of. ``drop``: columns to leave out. ``missing`` values (empty, ?, NA): ``error``, ``drop`` the row, or the
    ``mean`` of the column in the training part. ``test``: the share (or number) of rows kept for testing, drawn by
    ``test_seed``; 0 for none. Columns of words become one column of 0 and 1 for each word. Positions count the rows of data.
    """
    for name, value, known in (
        ("task", task, ("classification", "regression", None)),
        ("missing", missing, ("error", "drop", "mean")),
    ):
        if value not in known:
            names = [str(k) for k in known if k is not None]
            raise ArgumentError(f"data.arguments.{name}", f"there is no '{value}'", did_you_mean(str(value), names))
    where = place.find("data.arguments.path", path)
    names, rows = _read(where, delimiter, header)
    chosen = _column(where, names, target, "target")
    left_out = {_column(where, names, column, "drop") for column in drop or []} | {chosen}
    labels, classes, known_target = _target(where, [row[chosen] for row in rows], task)
    columns: list[str] = []
    values: list[np.ndarray] = []
    for i in (i for i in range(len(names)) if i not in left_out):
        for name, column in _inputs(where, names[i], [row[i] for row in rows]):
            columns.append(name)
            values.append(column)
    if not values:
        raise DataError(str(where), "has no columns to learn from", "drop fewer")
    table = np.stack(values, axis=1)
    keep = _complete(where, columns, table, known_target, missing)
    kind: Task = "classification" if classes is not None else "regression"
    samples = Samples.whole(table, labels).take(keep)
    source = Source(
        kind, samples, None, classes, kind="columns", columns=columns, joined=True, may_lack=missing == "mean"
    )
    source.files = place.digests([where])
    source.notes = {"target": names[chosen]}
    if test:
        held, kept = divide(samples.labels, test, test_seed, "data.arguments.test")
        source.train, source.test = samples.take(kept), samples.take(held)
    return source


def _read(path: pathlib.Path, delimiter: str | None, header: bool | None) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns and the rows, all of one length."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise FileFormatError(str(path), "is no file, or larger than 1 GB", "give a CSV file")
    if delimiter is not None and (len(delimiter) != 1 or delimiter not in _DELIMITERS):
        raise ArgumentError("data.arguments.delimiter", f"is {delimiter!r}", "use one of , ; | or a tab")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(str(path), f"byte {error.start:,} is not UTF-8", "save it as UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = delimiter or max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not row or row == [""]:
                continue
            if rows and len(row) != len(rows[0]):
                raise FileFormatError(
                    f"{path}:{reader.line_num}",
                    f"has {len(row)} columns, the first line has {len(rows[0])}",
                    "repair the line, or give data.arguments.delimiter",
                )
            rows.append([cell.strip() for cell in row])
    except csv.Error as error:
        raise FileFormatError(f"{path}:{reader.line_num}", f"is no CSV ({error})", "repair the line") from None
    named = header if header is not None else _has_header(rows)
    data = rows[1:] if named else rows
    if not data:
        raise DataError(str(path), "has no rows", "give a file with a sample in each line")
    names = rows[0] if named else [str(i) for i in range(len(rows[0]))]
    return names, data


def _has_header(rows: list[list[str]]) -> bool:
    if not rows or any(_number(cell) is not None for cell in rows[0]):
        return False
    return any(_number(cell) is not None for row in rows[1:] for cell in row)


def _number(cell: str) -> float | None:
    """Return a cell's number; NaN for a missing one, None for a word."""
    if cell.lower() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None


def _column(path: pathlib.Path, names: Sequence[str], wanted: int | str, argument: str) -> int:
    """Return the position of a column that is given by its name or its number."""
    who = f"data.arguments.{argument}"
    if isinstance(wanted, int):
        if not -len(names) <= wanted < len(names):
            raise ArgumentError(who, f"{path} has no column {wanted}", f"use -{len(names)} to {len(names) - 1}")
        return wanted % len(names)
    if wanted not in names:
        raise ArgumentError(who, f"{path} has no column '{wanted}'", did_you_mean(wanted, names))
    return list(names).index(wanted)


def _target(path: pathlib.Path, cells: list[str], task: str | None) -> tuple[np.ndarray, list[str] | None, np.ndarray]:
    """Return labels, the names of the classes (None for regression), and which rows have a label."""
    numbers = [_number(cell) for cell in cells]
    present = np.array([cell.lower() not in MISSING for cell in cells])
    numeric = None not in numbers
    if task is None:
        whole = numeric and all(n != n or n == int(n) for n in numbers if n is not None and abs(n) < 1e15)
        few = len({cell for cell, there in zip(cells, present, strict=True) if there}) <= _MOST_CLASSES
        task = "classification" if not numeric or (whole and few) else "regression"
    if task == "regression":
        if not numeric:
            row = next(i for i, n in enumerate(numbers) if n is None)
            raise DataError(str(path), f"'{cells[row]}' in row {row} of the target is no number", "use classification")
        return np.array(numbers, dtype=np.float64)[:, None], None, present
    # "1" and "1.0" are one class.
    keys = [numbers[i] if numeric else cell for i, cell in enumerate(cells)]
    values = sorted({key for key, there in zip(keys, present, strict=True) if there})  # type: ignore[type-var]
    if len(values) > max(1000, len(cells) // 2):
        raise DataError(str(path), f"the target has {len(values):,} classes", "give data.arguments.target or task")
    number = {value: i for i, value in enumerate(values)}
    labels = np.array([number.get(key, 0) for key in keys], dtype=np.int64)
    return labels, [f"{value:g}" if numeric else str(value) for value in values], present


def _inputs(path: pathlib.Path, name: str, cells: list[str]) -> list[tuple[str, np.ndarray]]:
    """Return the input columns that one column of the file becomes."""
    numbers = [_number(cell) for cell in cells]
    if None not in numbers:
        return [(name, np.array(numbers, dtype=np.float64))]
    words = sorted({cell for cell in cells if cell.lower() not in MISSING})
    if len(words) > _MOST_WORDS:
        row, word = next((i, cell) for i, cell in enumerate(cells) if numbers[i] is None)
        raise DataError(
            f"{path}",
            f"column '{name}' has {len(words):,} different words, such as '{word[:40]}' in row {row}",
            "name it in data.arguments.drop, or repair it",
        )
    gap = np.array([cell.lower() in MISSING for cell in cells])
    return [(f"{name}={word}", np.where(gap, np.nan, np.array([cell == word for cell in cells]))) for word in words]


def _complete(
    path: pathlib.Path, columns: list[str], table: np.ndarray, known_target: np.ndarray, missing: str
) -> np.ndarray:
    """Return the rows to keep. Raises DataError for missing values that nothing was said about."""
    gaps = np.isnan(table)
    whole = known_target & ~gaps.any(axis=1)
    if missing == "drop":
        return np.flatnonzero(whole)
    wrong = ~known_target if missing == "mean" else ~whole
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        absent = (
            [name for name, gap in zip(columns, gaps[row], strict=True) if gap] if known_target[row] else ["the target"]
        )
        names = ", ".join(itertools.islice(absent, 3))
        raise DataError(
            str(path),
            f"{int(wrong.sum()):,} of {len(table):,} rows lack a value, the first is row {row} ({names})",
            "set data.arguments.missing to drop" + ("" if missing == "mean" else " or mean"),
        )
    return np.arange(len(table))
