"""Pictures of what is inside a network: its drawing, first weights, distributions and statistics over time."""

import math

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError, ShapeError
from tapegrad.lab.pictures import draw_distributions, draw_first_layer, draw_network, draw_statistics
from tapegrad.lab.pictures.network import stages_of


def sheet(seen):
    return seen.axes[0].images[0]


def test_dense_weights_are_images_on_one_symmetric_scale(seen, tmp_path):
    weights = np.zeros((4, 20 * 30))
    weights[3, 0] = -2.0
    weights[0] = 1.0
    draw_first_layer(weights, tmp_path / "a.png", shape=(20, 30))
    low, high = sheet(seen).get_clim()
    assert low == -high == -1
    pixels = sheet(seen).get_array().filled(np.nan)
    assert pixels[0, 0] == 1
    assert np.isnan(pixels[:, 30]).all()  # the line between two units


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (4, 3, 3, 3), (8, 64, 3, 3), (1, 1, 1, 1)])
def test_kernels(seen, tmp_path, rng, shape):
    draw_first_layer(rng.normal(size=shape), tmp_path / "a.png", shape=None)


def test_of_many_units_the_largest_are_shown(seen, tmp_path):
    weights = np.arange(100.0)[:, None] * np.ones((1, 784))
    draw_first_layer(weights, tmp_path / "a.png", limit=10)
    assert seen.axes[0].get_title() == "the 10 largest of 100"
    assert np.nanmin(sheet(seen).get_array().filled(np.nan)) == 90


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_weights_without_a_scale(seen, tmp_path, value):
    weights = np.full((2, 784), value)
    weights[0, :400] = 0.0
    draw_first_layer(weights, tmp_path / "a.png")
    assert sheet(seen).get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("weights", "shape"), [((3, 10), (2, 4)), ((3, 10), None), ((3,), (1, 3)), ((2, 2, 2), (2, 2))]
)
def test_weights_that_are_no_images_are_refused(tmp_path, weights, shape):
    with pytest.raises(ShapeError, match="weights have shape"):
        draw_first_layer(np.zeros(weights), tmp_path / "a.png", shape=shape)


# -- the drawing of a network ---------------------------------------------------------------------------------------


def row(type, before, after, parameters=0):
    return {"type": type, "input_shape": before, "output_shape": after, "parameters": parameters}


DENSE = [
    row("Flatten", [1, 28, 28], [784]),
    row("Linear", [784], [30], 23550),
    row("BatchNorm1d", [30], [30], 60),
    row("ReLU", [30], [30]),
    row("Linear", [30], [10], 310),
]
CNN = [
    row("Conv2d", [1, 28, 28], [10, 24, 24], 260),
    row("ReLU", [10, 24, 24], [10, 24, 24]),
    row("MaxPool2d", [10, 24, 24], [10, 12, 12]),
    row("Flatten", [10, 12, 12], [1440]),
    row("Linear", [1440], [10], 14410),
    row("LogSoftmax", [10], [10]),
]


def test_layers_that_keep_the_shape_belong_to_the_one_before():
    stages = stages_of(CNN)
    assert [(s.type, s.shape, s.extras) for s in stages] == [
        ("input", (1, 28, 28), []),
        ("Conv2d", (10, 24, 24), ["ReLU"]),
        ("MaxPool2d", (10, 12, 12), ["Flatten"]),
        ("Linear", (10,), ["LogSoftmax"]),
    ]
    assert stages_of(DENSE)[1].parameters == 23610


def test_a_linear_layer_that_keeps_the_size_is_one_of_its_own():
    stages = stages_of([row("Linear", [5], [5], 30), row("Linear", [5], [5], 30)])
    assert [s.type for s in stages] == ["input", "Linear", "Linear"]


def test_dense_networks_are_circles_with_sizes_below(seen, tmp_path):
    draw_network([2, 64, 3], tmp_path / "a.png")
    assert {"2", "64", "3", "input", "output"} <= set(seen.texts)
    circles = [len(c.get_offsets()) for c in seen.axes[0].collections if c.get_offsets().shape[0] > 1]
    assert circles == [2, 8, 3, 3]  # 8 of 64 and three dots; lines have no offsets


def test_dense_rows_name_what_follows_a_layer(seen, tmp_path):
    draw_network(DENSE, tmp_path / "a.png")
    assert "BatchNorm1d\nReLU" in seen.texts
    assert {"784", "30", "10"} <= set(seen.texts)


def test_other_networks_are_blocks_with_shapes(seen, tmp_path):
    draw_network(CNN, tmp_path / "a.png")
    assert "Conv2d\n+ ReLU\n10×24×24\n(260)" in seen.texts
    assert "MaxPool2d\n+ Flatten\n10×12×12" in seen.texts


@pytest.mark.parametrize("layers", [[1, 1], [784, 392, 196, 49, 1], [3] * 12, CNN * 4])
def test_networks_of_every_size(seen, tmp_path, layers):
    draw_network(layers, tmp_path / "a.png")


