"""tapegrad: as one writes it, and compiled to each of the targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tapegrad as tg
from tapegrad.utils.data import DataLoader, TensorDataset

from ..networks import build
from ..workloads import Case, Runner, Workload
from . import training_step
from .columns import EAGER, NUMBA, NUMPY


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    make = {"train": train, "infer": infer, "epoch": epoch}[workload.kind]
    targets = {EAGER: None, NUMPY: "numpy", NUMBA: "numba"}
    return {name: functools.partial(make, target=target) for name, target in targets.items()}


def model_of(case: Case) -> Any:
    tg.manual_seed(0)
    model = build(tg.nn, case.network)
    with tg.no_grad():
        for parameter, value in zip(model.parameters(), case.weights, strict=True):
            parameter.copy_(tg.from_numpy(value))
    return model


def compiled(function: Any, target: str | None) -> Any:
    return function if target is None else tg.compile(function, target=target)


def note_of(function: Any) -> Callable[[], str]:
    """Return what says whether a compiled function ran eagerly after all."""

    def note() -> str:
        refusals = getattr(function, "refusals", ())
        return "; ".join(f"ran eagerly: {refusal.who}: {refusal.what}" for refusal in refusals)

    return note


def train(case: Case, target: str | None) -> Runner:
    pairs = [(tg.from_numpy(x), tg.from_numpy(y)) for x, y in case.batches]
    step = compiled(step_of(case), target)
    return Runner(step, pairs, lambda loss: loss.item(), note=note_of(step))


def step_of(case: Case) -> Any:
    model = model_of(case)
    optimizer = tg.optim.Adam(model.parameters(), lr=case.rate)
    loss_function = getattr(tg.nn.functional, case.network.loss)
    return training_step(lambda x, y: loss_function(model(x), y), optimizer)


def infer(case: Case, target: str | None) -> Runner:
    forward = compiled(model_of(case).eval(), target)

    def call(x: Any) -> Any:
        with tg.no_grad():
            return forward(x)

    return Runner(call, [(tg.from_numpy(x),) for x, _ in case.batches], lambda out: out.numpy(), note=note_of(forward))


def epoch(case: Case, target: str | None) -> Runner:
    step = compiled(step_of(case), target)
    loader = DataLoader(TensorDataset(*map(tg.from_numpy, case.batches[0])), case.batch, shuffle=True)

    def call() -> Any:
        loss = None
        for x, y in loader:
            loss = step(x, y)
        return loss

    return Runner(call, [()], lambda loss: loss.item(), note=note_of(step))
