"""Recurrent cells: the same as PyTorch's to the second derivative, and the same as one step of a layer."""

import numpy as np
import pytest

import tapegrad as tg

from .test_rnn import assert_same, assert_same_derivatives, both, pair

torch = pytest.importorskip("torch")
CELLS = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu", "bias": False}),
    ("LSTMCell", {}),
    ("LSTMCell", {"bias": False}),
    ("GRUCell", {}),
    ("GRUCell", {"bias": False}),
]


def states(kind, rng, batch):
    first = both(rng.standard_normal((*batch, 3)))
    if kind != "LSTMCell":
        return first[0], first[1], [first[0]], [first[1]]
    second = both(rng.standard_normal((*batch, 3)))
    return (first[0], second[0]), (first[1], second[1]), [first[0], second[0]], [first[1], second[1]]


@pytest.mark.parametrize("batch", [(), (4,), (1,)], ids=str)
@pytest.mark.parametrize(("kind", "options"), CELLS, ids=str)
def test_two_steps_by_hand(kind, options, batch, rng):
    ours, theirs = pair(kind, 2, 3, **options)
    x, tx = both(rng.standard_normal((2, *batch, 2)))
    h, th, leaves, their_leaves = states(kind, rng, batch)
    a, b = ours(x[1], ours(x[0], h)), theirs(tx[1], theirs(tx[0], th))
    assert_same(a, b)
    assert_same(ours(x[0]), theirs(tx[0]))
    leaves, their_leaves = [x, *leaves, *ours.parameters()], [tx, *their_leaves, *theirs.parameters()]
    assert_same_derivatives(a, b, leaves, their_leaves, rng)


@pytest.mark.parametrize(("kind", "options"), CELLS, ids=str)
def test_text_and_parameters_are_pytorchs(kind, options):
    ours, theirs = getattr(tg.nn, kind)(2, 3, **options), getattr(torch.nn, kind)(2, 3, **options)
    assert repr(ours) == repr(theirs)
    assert {n: tuple(p.shape) for n, p in ours.named_parameters()} == {
        n: tuple(p.shape) for n, p in theirs.named_parameters()
    }
    assert all(abs(p.detach().numpy()).max() <= 3**-0.5 for p in ours.parameters())
    if options.get("bias") is False:
        assert ours.bias_ih is None


@pytest.mark.parametrize("name", ["lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"])
def test_functions(name, rng):
    gates = {"lstm_cell": 4, "gru_cell": 3}.get(name, 1)
    x, h, w, u, b = (rng.standard_normal(s) for s in ((5, 2), (5, 3), (gates * 3, 2), (gates * 3, 3), (gates * 3,)))

    def call(lib, **options):
        make = lib.tensor
        state = (make(h), make(h) / 2) if name == "lstm_cell" else make(h)
        return getattr(lib, name)(make(x), state, make(w), make(u), **{k: make(b) for k in options})

    assert_same(call(tg), call(torch))
    assert_same(call(tg, b_ih=1, b_hh=1), call(torch, b_ih=1, b_hh=1))


def calls(lib):
    nn = lib.nn
    return {
        "three dimensions": lambda: nn.LSTMCell(2, 3)(lib.ones(2, 2, 2)),
        "features": lambda: nn.LSTMCell(2, 3)(lib.ones(2, 3)),
        "batch": lambda: nn.LSTMCell(2, 3)(lib.ones(2, 2), (lib.ones(3, 3), lib.ones(3, 3))),
        "hidden features": lambda: nn.LSTMCell(2, 3)(lib.ones(2, 2), (lib.ones(2, 4), lib.ones(2, 4))),
        "state of three dimensions": lambda: nn.GRUCell(2, 3)(lib.ones(2, 2), lib.ones(2, 2, 3)),
        "GRU's batch": lambda: nn.GRUCell(2, 3)(lib.ones(2, 2), lib.ones(1, 3)),
        "nonlinearity": lambda: nn.RNNCell(2, 3, nonlinearity="sine")(lib.ones(2, 2)),
        "dtype": lambda: nn.GRUCell(2, 3)(lib.ones(2, 2, dtype=lib.float64)),
    }


@pytest.mark.parametrize("name", calls(tg))
def test_errors_are_of_pytorchs_kind(name):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        calls(torch)[name]()
    with pytest.raises(ValueError if isinstance(theirs.value, ValueError) else RuntimeError) as ours:
        calls(tg)[name]()
    assert isinstance(ours.value, tg.errors.TapegradError)


def test_a_cell_repeated_is_a_layer(rng):
    layer, cell = tg.nn.LSTM(2, 3, dtype=tg.float64), tg.nn.LSTMCell(2, 3, dtype=tg.float64)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = tg.tensor(rng.standard_normal((5, 4, 2)))
    state = None
    for t in range(5):
        state = cell(x[t], state)
    _, (h, c) = layer(x)
    np.testing.assert_allclose(h[0].detach(), state[0].detach(), rtol=1e-12)
    np.testing.assert_allclose(c[0].detach(), state[1].detach(), rtol=1e-12)
