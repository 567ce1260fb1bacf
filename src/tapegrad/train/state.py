"""The state of a trainer as two parts: arrays by name, and the rest as what JSON can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor, as_array, wrap
from .callbacks import Callback
from .history import History
from .metrics import METRICS
from .position import Averages, Position

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["load_state", "pack", "state_of", "unpack"]

_REFERENCE = "tensor"


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return position, history, schedule, averaged weights, and the states of metrics and callbacks.

    ``values`` is what JSON can hold, ``tensors`` the arrays that belong to it by name; they are the live ones. Model,
    optimizer and generator have states of their own. To be taken between two updates.
    """
    tensors: dict[str, Tensor] = {}
    values = {
        "position": dataclasses.asdict(trainer.position),
        "averages": {"sums": trainer.averages.sums, "count": trainer.averages.count},
        "metrics": {name: metric.state() for name, metric in trainer.metrics.items()},
        "history": trainer.history,
        "scheduler": None if trainer.scheduler is None else trainer.scheduler.state_dict(),
        "ema": None if trainer.ema is None else trainer.ema.state_dict(),
        "compiling": trainer.compiling.state_dict(),
        "callbacks": {name: callback.state_dict() for name, callback in _named(trainer.callbacks)},
    }
    return {"values": pack(values, "trainer", tensors), "tensors": tensors}


def load_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put a trainer where :func:`state_of` was taken."""
    values = unpack(state["values"], state["tensors"])
    position = Position(**values["position"])
    if not all(type(count) is int and count >= 0 for count in dataclasses.astuple(position)):
        raise ValueError(f"the position is {values['position']}")
    if trainer.undecided and values["metrics"]:
        trainer.metrics, trainer.undecided = {name: METRICS[name]() for name in values["metrics"]}, False
    for name, metric in trainer.metrics.items():
        if name in values["metrics"]:
            metric.load(values["metrics"][name])
    if trainer.scheduler is not None:
        trainer.scheduler.load_state_dict(values["scheduler"])
    if trainer.ema is not None and values["ema"] is not None:
        trainer.ema.load_state_dict(values["ema"])
    if "compiling" in values:
        trainer.compiling.load_state_dict(values["compiling"])
    for name, callback in _named(trainer.callbacks):
        if name in values["callbacks"]:
            callback.load_state_dict(values["callbacks"][name])
    trainer.averages = Averages(**values["averages"])
    trainer.history = History(dict(record) for record in values["history"])
    trainer.position = position


def _named(callbacks: Iterable[Callback]) -> Iterator[tuple[str, Callback]]:
    """Give each callback with the name of its class, and a number from the second of a class on."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}-{seen[name]}"), callback


def pack(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Return a value with its arrays moved into ``tensors``, each under its path, where a reference stays behind.

    >>> tensors = {}
    >>> pack({"count": 2, "scores": np.zeros(3)}, "auroc", tensors)
    {'count': 2, 'scores': {'tensor': 'auroc.scores'}}
    >>> list(tensors)
    ['auroc.scores']
    """
    if isinstance(value, (Tensor, np.ndarray)):
        tensors[name] = value if isinstance(value, Tensor) else wrap(value)
        return {_REFERENCE: name}
    if isinstance(value, Mapping):
        return {key: pack(entry, f"{name}.{key}", tensors) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(entry, f"{name}.{i}", tensors) for i, entry in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def unpack(value: Any, tensors: Mapping[str, Any]) -> Any:
    """Return what :func:`pack` was given, its arrays copies of ``tensors``. Raises KeyError when one is missing."""
    if isinstance(value, Mapping):
        if set(value) == {_REFERENCE}:
            return np.array(as_array(tensors[value[_REFERENCE]]))
        return {key: unpack(entry, tensors) for key, entry in value.items()}
    return [unpack(entry, tensors) for entry in value] if isinstance(value, list) else value
