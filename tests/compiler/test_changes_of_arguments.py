"""Calls with other arguments than the first: sizes, dtypes, orders in memory, plain values, gradients."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

from .twins import agree
from .worlds import network, own_step, world


def test_batches_of_other_sizes():
    sizes = (6, 6, 3, 6, 1, 3, 6, 2, 1, 6)

    def script(w, i):
        x, y = w.batch(i)
        return w.step(x[: sizes[i]], y[: sizes[i]])

    agree(lambda: world(model=lambda: network(nn.Dropout(0.3))), script, len(sizes), programs=4)


def test_a_batch_of_none():
    def script(w, i):
        x, y = w.batch(i)
        n = 0 if i % 3 == 1 else 6
        return w.step(x[:n], y[:n])

    agree(lambda: world(loss=lambda: nn.CrossEntropyLoss(reduction="sum")), script)


def test_inputs_in_any_order_in_memory():
    def script(w, i):
        x, y = w.batch(i)
        ways = [
            lambda: (x.T.contiguous().T, y),
            lambda: (tg.cat([x, x], 1)[:, ::2], y),
            lambda: (x.flip(0), y.flip(0)),
            lambda: (x[::2], y[::2]),
            lambda: (x[:1].expand(6, 4), y),
            lambda: (tg.from_numpy(np.asfortranarray(x.numpy())), tg.from_numpy(y.numpy()[::-1])),
        ]
        return w.step(*ways[i % len(ways)]())

    agree(world, script, 12)


def test_labels_of_other_dtypes():
    def script(w, i):
        x, y = w.batch(i)
        return w.step(x, (y, y.int(), F.one_hot(y, 3).float(), y.short())[i % 4])

    agree(world, script, 8)


def test_tensors_and_plain_values_among_the_arguments():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(batch, *, scale=1.0, mode="train", options=None):
            opt.zero_grad()
            loss = F.cross_entropy(net(batch["x"]), batch["y"]) * scale
            if mode == "train":
                loss.backward()
                opt.step()
            return {"loss": loss.detach(), "mode": mode, "options": options, "scale": scale}

        return step

    def script(w, i):
        x, y = w.batch(i)
        calls = [
            lambda: w.step({"x": x, "y": y}),
            lambda: w.step({"x": x, "y": y}, scale=2.0),
            lambda: w.step({"x": x, "y": y}, scale=2),
            lambda: w.step({"y": y, "x": x}, mode="test", options=(1, "a", None)),
        ]
        return calls[i % 4]()

    agree(own_step(make_step), script, 9)


def test_true_one_and_one_point_zero_are_three_arguments():
    def make_step(w):
        def step(x, n):
            return x * n, type(n).__name__

        return step

    agree(own_step(make_step), lambda w, i: w.step(w.batch(0)[0].long(), (True, 1, 1.0, 0, 0.0, -0.0, False)[i]), 7)


def test_grad_mode_around_the_call():
    def make_step(w):
        net = w.model

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            if tg.is_grad_enabled():
                loss.backward()
            return loss

        return step

    def script(w, i):
        if i % 3 == 1:
            with tg.no_grad():
                return w.step(*w.batch(i))
        if i % 3 == 2:
            with tg.inference_mode():
                return w.step(*w.batch(i))
        return w.step(*w.batch(i))

    agree(own_step(make_step), script, 9, refusals=None)


def test_arguments_that_require_gradients():
    def make_step(w):
        net = w.model

        def step(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            return loss.detach()

        return step

    def script(w, i):
        x, y = w.batch(i)
        x = x.clone().requires_grad_(i % 2 == 1)
        return w.step(x, y), x.grad, (w.step((x * 2), y) if i == 3 else None)

    agree(own_step(make_step), script, 6, refusals=None)


def test_an_argument_made_to_require_a_gradient_inside():
    def make_step(w):
        net = w.model

        def step(x, y):
            x.requires_grad_(True)
            F.cross_entropy(net(x), y).backward()
            return x.grad

        return step

    def script(w, i):
        x = w.batch(i)[0].clone()
        g = w.step(x, w.batch(i)[1])
        return g, x, x.grad

    agree(own_step(make_step), script, 4, refusals=None)


def test_a_leaf_made_of_an_argument_inside():
    def make_step(w):
        net = w.model

        def step(x, y):
            leaf = x.detach().requires_grad_()
            (g,) = tg.autograd.grad(F.cross_entropy(net(leaf), y), leaf)
            other = x.clone().requires_grad_()
            F.cross_entropy(net(other), y).backward()
            return x + 0.1 * g.sign(), other.grad

        return step

    agree(own_step(make_step), programs=2)


def test_a_namespace_is_no_argument_but_runs():
    def make_step(w):
        def step(batch):
            return batch.x * 2

        return step

    agree(own_step(make_step), lambda w, i: w.step(SimpleNamespace(x=w.batch(i)[0])), 4, refusals=1)


def test_zeros_of_both_signs_and_nan_are_arguments_of_their_own():
    def make_step(w):
        w.net = nn.Module()
        w.net.bias = 0.0
        net = w.net

        def step(x, n):
            return 1.0 / (x.abs() * n), 1.0 / (x.abs() * net.bias)

        return step

    def script(w, i):
        w.net.bias = (0.0, -0.0, float("nan"))[i % 3]
        return w.step(w.batch(0)[0], (0.0, -0.0, float("nan"), 1.0)[i % 4])

    agree(own_step(make_step), script, 24, refusals=None)


def test_a_copied_trainer_trains_its_own_model():
    class Trainer:
        def __init__(self):
            self.model = network()
            self.opt = tg.optim.Adam(self.model.parameters(), lr=0.1)
            self.compiled = Compiled(self.step)

        def step(self, x, y):
            self.opt.zero_grad()
            loss = F.cross_entropy(self.model(x), y)
            loss.backward()
            self.opt.step()
            return loss.detach()

    w = world()
    trainer = Trainer()
    trainer.compiled(*w.batch(0))
    other = copy.deepcopy(trainer)
    before = trainer.model[0].weight.detach().clone()
    a = other.compiled(*w.batch(1))
    assert tg.equal(before, trainer.model[0].weight)
    assert not tg.equal(before, other.model[0].weight)
    assert tg.equal(a, trainer.compiled(*w.batch(1)))
    assert tg.equal(trainer.model[0].weight, other.model[0].weight)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x * 1 if x.is_contiguous() else x * 2,
        lambda x: x * float(x.stride()[0]),
        lambda x: x * (1 + x.storage_offset()),
        lambda x: x * (2 if x._is_view() else 3),
        lambda x: x * (1 + x._version),
    ],
)
def test_a_step_that_asks_how_memory_lies_runs_eagerly(ask):
    whole = tg.arange(18.0).reshape(2, 3, 3)
    compiled = tg.compile(ask)
    with pytest.warns(tg.errors.TapegradWarning, match="how a tensor lies in memory"):
        compiled(tg.ones(3, 3))
    for x in (whole[1].T, whole[1], tg.ones(3, 3).mul_(2)):
        assert compiled(x).tolist() == ask(x).tolist()
