"""Every optimizer takes PyTorch's steps, with every option; and the same steps when a trace is replayed."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import optim
from tapegrad.errors import ArgumentError, TraceError

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.8}),
    ("RMSprop", {"centered": True, "eps": 1e-2}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "maximize": True, "weight_decay": 0.1, "eps": 1e-2}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2, "amsgrad": True, "maximize": True, "betas": (0.5, 0.6)}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.8, 0.7), "eps": 1e-2, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.6)}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.05, 0.2), "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.6, "t0": 5, "weight_decay": 0.1, "maximize": True}),
]
NAMES = [f"{name}-{'-'.join(map(str, options))}" for name, options in CASES]
SHAPES = [(3, 4), (), (5,), (2, 1, 2)]


@pytest.fixture
def torch():
    """PyTorch in float64 all through: it keeps step counts in the default dtype."""
    module = pytest.importorskip("torch")
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(module.float32)


def gradients(rng, steps=20):
    """Gradients whose signs and sizes change from step to step."""
    return [[np.asarray(rng.normal(size=shape) * rng.uniform(0.1, 3)) for shape in SHAPES] for _ in range(steps)]


def start(rng):
    return [np.asarray(rng.normal(size=shape)) for shape in SHAPES]


def run(module, name, options, first, steps, lr_tensor=False):
    make = module.nn.Parameter
    params = [make(module.tensor(np.array(value))) for value in first]
    options = dict(options)
    if lr_tensor:
        options["lr"] = module.tensor(options.get("lr", 0.01), dtype=module.float64)
    optimizer = getattr(module.optim, name)(params, **options)
    for step in steps:
        for p, g in zip(params, step, strict=True):
            p.grad = module.tensor(g)
        optimizer.step()
    return params, optimizer


def values(params):
    return [p.detach().numpy() for p in params]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_steps_agree_with_pytorch(torch, rng, name, options, count):
    first, steps = start(rng), gradients(rng, count)
    ours, optimizer = run(tg, name, options, first, steps)
    theirs, reference = run(torch, name, {**options, "foreach": False}, first, steps)
    for a, b in zip(values(ours), values(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        assert set(optimizer.state[p]) == set(reference.state[q])
        for key, value in reference.state[q].items():
            np.testing.assert_allclose(optimizer.state[p][key].numpy(), value.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_a_replayed_trace_takes_the_same_steps(rng, name, options):
    """Traced at the second step; the replays after it and the eager run end at the same weights."""
    first, steps = start(rng), gradients(rng, 9)
    eager, _ = run(tg, name, options, first, steps)
    params, optimizer = run(tg, name, options, first, steps[:1])

    def update(*grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()

    program = tg.trace(update, *[tg.tensor(g) for g in steps[1]])
    for step in steps[2:]:
        program(*[tg.tensor(g) for g in step])
    for a, b in zip(values(eager), values(params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RAdam"])
def test_a_trace_may_begin_with_the_first_step(rng, name):
    first, steps = start(rng), gradients(rng, 8)
    options = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {"lr": 0.1}
    eager, _ = run(tg, name, options, first, steps)
    params, optimizer = run(tg, name, options, first, [])

    def update(*grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()

    program = tg.trace(update, *[tg.tensor(g) for g in steps[0]])
    for step in steps[1:]:
        program(*[tg.tensor(g) for g in step])
    for a, b in zip(values(eager), values(params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_trace_cannot_begin_with_a_first_step_that_differs():
    w = tg.nn.Parameter(tg.ones(2))
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9, dampening=0.5)

    def update(g):
        w.grad = g
        optimizer.step()

    with pytest.raises(TraceError, match=r"SGD: the first step with dampening .*; take one step before tracing"):
        tg.trace(update, tg.ones(2))


def test_a_tensor_rate_stays_a_variable_of_the_trace():
    w = tg.nn.Parameter(tg.zeros(1))
    rate = tg.tensor(1.0)
    optimizer = optim.SGD([w], lr=rate)

    def update(g):
        w.grad = g
        optimizer.step()

    program = tg.trace(update, tg.ones(1))
    rate.fill_(0.5)
    program(tg.ones(1))
    assert w.tolist() == [-1.5]


@pytest.mark.parametrize(
    "name", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "ASGD"]
)
def test_a_tensor_rate_gives_the_steps_of_a_number(rng, name):
    first, steps = start(rng), gradients(rng, 6)
    numbers, _ = run(tg, name, {"lr": 0.03}, first, steps)
    tensors, _ = run(tg, name, {"lr": 0.03}, first, steps, lr_tensor=True)
    for a, b in zip(values(numbers), values(tensors), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_float32_stays_float32(rng, name, options):
    params = [tg.nn.Parameter(tg.tensor(value.astype("float32"))) for value in start(rng)]
    optimizer = getattr(optim, name)(params, **options)
    for step in gradients(rng, 3):
        for p, g in zip(params, step, strict=True):
            p.grad = tg.tensor(g.astype("float32"))
        optimizer.step()
    scalars = {"step", "mu_product", "eta", "mu"}
    for p in params:
        assert p.dtype == np.float32
        assert all(v.dtype == np.float32 for k, v in optimizer.state[p].items() if k not in scalars)


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_gradients_are_not_written_to(rng, name, options):
    params = [tg.nn.Parameter(tg.tensor(value)) for value in start(rng)]
    optimizer = getattr(optim, name)(params, **options)
    for step in gradients(rng, 3):
        for p, g in zip(params, step, strict=True):
            p.grad = tg.tensor(g)
        optimizer.step()
        for p, g in zip(params, step, strict=True):
            np.testing.assert_array_equal(p.grad.numpy(), g)


# -- ours: the textbook's momentum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("nesterov", [False, True])
def test_classic_momentum_is_the_textbook_formula(rng, nesterov):
    w, v, rate, mu = rng.normal(size=4), np.zeros(4), 0.1, 0.9
    p = tg.nn.Parameter(tg.tensor(w))
    optimizer = optim.SGD([p], lr=rate, momentum=mu, nesterov=nesterov, classic=True)
    for i in range(5):
        g = rng.normal(size=4)
        optimizer.param_groups[0]["lr"] = rate / (1 + i)
        v = mu * v - rate / (1 + i) * g
        w = w + mu * v - rate / (1 + i) * g if nesterov else w + v
        p.grad = tg.tensor(g)
        optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), w, rtol=1e-14)


def test_classic_momentum_differs_only_when_the_rate_changes(rng):
    first, steps = start(rng), gradients(rng, 6)
    ours, _ = run(tg, "SGD", {"lr": 0.1, "momentum": 0.9, "classic": True}, first, steps)
    torchs, _ = run(tg, "SGD", {"lr": 0.1, "momentum": 0.9}, first, steps)
    for a, b in zip(values(ours), values(torchs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


# -- bad arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SGD", {"lr": -0.1}, r"SGD: lr is -0.1; use 0 or more"),
        ("SGD", {"momentum": -1}, r"SGD: momentum is -1; use 0 or more"),
        (
            "SGD",
            {"nesterov": True},
            r"SGD: nesterov with momentum=0 and dampening=0; Nesterov momentum requires a momentum",
        ),
        ("SGD", {"classic": True, "momentum": 0.9, "dampening": 0.1}, r"SGD: classic momentum with dampening=0.1"),
        ("Adam", {"betas": (1.0, 0.9)}, r"Adam: betas\[0\] is 1.0; use at least 0 and less than 1"),
        ("AdamW", {"betas": (0.9, -0.1)}, r"AdamW: betas\[1\] is -0.1"),
        ("Adam", {"eps": -1}, "Adam: eps is -1"),
        ("Adam", {"lr": float("nan")}, "Adam: lr is nan"),
        ("RMSprop", {"alpha": -1}, "RMSprop: alpha is -1"),
        ("Adadelta", {"rho": 2}, "Adadelta: rho is 2; use 0 to 1"),
        ("Adagrad", {"lr_decay": -1}, "Adagrad: lr_decay is -1"),
        ("NAdam", {"momentum_decay": -1}, "NAdam: momentum_decay is -1"),
        ("RAdam", {"weight_decay": -1}, "RAdam: weight_decay is -1"),
        ("Adamax", {"eps": -1}, "Adamax: eps is -1"),
        ("Rprop", {"etas": (2, 1)}, r"Rprop: etas are \(2, 1\)"),
        ("ASGD", {"lr": -1}, "ASGD: lr is -1"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        getattr(optim, name)([tg.nn.Parameter(tg.ones(2))], **options)


def test_a_rate_of_several_elements_is_refused():
    with pytest.raises(ArgumentError, match=r"Adam: lr has shape \(2,\); use a number or a 0-d tensor"):
        optim.Adam([tg.nn.Parameter(tg.ones(2))], lr=tg.ones(2))
