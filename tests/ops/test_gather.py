"""Reading and writing along a dimension and by masks, against PyTorch: values, gradients, in place, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError, UsageError

torch = pytest.importorskip("torch")

PROFILE = settings(max_examples=100, deadline=None, derandomize=True, database=None)


@st.composite
def along(draw, unique=False):
    """A tensor's shape, a dimension, and positions along it for a corner of the other dimensions."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = [draw(st.integers(0 if d else 1, n)) for d, n in enumerate(shape)]
    sizes[dim] = draw(st.integers(0, shape[dim] if unique else 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if unique:
        index = rng.permuted(np.broadcast_to(np.arange(shape[dim]), (*sizes, shape[dim])), axis=-1)
        index = np.moveaxis(index, -1, dim % len(shape))
        index = np.take(index, 0, axis=dim % len(shape) + 1)[tuple(slice(n) for n in sizes)]
    else:
        index = rng.integers(0, shape[dim], sizes)
    return shape, dim, index.astype(np.int64), rng


def compare(call, *arrays, **keywords):
    """Call with our tensors and PyTorch's: the same value and gradients."""
    ours = [tg.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a for a in arrays]
    theirs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a for a in arrays]
    out, expected = call(tg, *ours, **keywords), call(torch, *theirs, **keywords)
    assert tuple(out.shape) == tuple(expected.shape)
    np.testing.assert_allclose(out.array, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    g = np.random.default_rng(1).standard_normal(tuple(expected.shape))
    out.backward(tg.tensor(g))
    expected.backward(torch.tensor(g))
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, tg.Tensor) and a.requires_grad:
            np.testing.assert_allclose(a.grad.array, b.grad.numpy(), rtol=1e-12, atol=1e-13)


@PROFILE
@given(along())
def test_gather(case):
    shape, dim, index, rng = case
    compare(lambda m, x, i: m.gather(x, dim, i), rng.standard_normal(shape), index)


@PROFILE
@given(along(), st.booleans())
def test_scatter_add(case, in_place):
    shape, dim, index, rng = case
    source = rng.standard_normal(index.shape)

    def call(m, x, i, s):
        return (x * 1).scatter_add_(dim, i, s) if in_place else x.scatter_add(dim, i, s)

    compare(call, rng.standard_normal(shape), index, source)


def apart(index, dim):
    """Whether no position along a dimension occurs twice."""
    ordered = np.sort(index, axis=dim)
    return bool((np.diff(ordered, axis=dim) != 0).all())


@PROFILE
@given(along(), st.booleans(), st.booleans())
def test_scatter(case, in_place, number):
    shape, dim, index, rng = case
    if not apart(index, dim):
        index = index[tuple(slice(1) if d == dim % len(shape) else slice(None) for d in range(len(shape)))]
    source = 0.5 if number else rng.standard_normal(index.shape)

    def call(m, x, i, s):
        return (x * 1).scatter_(dim, i, s) if in_place else x.scatter(dim, i, s)

    compare(call, rng.standard_normal(shape), index, source)


@PROFILE
@given(along(), st.booleans(), st.sampled_from(["index_add", "index_copy", "index_fill"]))
def test_index_writes(case, in_place, name):
    shape, dim, index, rng = case
    index = index.reshape(-1)[:4]
    if name != "index_add":
        index = np.unique(index)
    source_shape = list(shape)
    source_shape[dim] = len(index)
    source = rng.standard_normal(()) if name == "index_fill" else rng.standard_normal(source_shape)
    keywords = {"alpha": 2.0} if name == "index_add" else {}

    def call(m, x, i, s):
        method = name + "_" if in_place else name
        return getattr(x * 1, method)(dim, i, s, **keywords)

    compare(call, rng.standard_normal(shape), index, np.asarray(source))


@PROFILE
@given(along())
def test_index_select(case):
    shape, dim, index, rng = case
    compare(lambda m, x, i: m.index_select(x, dim, i), rng.standard_normal(shape), index.reshape(-1))


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: x.take(m.tensor([[0, -1], [5, 5]])),
        lambda m, x: m.take_along_dim(x, m.tensor([[-1], [0]]), 1),
        lambda m, x: m.take_along_dim(x, m.tensor([[1, 0, 1, 1]]), 0),
        lambda m, x: m.take_along_dim(x, m.tensor([5, 2, 2])),
        lambda m, x: x.masked_select(x > 0),
        lambda m, x: x.masked_select(m.tensor([True, False, True, True])),
        lambda m, x: (x * 1).masked_scatter_(x > 0, x.flatten() * 3),
        lambda m, x: x.masked_scatter(m.tensor([True, False, True, False]), x[:1] * x[0, 1]),
        lambda m, x: x.index_put((m.tensor([0, 0]), m.tensor([1, 1])), x[0, :2], accumulate=True),
        lambda m, x: (x * 1).index_put_((m.tensor([0, 1]), m.tensor([1, 3])), x[0, 2]),
        lambda m, x: x.narrow(1, 1, 2),
        lambda m, x: x.narrow(-1, -3, 2),
        lambda m, x: m.narrow(x, 0, m.tensor(1), 1),
        lambda m, x: m.select(x, 1, -1),
        lambda m, x: m.gather(x[0, 0], 0, m.tensor(0)) * x[0, 1],
        lambda m, x: m.index_select(x[0, 0], 0, m.tensor([0])),
        lambda m, x: x.scatter(dim=1, index=m.tensor([[0], [1]]), value=2.0),
        lambda m, x: x.scatter(dim=1, index=m.tensor([[0], [1]]), src=x[:, :1]),
    ],
)
def test_calls_agree_with_pytorch(call):
    compare(call, np.array([[1.0, -2.0, 3.0, 0.5], [-1.5, 2.5, 0.25, -4.0]]))


