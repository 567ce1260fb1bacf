"""Sets made by a formula. Test points are fresh: no seed of an experiment draws them to train on."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np

from ...array import get_default_dtype, set_default_dtype
from ...core import Tensor
from ...errors import ArgumentError
from ...vision import datasets
from .source import Place, Samples, Source

__all__ = ["circles", "moons", "sine", "spiral"]

# Experiments' seeds are smaller.
_FRESH = 1 << 31


def spiral(
    place: Place,
    *,
    points: int = 100,
    classes: int = 3,
    noise: float = 0.2,
    test_points: int = 1000,
    seed: int | None = None,
) -> Source:
    """Points of each arm of a spiral, as :func:`tapegrad.vision.datasets.spiral` draws them; ``test_points`` an arm."""
    train, test = _seeds(place, seed)
    with _exact():
        drawn = datasets.spiral(points, classes, noise, seed=train)
        fresh = datasets.spiral(test_points, classes, noise, seed=test) if test_points else None
    return _labelled(drawn, fresh, [str(i) for i in range(classes)])


def moons(
    place: Place, *, points: int = 100, noise: float = 0.1, test_points: int = 1000, seed: int | None = None
) -> Source:
    """Two interlocking half circles, ``points`` each, as :func:`tapegrad.vision.datasets.moons` draws them."""
    train, test = _seeds(place, seed)
    with _exact():
        drawn = datasets.moons(points, noise, seed=train)
        fresh = datasets.moons(test_points, noise, seed=test) if test_points else None
    return _labelled(drawn, fresh, ["upper", "lower"])


def circles(
    place: Place,
    *,
    points: int = 100,
    noise: float = 0.05,
    factor: float = 0.5,
    test_points: int = 1000,
    seed: int | None = None,
) -> Source:
    """A circle inside another, ``points`` each, as :func:`tapegrad.vision.datasets.circles` draws them."""
    train, test = _seeds(place, seed)
    with _exact():
        drawn = datasets.circles(points, noise, factor, seed=train)
        fresh = datasets.circles(test_points, noise, factor, seed=test) if test_points else None
    return _labelled(drawn, fresh, ["outer", "inner"])


def sine(
    place: Place, *, points: int = 200, noise: float = 0.0, test_points: int = 1000, seed: int | None = None
) -> Source:
    """y = sin x at evenly spaced x from -π to π, both ends among them, plus noise · normal(0, 1).

    Test points have no noise: they tell how well the function itself is met.
    """
    if points < 2 or test_points == 1:
        raise ArgumentError("data.arguments", "the ends of [-π, π] are 2 points", "use 2 points or more")
    if not noise >= 0:
        raise ArgumentError("data.arguments.noise", f"is {noise}", "use 0 or more")
    draw = np.random.RandomState(_seeds(place, seed)[0])
    train = _curve(points)
    train.labels = train.labels + noise * draw.randn(points, 1)
    return Source(
        "regression", train, _curve(test_points) if test_points else None, None, kind="columns", columns=["x"]
    )


def _curve(points: int) -> Samples:
    x = np.linspace(-math.pi, math.pi, points)[:, None]
    return Samples.whole(x, np.sin(x))


@contextlib.contextmanager
def _exact() -> Iterator[None]:
    """Draw in float64, whatever the default: what an experiment learns from depends on its recipe alone."""
    before = get_default_dtype()
    set_default_dtype("float64")
    try:
        yield
    finally:
        set_default_dtype(before)


def _seeds(place: Place, seed: int | None) -> tuple[int, int]:
    """Return the seeds of training and test points."""
    seed = place.seed if seed is None else seed
    if not 0 <= seed < _FRESH:
        raise ArgumentError("data.arguments.seed", f"is {seed}", f"use a whole number from 0 to {_FRESH - 1}")
    return seed, seed + _FRESH


def _labelled(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor] | None, classes: list[str]) -> Source:
    samples = [None if points is None else Samples.whole(points[0].array, points[1].array) for points in (train, test)]
    assert samples[0] is not None
    return Source("classification", samples[0], samples[1], classes, kind="columns", columns=["x", "y"])
