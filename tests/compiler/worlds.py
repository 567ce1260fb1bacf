"""Small networks with their training steps, for the tests to alter."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import tapegrad as tg
from tapegrad import nn


def batches(n: int = 6, features: int = 4, classes: int = 3, number: int = 10) -> list[tuple[tg.Tensor, tg.Tensor]]:
    """Return batches of random inputs and labels, the same for every world."""
    rng = np.random.default_rng(5)
    return [
        (
            tg.tensor(rng.normal(size=(n, features)).astype(np.float32)),
            tg.tensor(rng.integers(0, classes, n)),
        )
        for _ in range(number)
    ]


def network(*extra: nn.Module) -> nn.Module:
    """Return a small network for the batches above; extra modules come after its first layer."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), *extra, nn.Linear(8, 3))


def world(
    optimizer: Callable[[Any], Any] = lambda params: tg.optim.Adam(params, lr=0.05),
    model: Callable[[], nn.Module] = network,
    after_backward: Callable[[SimpleNamespace], Any] | None = None,
    loss: Callable[[], Any] = nn.CrossEntropyLoss,
) -> SimpleNamespace:
    """Return a network, an optimizer, and the step that everybody writes."""
    w = SimpleNamespace()
    net = w.model = model()
    opt = w.opt = optimizer(net.parameters())
    criterion = w.loss = loss()
    data = batches()
    w.batch = lambda i: data[i % len(data)]
    holder = w if after_backward is not None else None

    def step(x, y):
        opt.zero_grad()
        value = criterion(net(x), y)
        value.backward()
        if after_backward is not None:
            after_backward(holder)
        opt.step()
        return value

    w.step = step
    return w


def own_step(make_step: Callable[[SimpleNamespace], Callable], **options: Any) -> Callable[[], SimpleNamespace]:
    """Return a maker of worlds whose step is what ``make_step`` makes of the world."""

    def make() -> SimpleNamespace:
        w = world(**options)
        w.step = make_step(w)
        return w

    return make
