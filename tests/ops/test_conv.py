"""Convolution's three primitives: each other's adjoints, whatever way the work is cut into pieces."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.core import ops
from tapegrad.errors import DTypeError
from tapegrad.ops import lowering
from tapegrad.ops.sliding import window_counts


@st.composite
def geometries(draw):
    """Shapes of x, w and y = conv(x, w), and the keywords, where at least one window fits."""
    n = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    groups = draw(st.integers(1, 3))
    kernel, stride, dilation = sizes(1, 3), sizes(1, 3), sizes(1, 2)
    padding = tuple(zip(sizes(0, 3), sizes(0, 3), strict=True))
    size = tuple(
        max(1, d * (k - 1) + 1 - a - b) + extra
        for k, d, (a, b), extra in zip(kernel, dilation, padding, sizes(0, 6), strict=True)
    )
    x = (draw(st.integers(0, 3)), groups * draw(st.integers(1, 3)), *size)
    w = (groups * draw(st.integers(1, 3)), x[1] // groups, *kernel)
    y = (x[0], w[0], *window_counts(size, kernel, stride, padding, dilation))
    return x, w, y, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def by_definition(x, w, y_shape, stride, padding, dilation, groups):
    """The sum over channels and taps, one window at a time."""
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    out = np.zeros(y_shape)
    per_group, outputs = w.shape[1], w.shape[0] // groups
    for place in np.ndindex(*y_shape[2:]):
        window = padded[
            (
                ...,
                *(
                    slice(i * s, i * s + d * (k - 1) + 1, d)
                    for i, s, d, k in zip(place, stride, dilation, w.shape[2:], strict=True)
                ),
            )
        ]
        for o in range(w.shape[0]):
            first = o // outputs * per_group
            part = window[:, first : first + per_group] * w[o]
            out[(slice(None), o, *place)] = part.sum(tuple(range(1, part.ndim)))
    return out


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(geometries(), st.integers(0, 2**32 - 1))
def test_definition_and_adjoints(geometry, seed):
    x_shape, w_shape, y_shape, keywords = geometry
    rng = np.random.default_rng(seed)
    x, w, g = (rng.standard_normal(shape) for shape in (x_shape, w_shape, y_shape))
    y = ops.conv(x, w, None, **keywords)
    np.testing.assert_allclose(y, by_definition(x, w, y_shape, **keywords), atol=1e-12)
    back = ops.conv_transpose(g, w, None, size=x_shape[2:], **keywords)
    weight = ops.conv_weight(g, x, kernel=w_shape[2:], **keywords)
    assert back.shape == x_shape
    assert weight.shape == w_shape
    np.testing.assert_allclose([(x * back).sum(), (w * weight).sum()], (g * y).sum(), atol=1e-10)


def all_three(x, w, g, keywords):
    return (
        ops.conv(x, w, None, **keywords),
        ops.conv_transpose(g, w, None, size=x.shape[2:], **keywords),
        ops.conv_weight(g, x, kernel=w.shape[2:], **keywords),
    )


CASES = [
    ((5, 3, 9, 8), (4, 3, 3, 3), {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}),
    ((5, 4, 9, 8), (4, 2, 3, 2), {"stride": (2, 1), "padding": ((0, 0), (2, 0)), "dilation": (1, 2), "groups": 2}),
    ((3, 4, 30), (4, 1, 5), {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 4}),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "keywords"), CASES)
@pytest.mark.parametrize("block", [1, 300, 3000])
@pytest.mark.parametrize("few", [0, 100])
def test_pieces_give_the_whole(x_shape, w_shape, keywords, block, few, rng, monkeypatch):
    counts = window_counts(x_shape[2:], w_shape[2:], keywords["stride"], keywords["padding"], keywords["dilation"])
    x, w, g = (rng.standard_normal(s) for s in (x_shape, w_shape, (x_shape[0], w_shape[0], *counts)))
    whole = all_three(x, w, g, keywords)
    monkeypatch.setattr(lowering, "_BLOCK", block)
    monkeypatch.setattr(lowering, "_ROWS", 1)
    monkeypatch.setattr(lowering, "_FEW", few)
    monkeypatch.setattr(lowering, "_SHARE", 1)
    for a, b in zip(all_three(x, w, g, keywords), whole, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_broadcast_gradients_are_read_rightly(rng):
    """The gradient of a sum has strides of 0."""
    x, w, keywords = rng.standard_normal((2, 3, 6, 6)), rng.standard_normal((4, 3, 3, 3)), CASES[0][2]
    flat = np.broadcast_to(np.array(1.5), (2, 4, 6, 6))
    for a, b in zip(all_three(x, w, flat, keywords), all_three(x, w, flat.copy(), keywords), strict=True):
        np.testing.assert_array_equal(a, b)


def test_results_do_not_lie_in_reused_memory(rng):
    keywords = CASES[0][2]
    x, w, g = rng.standard_normal((5, 3, 9, 8)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal((5, 4, 9, 8))
    first = all_three(x, w, g, keywords)
    kept = [a.copy() for a in first]
    all_three(x + 1, w - 1, g * 2, keywords)
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_do_not_share_memory(rng):
    keywords = CASES[0][2]
    inputs = [(rng.standard_normal((4, 3, 9, 8)), rng.standard_normal((4, 3, 3, 3))) for _ in range(4)]
    expected = [ops.conv(x, w, None, **keywords) for x, w in inputs]
    found = {}

    def work(i):
        for _ in range(50):
            found.setdefault(i, []).append(ops.conv(*inputs[i], None, **keywords))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(y, expected[i]) for i in range(4) for y in found[i])


def test_float16_is_added_up_in_float32(monkeypatch):
    """4,096 images' gradients of 1 would stop at 2,048 if they were added in float16."""
    monkeypatch.setattr(lowering, "_BLOCK", 1)
    keywords = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1}
    ones = np.ones((4096, 1, 1), np.float16)
    weight = ops.conv_weight(ones, ones, kernel=(1,), **keywords)
    assert weight.dtype == np.float16
    assert weight.item() == 4096


