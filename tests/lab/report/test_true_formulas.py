"""Printed formulas are true: computed from their LaTeX, they give what the layers, schedules and optimizers give."""

import numpy as np
import pytest
from report_evaluation import evaluate

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.explain.formulas.notation import Symbol
from tapegrad.lab.report.formulas.activations import formulas
from tapegrad.lab.report.formulas.losses import loss_lines
from tapegrad.lab.report.formulas.optimizers import update_lines
from tapegrad.lab.report.formulas.schedules import schedule_lines

ACTIVATIONS = [
    nn.ReLU(),
    nn.ReLU3(),
    nn.LeakyReLU(0.1),
    nn.ReLU6(),
    nn.Hardtanh(-0.5, 1.5),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.LogSigmoid(),
    nn.SiLU(),
    nn.Softsign(),
    nn.Softplus(),
    nn.Softplus(2.0),
    nn.Tanhshrink(),
    nn.ELU(),
    nn.ELU(0.7),
    nn.SELU(),
    nn.Hardsigmoid(),
    nn.Hardswish(),
]


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_activations(layer):
    x = np.array([-7.3, -3.7, -2.1, -0.41, -0.13, 0.27, 0.9, 1.7, 3.3, 5.6, 8.2])
    formula, derivative = formulas(layer)
    inputs = tg.tensor(x, requires_grad=True)
    output = layer(inputs)
    output.sum().backward()
    y = np.asarray(output.detach())
    np.testing.assert_allclose(evaluate(formula, {"x": x}) + 0 * x, y, rtol=1e-5, atol=1e-9)
    slope = np.asarray(inputs.grad)
    np.testing.assert_allclose(evaluate(derivative, {"x": x, "y": y}) + 0 * x, slope, rtol=1e-4, atol=1e-9)


SCHEDULES = [
    ("StepLR", {"step_size": 4, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [3, 8], "gamma": 0.2}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 5}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 1.0, "total_iters": 6}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 6}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 9, "power": 2.0}),
    ("InverseTimeLR", {"decay": 0.05}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.001}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 13, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 13, "anneal_strategy": "linear", "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.1, "total_steps": 13, "three_phase": True, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "cycle_momentum": False}),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.1,
            "step_size_up": 3,
            "step_size_down": 2,
            "mode": "triangular2",
            "cycle_momentum": False,
        },
    ),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9, "cycle_momentum": False},
    ),
]


def defaults(cls):
    import inspect

    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=lambda v: str(v)[:40])
def test_schedules(name, options):
    cls = getattr(optim.lr_scheduler, name)
    optimizer = optim.SGD([nn.Parameter(tg.zeros(1))], lr=0.05)
    scheduler = cls(optimizer, **options)
    lines = schedule_lines(name, defaults(cls) | options, 0.05)
    for t in range(12):
        names = {"t": float(t)}
        for line in lines:
            if line.left == "h(x)":
                names["h"] = lambda x, right=line.right: evaluate(right, {"x": x})
            else:
                names[line.left.removeprefix("\\")] = evaluate(line.right, names)
        assert float(names["eta_t"]) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-4), t
        optimizer.step()
        scheduler.step()


def test_cosine_with_restarts_counts_from_the_last_one():
    lines = schedule_lines("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.0}, 0.05)
    optimizer = optim.SGD([nn.Parameter(tg.zeros(1))], lr=0.05)
    scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, 2)
    for t, i in zip(range(12), [0, 0, 0, *[1] * 6, 2, 2, 2], strict=True):
        names = {"t": float(t), "i": float(i)}
        names["T_i"] = evaluate(lines[0].right, names)
        names["u"] = evaluate(lines[1].right.partition(r", \quad")[0], names)
        assert 0 <= names["u"] < names["T_i"]
        assert evaluate(lines[2].right, names) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-5)
        optimizer.step()
        scheduler.step()


OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "classic": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "classic": True}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.05}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.25}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.8}),
    ("Adadelta", {"lr": 0.5}),
    ("Adamax", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.9, 0.99)}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=lambda v: str(v)[:60])
