import math

import numpy as np
import pytest

from tapegrad.board.series import Series


def filled(steps, values, capacity=8, chunk=3):
    series = Series(capacity)
    for i in range(0, len(steps), chunk):
        series.extend(steps[i : i + chunk], values[i : i + chunk])
    return series


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 33, 100])
def test_no_extreme_and_no_last_value_is_lost(rng, count, chunk):
    values = rng.normal(size=count).tolist()
    view = filled(list(range(count)), values, chunk=chunk).view(1000)
    assert min(view["low"]) == min(values)
    assert max(view["high"]) == max(values)
    assert (view["step"][-1], view["value"][-1]) == (count - 1, values[-1])
    assert len(view["step"]) <= 9
    # Each bucket holds what lies between the last one's step and its own.
    before = -1
    for step, value, low, high in zip(*(view[name] for name in ("step", "value", "low", "high")), strict=True):
        inside = values[before + 1 : int(step) + 1]
        assert (value, low, high) == (inside[-1], min(inside), max(inside))
        before = int(step)


def test_the_view_is_bounded_by_points_and_range():
    series = filled(list(range(100)), [float(i) for i in range(100)], capacity=1000)
    view = series.view(10, 20, 79)
    assert len(view["step"]) == 10
    assert view["low"][0] == 20
    assert view["high"][-1] == 79
    assert view["step"] == sorted(view["step"])


def test_what_is_no_number_hides_nothing_else():
    series = filled([1, 2, 3, 4], [1.0, math.nan, math.inf, 2.0], capacity=2)
    view = series.view(1)
    assert (view["low"], view["high"], view["value"]) == ([1.0], [math.inf], [2.0])


def test_steps_that_go_back_are_passed_over():
    series = filled([1, 5, 3, 5, 6], [1.0, 2.0, 3.0, 4.0, 5.0], capacity=100)
    assert series.view(100)["step"] == [1, 5, 5, 6]


def test_after_gives_what_is_new():
    series = filled([1, 2, 3], [1.0, 2.0, 3.0], capacity=100)
    assert series.after(1) == [[2.0, 2.0], [3.0, 3.0]]
    assert series.after(3) == []


def test_a_million_values_take_bounded_memory():
    series = Series()
    for start in range(0, 1_000_000, 1000):
        steps = np.arange(start, start + 1000)
        series.extend(steps, np.sin(steps))
    assert series.count == 1_000_000
    assert series._rows.nbytes + series._rest.nbytes < 3_000_000
    assert len(series.view(1500)["step"]) == 1500
    assert max(series.view(1500)["high"]) == np.sin(np.arange(1_000_000)).max()
