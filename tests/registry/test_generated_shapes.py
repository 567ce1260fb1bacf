"""Elementwise primitives on shapes that Hypothesis invents: broadcasting, zero-size, 0-d, non-contiguous."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tapegrad.core import REGISTRY, Array

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
