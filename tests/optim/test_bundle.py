"""Small parameters are updated together: to the bit what each alone would have become."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import optim
from tapegrad.optim import optimizer as module

CASES = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "classic": True}),
    (optim.Adam, {"lr": 0.1, "maximize": True}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    (optim.AdamW, {"lr": 0.1}),
    (optim.Adadelta, {}),
    (optim.Adagrad, {"lr_decay": 0.1}),
    (optim.Adamax, {}),
    (optim.ASGD, {"t0": 2}),
    (optim.NAdam, {}),
    (optim.RAdam, {}),
    (optim.RMSprop, {"momentum": 0.9, "centered": True}),
    (optim.Rprop, {}),
]
SHAPES = [(3, 4), (4,), (1,), (), (5000,), (2, 0)]


def parameters(shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [tg.nn.Parameter(tg.from_numpy(np.asarray(rng.standard_normal(s), np.float32))) for s in shapes]


def run(kind, options, steps=6, between=lambda optimizer, step: None, shapes=SHAPES):
    params = parameters(shapes)
    optimizer = kind(params, **options)
    rng = np.random.default_rng(1)
    for step in range(steps):
        for i, p in enumerate(params):
            g = np.asarray(rng.standard_normal(p.shape), np.float32)
            p.grad = None if (step, i) in {(2, 1), (3, 0), (3, 2)} else tg.from_numpy(g)
        optimizer.step()
        between(optimizer, step)
    states = [t.array for p in params for _, t in sorted(optimizer.state[p].items())]
    return [p.array for p in params] + states


def alone(monkeypatch, *args, **kwargs):
    with monkeypatch.context() as patch:
        patch.setattr(module, "LARGEST", -1)
        return run(*args, **kwargs)


def same(first, second):
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_together_is_to_the_bit_each_alone(kind, options, monkeypatch):
    bundled = []
    original = module.Bundle.scatter_states
    monkeypatch.setattr(module.Bundle, "scatter_states", lambda *a: (bundled.append(1), original(*a)))
    together = run(kind, options)
    assert len(bundled) >= 2
    assert same(together, alone(monkeypatch, kind, options))


def reload(optimizer, step):
    if step == 1:
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def replace_memory(optimizer, step):
    for p in optimizer.param_groups[0]["params"]:
        p.data = p.detach().clone()
        for t in optimizer.state[p].values():
            t.array = t.array.copy()


def count_back(optimizer, step):
    if step == 1:
        p = optimizer.param_groups[0]["params"][0]
        optimizer.state[p]["step"].array.fill(0)


@pytest.mark.parametrize("between", [reload, replace_memory, count_back])
def test_what_others_change_between_steps_counts(between, monkeypatch):
    together = run(optim.Adam, {"lr": 0.1}, between=between)
    assert same(together, alone(monkeypatch, optim.Adam, {"lr": 0.1}, between=between))
    assert between is not count_back or not same(together, run(optim.Adam, {"lr": 0.1}))


def test_parameters_that_share_memory_are_updated_one_after_the_other():
    w = tg.nn.Parameter(tg.ones(3))
    tied = tg.nn.Parameter(w.detach())
    optimizer = optim.SGD([w, tied], lr=1.0)
    w.grad, tied.grad = tg.full((3,), 0.25), tg.full((3,), 0.5)
    optimizer.step()
    assert w.tolist() == [0.25] * 3


def test_dtypes_are_not_mixed(monkeypatch):
    params = [tg.nn.Parameter(tg.ones(2)), tg.nn.Parameter(tg.ones(2).double()), tg.nn.Parameter(tg.ones(2).double())]
    optimizer = optim.Adam(params, lr=0.1)
    for _ in range(3):
        for p in params:
            p.grad = tg.full((2,), 1 / 3, dtype=p.dtype)
        optimizer.step()
    assert [p.dtype for p in params] == [np.float32, np.float64, np.float64]
    assert params[0].tolist() == pytest.approx(params[1].tolist(), abs=1e-6)


def test_an_update_that_looks_at_a_whole_parameter_gets_each_alone():
    class Normed(optim.SGD):
        def _update(self, p, g, work, state, group):
            p -= group["lr"] * g / np.linalg.norm(g)

    params = [tg.nn.Parameter(tg.zeros(2)), tg.nn.Parameter(tg.zeros(2))]
    optimizer = Normed(params, lr=1.0)
    for p, scale in zip(params, (1.0, 10.0), strict=True):
        p.grad = tg.tensor([3.0, 4.0]) * scale
    optimizer.step()
    np.testing.assert_allclose([p.tolist() for p in params], [[-0.6, -0.8]] * 2, rtol=1e-6)


def test_writes_are_counted_and_copies_carry_no_memory():
    params = parameters([(2,), (3,)])
    optimizer = optim.Adam(params)
    for _ in range(3):
        for p in params:
            p.grad = tg.ones_like(p)
        optimizer.step()
    assert [p._version for p in params] == [3, 3]
    assert pickle.loads(pickle.dumps(optimizer))._bundles == {}
