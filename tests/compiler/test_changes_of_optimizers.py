"""What an optimizer is told between calls: rates, options, schedules."""

from __future__ import annotations

import pytest

import tapegrad as tg
from tapegrad.optim import lr_scheduler

from .twins import agree
from .worlds import OPTIMIZERS, changed_at, world


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
