"""LBFGS, Adafactor, Muon, averages of weights, steps with gradients, and the optimizers that torch.optim has not."""

import copy
import itertools

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors

torch = pytest.importorskip("torch")
BOTH = (torch, tg)
START = [np.cos(np.arange(12.0)).reshape(4, 3), np.sin(np.arange(4.0)), np.cos(np.arange(8.0) * 2).reshape(2, 4)]


def parameters(t, dtype="float64", shapes=START):
    return [t.nn.Parameter(t.tensor(a).to(getattr(t, dtype))) for a in shapes]


def loss_of(t, ws):
    x = t.tensor(np.linspace(-1, 1, 15).reshape(5, 3)).to(ws[0].dtype)
    return ((t.tanh(x @ ws[0].T + ws[1]) @ ws[2].T - 0.3) ** 2).sum() + (ws[0] ** 4).sum() * 0.1


def trained(t, make, steps, dtype="float64", shapes=START):
    ws = parameters(t, dtype, shapes)
    optimizer = make(t, ws)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = loss_of(t, ws)
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return losses, [w.tolist() for w in ws], optimizer


OPTIONS = {
    "LBFGS": [
        {},
        {"lr": 0.5, "max_iter": 4},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 7},
        {"tolerance_grad": 1e-2},
        {"max_eval": 3},
    ],
    "Adafactor": [
        {},
        {"lr": 0.1, "weight_decay": 0.2},
        {"eps": (1e-4, 1e-2), "d": 1.5, "beta2_decay": -0.5},
        {"maximize": True},
    ],
}


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, all_of in OPTIONS.items() for o in all_of])
def test_against_pytorch(name, options):
    theirs, ours = (trained(t, lambda t, ws: getattr(t.optim, name)(ws, **options), 6) for t in BOTH)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-8)
    for a, b in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.0},
        {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"},
        {"momentum": 0.5, "ns_steps": 3},
    ],
)
def test_muon_agrees_to_bfloat16(options):
    shapes = [START[0], START[0][:1], START[2]]

    def steps(t):
        ws = parameters(t, "float32", shapes)
        optimizer = t.optim.Muon(ws, **options)
        for _ in range(5):
            optimizer.zero_grad()
            sum((w * w * 0.5).sum() for w in ws).backward()
            optimizer.step()
        return [w.detach().numpy() for w in ws]

    for ours, theirs, start in zip(steps(tg), steps(torch), shapes, strict=True):
        moved = np.abs(theirs - start).max()
        assert np.abs(ours - theirs).max() < 0.12 * moved


def test_muon_wants_matrices():
    for t in BOTH:
        with pytest.raises(ValueError):  # noqa: PT011 (theirs has another message)
            t.optim.Muon([t.nn.Parameter(t.ones(3))])


def test_lbfgs_is_refused_where_pytorch_refuses():
    for t in BOTH:
        ws = parameters(t)
        with pytest.raises(ValueError):  # noqa: PT011
            t.optim.LBFGS([{"params": ws[:1]}, {"params": ws[1:]}])


def test_lbfgs_resumes_from_its_state():
    whole = trained(tg, lambda t, ws: t.optim.LBFGS(ws, max_iter=3), 4)
    ws = parameters(tg)
    first = tg.optim.LBFGS(ws, max_iter=3)

    def closure():
        for w in ws:
            w.grad = None
        loss = loss_of(tg, ws)
        loss.backward()
        return loss

    first.step(closure)
    first.step(closure)
    second = tg.optim.LBFGS(ws, max_iter=3)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.step(closure)
    second.step(closure)
    assert [w.tolist() for w in ws] == whole[1]


