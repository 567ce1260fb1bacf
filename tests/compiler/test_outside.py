"""What a step reads from outside and what changes there: globals, closures, objects, modules, arrays."""

from __future__ import annotations

import argparse
from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn

from .twins import agree
from .worlds import network, world

SCALE = 1.0
SETTINGS = {"scale": 1.0, "deep": {"scale": 1.0}}
BASE = tg.tensor([1.0, 2.0, 3.0, 4.0])


class Config:
    """Settings as class attributes."""

    scale = 1.0


def helper(x):
    return x * SCALE


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