def test_networks_in_chinese(seen, chinese, tmp_path):
    draw_network([2, 3], tmp_path / "a.png", lang="zh")
    draw_network(CNN, tmp_path / "b.png", lang="zh")
    assert any(text.startswith("输入") for text in seen.texts)


@pytest.mark.parametrize("layers", [[], [5]])
def test_a_network_without_layers_is_refused(tmp_path, layers):
    with pytest.raises(DataError, match="there are no layers"):
        draw_network(layers, tmp_path / "a.png")


# -- over time ------------------------------------------------------------------------------------------------------


def report(step, dead=0.25, saturated=None, norm=1.0, counts=(1, 2, 1), low=-1.0, high=1.0):
    histogram = {"low": low, "high": high, "counts": list(counts)}
    activation = {"mean": 0.0, "dead_share": dead, "histogram": histogram}
    if saturated is not None:
        activation["saturated_share"] = saturated
    learning = {"gradient": {"norm": norm, "histogram": histogram}, "weight": {"norm": 2.0}, "update_ratio": norm / 100}
    layers = {
        "0": {"kind": "Flatten", "activation": activation},
        "fc1": {"kind": "Linear", "activation": {**activation, "dead_share": 0.0}, **learning},
        "act1": {"kind": "ReLU", "activation": activation},
    }
    return {"event": "statistics", "step": step, "layers": layers}


def test_a_strip_for_each_layer(seen, tmp_path):
    draw_distributions([report(1), report(100), report(200)], tmp_path / "a.png")
    assert [axes.get_title() for axes in seen.axes] == ["fc1 (Linear)", "act1 (ReLU)"]
    draw_distributions([report(1), report(100)], tmp_path / "b.png", kind="gradient")
    assert [axes.get_title() for axes in seen.axes] == ["fc1 (Linear)"]
    assert "step" in seen.texts


def test_a_strips_shares_sum_to_the_histogram(seen, tmp_path):
    draw_distributions([report(1, counts=(0, 4), low=0, high=2)], tmp_path / "a.png", kind="gradient")
    mesh = seen.axes[0].collections[0]
    np.testing.assert_allclose(mesh.get_array().sum(), 0.99, atol=0.006)  # between the 0.5th and 99.5th percentile
    median = seen.axes[0].get_lines()[1].get_ydata()
    np.testing.assert_allclose(median, [1.5])


@pytest.mark.parametrize(
    "statistics",
    [[], [report(1, counts=(0, 0, 0))], [{"step": 1, "layers": {}}], [{"step": 1}]],
    ids=["none", "no counts", "no layers", "no key"],
)
def test_no_statistics_are_said(seen, tmp_path, statistics):
    draw_distributions(statistics, tmp_path / "a.png")
    assert "no data" in seen.texts


def test_many_layers_are_thinned(seen, tmp_path):
    layer = report(1)["layers"]["act1"]
    draw_distributions([{"step": 1, "layers": {f"l{i}": layer for i in range(40)}}], tmp_path / "a.png")
    titles = [axes.get_title() for axes in seen.axes]
    assert len(titles) == 12
    assert (titles[0], titles[-1]) == ("l0 (ReLU)", "l39 (ReLU)")


def test_another_kind_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="did you mean 'gradient'"):
        draw_distributions([report(1)], tmp_path / "a.png", kind="gradients")


def test_statistics_have_a_panel_for_what_there_is(seen, tmp_path):
    draw_statistics([report(1), report(50, norm=0.001), report(100)], tmp_path / "a.png")
    dead, gradient, update = seen.axes
    assert [axes.get_ylabel() for axes in seen.axes] == ["share of dead units", "gradient norm", "update / weight"]
    assert [line.get_ydata().tolist() for line in dead.get_lines()] == [
        [0.25] * 3
    ]  # act1 alone: Flatten only passes on
    assert gradient.get_yscale() == "log"
    assert update.get_yscale() == "log"
    assert [text.get_text() for text in seen.figure.legends[0].get_texts()] == ["fc1", "act1"]
    draw_statistics([report(1, saturated=0.5)], tmp_path / "b.png")
    assert seen.axes[1].get_ylabel() == "share of saturated units"


def test_statistics_that_are_not_finite_or_missing(seen, tmp_path):
    draw_statistics([report(1, norm=math.nan), report(2, norm=0.0), report(3, norm=math.inf)], tmp_path / "a.png")
    draw_statistics([], tmp_path / "b.png")
    assert "no data" in seen.texts


def test_one_step_far_out_does_not_flatten_the_others(seen, tmp_path):
    reports = [report(1, low=-1e6, high=1e6)] + [report(step) for step in range(2, 30)]
    draw_distributions(reports, tmp_path / "a.png", kind="gradient")
    low, high = seen.axes[0].get_ylim()
    assert -1.1 < low < 0 < high < 1.1
