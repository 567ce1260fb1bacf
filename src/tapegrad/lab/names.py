"""The names that a configuration may use, each with its class or function. Nothing else is ever imported for a file."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from .. import nn, optim
from ..errors import ArgumentError, did_you_mean
from ..optim import lr_scheduler
from ..vision import transforms
from .schema import Component, Config

__all__ = ["create", "function", "known", "load_module", "parameters"]


def _classes(room: Any, base: type) -> dict[str, Callable]:
    found = {name: getattr(room, name) for name in dir(room) if not name.startswith("_")}
    return {name: v for name, v in found.items() if inspect.isclass(v) and issubclass(v, base) and v is not base}


@functools.cache
def known(kind: str) -> Mapping[str, Callable]:
    """Return the names of a kind: layer, loss, optimizer, schedule, transform, metric or initialisation."""
    if kind in ("layer", "loss"):
        modules = _classes(nn, nn.Module)
        return {name: v for name, v in modules.items() if name.endswith("Loss") == (kind == "loss")}
    if kind == "optimizer":
        return _classes(optim, optim.Optimizer)
    if kind == "schedule":
        return _classes(lr_scheduler, lr_scheduler.LRScheduler)
    if kind == "transform":
        return _classes(transforms, nn.Module)
    if kind == "initialisation":
        return {name: getattr(nn.init, name) for name in dir(nn.init) if name.endswith("_") and name[0] != "_"}
    from ..train.metrics import METRICS

    return METRICS


def function(kind: str, name: str) -> Callable:
    """Return what a name stands for. Raises ArgumentError, with the nearest name, for one that is not known."""
    names = known(kind)
    if name not in names:
        raise ArgumentError(kind, f"there is no {kind} '{name}'", did_you_mean(name, names))
    return names[name]


def parameters(kind: str, name: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that a class or function takes."""
    return inspect.signature(function(kind, name)).parameters


def create(kind: str, component: str | Component, *positional: Any) -> Any:
    """Return an object of a component's class, made with its arguments (lists become tuples)."""
    if isinstance(component, str):
        component = Component(type=component)
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in component.arguments.items()}
    return function(kind, component.type)(*positional, **arguments)


def load_module(config: Config) -> nn.Module:
    """Return the network of ``model.module``, ``path.py:Class``, made with ``model.arguments``."""
    path, _, name = (config.model.module or "").rpartition(":")
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)(**config.model.arguments)
