"""The doctor's advice in the form that a recipe itself has: with its own layers, instead of keys that only sizes take."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ..errors import ConfigError, FileFormatError
from ..explain.doctor.finding import Finding
from ..explain.doctor.remedies.case import is_activation
from ..train import Run
from .schema import Config
from .yaml import one_line, read_yaml

__all__ = ["fitted", "log_of"]


def fitted(finding: Finding, config: Config) -> Finding:
    """Return a finding whose line of YAML fits a recipe; of a network in a Python file no line of YAML changes the layers.

    >>> from .config import parse_config
    >>> config = parse_config('''
    ... data: {set: digits}
    ... model: {layers: [Flatten, {type: Linear, in_features: 64, out_features: 10}, {type: Softmax, dim: 1}]}
    ... optimizer: SGD
    ... training: {epochs: 2}
    ... ''')
    >>> fitted(Finding("double-softmax", "2", advice="model: {output_activation: null}"), config).advice
    'model: {layers: [Flatten, {type: Linear, in_features: 64, out_features: 10}]}'
    """
    wanted = _read(finding.advice)
    if not wanted or not isinstance(wanted.get("model", {}), dict):
        return finding
    layers, sizes = config.model.layers or [], []
    if layers and all(isinstance(layer, int) for layer in layers):
        sizes = [*layers[:-1], int(finding.evidence.get("classes", 10))]
    if finding.fault == "classes-as-numbers" and sizes and {"data", "loss"} <= wanted.keys():
        wanted = {"data": wanted["data"], "model": {"layers": sizes, "output_activation": None}, "loss": wanted["loss"]}
    elif "model" not in wanted or "layers" in wanted["model"] or sizes:
        return finding
    elif config.model.module is not None:
        return dataclasses.replace(finding, advice="")
    else:
        entries = [_entry(layer) for layer in layers]
        wanted = {**wanted, "model": {"layers": _changed(entries, wanted["model"], finding.where)}}
    return dataclasses.replace(finding, advice=one_line(wanted))


def log_of(run: Run, config: Config) -> Callable[..., None]:
    """Return what writes a finding among a run's events, with advice that fits its recipe."""

    def log(event: str, **fields: Any) -> None:
        run.log(event, **fields | {"advice": fitted(Finding.from_dict(fields), config).advice})

    return log


def _read(advice: str) -> dict[str, Any]:
    """Return what a line of YAML says, nothing where it says nothing: an event may be anybody's, or an older doctor's."""
    try:
        found = read_yaml(advice).data
    except (ConfigError, FileFormatError):
        return {}
    return found if isinstance(found, dict) else {}


def _entry(layer: Any) -> dict[str, Any]:
    name = {} if layer.name is None else {"name": layer.name}
    return {"type": layer.type, **layer.arguments, **name}


def _changed(entries: list[dict[str, Any]], wanted: dict[str, Any], where: str) -> list[Any]:
    """Return a recipe's layers as the keys that sizes take would have them."""
    names = [str(entry.get("name", position)) for position, entry in enumerate(entries)]
    # Of a layer that is named only that one changes; else all of the kind.
    here = {names.index(where)} if where in names else set(range(len(entries)))
    hidden = here & {i for i, entry in enumerate(entries[:-1]) if is_activation(entry["type"])}
    for i, entry in enumerate(entries):
        if "activation" in wanted and i in (hidden or set(range(len(entries) - 1))) and is_activation(entry["type"]):
            entries[i] = {"type": wanted["activation"], **({"name": entry["name"]} if "name" in entry else {})}
        elif "dropout" in wanted and i in here and entry["type"].startswith("Dropout"):
            entries[i] = {**entry, "p": wanted["dropout"]}
    if "output_activation" in wanted and is_activation(entries[-1]["type"]):
        entries = entries[:-1]
    if wanted.get("batch_norm") is False:
        entries = [entry for entry in entries if not entry["type"].startswith("BatchNorm")]
    return [entry["type"] if len(entry) == 1 else entry for entry in entries]
