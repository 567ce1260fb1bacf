"""Distances and directions: against PyTorch, at zero, and of integers."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import DTypeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_dtype
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim, dtype, rng):
    x, y = rng.standard_normal((3, 4, 2)), rng.standard_normal((3, 4, 2))
    agree("cosine_similarity", [x, y], dtype, tracked=(0, 1), dim=dim)


def test_cosine_similarity_broadcasts(rng):
    x, y = rng.standard_normal((3, 1, 5)), rng.standard_normal((4, 5))
    agree("cosine_similarity", [x, y], tracked=(0, 1), dim=-1)


def test_cosine_similarity_of_zeros_is_zero():
    agree("cosine_similarity", [np.zeros((1, 3)), np.ones((1, 3))], tracked=(0, 1))


def test_cosine_similarity_refuses_integers():
    with pytest.raises(
        DTypeError, match="cosine_similarity: the inputs have dtypes int64 and int64; make them floating"
    ):
        F.cosine_similarity(tg.ones(1, 2).long(), tg.ones(1, 2).long())


@every_dtype
@pytest.mark.parametrize("options", [{}, {"p": 1.0}, {"p": 3.0, "keepdim": True}, {"p": float("inf")}, {"eps": 0.1}])
def test_pairwise_distance(options, dtype, rng):
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    agree("pairwise_distance", [x, y], dtype, tracked=(0, 1), **options)
    agree("pairwise_distance", [x[0], y], dtype, tracked=(0, 1), **options)


@every_dtype
@pytest.mark.parametrize("options", [{}, {"p": 1.0}, {"p": 3.0, "dim": 0}, {"dim": -1}, {"eps": 10.0}])
def test_normalize(options, dtype, rng):
    agree("normalize", [rng.standard_normal((3, 4))], dtype, **options)


def test_normalize_leaves_zeros_and_fills_out():
    agree("normalize", [np.array([[0.0, 0.0], [3.0, 4.0]])], tracked=())
    out = tg.empty(1, 2)
    assert F.normalize(tg.tensor([[3.0, 4.0]]), out=out) is out
    np.testing.assert_allclose(out.numpy(), [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("name", ["cosine_similarity", "pairwise_distance"])
def test_second_derivative(name, rng):
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    assert second_order_error(getattr(F, name), [x, y], (0, 1)) is None
    assert second_order_error(F.normalize, [x]) is None
