"""Clipping, parameters as a vector, penalties and groups."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, DataError, ShapeError, UsageError
from tapegrad.nn import utils

ORDERS = [2.0, 1.0, 0.5, 3.0, math.inf, -math.inf, 0.0, -1.0]
SHAPES = [(3, 2), (), (4,)]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def with_gradients(module, arrays):
    params = [module.nn.Parameter(module.zeros(a.shape, dtype=module.float64)) for a in arrays]
    for p, a in zip(params, arrays, strict=True):
        p.grad = module.tensor(a)
    return [*params, module.nn.Parameter(module.zeros(2))]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("count", [1, 3])
def test_clipping_by_norm_is_pytorchs(torch, rng, order, limit, count):
    arrays = [np.asarray(rng.normal(size=s)) for s in SHAPES[:count]]
    ours, theirs = with_gradients(tg, arrays), with_gradients(torch, arrays)
    held = ours[0].grad
    a = utils.clip_grad_norm_(ours, limit, order)
    b = torch.nn.utils.clip_grad_norm_(theirs, limit, order)
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
    assert ours[0].grad is held
    for p, q in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_clipping_by_value_is_pytorchs(torch, rng):
    arrays = [np.asarray(rng.normal(size=s)) for s in SHAPES]
    ours, theirs = with_gradients(tg, arrays), with_gradients(torch, arrays)
    utils.clip_grad_value_(iter(ours), 0.4)
    torch.nn.utils.clip_grad_value_(theirs, 0.4)
    for p, q in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


def test_one_tensor_or_none():
    p = nn.Parameter(tg.zeros(2))
    p.grad = tg.tensor([3.0, 4.0])
    assert utils.clip_grad_norm_(p, 10.0).item() == 5.0
    assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    assert utils.clip_grad_norm_([nn.Parameter(tg.zeros(1))], 1.0).item() == 0.0


def test_a_norm_that_is_not_finite_is_told_when_asked():
    p = nn.Parameter(tg.zeros(2))
    p.grad = tg.tensor([3.0, math.inf])
    with pytest.raises(DataError, match="the total norm of order 2 of the gradients is inf; lower the learning rate"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.tolist() == [3.0, math.inf]


def test_clipping_can_be_traced():
    p = nn.Parameter(tg.zeros(2))

    def clip(g):
        p.grad = g
        return utils.clip_grad_norm_(p, 1.0)

    program = tg.trace(clip, tg.tensor([3.0, 4.0]))
    g = tg.tensor([6.0, 8.0])
    assert program(g).item() == 10.0
    np.testing.assert_allclose(g.numpy(), [0.6, 0.8], rtol=1e-5)


# -- vectors --------------------------------------------------------------------------------------------------------------


def test_parameters_become_a_vector_and_come_back(torch):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (13,)
    assert vector.requires_grad
    new = tg.arange(13, dtype=tg.float32)
    utils.vector_to_parameters(new, model.parameters())
    assert model[0].weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert model[1].bias.tolist() == [12.0]
    assert utils.parameters_to_vector(model.parameters()).tolist() == new.tolist()
    (vector * vector).sum().backward()
    assert model[0].weight.grad.shape == (3, 2)


def test_vectors_that_do_not_fit():
    with pytest.raises(ShapeError, match="the vector has 2 elements, the parameters 3; make them equal"):
        utils.vector_to_parameters(tg.zeros(2), nn.Linear(2, 1).parameters())
    with pytest.raises(UsageError, match="the vector is a list; pass a tensor"):
        utils.vector_to_parameters([1], [])


# -- penalties ------------------------------------------------------------------------------------------------------------


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 2)))


def test_the_penalty_is_its_formula_with_its_gradient():
    model = network()
    w1, b1, w2, b2 = [p.detach().numpy().astype(np.float64) for p in model.parameters()]
    total = utils.penalty(model, l1_weight=0.1, l2_weight=0.01, l1_bias=0.5, l2_bias=0.25)
    expected = (
        0.1 * (abs(w1).sum() + abs(w2).sum())
        + 0.01 * ((w1**2).sum() + (w2**2).sum())
        + 0.5 * (abs(b1).sum() + abs(b2).sum())
        + 0.25 * ((b1**2).sum() + (b2**2).sum())
    )
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert total.shape == ()
    total.backward()
    np.testing.assert_allclose(model[0].weight.grad.numpy(), 0.1 * np.sign(w1) + 0.02 * w1, rtol=1e-5)
    np.testing.assert_allclose(model[0].bias.grad.numpy(), 0.5 * np.sign(b1) + 0.5 * b1, rtol=1e-5)


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [("0", [0]), ("1.0", [1]), ("1.*", [1]), ("*", [0, 1]), (["0", "1.*"], [0, 1]), (None, [0, 1])],
)
def test_layers_are_chosen_by_their_path(layers, chosen):
    model = network()
    total = utils.penalty(model, l2_weight=1.0, layers=layers)
    linear = [model[0], model[1][0]]
    assert total.item() == pytest.approx(sum((linear[i].weight ** 2).sum().item() for i in chosen), rel=1e-6)


def test_a_layer_by_itself_may_be_given():
    layer = nn.Linear(2, 1)
    expected = (layer.weight**2).sum().item() + (layer.bias**2).sum().item()
    assert utils.penalty(layer, l2_weight=1.0, l2_bias=1.0).item() == pytest.approx(expected, rel=1e-6)


def test_no_penalty_is_zero():
    total = utils.penalty(network())
    assert total.item() == 0.0


def test_a_pattern_that_matches_nothing_is_told():
    with pytest.raises(
        ArgumentError, match=r"penalty: no layer with parameters matches 'fc'; the layers are '0', '1\.0'"
    ):
        utils.penalty(network(), l2_weight=1.0, layers="fc")


def test_weight_decay_leaves_biases_and_vectors_out():
    model = network()
    model.gain = nn.Parameter(tg.ones(3))
    decayed, free = utils.weight_decay_groups(model, 0.1, lr=0.5)
    assert [p.shape for p in decayed["params"]] == [(3, 2), (2, 3)]
    assert [p.shape for p in free["params"]] == [(3,), (3,), (2,)]
    assert (decayed["weight_decay"], free["weight_decay"], free["lr"]) == (0.1, 0.0, 0.5)
    before = model[0].bias.tolist()
    optimizer = tg.optim.SGD([decayed, free])
    for p in model.parameters():
        p.grad = tg.zeros_like(p)
    weight = model[0].weight.detach().clone()
    optimizer.step()
    assert model[0].bias.tolist() == before
    np.testing.assert_allclose(model[0].weight.detach().numpy(), 0.95 * weight.numpy(), rtol=1e-6)
