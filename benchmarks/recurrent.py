"""Training steps of LSTMs beside PyTorch: ``python -m benchmarks.recurrent`` prints milliseconds and ratios.

A language model (2 layers of 200, batch 20, 35 steps, vocabulary 2000, SGD with clipped gradients) and rows of small
images (28 steps of 28 numbers, 64 hidden, batch 64). A ratio of more than 1 means that tapegrad is faster.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from .clock import Clock, measure
from .peers.columns import EAGER, NUMBA, NUMPY
from .workloads import Runner


def language_model(lib: Any) -> tuple[Callable, tuple]:
    """Return the step and its arguments, for PyTorch or tapegrad."""
    lib.manual_seed(0)
    embedding, layer, out = lib.nn.Embedding(2000, 200), lib.nn.LSTM(200, 200, 2), lib.nn.Linear(200, 2000)
    parameters = [*embedding.parameters(), *layer.parameters(), *out.parameters()]
    optimizer = lib.optim.SGD(parameters, lr=1.0)
    rng = np.random.default_rng(0)
    words, targets = lib.tensor(rng.integers(0, 2000, (35, 20))), lib.tensor(rng.integers(0, 2000, 700))

    def step(x: Any, y: Any, h: Any, c: Any) -> Any:
        optimizer.zero_grad()
        outputs, _ = layer(embedding(x), (h, c))
        loss = lib.nn.functional.cross_entropy(out(outputs).view(-1, 2000), y)
        loss.backward()
        lib.nn.utils.clip_grad_norm_(parameters, 0.25)
        optimizer.step()
        return loss

    return step, (words, targets, lib.zeros(2, 20, 200), lib.zeros(2, 20, 200))


def image_rows(lib: Any) -> tuple[Callable, tuple]:
    """Return the step and its arguments, for PyTorch or tapegrad."""
    lib.manual_seed(0)
    layer, out = lib.nn.LSTM(28, 64, batch_first=True), lib.nn.Linear(64, 10)
    optimizer = lib.optim.SGD([*layer.parameters(), *out.parameters()], lr=0.1)
    rng = np.random.default_rng(0)
    images = lib.tensor(rng.standard_normal((64, 28, 28)).astype(np.float32))

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        outputs, _ = layer(x)
        loss = lib.nn.functional.cross_entropy(out(outputs[:, -1]), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, (images, lib.tensor(rng.integers(0, 10, 64)))


def columns(make: Callable) -> dict[str, Callable[[], Any]]:
    """Return the step of each library and setting, to be called without arguments."""
    import torch

    import tapegrad as tg

    torch.set_num_threads(2)
    found = {}
    for name, lib, wrap in (
        ("PyTorch", torch, None),
        (EAGER, tg, None),
        (NUMPY, tg, functools.partial(tg.compile, target="numpy")),
        (NUMBA, tg, functools.partial(tg.compile, target="numba")),
    ):
        step, arguments = make(lib)
        found[name] = functools.partial(wrap(step) if wrap else step, *arguments)
    return found


def main() -> None:
    for make in (language_model, image_rows):
        clocks = {name: Clock(Runner(step, [()])) for name, step in columns(make).items()}
        for clock in clocks.values():
            clock.warm_up(0.5)
        medians = {name: statistics.median(values) for name, values in measure(clocks, 20, 20).items()}
        for name, seconds in medians.items():
            print(f"{make.__name__}  {name:30}{1e3 * seconds:9.2f} ms{medians['PyTorch'] / seconds:7.2f}")


if __name__ == "__main__":
    main()
