"""Every way of computing a convolution gives the same, in any memory, within the bounds that are stated."""

import numpy as np
import pytest

from tapegrad import get_num_threads, get_workspace_limit, set_num_threads, set_workspace_limit
from tapegrad.core import ops
from tapegrad.errors import ArgumentError
from tapegrad.ops import algorithm, threads, winograd, workspace
from tapegrad.ops.sliding import window_counts


def where(stride=1, padding=0, dilation=1, groups=1):
    pair = padding if isinstance(padding, tuple) else ((padding, padding),) * 2
    return {"stride": (stride,) * 2, "padding": pair, "dilation": (dilation,) * 2, "groups": groups}


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def draw(rng, x, w, keywords, dtype="float32"):
    counts = window_counts(x[2:], w[2:], keywords["stride"], keywords["padding"], keywords["dilation"])
    return [rng.standard_normal(s).astype(dtype) for s in (x, w, (x[0], w[0], *counts))]


def kernels(x, w, g, keywords, given=None):
    """Output, input gradient, weight gradient, and both gradients at once."""
    given = given or [None] * 5
    both = ops.conv_gradients.kernel(np, g, x, w, **keywords, out=None if given[3] is None else tuple(given[3:]))
    return [
        ops.conv.kernel(np, x, w, None, **keywords, out=given[0]),
        ops.conv_transpose.kernel(np, g, w, None, size=x.shape[2:], **keywords, out=given[1]),
        ops.conv_weight.kernel(np, g, x, kernel=w.shape[2:], **keywords, out=given[2]),
        *both,
    ]


def is_winograd(x, w, g, keywords):
    return algorithm.uses_winograd(np, x.dtype, w.shape, (len(g), *g.shape[2:]), **keywords)


WINOGRAD = [
    ((20, 32, 14, 14), (32, 32, 3, 3), where()),
    ((14, 40, 11, 12), (48, 40, 3, 3), where(padding=1)),
    ((20, 32, 14, 13), (64, 32, 3, 3), where(padding=((2, 1), (0, 3)))),
    ((24, 256, 8, 8), (256, 256, 3, 3), where(padding=1)),
]
OTHERS = [
    ((3, 1, 12, 12), (8, 1, 3, 3), where()),
    ((2, 3, 9, 9), (8, 3, 5, 5), where(padding=2)),
    ((2, 16, 9, 8), (8, 16, 3, 3), where(stride=2, padding=1)),
    ((2, 16, 9, 8), (32, 16, 3, 3), where(stride=2, padding=1)),
    ((2, 9, 9, 8), (32, 9, 3, 2), where(stride=3, dilation=2, padding=((2, 0), (1, 1)))),
    ((2, 16, 9, 8), (8, 16, 1, 1), where(stride=2)),
    ((2, 16, 9, 8), (8, 16, 1, 1), where()),
    ((2, 16, 9, 8), (16, 1, 3, 3), where(padding=1, groups=16)),
    ((2, 16, 9, 8), (32, 1, 3, 3), where(stride=2, groups=16)),
    ((2, 16, 9, 8), (32, 4, 3, 3), where(dilation=2, padding=2, groups=4)),
]


@pytest.mark.parametrize(("x", "w", "keywords"), WINOGRAD)
@pytest.mark.parametrize("shift", [0, 1])
def test_winograd_is_exact_to_one_part_in_a_hundred_thousand(x, w, keywords, shift, rng):
    x, w, g = draw(rng, x, w, keywords)
    x += shift
    assert is_winograd(x, w, g, keywords)
    exact = kernels(*(a.astype("float64") for a in (x, w, g)), keywords)
    for a, b in zip(kernels(x, w, g, keywords), exact, strict=True):
        assert a.dtype == np.float32
        assert np.abs(a - b).max() < 1e-5 * np.abs(b).max()


def test_float64_is_never_winograd(rng):
    for shapes in WINOGRAD:
        x, w, g = draw(rng, *shapes, "float64")
        assert not is_winograd(x, w, g, shapes[2])


@pytest.mark.parametrize(("x", "w", "keywords"), WINOGRAD + OTHERS)
@pytest.mark.parametrize("block", [1, 1 << 21])
def test_any_memory_and_given_outputs(x, w, keywords, block, rng, monkeypatch):
    monkeypatch.setattr(winograd, "_BLOCK", block)
    x, w, g = draw(rng, x, w, keywords)
    expected = kernels(x, w, g, keywords)
    assert all(a.flags.c_contiguous for a in expected)
    given = [channels_last(np.full_like(a, np.nan)) for a in expected]
    results = kernels(channels_last(x), w, channels_last(g), keywords, given)
    for a, b, c in zip(results, expected, given, strict=True):
        assert a is c
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize(("x", "w", "keywords"), WINOGRAD + OTHERS)
def test_two_threads_give_what_one_gives(x, w, keywords, rng, monkeypatch):
    x, w, g = draw(rng, (max(8, x[0]), *x[1:]), w, keywords)
    before = get_num_threads()
    monkeypatch.setattr(threads, "_blas", lambda: (lambda: 1, lambda n: None))
    try:
        set_num_threads(1)
        one = kernels(x, w, g, keywords)
        set_num_threads(2)
        two = kernels(x, w, g, keywords)
    finally:
        set_num_threads(before)
    for a, b in zip(two, one, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_error_in_either_half_is_raised(monkeypatch):
    monkeypatch.setattr(threads, "_blas", lambda: (lambda: 1, lambda n: None))
    monkeypatch.setattr(threads._Setting, "threads", 2)

    def work(first, last):
        if first == broken:
            raise ValueError(f"half {first}")
        return first

    for broken in (0, 2):
        with pytest.raises(ValueError, match=f"half {broken}"):
            threads.halves(np, work, 4)
    broken = None
    assert threads.halves(np, work, 4) == [0, 2]


def test_settings_refuse_what_makes_no_sense():
    with pytest.raises(ArgumentError, match="threads is 0"):
        set_num_threads(0)
    with pytest.raises(ArgumentError, match="limit is -1"):
        set_workspace_limit(-1)


def test_what_a_thread_keeps_stays_below_the_limit(rng):
    before = get_workspace_limit()
    x, w, g = draw(rng, *WINOGRAD[0])
    expected = kernels(x, w, g, WINOGRAD[0][2])
    try:
        for limit in (0, 200_000):
            set_workspace_limit(limit)
            for a, b in zip(kernels(x, w, g, WINOGRAD[0][2]), expected, strict=True):
                np.testing.assert_array_equal(a, b)
            assert workspace._memory.held <= limit
            assert workspace._memory.held == sum(a.nbytes for a in workspace._memory.buffers.values())
    finally:
        set_workspace_limit(before)
