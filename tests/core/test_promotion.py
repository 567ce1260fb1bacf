"""dtypes of results, against PyTorch, over all pairs of dtypes and kinds of operand."""

import itertools

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors

torch = pytest.importorskip("torch")
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
NUMBERS = [True, 3, 2.5]


def mine(dtype, ndim):
    return tg.ones((2,) * ndim, dtype=dtype)


def theirs(dtype, ndim):
    return torch.ones((2,) * ndim, dtype=getattr(torch, dtype))


def name(dtype):
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_tensors(left, right, m, n):
    expected = name(torch.result_type(theirs(left, m), theirs(right, n)))
    assert name(tg.result_type(mine(left, m), mine(right, n))) == expected
    product, reference = mine(left, m) * mine(right, n), theirs(left, m) * theirs(right, n)
    assert name(product.dtype) == name(reference.dtype) == expected
    assert product.tolist() == reference.tolist()
    assert name((mine(left, m) + mine(right, n)).dtype) == expected


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ndim", [0, 1])
def test_tensor_and_python_number(dtype, number, ndim):
    expected = name(torch.result_type(theirs(dtype, ndim), number))
    assert name(tg.result_type(mine(dtype, ndim), number)) == expected
    for ours, reference in (
        (mine(dtype, ndim) * number, theirs(dtype, ndim) * number),
        (number + mine(dtype, ndim), number + theirs(dtype, ndim)),
    ):
        assert name(ours.dtype) == name(reference.dtype) == expected
        assert ours.tolist() == reference.tolist()


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_division_gives_floats(left, right):
    assert name((mine(left, 1) / mine(right, 1)).dtype) == name((theirs(left, 1) / theirs(right, 1)).dtype)
    assert name((mine(left, 1) / mine(right, 0)).dtype) == name((theirs(left, 1) / theirs(right, 0)).dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", ["exp", "sqrt", "tanh", "sin", "sigmoid"])
def test_functions_with_float_results(dtype, function):
    ours, reference = getattr(mine(dtype, 1), function)(), getattr(theirs(dtype, 1), function)()
    assert name(ours.dtype) == name(reference.dtype)
    np.testing.assert_allclose(ours.numpy(), reference.numpy(), rtol=1e-3)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_comparisons_give_bool_and_compare_in_the_common_dtype(left, right):
    assert (mine(left, 1) == mine(right, 1)).dtype == np.bool_
    assert (mine(left, 1) <= mine(right, 0)).tolist() == (theirs(left, 1) <= theirs(right, 0)).tolist()


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_in_place_keeps_the_dtype_or_is_refused(left, right):
    a, b = mine(left, 1), theirs(left, 1)
    try:
        b.add_(theirs(right, 1))
    except RuntimeError:
        with pytest.raises(errors.DTypeError, match=r"can't be cast to the desired output type"):
            a.add_(mine(right, 1))
        return
    a.add_(mine(right, 1))
    assert name(a.dtype) == left
    assert a.tolist() == b.tolist()


def test_tensors_that_wrap():
    assert (tg.tensor([1], dtype=tg.int8) + tg.tensor(200)).tolist() == [(201 + 128) % 256 - 128]
    assert (tg.tensor([1], dtype=tg.uint8) + tg.tensor([-2], dtype=tg.int8)).tolist() == [-1]


def test_python_integers_wrap_silently_as_in_torch():
    assert (tg.tensor([1], dtype=tg.uint8) + (-1)).tolist() == [0]
    assert (tg.tensor([1], dtype=tg.uint8) * 300).tolist() == [(300 % 256)]


def test_a_number_too_large_for_the_dtype_is_inf_with_numpys_warning():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert (tg.tensor([1.0], dtype=tg.float16) * 1e6).tolist() == [float("inf")]


def test_several_operands():
    cases = [
        (mine("int32", 1), mine("float16", 0), mine("int64", 1)),
        (mine("uint8", 1), mine("int8", 1), 2.5),
        (mine("float16", 0), mine("float32", 0), 1),
    ]
    for operands in cases:
        wanted = None
        converted = [torch.tensor(t.numpy()) if isinstance(t, tg.Tensor) else t for t in operands]
        wanted = torch.where(torch.ones(2, dtype=torch.bool), converted[0], converted[1]) * converted[2]
        ours = tg.where(tg.ones(2, dtype=tg.bool), operands[0], operands[1]) * operands[2]
        assert name(ours.dtype) == name(wanted.dtype)


def test_default_dtype_decides_for_python_floats():
    before = tg.get_default_dtype()
    try:
        tg.set_default_dtype(tg.float64)
        assert (tg.tensor([1]) * 1.5).dtype == np.float64
        assert tg.tensor(1.5).dtype == np.float64
        assert (tg.tensor([1]) / 2).dtype == np.float64
        assert (tg.ones(2, dtype=tg.float32) * 1.5).dtype == np.float32
    finally:
        tg.set_default_dtype(before)
    assert (tg.tensor([1]) * 1.5).dtype == np.float32


def test_gradients_keep_each_operands_dtype():
    a = tg.ones(2, dtype=tg.float32, requires_grad=True)
    b = tg.ones(2, dtype=tg.float64, requires_grad=True)
    c = tg.ones((), dtype=tg.float64, requires_grad=True)
    (a * b + a * c).sum().backward()
    assert (a.grad.dtype, b.grad.dtype, c.grad.dtype) == (np.float32, np.float64, np.float64)
    assert (a.grad.tolist(), c.grad.item()) == ([2.0, 2.0], 2.0)
