"""Elementwise primitives on shapes that Hypothesis invents: broadcasting, zero-size, 0-d, non-contiguous."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tapegrad.core import REGISTRY, Array
from tapegrad.errors import TapegradError

from .check import call, first_order_error, noncontiguous, outputs_of, second_order_error, tensors

ELEMENTWISE = [p for p in REGISTRY.values() if p.elementwise and not p.random]


def template(primitive):
    """The first sample whose inputs are all arrays: it carries each input's range and dtype."""
    for sample in primitive.samples():
        if all(isinstance(x, (tuple, Array)) for x in sample.inputs):
            return sample
    return None


def draw_like(sample, shapes, rng):
    arrays = []
    for item, shape in zip(sample.inputs, shapes, strict=True):
        like = Array(*item) if isinstance(item, tuple) else item
        arrays.append(Array(*shape, low=like.low, high=like.high, dtype=like.dtype).draw(rng, np.float64))
    return arrays


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=[p.name for p in ELEMENTWISE])
def test_generated_shapes(primitive):
    sample = template(primitive)
    if sample is None:
        pytest.skip("no sample made of arrays alone")

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(
        shapes=mutually_broadcastable_shapes(num_shapes=len(sample.inputs), max_dims=3, min_side=0, max_side=3),
        seed=st.integers(0, 2**32 - 1),
        spread=st.booleans(),
    )
    def check(shapes, seed, spread):
        rng = np.random.default_rng(seed)
        arrays = draw_like(sample, shapes.input_shapes, rng)
        if spread:
            arrays = [noncontiguous(a) for a in arrays]
        out = call(primitive, tensors(arrays, ()), sample.keywords)
        assert out.shape == shapes.result_shape
        if any(getattr(x, "distinct", False) for x in sample.inputs) or not outputs_of(out):
            return
        assert first_order_error(primitive, arrays, sample.keywords, rng) is None
        assert second_order_error(primitive, arrays, sample.keywords, rng) is None

    check()


OTHERS = [p for p in REGISTRY.values() if not p.elementwise and not p.random and p.inputs]


# Primitives behind a function that checks what their rules rely on: sizes that belong together, or thin factors.
SIZES_ARE_CHECKED_ABOVE = {"col2im", "avg_unpool", "svd_triple", "qr_pair", "cofactor", "half_triangle", "fold_windows"}
SIZES_ARE_CHECKED_ABOVE |= {"cat_parts", "region", "region_fill", "region_write"}


def resized(primitive, sample, data, rng):
    """The sample's arrays; one that stands alone gets sizes of its own, zero among them."""
    arrays = sample.draw(rng)
    lone = [i for i, item in enumerate(sample.inputs) if isinstance(item, (tuple, Array))]
    if len(lone) == 1 and primitive.name not in SIZES_ARE_CHECKED_ABOVE and data.draw(st.booleans()):
        item = sample.inputs[lone[0]]
        like = Array(*item) if isinstance(item, tuple) else item
        shape = tuple(data.draw(st.integers(0, 4)) for _ in like.shape)
        grown = Array(*shape, low=like.low, high=like.high, dtype=like.dtype, distinct=like.distinct)
        arrays[lone[0]] = grown.draw(rng, np.float64)
    return arrays


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the mean of nothing
@pytest.mark.parametrize("primitive", OTHERS, ids=[p.name for p in OTHERS])
def test_generated_sizes_and_memory_layouts(primitive):
    samples = list(primitive.samples())

    @settings(max_examples=10, deadline=None, derandomize=True, database=None)
    @given(data=st.data(), number=st.integers(0, len(samples) - 1), seed=st.integers(0, 2**32 - 1))
    def check(data, number, seed):
        rng = np.random.default_rng(seed)
        sample = samples[number]
        arrays = [noncontiguous(a) if data.draw(st.booleans()) else a for a in resized(primitive, sample, data, rng)]
        try:
            call(primitive, tensors(arrays, ()), sample.keywords)
        except TapegradError:
            return  # the sample's keywords do not go with these sizes, and that was said
        assert first_order_error(primitive, arrays, sample.keywords, rng) is None
        assert second_order_error(primitive, arrays, sample.keywords, rng) is None

    check()