def test_optimizers(name, options):
    """Seven steps on f(w) = w², of which g = 2 w is the gradient."""
    w = nn.Parameter(tg.tensor([0.7], dtype=tg.float64))
    optimizer = getattr(optim, name)([w], **options)
    lines = update_lines(name, optimizer.defaults | {"lr": options["lr"]})
    names = dict.fromkeys(["m_t-1", "s_t-1", "v_t-1", "u_t-1"], 0.0) | {
        "w_t": 0.7,
        "gamma_t-1": options["lr"],
        "bar w_t": 0.0,
    }
    products = 1.0
    for t in range(1, 8):
        names["t"] = float(t)
        for line in lines:
            left = (
                line.left.replace("{", "")
                .replace("}", "")
                .replace("\\", "")
                .replace("hat", "hat ")
                .replace("bar", "bar ")
            )
            if left == "g_t" and line.relation == "=":
                names["g_t"] = (-2 if "-" in line.right[:1] else 2) * names["w_t"]
            elif left == "mu_t":
                names["mu_t"] = evaluate(line.right, names)
                names["mu_t+1"] = evaluate(line.right, {**names, "t": t + 1.0})
            elif left == "Pi_t":
                products *= names["mu_t"]
                names |= {"Pi_t": products, "Pi_t+1": products * names["mu_t+1"]}
            elif left == "s_0":
                names["s_t-1"] = float(line.right) if t == 1 else names["s_t-1"]
            else:
                names[left] = evaluate(line.right, names)
        names["w_t"] = names["w_t+1"]
        for letter in "msvu":
            names[f"{letter}_t-1"] = names.get(f"{letter}_t", 0.0)
        names["gamma_t-1"] = names.get("gamma_t", options["lr"])
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        assert float(names["w_t"]) == pytest.approx(w.item(), rel=2e-5), t


def test_rprop_grows_and_turns():
    lines = {line.left: line for line in update_lines("Rprop", optim.Rprop([nn.Parameter(tg.zeros(1))]).defaults)}
    step = lines[r"\Delta_t"].right.replace("g_t g_{t-1}", "q")
    for product, wanted in ((1.0, 0.012), (-1.0, 0.005), (0.0, 0.01)):
        assert evaluate(step, {"q": product, "Delta_t-1": 0.01}) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "loss",
    [nn.MSELoss(), nn.MSELoss(reduction="sum"), nn.L1Loss(), nn.HuberLoss(delta=0.5), nn.SmoothL1Loss(beta=0.5)],
    ids=repr,
)
def test_losses_of_differences(loss):
    """With one sample and one output the sum has one term, and the mean is the term."""
    forward, backward = loss_lines(loss, Symbol("Z", 1), (1,))
    for d in (-2.3, -0.3, 0.2, 1.9):
        z = tg.tensor([[d]], dtype=tg.float64, requires_grad=True)
        value = loss(z, tg.zeros(1, 1, dtype=tg.float64))
        value.backward()
        names = {"D": d, "D_n": d, "N": 1.0}
        term = forward[-1].right.replace(r"\sum_{n}", "")
        assert evaluate(term, names) == pytest.approx(value.item())
        assert evaluate(backward[0].right, names) == pytest.approx(z.grad.item())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(smoothing, rng):
    z = tg.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    labels = np.array([0, 2, 1, 1])
    nn.CrossEntropyLoss(label_smoothing=smoothing)(z, tg.tensor(labels)).backward()
    forward, backward = loss_lines(nn.CrossEntropyLoss(label_smoothing=smoothing), Symbol("Z", 1), (3,))
    scores = np.asarray(z.detach())
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    target = np.eye(3)[labels]
    if smoothing:
        target = evaluate(forward[1].right, {"Y": target})
    right = backward[0].right.replace(r"\tilde{Y}", "Y")
    np.testing.assert_allclose(evaluate(right, {"P": shares, "Y": target, "N": 4.0}), np.asarray(z.grad), rtol=1e-6)