@pytest.mark.parametrize("name", ["conv", "conv_transpose", "conv_weight"])
def test_float16_overflows_to_infinity_without_a_warning(name):
    big = np.full((1, 1, 1), 60000, np.float16)
    more = {"conv": {}, "conv_transpose": {"size": (1,)}, "conv_weight": {"kernel": (1,)}}[name]
    out = getattr(ops, name)(big, big, **more, stride=(1,), padding=((0, 0),), dilation=(1,), groups=1)
    assert out.dtype == np.float16
    assert np.isinf(out).all()


def test_different_dtypes_are_refused():
    with pytest.raises(DTypeError, match="float32, float64"):
        tg.nn.functional.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2, dtype=tg.float64))


def test_third_derivative(rng):
    """d/dw of d/dx of sum(conv(x, w)^3): every order of the three adjoints is at work."""
    x = tg.tensor(rng.standard_normal((1, 2, 4)), requires_grad=True)
    w = tg.tensor(rng.standard_normal((2, 2, 2)), requires_grad=True)

    def slope(w):
        y = tg.nn.functional.conv1d(x, w, padding=1)
        (g,) = tg.autograd.grad((y**3).sum(), x, create_graph=True)
        (h,) = tg.autograd.grad((g**2).sum(), w, create_graph=True)
        return h

    direction = tg.tensor(rng.standard_normal(w.shape))
    (analytic,) = tg.autograd.grad((slope(w) * direction).sum(), w)
    step = 1e-5
    numeric = ((slope(w + step * direction) - slope(w - step * direction)) / (2 * step)).detach()
    np.testing.assert_allclose(analytic.numpy(), numeric.numpy(), rtol=1e-6, atol=1e-6)
