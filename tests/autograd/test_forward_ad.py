"""Dual numbers against PyTorch's, and batches of gradients."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FUNCTIONS = {
    "product": lambda t, x, y: (x * y).sin(),
    "matrix": lambda t, x, y: x.T @ y,
    "constant": lambda t, x, y: x.detach() * 2,
    "reduced": lambda t, x, y: t.logsumexp(x, 0) + y.mean(),
    "the dual itself": lambda t, x, y: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tangents(name):
    results = []
    for t in (torch, tg):
        fwd = t.autograd.forward_ad
        x, y = t.tensor(np.cos(np.arange(6.0)).reshape(2, 3)), t.tensor(np.sin(np.arange(6.0)).reshape(2, 3))
        with fwd.dual_level():
            out = FUNCTIONS[name](t, fwd.make_dual(x, y), fwd.make_dual(y, x + 1))
            primal, tangent = fwd.unpack_dual(out)
            results.append((primal.tolist(), None if tangent is None else tangent.tolist()))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-12)
    if results[0][1] is None:
        assert results[1][1] is None
    else:
        np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-12)


def test_misuse():
    fwd = tg.autograd.forward_ad
    with pytest.raises(RuntimeError, match="no level is open"):
        fwd.make_dual(tg.ones(1), tg.ones(1))
    with fwd.dual_level():
        with pytest.raises(RuntimeError, match="make them equal"):
            fwd.make_dual(tg.ones(1), tg.ones(2))
        with pytest.raises(RuntimeError, match="open already"):
            fwd.enter_dual_level()
    assert fwd.unpack_dual(tg.ones(1)).tangent is None


def test_a_batch_of_gradients():
    results = []
    for t in (torch, tg):
        x = t.tensor([1.0, 2.0, 3.0], requires_grad=True)
        (g,) = t.autograd.grad(x * x, x, t.eye(3) * 2, is_grads_batched=True)
        results.append(g.tolist())
    assert results[0] == results[1] == [[4.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 12.0]]
