"""Fitted functions, factors of an ablation, the learning-rate finder; and pictures without matplotlib."""

import math
import sys

import numpy as np
import pytest

from tapegrad.errors import MissingExtraError, ShapeError
from tapegrad.lab.pictures import draw_factor, draw_function, draw_rate_finder


def test_a_fitted_function_is_drawn_in_the_order_of_x_with_its_residuals(seen, tmp_path):
    x, y, said = np.array([[2.0], [0.0], [1.0]]), np.array([4.0, 0.0, 1.0]), np.array([[4.5], [0.0], [0.5]])
    draw_function(x, y, said, tmp_path / "a.png")
    above, below = seen.axes
    fitted = next(line for line in above.get_lines() if line.get_label() == "fitted")
    assert fitted.get_xydata().tolist() == [[0, 0], [1, 0.5], [2, 4.5]]
    assert below.get_lines()[-1].get_ydata().tolist() == [0, -0.5, 0.5]
    assert below.get_title(loc="right") == "mean absolute residual 0.333"
    assert (below.get_xlabel(), below.get_ylabel(), above.get_ylabel()) == ("x", "residual", "y")


@pytest.mark.parametrize("prediction", [[0.5], [math.nan]])
def test_a_function_at_one_point(seen, tmp_path, prediction):
    draw_function(np.array([1.0]), np.array([1.0]), np.array(prediction), tmp_path / "a.png")


def test_a_function_needs_as_many_predictions(tmp_path):
    with pytest.raises(ShapeError, match="2 x, 2 y and 1 predictions"):
        draw_function(np.zeros(2), np.zeros(2), np.zeros(1), tmp_path / "a.png")


# -- factors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "scale", "ticks"),
    [
        ([1e-2, 1e-4, 1e-3], "log", ["1e-4", "1e-3", "1e-2"]),
        ([100, 400, 800], "linear", ["100", "400", "800"]),
        ([0, 1e-2, 1e-3], "linear", ["0", "1e-3", "1e-2"]),
        (["tanh", "sigmoid"], "linear", ["tanh", "sigmoid"]),
        ([True, False], "linear", ["True", "False"]),
        ([16], "linear", ["16"]),
        ([16, 32, 64, 128, 256], "log", ["16", "32", "64", "128", "256"]),
        ([0.0, 0.25, 0.5], "linear", ["0", "0.25", "0.5"]),
    ],
)
def test_levels_lie_where_they_belong(seen, tmp_path, levels, scale, ticks):
    n = len(levels)
    draw_factor(levels, [0.9] * n, [0.01] * n, tmp_path / "a.png", factor="factor", metric="accuracy")
    (axes,) = seen.axes
    assert axes.get_xscale() == scale
    assert [label.get_text() for label in axes.get_xticklabels()] == ticks
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("factor", "accuracy")


def test_means_go_with_their_levels(seen, tmp_path):
    draw_factor(
        [1e-2, 1e-3], [0.7, 0.9], [0.1, 0.0], tmp_path / "a.png", factor="lr", metric="f1", points=[[0.6, 0.8], [0.9]]
    )
    container = seen.axes[0].containers[0]
    assert container.lines[0].get_xydata().tolist() == [[1e-3, 0.9], [1e-2, 0.7]]
    runs = [line.get_ydata().tolist() for line in seen.axes[0].get_lines() if line.get_markersize() == 3]
    assert runs == [[0.9], [0.6, 0.8]]


def test_failed_trials_leave_their_place_empty(seen, tmp_path):
    nan = math.nan
    draw_factor([1, 2], [nan, 1.0], [nan, nan], tmp_path / "a.png", factor="x", metric="mae", points=[[], [1.0, nan]])
    draw_factor(["a", "b"], [nan, nan], [nan, nan], tmp_path / "b.png", factor="x", metric="mae")
    assert len(seen.axes[0].get_xticks()) == 2


def test_a_factor_in_chinese(seen, chinese, tmp_path):
    draw_factor(
        ["甲", "乙"], [1.0, 2.0], [0, 0], tmp_path / "a.png", factor="激活函数", metric="test_accuracy", lang="zh"
    )
    assert (seen.axes[0].get_xlabel(), seen.axes[0].get_ylabel()) == ("激活函数", "测试准确率")


def test_a_factor_needs_a_mean_for_each_level(tmp_path):
    with pytest.raises(ShapeError, match="2 levels, 1 means"):
        draw_factor([1, 2], [1.0], [0.0, 0.0], tmp_path / "a.png", factor="x", metric="y")


# -- the learning-rate finder ---------------------------------------------------------------------------------------


def test_the_suggested_rate_is_marked_and_divergence_leaves_the_picture(seen, tmp_path):
    rates, losses = np.logspace(-5, 0, 6), [2.0, 2.0, 1.5, 1.0, 50.0, math.inf]
    draw_rate_finder(rates, losses, 1e-3, tmp_path / "a.png")
    (axes,) = seen.axes
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[1] < 5
    assert axes.get_title() == "suggested 0.001"
    assert any(list(line.get_xdata()) == [1e-3, 1e-3] for line in axes.get_lines())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "loss")


@pytest.mark.parametrize(
    ("rates", "losses"), [([0.1], [1.0]), ([0.1, 1.0], [math.nan, 1.0]), ([], []), ([0.1, 1.0], [1.0, 2.0])]
)
def test_finders_that_found_nothing(seen, tmp_path, rates, losses):
    draw_rate_finder(rates, losses, None, tmp_path / "a.png")


def test_the_finder_needs_a_loss_for_each_rate(tmp_path):
    with pytest.raises(ShapeError, match="2 rates, 1 losses"):
        draw_rate_finder([0.1, 1.0], [1.0], None, tmp_path / "a.png")


# -- the style ------------------------------------------------------------------------------------------------------


def test_the_users_own_settings_neither_matter_nor_change(seen, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"figure.facecolor": "red", "lines.linewidth": 9, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        draw_rate_finder([0.1, 1.0], [1.0, 0.5], None, tmp_path / "a.png")
        assert dict(matplotlib.rcParams) == before
    assert seen.figure.get_facecolor() == (1, 1, 1, 1)


def test_no_window_and_no_global_figure(seen, tmp_path):
    draw_rate_finder([0.1, 1.0], [1.0, 0.5], None, tmp_path / "a.png")
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_without_matplotlib_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"'matplotlib' is not installed; pip install 'tapegrad\[lab\]'"):
        draw_rate_finder([0.1], [1.0], None, tmp_path / "a.png")
