"""What the doctor's full form does before a training: gradients beside finite differences, a few samples by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...core import Tensor, no_grad
from ...ops.random import get_rng_state, set_rng_state
from ...train.checks import Overfit, overfit_one_batch, unchanged
from ...train.inside import unseen
from .finding import Finding

__all__ = ["gradient_factors", "thorough"]

# Slopes over a step and over half of it that differ by more than this are curvature or rounding, not a slope.
_STEADY = 0.05
# A change of the loss below this share of it is rounding.
_LEAST_CHANGE = 1e-4
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
        yield Finding("cannot-overfit", "", 0, evidence, "", 0.56)


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
        state = get_rng_state()
        loss(model(inputs), target).backward()
        parameters = {name: p for name, p in model.named_parameters() if p.grad is not None}
        gradients = {name: p.grad.array.copy() for name, p in parameters.items()}

        def measure() -> float:
            set_rng_state(state)
            with no_grad():
                return float(loss(model(inputs), target).array)

        factors = gradient_factors(measure, parameters, gradients)
    off = {name: f for name, (f, _, _) in factors.items() if not 1 / _RIGHT < f < _RIGHT}
    if not off:
        return
    first = next(iter(off))
    alike = [name for name, f in off.items() if 0.8 < f / off[first] < 1.25]
    factor, analytic, numeric = factors[first]
    where = "" if len(alike) == len(factors) else first.rpartition(".")[0]
    if factor > 0 and (len(alike) > 1 or len(factors) == 1):
        function = where or type(model).__name__
        evidence = {"factor": factor, "times": 1 / factor, "batch": len(target), "function": function}
        yield Finding("gradient-scale", where, 0, evidence, "", 0.94)
    else:
        yield Finding("gradient-wrong", where, 0, {"analytic": analytic, "numeric": numeric}, "", 0.95)


def gradient_factors(
    measure: Callable[[], float], parameters: Mapping[str, Any], gradients: Mapping[str, np.ndarray]
) -> dict[str, tuple[float, float, float]]:
    """Return, by name, (gradient / slope, gradient, slope) of ``measure`` along each parameter's gradient.

    The slope is a central difference over a step at which halving it changes nothing; parameters without such a step
    (the loss jumps, hardly moves, or its gradient is 0) are left out. Parameters are afterwards as they were.

    >>> import tapegrad as tg
    >>> w = tg.tensor([1.0, 2.0])
    >>> factors = gradient_factors(lambda: (w.array**2).sum().item(), {"w": w}, {"w": w.array.copy()})
    >>> round(factors["w"][0], 3)
    0.5
    """
    found = {}
    level = abs(measure())
    for name, p in parameters.items():
        g = gradients[name]
        size = float(np.linalg.norm(g))
        if not size or not np.isfinite(size):
            continue
        slope = _slope(measure, p, g / np.asarray(size, g.dtype), level)
        if slope is not None and slope:
            found[name] = size / slope, size, slope
    return found


def _slope(measure: Callable[[], float], p: Any, direction: np.ndarray, level: float) -> float | None:
    before = p.array.copy()
    step = 0.02 * max(float(np.linalg.norm(before)), 0.01 * before.size**0.5)

    def change(length: float) -> float:
        ends = []
        for sign in (1, -1):
            p.array[...] = before + (sign * length * direction).astype(before.dtype)
            ends.append(measure())
        return ends[0] - ends[1]

    try:
        for length in (step, step / 8, step / 64):
            whole, half = change(length), change(length / 2)
            if abs(half) < _LEAST_CHANGE * level or not np.isfinite(whole):
                continue
            if abs(whole - 2 * half) <= _STEADY * abs(whole):
                return half / length
    finally:
        p.array[...] = before
    return None
