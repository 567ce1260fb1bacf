"""What a configuration has to say as a whole: keys that exclude each other, sizes that fit, names that refer to others."""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Iterator
from typing import Any

from . import names
from .nearest import nearest
from .problems import Problem
from .schema import Model, Training

__all__ = ["check_whole"]

_LARGEST_WEIGHT = 2**31
_WEIGHTS = (".safetensors", ".npz")


def check_whole(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of plain data that no key shows by itself; parts of a wrong type are passed over."""
    yield from _model(_mapping(data, "model"))
    yield from _training(_mapping(data, "training"))
    yield from _split(_mapping(data, "data"))
    yield from _initial_weights(data.get("initial_weights"))
    yield from _penalties(_mapping(data, "optimizer"))
    yield from _metrics(data)


def _mapping(data: Any, *keys: str) -> dict[str, Any] | None:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# -- the network ------------------------------------------------------------------------------------------------------


def _model(model: dict[str, Any] | None) -> Iterator[Problem]:
    if model is None:
        return
    layers, module = model.get("layers"), model.get("module")
    if layers is None and module is None:
        if set(model) <= set(Model.model_fields):
            yield Problem(("model",), "neither layers nor module is given", "write layers: [784, 100, 10]")
        return
    if layers is not None and module is not None:
        later = next(key for key in reversed(model) if key in ("layers", "module"))
        yield Problem(("model", later), "layers and module are both given", "keep one of them", key=True)
        return
    short = isinstance(layers, list) and bool(layers) and all(_is_number(size) for size in layers)
    yield from _without_effect(model, short)
    if module is not None:
        yield from _module(module)
    elif short:
        yield from _sizes(layers)  # type: ignore[arg-type]
    elif isinstance(layers, list):
        yield from _layers(layers)


def _without_effect(model: dict[str, Any], short: bool) -> Iterator[Problem]:
    form = "a module" if model.get("module") is not None else "a list of layers"
    for key in ("activation", "output_activation", "dropout", "batch_norm", "bias"):
        if not short and key in model and model[key] != Model.model_fields[key].default:
            fix = "write it in Python" if form == "a module" else "write it as a layer"
            yield Problem(("model", key), f"has no effect on {form}", fix, key=True)
    if model.get("module") is None and model.get("arguments"):
        yield Problem(("model", "arguments"), "has no effect without a module", "remove it", key=True)


def _module(module: Any) -> Iterator[Problem]:
    """The file's text is read, not run: it says which classes there are."""
    if not isinstance(module, str):
        return
    path, _, name = module.rpartition(":")
    where = ("model", "module")
    if not path.endswith(".py") or not name.isidentifier():
        yield Problem(where, f"'{module}' is not of the form path.py:Class", "write module: net.py:Net")
    elif not os.path.isfile(path):
        yield Problem(where, f"there is no file {path}", "the path begins at the folder of the recipe")
    else:
        yield from _class_in(path, name)


def _class_in(path: str, name: str) -> Iterator[Problem]:
    where = ("model", "module")
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        yield Problem(where, f"{path}{line} is not Python ({getattr(error, 'msg', error)})", "repair the file")
        return
    defined = {n.name for n in ast.walk(tree) if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    elsewhere = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    imported = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    if name not in defined | elsewhere | imported and "*" not in imported:
        classes = [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
        yield Problem(where, f"{path} has no class '{name}'", nearest(name, classes))


def _sizes(sizes: list[Any]) -> Iterator[Problem]:
    if len(sizes) < 2:
        yield Problem(("model", "layers"), "one size alone", "give at least an input and an output size: [784, 10]")
    for i, (before, after) in enumerate(itertools.pairwise(sizes), 1):
        if before * after > _LARGEST_WEIGHT:
            yield Problem(("model", "layers", i), f"a weight of {before:,} × {after:,} numbers", "use smaller layers")


def _layers(layers: list[Any]) -> Iterator[Problem]:
    if not layers:
        yield Problem(("model", "layers"), "is empty", "write layers: [784, 100, 10]")
    if any(_is_number(layer) for layer in layers):
        return
    seen: dict[str, int] = {}
    for i, layer in enumerate(layers):
        named = layer.get("name") if isinstance(layer, dict) else None
        name = str(i) if named is None else named
        if not isinstance(name, str):
            continue
        where = ("model", "layers", i, "name") if named is not None else ("model", "layers", i)
        if not name or "." in name:
            yield Problem(where, f"'{name}' cannot be a layer's name", "use letters, digits and _")
        elif name in seen:
            yield Problem(where, f"'{name}' is the name of layer {seen[name]} too", "give each layer its own name")
        seen.setdefault(name, i)
    yield from _fits(layers)


# For each layer with a size: the argument for what comes in, for what goes out, and what is counted.
_SIZED = {
    "Linear": ("in_features", "out_features", "features"),
    **{f"Conv{d}d": ("in_channels", "out_channels", "channels") for d in (1, 2, 3)},
    **{f"ConvTranspose{d}d": ("in_channels", "out_channels", "channels") for d in (1, 2, 3)},
    **{f"BatchNorm{d}d": ("num_features", "num_features", "channels") for d in (2, 3)},
    **{f"InstanceNorm{d}d": ("num_features", "num_features", "channels") for d in (1, 2, 3)},
    "BatchNorm1d": ("num_features", "num_features", ""),
    "GroupNorm": ("num_channels", "num_channels", "channels"),
}
_POOLS = ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
_CHANGES_SIZE = {"GLU", "Softmax2d"}


def _fits(layers: list[Any]) -> Iterator[Problem]:
    """Follow features and channels through the list, as far as the layers keep them."""
    size, counted, giver = None, "", -1
    for i, layer in enumerate(layers):
        name = layer if isinstance(layer, str) else layer.get("type") if isinstance(layer, dict) else None
        if not isinstance(name, str):
            return
        if isinstance(layer, dict) and name in _SIZED:
            come, go, what = _SIZED[name]
            wanted, given = layer.get(come), layer.get(go)
            if size is not None and _is_number(wanted) and wanted != size and what in ("", counted):
                told = f"{wanted} where layer {giver} gives {size} {counted}"
                yield Problem(("model", "layers", i, come), told, f"write {come}: {size}")
            size, counted, giver = (given if _is_number(given) else None), what or counted, i
        elif not _keeps(name, counted):
            size = None


def _keeps(name: str, counted: str) -> bool:
    if name.startswith(_POOLS):
        return counted == "channels"
    return "Dropout" in name or (name in names.known("activation") and name not in _CHANGES_SIZE) or name == "LayerNorm"


# -- the rest ---------------------------------------------------------------------------------------------------------


def _training(training: dict[str, Any] | None) -> Iterator[Problem]:
    if training is None:
        return
    given = [key for key in training if key in ("epochs", "steps") and training[key] is not None]
    if not given and set(training) <= set(Training.model_fields):
        yield Problem(("training",), "neither epochs nor steps is given", "write epochs: 10")
    if len(given) == 2:
        yield Problem(("training", given[1]), "epochs and steps are both given", "keep one of them", key=True)


def _split(data: dict[str, Any] | None) -> Iterator[Problem]:
    valid = (_mapping(data, "split") or {}).get("valid")
    if _is_number(valid) and valid > 1 and isinstance(valid, float) and not valid.is_integer():  # type: ignore[operator]
        yield Problem(("data", "split", "valid"), f"{valid} is no number of samples", "use a share below 1, or a count")


def _initial_weights(value: Any) -> Iterator[Problem]:
    if isinstance(value, str) and not value.endswith(_WEIGHTS):
        known = names.known("initialisation")
        name = names.canonical("initialisation", value) or names.canonical("initialisation", value + "_")
        fix = f"write [{name}]" if name else nearest(value, known)
        yield Problem(("initial_weights",), f"'{value}' is no file of weights ({', '.join(_WEIGHTS)})", fix)


def _penalties(optimizer: dict[str, Any] | None) -> Iterator[Problem]:
    penalties = (optimizer or {}).get("penalties")
    for i, entry in enumerate(penalties if isinstance(penalties, list) else []):
        if isinstance(entry, dict) and not {"l1", "l2"} & set(entry) and set(entry) <= {"parameters"}:
            yield Problem(("optimizer", "penalties", i), "neither l1 nor l2 is given", "write l2: 1e-4")


def _metrics(data: dict[str, Any]) -> Iterator[Problem]:
    """Callbacks name what the records hold: loss, penalty and metrics, of the training or (valid_) the validation set."""
    chosen = data.get("metrics")
    measured: set[str] = set()
    for i, metric in enumerate(chosen if isinstance(chosen, list) else []):
        name = metric if isinstance(metric, str) else metric.get("type") if isinstance(metric, dict) else None
        if isinstance(name, str):
            if name in measured:
                yield Problem(("metrics", i), f"'{name}' stands here twice", "keep one")
            measured.add(name)
    if chosen is None:
        measured = {"accuracy", "mae"}
    if not measured and chosen is not None and chosen != []:
        return
    callbacks = _mapping(data, "callbacks")
    stopping, kept = _mapping(callbacks, "early_stopping"), _mapping(callbacks, "checkpoints")
    if stopping is not None:
        path = ("callbacks", "early_stopping")
        yield from _recorded(stopping.get("metric"), (*path, "metric"), measured, data)
        if "metric" not in stopping and _never_validated(data):
            yield Problem(path, "waits for valid_loss, and there is no validation set", _SPLIT)
    if kept is not None:
        yield from _recorded(kept.get("best"), ("callbacks", "checkpoints", "best"), measured, data)


_SPLIT = "give data.split.valid a share, such as 0.1, or name a metric of the training set"


def _recorded(metric: Any, path: tuple[str, ...], measured: set[str], data: dict[str, Any]) -> Iterator[Problem]:
    if not isinstance(metric, str):
        return
    bare = metric.removeprefix("valid_")
    if bare not in {"loss", "penalty", *measured}:
        known = ["loss", "valid_loss", *measured, *(f"valid_{name}" for name in measured)]
        fix = f"add {bare} to metrics" if bare in names.known("metric") else nearest(metric, known)
        yield Problem(path, f"there is no metric '{metric[:60]}'", fix)
    elif metric != bare and _never_validated(data):
        yield Problem(path, f"'{metric}' is never measured: there is no validation set", _SPLIT)


def _never_validated(data: dict[str, Any]) -> bool:
    valid = (_mapping(data, "data", "split") or {}).get("valid")
    return _is_number(valid) and valid == 0
