"""The hand-written NumPy step of ``benchmarks/by_hand.py``, and its forward pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..by_hand import Step
from ..workloads import Case, Runner, Workload
from .columns import HAND


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    network = workload.network
    if not network.is_mlp or network.layers[-1][0] != "Linear":
        return {}
    return {HAND: train if workload.kind == "train" else infer}


def step_of(case: Case) -> Step:
    network = case.network
    return Step(network.sizes, network.activation, network.loss, case.batch, case.weights)


def train(case: Case) -> Runner:
    return Runner(step_of(case), case.batches)


def infer(case: Case) -> Runner:
    return Runner(step_of(case).forward, [(x,) for x, _ in case.batches], np.copy)
