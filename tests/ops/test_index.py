"""Index expressions against PyTorch: values, gradients and memory, read and write."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.errors import GradError, IndexRangeError, ShapeError, TraceError
from tapegrad.ops.subscript import as_value, parse_index, put

torch = pytest.importorskip("torch")

PROFILE = settings(max_examples=300, deadline=None, derandomize=True, database=None)


# -- random expressions -------------------------------------------------------------------------------------------------


@st.composite
def slices(draw, size):
    bound = st.none() | st.integers(-size - 1, size + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


def positions(draw, size, broadcast):
    shape = [1 if draw(st.booleans()) else n for n in broadcast[draw(st.integers(0, len(broadcast))) :]]
    count = int(np.prod(shape))
    low, high = (-size, size - 1) if size else (0, 0)
    values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
    return np.array(values, dtype=np.int64).reshape(shape)


def masks(draw, shape):
    count = int(np.prod(shape))
    return np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool).reshape(shape)


@st.composite
def expressions(draw, with_masks=True):
    """A shape and an index for it; arrays stand for tensors."""
    shape = tuple(draw(st.integers(1, 4)) for _ in range(draw(st.sampled_from([3, 4, 2, 1, 0]))))
    broadcast = tuple(draw(st.integers(1, 3)) for _ in range(draw(st.sampled_from([2, 1, 0]))))
    items, dim = [], 0
    stop = max(len(shape) - draw(st.sampled_from([0, 0, 1, 2])), 0)
    ellipsis_at = draw(st.none() | st.integers(0, stop))
    while dim < stop:
        if ellipsis_at == dim:
            skipped = draw(st.integers(0, stop - dim))
            items.append(Ellipsis)
            dim += skipped
            ellipsis_at = None
            # What follows counts from the end.
            rest = len(shape) - (stop - dim)
            dim, stop = max(rest, dim), len(shape)
            continue
        size = shape[dim]
        kind = draw(
            st.sampled_from(["array", "array", "slice", "full", "mask", "int", "scalar", "list", "none", "bool"])
        )
        if kind == "none":
            items.append(None)
            continue
        if kind == "bool":
            if with_masks and draw(st.integers(0, 3)) == 0:
                items.append(draw(st.booleans()))
            continue
        if kind == "mask" and with_masks:
            width = draw(st.integers(1, min(2, stop - dim)))
            items.append(masks(draw, shape[dim : dim + width]))
            dim += width
            continue
        if kind == "int":
            items.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            items.append(draw(slices(size)))
        elif kind == "scalar":
            items.append(np.array(draw(st.integers(-size, size - 1))))
        elif kind == "list":
            items.append(draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=1)))
        elif kind == "full":
            items.append(slice(None))
        else:
            items.append(positions(draw, size, broadcast))
        dim += 1
    if len(items) == 1 and draw(st.booleans()):
        return shape, items[0]
    return shape, tuple(items)


def converted(expression, make):
    if isinstance(expression, tuple):
        return tuple(converted(item, make) for item in expression)
    return make(expression) if isinstance(expression, np.ndarray) else expression


def both(expression):
    return converted(expression, tg.from_numpy), converted(expression, torch.tensor)


def values(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def attempt(call):
    try:
        return call()
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return error


@PROFILE
@given(expressions())
def test_read_agrees_with_pytorch(case):
    shape, expression = case
    x = values(shape)
    ours, theirs = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    index, torch_index = both(expression)
    expected = attempt(lambda: theirs[torch_index])
    if isinstance(expected, Exception):
        with pytest.raises((RuntimeError, IndexError)):
            ours[index]
        return
    out = ours[index]
    assert tuple(out.shape) == tuple(expected.shape)
    np.testing.assert_array_equal(out.array, expected.detach().numpy())
    g = values(tuple(expected.shape), 1)
    out.backward(tg.tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12)


@PROFILE
@given(expressions(), st.data())
def test_write_agrees_with_pytorch(case, data):
    shape, expression = case
    index, torch_index = both(expression)
    x = values(shape)
    region = attempt(lambda: torch.tensor(x)[torch_index])
    if isinstance(region, Exception):
        return
    positions_seen = torch.arange(x.size).reshape(shape)[torch_index].flatten().tolist()
    if len(set(positions_seen)) < len(positions_seen):
        return  # the last write counts, and which that is PyTorch leaves open
    value_shape = tuple(1 if data.draw(st.booleans()) else n for n in region.shape)[
        data.draw(st.integers(0, region.ndim)) :
    ]
    if data.draw(st.booleans()):
        value_shape = (1, *value_shape)
    v = values(value_shape, 1)
    ours, ours_v = tg.tensor(x, requires_grad=True), tg.tensor(v, requires_grad=True)
    theirs, theirs_v = torch.tensor(x, requires_grad=True), torch.tensor(v, requires_grad=True)
    copy, torch_copy = ours * 2, theirs * 2
    held = copy.array
    expected = attempt(lambda: torch_copy.__setitem__(torch_index, theirs_v))
    if isinstance(expected, Exception):
        with pytest.raises((RuntimeError, IndexError)):
            copy[index] = ours_v
        return
    copy[index] = ours_v
    assert copy.array is held, "the write went through a copy"
    np.testing.assert_array_equal(copy.array, torch_copy.detach().numpy())
    g = values(shape, 2)
    copy.backward(tg.tensor(g))
    torch_copy.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours_v.grad.array, theirs_v.grad.numpy(), rtol=1e-12, atol=1e-13)


@PROFILE
@given(expressions(), st.booleans())
def test_accumulating_write_agrees_with_numpy(case, broadcast):
    shape, expression = case
    x = values(shape)
    index, torch_index = both(expression)
    places = attempt(lambda: torch.arange(x.size).reshape(shape)[torch_index])
    if isinstance(places, Exception):
        return
    v = values(() if broadcast else tuple(places.shape), 1)
    expected = x.copy()
    np.add.at(expected.reshape(-1), places.numpy().reshape(-1), np.broadcast_to(v, places.shape).reshape(-1))
    out = tg.tensor(x)
    put(out, parse_index(index, out.ndim), as_value(out, tg.tensor(v)), True, "test")
    np.testing.assert_allclose(out.array, expected, rtol=1e-12, atol=1e-13)


@PROFILE
@given(expressions(with_masks=False), st.integers(0, 99))
def test_index_and_its_adjoint(case, seed):
    """<A x, y> = <x, A* y> for reading at an index and adding at it."""
    shape, expression = case
    x = tg.tensor(values(shape, seed), requires_grad=True)
    out = attempt(lambda: x[both(expression)[0]])
    if isinstance(out, Exception):
        return
    y = values(tuple(out.shape), seed + 1)
    out.backward(tg.tensor(y))
    np.testing.assert_allclose((out.array * y).sum(), (x.array * x.grad.array).sum(), rtol=1e-10, atol=1e-12)


# -- particular expressions ---------------------------------------------------------------------------------------------


X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "read",
    [
        lambda m, x: x[[0, 1], [2, 0]],
        lambda m, x: x[range(2), m.tensor([1, 2])],
        lambda m, x: x[0, :, [0, 1]],
        lambda m, x: x[m.tensor(1), :, [0, 1]],
        lambda m, x: x[:, m.tensor([[0], [1]]), m.tensor([0, 3])],
        lambda m, x: x[m.tensor([0, 1]), None, m.tensor([0, 1])],
        lambda m, x: x[..., m.tensor([0, 1], dtype=m.int32)],
        lambda m, x: x[x > 5],
        lambda m, x: x[m.tensor([True, False])],
        lambda m, x: x[:, m.ones(3, 4, dtype=m.bool)],
        lambda m, x: x[m.tensor([0]), m.tensor([True, False, True])],
        lambda m, x: x[True],
        lambda m, x: x[False],
        lambda m, x: x[m.tensor(True), 0],
        lambda m, x: x[:, True, [0, 1]],
        lambda m, x: x[[True, False]],
        lambda m, x: x[[]],
        lambda m, x: x[()],
        lambda m, x: x[m.tensor([], dtype=m.int64)],
        lambda m, x: x[np.array([1, 0])],
        lambda m, x: x[np.int64(1)],
        lambda m, x: x[m.tensor(1) : m.tensor(2)],
        lambda m, x: x[m.tensor([-1, -2])],
        lambda m, x: x[:, 3:1],
        lambda m, x: x[:, 0:0][:, [], 0],
        lambda m, x: x[((0, 1), (1, 2))],
    ],
)
def test_expressions_agree_with_pytorch(read):
    ours, theirs = tg.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    out, expected = read(tg, ours), read(torch, theirs)
    assert tuple(out.shape) == tuple(expected.shape)
    np.testing.assert_array_equal(out.array, expected.detach().numpy())
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_array_equal(ours.grad.array, theirs.grad.numpy())


def test_a_nested_list_is_one_array_of_positions():
    assert tg.tensor(X)[[[0, 1], [1, 0]]].shape == (2, 2, 3, 4)


def test_negative_steps_give_the_reverse_as_in_numpy():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x[::-1]
    (y * tg.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([3.0, 2.0, 1.0], [100.0, 10.0, 1.0])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (5, "index: 5 does not fit a tensor of shape (2, 3, 4) (index 5 is out of bounds for axis 0 with size 2); "),
        ((0, 0, 0, 0), "too many indices"),
        (
            (tg.tensor([0]), 0, 0, 0),
            "index: 4 indices for a tensor with 3 dimensions; use fewer",
        ),
        (tg.tensor([0, 2]), "index 2 is out of bounds for axis 0 with size 2"),
        (tg.tensor([0, -3]), "index -3 is out of bounds for axis 0 with size 2"),
        ((0, tg.tensor(3)), "index 3 is out of bounds"),
        (tg.tensor([True, False, True]), "size of axis is 2 but size of corresponding boolean axis is 3"),
        (tg.tensor([0.0]), "index: a tensor of dtype float32 is no index; convert it with .long() or .bool()"),
        (1.0, "index: a float is no index; use ints, slices, ..., None, and tensors of integers or booleans"),
        ("a", "index: a str is no index; "),
        (
            tg.tensor([0, 1]).byte(),
            "index: uint8 could be a mask or positions; use .bool() for a mask, .long() for positions",
        ),
        ([slice(None), 0], "index: a list with slices or None is no index; index with a tuple, as in x[tuple(i)]"),
        ((tg.tensor([0, 1]), tg.tensor([0, 1, 2])), "could not be broadcast together"),
    ],
)
def test_what_is_no_index_is_an_index_error(index, message):
    x = tg.tensor(X)
    with pytest.raises(IndexRangeError) as caught:
        x[index]
    assert message in str(caught.value)
    with pytest.raises(IndexError):
        x[index] = 0.0


# -- writing ------------------------------------------------------------------------------------------------------------


def test_values_are_converted_and_broadcast():
    x = tg.zeros(2, 3, dtype=tg.int64)
    x[0, 0] = 2.7
    x[1] = [4, 5, 6]
    x[:, 1] = np.array([8, 9], dtype=np.int32)
    x[tg.tensor([0]), 2] = tg.tensor(3.9, dtype=tg.float64)
    assert x.tolist() == [[2, 8, 3], [4, 9, 6]]


def test_a_mask_takes_one_value_or_one_for_each():
    x = tg.tensor([1.0, -2.0, 3.0])
    x[x > 0] = 0.0
    assert x.tolist() == [0.0, -2.0, 0.0]
    x[tg.tensor([True, False, True])] = tg.tensor([[5.0, 6.0]])
    assert x.tolist() == [5.0, -2.0, 6.0]


def test_a_value_that_does_not_fit_is_a_shape_error():
    x = tg.zeros(2, 3)
    for index in (0, tg.tensor([0, 1]), tg.ones(2, 3).bool()):
        with pytest.raises(ShapeError):
            x[index] = tg.zeros(5)
    assert x.tolist() == [[0.0] * 3] * 2


def test_writing_from_an_overlapping_view_reads_first():
    x = tg.arange(5)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]


def test_gradient_of_a_tensor_built_row_by_row():
    """Old values and written ones, through several writes, one over another."""
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = w * 2
    x[0] = w[1] * w[2]
    x[1:] = x[:-1] * 10
    assert x.tolist() == [6.0, 60.0, 40.0]
    (x * tg.tensor([1.0, 10.0, 100.0])).sum().backward()
    # x0 = w1 w2, x1 = 10 x0, x2 = 20 w1
    assert w.grad.tolist() == [0.0, 101 * 3.0 + 2000.0, 101 * 2.0]


def test_a_constant_becomes_tracked_by_a_tracked_value():
    v = tg.tensor(3.0, requires_grad=True)
    x = tg.zeros(3)
    x[1] = v * v
    assert x.requires_grad
    x.sum().backward()
    assert v.grad.item() == 6.0


def test_second_derivative_through_a_write():
    v = tg.tensor([2.0, 3.0], requires_grad=True)
    x = tg.zeros(2, 3)
    x[:, tg.tensor([0, 2])] = (v * v * v)[:, None]
    (g,) = tg.autograd.grad((x * x).sum(), v, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), v)
    np.testing.assert_allclose(g.detach().array, 2 * 6 * np.array([2.0, 3.0]) ** 5)
    np.testing.assert_allclose(h.array, 2 * 30 * np.array([2.0, 3.0]) ** 4)


def test_a_leaf_that_requires_a_gradient_is_refused():
    w = tg.zeros(3, requires_grad=True)
    with pytest.raises(GradError) as caught:
        w[0] = 1.0
    assert str(caught.value) == (
        "__setitem__: a leaf Variable that requires grad is being used in an in-place operation; "
        "write inside `with tapegrad.no_grad():`, or out of place"
    )
    with tg.no_grad():
        w[0] = 1.0
    assert (w.tolist(), w.requires_grad, w.is_leaf) == ([1.0, 0.0, 0.0], True, True)


def test_writing_without_recording_keeps_the_graph():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 3
    with tg.no_grad():
        x[0] = 7.0
    x.sum().backward()
    assert (x.tolist(), w.grad.tolist()) == ([7.0, 6.0], [3.0, 3.0])


def test_a_saved_value_that_was_written_to_is_refused():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 1
    y = x * x
    x[0] = 5.0
    with pytest.raises(GradError, match=r"modified by an inplace operation at .*test_index.py"):
        y.sum().backward()


def test_an_expanded_tensor_is_refused():
    with pytest.raises(ShapeError) as caught:
        tg.zeros(3).expand(2, 3)[0] = 1.0
    assert str(caught.value) == (
        "__setitem__: several elements of this tensor share one place in memory, or it is read-only; "
        "clone() it before writing"
    )


# -- memory -------------------------------------------------------------------------------------------------------------


def test_a_static_index_is_a_view_and_arrays_make_a_copy():
    x = tg.zeros(3, 4)
    for view in (x[0], x[1:, 2], x[..., None], x[0, 0], x[::2, ::-1]):
        before = x._version
        view.array[...] += 0
        assert np.shares_memory(view.array, x.array)
        view[...] = 1.0
        assert x._version == before + 1
    for copy in (x[tg.tensor([0, 1])], x[tg.tensor(0)], x[[0]], x[tg.ones(3, 4).bool()]):
        assert not np.shares_memory(copy.array, x.array)
    x[0, 0] = 9.0
    assert x[0].tolist()[0] == 9.0


def test_a_view_of_memory_that_numpy_does_not_own_shares_its_version():
    x = tg.from_numpy(np.frombuffer(bytearray(16), dtype=np.float32))
    x[0:2][0] = 1.0
    assert (x._version, x.tolist()) == (1, [1.0, 0.0, 0.0, 0.0])


# -- programs -----------------------------------------------------------------------------------------------------------


def test_a_program_follows_the_positions():
    x = tg.tensor(X[0])
    program = tg.trace(lambda x, i: x[i, i] * 2, x, tg.tensor([0, 1]))
    assert program(x, tg.tensor([2, 2])).tolist() == [20.0, 20.0]


def test_a_program_follows_the_positions_of_a_write_and_its_gradient():
    def step(w, i, v):
        x = w * 1
        x[i] = v
        (g,) = tg.autograd.grad((x * x).sum(), w)
        return x, g

    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    program = tg.trace(step, w, tg.tensor([0]), tg.tensor([5.0]))
    x, g = program(w, tg.tensor([2]), tg.tensor([7.0]))
    assert (x.tolist(), g.tolist()) == ([1.0, 2.0, 7.0], [2.0, 4.0, 0.0])


def test_a_program_refuses_what_has_a_shape_of_its_own():
    with pytest.raises(TraceError, match="the number of elements that a mask selects depends on values"):
        tg.trace(lambda x, m: x[m], tg.zeros(3), tg.ones(3).bool())
    for call in (tg.nonzero, lambda x: x[int(x[0])], tg.one_hot, lambda x: tg.masked_select(x, x.bool())):
        with pytest.raises(TraceError):
            tg.trace(call, tg.zeros(3, dtype=tg.int64))


def test_a_program_writes_where_a_mask_is_true():
    def step(x, m):
        y = x * 1
        y[m] = 0.0
        return y

    program = tg.trace(step, tg.ones(3), tg.tensor([True, False, False]))
    assert program(tg.ones(3), tg.tensor([False, True, True])).tolist() == [1.0, 0.0, 0.0]
