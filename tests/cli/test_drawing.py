"""Drawings of one's own, read as the image sets have theirs."""

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from tapegrad.cli.drawing import read_drawing  # noqa: E402


def saved(tmp_path, pixels, mode=None):
    path = tmp_path / "drawing.png"
    Image.fromarray(pixels, mode).save(path) if mode else Image.fromarray(pixels).save(path)
    return str(path)


def stroke(size, dark_on_light):
    pixels = np.zeros((size, size), np.uint8)
    pixels[size // 8 : size // 2, size // 8 : size // 4] = 255
    return 255 - pixels if dark_on_light else pixels


@pytest.mark.parametrize("dark_on_light", [True, False])
def test_paper_becomes_black_whichever_way_it_was_drawn(dark_on_light, tmp_path):
    sample = read_drawing(saved(tmp_path, stroke(28, dark_on_light)), [1, 28, 28], None)
    assert sample.shape == (1, 1, 28, 28)
    np.testing.assert_array_equal(sample[0, 0], stroke(28, False) / np.float32(255))


def test_what_the_user_says_counts(tmp_path):
    path = saved(tmp_path, stroke(28, True))
    assert read_drawing(path, [1, 28, 28], False)[0, 0, 0, 0] == 1
    assert read_drawing(path, [1, 28, 28], True)[0, 0, 0, 0] == 0


def test_a_large_drawing_is_centred_by_its_mass(tmp_path):
    sample = read_drawing(saved(tmp_path, stroke(280, True)), [1, 28, 28], None)[0, 0]
    rows, columns = np.flatnonzero(sample.max(axis=1) > 0.2), np.flatnonzero(sample.max(axis=0) > 0.2)
    assert 19 <= len(rows) <= 21
    centre = [(sample.sum(axis=axis) * np.arange(28)).sum() / sample.sum() for axis in (1, 0)]
    np.testing.assert_allclose(centre, 13.5, atol=0.6)
    assert len(columns) < len(rows)


def test_sixteen_bits_keep_their_range(tmp_path):
    pixels = np.zeros((28, 28), np.uint16)
    pixels[10:18, 10:18] = 32768
    sample = read_drawing(saved(tmp_path, pixels), [1, 28, 28], None)
    assert sample.max() == pytest.approx(0.5, abs=1e-3)
    assert sample.min() == 0


def test_what_is_see_through_is_paper(tmp_path):
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[5:20, 5:20, 3] = 255
    sample = read_drawing(saved(tmp_path, pixels), [1, 28, 28], None)[0, 0]
    assert sample[10, 10] == 1
    assert sample[0, 0] == 0


def test_an_empty_sheet_is_no_error(tmp_path):
    assert not read_drawing(saved(tmp_path, np.zeros((300, 300), np.uint8)), [1, 28, 28], None).any()


def test_colour_sets_get_three_channels(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[..., 1] = 255
    sample = read_drawing(saved(tmp_path, pixels), [3, 32, 32], None)
    assert sample.shape == (1, 3, 32, 32)
    assert sample[0, 1].min() == 1
