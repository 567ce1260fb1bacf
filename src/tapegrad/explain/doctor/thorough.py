"""What the doctor's full form does before a training: gradients beside finite differences, a few samples by heart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core import Tensor
from ...train.checks import Overfit, overfit_one_batch, unchanged
from ...train.inside import unseen
from .finding import Finding
from .slopes import slopes_of

__all__ = ["thorough"]

# A gradient within this factor of the slope is right; rounding in single precision and curvature leave less.
_RIGHT = 1.2
_STEPS, _SAMPLES, _RATE = 300, 16, 3e-3


def thorough(trainer: Any) -> Iterator[Finding]:
    """Yield what is found wrong with the gradients of the first batch, or in learning some of it by heart.

    The trainer stays as it is.
    """
    inputs, target = trainer.at_hand[0]
    if not isinstance(inputs, Tensor):
        return
    with np.errstate(all="ignore"):
        wrong = list(_gradients(trainer, inputs, target))
        yield from wrong
        found = _by_heart(trainer, inputs, target)
    # Smoothed labels, noise and dropout leave something that nobody can learn: half of the loss is more than they leave.
    if not found.learned and min(found.losses) > 0.5 * found.losses[0] and not wrong:
        evidence = {
            "first": found.losses[0],
            "last": found.losses[-1],
            "steps": len(found.losses),
            "samples": min(_SAMPLES, len(target)),
            "series": [[i + 1, loss] for i, loss in enumerate(found.losses)][:: max(1, len(found.losses) // 60)],
        }
        yield Finding("cannot-overfit", "", 0, evidence, severity=0.56)


def _by_heart(trainer: Any, inputs: Tensor, target: Any) -> Overfit:
    """Train on a few samples, with an optimizer that is known to be able to: the training's own may be meant to be slow."""
    from ...optim import Adam

    own = trainer.optimizer
    trainer.optimizer = Adam([p for p in trainer.model.parameters() if p.requires_grad], lr=_RATE)
    try:
        return overfit_one_batch(trainer, [(inputs, target)], _STEPS, samples=_SAMPLES)
    finally:
        trainer.optimizer = own


def _gradients(trainer: Any, inputs: Tensor, target: Any) -> Iterator[Finding]:
    model, loss = trainer.model, trainer.loss
    with unchanged(trainer), unseen(model):
        model.train()
        factors = slopes_of(model, loss, inputs, target)
    off = {name: f.factor for name, f in factors.items() if not 1 / _RIGHT < f.factor < _RIGHT}
    if not off:
        return
    first = next(iter(off))
    alike = [name for name, f in off.items() if 0.8 < f / off[first] < 1.25]
    factor, analytic, numeric = factors[first]
    where = "" if len(alike) == len(factors) else first.rpartition(".")[0]
    if factor > 0 and (len(alike) > 1 or len(factors) == 1):
        function = where or type(model).__name__
        evidence = {"factor": factor, "times": 1 / factor, "batch": len(target), "function": function}
        yield Finding("gradient-scale", where, 0, evidence, severity=0.94)
    else:
        yield Finding("gradient-wrong", where, 0, {"analytic": analytic, "numeric": numeric}, severity=0.95)
