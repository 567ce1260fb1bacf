"""Boxes and regions, against formulas restated pixel by pixel."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, ShapeError
from tapegrad.vision import ops


def boxes(count, seed=0, top=14.0):
    corners = np.random.default_rng(seed).uniform(-3, top, (count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4)


def test_forms_of_boxes_lead_back():
    given = boxes(5)
    for form in ("xyxy", "xywh", "cxcywh"):
        there = ops.box_convert(tg.tensor(given), "xyxy", form)
        np.testing.assert_allclose(ops.box_convert(there, form, "xyxy").array, given, rtol=1e-12)
        np.testing.assert_allclose(ops.box_area(there, form).array, ops.box_area(tg.tensor(given)).array, rtol=1e-12)
    with pytest.raises(ArgumentError, match="no form 'x'"):
        ops.box_convert(tg.tensor(given), "x", "xyxy")


def iou(a, b):
    sides = [max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0) for i in (0, 1)]
    shared = sides[0] * sides[1]
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return shared / (areas[0] + areas[1] - shared)


def test_overlaps_and_suppression():
    for seed in range(3):
        given, scores = boxes(30, seed), np.random.default_rng(seed).random(30)
        table = ops.box_iou(tg.tensor(given), tg.tensor(given)).array
        np.testing.assert_allclose(table, [[iou(a, b) for b in given] for a in given], rtol=1e-10)
        left, kept = list(np.argsort(-scores)), []
        while left:
            best, *left = left
            kept.append(best)
            left = [i for i in left if iou(given[best], given[i]) <= 0.3]
        assert ops.nms(tg.tensor(given), tg.tensor(scores), 0.3).tolist() == kept
    assert ops.nms(tg.zeros(0, 4), tg.zeros(0), 0.5).shape == (0,)
    with pytest.raises(ShapeError, match="scores"):
        ops.nms(tg.zeros(2, 4), tg.zeros(3), 0.5)


def bilinear(image, y, x):
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(image))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = image[:, top, left] * (1 - x + left) + image[:, top, right] * (x - left)
    lower = image[:, below, left] * (1 - x + left) + image[:, below, right] * (x - left)
    return upper * (1 - y + top) + lower * (y - top)


@pytest.mark.parametrize("ratio", [-1, 2])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_aligned_regions_are_means_of_readings(scale, aligned, ratio):
    images = np.random.default_rng(1).standard_normal((2, 3, 9, 11))
    places = np.concatenate([np.array([[0.0], [1.0], [1.0], [0.0]]), boxes(4)], axis=1)
    got = ops.roi_align(tg.tensor(images), tg.tensor(places), (3, 4), scale, ratio, aligned).array
    for k, (number, *box) in enumerate(places):
        x0, y0, x1, y1 = (v * scale - (0.5 if aligned else 0) for v in box)
        extents = [y1 - y0, x1 - x0] if aligned else [max(y1 - y0, 1), max(x1 - x0, 1)]
        tall, wide = extents[0] / 3, extents[1] / 4
        rows, columns = (ratio, ratio) if ratio > 0 else (math.ceil(tall), math.ceil(wide))
        for i in range(3):
            for j in range(4):
                ys = [y0 + (i + (a + 0.5) / rows) * tall for a in range(rows)]
                xs = [x0 + (j + (b + 0.5) / columns) * wide for b in range(columns)]
                expected = sum(bilinear(images[int(number)], y, x) for y in ys for x in xs) / (rows * columns)
                np.testing.assert_allclose(got[k, :, i, j], expected, atol=1e-12)


def test_regions_pass_gradients_on():
    images = tg.rand(1, 1, 5, 5, dtype=tg.float64, requires_grad=True)
    ops.roi_align(images, [tg.tensor([[0.0, 0.0, 4.0, 4.0]], dtype=tg.float64)], 2).sum().backward()
    assert float(images.grad.sum()) == pytest.approx(4.0)
    images.grad = None
    ops.roi_pool(images, [tg.tensor([[0.0, 0.0, 4.0, 4.0]], dtype=tg.float64)], 1).sum().backward()
    assert images.grad.array.argmax() == images.detach().array.argmax()
    assert float(images.grad.sum()) == 1.0


def test_pooled_regions_are_maxima_and_zero_outside():
    images = np.random.default_rng(1).standard_normal((1, 2, 6, 6))
    got = ops.roi_pool(tg.tensor(images), [tg.tensor([[1.0, 0.0, 4.0, 5.4], [8.0, 8.0, 9.0, 9.0]])], (2, 1))
    np.testing.assert_array_equal(got.array[0, :, 0, 0], images[0, :, 0:3, 1:5].max((1, 2)))
    np.testing.assert_array_equal(got.array[0, :, 1, 0], images[0, :, 3:6, 1:5].max((1, 2)))
    assert got.array[1].tolist() == [[[0.0], [0.0]]] * 2


def test_focal_loss_is_cross_entropy_without_focus():
    inputs, targets = tg.tensor([0.3, -1.2]), tg.tensor([1.0, 0.0])
    plain = tg.nn.functional.binary_cross_entropy_with_logits(inputs, targets)
    assert ops.sigmoid_focal_loss(inputs, targets, alpha=-1, gamma=0, reduction="mean").item() == pytest.approx(
        plain.item()
    )
    p = 1 / (1 + math.exp(-0.3))
    assert ops.sigmoid_focal_loss(inputs, targets)[0].item() == pytest.approx(
        -0.25 * (1 - p) ** 2 * math.log(p), rel=1e-5
    )
    with pytest.raises(ArgumentError, match="reduction"):
        ops.sigmoid_focal_loss(inputs, targets, reduction="x")


def test_layers():
    assert ops.stochastic_depth(tg.ones(2), 0.7, "batch", training=False).tolist() == [1, 1]
    rows = ops.StochasticDepth(0.5, "row")(tg.ones(400, 2)).array
    assert set(rows.ravel().tolist()) == {0.0, 2.0}
    assert (rows[:, 0] == rows[:, 1]).all()
    frozen, batch = ops.FrozenBatchNorm2d(3), tg.nn.BatchNorm2d(3)
    batch(tg.rand(4, 3, 2, 2))
    frozen.load_state_dict(batch.eval().state_dict())
    x = tg.rand(2, 3, 2, 2)
    np.testing.assert_allclose(frozen(x).array, batch(x).detach().array, rtol=1e-5, atol=1e-6)
