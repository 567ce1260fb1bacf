"""Small sets of points made by a formula, for first experiments.

All take ``seed`` (the same seed gives the same points on every machine and with every version of NumPy) or ``generator``;
without either, the seed is drawn from the generator that ``tapegrad.manual_seed`` seeds.
"""

from __future__ import annotations

import math

import numpy as np

from ...array import get_default_dtype
from ...core import Tensor, wrap
from ...errors import ArgumentError
from ...ops.generator import current_generator
from ...ops.random import Generator

__all__ = ["circles", "moons", "sine", "spiral"]


def _source(seed: int | None, generator: Generator | None) -> np.random.RandomState:
    """Return NumPy's first generator, the one whose streams never change."""
    if seed is None:
        seed = int((generator or current_generator()).stream.integers(1 << 32))
    return np.random.RandomState(seed)


def _check(who: str, points: int, noise: float) -> None:
    if points < 1:
        raise ArgumentError(who, f"points is {points}", "use at least 1 for each class")
    if not noise >= 0:
        raise ArgumentError(who, f"noise is {noise}", "use 0 or more")


def _labelled(classes: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return the classes' points one after the other, and their labels."""
    labels = np.repeat(np.arange(len(classes)), len(classes[0]))
    return wrap(np.concatenate(classes).astype(get_default_dtype())), wrap(labels)


def spiral(
    points: int = 100,
    classes: int = 3,
    noise: float = 0.2,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return points on intertwined arms of a spiral, shape (points · classes, 2), and the number of each one's arm.

    For arm j: r = linspace(0, 1, points), t = linspace(4j, 4(j + 1), points) + noise · normal(0, 1), and the points are
    (r sin 2.5t, r cos 2.5t). With ``seed=0`` these are the points that the book's code gives after ``np.random.seed(0)``.
    Source: A. Karpathy, CS231n (https://cs231n.github.io/neural-networks-case-study/); H. Kinsley, D. Kukieła,
    "Neural Networks from Scratch in Python" (2020), ``create_data``.

    >>> inputs, labels = spiral(100, 3, seed=0)
    >>> inputs.shape, labels[[0, 100, 200]]
    (tapegrad.Size([300, 2]), tensor([0, 1, 2]))
    """
    _check("spiral", points, noise)
    if classes < 1:
        raise ArgumentError("spiral", f"classes is {classes}", "use at least 1")
    source = _source(seed, generator)
    r = np.linspace(0.0, 1.0, points)
    arms = []
    for j in range(classes):
        t = np.linspace(4 * j, 4 * (j + 1), points) + source.randn(points) * noise
        arms.append(np.stack([r * np.sin(2.5 * t), r * np.cos(2.5 * t)], axis=1))
    return _labelled(arms)


def moons(
    points: int = 100, noise: float = 0.1, seed: int | None = None, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return two interlocking half circles, shape (2 · points, 2), and 0 or 1 for each point.

    With t from 0 to π: (cos t, sin t) and (1 - cos t, ½ - sin t), plus noise · normal(0, 1).

    >>> moons(2, noise=0)[0]
    tensor([[ 1.0000e+00,  0.0000e+00],
            [-1.0000e+00,  1.2246e-16],
            [ 0.0000e+00,  5.0000e-01],
            [ 2.0000e+00,  5.0000e-01]])
    """
    _check("moons", points, noise)
    source = _source(seed, generator)
    t = np.linspace(0.0, math.pi, points)
    halves = [np.stack([np.cos(t), np.sin(t)], axis=1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], axis=1)]
    return _labelled([half + noise * source.randn(points, 2) for half in halves])


def circles(
    points: int = 100,
    noise: float = 0.05,
    factor: float = 0.5,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return a circle of radius 1 and one of radius ``factor`` inside, shape (2 · points, 2), and 0 or 1 for each point.

    With t = 2πk / points: (cos t, sin t) times the radius, plus noise · normal(0, 1).
    Raises ArgumentError for a factor outside (0, 1).

    >>> circles(4, noise=0)[0].norm(dim=1)
    tensor([1.0000, 1.0000, 1.0000, 1.0000, 0.5000, 0.5000, 0.5000, 0.5000])
    """
    _check("circles", points, noise)
    if not 0 < factor < 1:
        raise ArgumentError("circles", f"factor is {factor}", "use a number between 0 and 1")
    source = _source(seed, generator)
    t = np.linspace(0.0, 2 * math.pi, points, endpoint=False)
    ring = np.stack([np.cos(t), np.sin(t)], axis=1)
    return _labelled([radius * ring + noise * source.randn(points, 2) for radius in (1.0, factor)])


def sine(
    points: int = 1000, noise: float = 0.0, seed: int | None = None, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return x = 0, 1/points, ..., shape (points, 1), and sin 2πx plus noise · normal(0, 1), of the same shape.

    >>> x, y = sine(4)
    >>> x.ravel()
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    _check("sine", points, noise)
    x = np.arange(points)[:, None] / points
    y = np.sin(2 * math.pi * x) + noise * _source(seed, generator).randn(points, 1)
    dtype = get_default_dtype()
    return wrap(x.astype(dtype)), wrap(y.astype(dtype))
