"""The plane as a classifier sees it."""

import numpy as np
import pytest
from PIL import Image

import tapegrad as tg
from tapegrad.errors import ArgumentError, ShapeError
from tapegrad.lab.pictures import animate_boundary, draw_boundary

POINTS = np.array([[-1.0, 0.0], [1.0, 0.0], [1.0, 1.0]], np.float32)
LABELS = np.array([0, 1, 1])


def right_or_left(points):
    """Logits: class 1 to the right of zero."""
    return np.stack([-4 * points[:, 0], 4 * points[:, 0]], axis=1)


def image_of(axes):
    return axes.images[0].get_array(), axes.images[0].get_extent()


def test_regions_have_the_color_of_their_class_the_stronger_the_surer(seen, tmp_path):
    draw_boundary(right_or_left, POINTS, LABELS, tmp_path / "a.png", classes=["left", "right"], resolution=101)
    (axes,) = seen.axes
    shades, _ = image_of(axes)
    row = shades[50]
    assert row[0, 2] > row[0, 0]  # blue on the left
    assert row[-1, 0] > row[-1, 2]  # red on the right
    np.testing.assert_allclose(row[50], 1, atol=0.02)  # white where both are equally likely
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x₁", "x₂")


def test_up_is_up(seen, tmp_path):
    draw_boundary(lambda p: right_or_left(p[:, ::-1]), POINTS, LABELS, tmp_path / "a.png", resolution=21)
    axes = seen.axes[0]
    shades, (left, right, bottom, top) = image_of(axes)
    highest = shades[-1 if axes.images[0].origin == "lower" else 0, 10]
    assert highest[0] > highest[2]  # red, the class of large y
    assert (left, bottom) == (axes.get_xlim()[0], axes.get_ylim()[0])
    assert (right, top) == (axes.get_xlim()[1], axes.get_ylim()[1])


def test_a_network_is_asked_in_evaluation_mode_and_left_as_it_was(seen, tmp_path):
    model = tg.nn.Sequential(tg.nn.Linear(2, 8), tg.nn.Dropout(0.5), tg.nn.Linear(8, 2))
    draw_boundary(model, POINTS, LABELS, tmp_path / "a.png", resolution=30)
    first = image_of(seen.axes[0])[0]
    draw_boundary(model, POINTS, LABELS, tmp_path / "a.png", resolution=30)
    np.testing.assert_array_equal(first, image_of(seen.axes[0])[0])
    assert model.training
    assert model[1].training


def test_test_points_are_inside_the_picture(seen, tmp_path):
    far = np.array([[5.0, 5.0]], np.float32)
    draw_boundary(right_or_left, POINTS, LABELS, tmp_path / "a.png", test=(far, np.array([1])), resolution=30)
    (axes,) = seen.axes
    assert axes.get_xlim()[1] > 5
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["0", "0 (test)", "1", "1 (test)"]


@pytest.mark.parametrize(
    "model",
    [
        lambda p: np.full((len(p), 3), np.nan),
        lambda p: np.zeros((len(p), 2)),
        lambda p: p[:, 0],
        lambda p: p[:, :1],
    ],
    ids=["nan", "tie", "one logit", "a column"],
)
def test_outputs_of_every_kind(seen, tmp_path, model):
    draw_boundary(model, POINTS, LABELS, tmp_path / "a.png", resolution=20)


def test_one_sample_of_one_class(seen, tmp_path):
    draw_boundary(lambda p: np.ones((len(p), 1)), POINTS[:1], LABELS[:1], tmp_path / "a.png", resolution=20)
    low, high = seen.axes[0].get_xlim()
    assert low < -1 < high


def test_what_is_no_plane_is_refused(tmp_path):
    with pytest.raises(ShapeError, match=r"inputs have shape \(3, 4\)"):
        draw_boundary(right_or_left, np.zeros((3, 4)), LABELS, tmp_path / "a.png")


def test_an_animation_has_a_frame_for_each_snapshot(tmp_path):
    frames = ((step, lambda p, s=step: right_or_left(p - s)) for step in (0, 1, 2))
    path = animate_boundary(frames, POINTS, LABELS, tmp_path / "a.gif", resolution=20, seconds_a_frame=0.2)
    with Image.open(path) as film:
        assert film.format == "GIF"
        assert film.n_frames == 3
        shades = []
        for i in range(3):
            film.seek(i)
            shades.append(np.asarray(film.convert("L"), dtype=int))
        assert film.info["duration"] >= 2000
    assert all((a != b).any() for a, b in ((shades[0], shades[1]), (shades[1], shades[2])))


def test_an_animation_of_nothing_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="there are no frames"):
        animate_boundary([], POINTS, LABELS, tmp_path / "a.gif")
    assert not (tmp_path / "a.gif").exists()
