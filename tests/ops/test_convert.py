"""Dtypes and devices, against PyTorch."""

import itertools

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, UsageError

torch = pytest.importorskip("torch")

NAMES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64", "complex128"]
NICKNAMES = ["half", "float", "double", "short", "int", "long", "cfloat", "cdouble", "uint16", "uint32", "uint64"]
METHODS = ["float", "double", "half", "int", "long", "short", "char", "byte", "bool", "cfloat", "cdouble"]


@pytest.mark.parametrize("name", NAMES + NICKNAMES)
def test_names_of_dtypes(name):
    assert str(getattr(tg, name)) == str(getattr(torch, name)).removeprefix("torch.")


@pytest.mark.parametrize("method", METHODS)
def test_methods_named_after_dtypes(method):
    values = [0.0, 1.7, -1.7, 100.25]
    values = values[:2] if method == "byte" else values
    ours, theirs = getattr(tg.tensor(values), method)(), getattr(torch.tensor(values), method)()
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_array_equal(ours.array, theirs.numpy())
    assert getattr(ours, method)() is ours


def test_infinite_values_convert_without_a_warning():
    x = tg.tensor([float("nan"), float("inf"), 1e30])
    assert x.bool().tolist() == [True] * 3
    assert x.half().tolist()[1:] == [float("inf")] * 2
    assert x.long().dtype == np.int64


def test_gradients_flow_between_floating_dtypes():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x.double() * tg.tensor([3.0, 4.0], dtype=tg.float64)
    y.backward(tg.ones_like(y))
    assert (x.grad.tolist(), x.grad.dtype) == ([3.0, 4.0], np.float32)
    assert not x.long().requires_grad


def test_to():
    x = tg.tensor([1.5])
    same = [x.to("cpu"), x.to(tg.device("cpu:0")), x.to(tg.float32), x.to(x), x.to("cpu", tg.float), x.to(device="cpu")]
    assert all(y is x for y in [*same, x.to(dtype=None), x.to("cpu", non_blocking=True), x.cpu(), x.pin_memory()])
    changed = [x.to(tg.float64), x.to("cpu", tg.float64), x.to(x.double()), x.to(dtype=tg.float64), x.to(float)]
    assert all(y.dtype == np.float64 for y in [*changed, x.to(other=x.double())])
    for copy in (x.to(tg.float32, copy=True), x.to("cpu", tg.float32, False, True)):
        assert copy is not x
        assert not np.shares_memory(copy.array, x.array)
    assert not x.is_pinned()


@pytest.mark.parametrize("name", NAMES)
def test_type_names(name):
    ours = tg.zeros(1, dtype=getattr(tg, name)).type()
    assert ours == torch.zeros(1, dtype=getattr(torch, name)).type()
    assert tg.ones(1).type(ours).dtype == getattr(tg, name)


def test_type():
    x = tg.tensor([1.5])
    assert x.type(tg.FloatTensor) is x
    assert x.type("torch.FloatTensor") is x
    assert x.type(tg.float32) is x
    assert x.type(tg.Tensor) is x
    assert x.type(tg.LongTensor).tolist() == [1]
    assert x.type("tapegrad.DoubleTensor").dtype == np.float64
    assert x.type_as(tg.zeros(1, dtype=tg.int32)).dtype == np.int32
    assert x.type_as(x) is x


@pytest.mark.parametrize("name", ["Float", "Double", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool"])
def test_older_names_of_tensors(name):
    ours, theirs = getattr(tg, name + "Tensor"), getattr(torch, name + "Tensor")
    for values in ([0, 1], [[1], [0]], np.array([1, 0]).astype(str(ours([0]).dtype))):
        a, b = ours(values), theirs(values)
        np.testing.assert_array_equal(a.array, b.numpy())
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
    assert tuple(ours(2, 3).shape) == tuple(theirs(2, 3).shape)
    assert tuple(ours().shape) == tuple(theirs().shape)
    assert tuple(ours(tg.zeros(4, 2).shape).shape) == (4, 2)
    assert isinstance(ours([1]), ours)
    assert not isinstance(ours([1]), tg.LongTensor if name != "Long" else tg.FloatTensor)


def test_older_names_copy_what_they_are_given():
    data = np.zeros(2, np.float32)
    x = tg.FloatTensor(data)
    x[0] = 1.0
    assert data[0] == 0.0


@pytest.mark.parametrize(("a", "b"), list(itertools.product(NAMES, NAMES)))
def test_promotion_and_casting_rules(a, b):
    promoted = torch.promote_types(getattr(torch, a), getattr(torch, b))
    assert str(tg.promote_types(getattr(tg, a), getattr(tg, b))) == str(promoted).removeprefix("torch.")
    assert tg.can_cast(getattr(tg, a), getattr(tg, b)) == torch.can_cast(getattr(torch, a), getattr(torch, b))


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "complex64"])
def test_finfo(name):
    ours, theirs = tg.finfo(getattr(tg, name)), torch.finfo(getattr(torch, name))
    for limit in ("bits", "eps", "max", "min", "tiny", "smallest_normal"):
        assert getattr(ours, limit) == getattr(theirs, limit), limit
    assert ours.dtype == theirs.dtype
    assert type(ours.max) is float
    assert tg.finfo().bits == 32


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(name):
    ours, theirs = tg.iinfo(getattr(tg, name)), torch.iinfo(getattr(torch, name))
    assert (ours.bits, ours.min, ours.max, ours.dtype) == (theirs.bits, theirs.min, theirs.max, theirs.dtype)


def test_dtype_is_the_type_of_dtypes():
    assert isinstance(tg.float32, tg.dtype)
    assert isinstance(tg.zeros(1).dtype, tg.dtype)


def test_questions():
    x = tg.zeros(2, 3)
    assert tg.is_tensor(x)
    assert not tg.is_tensor(x.numpy())
    assert (tg.numel(x), tg.is_floating_point(x), tg.is_complex(x)) == (6, True, False)
    assert tg.is_complex(x.cfloat())
    assert tg.is_nonzero(tg.tensor([2]))
    assert not tg.tensor(0.0).is_nonzero()


def test_default_tensor_type():
    tg.set_default_tensor_type("torch.DoubleTensor")
    try:
        assert (tg.get_default_dtype(), tg.zeros(1).type(tg.Tensor).dtype) == (np.float64, np.float64)
    finally:
        tg.set_default_tensor_type(tg.FloatTensor)
    assert tg.get_default_dtype() == np.float32


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (
            ArgumentError,
            "cuda: no GPU is available: tensors live on the CPU; leave .cuda() out, or use .to(device)",
            lambda: tg.zeros(1).cuda(),
        ),
        (ArgumentError, "device: 'cuda:0' is not available; use 'cpu'", lambda: tg.zeros(1).to("cuda:0")),
        (
            UsageError,
            "type: there is no tensor type 'torch.FloatTensr'; did you mean 'torch.FloatTensor'?",
            lambda: tg.zeros(1).type("torch.FloatTensr"),
        ),
        (UsageError, "finfo: int64 is not a floating-point dtype; use iinfo", lambda: tg.finfo(tg.int64)),
        (UsageError, "iinfo: float32 is not an integer dtype; use finfo", lambda: tg.iinfo(tg.float32)),
        (
            UsageError,
            "set_default_dtype: int64 is not a floating-point dtype; ",
            lambda: tg.set_default_dtype(tg.int64),
        ),
    ],
)
def test_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(message)
