"""Points turned by random angles."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, ShapeError
from tapegrad.vision.transforms import RandomPointRotation


def test_angles_have_the_deviation_that_was_asked_for_and_the_radius_stays():
    tg.manual_seed(0)
    turn = RandomPointRotation(std=20.0)
    points = np.stack([turn(tg.tensor([2.0, 0.0])).array for _ in range(4000)])
    assert np.hypot(*points.T) == pytest.approx(2.0, abs=1e-5)
    angles = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    assert abs(angles.mean()) < 4 * 20 / math.sqrt(4000)
    assert angles.std() == pytest.approx(20, rel=0.05)


def test_a_quarter_turn_is_counter_clockwise(monkeypatch):
    class Fixed:
        def standard_normal(self):
            return 1.0

    monkeypatch.setattr("tapegrad.vision.transforms.points.rng", Fixed)
    np.testing.assert_allclose(RandomPointRotation(std=90.0)(tg.tensor([3.0, 1.0])).array, [-1.0, 3.0], atol=1e-6)


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_the_seed_decides_and_the_dtype_stays(dtype):
    def turned():
        tg.manual_seed(3)
        return RandomPointRotation(std=5.0)(tg.tensor([1.0, 2.0], dtype=dtype))

    assert turned().dtype == dtype
    assert turned().tolist() == turned().tolist()


@pytest.mark.parametrize("std", [-1.0, math.nan, math.inf])
def test_deviations_that_are_none_are_refused(std):
    with pytest.raises(ArgumentError, match="std is"):
        RandomPointRotation(std)


@pytest.mark.parametrize("sample", [tg.zeros(3), tg.zeros(1, 2), np.zeros(2)])
def test_what_is_no_point_is_refused(sample):
    with pytest.raises(ShapeError, match="RandomPointRotation"):
        RandomPointRotation(1.0)(sample)
