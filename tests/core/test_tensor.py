"""Tensors as objects: making, copying, pickling, attributes, what Python asks of them."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors

# -- making -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        ([1, 2], "int64"),
        ([True, False], "bool"),
        ([1, 2.5], "float32"),
        (np.array([1.0]), "float64"),
        (np.float64(1.0), "float64"),
        ([np.float64(1.0)], "float32"),
        ([], "float32"),
        (1 + 2j, "complex64"),
        (np.int32(3), "int32"),
    ],
)
def test_dtypes_of_new_tensors(data, dtype):
    assert str(tg.tensor(data).dtype) == dtype


def test_tensor_copies():
    a = np.zeros(2)
    t = tg.tensor(a)
    a[0] = 5.0
    assert t.tolist() == [0.0, 0.0]
    u = tg.tensor(t)
    u[0] = 1.0
    assert t.tolist() == [0.0, 0.0]


def test_tensors_in_lists():
    assert tg.tensor([tg.tensor(1.0), 2.0]).tolist() == [1.0, 2.0]


def test_bad_data():
    with pytest.raises(errors.ArgumentError, match="nested lists are of unequal length"):
        tg.tensor([[1, 2], [3]])
    with pytest.raises(errors.UsageError, match="cannot make a tensor of str"):
        tg.tensor("abc")


def test_legacy_constructor():
    assert tg.Tensor([1, 2]).dtype == np.float32
    assert tg.Tensor(2, 3).shape == (2, 3)


# -- copies and pickles -----------------------------------------------------------------------------------------------


def test_deepcopy_of_a_leaf():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.note = {"seen": 1}
    y = copy.deepcopy(x)
    assert y.requires_grad
    assert y.grad.tolist() == [2.0, 4.0]
    assert y.note == {"seen": 1}
    with tg.no_grad():
        y.zero_()
        y.grad.zero_()
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [2.0, 4.0]


def test_deepcopy_keeps_identity_within_a_structure():
    x = tg.ones(2)
    a, b = copy.deepcopy([x, x])
    assert a is b


def test_pickle_of_a_leaf():
    for x in (tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([[1], [2]]), tg.nn.Parameter(tg.ones(2))):
        y = pickle.loads(pickle.dumps(x))
        assert type(y) is type(x)
        assert (y.tolist(), y.dtype, y.requires_grad) == (x.tolist(), x.dtype, x.requires_grad)


def test_results_are_neither_copied_nor_pickled():
    y = tg.ones(2, requires_grad=True) * 2
    with pytest.raises(errors.GradError, match=r"deepcopy: only leaf tensors .* detach\(\) it first"):
        copy.deepcopy(y)
    with pytest.raises(errors.GradError, match=r"pickle: only leaf tensors"):
        pickle.dumps(y)


def test_shallow_copy_shares_memory():
    x = tg.ones(2)
    y = copy.copy(x)
    assert y.tolist() == [1.0, 1.0]


# -- Parameter --------------------------------------------------------------------------------------------------------


def test_parameters_require_a_gradient():
    p = tg.nn.Parameter(tg.zeros(2))
    assert isinstance(p, tg.Tensor)
    assert p.requires_grad
    assert p.is_leaf
    assert not tg.nn.Parameter(tg.zeros(2), requires_grad=False).requires_grad
    assert type(p * 1) is tg.Tensor
    assert repr(p).startswith("Parameter containing:\ntensor([0., 0.]")


def test_a_parameter_shares_memory_with_its_data():
    data = tg.zeros(2)
    p = tg.nn.Parameter(data)
    data[0] = 3.0
    assert p.tolist() == [3.0, 0.0]


# -- what Python asks -------------------------------------------------------------------------------------------------


def test_truth_and_length():
    assert tg.tensor(1.0)
    assert not tg.tensor([[0]])
    assert len(tg.ones(3, 2)) == 3
    with pytest.raises(
        errors.ShapeError, match=r"bool: the truth of a tensor of shape \(2,\) is ambiguous; use \.any\(\)"
    ):
        bool(tg.ones(2))
    with pytest.raises(TypeError, match="a 0-d tensor has no length"):
        len(tg.tensor(1.0))


def test_iteration_over_the_first_dimension_has_gradients():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    total = sum((row * (i + 1)).sum() for i, row in enumerate(x))
    total.backward()
    assert x.grad.tolist() == [[1.0, 1.0], [2.0, 2.0]]
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(tg.tensor(1.0))


def test_item_of_many_is_refused():
    with pytest.raises(errors.ShapeError, match=r"item: a tensor of shape \(2,\) has 2 elements; use tolist\(\)"):
        tg.ones(2).item()


def test_only_integers_are_indices():
    with pytest.raises(TypeError, match=r"index: a tensor of dtype float32 and shape \(\) is no index"):
        [1, 2][tg.tensor(1.0)]


def test_tensors_are_keys_by_identity():
    x, y = tg.ones(1), tg.ones(1)
    assert {x: 1, y: 2}[x] == 1
    assert len({x, y}) == 2


def test_membership():
    assert 2.0 in tg.tensor([1.0, 2.0])
    assert 3.0 not in tg.tensor([1.0, 2.0])


def test_attributes():
    t = tg.zeros(2, 3, dtype=tg.float64)
    assert (t.shape, t.ndim, t.numel(), t.nbytes, t.itemsize, t.stride()) == ((2, 3), 2, 6, 48, 8, (3, 1))
    assert (t.size(1), t.dim(), t.element_size(), t.device, t.is_cuda) == (3, 2, 8, tg.device("cpu"), False)
    assert t.is_floating_point()
    assert t.is_contiguous()
    assert not t.t().is_contiguous()
    assert t[1].storage_offset() == 3
    with pytest.raises(IndexError, match=r"size: dimension 2 of a tensor with 2; use -2 to 1"):
        t.size(2)


def test_any_attribute_can_be_set():
    t = tg.ones(1)
    t.name = "bias"
    assert t.name == "bias"
    with pytest.raises(AttributeError):
        _ = t.no_such_thing


@pytest.mark.parametrize(
    ("gradient", "kind", "message"),
    [
        (3, TypeError, "grad: a int is no gradient"),
        (tg.ones(3), RuntimeError, "grad: a gradient of shape (3,) does not fit a tensor of shape (2,)"),
        (tg.ones(2, dtype=tg.float64), RuntimeError, "grad: a gradient of dtype float64 does not fit"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused(gradient, kind, message):
    x = tg.zeros(2, requires_grad=True)
    with pytest.raises(kind) as caught:
        x.grad = gradient
    assert message in str(caught.value)
    assert x.grad is None


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([None]), np.array([1], ">f4"), np.array([1], np.longdouble)]
)
def test_from_numpy_takes_numbers_alone(array):
    with pytest.raises(TypeError, match="from_numpy"):
        tg.from_numpy(array)
