"""Gradients beside finite differences: whether a backward pass gives the slope of the loss."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...core import Tensor, no_grad
from ...nn import Module
from ...ops.random import get_rng_state, set_rng_state

__all__ = ["Slope", "gradient_factors", "slopes_of"]

# A step as a share of the parameter's size: so small that saturated outputs, whose loss falls in steps as large steps
# flip one sample after the other, show the slope at the place; in single precision rounding allows no smaller ones.
_FINE, _COARSE = (1e-4, 1e-5, 1e-6), (2e-2, 2.5e-3, 3e-4)
# Slopes over a step, over half and an eighth of it that differ by more than this are curvature or rounding, not a slope.
_STEADY = 0.05
# By so many units in its last place a loss is off, as the sum of many numbers that it is.
_ROUNDING = 10.0
# Where moving a parameter by its own size changes the loss by less than this share, its gradient is rounding in the
# training's own single precision, whatever the slope in double precision is.
_NOTHING = 1e-6


class Slope(NamedTuple):
    """``gradient``: of a parameter, its norm; ``slope``: that of the loss along it; ``factor``: the one divided by the other."""

    factor: float
    gradient: float
    slope: float


def slopes_of(model: Module, loss: Any, inputs: Tensor, target: Any) -> dict[str, Slope]:
    """Return, by name, the gradient of each parameter beside the slope of the loss, in double precision where the model can.

    The model is in the mode that is looked at, and stays as it is but for its parameters' ``grad`` and its buffers.
    """
    try:
        found = _slopes(*_doubled(model, loss, inputs, target))
    except Exception:  # a model of one's own may know single precision only, or may not be copied
        found = None
    return _slopes(model, loss, inputs, target) if found is None else found


def _slopes(model: Module, loss: Any, inputs: Tensor, target: Any) -> dict[str, Slope]:
    state = get_rng_state()
    loss(model(inputs), target).backward()
    parameters = {name: p for name, p in model.named_parameters() if p.grad is not None}
    gradients = {name: p.grad.array.copy() for name, p in parameters.items()}  # type: ignore[union-attr]

    def measure() -> float:
        set_rng_state(state)
        with no_grad():
            return float(loss(model(inputs), target).array)

    return gradient_factors(measure, parameters, gradients)


def _doubled(model: Module, loss: Any, inputs: Tensor, target: Any) -> tuple[Module, Any, Tensor, Any]:
    """Return copies in double precision; hooks of parameters, which may be what is wrong with a gradient, go along."""
    twin = copy.deepcopy(model).double()
    for p, twin_p in zip(model.parameters(), twin.parameters(), strict=True):
        twin_p._hooks, twin_p.grad = p._hooks, None
    loss = copy.deepcopy(loss).double() if isinstance(loss, Module) else loss
    inputs, target = (t.double() if isinstance(t, Tensor) and t.dtype.kind == "f" else t for t in (inputs, target))
    return twin, loss, inputs, target


def gradient_factors(
    measure: Callable[[], float], parameters: Mapping[str, Any], gradients: Mapping[str, np.ndarray]
) -> dict[str, Slope]:
    """Return, by name, each gradient beside the slope of ``measure`` along it.

    The slope is a central difference over a step at which halving it changes nothing; parameters without such a step
    (the loss jumps, moves by no more than its rounding, or its gradient is 0) are left out. Parameters are afterwards as
    they were.

    >>> import tapegrad as tg
    >>> w = tg.tensor([1.0, 2.0])
    >>> factors = gradient_factors(lambda: (w.array**2).sum().item(), {"w": w}, {"w": w.array.copy()})
    >>> round(factors["w"].factor, 3)
    0.5
    """
    found = {}
    level = abs(measure())
    for name, p in parameters.items():
        g = gradients[name]
        size = float(np.linalg.norm(g))
        if not np.isfinite(size) or size * _reach(p.array) <= _NOTHING * level:
            continue
        slope = _slope(measure, p, g / np.asarray(size, g.dtype), level)
        if slope:
            found[name] = Slope(size / slope, size, slope)
    return found


def _reach(values: np.ndarray) -> float:
    """Return the size of a parameter; of one that is next to 0, that of small weights of as many numbers."""
    return max(float(np.linalg.norm(values)), 0.01 * values.size**0.5)


def _slope(measure: Callable[[], float], p: Any, direction: np.ndarray, level: float) -> float | None:
    before = p.array.copy()
    eps = float(np.finfo(before.dtype).eps)

    def change(length: float) -> float:
        ends = []
        for sign in (1, -1):
            p.array[...] = before + (sign * length * direction).astype(before.dtype)
            ends.append(measure())
        return ends[0] - ends[1]

    try:
        for share in _FINE if eps < 1e-12 else _COARSE:
            length = share * _reach(before)
            whole, half, eighth = (change(length / part) for part in (1, 2, 8))
            allowed = _STEADY * abs(whole)
            # The last difference counts eight times, and so does what it is off by.
            if not 8 * _ROUNDING * eps * level < allowed < np.inf:
                continue
            if max(abs(whole - 2 * half), abs(whole - 8 * eighth)) <= allowed:
                return half / length
    finally:
        p.array[...] = before
    return None
