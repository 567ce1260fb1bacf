"""embedding_bag: against PyTorch in every mode, and what it refuses."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, IndexRangeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
every_mode = pytest.mark.parametrize("mode", ["sum", "mean", "max"])
PLACES = {
    "rows": ([[1, 0, 3], [2, 2, 2]], {}),
    "bags": ([1, 0, 3, 2, 2, 2], {"offsets": np.array([0, 2, 2, 5])}),
    "last": ([1, 0, 3, 2, 2, 2], {"offsets": np.array([0, 2, 6]), "include_last_offset": True}),
    "empty": ([], {"offsets": np.array([0, 0])}),
}


@every_mode
@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("padding", [{}, {"padding_idx": 2}, {"padding_idx": -4}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients(kind, mode, padding, dtype, rng):
    numbers, options = PLACES[kind]
    weight = rng.standard_normal((4, 3))
    agree("embedding_bag", [np.array(numbers, np.int64), weight], dtype, (1,), mode=mode, **options, **padding)


@pytest.mark.parametrize("kind", ["rows", "bags"])
def test_weights_of_samples(kind, rng):
    numbers, options = PLACES[kind]
    numbers = np.array(numbers)
    weights = rng.standard_normal(numbers.shape)
    agree(
        "embedding_bag",
        [numbers, rng.standard_normal((4, 3))],
        tracked=(1,),
        mode="sum",
        per_sample_weights=weights,
        **options,
    )


def test_scale_by_frequency_is_that_of_embedding(rng):
    """PyTorch's kernel for bags divides the last row by the count of another one."""
    numbers, values = tg.tensor([[1, 0, 3], [2, 2, 2]]), rng.standard_normal((4, 3))
    a, b = (tg.tensor(values, requires_grad=True) for _ in range(2))
    F.embedding_bag(numbers, a, mode="sum", scale_grad_by_freq=True).sum().backward()
    F.embedding(numbers, b, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy())
    np.testing.assert_allclose(a.grad.numpy(), 1)


@every_mode
def test_second_derivative(mode, rng):
    numbers = tg.tensor([[1, 0, 3], [2, 2, 0]])
    assert (
        second_order_error(lambda w: F.embedding_bag(numbers, w, mode=mode).exp(), [rng.standard_normal((4, 3))])
        is None
    )


T = tg.ones(4, 3)
V, M = tg.tensor([1, 2, 3]), tg.tensor([[1, 2, 3]])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.embedding_bag(V, T), ArgumentError, "embedding_bag: the input is a vector, and offsets is None; give a vector of offsets"),
        (lambda: F.embedding_bag(V, T, tg.tensor([1, 2])), ArgumentError, "embedding_bag: offsets [1, 2] for 3 numbers; they begin with 0, do not fall, and end at most at 3"),
        (lambda: F.embedding_bag(V, T, tg.tensor([0, 5])), ArgumentError, "embedding_bag: offsets [0, 5] for 3 numbers; they begin with 0, do not fall, and end at most at 3"),
        (lambda: F.embedding_bag(V, T, tg.tensor([0, 5]), include_last_offset=True), ArgumentError, "embedding_bag: offsets [0, 5] for 3 numbers; they begin with 0, do not fall, and end at most at 3"),
        (lambda: F.embedding_bag(V, T, tg.tensor([0, 2, 1])), ArgumentError, "embedding_bag: offsets [0, 2, 1] for 3 numbers; they begin with 0, do not fall, and end at most at 3"),
        (lambda: F.embedding_bag(M, T, tg.tensor([0])), ArgumentError, "embedding_bag: the input is a matrix, and there are offsets; leave them out: each row is a bag"),
        (lambda: F.embedding_bag(M, T, mode="least"), ArgumentError, "embedding_bag: mode is 'least'; use 'sum', 'mean' or 'max'"),
        (lambda: F.embedding_bag(M, T, mode="max", scale_grad_by_freq=True), ArgumentError, "embedding_bag: scale_grad_by_freq with mode 'max'; use 'sum' or 'mean'"),
        (lambda: F.embedding_bag(M, T, per_sample_weights=tg.ones(1, 3)), ArgumentError, "embedding_bag: per_sample_weights with mode 'mean'; use 'sum'"),
        (lambda: F.embedding_bag(M, T, mode="sum", per_sample_weights=tg.ones(3)), ShapeError, "embedding_bag: per_sample_weights of shape (3,) for input (1, 3); give one for each number"),
        (lambda: F.embedding_bag(tg.tensor(1), T), ShapeError, "embedding_bag: input of shape (); give a vector or a matrix of numbers"),
        (lambda: F.embedding_bag(tg.tensor([[4]]), T), IndexRangeError, "embedding: input[0, 0] is 4, and there are 4 rows; indices go from 0 to 3"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
