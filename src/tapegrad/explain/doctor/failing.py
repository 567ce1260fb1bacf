"""Why a training broke off with a loss that is not finite: the first operation that gave such a value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...train.checks import unchanged
from ...train.update import Update
from .nonfinite import first_nonfinite
from .observe import Failure

__all__ = ["why_not_finite"]

# So many updates are made again from weights that were kept, to come upon the failure.
_MOST_AGAIN = 50


def why_not_finite(trainer: Any, kept: tuple[int, dict[str, Any]] | None = None) -> Failure:
    """Return the first operation that gave a value that is not finite, in the batches at hand; the trainer stays as it is.

    Where the failing update has spoiled the weights already, as a program's has, the weights ``kept``, those after so many
    updates, are taken instead, and updates are made from them with the batches at hand until one fails.
    """
    step = trainer.position.step
    plain = Failure(step, "the loss is not finite", part="loss")
    try:
        with np.errstate(all="ignore"):
            found = _first(trainer, step)
            if found is not None and found.part == "weights" and kept is not None:
                again = _again(trainer, *kept)
                found = Failure(step, again.what, again.operation, again.module, again.part) if again else found
        return found or plain
    except Exception:  # what cannot be run once more is not looked into: the error on its way out is the one to tell
        return plain


def _first(trainer: Any, step: int) -> Failure | None:
    for inputs, targets in trainer.at_hand:
        found = first_nonfinite(trainer.model, (inputs,), trainer.loss, (targets,), step)
        if found is not None:
            return found
    return None


def _again(trainer: Any, step: int, weights: dict[str, Any]) -> Failure | None:
    with unchanged(trainer):
        trainer.model.load_state_dict(weights)
        for group in trainer.optimizer.state.values():
            for value in group.values():
                if hasattr(value, "zero_"):
                    value.zero_()
        update = Update(trainer)
        tensors = tuple(t for batch in trainer.at_hand for t in batch)
        for count in range(_MOST_AGAIN):
            found = _first(trainer, step + count)
            if found is not None:
                return None if found.part == "weights" else found
            update.make(tensors)
    return None
