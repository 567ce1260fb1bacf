"""Recurrent layers: the same as PyTorch's, option by option, to the second derivative."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import TapegradWarning

torch = pytest.importorskip("torch")
CLOSE = {"rtol": 1e-10, "atol": 1e-11}
STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 2, 3


def pair(kind, *args, **options):
    """A layer of ours and one of PyTorch's in float64 with the same weights."""
    ours = getattr(tg.nn, kind)(*args, dtype=tg.float64, **options)
    theirs = getattr(torch.nn, kind)(*args, dtype=torch.float64, **options)
    load(ours, theirs)
    return ours, theirs


def load(ours, theirs):
    state = {name: tg.from_numpy(value.numpy().copy()) for name, value in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)


def both(array, grad=True):
    return tg.tensor(array, requires_grad=grad), torch.tensor(array, requires_grad=grad)


def flat(result):
    """All tensors of a result, packed data among them."""
    if isinstance(result, (tuple, list)) and not hasattr(result, "batch_sizes"):
        return [x for item in result for x in flat(item)]
    return [result.data if hasattr(result, "batch_sizes") else result]


def assert_same(ours, theirs):
    a, b = flat(ours), flat(theirs)
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert tuple(x.shape) == tuple(y.shape)
        np.testing.assert_allclose(np.asarray(x.detach()), y.detach().numpy(), **CLOSE)


def weighted(outputs, weights, make):
    return sum((o * make(w)).sum() for o, w in zip(outputs, weights, strict=True))


def assert_same_derivatives(ours, theirs, our_leaves, their_leaves, rng, second=True):
    """First derivatives of a random combination of the outputs, then of a random combination of those."""
    weights = [rng.standard_normal(tuple(o.shape)) for o in flat(theirs)]
    a = tg.autograd.grad(weighted(flat(ours), weights, tg.tensor), our_leaves, create_graph=second)
    b = torch.autograd.grad(weighted(flat(theirs), weights, torch.tensor), their_leaves, create_graph=second)
    assert_same(a, b)
    if second:
        probes = [rng.standard_normal(tuple(g.shape)) for g in b]
        a = tg.autograd.grad(weighted(a, probes, tg.tensor), our_leaves, allow_unused=True, materialize_grads=True)
        b = torch.autograd.grad(weighted(b, probes, torch.tensor), their_leaves, materialize_grads=True)
        assert_same(a, b)


def states(kind, layer, rng, batch):
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    h = both(rng.standard_normal((count, *batch, layer.proj_size or layer.hidden_size)))
    if kind != "LSTM":
        return h[0], h[1], [h[0]], [h[1]]
    c = both(rng.standard_normal((count, *batch, layer.hidden_size)))
    return (h[0], c[0]), (h[1], c[1]), [h[0], c[0]], [h[1], c[1]]


def grid():
    for kind in ("RNN", "GRU", "LSTM"):
        special = (
            [{}, {"nonlinearity": "relu"}] if kind == "RNN" else [{}, {"proj_size": 2}] if kind == "LSTM" else [{}]
        )
        for extra, layers, both_ways, bias, first in itertools.product(
            special, (1, 2), (False, True), (True, False), (False, True)
        ):
            yield kind, {"num_layers": layers, "bidirectional": both_ways, "bias": bias, "batch_first": first, **extra}


GRID = list(grid())


