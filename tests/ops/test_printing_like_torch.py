"""Tensors print as PyTorch's do, but for the name of the module before dtypes and the line that this makes too long."""

import re

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

SHAPES = [(), (3,), (0,), (2, 0), (2, 3), (2, 2, 2), (5, 30), (1001,), (20, 100), (3, 4, 200), (2, 1200), (1200, 2)]
DTYPES = ["float32", "float64", "float16", "int64", "uint8", "bool", "complex64", "complex128"]
KINDS = ["plain", "large", "small", "whole", "not finite", "far apart"]


@pytest.fixture(autouse=True)
def default_options():
    yield
    torch.set_printoptions(profile="default")
    tg.set_printoptions(profile="default")


def values(shape, dtype, kind):
    rng = np.random.default_rng(len(shape) + len(kind))
    if dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype in ("int64", "uint8"):
        return np.asarray(rng.integers(0 if dtype == "uint8" else -100, 100, shape)).astype(dtype)
    x = np.asarray(rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if dtype[0] == "c" else 0))
    if kind == "whole":
        x = np.round(x * 10)
    if kind == "not finite":
        x = np.where(rng.random(shape) < 0.3, np.inf, np.where(rng.random(shape) < 0.2, np.nan, x))
        return np.asarray(x).astype(dtype)
    scale = {"large": 1e4, "small": 1e-6, "far apart": 10.0 ** rng.integers(-3, 4, shape)}.get(kind, 1)
    return np.asarray(x * scale).astype(dtype)


def text(tensor):
    return re.sub(r",\n +(dtype|requires|grad_fn|size)", r", \1", repr(tensor).replace("torch.", ""))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_text(shape, dtype, kind):
    array = values(shape, dtype, kind)
    assert text(tg.from_numpy(array)) == text(torch.from_numpy(array))


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (1001,)])
def test_what_requires_a_gradient(shape):
    array = values(shape, "float32", "plain")
    ours, theirs = tg.from_numpy(array).requires_grad_(), torch.from_numpy(array).requires_grad_()
    assert text(ours) == text(theirs)
    assert text(ours * 2) == text(theirs * 2)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"precision": 8},
        {"sci_mode": True},
        {"sci_mode": False},
        {"linewidth": 40},
        {"threshold": 5, "edgeitems": 2},
        {"profile": "short"},
        {"profile": "full"},
    ],
)
@pytest.mark.parametrize("shape", [(), (30,), (4, 7), (3, 4, 5)])
def test_options(options, shape):
    torch.set_printoptions(**options)
    tg.set_printoptions(**options)
    for kind in ("plain", "large", "small"):
        array = values(shape, "float32", kind)
        assert text(tg.from_numpy(array)) == text(torch.from_numpy(array))


def test_another_profile_is_refused():
    with pytest.raises(RuntimeError, match="the profile is 'tiny'; use default, short, full"):
        tg.set_printoptions(profile="tiny")
