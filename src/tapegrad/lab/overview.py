"""Runs side by side: a row for each, and what differs between some."""

from __future__ import annotations

import json
import math
import operator
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, FileFormatError, did_you_mean
from ..train import Run
from ..train.environment import decisive_differences
from ..train.metrics import best_is_smallest, is_better
from .yaml import read_yaml

__all__ = ["compare", "describe", "matches", "sort_rows"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_NO_METRICS = ("event", "time", "epoch", "epochs", "step", "steps", "rate", "seconds")


def describe(run: Run) -> dict[str, Any]:
    """Return what is to be known of a run: name, title, status, epochs, metric with its best and last value, seconds,
    date, how many findings the doctor had, whether its updates were compiled and what that gained.

    ``values`` are the figures of its result, before its end those of the last epoch; ``config`` the resolved recipe with
    one key for each path. What a damaged file would have told is missing.
    """
    config = settings_of(run)
    epochs = run.events("epoch")
    result = _result(run)
    last = epochs[-1] if epochs else {}
    metric = _metric(config, last)
    values = {k: v for k, v in {**last, **result}.items() if _is_number(v) and k not in _NO_METRICS}
    return {
        "name": run.name,
        "title": str(config.get("title") or config.get("title.en") or next(_titles(config), "")),
        "status": run.status,
        "epochs": int(result.get("epochs", last.get("epoch", 0))),
        "of": config.get("training.epochs"),
        "metric": metric,
        "best": _best(metric, epochs, config),
        "last": last.get(metric or ""),
        "seconds": result.get("seconds", round(sum(float(e.get("seconds", 0.0)) for e in epochs), 3)),
        "date": _date(run),
        "findings": len(run.events("finding")),
        **_compiled(run),
        "values": values,
        "config": config,
    }


def _compiled(run: Run) -> dict[str, Any]:
    """Return whether a run's updates were compiled, and how many times as fast that made them, as far as it says."""
    try:
        told = run.compiled or {}
    except FileFormatError:
        told = {}
    return {name: told.get(name) for name in ("compiled", "gain")}


def settings_of(run: Run) -> dict[str, Any]:
    """Return the keys of a run's recipe, each with its whole path, and their values; lists stay whole.

    >>> import tempfile
    >>> settings_of(Run.create(tempfile.mkdtemp(), "x", "data: {set: mnist, split: {valid: 0}}", {}))
    {'data.set': 'mnist', 'data.split.valid': 0}
    """
    try:
        return flatten(read_yaml(run.recipe, str(run.folder / "recipe.yaml")).data)
    except FileFormatError:
        return {}


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Return nested mappings as one, its keys the paths."""
    if not isinstance(value, Mapping) or not value:
        return {path: value} if path else {}
    found: dict[str, Any] = {}
    for key, entry in value.items():
        found.update(flatten(entry, f"{path}.{key}" if path else str(key)))
    return found


def _result(run: Run) -> dict[str, Any]:
    try:
        return run.result or {}
    except FileFormatError:
        return {}


def _titles(config: Mapping[str, Any]) -> Any:
    return (value for key, value in config.items() if key.startswith("title."))


def _metric(config: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """Return the metric that the best checkpoint is chosen by, or the first of the validation, or of the training."""
    chosen = config.get("callbacks.checkpoints.best")
    if chosen in record:
        return chosen
    names = [name for name in record if name not in _NO_METRICS and _is_number(record[name])]
    ranks = (("valid_", "valid_loss"), ("valid_", ""), ("", "loss"), ("", ""))
    for prefix, unwanted in ranks:
        for name in names:
            if name.startswith(prefix) and name not in (unwanted, "penalty"):
                return name
    return None


def _best(metric: str | None, epochs: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> float | None:
    if metric is None:
        return None
    try:
        smallest = best_is_smallest(metric, config.get("callbacks.checkpoints.mode"))
    except ArgumentError:
        return None
    best = None
    for record in epochs:
        value: Any = record.get(metric)
        if _is_number(value) and is_better(value, best, smallest):
            best = value
    return best


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _date(run: Run) -> str:
    starts = run.events("start")
    seconds = starts[0].get("time") if starts else None
    if not _is_number(seconds):
        seconds = (run.folder / "recipe.yaml").stat().st_mtime
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


# -- choosing and sorting -------------------------------------------------------------------------------------------


def look_up(row: Mapping[str, Any], key: str) -> Any:
    """Return what a row has under a key: a column, a figure, or a key of the recipe."""
    for place in (row, row["values"], row["config"]):
        if key in place:
            return place[key]
    return None


def matches(row: Mapping[str, Any], condition: str) -> bool:
    """Return whether a condition holds: ``KEY=VALUE`` (also ``!= < <= > >=``), or text that name, title or status has.

    >>> row = {"name": "spiral-2", "title": "", "status": "finished", "values": {"test_accuracy": 0.9}, "config": {"seed": 2}}
    >>> [matches(row, text) for text in ("spiral", "seed=2", "test_accuracy>0.95", "status=failed")]
    [True, True, False, False]
    """
    found = re.fullmatch(r"([\w.*-]+?)\s*(>=|<=|!=|=|>|<)\s*(.*)", condition)
    if found is None:
        return any(condition.lower() in str(row[key]).lower() for key in ("name", "title", "status"))
    key, sign, text = found.groups()
    value, wanted = look_up(row, key), _value(text)
    if value is None and wanted is not None:
        return sign == "!="
    if _is_number(value) and _is_number(wanted):
        return _COMPARISONS[sign](value, wanted)
    if sign in ("=", "!="):
        return (value == wanted or str(value) == text) == (sign == "=")
    return False


def _value(text: str) -> Any:
    try:
        return read_yaml(text).data
    except FileFormatError:
        return text


def sort_rows(rows: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Return the rows in the order of a column, a figure or a key, the best first; ``-key`` turns it around.

    Rows without it come last. Raises ArgumentError when no row has it.
    """
    name = key.removeprefix("-")
    having = [row for row in rows if look_up(row, name) is not None]
    if rows and not having:
        known = {k for row in rows for k in (*row, *row["values"], *row["config"])} - {"values", "config"}
        raise ArgumentError("runs", f"no run has '{name}'", did_you_mean(name, known))
    around = key.startswith("-")
    if all(_is_number(look_up(row, name)) for row in having):
        sign = 1 if _small_first(name, having[0]["metric"] if having else None) != around else -1
        having.sort(key=lambda row: (math.isnan(look_up(row, name)), sign * look_up(row, name)))
    else:
        having.sort(key=lambda row: str(look_up(row, name)), reverse=around)
    return having + [row for row in rows if look_up(row, name) is None]


def _small_first(name: str, metric: str | None) -> bool:
    if name in ("best", "last") and metric is not None:
        name = metric
    try:
        return best_is_smallest(re.sub(r"^(test|train)_", "", name))
    except ArgumentError:
        return True


# -- comparing ------------------------------------------------------------------------------------------------------


def compare(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return what differs between runs: rows with ``kind`` (setting, environment, figure), ``key`` and ``values``, one a run.

    Figures are there whether they differ or not.
    """
    rows = [describe(run) for run in runs]
    found = [{"kind": "status", "key": key, "values": [row[key] for row in rows]} for key in ("status", "epochs")]
    found += _differing("setting", [row["config"] for row in rows])
    environments = [run.environment for run in runs]
    decisive = {key for other in environments[1:] for key in decisive_differences(environments[0], other)}
    found += _differing("environment", [{k: e.get(k) for k in e if k in decisive} for e in environments])
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    found += [{"kind": "figure", "key": name, "values": [row["values"].get(name) for row in rows]} for name in names]
    found.append({"kind": "figure", "key": "seconds", "values": [row["seconds"] for row in rows]})
    return found


def _differing(kind: str, settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = list(dict.fromkeys(key for entry in settings for key in entry))
    rows = [{"kind": kind, "key": key, "values": [entry.get(key) for entry in settings]} for key in keys]
    return [row for row in rows if len({json.dumps(value, sort_keys=True) for value in row["values"]}) > 1]
