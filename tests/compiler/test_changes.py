"""What a user changes between calls: a program must see it, and where it can, go on without a new one."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn

from .twins import agree
from .worlds import OPTIMIZERS, changed_at, own_step, world

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