def test_sparse_adam_leaves_other_rows_alone():
    w = tg.nn.Parameter(tg.ones(4, 2))
    optimizer, plain = tg.optim.SparseAdam([w], lr=0.1), tg.nn.Parameter(tg.ones(1, 2))
    reference = tg.optim.Adam([plain], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        reference.zero_grad()
        (w[2] ** 2).sum().backward()
        (plain**2).sum().backward()
        optimizer.step()
        reference.step()
    assert w[[0, 1, 3]].tolist() == [[1.0, 1.0]] * 3
    np.testing.assert_allclose(w[2].tolist(), plain[0].tolist(), rtol=1e-5)


# -- restated formulas ----------------------------------------------------------------------------------------------------


def run(make, formula, steps=4):
    w = tg.nn.Parameter(tg.tensor(START[0]))
    optimizer, a, memory = make([w]), START[0].copy(), {}
    for t in range(1, steps + 1):
        optimizer.zero_grad()
        (w**3).sum().backward()
        optimizer.step()
        a = formula(a, 3 * a**2, memory, t)
    np.testing.assert_allclose(w.tolist(), a, rtol=1e-10)


def test_lion():
    def formula(w, g, memory, t):
        m = memory.get("m", 0.0)
        memory["m"] = 0.99 * m + 0.01 * g
        return w * (1 - 0.01 * 0.1) - 0.01 * np.sign(0.9 * m + 0.1 * g)

    run(lambda ws: tg.optim.contrib.Lion(ws, lr=0.01, weight_decay=0.1), formula)


def test_lamb():
    def formula(w, g, memory, t):
        memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        memory["s"] = 0.999 * memory.get("s", 0.0) + 0.001 * g * g
        u = memory["m"] / (1 - 0.9**t) / (np.sqrt(memory["s"] / (1 - 0.999**t)) + 1e-6) + 0.1 * w
        return w - 0.01 * np.linalg.norm(w) / np.linalg.norm(u) * u

    run(lambda ws: tg.optim.contrib.LAMB(ws, lr=0.01, weight_decay=0.1), formula)


def test_lars():
    def formula(w, g, memory, t):
        ratio = 0.1 * np.linalg.norm(w) / (np.linalg.norm(g) + 0.01 * np.linalg.norm(w) + 1e-8)
        memory["b"] = 0.9 * memory.get("b", 0.0) + 0.5 * ratio * (g + 0.01 * w)
        return w - memory["b"]

    make = tg.optim.contrib.LARS
    run(lambda ws: make(ws, lr=0.5, momentum=0.9, weight_decay=0.01, trust_coefficient=0.1), formula)


def test_lookahead():
    def formula(w, g, memory, t):
        memory.setdefault("slow", START[0])
        w = w - 0.1 * g
        if t % 2:
            return w
        memory["slow"] = memory["slow"] + 0.3 * (w - memory["slow"])
        return memory["slow"]

    run(lambda ws: tg.optim.contrib.Lookahead(tg.optim.SGD(ws, lr=0.1), k=2, alpha=0.3), formula)


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam(adaptive):
    w, a = tg.nn.Parameter(tg.tensor(START[0])), START[0].copy()
    optimizer = tg.optim.contrib.SAM(tg.optim.SGD([w], lr=0.1), rho=0.2, adaptive=adaptive)

    def closure():
        optimizer.zero_grad()
        loss = (w**3).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
        g, scale = 3 * a**2, np.abs(a) if adaptive else 1.0
        near = a + 0.2 * g * scale**2 / np.linalg.norm(g * scale)
        a = a - 0.1 * 3 * near**2
    np.testing.assert_allclose(w.tolist(), a, rtol=1e-10)


def test_a_schedule_moves_the_wrapped_optimizer():
    w = tg.nn.Parameter(tg.ones(1))
    inner = tg.optim.SGD([w], lr=1.0)
    optimizer = tg.optim.contrib.Lookahead(inner, k=5)
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    w.sum().backward()
    optimizer.step()
    schedule.step()
    assert inner.param_groups[0]["lr"] == pytest.approx(0.1)
    again = tg.optim.contrib.Lookahead(tg.optim.SGD([w], lr=3.0), k=5)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert again.optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


# -- steps with gradients -------------------------------------------------------------------------------------------------

NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "ASGD"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_gradients_through_steps(name):
    results = []
    for t in BOTH:
        leaf, push = t.tensor(START[0], requires_grad=True), t.tensor(START[0] * 2 + 1, requires_grad=True)
        w = leaf.clone()
        optimizer = getattr(t.optim, name)([w], lr=0.1, differentiable=True)
        for _ in range(2):
            w.grad = push * 3
            optimizer.step()
        result = t.stack(t.autograd.grad((w**2).sum(), (leaf, push)))
        results.append((w.tolist(), result.tolist()))
    # PyTorch corrects Adam's moments in float32 here.
    for ours, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# -- averages -------------------------------------------------------------------------------------------------------------


def model_of(t):
    model = t.nn.Sequential(t.nn.Linear(3, 2), t.nn.BatchNorm1d(2)).double()
    with t.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(t.tensor(np.cos(np.arange(p.numel()) + i)).reshape(p.shape))
    return model


KINDS = {
    "swa": lambda t: {},
    "ema": lambda t: {"avg_fn": t.optim.swa_utils.get_ema_avg_fn(0.7)},
    "ema of all": lambda t: {"multi_avg_fn": t.optim.swa_utils.get_ema_multi_avg_fn(0.7), "use_buffers": True},
    "swa of all": lambda t: {"multi_avg_fn": t.optim.swa_utils.get_swa_multi_avg_fn()},
}


@pytest.mark.parametrize("kind", KINDS)
def test_averaged_models(kind):
    results = []
    for t in BOTH:
        model = model_of(t)
        average = t.optim.swa_utils.AveragedModel(model, **KINDS[kind](t))
        batches = [(t.tensor(START[0]) * i, None) for i in range(1, 4)]
        for x, _ in batches:
            model(x)
            with t.no_grad():
                for p in model.parameters():
                    p.mul_(1.5)
            average.update_parameters(model)
        t.optim.swa_utils.update_bn(batches, average)
        average.eval()
        results.append((average(batches[0][0]).tolist(), {k: v.tolist() for k, v in average.state_dict().items()}))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-7)  # PyTorch weighs in float32
    assert results[0][1].keys() == results[1][1].keys()
    for name, value in results[0][1].items():
        np.testing.assert_allclose(results[1][1][name], value, rtol=1e-7)


