"""Making tensors, against PyTorch: values, dtypes, the number of elements; and that programs make them afresh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.errors import ArgumentError, DTypeError, ShapeError, UsageError

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.zeros(2, 3),
        lambda m: m.zeros((2, 3), dtype=m.int32),
        lambda m: m.zeros([0, 3]),
        lambda m: m.zeros(()),
        lambda m: m.zeros(size=(2,)),
        lambda m: m.zeros(m.ones(2, 3).shape),
        lambda m: m.zeros(m.tensor(2), 3),
        lambda m: m.ones(2, dtype=m.bool),
        lambda m: m.ones(2, dtype=float),
        lambda m: m.ones(2, dtype=m.complex64),
        lambda m: m.full((2, 2), 7),
        lambda m: m.full((2,), 1.5),
        lambda m: m.full([2], True),
        lambda m: m.full((), 1j),
        lambda m: m.full((2,), 3, dtype=m.float16),
        lambda m: m.full((2,), m.tensor(2.5)),
        lambda m: m.full((2,), float("inf")),
        lambda m: m.zeros_like(m.tensor([1, 2])),
        lambda m: m.ones_like(m.zeros(2, 2), dtype=m.int64),
        lambda m: m.full_like(m.ones(2, dtype=m.int64), 2.5),
        lambda m: m.scalar_tensor(3),
        lambda m: m.eye(3),
        lambda m: m.eye(2, 4, dtype=m.int64),
        lambda m: m.tril_indices(3, 4, -1),
        lambda m: m.triu_indices(3, 2, offset=1, dtype=m.int32),
        lambda m: m.zeros(2, dtype=m.float64).new_zeros(3),
        lambda m: m.zeros(2, dtype=m.int64).new_ones((2, 2)),
        lambda m: m.zeros(2, dtype=m.int64).new_full((2,), 3),
        lambda m: m.zeros(2, dtype=m.float64).new_tensor([1, 2]),
        lambda m: m.zeros(2, dtype=m.float64).new([1, 2]),
        lambda m: m.arange(5),
        lambda m: m.arange(1, 5, 2),
        lambda m: m.arange(5, 0, -2),
        lambda m: m.arange(3, dtype=m.float16),
        lambda m: m.arange(0.0, 5),
        lambda m: m.arange(end=4),
        lambda m: m.arange(start=1, end=4),
        lambda m: m.arange(0, 1, 0.1),
        lambda m: m.arange(1, 2.5, 0.5, dtype=m.float64),
        lambda m: m.arange(3, 3),
        lambda m: m.arange(m.tensor(4)),
        lambda m: m.arange(True),
        lambda m: m.linspace(0, 1, 1),
        lambda m: m.linspace(0, 1, 0),
        lambda m: m.linspace(0, 10, 4, dtype=m.int64),
        lambda m: m.linspace(-3, 3, steps=7),
        lambda m: m.linspace(1, 0, 5, dtype=m.float64),
        lambda m: m.logspace(0, 2, 3),
        lambda m: m.logspace(-1, 1, 5, base=2.0, dtype=m.float64),
        lambda m: m.zeros(2, requires_grad=True),
        lambda m: m.zeros(2, device="cpu"),
        lambda m: m.arange(2.0, device=m.device("cpu"), requires_grad=True),
    ],
)
def test_calls_agree_with_pytorch(call):
    ours, theirs = call(tg), call(torch)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours.requires_grad == theirs.requires_grad
    np.testing.assert_allclose(ours.detach().array, theirs.detach().numpy(), rtol=1e-6)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.integers(-50, 50) | st.floats(-5, 5, allow_subnormal=False),
    st.integers(0, 40) | st.floats(0, 8),
    st.integers(1, 5) | st.floats(0.05, 2),
    st.booleans(),
)
def test_arange_has_pytorchs_count_and_values(start, length, step, falling):
    end, step = (start - length, -step) if falling else (start + length, step)
    ours, theirs = tg.arange(start, end, step), torch.arange(start, end, step)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-6, atol=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 50))
def test_linspace_agrees_with_pytorch(start, end, steps):
    ours = tg.linspace(start, end, steps, dtype=tg.float64)
    theirs = torch.linspace(start, end, steps, dtype=torch.float64)
    np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-12, atol=1e-9)
    if steps > 1:
        assert (ours.array[0], ours.array[-1]) == (start, end)


def test_empty_has_the_shape_and_dtype():
    assert tg.empty(2, 3).shape == (2, 3)
    assert tg.empty_like(tg.zeros(2, dtype=tg.int32)).dtype == np.int32
    assert tg.zeros(1).new_empty(4).shape == (4,)
    assert tg.zeros(1, dtype=tg.int64).new(2, 3).shape == (2, 3)


def test_asarray_shares_memory_unless_told_otherwise():
    a = np.zeros(2, np.float32)
    assert np.shares_memory(tg.asarray(a).array, a)
    assert not np.shares_memory(tg.asarray(a, copy=True).array, a)
    x = tg.zeros(2)
    assert tg.asarray(x) is x
    assert tg.asarray(x, requires_grad=True).requires_grad
    assert not x.requires_grad
    assert tg.asarray([1.0], dtype=tg.float64).dtype == np.float64


def test_dlpack_both_ways():
    theirs = torch.arange(3.0)
    ours = tg.from_dlpack(theirs)
    theirs[0] = 5.0
    assert ours.tolist() == [5.0, 1.0, 2.0]
    assert torch.from_dlpack(tg.arange(3)).tolist() == [0, 1, 2]


def test_the_default_dtype_is_followed():
    tg.set_default_dtype(tg.float64)
    try:
        for t in (tg.zeros(1), tg.full((1,), 0.5), tg.arange(2.0), tg.linspace(0, 1, 2), tg.eye(1), tg.tensor(0.5)):
            assert t.dtype == np.float64
        assert tg.full((1,), 1j).dtype == np.complex128
    finally:
        tg.set_default_dtype(tg.float32)


def test_a_program_makes_a_fresh_buffer_every_time():
    def step(x):
        buffer = tg.zeros(2)
        buffer[0] = x
        return buffer

    program = tg.trace(step, tg.tensor(5.0))
    first, second = program(tg.tensor(1.0)), program(tg.tensor(2.0))
    assert (first.tolist(), second.tolist()) == ([1.0, 0.0], [2.0, 0.0])


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (UsageError, "zeros: the size is missing; give numbers, or one tuple of them", lambda: tg.zeros()),
        (UsageError, "ones: the size (2.5,) is not made of integers; ", lambda: tg.ones(2.5)),
        (ShapeError, "full: size (-1,) has a negative number; ", lambda: tg.zeros(-1)),
        (ArgumentError, "arange: the step is 0; use another step", lambda: tg.arange(0, 1, 0)),
        (
            ArgumentError,
            "arange: 0 cannot be reached from 5 in steps of 1; turn the step's sign",
            lambda: tg.arange(5, 0),
        ),
        (UsageError, "arange: the end is missing; ", lambda: tg.arange()),
        (ArgumentError, "linspace: steps is -1; use 0 or more", lambda: tg.linspace(0, 1, -1)),
        (
            DTypeError,
            "requires_grad: a tensor of dtype int64 has no gradient; ",
            lambda: tg.arange(3, requires_grad=True),
        ),
        (ArgumentError, "device: 'cuda' is not available; use 'cpu'", lambda: tg.zeros(2, device="cuda")),
    ],
)
def test_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(message)
