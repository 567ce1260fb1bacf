"""What a user changes between calls: a program must see it, and where it can, go on without a new one."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled
from tapegrad.optim import lr_scheduler

from .twins import agree
from .worlds import network, own_step, world


def changed_at(at, change):
    """Return a script that makes a change before some calls."""

    def script(w, i):
        if i in at:
            change(w, i)
        return w.step(*w.batch(i))

    return script


# -- what an optimizer is told --------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "damped": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.05),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.05, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.05),
    "RMSprop": lambda p: tg.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: tg.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adadelta": lambda p: tg.optim.Adadelta(p, lr=0.5),
    "Adamax": lambda p: tg.optim.Adamax(p, lr=0.05),
    "NAdam": lambda p: tg.optim.NAdam(p, lr=0.05),
    "RAdam": lambda p: tg.optim.RAdam(p, lr=0.05),
    "Rprop": lambda p: tg.optim.Rprop(p, lr=0.01),
    "ASGD": lambda p: tg.optim.ASGD(p, lr=0.05, t0=3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_with_a_rate_that_changes(name):
    def change(w, i):
        for group in w.opt.param_groups:
            group["lr"] *= 0.7

    twin = agree(lambda: world(OPTIMIZERS[name]), changed_at(range(2, 12), change), 12)
    # RAdam goes another way from its sixth step on, ASGD from t0 on.
    assert twin.compiled[0].programs <= (2 if name in ("RAdam", "ASGD") else 1), twin.compiled[0].programs


def test_numbers_of_the_optimizer_change_without_a_new_program():
    def change(w, i):
        group = w.opt.param_groups[0]
        group["lr"], group["betas"], group["eps"] = 0.01 * i, (0.8, 0.99 - 0.01 * i), 1e-6

    agree(world, changed_at((2, 4, 5), change), 8, programs=1)


def test_momentum_changes_without_a_new_program():
    def change(w, i):
        w.opt.param_groups[0]["momentum"] = 0.5 + 0.05 * i

    agree(lambda: world(OPTIMIZERS["momentum"]), changed_at((2, 4, 5), change), 8, programs=1)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_weight_decay_on_and_off(name):
    def change(w, i):
        w.opt.param_groups[0]["weight_decay"] = (0.1, 0.0, 0.3, 0)[i // 2 % 4]

    agree(lambda: world(OPTIMIZERS[name]), changed_at(range(2, 12, 2), change), 12, programs=2)


def test_momentum_on_and_off():
    def change(w, i):
        w.opt.param_groups[0]["momentum"] = 0.9 * (i % 2)

    agree(lambda: world(OPTIMIZERS["momentum"]), changed_at(range(2, 9), change), 9)


@pytest.mark.parametrize("option", ["maximize", "amsgrad", "decoupled_weight_decay"])
def test_options_that_make_another_program(option):
    def change(w, i):
        w.opt.param_groups[0][option] = i % 4 == 2
        if option == "amsgrad":
            for p in w.opt.param_groups[0]["params"]:
                w.opt.state[p].setdefault("max_exp_avg_sq", tg.zeros_like(p))

    make = lambda: world(lambda p: tg.optim.Adam(p, lr=0.05, weight_decay=0.1))  # noqa: E731
    agree(make, changed_at(range(2, 9, 2), change), 9)


def test_a_rate_that_is_a_tensor():
    def change(w, i):
        w.opt.param_groups[0]["lr"].mul_(0.5)

    agree(lambda: world(lambda p: tg.optim.Adam(p, lr=tg.tensor(0.1))), changed_at((2, 4), change), 6, refusals=None)


SCHEDULES = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=20),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, cycle_momentum=False),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 3), lr_scheduler.CosineAnnealingLR(o, 6)], [3]
    ),
}


@pytest.mark.parametrize("place", ["inside", "outside"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name, place):
    def make():
        w = world(
            lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9) if name == "OneCycleLR" else tg.optim.Adam(p, lr=0.1),
        )
        w.schedule = schedule = SCHEDULES[name](w.opt)
        if place == "inside":
            plain = w.step

            def step(x, y):
                loss = plain(x, y)
                schedule.step()
                return loss

            w.step = step
        return w

    def script(w, i):
        loss = w.step(*w.batch(i))
        if place == "outside":
            w.schedule.step()
        return loss

    agree(make, script, 10, programs=1)


def test_a_schedule_that_looks_at_the_loss():
    def make():
        w = world()
        w.schedule = schedule = lr_scheduler.ReduceLROnPlateau(w.opt, patience=0, threshold=0.5)
        plain = w.step

        def step(x, y):
            loss = plain(x, y)
            schedule.step(loss)
            return loss

        w.step = step
        return w

    agree(make, calls=8, refusals=None)


# -- what a model is told ---------------------------------------------------------------------------------------------------


def deep():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3))


def test_training_and_evaluation():
    agree(lambda: world(model=deep), changed_at(range(1, 9), lambda w, i: w.model.train(i % 3 != 0)), 9, programs=2)


def test_one_layer_in_evaluation():
    agree(lambda: world(model=deep), changed_at(range(1, 9), lambda w, i: w.model[1].train(i % 3 != 0)), 9, programs=2)


def test_layers_frozen_and_thawed():
    def change(w, i):
        w.model[0].requires_grad_(i % 4 != 2)

    agree(lambda: world(model=deep), changed_at(range(1, 10), change), 10)


def test_parameters_frozen_from_the_start():
    def model():
        net = deep()
        net[0].weight.requires_grad_(False)
        net[4].bias.requires_grad_(False)
        return net

    agree(lambda: world(model=model), programs=1)


def test_a_rate_of_dropout_that_changes():
    def change(w, i):
        w.model[3].p = 0.1 * (i % 3)

    agree(lambda: world(model=deep), changed_at(range(1, 9), change), 9, programs=4)


def test_a_parameter_replaced():
    def change(w, i):
        w.model[0].weight = nn.Parameter(tg.ones(8, 4) * 0.1 * i)

    agree(lambda: world(model=deep), changed_at((2, 4), change), 7)


def test_a_parameter_replaced_in_a_layer_that_is_not_called():
    def make_step(w):
        net, opt = w.model, w.opt

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(F.linear(x, net[2].weight @ net[0].weight), y)
            loss.backward()
            opt.step()
            return loss

        return step

    def change(w, i):
        w.model[0].weight = nn.Parameter(tg.ones(8, 4) * 0.1 * i)

    agree(own_step(make_step), changed_at((2, 4), change), 7)


def test_values_of_parameters_set():
    def change(w, i):
        weight = w.model[0].weight
        if i % 3 == 0:
            weight.data = tg.ones(8, 4) * 0.1 * i
        elif i % 3 == 1:
            weight.data[1] = 0.5
        else:
            with tg.no_grad():
                weight.mul_(0.5)
                w.model[0].bias.copy_(tg.zeros(8))

    agree(lambda: world(model=deep), changed_at(range(2, 8), change), 9)


def test_values_initialised_anew():
    agree(lambda: world(model=deep), changed_at((2, 4), lambda w, i: nn.init.normal_(w.model[0].weight)), 6, programs=1)


def test_a_layer_replaced_and_one_added():
    def change(w, i):
        if i == 2:
            w.model[2] = nn.Tanh()
        else:
            w.model.append(nn.Softplus())

    agree(lambda: world(model=deep), changed_at((2, 4), change), 6)


def test_the_81st_layer_replaced():
    def model():
        return nn.Sequential(nn.Linear(4, 3), *(nn.Identity() for _ in range(80)), nn.Tanh())

    agree(lambda: world(model=model), changed_at((2,), lambda w, i: w.model.__setitem__(80, nn.Sigmoid())), 4)


def test_a_forward_that_is_replaced():
    def change(w, i):
        w.model[2].forward = (lambda x: x.sigmoid()) if i == 2 else (lambda x: x.tanh())

    agree(lambda: world(model=deep), changed_at((2, 4), change), 6)


def test_dtypes_that_change():
    def change(w, i):
        if i == 2:
            w.model.double()
            w.batch = lambda k, b=w.batch: (b(k)[0].double(), b(k)[1])

    agree(lambda: world(OPTIMIZERS["SGD"], model=deep), changed_at((2,), change), 5)


def test_the_default_dtype_changes():
    def make_step(w):
        def step(x, y):
            return x * tg.ones(4) + tg.tensor(0.1), tg.zeros(2), tg.arange(3.0)

        return step

    def script(w, i):
        tg.set_default_dtype(tg.float64 if i % 2 else tg.float32)
        try:
            return w.step(*w.batch(i))
        finally:
            tg.set_default_dtype(tg.float32)

    agree(own_step(make_step), script, programs=2)


def test_weights_that_are_only_read_detached():
    def make():
        w = world()
        w.teacher = nn.Linear(4, 4)
        nn.init.zeros_(w.teacher.bias)
        teacher = w.teacher
        w.step = lambda x, y: x + teacher.bias.detach() + teacher.weight.data[0] + teacher.bias.data

        return w

    def script(w, i):
        with tg.no_grad():
            w.teacher.bias.add_(i)
        if i == 3:
            w.teacher.bias.data = tg.ones(4) * 9
        if i == 4:
            w.teacher.weight.data = tg.ones(4, 4) * 9
        return w.step(*w.batch(i))

    agree(make, script, 7)


# -- states loaded and copied ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Adam", "momentum", "RMSprop"])
def test_states_loaded(name):
    def script(w, i):
        if i == 2:
            w.saved = copy.deepcopy((w.model.state_dict(), w.opt.state_dict()))
        if i in (5, 6):
            w.model.load_state_dict(w.saved[0])
            w.opt.load_state_dict(w.saved[1])
        if i == 8:
            w.model.load_state_dict(
                {k: v + 0.1 for k, v in w.model.state_dict().items() if v.dtype == tg.float32}, strict=False
            )
        return w.step(*w.batch(i))

    agree(lambda: world(OPTIMIZERS[name], model=deep), script, 10)


def test_a_model_state_loaded_needs_no_new_program():
    def script(w, i):
        if i == 2:
            w.saved = {k: v.clone() for k, v in w.model.state_dict().items()}
        if i == 4:
            w.model.load_state_dict(w.saved)
        return w.step(*w.batch(i))

    agree(lambda: world(model=deep), script, 7, programs=1)


def test_state_dicts_kept_share_memory_as_they_do_eagerly():
    def script(w, i):
        if i == 1:
            w.saved = w.model.state_dict()
        return w.step(*w.batch(i)), dict(w.saved) if i else None

    agree(lambda: world(model=deep), script, 6)


def test_the_optimizers_state_cleared():
    def change(w, i):
        if i == 2:
            w.opt.state.clear()
        elif i == 4:
            w.opt.state[w.model[0].weight].clear()
        elif i == 6:
            w.opt.state = type(w.opt.state)(dict)
        else:
            del w.opt.state[w.model[0].bias]

    agree(lambda: world(model=deep), changed_at((2, 4, 6, 8), change), 10)


def test_steps_of_the_parameters_that_are_not_equal():
    def change(w, i):
        w.opt.state[w.model[0].weight]["step"].add_(3.0)

    agree(lambda: world(model=deep), changed_at((3,), change), 6)


def test_a_group_added_and_parameters_exchanged():
    def make():
        w = world()
        w.extra = nn.Parameter(tg.ones(3))
        net, opt, extra = w.model, w.opt, w.extra

        def step(x, y):
            opt.zero_grad()
            loss = F.cross_entropy(net(x) * extra, y)
            loss.backward()
            opt.step()
            return loss

        w.step = step
        return w

    def change(w, i):
        if i == 2:
            w.opt.add_param_group({"params": [w.extra], "lr": 0.3})
        else:
            params = w.opt.param_groups[0]["params"]
            params[0] = params[0] if i == 4 else nn.Parameter(tg.zeros(2))

    agree(make, changed_at((2, 4, 6), change), 8)


def test_a_copied_world_goes_its_own_way():
    def script(w, i):
        if i == 2:
            w.copy, w.copied_opt = copy.deepcopy((w.model, w.opt))
        loss = w.step(*w.batch(i))
        if i >= 2:
            w.copied_opt.zero_grad()
            F.cross_entropy(w.copy(w.batch(i)[0]), w.batch(i)[1]).backward()
            w.copied_opt.step()
        return loss

    agree(lambda: world(model=deep), script, 6)


def test_pickled_states():
    def script(w, i):
        if i == 3:
            model, states = pickle.loads(pickle.dumps((w.model, w.opt.state_dict())))
            w.model.load_state_dict(model.state_dict())
            w.opt.load_state_dict(states)
        return w.step(*w.batch(i))

    agree(lambda: world(model=deep), script, 6)


# -- other arguments ------------------------------------------------------------------------------------------------------


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
