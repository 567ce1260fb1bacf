"""The primitives of normalisation: precision, dtypes, and what their gradients are orthogonal to."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.core import ops
from tapegrad.errors import DTypeError


@pytest.mark.parametrize(("shape", "dim"), [((50, 3), (0,)), ((6, 3, 5, 4), (0, 2, 3)), ((4, 60), (-1,))])
def test_standardize_gives_mean_0_and_variance_1(shape, dim, rng):
    x = rng.normal(3.0, 2.0, shape)
    standard, mean, var = ops.standardize(tg.tensor(x), dim=dim, eps=0.0)
    np.testing.assert_allclose(mean.numpy(), x.mean(dim, keepdims=True))
    np.testing.assert_allclose(var.numpy(), x.var(dim, keepdims=True))
    np.testing.assert_allclose(standard.numpy().mean(dim), 0, atol=1e-14)
    np.testing.assert_allclose(standard.numpy().var(dim), 1)


def test_variance_survives_a_large_mean():
    """A variance from the mean of squares would be lost in float32 here: it would be a difference of numbers near 1e8."""
    x = tg.tensor([[9999.0], [10001.0], [9999.0], [10001.0]])
    standard, _, var = ops.standardize(x, dim=(0,), eps=0.0)
    assert var.item() == 1.0
    assert standard.flatten().tolist() == [-1.0, 1.0, -1.0, 1.0]


def test_float16_is_accumulated_in_float32():
    """The sum, 131072, and the squares' sum are beyond float16."""
    x = tg.tensor(np.tile(np.array([[0.0], [64.0]], np.float16), (2048, 1)), requires_grad=True)
    standard, mean, var = ops.standardize(x, dim=(0,))
    assert (standard.dtype, mean.dtype, var.dtype) == (np.float16, np.float32, np.float32)
    assert (mean.item(), var.item()) == (32.0, 1024.0)
    (g,) = tg.autograd.grad(standard, x, tg.ones_like(standard))
    assert g.dtype == np.float16
    np.testing.assert_allclose(g.numpy(), 0, atol=1e-3)


def test_constant_groups_give_0_and_a_finite_gradient():
    x = tg.full((4, 2), 7.0, requires_grad=True)
    standard, _, var = ops.standardize(x, dim=(0,))
    (g,) = tg.autograd.grad(standard, x, tg.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
    assert not standard.detach().numpy().any()
    assert not var.detach().numpy().any()
    assert np.isfinite(g.numpy()).all()


def test_gradient_is_orthogonal_to_shifts_and_scalings(rng):
    """The output does not change when a group is shifted or (with eps 0) scaled, so neither may the gradient point there."""
    x = tg.tensor(rng.standard_normal((8, 3)), requires_grad=True)
    standard = ops.standardize(x, dim=(0,), eps=0.0)[0]
    (g,) = tg.autograd.grad(standard, x, tg.tensor(rng.standard_normal((8, 3))))
    np.testing.assert_allclose(g.numpy().sum(0), 0, atol=1e-14)
    np.testing.assert_allclose((g.numpy() * x.detach().numpy()).sum(0), 0, atol=1e-14)


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_each_output_has_its_own_gradient(which, rng):
    x = rng.standard_normal((5, 3))
    weights = [rng.standard_normal((5, 3)), rng.standard_normal((1, 3)), rng.standard_normal((1, 3))]

    def total(x):
        outs = ops.standardize(x, dim=(0,), eps=0.1)
        return sum((outs[i] * tg.tensor(weights[i])).sum() for i in which)

    assert tg.autograd.gradcheck(total, [tg.tensor(x, requires_grad=True)])
    assert tg.autograd.gradgradcheck(total, [tg.tensor(x, requires_grad=True)])


def test_affine_has_memory_of_its_own():
    x = tg.ones(2, 3)
    for weight, bias in [(None, None), (tg.ones(3), None), (None, tg.zeros(3)), (tg.ones(3), tg.zeros(3))]:
        out = ops.affine(x, weight, bias)
        out.zero_()
        assert x.sum().item() == 6.0


def test_mixed_dtypes_are_refused():
    with pytest.raises(DTypeError, match="float32, float64"):
        ops.affine(tg.ones(2, 3), tg.ones(3, dtype="float64"), None)
