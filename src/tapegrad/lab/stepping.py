"""Backpropagation of a training's first batch, step by step."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..errors import ArgumentError, DataError
from ..explain.steps.steps import Steps, step_through
from .build import Assembly

__all__ = ["first_steps"]


def first_steps(assembly: Assembly, samples: int = 4) -> Steps:
    """Return the steps of the gradient of the loss, penalty included, of the first samples that a training would meet.

    The network is as it is, in training mode. Raises ArgumentError for no samples, DataError when there is no data.
    """
    if samples < 1:
        raise ArgumentError("steps", f"{samples} samples", "take at least one; batch normalisation wants two")
    inputs, target = (_first(part, samples) for part in _batch(assembly))
    trainer, model = assembly.trainer, assembly.model.train()

    def loss() -> Tensor:
        value = trainer.loss(model(inputs), target)
        return value if trainer.penalty is None else value + trainer.penalty()

    return step_through(loss, model)


def _batch(assembly: Assembly) -> Any:
    for batch in assembly.train_loader:
        return batch
    raise DataError("steps", "the loader gave no batch", "give it data, or set data.drop_last=false")


def _first(value: Any, samples: int) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_first(item, samples) for item in value)
    return value[:samples]
