"""Steps whose Python code reads or sets an optimizer's options, and settings that hide others: compiled equals eager."""

import random

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.compiler.compiled import Compiled

X = tg.ones(4, 3)
SOURCE = random.Random(0)


def made():
    tg.manual_seed(0)
    model = tg.nn.Linear(3, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    return model, optimizer, schedule


def update(model, optimizer, x):
    optimizer.zero_grad()
    loss = model(x).sum()
    loss.backward()
    optimizer.step()
    return loss


def set_by_argument(model, optimizer, schedule):
    def step(x, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        return update(model, optimizer, x)

    return step, [(X, rate) for rate in (0.1, 0.2, 0.3, 0.1, 0.2, 0.2)]


def halve_before(model, optimizer, schedule):
    def step(x):
        optimizer.param_groups[0]["lr"] *= 0.5
        return update(model, optimizer, x)

    return step, [(X,)] * 5


def halve_after(model, optimizer, schedule):
    def step(x):
        loss = update(model, optimizer, x)
        optimizer.param_groups[0]["momentum"] *= 0.5
        return loss

    return step, [(X,)] * 5


def read_after_a_schedule(model, optimizer, schedule):
    def step(x):
        loss = update(model, optimizer, x)
        schedule.step()
        return loss, optimizer.param_groups[0]["lr"], schedule.get_last_lr()[0], schedule.last_epoch

    return step, [(X,)] * 4


def scale_by_the_rate(model, optimizer, schedule):
    def step(x):
        loss = update(model, optimizer, x)
        schedule.step()
        return loss * optimizer.param_groups[0]["lr"]

    return step, [(X,)] * 4


STEPS = [set_by_argument, halve_before, halve_after, read_after_a_schedule, scale_by_the_rate]


def values(result):
    return [float(v) for v in result] if isinstance(result, tuple) else [float(result)]


@pytest.mark.parametrize("verify", [None, 1])
@pytest.mark.parametrize("make", STEPS)
def test_options_read_and_set_in_the_step(make, verify):
    ours, theirs = made(), made()
    eager, calls = make(*ours)
    step, _ = make(*theirs)
    compiled = Compiled(step, quiet=True, verify=verify)
    for arguments in calls:
        np.testing.assert_allclose(values(compiled(*arguments)), values(eager(*arguments)), rtol=1e-6)
    assert theirs[1].param_groups[0]["lr"] == ours[1].param_groups[0]["lr"]


def test_the_rate_read_in_python_is_a_condition():
    model, optimizer, _ = made()
    compiled = Compiled(lambda x: update(model, optimizer, x) * 0 + optimizer.param_groups[0]["lr"], quiet=True)
    assert compiled(X).item() == 1.0
    optimizer.param_groups[0]["lr"] = 0.25
    assert compiled(X).item() == 0.25


class Settings:
    weight = 1.0


def test_an_attribute_that_hides_one_of_the_class():
    settings = Settings()
    compiled = Compiled(lambda x: x * settings.weight, quiet=True)
    assert compiled(X).sum().item() == 12.0
    settings.weight = 9.0
    assert compiled(X).sum().item() == 108.0


def test_a_global_stream_of_random_numbers_is_refused():
    with pytest.warns(tg.errors.TapegradWarning, match="a Random"):
        tg.compile(lambda x: x * SOURCE.random())(X)


@pytest.mark.parametrize("verify", ["yes", 0, -1, 2.5, True])
def test_verify_is_a_count(verify):
    with pytest.raises(tg.errors.UsageError, match="verify is"):
        tg.compile(lambda x: x, verify=verify)


def test_what_is_printed_of_a_compiled_function_and_a_refusal():
    compiled = Compiled(lambda x: x * X.sum().item(), quiet=True)
    compiled(X)
    assert "0 programs, 1 refused>" in repr(compiled)
    assert "a value is read into Python" in repr(compiled.refusals[0])
