"""Python in a step: what is refused, what the step changes outside, hooks."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.compiler.compiled import Compiled

from .twins import agree
from .worlds import world

COUNT = 0


# -- refused, and said once -----------------------------------------------------------------------------------------------


def in_step(action):
    """Return a maker of worlds whose training step does something besides."""

    def make():
        w = world()
        w.log = []
        plain = w.step

        def step(x, y):
            return action(w, plain(x, y), x)

        w.step = step
        return w

    return make


REFUSED = {
    "print": (lambda w, loss, x: print("loss", end="") or loss, "print"),
    "print_of_a_value": (lambda w, loss, x: print(f"{loss:.3f}", end="") or loss, "read into Python"),
    "item": (lambda w, loss, x: loss * 2 if loss.item() > 0.5 else loss * 3, "item"),
    "bool": (lambda w, loss, x: loss * 2 if loss > 0.5 else loss * 3, "bool"),
    "float": (lambda w, loss, x: loss * float(x.mean()), "item"),
    "int": (lambda w, loss, x: x[: int(x.abs().sum()) % 3 + 1], "item"),
    "tolist": (lambda w, loss, x: sum(x[0].tolist()), "tolist"),
    "numpy": (lambda w, loss, x: tg.from_numpy(np.sort(x.numpy())), "numpy"),
    "numpy_function": (lambda w, loss, x: np.interp(x, [0.0, 1.0], [0.0, 2.0]), ""),
    "asarray": (lambda w, loss, x: float(np.asarray(x).sum()), "asarray"),
    "array": (lambda w, loss, x: tg.tensor(x.array * 2), "array"),
    "append": (lambda w, loss, x: w.log.append(loss.detach()) or loss, "list"),
    "append_item": (lambda w, loss, x: w.log.append(loss.item()) or loss, "item"),
    "extend": (lambda w, loss, x: w.log.extend([1, 2]) or loss, "list"),
    "random": (lambda w, loss, x: loss.detach() * random.random(), "random"),
    "numpy_random": (lambda w, loss, x: loss.detach() * np.random.random(), "numpy.random"),
    "time": (lambda w, loss, x: (time.time(), loss.detach())[1], "time"),
    "nonzero": (lambda w, loss, x: x.nonzero(), "nonzero"),
    "mask": (lambda w, loss, x: x[x > 0], "depends on values"),
    "unique": (lambda w, loss, x: (x > 0).long().unique(), "depends on values"),
    "loop": (lambda w, loss, x: [float(v) for v in x[0]], ""),
    "isnan": (lambda w, loss, x: x if x.isnan().any() else loss.detach(), "bool"),
    "allclose": (lambda w, loss, x: tg.allclose(x, x), ""),
    "equal": (lambda w, loss, x: tg.equal(x, x + 1), ""),
    "assert": (lambda w, loss, x: _asserted(loss), "bool"),
    "repr": (lambda w, loss, x: len(repr(x)) > 3, ""),
}


def _asserted(loss):
    assert loss < 1e9
    return loss


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, capsys):
    action, hint = REFUSED[name]
    random.seed(1)
    np.random.seed(1)
    states = {}

    def script(w, i):
        # Both worlds draw the same numbers.
        random.seed(i)
        np.random.seed(i)
        result = w.step(*w.batch(i))
        states.setdefault(i, []).append(capsys.readouterr().out)
        return result

    twin = agree(in_step(action), script, 4, refusals=1, hints=(hint,), programs=0)
    for seen in states.values():
        assert len(set(seen)) == 1
    assert any("test_python.py" in r.what or "test_python.py" in r.where for r in twin.compiled[0].refusals)


def test_a_refusal_is_said_once_for_all_kinds_of_arguments():
    def script(w, i):
        x, y = w.batch(i)
        return w.step(x[: i + 1], y[: i + 1])

    agree(in_step(REFUSED["item"][0]), script, 5, refusals=1)


def test_a_warning_as_an_error_leaves_the_next_call_well():
    w = in_step(REFUSED["item"][0])()
    compiled = Compiled(w.step)
    with pytest.raises(UserWarning):
        compiled(*w.batch(0))
    assert tg.core.STATE.tracer is None
    assert np.isfinite(compiled(*w.batch(1)).item())


# -- what is outside is changed by the step ---------------------------------------------------------------------------------


def changing(change):
    """Return a maker of worlds whose step changes something outside."""

    def make():
        w = world()
        w.held = SimpleNamespace(n=0, last=None, names={}, inner=SimpleNamespace(n=0), values=[0, 0], seen=set())
        w.dictionary = {}
        held, dictionary = w.held, w.dictionary
        w.step = lambda x, y: change(held, dictionary, x) or x * 2
        return w

    return make


CHANGES = {
    "attribute": lambda h, d, x: setattr(h, "n", h.n + 1),
    "nested": lambda h, d, x: setattr(h.inner, "n", h.inner.n + 1),
    "tensor": lambda h, d, x: setattr(h, "last", x + 1),
    "item": lambda h, d, x: d.__setitem__("last", x.sum()),
    "list": lambda h, d, x: h.values.__setitem__(1, h.values[1] + 1),
    "dict": lambda h, d, x: d.update(n=d.get("n", 0) + 1),
    "set": lambda h, d, x: h.seen.add(len(h.seen)),
    "growing": lambda h, d, x: h.names.setdefault(len(h.names), x.mean()) and None,
    "deleted": lambda h, d, x: d.pop(len(d), None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_made_outside(name):
    agree(changing(CHANGES[name]), calls=7, refusals=None)


def test_globals_and_free_variables_written_to():
    def make():
        w = world()
        n = 0

        def step(x, y):
            global COUNT
            nonlocal n
            COUNT += 1
            n += 1
            return x * 2

        w.step, w.seen = step, lambda: n
        return w

    def script(w, i):
        global COUNT
        COUNT = i * 10
        result = w.step(*w.batch(i))
        return result, COUNT, w.seen()

    agree(make, script, 7, refusals=None)


def test_a_cache_filled_by_the_first_call_is_compiled_later():
    def make():
        w = world()
        w.cache = cache = {}

        def step(x, y):
            if "mask" not in cache:
                cache["mask"] = tg.ones(4) * 0.5
            return x * cache["mask"]

        w.step = step
        return w

    agree(make, programs=1)


def test_an_iterator_from_outside():
    def make():
        w = world()
        data = w.batch
        stream = (data(i)[0] for i in range(100))
        w.step = lambda x, y: x + next(stream)
        return w

    agree(make, refusals=1, hints=("stream",))


def test_streams_of_random_numbers_from_outside():
    def make():
        w = world()
        w.rng = SimpleNamespace(a=np.random.default_rng(1), b=random.Random(2))
        rng = w.rng
        w.step = lambda x, y: x * rng.a.random() + rng.b.random()
        return w

    agree(make, refusals=1)


def test_values_changed_in_a_list_that_is_an_argument():
    def make():
        w = world()

        def step(x, log, table):
            log.append(x.sum())
            table["x"] = x
            return x * 2

        w.step = step
        return w

    def script(w, i):
        log, table = [], {}
        x = w.batch(i)[0]
        result = w.step(x, log, table)
        return result, log, list(table), table.get("x") is x

    agree(make, script, refusals=None)


def test_numpy_functions_that_are_ours_are_compiled():
    def make():
        w = world()
        w.step = lambda x, y: np.exp(x) + np.sort(x) + np.maximum(x, 0)
        return w

    agree(make, programs=1)


def test_a_dict_of_losses_made_in_the_step_is_fine():
    def make():
        w = world()
        net, opt = w.model, w.opt

        def step(x, y):
            log = {}
            parts = []
            opt.zero_grad()
            for name, loss in (("a", F.cross_entropy(net(x), y)), ("b", (net(x) ** 2).mean())):
                log[name] = loss.detach()
                parts.append(loss)
            sum(parts).backward()
            opt.step()
            return log

        w.step = step
        return w

    agree(make, programs=1)


# -- hooks ----------------------------------------------------------------------------------------------------------------


def add_hook(w, kind):
    def double(*args):
        w.seen.append(len(args))

    if kind == "forward":
        w.remove = w.model[0].register_forward_hook(double).remove
    elif kind == "pre":
        w.remove = w.model[0].register_forward_pre_hook(double).remove
    elif kind == "backward":
        w.remove = w.model[2].register_full_backward_hook(double).remove
    elif kind == "tensor":
        w.remove = w.model[0].weight.register_hook(lambda g: g * 2).remove
    elif kind == "step":
        w.remove = w.opt.register_step_post_hook(double).remove


@pytest.mark.parametrize("kind", ["forward", "pre", "backward", "tensor", "step"])
@pytest.mark.parametrize("when", [0, 2])
def test_hooks_before_and_after_the_first_call(kind, when):
    def make():
        w = world()
        w.seen = []
        return w

    def script(w, i):
        if i == when:
            add_hook(w, kind)
        if i == 5:
            w.remove()
        return w.step(*w.batch(i)), len(w.seen)

    agree(make, script, 8, refusals=None)


def test_a_hook_on_a_tensor_inside():
    def make():
        w = world()
        net = w.model

        def step(x, y):
            h = net(x)
            h.register_hook(lambda g: g * 2)
            h.sum().backward()
            return h.detach()

        w.step = step
        return w

    agree(make, refusals=1, hints=("hook",))


def test_gradients_retained_inside():
    def make():
        w = world()
        net = w.model

        def step(x, y):
            h = net[0](x)
            h.retain_grad()
            h.tanh().sum().backward()
            return h.grad

        w.step = step
        return w

    agree(make, refusals=None)