@pytest.mark.parametrize("state", [False, True], ids=["zero", "given"])
@pytest.mark.parametrize(("kind", "options"), GRID, ids=[f"{k}-{'-'.join(map(str, o.values()))}" for k, o in GRID])
def test_padded(kind, options, state, rng):
    ours, theirs = pair(kind, INPUTS, HIDDEN, **options)
    shape = (BATCH, STEPS) if options["batch_first"] else (STEPS, BATCH)
    x, tx = both(rng.standard_normal((*shape, INPUTS)))
    h, th, leaves, their_leaves = states(kind, ours, rng, (BATCH,)) if state else (None, None, [], [])
    a, b = ours(x, h), theirs(tx, th)
    assert_same(a, b)
    leaves, their_leaves = [x, *leaves, *ours.parameters()], [tx, *their_leaves, *theirs.parameters()]
    # PyTorch's own second derivative of relu through time is what autograd makes of it: the same.
    assert_same_derivatives(a, b, leaves, their_leaves, rng, second=options["num_layers"] == 2)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_unbatched(kind, first, rng):
    ours, theirs = pair(kind, INPUTS, HIDDEN, 2, bidirectional=True, batch_first=first)
    x, tx = both(rng.standard_normal((STEPS, INPUTS)))
    assert_same(ours(x), theirs(tx))
    h, th, leaves, their_leaves = states(kind, ours, rng, ())
    a, b = ours(x, h), theirs(tx, th)
    assert_same(a, b)
    assert_same_derivatives(a, b, [x, *leaves], [tx, *their_leaves], rng, second=False)


