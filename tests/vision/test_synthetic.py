"""Made-up points: the formulas, the seeds, the edges."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError
from tapegrad.vision.datasets import circles, moons, sine, spiral

MAKERS = {"spiral": spiral, "moons": moons, "circles": circles, "sine": sine}


def test_the_spiral_is_the_books():
    """The book's formula on NumPy's global generator, seeded as the book seeds it."""
    source = np.random.RandomState(0)
    expected = np.zeros((300, 2))
    for j in range(3):
        r = np.linspace(0.0, 1, 100)
        t = np.linspace(j * 4, (j + 1) * 4, 100) + source.randn(100) * 0.2
        expected[100 * j : 100 * (j + 1)] = np.c_[r * np.sin(t * 2.5), r * np.cos(t * 2.5)]
    inputs, labels = spiral(100, 3, seed=0)
    np.testing.assert_allclose(inputs.array, expected, atol=1e-7)
    assert labels.tolist() == [0] * 100 + [1] * 100 + [2] * 100


def test_the_spiral_without_noise_has_its_radii():
    inputs, labels = spiral(11, 4, noise=0)
    np.testing.assert_allclose(np.hypot(*inputs.array.T), np.tile(np.linspace(0, 1, 11), 4), atol=1e-6)
    assert np.bincount(labels.array).tolist() == [11] * 4


def test_the_moons_and_circles_without_noise():
    points, labels = moons(50, noise=0)
    upper, lower = points.array[:50], points.array[50:]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, rtol=1e-6)
    assert upper[:, 1].min() > -1e-6
    assert lower[:, 1].max() < 0.5 + 1e-6
    points, labels = circles(50, noise=0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*points.array.T), [1] * 50 + [0.3] * 50, rtol=1e-5)
    assert labels.tolist() == [0] * 50 + [1] * 50


def test_the_sine():
    x, y = sine(1000)
    assert x.shape == y.shape == (1000, 1)
    np.testing.assert_allclose(y.array, np.sin(2 * math.pi * np.arange(1000) / 1000)[:, None], atol=1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_seeds_decide(name):
    def make(**options):
        return MAKERS[name](20, noise=0.1, **options)

    first = make(seed=1)
    assert first[0].dtype == np.float32
    np.testing.assert_array_equal(first[1].array, make(seed=1)[1].array)
    np.testing.assert_array_equal(first[0].array, make(seed=1)[0].array)
    different = np.concatenate([t.array.ravel() for t in first]) != np.concatenate(
        [t.array.ravel() for t in make(seed=2)]
    )
    assert different.any()
    tg.manual_seed(3)
    drawn = make()
    tg.manual_seed(3)
    np.testing.assert_array_equal(drawn[0].array, make()[0].array)
    given = make(generator=tg.Generator().manual_seed(4))
    np.testing.assert_array_equal(given[1].array, make(generator=tg.Generator().manual_seed(4))[1].array)


@pytest.mark.parametrize("name", ["spiral", "moons", "circles"])
def test_noise_spreads_the_points(name):
    still, moved = (MAKERS[name](500, noise=noise, seed=0)[0].array for noise in (0, 0.1))
    assert 0.02 < np.abs(moved - still).mean() < 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spiral(0), "spiral: points is 0; use at least 1 for each class"),
        (lambda: spiral(5, 0), "classes is 0"),
        (lambda: moons(5, noise=-1), "moons: noise is -1; use 0 or more"),
        (lambda: circles(5, factor=1.0), r"factor is 1\.0; use a number between 0 and 1"),
        (lambda: sine(5, noise=float("nan")), "noise is nan"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
