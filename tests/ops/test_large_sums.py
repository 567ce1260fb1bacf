"""Sums and normalisation of arrays that are large enough to be worked on in pieces, in every order of memory."""

import itertools

import numpy as np
import pytest

from tapegrad.core import REGISTRY
from tapegrad.ops.buffers import add_up, ones, steps
from tapegrad.ops.groups import groups_of

SHAPES = [((64, 8, 9, 13), (0, 2, 3)), ((5, 33, 17, 19), (0, 2, 3)), ((6, 7, 40, 41), (0, 1)), ((7, 4, 1500), (0, 2))]
ORDERS = ["C", "F", "channels last"]


def laid_out(array, order):
    """The same values with another order of dimensions in memory."""
    if order == "channels last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)
    return np.asarray(array, order=order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("keepdim", [False, True])
def test_add_up_is_a_sum_whatever_the_memory(shape, axes, keepdim, order, rng):
    array = laid_out(rng.standard_normal(shape), order)
    expected = array.sum(axes, keepdims=keepdim)
    np.testing.assert_allclose(add_up(np, array, axes, keepdim, None), expected, rtol=1e-10, atol=1e-10)
    out = np.empty_like(expected)
    assert add_up(np, array, axes, keepdim, out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 2), (-1, 0), (0, 1, 2)])
def test_add_up_over_any_axes(axes, rng):
    array = rng.standard_normal((12, 20, 30))
    for order in itertools.permutations(range(3)):
        turned = np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))
        np.testing.assert_allclose(add_up(np, turned, axes, False, None), array.sum(axes), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("axes", [3, (0, -4), (1, 1), (1, -2)])
def test_add_up_refuses_what_numpy_refuses(axes, rng):
    with pytest.raises((ValueError, np.exceptions.AxisError)):
        add_up(np, rng.standard_normal((12, 20, 30)), axes, False, None)


def standardized(x, dim, eps):
    mean, variance = x.mean(dim, keepdims=True), x.var(dim, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps), mean, variance


@pytest.mark.parametrize("out_order", [None, *ORDERS])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_standardize_and_its_gradient(shape, dim, order, out_order, rng):
    x = laid_out(rng.normal(3, 2, shape), order)
    expected = standardized(x, dim, 1e-5)
    into = {} if out_order is None else {"out": tuple(np.asarray(e, order="C").copy() for e in expected)}
    if into:
        into["out"] = (laid_out(into["out"][0], out_order), *into["out"][1:])
    result = REGISTRY["standardize"].kernel(np, x, dim=dim, **into)
    for r, e in zip(result, expected, strict=True):
        np.testing.assert_allclose(r, e, rtol=1e-9, atol=1e-9)
    assert not into or all(r is o for r, o in zip(result, into["out"], strict=True))

    g, standard, scale = rng.standard_normal(shape), expected[0], 1 / np.sqrt(expected[2] + 1e-5)
    means = g.mean(dim, keepdims=True), (g * standard).mean(dim, keepdims=True)
    into = {} if out_order is None else {"out": laid_out(np.empty(shape), out_order)}
    result = REGISTRY["standardize_gradient"].kernel(np, g, standard, scale, **into)
    np.testing.assert_allclose(result, scale * (g - means[0] - standard * means[1]), rtol=1e-9, atol=1e-9)


def test_the_samples_above_are_seen_as_groups(rng):
    seen = [
        groups_of(laid_out(np.empty(shape), order), dim) is not None for shape, dim in SHAPES for order in ORDERS[::2]
    ]
    assert seen.count(True) >= 6


def test_constants_cannot_be_written_to():
    for constant in (ones(np, 3, np.dtype("float32")), steps(np, 3, 2)):
        with pytest.raises(ValueError, match="read-only"):
            constant[0] = 5
    assert steps(np, 3, 2).tolist() == [0, 2, 4]
    assert steps(np, 3, 0).tolist() == [0, 0, 0]
    assert ones(np, 1 << 17, np.dtype("float32")).sum() == 1 << 17