@pytest.mark.parametrize(("strategy", "epochs", "after"), list(itertools.product(["cos", "linear"], [0, 1, 4], [0, 3])))
def test_swalr(strategy, epochs, after):
    results = []
    for t in BOTH:
        optimizer = t.optim.SGD([{"params": [t.nn.Parameter(t.ones(1))], "lr": r} for r in (1.0, 0.2)])
        first = t.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        rates = []
        for _ in range(after):
            optimizer.step()
            first.step()
        schedule = t.optim.swa_utils.SWALR(optimizer, [0.05, 0.01], epochs, strategy)
        for _ in range(7):
            optimizer.step()
            schedule.step()
            rates.append([g["lr"] for g in optimizer.param_groups])
        results.append(rates)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda w: tg.optim.LBFGS(w, line_search_fn="armijo"),
        lambda w: tg.optim.Adafactor(w, d=0.5),
        lambda w: tg.optim.Muon(w, ns_steps=0),
        lambda w: tg.optim.contrib.Lookahead(tg.optim.SGD(w), k=0),
        lambda w: tg.optim.contrib.SAM(tg.optim.SGD(w), rho=-1),
        lambda w: tg.optim.contrib.Lion(w, betas=(1.0, 0.5)),
        lambda w: tg.optim.swa_utils.get_ema_avg_fn(2.0),
        lambda w: tg.optim.swa_utils.SWALR(tg.optim.SGD(w), 0.1, anneal_strategy="step"),
        lambda w: tg.optim.LBFGS(w).step(),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(errors.ArgumentError):
        call([tg.nn.Parameter(tg.ones(2, 2))])


@pytest.mark.parametrize("name", ["Adafactor", "Muon", "contrib.LAMB", "contrib.Lion", "SparseAdam"])
def test_compiled_steps(name):
    results = []
    for compiled in (False, True):
        ws = [tg.nn.Parameter(tg.tensor(a)) for a in (START[0], START[2])]
        optimizer = getattr(tg.optim.contrib if "." in name else tg.optim, name.split(".")[-1])(ws, lr=0.05)

        def step(x, ws=ws, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((x @ ws[0].T @ ws[1].T) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss

        run_step = tg.compile(step) if compiled else step
        losses = [run_step(tg.tensor(START[0][:2] * k)).item() for k in (1.0, 1.5, 0.5)]
        results.append((losses, [w.tolist() for w in ws]))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-9)
    for a, b in zip(results[1][1], results[0][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8)