@pytest.mark.parametrize("lengths", [[4, 2, 1], [2, 4, 2], [1, 1, 3], [4, 4, 4]], ids=str)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNN", {"nonlinearity": "relu", "bidirectional": True}),
        ("GRU", {"num_layers": 2, "bidirectional": True}),
        ("LSTM", {}),
        ("LSTM", {"num_layers": 2, "bidirectional": True, "proj_size": 2, "bias": False}),
    ],
    ids=str,
)
@pytest.mark.parametrize("state", [False, True], ids=["zero", "given"])
def test_packed(kind, options, lengths, state, rng):
    ours, theirs = pair(kind, INPUTS, HIDDEN, **options)
    x, tx = both(rng.standard_normal((max(lengths), 3, INPUTS)))
    h, th, leaves, their_leaves = states(kind, ours, rng, (3,)) if state else (None, None, [], [])
    p = tg.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    tp = torch.nn.utils.rnn.pack_padded_sequence(tx, lengths, enforce_sorted=False)
    (a, final), (b, their_final) = ours(p, h), theirs(tp, th)
    assert a.batch_sizes.tolist() == b.batch_sizes.tolist()
    assert a.unsorted_indices.tolist() == b.unsorted_indices.tolist()
    a, n = tg.nn.utils.rnn.pad_packed_sequence(a)
    b, tn = torch.nn.utils.rnn.pad_packed_sequence(b)
    assert n.tolist() == tn.tolist() == lengths
    assert_same((a, final), (b, their_final))
    leaves, their_leaves = [x, *leaves, *ours.parameters()], [tx, *their_leaves, *theirs.parameters()]
    assert_same_derivatives((a, final), (b, their_final), leaves, their_leaves, rng)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_float32_agrees_and_stays(kind, rng):
    ours, theirs = getattr(tg.nn, kind)(5, 7, 2), getattr(torch.nn, kind)(5, 7, 2)
    load(ours, theirs)
    x = rng.standard_normal((6, 4, 5)).astype(np.float32)
    a, b = flat(ours(tg.tensor(x))), flat(theirs(torch.tensor(x)))
    for mine, other in zip(a, b, strict=True):
        assert mine.dtype == tg.float32
        np.testing.assert_allclose(np.asarray(mine.detach()), other.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_third_derivative_against_finite_differences(rng):
    cell = tg.nn.LSTM(2, 2, dtype=tg.float64)
    x = rng.standard_normal((3, 1, 2))
    directions = [rng.standard_normal(x.shape) for _ in range(3)]

    def derivative(array, order):
        t = tg.tensor(array, requires_grad=True)
        value = (cell(t)[0] ** 2).sum()
        for v in directions[:order]:
            (g,) = tg.autograd.grad(value, t, create_graph=True)
            value = (g * tg.tensor(v)).sum()
        return value.item()

    step = 1e-5 * directions[2]
    numeric = (derivative(x + step, 2) - derivative(x - step, 2)) / 2e-5
    assert derivative(x, 3) == pytest.approx(numeric, rel=1e-6)


def test_a_wrong_slope_would_be_seen(rng, monkeypatch):
    from tapegrad.ops import recurrent_loops

    right = recurrent_loops._slopes
    monkeypatch.setattr(recurrent_loops, "_slopes", lambda *a: right(*a) * 1.0001)
    ours, theirs = pair("LSTM", INPUTS, HIDDEN)
    x, tx = both(rng.standard_normal((STEPS, BATCH, INPUTS)))
    with pytest.raises(AssertionError):
        assert_same_derivatives(ours(x), theirs(tx), [x], [tx], rng, second=False)


def test_dropout_lies_between_layers():
    ours = tg.nn.GRU(3, 4, 2, dropout=1.0)
    x = tg.ones(5, 2, 3)
    # With all of the first layer's outputs gone, the second sees zeros.
    second = tg.nn.GRU(4, 4)
    second.load_state_dict({n.replace("l1", "l0"): v for n, v in ours.state_dict().items() if n.endswith("l1")})
    np.testing.assert_allclose(ours(x)[0].detach(), second(tg.zeros(5, 2, 4))[0].detach(), rtol=1e-6)
    assert not np.allclose(ours.eval()(x)[0].detach(), second(tg.zeros(5, 2, 4))[0].detach())
    half = tg.nn.GRU(3, 4, 2, dropout=0.5)
    assert not np.allclose(half(x)[0].detach(), half(x)[0].detach())


def test_dropout_of_one_layer_warns():
    with pytest.warns(TapegradWarning, match="of which there is one"):
        tg.nn.LSTM(2, 3, dropout=0.5)


class TestModule:
    MODELS = (
        ("LSTM", (3, 4), {"num_layers": 2, "bidirectional": True, "proj_size": 2, "dropout": 0.1}),
        ("LSTM", (3, 4, 1, False, True), {}),
        ("RNN", (3, 4, 2, "relu", False, True), {}),
        ("RNN", (3, 4), {"nonlinearity": "relu"}),
        ("GRU", (3, 4), {"batch_first": True, "bias": False}),
    )

    @pytest.mark.parametrize(("kind", "args", "options"), MODELS)
    def test_names_shapes_and_text_are_pytorchs(self, kind, args, options):
        ours, theirs = getattr(tg.nn, kind)(*args, **options), getattr(torch.nn, kind)(*args, **options)
        assert repr(ours) == repr(theirs)
        names = {n: tuple(p.shape) for n, p in ours.named_parameters()}
        assert names == {n: tuple(p.shape) for n, p in theirs.named_parameters()}
        assert [[tuple(w.shape) for w in ws] for ws in ours.all_weights] == [
            [tuple(w.shape) for w in ws] for ws in theirs.all_weights
        ]
        attributes = ["mode", "input_size", "hidden_size", "num_layers", "bias"]
        attributes += ["batch_first", "dropout", "bidirectional", "proj_size"]
        assert {a: getattr(ours, a) for a in attributes} == {a: getattr(theirs, a) for a in attributes}

    def test_weights_begin_uniform(self):
        tg.manual_seed(0)
        for w in tg.nn.LSTM(50, 64).parameters():
            values = w.detach().numpy()
            assert abs(values).max() <= 1 / 8
            assert values.std() == pytest.approx(1 / 8 / 3**0.5, rel=0.1)

    @pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
    def test_copies_compute_the_same_with_weights_of_their_own(self, again):
        layer = tg.nn.LSTM(2, 3, 2)
        other = again(layer)
        x = tg.ones(4, 1, 2)
        np.testing.assert_array_equal(layer(x)[0].detach(), other(x)[0].detach())
        with tg.no_grad():
            other.weight_ih_l0.zero_()
        assert not np.array_equal(layer(x)[0].detach(), other(x)[0].detach())

    def test_to_converts(self):
        layer = tg.nn.GRU(2, 3).double()
        layer.flatten_parameters()
        assert layer(tg.ones(4, 1, 2, dtype=tg.float64))[0].dtype == tg.float64

    def test_replaced_weights_are_used(self):
        layer = tg.nn.RNN(2, 3)
        layer.weight_ih_l0 = tg.nn.Parameter(tg.zeros(3, 2))
        layer.bias_ih_l0 = tg.nn.Parameter(tg.zeros(3))
        layer.bias_hh_l0 = tg.nn.Parameter(tg.zeros(3))
        assert (layer(tg.ones(4, 1, 2))[0] == 0).all()

    def test_memory_order_is_pytorchs(self):
        for first in (False, True):
            y, (h, c) = tg.nn.LSTM(2, 3, 2, batch_first=first)(tg.ones(3, 4, 2))
            ty, _ = torch.nn.LSTM(2, 3, 2, batch_first=first)(torch.ones(3, 4, 2))
            assert y.is_contiguous() == ty.is_contiguous()
            assert h.is_contiguous()
            assert c.is_contiguous()

    def test_an_empty_batch(self):
        y, h = tg.nn.GRU(2, 3)(tg.zeros(4, 0, 2))
        assert (y.shape, h.shape) == ((4, 0, 3), (1, 0, 3))
        y.sum().backward()


def calls(lib):
    """What must fail, by name, with PyTorch or ours."""
    nn, f64 = lib.nn, lib.float64
    x = lib.ones(4, 3, 2)
    packed = nn.utils.rnn.pack_padded_sequence(x, [4, 2, 1])
    return {
        "no steps": lambda: nn.LSTM(2, 3)(lib.ones(0, 3, 2)),
        "one dimension": lambda: nn.LSTM(2, 3)(lib.ones(2)),
        "four dimensions": lambda: nn.GRU(2, 3)(lib.ones(2, 2, 2, 2)),
        "features": lambda: nn.LSTM(2, 3)(lib.ones(4, 3, 5)),
        "dtype": lambda: nn.LSTM(2, 3)(x.to(f64)),
        "integers": lambda: nn.GRU(2, 3)(lib.ones(4, 3, 2, dtype=lib.int64)),
        "state's batch": lambda: nn.LSTM(2, 3)(x, (lib.ones(1, 2, 3), lib.ones(1, 3, 3))),
        "cell's batch": lambda: nn.LSTM(2, 3)(x, (lib.ones(1, 3, 3), lib.ones(1, 2, 3))),
        "state without batch": lambda: nn.LSTM(2, 3)(x, (lib.ones(1, 3), lib.ones(1, 3))),
        "state with batch": lambda: nn.LSTM(2, 3)(lib.ones(4, 2), (lib.ones(1, 1, 3), lib.ones(1, 1, 3))),
        "GRU's state": lambda: nn.GRU(2, 3)(x, lib.ones(2, 3, 3)),
        "GRU's state without batch": lambda: nn.GRU(2, 3)(x, lib.ones(1, 3)),
        "RNN's state with batch": lambda: nn.RNN(2, 3)(lib.ones(4, 2), lib.ones(1, 1, 3)),
        "state's dtype": lambda: nn.GRU(2, 3)(x, lib.ones(1, 3, 3, dtype=f64)),
        "packed state": lambda: nn.GRU(2, 3)(packed, lib.ones(1, 2, 3)),
        "one state for two": lambda: nn.LSTM(2, 3)(x, lib.ones(1, 3, 3)),
        "hidden_size 0": lambda: nn.LSTM(2, 0),
        "input_size 0": lambda: nn.LSTM(0, 3),
        "num_layers 0": lambda: nn.LSTM(2, 3, 0),
        "large projection": lambda: nn.LSTM(2, 3, proj_size=3),
        "negative projection": lambda: nn.LSTM(2, 3, proj_size=-1),
        "GRU's projection": lambda: nn.GRU(2, 3, proj_size=1),
        "RNN's projection": lambda: nn.RNN(2, 3, proj_size=1),
        "large dropout": lambda: nn.LSTM(2, 3, 2, dropout=2),
        "dropout True": lambda: nn.LSTM(2, 3, 2, dropout=True),
        "nonlinearity": lambda: nn.RNN(2, 3, nonlinearity="sine"),
        "hidden_size 3.0": lambda: nn.LSTM(2, 3.0),
        "mode": lambda: nn.RNNBase("RNN", 2, 3),
        "bias 1": lambda: nn.GRU(2, 3, bias=1),
        "batch_first 1": lambda: nn.RNN(2, 3, batch_first=1),
    }


@pytest.mark.parametrize("name", calls(tg))
def test_errors_are_of_pytorchs_kind(name):
    with pytest.raises(Exception) as theirs:  # noqa: PT011 (the kind is what is compared)
        calls(torch)[name]()
    with pytest.raises(tg.errors.TapegradError) as ours:
        calls(tg)[name]()
    kinds = [k for k in (ValueError, TypeError, IndexError, RuntimeError) if isinstance(theirs.value, k)]
    assert kinds
    assert isinstance(ours.value, kinds[0])
    assert "; " in str(ours.value)


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_functions(name, rng):
    kind = {"lstm": "LSTM", "gru": "GRU"}.get(name, "RNN")
    theirs = getattr(torch.nn, kind)(2, 3, 2, bidirectional=True)
    params = list(theirs.parameters())
    mine = [tg.tensor(p.detach().numpy()) for p in params]
    x, h = rng.standard_normal((4, 3, 2)).astype("f"), rng.standard_normal((4, 3, 3)).astype("f")
    hx = (torch.tensor(h), torch.tensor(h)) if kind == "LSTM" else torch.tensor(h)
    our_hx = (tg.tensor(h), tg.tensor(h)) if kind == "LSTM" else tg.tensor(h)
    rest = (True, 2, 0.0, False, True)
    a = getattr(tg, name)(tg.tensor(x), our_hx, mine, *rest, False)
    b = getattr(torch, name)(torch.tensor(x), hx, params, *rest, False)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other.detach(), rtol=1e-5, atol=1e-6)
    rows, sizes = x.reshape(-1, 2)[:8], [3, 3, 2]
    a = getattr(tg, name)(tg.tensor(rows), tg.tensor(sizes), our_hx, mine, *rest)
    b = getattr(torch, name)(torch.tensor(rows), torch.tensor(sizes), hx, params, *rest)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other.detach(), rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="give input, hx, params"):
        getattr(tg, name)(tg.tensor(x), our_hx, mine)
    with pytest.raises(RuntimeError, match="weights for 4 layers"):
        getattr(tg, name)(tg.tensor(x), our_hx, mine[:-1], *rest, False)


def test_compiled_steps_do_what_eager_ones_do(rng):
    data = rng.standard_normal((6, 5, 4, 3)).astype(np.float32)
    losses = []
    for make in (lambda step: step, lambda step: tg.compile(step, target="numpy")):
        tg.manual_seed(1)
        layer, out = tg.nn.LSTM(3, 8, 2), tg.nn.Linear(8, 3)
        parameters = [*layer.parameters(), *out.parameters()]
        optimizer = tg.optim.SGD(parameters, lr=0.5)

        def step(x, h, c, layer=layer, out=out, parameters=parameters, optimizer=optimizer):
            optimizer.zero_grad()
            y, (h, c) = layer(x, (h, c))
            loss = ((out(y) - x) ** 2).mean()
            loss.backward()
            tg.nn.utils.clip_grad_norm_(parameters, 0.25)
            optimizer.step()
            return loss, h.detach(), c.detach()

        run, state, found = make(step), (tg.zeros(2, 4, 8), tg.zeros(2, 4, 8)), []
        for x in data:
            loss, *state = run(tg.tensor(x), *state)
            found.append(loss.item())
        losses.append(found)
        assert not getattr(run, "refusals", ())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
