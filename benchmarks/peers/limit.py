"""The limit: what no step in NumPy can do without, measured in the same rounds as the steps.

*Products alone*: the matrix products of forward and backward, one after another, into memory that is there already. A linear
layer has three, (batch, in) @ (in, out) and the two of its gradients; the first layer has two, as nothing wants the gradient of
the network's input. A convolution counts as the products that it is after im2col: (batch · places, channels · k²) @ (channels ·
k², filters) and those of its gradients; the unfolding itself is not counted. Operands lie as BLAS likes them best.

*Bytes alone*: a pass ``a += b`` (reads two numbers, writes one) repeated until it has moved the bytes that a step must move
outside its products: for each parameter the gradient, two moments and the value read, and moments and value written (7 numbers);
for each value of a hidden layer a read and a write for bias and activation, and in backward a read of the value, a read and a
write of its gradient (5 numbers); for each output two reads and a write. The pass runs over as many bytes as the step's
arrays have together (four per parameter, two per activation), so from the same cache or memory, in pieces of at most 256 KiB,
on one thread or on all: the faster of the two is the column.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..networks import Network, walk
from ..workloads import Case, Runner, Workload
from .columns import BYTES, PRODUCTS

PIECE = 1 << 16


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    return {PRODUCTS: products} | ({BYTES: traffic} if workload.kind == "train" else {})


def shapes(network: Network, batch: int, training: bool) -> list[tuple[int, int, int]]:
    """Return (rows, inner, columns) of each product.

    >>> from ..networks import mlp
    >>> shapes(mlp(2, 64, 3), 300, True)
    [(300, 2, 64), (2, 300, 64), (300, 64, 3), (64, 300, 3), (300, 3, 64)]
    """
    result = []
    first = True
    for layer, _, after in walk(network.layers, network.input):
        if layer[0] == "Linear":
            rows, inner, outer = batch, layer[1], layer[2]
        elif layer[0] == "Conv2d":
            rows, inner, outer = batch * math.prod(after[1:]), layer[1] * layer[3] ** 2, layer[2]
        else:
            continue
        result.append((rows, inner, outer))
        if training:
            result.append((inner, rows, outer))
            if not first:
                result.append((rows, outer, inner))
        first = False
    return result


def products(case: Case) -> Runner:
    rng = np.random.default_rng(0)
    work = []
    largest: dict[int, np.ndarray] = {}

    def memory(rows: int, columns: int, place: int) -> np.ndarray:
        """Operands of a large network share memory: the columns of all its convolutions would not fit otherwise."""
        held = largest.get(place)
        if held is None or held.size < rows * columns:
            held = largest[place] = rng.standard_normal(rows * columns, np.float32)
        return held[: rows * columns].reshape(rows, columns)

    for rows, inner, columns in shapes(case.network, case.batch, case.kind == "train"):
        shared = rows * inner > 1 << 22
        a = memory(rows, inner, 0) if shared else rng.standard_normal((rows, inner), np.float32)
        work.append((a, rng.standard_normal((inner, columns), np.float32), np.empty((rows, columns), np.float32)))

    def call(*_: Any) -> float:
        for a, b, out in work:
            np.matmul(a, b, out=out)
        return 0.0

    return Runner(call, [()])


def moved(network: Network, batch: int) -> tuple[int, int]:
    """Return the numbers that a step must read or write, and the numbers that its arrays hold.

    >>> from ..networks import mlp
    >>> moved(mlp(2, 64, 3), 300)
    (101409, 41748)
    """
    parameters = hidden = 0
    for layer, _, after in walk(network.layers, network.input):
        if layer[0] in ("Linear", "Conv2d", "BatchNorm2d"):
            hidden += math.prod(after)
        if layer[0] == "Linear":
            parameters += (layer[1] + 1) * layer[2]
        elif layer[0] == "Conv2d":
            parameters += layer[2] * (layer[1] * layer[3] ** 2 + layer[6])
        elif layer[0] == "BatchNorm2d":
            parameters += 2 * layer[1]
    outputs = network.sizes[-1]
    activations = (hidden - outputs) * batch
    return 7 * parameters + 5 * activations + 3 * outputs * batch, 4 * parameters + 2 * (activations + outputs * batch)


def traffic(case: Case) -> Runner:
    count, held = moved(case.network, case.batch)
    a, b = (np.ones(max(1024, held // 2), np.float32) for _ in range(2))
    b *= 1e-6
    pieces = [(a[i : i + PIECE], b[i : i + PIECE]) for i in range(0, len(a), PIECE)]
    plan: list[tuple[np.ndarray, np.ndarray]] = []
    left = count // 3
    while left > 0:
        for x, y in pieces:
            plan.append((x[:left], y[:left]))
            left -= len(x)
            if left <= 0:
                break

    def run(part: list[tuple[np.ndarray, np.ndarray]]) -> None:
        for x, y in part:
            np.add(x, y, out=x)

    one = Runner(lambda *_: run(plan) or 0.0, [()])
    if case.threads == 1 or len(plan) < 2 * case.threads:
        return one
    pool = ThreadPoolExecutor(case.threads - 1)
    shares = [plan[i * len(plan) // case.threads : (i + 1) * len(plan) // case.threads] for i in range(case.threads)]

    def call(*_: Any) -> float:
        others = [pool.submit(run, share) for share in shares[1:]]
        run(shares[0])
        for other in others:
            other.result()
        return 0.0

    return faster(one, Runner(call, [()]))


def faster(one: Runner, other: Runner) -> Runner:
    from ..clock import Clock

    times = [min(Clock(runner).block(10) for _ in range(5)) for runner in (one, other)]
    return one if times[0] <= times[1] else other
