"""Grids, drawing, and image files."""

import io

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DTypeError, ShapeError, UsageError
from tapegrad.vision import io as vio
from tapegrad.vision import utils

Image = pytest.importorskip("PIL.Image")


def test_grids_hold_images_row_by_row():
    images = tg.arange(5.0).reshape(5, 1, 1, 1) + tg.zeros(5, 3, 2, 2)
    grid = utils.make_grid(images, nrow=3, padding=1, pad_value=9.0)
    assert grid.shape == (3, 7, 10)
    assert grid[0, 1].tolist() == [9, 0, 0, 9, 1, 1, 9, 2, 2, 9]
    assert grid[0, 4].tolist() == [9, 3, 3, 9, 4, 4, 9, 9, 9, 9]
    assert utils.make_grid([tg.ones(1, 2, 2)] * 3).shape == (3, 6, 14)
    assert utils.make_grid(tg.ones(2, 2)).shape == (3, 2, 2)
    with pytest.raises(UsageError, match="list of tensors"):
        utils.make_grid([1, 2])


def test_grids_are_normalised_together_or_each_for_itself():
    images = tg.tensor([[[[0.0, 2.0]]], [[[4.0, 8.0]]]])
    together = utils.make_grid(images, padding=0, normalize=True)
    each = utils.make_grid(images, padding=0, normalize=True, scale_each=True)
    bounded = utils.make_grid(images, padding=0, normalize=True, value_range=(0, 4))
    assert together[0].tolist() == [[0, 0.25, 0.5, 1]]
    assert each[0].tolist() == [[0, 1, 0, 1]]
    assert bounded[0].tolist() == [[0, 0.5, 1, 1]]
    assert images.max().item() == 8


def test_saved_images_are_rounded_bytes(tmp_path):
    utils.save_image(tg.tensor([[[0.0, 0.5, 1.2]]]), tmp_path / "a.png")
    assert np.asarray(Image.open(tmp_path / "a.png"))[..., 0].tolist() == [[0, 128, 255]]
    buffer = io.BytesIO()
    utils.save_image(tg.zeros(4, 3, 2, 2), buffer, format="png", nrow=2)
    assert Image.open(buffer).size == (10, 10)


def test_boxes_and_masks_are_drawn():
    image = tg.zeros(3, 6, 6, dtype=tg.uint8)
    drawn = utils.draw_bounding_boxes(image, tg.tensor([[1, 1, 4, 4]]), colors=["blue"], labels=[""])
    assert drawn[2, 1].tolist() == [0, 255, 255, 255, 255, 0]
    assert drawn[:2].sum().item() == 0
    assert image.sum().item() == 0
    masks = tg.tensor([[[True, True, False]], [[False, True, False]]])
    painted = utils.draw_segmentation_masks(tg.full((3, 1, 3), 100, dtype=tg.uint8), masks, 0.5, ["red", "lime"])
    assert painted.tolist() == [[[177, 50, 100]], [[50, 50, 100]], [[50, 50, 100]]]
    with pytest.raises(ArgumentError, match="ends before it begins"):
        utils.draw_bounding_boxes(image, tg.tensor([[4, 1, 1, 4]]))


def test_files_are_read_as_pillow_reads_them(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    vio.write_png(tg.tensor(values), tmp_path / "a.png")
    assert (vio.read_image(str(tmp_path / "a.png")).array == values).all()
    vio.write_jpeg(tg.tensor(values), tmp_path / "a.jpg", quality=90)
    read = vio.read_image(tmp_path / "a.jpg", vio.ImageReadMode.RGB)
    assert (read.array == np.asarray(Image.open(tmp_path / "a.jpg")).transpose(2, 0, 1)).all()
    assert vio.read_image(tmp_path / "a.png", "GRAY").shape == (1, 5, 7)
    assert vio.read_image(tmp_path / "a.png", vio.ImageReadMode.RGB_ALPHA).shape == (4, 5, 7)
    deep = np.array([[0, 40000]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert vio.read_image(tmp_path / "deep.png").tolist() == [deep.tolist()]


def test_wrong_files_and_images(tmp_path):
    with pytest.raises(RuntimeError, match="No such file"):
        vio.read_image(tmp_path / "missing.png")
    with pytest.raises(RuntimeError, match="no image"):
        vio.decode_image(tg.tensor([1, 2, 3], dtype=tg.uint8))
    with pytest.raises(DTypeError, match="convert to uint8"):
        vio.encode_png(tg.zeros(3, 2, 2))
    with pytest.raises(ShapeError, match="1 or 3"):
        vio.encode_jpeg(tg.zeros(2, 2, 2, dtype=tg.uint8))
