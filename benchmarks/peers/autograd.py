"""autograd (HIPS), with Adam in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from ..workloads import Case, Runner, Workload
from .adam import Adam

ACTIVATIONS = {
    "ReLU": lambda x: anp.maximum(x, 0),
    "Tanh": anp.tanh,
    "Sigmoid": lambda x: 1 / (1 + anp.exp(-x)),
}


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    if not workload.network.is_mlp:
        return {}
    return {"autograd": train if workload.kind == "train" else infer}


def forward(case: Case, params: list[Any], x: Any) -> Any:
    values = iter(params)
    for layer in case.network.layers:
        x = anp.dot(x, next(values)) + next(values) if layer[0] == "Linear" else ACTIVATIONS[layer[0]](x)
    return x


def train(case: Case) -> Runner:
    params = [value.T.copy() for value in case.weights]
    adam = Adam(params)
    rows = np.arange(case.batch)

    def loss(params: list[Any], x: Any, y: Any) -> Any:
        out = forward(case, params, x)
        if case.network.loss == "mse_loss":
            return anp.mean((out - y) ** 2)
        return anp.mean(logsumexp(out, axis=1) - out[rows, y])

    gradient = value_and_grad(loss)

    def call(x: Any, y: Any) -> Any:
        value, grads = gradient(params, x, y)
        adam.step(grads)
        return value

    return Runner(call, case.batches)


def infer(case: Case) -> Runner:
    params = [value.T.copy() for value in case.weights]
    return Runner(lambda x: forward(case, params, x), [(x,) for x, _ in case.batches], np.asarray)
