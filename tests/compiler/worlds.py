"""Small networks with their training steps, for the tests to alter."""

from __future__ import annotations

from collections.abc import Callable, Container
from types import SimpleNamespace
from typing import Any

import numpy as np

import tapegrad as tg
from tapegrad import nn

OPTIMIZERS: dict[str, Callable[[Any], tg.optim.Optimizer]] = {
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


def changed_at(at: Container[int], change: Callable[[SimpleNamespace, int], Any]) -> Callable[..., Any]:
    """Return a script that makes a change before some calls."""

    def script(w: SimpleNamespace, i: int) -> Any:
        if i in at:
            change(w, i)
        return w.step(*w.batch(i))

    return script