def test_a_larger_source_is_read_from_its_corner():
    """PyTorch has the values, but fails in the gradient."""
    source = tg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    index = tg.tensor([[2, 2], [0, 1]])
    added = tg.zeros(2, 3).scatter_add(1, index, source)
    assert added.tolist() == [[0.0, 0.0, 3.0], [3.0, 4.0, 0.0]]
    assert tg.zeros(2, 3).scatter(1, index[1:], source).tolist() == [[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    added.sum().backward()
    assert source.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_scatter_may_add():
    x, index = tg.ones(2, 2), tg.tensor([[0, 0], [1, 1]])
    assert x.scatter(1, index, 2.0, reduce="add").tolist() == [[5.0, 1.0], [1.0, 5.0]]
    x.scatter_(1, index, tg.ones(2, 2), reduce="add")
    assert x.tolist() == [[3.0, 1.0], [1.0, 3.0]]


def test_second_derivative_through_gather_and_scatter():
    x = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)
    i = tg.tensor([0, 0, 2])
    y = (x * x).gather(0, i).scatter_add(0, i, x * x * x)
    (g,) = tg.autograd.grad((y * y).sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x)
    a = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    j = torch.tensor([0, 0, 2])
    b = (a * a).gather(0, j).scatter_add(0, j, a**3)
    (c,) = torch.autograd.grad((b * b).sum(), a, create_graph=True)
    (d,) = torch.autograd.grad(c.sum(), a)
    np.testing.assert_allclose(h.array, d.numpy())


def test_in_place_writes_go_straight_into_the_memory():
    for write in (
        lambda x: x.scatter_(0, tg.tensor([1]), 1.0),
        lambda x: x.scatter_add_(0, tg.tensor([1]), tg.ones(1)),
        lambda x: x.index_add_(0, tg.tensor([1]), tg.ones(1)),
        lambda x: x.index_copy_(0, tg.tensor([1]), tg.ones(1)),
        lambda x: x.index_fill_(0, tg.tensor([1]), 1.0),
        lambda x: x.index_put_((tg.tensor([1]),), tg.tensor(1.0)),
        lambda x: x.masked_scatter_(tg.tensor([False, True, False]), tg.ones(1)),
    ):
        x = tg.zeros(3)
        held = x.array
        assert write(x) is x
        assert x.array is held
        assert (x.tolist(), x._version) == ([0.0, 1.0, 0.0], 1)


def test_equal_positions_add_up_in_long_rows():
    """Rows longer than a piece are added too."""
    rng = np.random.default_rng(0)
    weight = tg.tensor(rng.standard_normal((7, 300)), requires_grad=True)
    ids = rng.integers(0, 7, (50, 40))
    g = rng.standard_normal((50, 40, 300))
    weight[tg.tensor(ids)].backward(tg.tensor(g))
    onehot = np.eye(7)[ids.reshape(-1)]
    np.testing.assert_allclose(weight.grad.array, onehot.T @ g.reshape(-1, 300), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (
            IndexRangeError,
            "gather: index -1 is out of bounds for dimension 0 with size 3; use 0 to 2",
            lambda x: x.gather(0, tg.tensor([-1])),
        ),
        (
            IndexRangeError,
            "scatter: index 3 is out of bounds for dimension 0 with size 3; use 0 to 2",
            lambda x: x.scatter(0, tg.tensor([3]), 1.0),
        ),
        (
            ShapeError,
            "gather: the index has shape (1, 1), the tensor (3,); "
            "it must have as many dimensions, none of them larger except dimension 0",
            lambda x: x.gather(0, tg.tensor([[0]])),
        ),
        (DTypeError, "gather: the index has dtype float32; ", lambda x: x.gather(0, tg.zeros(1))),
        (
            DTypeError,
            "scatter_add: src is float64, the input float32; convert one of them",
            lambda x: x.scatter_add(0, tg.tensor([0]), tg.ones(1).double()),
        ),
        (UsageError, "scatter: needs either src or value; ", lambda x: x.scatter(0, tg.tensor([0]))),
        (
            ArgumentError,
            "scatter: reduce is 'multiply'; leave it out, or use 'add'",
            lambda x: x.scatter(0, tg.tensor([0]), 1.0, reduce="multiply"),
        ),
        (
            ShapeError,
            "index_add: the source has shape (1,); it should be (2,)",
            lambda x: x.index_add(0, tg.tensor([0, 1]), tg.ones(1)),
        ),
        (
            IndexRangeError,
            "index_add: index 4 is out of bounds for dimension 0 with size 3; use 0 to 2",
            lambda x: x.index_add(0, tg.tensor([4]), tg.ones(1)),
        ),
        (
            IndexRangeError,
            "narrow: start 2 and length 2 leave dimension 0 of size 3; stay within it",
            lambda x: x.narrow(0, 2, 2),
        ),
        (IndexRangeError, "select: dimension 1 is out of range for 1 dimensions; ", lambda x: x.select(1, 0)),
        (DTypeError, "masked_select: the mask has dtype float32; ", lambda x: x.masked_select(tg.ones(3))),
        (
            ShapeError,
            "masked_scatter: 1 elements for 3 places; give one for every true element",
            lambda x: x.masked_scatter(tg.ones(3).bool(), tg.ones(1)),
        ),
        (ShapeError, "index_select: the index has shape (1, 1); ", lambda x: x.index_select(0, tg.tensor([[0]]))),
    ],
)
def test_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call(tg.zeros(3))
    assert str(caught.value).startswith(message)


