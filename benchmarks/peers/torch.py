"""PyTorch on the CPU: as one writes it, and with each setting that makes it faster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from ..networks import build
from ..workloads import Case, Runner, Workload
from . import training_step


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    if workload.kind == "infer":
        return {"PyTorch": infer, "PyTorch, compile": functools.partial(infer, compiled=True)}
    if workload.kind == "epoch":
        return {
            "PyTorch, fused": functools.partial(epoch, batched=False),
            "PyTorch, fused, batched sampler": functools.partial(epoch, batched=True),
            "PyTorch, fused, 2 workers": functools.partial(epoch, batched=False, workers=2),
            "PyTorch, compile, batched sampler": functools.partial(epoch, batched=True, compiled=True),
        }
    settings: dict[str, dict[str, Any]] = {
        "PyTorch": {},
        "PyTorch, foreach": {"foreach": True},
        "PyTorch, fused": {"fused": True},
    }
    if workload.group == "sequence":
        # The target is its best eager setting; compiling a GPT takes minutes.
        return {name: functools.partial(train, **chosen) for name, chosen in settings.items()}
    if workload.group == "cnn":
        settings["PyTorch, channels-last, fused"] = {"fused": True, "channels_last": True}
        settings["PyTorch, compile, fused"] = {"fused": True, "compiled": True}
        settings["PyTorch, compile, channels-last, fused"] = {"fused": True, "compiled": True, "channels_last": True}
    else:
        settings["PyTorch, compile, fused"] = {"fused": True, "compiled": True}
        settings["PyTorch, compile with Adam"] = {"compiled": True, "compiled_adam": True}
    return {name: functools.partial(train, **chosen) for name, chosen in settings.items()}


def model_of(case: Case) -> torch.nn.Module:
    torch.set_num_threads(case.threads)
    torch.manual_seed(0)
    model = build(torch.nn, case.network)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), case.weights, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


def train(
    case: Case,
    *,
    compiled: bool = False,
    compiled_adam: bool = False,
    channels_last: bool = False,
    foreach: bool | None = None,
    fused: bool | None = None,
) -> Runner:
    model = model_of(case)
    pairs = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in case.batches]
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        pairs = [(x.to(memory_format=torch.channels_last), y) for x, y in pairs]
    optimizer = torch.optim.Adam(model.parameters(), lr=case.rate, foreach=foreach, fused=fused)
    if compiled_adam:
        optimizer.step = torch.compile(optimizer.step, dynamic=False)
    return Runner(training_step(forward_of(case, model, compiled), optimizer), pairs, lambda loss: loss.item())


def forward_of(case: Case, model: Any, compiled: bool) -> Callable[[Any, Any], Any]:
    loss_function = getattr(torch.nn.functional, case.network.loss)

    def forward(x: Any, y: Any) -> Any:
        return loss_function(model(x), y)

    return torch.compile(forward, dynamic=False) if compiled else forward


def infer(case: Case, compiled: bool = False) -> Runner:
    model = model_of(case).eval()
    forward = torch.compile(model, dynamic=False) if compiled else model

    @torch.inference_mode()
    def call(x: torch.Tensor) -> torch.Tensor:
        return forward(x)

    return Runner(call, [(torch.from_numpy(x),) for x, _ in case.batches], lambda out: out.numpy())


def epoch(case: Case, batched: bool, compiled: bool = False, workers: int = 0) -> Runner:
    """``batched``: one index of 128 rows instead of 128 samples that are stacked, the fastest way into a TensorDataset."""
    model = model_of(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=case.rate, fused=True)
    step = training_step(forward_of(case, model, compiled), optimizer)
    data = TensorDataset(*map(torch.from_numpy, case.batches[0]))
    if batched:
        loader = DataLoader(data, sampler=BatchSampler(RandomSampler(data), case.batch, False), batch_size=None)
    else:
        loader = DataLoader(data, case.batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)

    def call() -> Any:
        loss = None
        for x, y in loader:
            loss = step(x, y)
        return loss

    return Runner(call, [()], lambda loss: loss.item())
