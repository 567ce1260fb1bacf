"""In-place writes through views, and views of what was written to since, against PyTorch."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import GradError

torch = pytest.importorskip("torch")


def relu_through_view(t, x):
    y = x * 2
    v, one = y.view(6), y[0, 1]
    v.relu_()
    return (y * one).sum()


def rows(t, x):
    y = x.sin()
    y[:1].mul_(x[1] * 2)
    y[1].add_(x[0])
    return (y**2).sum() + (y[:, 1:] * x[:, :2]).sum()


def view_of_view_of_constant(t, x):
    z = t.zeros(4, 3, dtype=t.float64)
    inner = z[1:3]
    inner[0] += x[0]
    inner.mul_(x)
    return (z**2).sum() + inner.sum()


def transposed(t, x):
    y = x * 1
    turned = y.t()
    turned[0].mul_(3)
    return (turned**3).sum() + y[0].sum()


def strided_view_of_written_base(t, x):
    y = x * x
    view = y[:, ::2]
    y.mul_(x)
    return (view * view).sum()


def operators(t, x):
    y = x * 3
    y[:, 0] *= 2
    y[:, 1] -= x[:, 0]
    part = y[1]
    part /= 3
    part[0] = 5.0
    return (y * x).sum()


def setitem_with_view(t, x):
    y = x + 1
    diagonal = y.diagonal()
    diagonal[0] = x[1, 2] * 4
    y[:, 2] = diagonal * 2
    return (y**2).sum()


def expanded_read(t, x):
    y = x.cos()
    wide = y[:1].expand(4, 3)
    y[0, 0] = x[1, 1]
    return (wide * wide).sum()


CASES = [relu_through_view, rows, view_of_view_of_constant, transposed, strided_view_of_written_base, operators]
CASES += [setitem_with_view, expanded_read]


@pytest.mark.parametrize("case", CASES)
def test_gradients_agree(case):
    results = []
    for t in (torch, tg):
        x = t.tensor(np.cos(np.arange(6.0)).reshape(2, 3), requires_grad=True)
        loss = case(t, x)
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        (second,) = t.autograd.grad((g * g).sum(), x)
        results.append([loss.item(), g.tolist(), second.tolist()])
    for ours, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_views_know_their_base():
    x = tg.zeros(2, 3)
    assert x[0][1:]._base is x
    assert x._base is None
    assert x[0]._is_view()
    assert not x.detach()._is_view()


def test_a_view_becomes_tracked_with_its_base():
    x = tg.zeros(2, 2)
    row = x[1]
    assert not row.requires_grad
    x[1] = tg.ones(2, requires_grad=True) * 2
    assert row.requires_grad
    assert row.grad_fn is not None


@pytest.mark.parametrize("view", [lambda w: w[:2], lambda w: w.view(2, 2)[0], lambda w: w[1:][0]])
def test_views_of_leaves_are_refused(view):
    w = tg.ones(4, requires_grad=True)
    with pytest.raises(GradError, match="a view of a leaf Variable"):
        view(w).mul_(2)
    with tg.no_grad():
        view(w).mul_(2)
    assert w.is_leaf
    assert max(w.tolist()) == 2.0


def test_a_base_in_another_memory_order_is_refused():
    x = tg.from_numpy(np.asfortranarray(np.ones((2, 3))))
    row = x[0]
    with pytest.raises(GradError, match="another memory order"):
        row.mul_(tg.ones(3, requires_grad=True).double())
