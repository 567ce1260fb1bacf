"""Elementwise kernels take another way for large arrays: the numbers are those of the small ones, nan and inf included."""

import numpy as np
import pytest

from tapegrad.core import REGISTRY
from tapegrad.ops.buffers import MANY

NAMES = ["leaky_relu", "elu", "relu", "relu3", "gelu", "softplus", "logsigmoid", "huber", "clamp", "hardtanh"]
SPECIAL = [0.0, -0.0, 1e-30, -1e-30, 40.0, -40.0, np.inf, -np.inf, np.nan]


def values(dtype, rng):
    return np.concatenate([np.asarray(SPECIAL, dtype), rng.normal(0, 5, 3 * MANY).astype(dtype)])


def run(name, *arrays, **keywords):
    primitive = REGISTRY[name]
    with np.errstate(all="ignore"):
        return primitive.kernel(np, *arrays, **primitive._fill(keywords))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_large_arrays_give_what_small_ones_do(name, dtype, rng):
    x = values(dtype, rng)
    extra = (-1.0, 2.0) if name == "clamp" else ()
    large = run(name, x, *extra)
    small = np.concatenate([run(name, part, *extra) for part in np.array_split(x, 40)])
    assert large.dtype == small.dtype == x.dtype
    np.testing.assert_allclose(large, small, rtol=8 * np.finfo(dtype).eps, atol=0)


def test_large_losses_of_logits(rng):
    x, t = values("float32", rng), rng.random(3 * MANY + len(SPECIAL)).astype("float32")
    parts = zip(np.array_split(x, 40), np.array_split(t, 40), strict=True)
    small = np.concatenate([run("logit_cross_entropy", a, b) for a, b in parts])
    np.testing.assert_allclose(run("logit_cross_entropy", x, t), small, rtol=1e-6)


@pytest.mark.parametrize("broadcast", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool"])
def test_large_choices_into_any_array(dtype, broadcast, rng):
    condition = rng.random((4, 3 * MANY)) < 0.5
    a = (rng.random((4, 1) if broadcast else condition.shape) * 9).astype(dtype)
    b = (rng.random(condition.shape) * 9).astype(dtype)
    expected = np.where(condition, a, b)
    assert np.array_equal(run("where", condition, a, b), expected)
    for out in (np.empty_like(expected), np.empty(expected.shape[::-1], dtype).T, b):
        primitive = REGISTRY["where"]
        assert primitive.kernel(np, condition, a, b, out=out) is out
        assert np.array_equal(out, expected)
