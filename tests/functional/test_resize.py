"""interpolate and pad: against PyTorch in every mode, and what they refuse."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DTypeError, ShapeError, TapegradWarning

from .compare import agree

torch = pytest.importorskip("torch")

MODES = ["nearest", "nearest-exact", "area", "linear"]
CHANGES = [{"size": 7}, {"size": 3}, {"size": 5}, {"size": 10}, {"scale_factor": 2.0}, {"scale_factor": 1.7}]
CHANGES += [{"scale_factor": 0.6}, {"scale_factor": 1.7, "recompute_scale_factor": True}]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mode", MODES)
def test_signals(mode, change, rng):
    agree("interpolate", [rng.standard_normal((2, 3, 5))], mode=mode, **change)


@pytest.mark.parametrize(
    "change",
    [
        *CHANGES,
        {"scale_factor": 1.1},
        {"scale_factor": 2.1},
        {"scale_factor": 3.1},
        {"size": (3, 9)},
        {"scale_factor": (0.5, 3.0)},
    ],
)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", "bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images(mode, change, dtype, rng):
    tolerance = {"rtol": 2e-4, "atol": 2e-5} if dtype == np.float32 else None
    # PyTorch's bicubic gradient of an unchanged size takes the factor for 1, unlike its values.
    tracked = () if mode == "bicubic" and change == {"scale_factor": 1.1} else (0,)
    agree("interpolate", [rng.standard_normal((2, 3, 5, 6))], dtype, tracked, tolerance, mode=mode, **change)


@pytest.mark.parametrize("mode", ["nearest", "area", "trilinear"])
def test_volumes(mode, rng):
    agree("interpolate", [rng.standard_normal((1, 2, 3, 4, 5))], mode=mode, size=(5, 2, 7))


@pytest.mark.parametrize("change", [{"size": (3, 9)}, {"size": (1, 1)}, {"scale_factor": 1.7}])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_aligned_corners(mode, change, rng):
    agree("interpolate", [rng.standard_normal((2, 3, 5, 6))], mode=mode, align_corners=True, **change)


@pytest.mark.parametrize("size", [(3, 2), (2, 9), (8, 8)])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_antialias(mode, size, rng):
    agree("interpolate", [rng.standard_normal((1, 2, 7, 8))], mode=mode, size=size, antialias=True)


@pytest.mark.parametrize(("old", "new"), [(6, 74), (14, 46), (21, 69)])
def test_places_are_computed_in_single_precision(old, new):
    agree("interpolate", [np.arange(old)[None, None] * 1.0], np.float32, size=new)


def test_the_same_size_is_a_copy():
    x = tg.ones(1, 1, 3)
    out = F.interpolate(x, size=3)
    out[0, 0, 0] = 5.0
    assert x.tolist() == [[[1.0, 1.0, 1.0]]]


def test_upsample_is_an_old_name(rng):
    x = tg.tensor(rng.standard_normal((1, 1, 3)))
    with pytest.warns(TapegradWarning, match="upsample: the name is deprecated; use interpolate"):
        out = F.upsample(x, scale_factor=2)
    assert (out == F.interpolate(x, scale_factor=2)).all()


def test_integers_have_nearest_neighbours_only():
    assert F.interpolate(tg.tensor([[[1, 2]]]), size=4).tolist() == [[[1, 1, 2, 2]]]
    with pytest.raises(DTypeError, match="interpolate: the input has dtype int64; make it floating-point"):
        F.interpolate(tg.tensor([[[1, 2]]]), size=4, mode="linear")


X = tg.ones(1, 2, 4, 5)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.interpolate(X), ArgumentError, "interpolate: give exactly one of size and scale_factor; leave one of them out"),
        (lambda: F.interpolate(X, 3, 2.0), ArgumentError, "interpolate: give exactly one of size and scale_factor; leave one of them out"),
        (lambda: F.interpolate(X, 3, mode="linear"), ShapeError, "interpolate: mode 'linear' wants 3 dimensions, got 4; use another mode"),
        (lambda: F.interpolate(X, 3, mode="cubic"), ArgumentError, "interpolate: mode is 'cubic'; use one of nearest, nearest-exact, area, linear, bilinear, trilinear, bicubic"),
        (lambda: F.interpolate(X, 3, align_corners=True), ArgumentError, "interpolate: align_corners with mode 'nearest'; use it with linear, bilinear, trilinear, bicubic"),
        (lambda: F.interpolate(X, 3, antialias=True), ArgumentError, "interpolate: antialias with mode 'nearest'; use it with bilinear or bicubic"),
        (lambda: F.interpolate(X, (2, 2, 2)), ArgumentError, "interpolate: size (2, 2, 2) for an input with 2 sizes (4, 5); give as many, or one number"),
        (lambda: F.interpolate(X, (0, 2)), ArgumentError, "interpolate: the sizes go from (4, 5) to (0, 2); all must be at least 1"),
        (lambda: F.interpolate(X, 3, recompute_scale_factor=True), ArgumentError, "interpolate: recompute_scale_factor with a size; leave it out"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
