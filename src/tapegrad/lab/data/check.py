"""What data must be before anything is learned from it, and arguments before data is read."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, DataError, did_you_mean
from .source import Samples, Source

__all__ = ["check_arguments", "check_source", "legal_arguments"]

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "nothing"}


def legal_arguments(loader: Callable) -> dict[str, inspect.Parameter]:
    """Return the keyword parameters of a loader, which are what ``data.arguments`` may hold."""
    parameters = inspect.signature(loader).parameters.items()
    return {name: p for name, p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def check_arguments(name: str, loader: Callable, given: Mapping[str, Any]) -> None:
    """Raise ArgumentError for an argument that a set does not take, that is missing, or of the wrong type."""
    legal = legal_arguments(loader)
    kinds = typing.get_type_hints(loader)
    for key, value in given.items():
        if key not in legal:
            fix = did_you_mean(str(key), legal) if legal else "leave it out"
            raise ArgumentError("data.arguments", f"'{name}' takes no argument '{key}'", fix)
        if not _fits(value, kinds[key]):
            raise ArgumentError(f"data.arguments.{key}", f"is {value!r}", f"give {_describe(kinds[key])}")
    lacking = [key for key, p in legal.items() if p.default is inspect.Parameter.empty and key not in given]
    if lacking:
        raise ArgumentError("data.arguments", f"'{name}' needs {' and '.join(lacking)}", f"write {lacking[0]}: ...")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, types.UnionType):
        return any(_fits(value, member) for member in typing.get_args(kind))
    if typing.get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, typing.get_args(kind)[0]) for item in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _describe(kind: Any) -> str:
    if isinstance(kind, types.UnionType):
        return " or ".join(_describe(k) for k in typing.get_args(kind) if k is not type(None))
    if typing.get_origin(kind) is list:
        return f"a list, each entry {_describe(typing.get_args(kind)[0])}"
    return _WORDS[kind]


def check_source(name: str, source: Source) -> None:
    """Raise DataError, naming set, part and sample, for what cannot be learned from."""
    for part_name in ("train", "valid", "test"):
        part = getattr(source, part_name)
        if part is not None:
            _check_part(f"{name}, {part_name} part", part, source)


def _check_part(who: str, part: Samples, source: Source) -> None:
    if len(part) == 0 or part.inputs[0].size == 0:
        raise DataError(who, "has no samples", "check the files")
    if source.may_lack:
        finite = ~np.isinf(part.inputs)
    else:
        finite = np.isfinite(part.inputs) if part.inputs.dtype.kind == "f" else np.ones((len(part), 1), dtype=bool)
    _all_samples(who, "inputs that are not finite", finite, part.index)
    if source.task == "regression":
        _all_samples(who, "values to learn that are not finite", np.isfinite(part.labels), part.index)
        return
    count = len(source.classes or ())
    outside = np.flatnonzero((part.labels < 0) | (part.labels >= count))
    if len(outside):
        first = int(outside[0])
        raise DataError(
            who,
            f"label {part.labels[first]} of sample {part.index[first]} is outside 0 to {count - 1}",
            "number the classes from 0",
        )


def _all_samples(who: str, what: str, good: np.ndarray, index: np.ndarray) -> None:
    wrong = np.flatnonzero(~good.reshape(len(good), -1).all(axis=1))
    if len(wrong):
        raise DataError(
            who, f"{len(wrong):,} samples have {what}, the first is {index[wrong[0]]}", "repair or exclude them"
        )
