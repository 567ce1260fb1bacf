"""Kernels that write into a given array: the same numbers, in that array, whatever its strides, the inputs untouched."""

from copy import copy

import numpy as np
import pytest

from tapegrad.core import REGISTRY, Sample
from tapegrad.ops.generator import Generator

from .check import noncontiguous

TAKING = [p for p in REGISTRY.values() if p.takes_out]
CASES = [(p, s) for p in TAKING for s in p.samples()]
IDS = [f"{p.name}-{i}" for p in TAKING for i, _ in enumerate(p.samples())]
every_sample = pytest.mark.parametrize(("primitive", "sample"), CASES, ids=IDS)
DTYPES = ("float64", "float32", "float16")


def run(primitive, arrays, keywords, **into):
    """Call a kernel as the engine would; random ones draw from the beginning of one stream."""
    filled = primitive._fill(dict(keywords))
    if primitive.random:
        filled["generator"] = Generator().manual_seed(5)
    with np.errstate(all="ignore"):
        return primitive.kernel(np, *arrays, **filled, **into)


def parts(result):
    return [np.asarray(r) for r in result] if isinstance(result, tuple) else [np.asarray(result)]


def buffers(expected, is_tuple, make):
    """Return what to pass as ``out``: arrays full of rubbish, which no kernel may read."""
    made = []
    for e in expected:
        made.append(make(e))
        made[-1][...] = 77 if e.dtype.kind != "b" else True
    return tuple(made) if is_tuple else made[0]


def turned(array):
    """Return an array of the same shape and dtype whose memory runs the other way."""
    return np.empty(array.shape[::-1], array.dtype).T


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def drawn(sample, rng, dtype):
    arrays = sample.draw(rng, np.dtype(dtype))
    for a in arrays:
        if isinstance(a, np.ndarray):
            a.flags.writeable = False
    return arrays


@pytest.mark.parametrize("dtype", DTYPES)
@every_sample
def test_out_holds_the_bits_of_the_result_and_comes_back(primitive, sample, dtype, rng):
    arrays = drawn(sample, rng, dtype)
    result = run(primitive, arrays, sample.keywords)
    expected = parts(result)
    out = buffers(expected, isinstance(result, tuple), lambda e: np.empty(e.shape, e.dtype))
    returned = run(primitive, arrays, sample.keywords, out=out)
    if isinstance(out, tuple):
        assert len(returned) == len(out)
        assert all(r is o for r, o in zip(returned, out, strict=True))
    else:
        assert returned is out
    assert all(same_bits(o, e) for o, e in zip(parts(out), expected, strict=True))


@every_sample
def test_out_may_have_any_strides(primitive, sample, rng):
    arrays = drawn(sample, rng, "float64")
    result = run(primitive, arrays, sample.keywords)
    expected = parts(result)
    for make in (turned, lambda e: noncontiguous(e) if e.ndim else np.empty_like(e)):
        out = buffers(expected, isinstance(result, tuple), make)
        run(primitive, arrays, sample.keywords, out=out)
        for o, e in zip(parts(out), expected, strict=True):
            np.testing.assert_allclose(o, e, rtol=1e-12, atol=1e-12)


@every_sample
def test_strided_inputs_go_into_a_strided_out(primitive, sample, rng):
    arrays = drawn(sample, rng, "float64")
    result = run(primitive, arrays, sample.keywords)
    expected = parts(result)
    out = buffers(expected, isinstance(result, tuple), turned)
    spread = [noncontiguous(a) for a in arrays]
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in spread]
    run(primitive, spread, sample.keywords, out=out)
    for o, e in zip(parts(out), expected, strict=True):
        np.testing.assert_allclose(o, e, rtol=1e-12, atol=1e-12)
    for a, b in zip(spread, before, strict=True):
        assert not isinstance(a, np.ndarray) or same_bits(a, b)


@pytest.mark.parametrize(
    ("primitive", "sample"),
    [c for c in CASES if c[0].elementwise],
    ids=[i for i, c in zip(IDS, CASES, strict=True) if c[0].elementwise],
)
def test_elementwise_kernels_may_write_over_an_input(primitive, sample, rng):
    arrays = drawn(sample, rng, "float32")
    expected = np.asarray(run(primitive, arrays, sample.keywords))
    for i, a in enumerate(arrays):
        if isinstance(a, np.ndarray) and a.shape == expected.shape and a.dtype == expected.dtype:
            given = [b.copy() if isinstance(b, np.ndarray) else b for b in arrays]
            assert run(primitive, given, sample.keywords, out=given[i]) is given[i]
            assert same_bits(given[i], expected), f"input {i}"


class TestPlantedFaults:
    """The checks above, seen to fail on kernels that do wrong."""

    SAMPLE = Sample((3, 4), (3, 4))

    @staticmethod
    def planted(kernel):
        wrong = copy(REGISTRY["mul"])
        wrong.kernel = kernel
        return wrong

    def test_a_kernel_that_forgets_out_is_caught(self, rng):
        def forgets(xp, input, other, *, out=None):
            return xp.multiply(input, other)

        with pytest.raises(AssertionError):
            test_out_holds_the_bits_of_the_result_and_comes_back(self.planted(forgets), self.SAMPLE, "float32", rng)

    def test_a_kernel_that_reads_out_is_caught(self, rng):
        def reads(xp, input, other, *, out=None):
            return xp.multiply(input, other) if out is None else xp.add(out, xp.multiply(input, other), out=out)

        with pytest.raises(AssertionError):
            test_out_holds_the_bits_of_the_result_and_comes_back(self.planted(reads), self.SAMPLE, "float32", rng)

    def test_a_kernel_that_needs_contiguous_memory_is_caught(self, rng):
        def flattens(xp, input, other, *, out=None):
            result = xp.empty(input.shape, input.dtype) if out is None else out
            xp.multiply(input.reshape(-1), other.reshape(-1), out=result.reshape(-1))
            return result

        with pytest.raises(AssertionError):
            test_out_may_have_any_strides(self.planted(flattens), self.SAMPLE, rng)

    def test_a_kernel_that_writes_before_it_has_read_is_caught(self, rng):
        def hasty(xp, input, other, *, out=None):
            result = xp.negative(input, out=out)
            return xp.multiply(result, xp.negative(other), out=out)

        with pytest.raises(AssertionError, match="input 1"):
            test_elementwise_kernels_may_write_over_an_input(self.planted(hasty), self.SAMPLE, rng)

    def test_a_kernel_that_writes_into_an_input_is_caught(self, rng):
        def careless(xp, input, other, *, out=None):
            input *= 1
            return xp.multiply(input, other, out=out)

        with pytest.raises(ValueError, match="read-only"):
            test_out_holds_the_bits_of_the_result_and_comes_back(self.planted(careless), self.SAMPLE, "float32", rng)
