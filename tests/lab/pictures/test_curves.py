"""Curves of one training, and of many."""

import math
import pathlib

import numpy as np
import pytest

from tapegrad.lab.pictures import draw_comparison, draw_curves


def training(epochs, steps=10, **more):
    return [
        {"epoch": e, "step": e * steps, "rate": 0.1, "loss": 1 / e, "accuracy": 1 - 1 / (e + 1), "seconds": 0.1}
        | {key: value(e) for key, value in more.items()}
        for e in range(1, epochs + 1)
    ]


def lines(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def test_loss_and_metric_each_with_training_and_validation(seen, tmp_path):
    records = training(3, valid_loss=lambda e: 2 / e, valid_accuracy=lambda e: 0.5, penalty=lambda e: 0.1)
    assert draw_curves(records, tmp_path / "a.png") == str(tmp_path / "a.png")
    loss, accuracy = seen.axes
    assert lines(loss) == {
        "training": [[1, 1], [2, 0.5], [3, 1 / 3]],
        "validation": [[1, 2], [2, 1], [3, 2 / 3]],
        "penalty": [[1, 0.1], [2, 0.1], [3, 0.1]],
    }
    assert set(lines(accuracy)) == {"training", "validation"}
    assert seen.labels() == [("epoch", "loss"), ("epoch", "accuracy")]


def test_full_batches_count_steps(seen, tmp_path):
    draw_curves(training(4, steps=1), tmp_path / "a.png")
    assert {axes.get_xlabel() for axes in seen.axes} == {"step"}


def test_the_learning_rate_is_drawn_where_it_changes(seen, tmp_path):
    draw_curves(training(3), tmp_path / "a.png")
    assert [axes.get_ylabel() for axes in seen.axes] == ["loss", "accuracy"]
    draw_curves(training(3, rate=lambda e: 0.1 / e), tmp_path / "a.png")
    assert [axes.get_ylabel() for axes in seen.axes] == ["loss", "accuracy", "learning rate"]


@pytest.mark.parametrize(
    ("rate", "scale"),
    [(lambda e: 0.1 * math.cos(e / 20 * math.pi / 2) + 1e-9, "linear"), (lambda e: 10.0 ** -(e // 5), "log")],
    ids=["cosine", "steps"],
)
def test_a_rate_that_ends_near_zero_keeps_its_shape(seen, tmp_path, rate, scale):
    draw_curves(training(20, rate=rate), tmp_path / "a.png")
    assert seen.axes[2].get_yscale() == scale


def test_epochs_have_whole_ticks(seen, tmp_path):
    draw_curves(training(3), tmp_path / "a.png")
    ticks = seen.axes[0].get_xticks()
    assert all(float(tick).is_integer() for tick in ticks)


@pytest.mark.parametrize(("last", "scale"), [(0.5, "linear"), (1e-3, "log")])
def test_losses_over_more_than_two_decades_get_a_logarithmic_axis(seen, tmp_path, last, scale):
    draw_curves(training(2, loss=lambda e: 1.0 if e == 1 else last), tmp_path / "a.png")
    assert seen.axes[0].get_yscale() == scale
    assert seen.axes[1].get_yscale() == "linear"


def test_one_record_without_validation(seen, tmp_path):
    draw_curves(training(1), tmp_path / "a.png")
    assert seen.axes[0].get_lines()[0].get_marker() == "o"
    assert seen.axes[0].get_legend() is None


def test_values_that_are_missing_or_not_finite_are_left_out(seen, tmp_path):
    records = training(4, valid_loss=lambda e: math.nan if e == 2 else math.inf if e == 3 else 1.0)
    del records[0]["loss"]
    draw_curves(records, tmp_path / "a.png")
    assert lines(seen.axes[0])["validation"] == [[1, 1], [4, 1]]
    assert [x for x, _ in lines(seen.axes[0])["training"]] == [2, 3, 4]


def test_a_metric_that_no_record_has_gets_no_panel(seen, tmp_path):
    draw_curves(training(2), tmp_path / "a.png", metrics=["f1", "accuracy"])
    assert [axes.get_ylabel() for axes in seen.axes] == ["loss", "accuracy"]


def test_entries_that_are_no_numbers_are_no_metrics(seen, tmp_path):
    draw_curves(training(2, confusion_matrix=lambda e: [[1, 2], [3, 4]], note=lambda e: "x"), tmp_path / "a.png")
    assert [axes.get_ylabel() for axes in seen.axes] == ["loss", "accuracy"]


@pytest.mark.parametrize("records", [[], [{"epoch": 1, "step": 1, "loss": math.nan}]])
def test_nothing_to_draw_is_said(seen, tmp_path, records):
    draw_curves(records, tmp_path / "a.png")
    assert "no data" in seen.texts


def test_the_best_epoch_is_marked(seen, tmp_path):
    draw_curves(training(5), tmp_path / "a.png", best=3)
    assert any(list(line.get_xdata()) == [3, 3] for line in seen.axes[0].get_lines())


def test_a_picture_for_print(tmp_path):
    for ending, start in (("svg", b"<?xml"), ("pdf", b"%PDF")):
        files = [draw_curves(training(3), tmp_path / f"{i}.{ending}") for i in range(2)]
        first, second = (pathlib.Path(file).read_bytes() for file in files)
        assert first.startswith(start)
        assert first == second


# -- comparison -----------------------------------------------------------------------------------------------------


def test_seeds_give_their_mean_with_a_band(seen, tmp_path):
    a, b = training(2, loss=lambda e: 1.0), training(3, loss=lambda e: 3.0)
    draw_comparison({"lr 0.1": [a, b], "lr 1": training(2)}, tmp_path / "a.png")
    (axes,) = seen.axes
    assert lines(axes)["lr 0.1"] == [[1, 2], [2, 2], [3, 3]]
    band = axes.collections[0].get_paths()[0].get_extents()
    np.testing.assert_allclose([band.ymin, band.ymax], [2 - 2**0.5, 3.41421356], rtol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_trials_without_the_metric_are_left_out(seen, tmp_path):
    with_f1 = training(2, f1=lambda e: 0.5)
    draw_comparison({"a": with_f1, "b": training(2), "c": []}, tmp_path / "a.png", metric="f1")
    assert set(lines(seen.axes[0])) == {"a"}
    draw_comparison({"b": training(2)}, tmp_path / "b.png", metric="f1")
    assert "no data: f1" in seen.texts
    draw_comparison({}, tmp_path / "c.png")
    assert "no data: loss" in seen.texts


@pytest.mark.parametrize("count", [1, 8, 28, 40])
def test_many_trials_are_told_apart(seen, tmp_path, count):
    draw_comparison({f"trial {i}": training(2, loss=lambda e, i=i: i + e) for i in range(count)}, tmp_path / "a.png")
    styles = {(str(line.get_color()), line.get_linestyle()) for line in seen.axes[0].get_lines()}
    assert len(styles) == count
