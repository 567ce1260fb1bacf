"""Convolutions of the Numba target against eager code in float64."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

pytest.importorskip("numba", reason="the Numba target needs the extra 'fast'")

# The largest error of Winograd's convolution is 1e-5 of the largest result; here results are squared.
TOLERANCE = 2e-5


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def results(target, images, channels, padding, bias, dtype):
    """Return the result of a convolution of images that another made, and all gradients."""
    outputs, inputs = channels
    rng = np.random.default_rng(1)
    x, scale = tg.tensor(rng.standard_normal(images), dtype=dtype), tg.tensor(rng.standard_normal(()), dtype=dtype)
    weights = [(inputs, images[1], 1, 1), (outputs, inputs, 3, 3), (outputs,)]
    weights = [nn.Parameter(tg.tensor(rng.standard_normal(s), dtype=dtype)) for s in weights[: 3 if bias else 2]]

    def step(x, scale):
        for w in weights:
            w.grad = None
        y = F.conv2d(F.conv2d(x, weights[0]), *weights[1:], padding=padding)
        y = y * y
        (y * scale).sum().backward()
        return y

    call = step if target == "eager" else Compiled(step, target)
    for _ in range(2):
        y = call(x, scale)
    found = [np.asarray(y), *(np.asarray(w.grad) for w in weights)]
    return found, None if target == "eager" else call


@pytest.mark.parametrize(
    ("images", "channels", "padding", "bias"),
    [
        ((60, 3, 15, 11), (48, 32), (1, 1), True),
        ((40, 3, 10, 11), (40, 24), (0, 2), False),
        ((24, 3, 9, 8), (72, 96), (2, 1), True),
        ((2, 3, 61, 58), (16, 16), (1, 1), True),
        ((9, 3, 32, 32), (32, 16), (0, 0), False),
    ],
)
def test_winograd_loops(images, channels, padding, bias):
    found, call = results("numba", images, channels, padding, bias, tg.float32)
    wanted, _ = results("eager", images, channels, padding, bias, tg.float64)
    assert not call.refusals
    assert "convolve_tiles(" in call.source
    assert "convolve_tiles_gradients(" in call.source
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * np.abs(b).max())


def test_the_same_bits_each_time():
    first, _ = results("numba", (60, 3, 15, 11), (48, 32), (1, 1), True, tg.float32)
    again, _ = results("numba", (60, 3, 15, 11), (48, 32), (1, 1), True, tg.float32)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradient_of_the_weight_alone():
    rng = np.random.default_rng(2)
    w = nn.Parameter(tg.tensor(rng.standard_normal((32, 16, 3, 3)), dtype=tg.float32))
    x = tg.tensor(rng.standard_normal((32, 16, 14, 14)), dtype=tg.float32)

    def step(x):
        w.grad = None
        loss = (F.conv2d(tg.sin(x), w) ** 2).sum()
        loss.backward()
        return loss

    step(x)
    wanted = np.asarray(w.grad).copy()
    call = Compiled(step, "numba")
    for _ in range(2):
        call(x)
    assert "convolve_tiles_weight(" in call.source
    np.testing.assert_allclose(np.asarray(w.grad), wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max())


def test_few_channels_stay_with_the_kernels():
    found, call = results("numba", (16, 3, 13, 9), (48, 7), (1, 1), True, tg.float32)
    wanted, _ = results("eager", (16, 3, 13, 9), (48, 7), (1, 1), True, tg.float64)
    assert "convolve_tiles" not in call.source
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * np.abs(b).max())


# -- columns, and channels by themselves --------------------------------------------------------------------------------


def column_results(target, images, make, dtype):
    """Return the result of a layer with images that another made, and all gradients."""
    tg.manual_seed(1)
    first = nn.Conv2d(images[1], images[1], 1, dtype=tg.float64)
    model = nn.Sequential(first, make(tg.float64)).to(dtype)
    rng = np.random.default_rng(1)
    x, scale = tg.tensor(rng.standard_normal(images), dtype=dtype), tg.tensor(rng.standard_normal(()), dtype=dtype)

    def step(x, scale):
        model.zero_grad()
        y = model(x) ** 2
        (y * scale).sum().backward()
        return y

    call = step if target == "eager" else Compiled(step, target)
    for _ in range(2):
        y = call(x, scale)
    return [np.asarray(y), *(np.asarray(w.grad) for w in model.parameters())], call


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize(
    ("images", "make"),
    [
        ((4, 16, 9, 8), lambda dtype: nn.Conv2d(16, 24, 3, 2, 1, dtype=dtype)),
        ((5, 16, 9, 8), lambda dtype: nn.Conv2d(16, 10, 1, 2, bias=False, dtype=dtype)),
        ((1, 8, 12, 13), lambda dtype: nn.Conv2d(8, 3, (5, 2), (1, 3), (2, 0), (1, 2), dtype=dtype)),
        ((40, 9, 7, 7), lambda dtype: nn.Conv2d(9, 8, 4, 1, 3, dtype=dtype)),
        ((6, 16, 5, 4), lambda dtype: nn.ConvTranspose2d(16, 12, 3, 2, 1, 1, dtype=dtype)),
        ((5, 16, 9, 8), lambda dtype: nn.Conv2d(16, 16, 3, 2, 1, groups=16, dtype=dtype)),
        ((2, 10, 7, 12), lambda dtype: nn.Conv2d(10, 10, (2, 3), 1, (0, 2), (3, 2), 10, bias=False, dtype=dtype)),
        ((3, 16, 5, 4), lambda dtype: nn.ConvTranspose2d(16, 8, (2, 4), (2, 1), bias=False, dtype=dtype)),
    ],
)
def test_columns_and_channels(images, make, dtype):
    found, call = column_results("numba", images, make, dtype)
    wanted, _ = column_results("eager", images, make, tg.float64)
    assert not call.refusals
    assert ("convolve_channels" if make(tg.float32).groups > 1 else "convolve_columns") in call.source
    tolerance = TOLERANCE if dtype == tg.float32 else 1e-12
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())
