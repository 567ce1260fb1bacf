"""Linear and bilinear maps, and rows of a table by number: against PyTorch, and what they refuse."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ContractError, DTypeError, IndexRangeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_dtype
@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 4, 3), (2, 1, 4, 3), (0, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_linear(shape, bias, dtype, rng):
    inputs = [rng.standard_normal(shape), rng.standard_normal((5, 3))] + [rng.standard_normal(5)] * bias
    agree("linear", inputs, dtype, tracked=tuple(range(len(inputs))))


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 3)])
def test_linear_with_a_vector_as_weight(shape, rng):
    x, w = rng.standard_normal(shape), rng.standard_normal(3)
    out = agree("linear", [x, w], tracked=(0, 1))
    np.testing.assert_allclose(F.linear(tg.tensor(x), tg.tensor(w), tg.tensor(2.0).double()).numpy(), out.detach() + 2)


def test_linear_of_one_vector_and_a_vector_is_a_number():
    assert F.linear(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])).item() == 11


def test_linear_of_views(rng):
    x, w = rng.standard_normal((3, 2)), rng.standard_normal((3, 5))
    t, v = tg.tensor(x, requires_grad=True), tg.tensor(w, requires_grad=True)
    out = F.linear(t.T, v.T)
    np.testing.assert_allclose(out.detach().numpy(), x.T @ w)
    out.sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), np.tile(w.sum(1)[:, None], (1, 2)))


def test_second_derivative_of_linear(rng):
    inputs = [rng.standard_normal((2, 4, 3)), rng.standard_normal((5, 3)), rng.standard_normal(5)]
    assert second_order_error(lambda x, w, b: F.linear(x, w, b) ** 2, inputs, (0, 1, 2)) is None


@every_dtype
@pytest.mark.parametrize("leading", [(4,), (), (2, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_bilinear(leading, bias, dtype, rng):
    inputs = [rng.standard_normal((*leading, 3)), rng.standard_normal((*leading, 2)), rng.standard_normal((5, 3, 2))]
    inputs += [rng.standard_normal(5)] * bias
    agree("bilinear", inputs, dtype, tracked=tuple(range(len(inputs))))


def test_second_derivative_of_bilinear(rng):
    inputs = [rng.standard_normal((4, 3)), rng.standard_normal((4, 2)), rng.standard_normal((5, 3, 2))]
    assert second_order_error(F.bilinear, inputs, (0, 1, 2)) is None


# -- embedding --------------------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (2, 3, 2), (0,)])
@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True}])
def test_embedding(shape, options, dtype, rng):
    indices, weight = np.asarray(rng.integers(0, 4, shape)), rng.standard_normal((4, 3))
    agree("embedding", [indices, weight], dtype, tracked=(1,), **options)


def test_embedding_with_padding_and_frequencies(rng):
    indices, weight = np.array([1, 1, 2, 0, 1]), rng.standard_normal((4, 3))
    agree("embedding", [indices, weight], tracked=(1,), padding_idx=2, scale_grad_by_freq=True)


@pytest.mark.parametrize("kind", ["int32", "uint8", "int8"])
def test_embedding_by_any_integers(kind, rng):
    weight = tg.tensor(rng.standard_normal((4, 3)))
    assert (F.embedding(tg.tensor([3, 0], dtype=kind), weight) == weight[[3, 0]]).all()


@pytest.mark.parametrize("norm_type", [2.0, 1.0])
def test_embedding_shrinks_the_rows_that_it_uses(norm_type, rng):
    weight, indices = rng.standard_normal((5, 3)) * 2, np.array([[1, 3], [3, 0]])
    ours, theirs = tg.tensor(weight, requires_grad=True), torch.tensor(weight, requires_grad=True)
    out = F.embedding(tg.tensor(indices), ours, max_norm=1.0, norm_type=norm_type)
    expected = torch.nn.functional.embedding(torch.tensor(indices), theirs.detach(), max_norm=1.0, norm_type=norm_type)
    np.testing.assert_allclose(out.detach().numpy(), expected.numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.detach().numpy()[[2, 4]], weight[[2, 4]])
    out.sum().backward()
    assert ours.grad.shape == (5, 3)


def test_second_derivative_of_embedding(rng):
    indices = tg.tensor([1, 1, 2, 0])
    assert second_order_error(lambda w: F.embedding(indices, w).exp(), [rng.standard_normal((4, 3))]) is None


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.linear(tg.ones(4, 5), tg.ones(8, 4)), ShapeError, "linear: input of shape (4, 5) has 5 features, weight of shape (8, 4) wants 4; give the input 4 features; nn.Linear(5, 8) would fit"),
        (lambda: F.linear(tg.tensor(1.0), tg.ones(8, 4)), ShapeError, "linear: input of shape () has no dimension for features, weight of shape (8, 4) wants 4; add one with unsqueeze(0)"),
        (lambda: F.linear(tg.ones(2, 4), tg.ones(8, 4), tg.ones(4)), ShapeError, "linear: bias of shape (4,) does not fit weight of shape (8, 4); it should be (8,)"),
        (lambda: F.linear(tg.ones(2, 4), tg.ones(2, 8, 4)), ShapeError, "linear: argument 'weight' has shape (2, 8, 4); it should be (out_features, in_features)"),
        (lambda: F.linear(tg.ones(2, 4), tg.ones(8, 4).double()), DTypeError, "linear: the inputs have dtypes float32, float64; make them equal, e.g. with .float() or .to(other.dtype)"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(2, 4), tg.ones(5, 3, 3)), ShapeError, "bilinear: input2 has 4 features, weight of shape (5, 3, 3) wants 3; give input2 3 features"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(3, 3), tg.ones(5, 3, 3)), ShapeError, "bilinear: inputs of shapes (2, 3) and (3, 3) differ in their leading dimensions; make these equal"),
        (lambda: F.bilinear(tg.ones(2, 3), tg.ones(2, 3), tg.ones(3, 3)), ShapeError, "bilinear: argument 'weight' has shape (3, 3); it should be (k, i, j)"),
        (lambda: F.embedding(tg.tensor([[0, 7]]), tg.ones(3, 2)), IndexRangeError, "embedding: input[0, 1] is 7, and there are 3 rows; indices go from 0 to 2"),
        (lambda: F.embedding(tg.tensor([-1]), tg.ones(3, 2)), IndexRangeError, "embedding: input[0] is -1, and there are 3 rows; indices go from 0 to 2"),
        (lambda: F.embedding(tg.tensor([1.0]), tg.ones(3, 2)), DTypeError, "embedding: the indices have dtype float32; convert them with .long()"),
        (lambda: F.embedding(tg.tensor([1]), tg.ones(3, 2), padding_idx=5), ContractError, "embedding: padding_idx is 5, and there are 3 rows; stay within them"),
        (lambda: F.embedding(tg.tensor([1]), tg.ones(3)), ShapeError, "embedding: argument 'weight' has shape (3,); it should be a matrix"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
