"""What Python does in a step besides: it must be seen, happen as often as it does eagerly, and be said where it is refused."""

from __future__ import annotations

import argparse
import random
import time
from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.compiler.compiled import Compiled

from .twins import agree
from .worlds import network, world

SCALE = 1.0
COUNT = 0
SETTINGS = {"scale": 1.0, "deep": {"scale": 1.0}}
BASE = tg.tensor([1.0, 2.0, 3.0, 4.0])
ARRAY = np.ones(4, np.float32)


class Config:
    """Settings as class attributes."""

    scale = 1.0


def helper(x):
    return x * SCALE


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


# -- what is outside changes ------------------------------------------------------------------------------------------------


def outside(read):
    """Return a maker of worlds whose step multiplies with something from outside."""

    def make():
        w = SimpleNamespace()
        w.n = 1.0
        w.batch = world().batch
        w.step = read(w)
        return w

    return make


def test_globals_that_change():
    def make():
        w = world()

        def step(x, y):
            return x * SCALE + helper(x) + BASE

        w.step = step
        return w

    def script(w, i):
        global SCALE, BASE
        SCALE = 1.0 + i // 2
        BASE = tg.ones(4) * (i // 3)
        try:
            return w.step(*w.batch(i))
        finally:
            SCALE, BASE = 1.0, tg.tensor([1.0, 2.0, 3.0, 4.0])

    agree(make, script, 6)


def test_a_function_that_is_replaced():
    def make():
        w = world()

        def step(x, y):
            return helper(x)

        w.step = step
        return w

    def script(w, i):
        global helper
        before = helper
        helper = (lambda x: x * 3) if i in (2, 3) else before
        try:
            return w.step(*w.batch(i))
        finally:
            helper = before

    agree(make, script, 6)


def test_free_variables_that_change():
    def make():
        w = world()
        scale = 1.0

        def step(x, y):
            return x * scale

        def change(value):
            nonlocal scale
            scale = value

        w.step, w.change = step, change
        return w

    def script(w, i):
        w.change(1.0 + i // 2)
        return w.step(*w.batch(i))

    agree(make, script, 6, programs=3)


@dataclass
class Inner:
    scale: float = 1.0
    values: list = field(default_factory=lambda: [1.0, 2.0])


class Slotted:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 1.0


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    slotted: Slotted = field(default_factory=Slotted)
    names: dict = field(default_factory=lambda: {"scale": 1.0, "deep": Inner()})
    kinds: set = field(default_factory=lambda: {"a"})
    recent: deque = field(default_factory=lambda: deque([1.0]))
    other: int = 0


def set_outer(o, i):
    """Change one thing after the other."""
    changes = [
        lambda: setattr(o.inner, "scale", 2.0),
        lambda: o.inner.values.__setitem__(0, 5.0),
        lambda: setattr(o.slotted, "scale", 3.0),
        lambda: o.names.__setitem__("scale", 4.0),
        lambda: setattr(o.names["deep"], "scale", 5.0),
        lambda: o.kinds.add("b"),
        lambda: o.recent.append(7.0),
        lambda: setattr(o, "inner", Inner(9.0)),
    ]
    if i % 2 == 0 and i // 2 - 1 in range(len(changes)):
        changes[i // 2 - 1]()


def read_outer(o, x):
    total = x * o.inner.scale + o.inner.values[0] + o.slotted.scale + o.names["scale"] + o.names["deep"].scale
    return total + len(o.kinds) + o.recent[-1]


@pytest.mark.parametrize("place", ["free", "module", "method", "default"])
def test_settings_in_objects_that_change(place):
    def make():
        w = world()
        settings = w.settings = Outer()
        if place == "free":
            w.step = lambda x, y: read_outer(settings, x)
        elif place == "module":

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.settings = settings

                def forward(self, x):
                    return read_outer(self.settings, x)

            net = w.net = Net()
            w.step = lambda x, y: net(x)
        elif place == "method":

            class Trainer:
                def __init__(self):
                    self.settings = settings

                def step(self, x, y):
                    return read_outer(self.settings, x)

            w.trainer = Trainer()
            w.step = w.trainer.step
        else:

            def step(x, y, held=settings):
                return read_outer(held, x)

            w.step = step
        return w

    def script(w, i):
        set_outer(w.settings, i)
        return w.step(*w.batch(i))

    # Each change needs a program of its own; from the ninth on it is said.
    agree(make, script, 18, refusals=None)


def test_what_is_not_read_may_change():
    def make():
        w = world()
        settings = w.settings = Outer()
        w.step = lambda x, y: x * settings.inner.scale
        return w

    def script(w, i):
        w.settings.other += 1
        w.settings.recent.append(1.0)
        return w.step(*w.batch(i))

    agree(make, script, programs=1)


def test_class_attributes_and_namespaces_that_change():
    def make():
        w = world()
        options = w.options = argparse.Namespace(scale=1.0, inner=SimpleNamespace(scale=1.0))
        w.step = lambda x, y: x * Config.scale + options.scale * options.inner.scale * SETTINGS["deep"]["scale"]
        return w

    def script(w, i):
        Config.scale = 1.0 + (i >= 2)
        w.options.scale = 1.0 + (i >= 3)
        w.options.inner.scale = 1.0 + (i >= 4)
        SETTINGS["deep"]["scale"] = 1.0 + (i >= 5)
        try:
            return w.step(*w.batch(i))
        finally:
            Config.scale = 1.0
            SETTINGS["deep"]["scale"] = 1.0

    agree(make, script, 7)


class Scaled(nn.Module):
    factor = 1.0

    def __init__(self):
        super().__init__()
        self.scale = 1.0
        self.scales = [1.0, [2.0]]

    def forward(self, x):
        return x * self.scale * self.factor + self.scales[1][0]


def test_attributes_of_modules_that_change():
    def script(w, i):
        layer = w.model[2]
        if i == 2:
            layer.scale = 2.0
        if i == 3:
            layer.scales[1][0] = 3.0
        if i == 4:
            layer.factor = 4.0
        Scaled.factor = 1.0 + (i >= 5)
        try:
            return w.step(*w.batch(i))
        finally:
            Scaled.factor = 1.0

    def script_of_class(w, i):
        Scaled.factor = 1.0 + (i // 2)
        try:
            return w.step(*w.batch(i))
        finally:
            Scaled.factor = 1.0

    agree(lambda: world(model=lambda: network(Scaled())), script, 7)
    agree(lambda: world(model=lambda: network(Scaled())), script_of_class, 5)


def test_arrays_from_outside():
    def make():
        w = world()
        array = w.array = np.ones(4, np.float32)
        w.step = lambda x, y: x * array + array
        return w

    def script(w, i):
        w.array += 1
        return w.step(*w.batch(i))

    agree(make, script, refusals=None)


def test_tensors_from_outside_written_to_and_replaced():
    def make():
        w = world()
        w.held = held = [tg.ones(4), tg.zeros(4)]
        w.step = lambda x, y: x * held[0] + held[1]
        return w

    def script(w, i):
        w.held[0].add_(1.0)
        w.held[1].array[...] = i
        if i == 3:
            w.held[0] = tg.zeros(4)
        if i == 4:
            w.held[1].data = tg.ones(4) * 7
        return w.step(*w.batch(i))

    agree(make, script, 7)


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
