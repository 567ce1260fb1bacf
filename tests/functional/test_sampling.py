"""Grids of places, and images and volumes read at them, as PyTorch does it."""

import itertools

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DTypeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")


def places(rng, *shape):
    """Places inside, outside and far outside the image."""
    return rng.uniform(-2.5, 2.5, shape)


@pytest.mark.parametrize(
    ("mode", "padding_mode", "align"),
    list(itertools.product(["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"], [True, False])),
)
def test_images(mode, padding_mode, align, rng):
    arrays = [rng.standard_normal((2, 3, 4, 5)), places(rng, 2, 3, 4, 2)]
    agree("grid_sample", arrays, tracked=(0, 1), mode=mode, padding_mode=padding_mode, align_corners=align)


@pytest.mark.parametrize(
    ("mode", "padding_mode"), list(itertools.product(["bilinear", "nearest"], ["zeros", "border", "reflection"]))
)
def test_volumes(mode, padding_mode, rng):
    arrays = [rng.standard_normal((2, 2, 3, 4, 2)), places(rng, 2, 2, 3, 2, 3)]
    agree("grid_sample", arrays, tracked=(0, 1), mode=mode, padding_mode=padding_mode, align_corners=False)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_second_derivatives(mode, rng):
    arrays = [rng.standard_normal((1, 2, 4, 4)), rng.uniform(-0.9, 0.9, (1, 2, 3, 2))]

    def read(image, grid):
        return F.grid_sample(image, grid, mode, align_corners=False)

    assert second_order_error(read, arrays, tracked=(0, 1)) is None


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize(("rows", "size"), [(2, (2, 3, 4, 5)), (2, (2, 1, 1, 3)), (3, (2, 1, 2, 3, 4))])
@pytest.mark.parametrize("align", [True, False])
def test_affine_grids(rows, size, align, rng):
    theta = rng.standard_normal((2, rows, rows + 1))
    a, b = tg.tensor(theta, requires_grad=True), torch.tensor(theta, requires_grad=True)
    ours = F.affine_grid(a, size, align_corners=align)
    theirs = torch.nn.functional.affine_grid(b, list(size), align_corners=align)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-12)
    (ours * ours).sum().backward()
    (theirs * theirs).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-12)


def test_what_does_not_fit():
    image, grid = tg.zeros(1, 1, 2, 2), tg.zeros(1, 1, 1, 2)
    with pytest.raises(ArgumentError, match="mode is 'cubic'"):
        F.grid_sample(image, grid, "cubic")
    with pytest.raises(ArgumentError, match="padding_mode"):
        F.grid_sample(image, grid, padding_mode="same")
    with pytest.raises(DTypeError, match="float64"):
        F.grid_sample(image, grid.double(), align_corners=False)
    with pytest.raises(ShapeError, match="3 coordinates"):
        F.grid_sample(image, tg.zeros(1, 1, 1, 3), align_corners=False)
    with pytest.raises(ShapeError, match="with volumes"):
        F.grid_sample(tg.zeros(1, 1, 2, 2, 2), tg.zeros(1, 1, 1, 1, 3), "bicubic", align_corners=False)
