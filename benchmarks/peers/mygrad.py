"""MyGrad, its memory guard off (its documentation's advice for speed), with Adam in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
from mygrad.nnet.activations import relu, sigmoid, tanh
from mygrad.nnet.losses import softmax_crossentropy

from ..workloads import Case, Runner, Workload
from .adam import Adam

ACTIVATIONS = {"ReLU": relu, "Tanh": tanh, "Sigmoid": sigmoid}


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    if not workload.network.is_mlp:
        return {}
    return {"MyGrad": train if workload.kind == "train" else infer}


def forward(case: Case, params: list[Any], x: Any) -> Any:
    values = iter(params)
    for layer in case.network.layers:
        x = mg.matmul(x, next(values)) + next(values) if layer[0] == "Linear" else ACTIVATIONS[layer[0]](x)
    return x


def parameters(case: Case) -> list[Any]:
    mg.turn_memory_guarding_off()
    return [mg.tensor(value.T.copy()) for value in case.weights]


def train(case: Case) -> Runner:
    params = parameters(case)
    adam = Adam([p.data for p in params])
    loss_of = softmax_crossentropy if case.network.loss == "cross_entropy" else lambda out, y: mg.mean((out - y) ** 2)

    def call(x: Any, y: Any) -> Any:
        loss = loss_of(forward(case, params, x), y)
        loss.backward()
        adam.step([p.grad for p in params])
        for p in params:
            p.null_grad()
        return loss

    return Runner(call, case.batches, lambda loss: loss.item())


def infer(case: Case) -> Runner:
    params = parameters(case)

    def call(x: Any) -> Any:
        with mg.no_autodiff:
            return forward(case, params, x)

    return Runner(call, [(x,) for x, _ in case.batches], lambda out: out.data)