def test_a_wrong_mask_is_refused_when_adding():
    x = tg.zeros(3, 2)
    with pytest.raises(IndexRangeError, match="mask of shape"):
        x.index_put_((tg.tensor([True, True]), tg.tensor([0, 1])), tg.ones(2), accumulate=True)


def test_nonzero():
    x = np.array([[0.0, 1.0], [2.0, 0.0]])
    for a in (x, np.array(5.0), np.zeros((0, 2)), np.zeros(3)):
        np.testing.assert_array_equal(tg.nonzero(tg.tensor(a)).array, torch.nonzero(torch.tensor(a)).numpy())
        ours, theirs = tg.tensor(a).nonzero(as_tuple=True), torch.tensor(a).nonzero(as_tuple=True)
        assert [i.tolist() for i in ours] == [i.tolist() for i in theirs]
    np.testing.assert_array_equal(tg.argwhere(tg.tensor(x)).array, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.index_add(0, i, tg.ones(1)),
        lambda x, i: x.index_copy(0, i, tg.ones(1)),
        lambda x, i: x.index_fill(0, i, 1.0),
    ],
    ids=["index_select", "index_add", "index_copy", "index_fill"],
)
def test_positions_do_not_count_from_the_end(call):
    with pytest.raises(IndexRangeError, match="index -1 is out of bounds for dimension 0 with size 3; use 0 to 2"):
        call(tg.zeros(3), tg.tensor([-1]))
