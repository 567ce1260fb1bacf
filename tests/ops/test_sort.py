"""Sorting, the largest elements, and searching, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

torch = pytest.importorskip("torch")

PROFILE = settings(max_examples=60, deadline=None, derandomize=True, database=None)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


def with_ties(shape, seed, special=True):
    """Small integers as floats, so that many are equal, with nan and infinities among them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, shape).astype(np.float64)
    if special:
        x[rng.random(shape) < 0.1] = np.nan
        x[rng.random(shape) < 0.1] = -np.inf
    return x


@PROFILE
@given(shapes, st.integers(0, 9), st.booleans(), st.data())
def test_sort_and_argsort(shape, seed, descending, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = with_ties(shape, seed)
    ours = tg.sort(tg.tensor(x), dim, descending, stable=True)
    theirs = torch.sort(torch.tensor(x), dim=dim, descending=descending, stable=True)
    np.testing.assert_array_equal(ours.values.array, theirs.values.numpy())
    np.testing.assert_array_equal(ours.indices.array, theirs.indices.numpy())
    np.testing.assert_array_equal(
        tg.tensor(x).argsort(dim, descending).array,
        torch.argsort(torch.tensor(x), dim=dim, descending=descending, stable=True).numpy(),
    )


@PROFILE
@given(shapes, st.integers(0, 9), st.booleans(), st.data())
def test_topk(shape, seed, largest, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    k = data.draw(st.integers(0, shape[dim]))
    x = with_ties(shape, seed)
    values, indices = tg.topk(tg.tensor(x), k, dim, largest)
    expected = torch.topk(torch.tensor(x), k, dim, largest)
    np.testing.assert_array_equal(values.array, expected.values.numpy())
    np.testing.assert_array_equal(np.take_along_axis(x, indices.array, dim), values.array)
    assert (np.diff(np.sort(indices.array, axis=dim), axis=dim) > 0).all()


@PROFILE
@given(shapes, st.integers(0, 9), st.booleans(), st.data())
def test_kthvalue(shape, seed, keepdim, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    k = data.draw(st.integers(1, shape[dim]))
    x = with_ties(shape, seed)
    ours = tg.kthvalue(tg.tensor(x), k, dim, keepdim)
    theirs = torch.kthvalue(torch.tensor(x), k, dim, keepdim)
    np.testing.assert_array_equal(ours.values.array, theirs.values.numpy())
    assert tuple(ours.indices.shape) == tuple(theirs.indices.shape)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.sort(x, dim=0).values,
        lambda m, x: m.sort(x, descending=True)[0],
        lambda m, x: x.topk(2).values,
        lambda m, x: x.topk(2, dim=0, largest=False)[0],
        lambda m, x: x.kthvalue(2).values,
        lambda m, x: m.msort(x),
    ],
)
def test_gradients_go_to_the_elements_that_were_chosen(call):
    x = np.random.default_rng(0).permutation(12.0 * np.arange(12)).reshape(3, 4)
    ours, theirs = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = call(tg, ours), call(torch, theirs)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_array_equal(ours.grad.array, theirs.grad.numpy())


def test_results_are_named_pairs():
    values, indices = tg.tensor([3, 1, 2]).sort()
    assert (values.tolist(), indices.tolist()) == ([1, 2, 3], [1, 2, 0])
    assert tg.tensor([3, 1, 2]).topk(1).indices.tolist() == [0]


def test_zero_dimensions():
    values, indices = tg.tensor(2.0).sort()
    assert (values.shape, values.item(), indices.item()) == ((), 2.0, 0)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize(
    ("sequence", "values"),
    [
        (np.array([1.0, 2.0, 2.0, 4.0]), np.array([[0.0, 2.0], [4.0, 5.0]])),
        (np.array([[1.0, 3.0], [0.0, 0.0]]), np.array([[0.0, 3.0, 9.0], [0.0, -1.0, 1.0]])),
        (np.zeros((2, 3, 2)), np.ones((2, 3, 4))),
        (np.array([], dtype=float), np.array([1.0])),
    ],
)
def test_searchsorted(sequence, values, right):
    ours = tg.searchsorted(tg.tensor(sequence), tg.tensor(values), right=right)
    theirs = torch.searchsorted(torch.tensor(sequence), torch.tensor(values), right=right)
    np.testing.assert_array_equal(ours.array, theirs.numpy())
    assert ours.dtype == np.int64


def test_searchsorted_options():
    sequence = tg.tensor([3.0, 1.0, 2.0])
    assert tg.searchsorted(sequence, tg.tensor([2.0]), sorter=sequence.argsort()).tolist() == [1]
    assert tg.searchsorted(tg.tensor([1, 2]), 2, side="right").item() == 2
    assert tg.bucketize(tg.tensor([1, 5]), tg.tensor([1, 3]), out_int32=True).dtype == np.int32
    assert tg.bucketize(3, tg.tensor([1, 3])).item() == 1


def test_one_hot():
    labels = np.array([[0, 2], [1, 1]])
    for classes in (-1, 3, 5):
        np.testing.assert_array_equal(
            tg.one_hot(tg.tensor(labels), classes).array,
            torch.nn.functional.one_hot(torch.tensor(labels), classes).numpy(),
        )
    assert tg.one_hot(tg.tensor(1), 3).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (ShapeError, "topk: k = 4 of 3 elements in dimension 0; use 0 to 3", lambda: tg.zeros(3).topk(4)),
        (ShapeError, "kthvalue: k = 0 of 3 elements; use 1 to 3", lambda: tg.zeros(3).kthvalue(0)),
        (IndexRangeError, "sort: dimension 1 is out of range for 1 dimensions; ", lambda: tg.zeros(3).sort(1)),
        (
            ArgumentError,
            "searchsorted: side is 'up'; use 'left' or 'right'",
            lambda: tg.searchsorted(tg.zeros(2), tg.zeros(1), side="up"),
        ),
        (
            IndexRangeError,
            "scatter: index 3 is out of bounds for dimension 1 with size 3; ",
            lambda: tg.one_hot(tg.tensor([3]), 3),
        ),
        (DTypeError, "one_hot: the dtype is float32; convert it with .long()", lambda: tg.one_hot(tg.zeros(2), 3)),
    ],
)
def test_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(message)
