"""NumPy and tensors: functions both ways with gradients, arrays shared, DLPack."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors


def leaf(*values):
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.exp, np.exp),
        (np.log, lambda x: 1 / x),
        (np.sin, np.cos),
        (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
        (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (np.negative, lambda x: -np.ones_like(x)),
        (np.abs, np.sign),
        (np.square, lambda x: 2 * x),
        (np.arctan, lambda x: 1 / (1 + x * x)),
        (np.reciprocal, lambda x: -1 / x**2),
        (np.log1p, lambda x: 1 / (1 + x)),
        (np.expm1, np.exp),
    ],
)
def test_functions_of_one_argument_have_gradients(function, derivative):
    x = leaf(0.5, 1.0, 2.0)
    y = function(x)
    assert isinstance(y, tg.Tensor)
    np.testing.assert_allclose(y.detach().numpy(), function(x.detach().numpy()))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), derivative(x.detach().numpy()))


@pytest.mark.parametrize("function", [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.arctan2])
def test_an_array_on_either_side(function):
    a = np.array([2.0, 3.0])
    for first, second in ((leaf(1.5, 2.5), a), (a, leaf(1.5, 2.5))):
        out = function(first, second)
        tracked = first if isinstance(first, tg.Tensor) else second
        np.testing.assert_allclose(
            out.detach().numpy(),
            function(*[x.detach().numpy() if isinstance(x, tg.Tensor) else x for x in (first, second)]),
        )
        out.sum().backward()
        assert tracked.grad is not None


def test_operators_with_an_array_on_the_left_give_tensors():
    x = leaf(1.0, 2.0)
    a = np.array([10.0, 20.0])
    for out in (a + x, a - x, a * x, a / x, a**x, a > x, a @ x):
        assert isinstance(out, tg.Tensor)
    assert (a - x).tolist() == [9.0, 18.0]


CALLS = {
    "sum": lambda x: np.sum(x),
    "sum axis": lambda x: np.sum(x, axis=0),
    "sum keepdims": lambda x: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, axis=-1),
    "max": lambda x: np.max(x, axis=0),
    "amin": lambda x: np.amin(x, axis=1),
    "prod": lambda x: np.prod(x, axis=1),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "transpose": lambda x: np.transpose(x),
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "expand_dims": lambda x: np.expand_dims(x, 0),
    "squeeze": lambda x: np.squeeze(x),
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "concatenate with an array": lambda x: np.concatenate([np.ones((2, 1)), x], axis=1),
    "stack": lambda x: np.stack([x, x]),
    "vstack": lambda x: np.vstack([x, x]),
    "where": lambda x: np.where(x > 1, x, 0.0),
    "clip": lambda x: np.clip(x, 0.5, 1.5),
    "clip words": lambda x: np.clip(x, a_min=0.5, a_max=None),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "cumsum flat": lambda x: np.cumsum(x),
    "matmul": lambda x: np.matmul(x, x.T),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "einsum optimize": lambda x: np.einsum("ij,kj->ik", x, x, optimize=True),
    "flip": lambda x: np.flip(x, 0),
    "flip all": lambda x: np.flip(x),
    "roll": lambda x: np.roll(x, 1, 0),
    "roll words": lambda x: np.roll(x, shift=1, axis=1),
    "tile": lambda x: np.tile(x, (2, 1)),
    "tril": lambda x: np.tril(x, k=-1),
    "diagonal": lambda x: np.diagonal(x, 0, axis1=1, axis2=0),
    "sort": lambda x: np.sort(x, axis=1),
    "sort flat": lambda x: np.sort(x, axis=None),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argsort": lambda x: np.argsort(x, axis=0),
    "isnan": lambda x: np.isnan(x),
    "var": lambda x: np.var(x),
    "var ddof": lambda x: np.var(x, axis=0, ddof=1),
    "std": lambda x: np.std(x, axis=0, keepdims=True),
    "median": lambda x: np.median(x),
    "median axis": lambda x: np.median(x, axis=1),
    "percentile": lambda x: np.percentile(x, 30),
    "repeat": lambda x: np.repeat(x, 2, axis=0),
    "repeat flat": lambda x: np.repeat(x, 2),
    "split": lambda x: np.split(x, 2, axis=0)[1],
    "array_split": lambda x: np.array_split(x, 2, axis=1)[0],
    "nonzero": lambda x: np.nonzero(x > 1)[1],
    "take": lambda x: np.take(x, [0, 4]),
    "take axis": lambda x: np.take(x, np.array([2, 0]), axis=1),
    "outer": lambda x: np.outer(x, x[0]),
    "vdot": lambda x: np.vdot(x, x),
    "round": lambda x: np.round(x),
    "copy": lambda x: np.copy(x),
    "select": lambda x: np.select([x > 1], [x], 0.0) if not getattr(x, "requires_grad", False) else x,
    "pad": lambda x: np.pad(x, 1) if not getattr(x, "requires_grad", False) else x,
    "radians": lambda x: np.radians(x),
    "logaddexp": lambda x: np.logaddexp(x, x * 2),
    "array_equal": lambda x: np.array_equal(x, x),
    "unique": lambda x: np.unique(x),
    "diff": lambda x: np.diff(x, axis=1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "ones_like": lambda x: np.ones_like(x),
    "count_nonzero": lambda x: np.count_nonzero(x > 1, axis=0),
}
WITHOUT_GRADIENT = {"round", "unique", "ones_like", "select", "pad"}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_functions_give_what_numpy_gives(name):
    """The values are NumPy's: where the names agree but the meanings do not, NumPy's wins; and gradients flow."""
    call = CALLS[name]
    data = np.array([[0.3, 1.2, 2.1], [1.7, 0.8, 0.1]])
    x = tg.tensor(data, requires_grad=True)
    np.testing.assert_allclose(np.asarray(call(x.detach())), call(data))
    if name not in WITHOUT_GRADIENT:
        out = call(x)
        if isinstance(out, tg.Tensor) and out.dtype.kind == "f":
            assert out.requires_grad, "the gradient was lost"
            assert tg.autograd.gradcheck(call, x)


def test_functions_that_write_are_counted():
    x, c = leaf(1.0, 2.0), tg.ones(2, dtype=tg.float64)
    y = (x * c).sum()
    np.copyto(c, 5.0)
    assert c.tolist() == [5.0, 5.0]
    with pytest.raises(errors.GradError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(errors.GradError, match=r"np\.copyto"):
        np.copyto(x, 0.0)


def test_functions_without_a_rule_refuse_to_lose_the_gradient():
    with pytest.raises(errors.GradError, match=r"np\.\w+: has no gradient rule here, .*np\.asarray\(t\.detach\(\)\)"):
        np.interp(leaf(1.0), [0.0, 2.0], [0.0, 4.0])
    assert np.interp(tg.tensor([1.0]), [0.0, 2.0], [0.0, 4.0]).tolist() == [2.0]


def test_methods_of_ufuncs():
    x = tg.tensor([1.0, 2.0, 3.0])
    assert np.add.reduce(x).item() == 6.0
    with pytest.raises(errors.GradError, match=r"np\.add"):
        np.add.reduce(leaf(1.0, 2.0))


def test_out_with_a_gradient_is_refused():
    """Writing a tracked value into a plain array would lose the gradient without a word."""
    into = np.zeros(2)
    with pytest.raises(
        errors.GradError, match=r"np\.exp: writing a tensor that requires a gradient into an array would lose"
    ):
        np.exp(leaf(1.0, 2.0), out=into)
    assert into.tolist() == [0.0, 0.0]


def test_augmented_assignment_to_an_array_with_a_gradient_is_refused():
    total = np.zeros(2)
    with pytest.raises(errors.GradError, match="would lose the gradient"):
        total += leaf(1.0, 2.0)


def test_out_without_a_gradient_writes():
    into, t = np.zeros(2), tg.zeros(2)
    assert np.exp(tg.tensor([0.0, 0.0]), out=into) is into
    assert into.tolist() == [1.0, 1.0]
    np.add(tg.ones(2), 1, out=t)
    assert t.tolist() == [2.0, 2.0]
    assert t._version == 1


def test_asarray_shares_memory_and_converts():
    t = tg.tensor([1.0, 2.0])
    a = np.asarray(t)
    a[0] = 9.0
    assert t.tolist() == [9.0, 2.0]
    assert np.asarray(t, dtype=np.int64).tolist() == [9, 2]
    assert np.array(t).base is None
    assert not np.shares_memory(np.array(t), t.numpy())
    assert np.asarray(leaf(1.0)).tolist() == [1.0]


def test_scalars_convert():
    t = tg.tensor([2.5])
    assert (float(t), int(t), bool(t), complex(t), f"{t.squeeze():.2f}") == (2.5, 2, True, 2.5 + 0j, "2.50")
    assert [10, 20, 30][tg.tensor(1)] == 20
    assert list(range(10))[tg.tensor(2) : tg.tensor(4)] == [2, 3]
    assert np.float64(2.0) * tg.tensor([3.0], dtype=tg.float64) == 6.0
    assert isinstance(np.float64(2.0) * tg.tensor([3.0]), tg.Tensor)
    assert (np.float32(2.0) + tg.ones(2, dtype=tg.float64)).dtype == np.float64


def test_a_numpy_number_does_not_widen_a_tensor():
    assert (np.float64(2.0) * tg.ones(2)).dtype == np.float32
    assert (tg.ones(2) * np.float64(2.0)).dtype == np.float32


def test_from_numpy_shares_memory():
    a = np.zeros(3, dtype=np.float32)
    t = tg.from_numpy(a)
    a[1] = 5.0
    t[2] = 7.0
    assert t.tolist() == [0.0, 5.0, 7.0]
    assert a.tolist() == [0.0, 5.0, 7.0]
    with pytest.raises(errors.UsageError, match=r"from_numpy: expected a NumPy array, got list"):
        tg.from_numpy([1.0])


# -- DLPack -----------------------------------------------------------------------------------------------------------


def test_dlpack_with_numpy():
    t = tg.tensor([1.0, 2.0])
    a = np.from_dlpack(t)
    t[0] = 5.0
    assert a.tolist() == [5.0, 2.0]
    b = np.zeros(2)
    back = tg.from_dlpack(b)
    b[1] = 3.0
    assert back.tolist() == [0.0, 3.0]


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    ours = tg.arange(6.0).reshape(2, 3)
    theirs = torch.from_dlpack(ours)
    theirs[0, 0] = 50.0
    assert ours[0, 0].item() == 50.0
    assert theirs.dtype == torch.float32
    back = tg.from_dlpack(torch.arange(4).reshape(2, 2).t())
    assert back.tolist() == [[0, 2], [1, 3]]
    assert back.dtype == np.int64


def test_dlpack_cannot_carry_a_gradient():
    with pytest.raises(errors.GradError, match=r"__dlpack__: .*use t\.detach\(\)"):
        np.from_dlpack(leaf(1.0))
