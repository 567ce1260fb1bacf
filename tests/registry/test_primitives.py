"""Every primitive, proved from its own samples: derivatives, memory, dtypes, contiguity, errors."""

import re
import warnings
from copy import copy

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.core import REGISTRY, grad
from tapegrad.core.plan import Plan
from tapegrad.errors import ShapeError

from .check import (
    call,
    first_order_error,
    float_positions,
    noncontiguous,
    outputs_of,
    second_order_error,
    setup,
    tensors,
)

CASES = [(p, i, s) for p in REGISTRY.values() for i, s in enumerate(p.samples())]
IDS = [f"{p.name}-{i}" for p, i, _ in CASES]
FORM = re.compile(r"[\w. ]+: .+; .+", re.DOTALL)
every_sample = pytest.mark.parametrize(("primitive", "number", "sample"), CASES, ids=IDS)
every_primitive = pytest.mark.parametrize("primitive", REGISTRY.values(), ids=list(REGISTRY))


@every_primitive
def test_has_samples_and_a_docstring(primitive):
    assert list(primitive.samples()), f"{primitive.name} has no samples"
    assert primitive.__doc__
    assert primitive.__doc__.strip().split("\n")[0].endswith("."), f"{primitive.name}: first line is no sentence"


@every_primitive
def test_has_a_formula(primitive):
    assert primitive.formula, f"{primitive.name} has no formula"


@every_sample
def test_first_derivative(primitive, number, sample, rng):
    assert first_order_error(primitive, sample.draw(rng), sample.keywords, rng) is None


@every_sample
def test_second_derivative(primitive, number, sample, rng):
    assert second_order_error(primitive, sample.draw(rng), sample.keywords, rng) is None


@every_sample
def test_noncontiguous_inputs_give_the_same(primitive, number, sample, rng):
    arrays = sample.draw(rng)
    if primitive.random:
        pytest.skip("draws random numbers")
    spread = [noncontiguous(a) for a in arrays]
    plain = call(primitive, tensors(arrays, ()), sample.keywords)
    inputs = [tg.from_numpy(a) if isinstance(a, np.ndarray) else a for a in spread]
    if primitive.name == "view_dtype":
        with pytest.raises(ShapeError, match="contiguous"):
            call(primitive, inputs, sample.keywords)
        return
    strided = call(primitive, inputs, sample.keywords)
    for a, b in zip(outputs_of(plain), outputs_of(strided), strict=True):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-12, atol=1e-12)


@every_sample
def test_float32_stays_float32(primitive, number, sample, rng):
    arrays = sample.draw(rng, np.float32)
    if "dtype" in primitive.keywords:
        pytest.skip("the dtype is an argument")
    if not any(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in arrays):
        pytest.skip("no float32 input")
    result = call(primitive, tensors(arrays, ()), sample.keywords)
    assert all(o.array.dtype == np.float32 for o in outputs_of(result))


@every_sample
def test_gradients_have_the_inputs_shape_and_dtype(primitive, number, sample, rng):
    arrays = sample.draw(rng, np.float32)
    tracked, weights, _ = setup(primitive, arrays, sample.keywords, rng)
    if not tracked or not weights or "dtype" in primitive.keywords:
        pytest.skip("nothing to differentiate in float32")
    inputs = tensors(arrays, tracked)
    outs = outputs_of(call(primitive, inputs, sample.keywords))
    outs = [o for o in outs if o.requires_grad]
    leaves = [inputs[i] for i in tracked]
    grads = grad(outs, leaves, [tg.ones_like(o) for o in outs], materialize_grads=True)
    for leaf, g in zip(leaves, grads, strict=True):
        assert (g.shape, g.dtype) == (leaf.shape, leaf.dtype)


@every_sample
def test_output_is_fresh_memory_unless_a_view(primitive, number, sample, rng):
    if primitive.view:
        pytest.skip("a view by design")
    inputs = tensors(sample.draw(rng), ())
    result = call(primitive, inputs, sample.keywords)
    for out in result if isinstance(result, tuple) else (result,):
        for x in inputs:
            assert not (isinstance(x, tg.Tensor) and np.shares_memory(out.array, x.array))


