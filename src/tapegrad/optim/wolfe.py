"""A line search: how far to go so that the loss falls enough and its slope flattens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["strong_wolfe"]


def strong_wolfe(
    at: Callable[[float], tuple[float, np.ndarray]],
    t: float,
    d: np.ndarray,
    loss: float,
    g: np.ndarray,
    slope: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    most: int = 25,
) -> tuple[float, np.ndarray, float, int]:
    """Return loss, gradient and t where f(t) ≤ f(0) + c₁ t f'(0) and abs(f'(t)) ≤ c₂ abs(f'(0)), and the evaluations.

    ``at(t)`` gives loss and gradient in the distance t along ``d``. The best point found is returned when none fits
    within ``most`` evaluations. Source: J. Nocedal, S. Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6,
    with the cubic interpolation of M. Schmidt's minFunc (https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html).
    """
    longest = float(np.abs(d).max())
    start = _Point(0.0, loss, g, slope)
    bracket, evaluations, done = _bracket(at, t, d, start, c1, c2, most)
    stalled = False
    count = evaluations - 1
    low, high = (0, 1) if len(bracket) == 1 or bracket[0].loss <= bracket[-1].loss else (1, 0)
    while not done and count < most:
        if abs(bracket[1].t - bracket[0].t) * longest < tolerance_change:
            break
        t = _between(bracket)
        t, stalled = _kept_inside(t, bracket, stalled)
        point = _Point.at(at, t, d)
        evaluations += 1
        count += 1
        if point.loss > loss + c1 * t * slope or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        if abs(point.slope) <= -c2 * slope:
            done = True
        elif point.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    best = bracket[low] if len(bracket) == 2 else bracket[0]
    return best.loss, best.g, best.t, evaluations


class _Point:
    """A distance along the line, with loss, gradient and slope there."""

    __slots__ = ("g", "loss", "slope", "t")

    def __init__(self, t: float, loss: float, g: np.ndarray, slope: float):
        self.t = t
        self.loss = loss
        self.g = g
        self.slope = slope

    @classmethod
    def at(cls, at: Callable[[float], Any], t: float, d: np.ndarray) -> _Point:
        loss, g = at(t)
        return cls(t, loss, g.copy(), float(g @ d))


def _bracket(
    at: Callable[[float], Any], t: float, d: np.ndarray, start: _Point, c1: float, c2: float, most: int
) -> tuple[list[_Point], int, bool]:
    """Return two points with a good one between them, or a good one alone; evaluations; whether it is done."""
    before, point = start, _Point.at(at, t, d)
    evaluations = 1
    for turn in range(most):
        if point.loss > start.loss + c1 * point.t * start.slope or (turn > 0 and point.loss >= before.loss):
            return [before, point], evaluations, False
        if abs(point.slope) <= -c2 * start.slope:
            return [point], evaluations, True
        if point.slope >= 0:
            return [before, point], evaluations, False
        nearest, farthest = point.t + 0.01 * (point.t - before.t), point.t * 10
        t = _cubic(before, point, nearest, farthest)
        before, point = point, _Point.at(at, t, d)
        evaluations += 1
    return [start, point], evaluations, False


def _between(bracket: list[_Point]) -> float:
    low, high = sorted((bracket[0].t, bracket[1].t))
    return _cubic(bracket[0], bracket[1], low, high)


def _cubic(a: _Point, b: _Point, low: float, high: float) -> float:
    """Return the minimum within bounds of the cubic through two points with their slopes (formula 3.59)."""
    if a.t > b.t:
        a, b = b, a
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else np.nan
    square = middle**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = square**0.5
    t = b.t - (b.t - a.t) * ((b.slope + root - middle) / (b.slope - a.slope + 2 * root))
    return min(max(t, low), high)


def _kept_inside(t: float, bracket: list[_Point], stalled: bool) -> tuple[float, bool]:
    """Return a distance not too close to the bracket's ends, and whether it was close now."""
    low, high = sorted((bracket[0].t, bracket[1].t))
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if not stalled and low < t < high:
        return t, True
    return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
