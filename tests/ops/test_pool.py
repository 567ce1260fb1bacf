"""The primitives of pooling: ties, nan, infinities, integers, and columns of windows."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.core import ops
from tapegrad.ops import pooling as shared


def windows(kernel, stride=None, padding=None, dilation=None):
    n = len(kernel)
    return {
        "kernel_size": kernel,
        "stride": stride or kernel,
        "padding": padding or (0,) * n,
        "dilation": dilation or (1,) * n,
    }


def slope(x, **keywords):
    t = tg.tensor(x, requires_grad=True)
    (g,) = tg.autograd.grad(ops.max_pool(t, **keywords).sum(), t)
    return g.numpy()


def test_of_equal_elements_the_first_gets_the_gradient():
    x = np.array([[[[1.0, 1.0], [1.0, 0.0]]]])
    np.testing.assert_array_equal(slope(x, **windows((2, 2))), [[[[1.0, 0.0], [0.0, 0.0]]]])


def test_an_element_gets_the_gradient_of_every_window_it_wins():
    x = np.array([[[1.0, 5.0, 2.0]]])
    np.testing.assert_array_equal(slope(x, **windows((2,), stride=(1,))), [[[0.0, 2.0, 0.0]]])


def test_nan_is_the_largest_and_the_last_one_is_found():
    nan = float("nan")
    x = np.array([[[1.0, nan, nan, 3.0, 4.0, 2.0]]])
    w = windows((3,), padding=(1,), stride=(2,))
    values = ops.max_pool(x, **w)
    np.testing.assert_array_equal(values, [[[nan, nan, 4.0]]])
    np.testing.assert_array_equal(ops.window_argmax(x, values, **w), [[[1, 2, 4]]])


def test_minus_infinity_is_found_inside_not_in_the_padding():
    x = np.full((1, 1, 4), -np.inf)
    w = windows((3,), padding=(1,), stride=(2,))
    values = ops.max_pool(x, **w)
    np.testing.assert_array_equal(values, [[[-np.inf, -np.inf]]])
    np.testing.assert_array_equal(ops.window_argmax(x, values, **w), [[[0, 1]]])


def test_an_infinite_gradient_stays_at_its_place():
    x = tg.tensor([[[1.0, 2.0, 3.0, 0.0]]], requires_grad=True)
    (g,) = tg.autograd.grad(ops.max_pool(x, **windows((2,))), x, tg.tensor([[[float("inf"), 1.0]]]))
    assert g.tolist() == [[[0.0, float("inf"), 1.0, 0.0]]]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float16", "bool"])
def test_dtypes_stay(dtype):
    x = np.array([[[3, 1, 0, 0, 2]]]).astype(dtype)
    out = ops.max_pool(x, **windows((3,), stride=(2,), padding=(1,)))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, np.array([[[3, 1, 2]]]).astype(dtype))


def test_windows_of_more_than_256_elements(rng):
    x = rng.standard_normal((2, 3, 20, 20))
    w = windows((18, 18), stride=(1, 1))
    values = ops.max_pool(x, **w)
    found = ops.window_argmax(x, values, **w)
    np.testing.assert_array_equal(
        np.take_along_axis(x.reshape(2, 3, -1), found.reshape(2, 3, -1), 2), values.reshape(2, 3, -1)
    )
    assert values[0, 0, 1, 2] == x[0, 0, 1:19, 2:20].max()


def test_averages_of_float16_are_added_in_float32():
    x = np.ones((1, 4096), np.float16)
    out = ops.avg_pool(x, kernel_size=(4096,), stride=(1,), padding=(0,), divisor_override=1)
    assert out.dtype == np.float16
    assert out.item() == 4096


def test_pooling_leaves_its_input_alone(rng):
    x = rng.standard_normal((2, 4, 4))
    kept = x.copy()
    ops.avg_pool(x, kernel_size=(1, 1), stride=(1, 1), padding=(0, 0))
    ops.max_pool(x, **windows((1, 1)))
    np.testing.assert_array_equal(x, kept)


def test_folding_columns_counts_the_windows_over_each_element():
    w = {"kernel_size": (2, 2), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}
    columns = ops.im2col(np.ones((1, 1, 3, 3)), **w)
    np.testing.assert_array_equal(
        ops.col2im(columns, size=(3, 3), **w)[0, 0], [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    )


def channels_last(x):
    order = (0, *range(2, x.ndim), 1)
    return np.ascontiguousarray(x.transpose(order)).transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def test_elements_that_no_window_sees_get_no_gradient():
    """As many elements as the windows have places, but one of them lies in the padding."""
    w = windows((2,), stride=(3,), padding=(1,))
    back = ops.max_pool_gradient.kernel(
        np, np.ones((1, 1, 1)), np.array([[[-2.0, 2.0]]]), np.array([[[-2.0]]]), **w, out=np.full((1, 1, 2), np.nan)
    )
    np.testing.assert_array_equal(back, [[[1.0, 0.0]]])


POOLS = [
    ((5, 3, 6, 8), windows((2, 2))),
    ((5, 3, 7, 6), windows((3, 2), (2, 1), (1, 1))),
    ((4, 3, 9), windows((3,), (1,), None, (2,))),
]


@pytest.mark.parametrize(("shape", "keywords"), POOLS)
@pytest.mark.parametrize("block", [1, 1 << 19])
def test_any_memory_and_given_outputs(shape, keywords, block, rng, monkeypatch):
    monkeypatch.setattr(shared, "_BLOCK", block)
    x = rng.integers(0, 4, shape).astype("float32")
    y = ops.max_pool(x, **keywords)
    g = rng.standard_normal(y.shape).astype("float32")
    back = ops.max_pool_gradient(g, x, y, **keywords)
    assert y.flags.c_contiguous
    assert back.flags.c_contiguous
    given = [channels_last(np.full_like(a, np.nan)) for a in (y, back)]
    inputs = [channels_last(a) for a in (x, y, g)]
    assert ops.max_pool.kernel(np, inputs[0], **keywords, out=given[0]) is given[0]
    assert ops.max_pool_gradient.kernel(np, inputs[2], *inputs[:2], **keywords, out=given[1]) is given[1]
    np.testing.assert_array_equal(given[0], y)
    np.testing.assert_array_equal(given[1], back)


def test_gradient_is_the_adjoint_of_selecting(rng):
    for shape, keywords in POOLS:
        x = rng.integers(0, 4, shape).astype("float64")
        y = ops.max_pool(x, **keywords)
        g, v = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
        back, there = ops.max_pool_gradient(g, x, y, **keywords), ops.max_pool_select(v, x, y, **keywords)
        np.testing.assert_allclose((back * v).sum(), (g * there).sum(), rtol=1e-12)
        np.testing.assert_array_equal(ops.max_pool_select(x, x, y, **keywords), y)


def test_beside_nan_the_first_of_equal_elements_still_counts():
    nan = float("nan")
    x = np.array([[[1.0, 1.0, nan, nan, 2.0, 2.0]]])
    np.testing.assert_array_equal(slope(x, **windows((2,))), [[[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]]])