@every_sample
def test_kernel_leaves_its_inputs_alone(primitive, number, sample, rng):
    inputs = tensors(sample.draw(rng), ())
    before = [x.array.copy() if isinstance(x, tg.Tensor) else x for x in inputs]
    call(primitive, inputs, sample.keywords)
    for x, b in zip(inputs, before, strict=True):
        assert not isinstance(x, tg.Tensor) or np.array_equal(x.array, b)


@every_sample
def test_rule_neither_hands_out_nor_changes_what_is_saved(primitive, number, sample, rng, monkeypatch):
    arrays = sample.draw(rng)
    tracked, weights, _ = setup(primitive, arrays, sample.keywords, rng)
    if not tracked or not weights:
        pytest.skip("nothing to differentiate")
    seen = []
    original = Plan.pull

    def spying(self, node, g, as_tensors):
        kept = [v for v in self.restore(node, as_tensors) if isinstance(v, np.ndarray)]
        copies = [v.copy() for v in kept]
        grads = original(self, node, g, as_tensors)
        seen.append(True)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(kept, copies, strict=True))
        assert not any(r is v for r in grads for v in kept)
        return grads

    monkeypatch.setattr(Plan, "pull", spying)
    inputs = tensors(arrays, tracked)
    outs = [o for o in outputs_of(call(primitive, inputs, sample.keywords)) if o.requires_grad]
    grad(outs, [inputs[i] for i in tracked], [tg.ones_like(o) for o in outs], allow_unused=True)
    assert seen


@pytest.mark.parametrize(
    ("primitive", "sample"),
    [(p, s) for p in REGISTRY.values() for s in p.errors()],
    ids=[f"{p.name}-{i}" for p in REGISTRY.values() for i, _ in enumerate(p.errors())],
)
def test_error_samples(primitive, sample, rng):
    with pytest.raises(sample.kind, match=sample.match) as caught:
        call(primitive, tensors(sample.draw(rng), ()), sample.keywords)
    assert FORM.fullmatch(str(caught.value)), str(caught.value)


class TestPlantedFaults:
    """The checks above, seen to fail on rules that are wrong."""

    @staticmethod
    def planted(name, vjp):
        wrong = copy(REGISTRY[name])
        wrong.vjp = vjp
        from tapegrad.core.plan import rule_fields

        wrong.rules = rule_fields(wrong)
        wrong._plans = {}
        return wrong

    @pytest.mark.parametrize(
        ("name", "vjp"),
        [
            ("exp", (lambda g, out: g * out * 1.001,)),
            ("mul", (lambda g, other: g * other, lambda g, other: g * other)),
            ("neg", (lambda g: g,)),
            ("log", (lambda g, input: g / (input + 1e-3),)),
        ],
    )
    def test_wrong_factor_is_caught_at_first_order(self, name, vjp, rng):
        wrong = self.planted(name, vjp)
        sample = next(iter(wrong.samples()))
        assert "finite difference" in first_order_error(wrong, sample.draw(rng), sample.keywords, rng)

    def test_rule_that_hides_its_dependence_is_caught_at_second_order(self, rng):
        def detached(g, input):
            return g / (input.detach() if isinstance(input, tg.Tensor) else input)

        wrong = self.planted("log", (detached,))
        sample = next(iter(wrong.samples()))
        arrays = sample.draw(rng)
        assert first_order_error(wrong, arrays, sample.keywords, rng) is None
        assert "second derivative" in second_order_error(wrong, arrays, sample.keywords, rng)

    def test_missing_broadcast_is_caught(self, rng):
        wrong = self.planted("add", (lambda g: g, lambda g: g))
        wrong.elementwise = False
        assert "has shape (3, 4)" in first_order_error(wrong, [np.ones((3, 4)), np.ones(4)], {}, rng)


def test_samples_emit_no_warnings(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for primitive, _, sample in CASES:
            call(primitive, tensors(sample.draw(rng, np.float32), ()), sample.keywords)


def test_float_positions_sees_what_can_be_differentiated():
    assert float_positions([np.ones(2), np.arange(2), 3.0, None, np.ones(1, np.float32)]) == [0, 4]
