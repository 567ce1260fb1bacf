"""JAX: one jitted function for the whole step, its state donated; images in (N, H, W, C), XLA's best layout on the CPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..networks import Layer, walk
from ..workloads import Case, Runner, Workload

ACTIVATIONS = {"ReLU": jax.nn.relu, "Tanh": jnp.tanh, "Sigmoid": jax.nn.sigmoid}


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    return {"JAX, jit": train if workload.kind == "train" else infer}


def parameters(case: Case) -> list[jax.Array]:
    """Turn PyTorch's shapes into JAX's: (inputs, outputs), and (height, width, inputs, outputs)."""
    values = iter(case.weights)
    result, before = [], None
    for layer, shape, _ in walk(case.network.layers, case.network.input):
        if layer[0] == "Flatten":
            before = shape
        if layer[0] == "Linear":
            weight = next(values)
            if before is not None:
                channels, *size = before
                weight = weight.reshape(-1, channels, *size).transpose(0, 2, 3, 1).reshape(len(weight), -1)
                before = None
            result += [weight.T, next(values)]
        elif layer[0] == "Conv2d":
            result.append(next(values).transpose(2, 3, 1, 0))
            if layer[6]:
                result.append(next(values))
        elif layer[0] == "BatchNorm2d":
            result += [next(values), next(values)]
    return [jnp.array(np.ascontiguousarray(value)) for value in result]


def statistics(case: Case) -> list[jax.Array]:
    norms = [layer[1] for layer, _, _ in walk(case.network.layers, case.network.input) if layer[0] == "BatchNorm2d"]
    return [value for size in norms for value in (jnp.zeros(size), jnp.ones(size))]


class Pass:
    """One forward pass: takes parameters and running statistics in order, and keeps the new statistics."""

    def __init__(self, params: list[Any], running: list[Any], key: Any):
        self.params: Iterator[Any] = iter(params)
        self.running: Iterator[Any] = iter(running)
        self.moved: list[Any] = []
        self.key = key

    def __call__(self, layers: tuple[Layer, ...], x: Any) -> Any:
        for layer in layers:
            x = self.apply(layer, x)
        return x

    def apply(self, layer: Layer, x: Any) -> Any:
        kind = layer[0]
        if kind in ACTIVATIONS:
            return ACTIVATIONS[kind](x)
        if kind == "Linear":
            return x @ next(self.params) + next(self.params)
        if kind == "Residual":
            main = self(layer[1], x)
            return jax.nn.relu(main + self(layer[2], x))
        return getattr(self, kind.lower())(x, *layer[1:])

    def conv2d(self, x: Any, inputs: int, outputs: int, kernel: int, stride: int, padding: int, bias: bool) -> Any:
        out = lax.conv_general_dilated(
            x, next(self.params), (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return out + next(self.params) if bias else out

    def maxpool2d(self, x: Any, size: int) -> Any:
        """Windows as axes of their own: a quarter faster, with its gradient, than ``reduce_window``."""
        batch, height, width, channels = x.shape
        return x.reshape(batch, height // size, size, width // size, size, channels).max((2, 4))

    def adaptiveavgpool2d(self, x: Any, size: int) -> Any:
        return x.mean((1, 2), keepdims=True)

    def flatten(self, x: Any) -> Any:
        return x.reshape(len(x), -1)

    def dropout(self, x: Any, p: float) -> Any:
        self.key, now = jax.random.split(self.key)
        return jnp.where(jax.random.bernoulli(now, 1 - p, x.shape), x / (1 - p), 0)

    def batchnorm2d(self, x: Any, channels: int) -> Any:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        count = x.size // channels
        for old, new in ((next(self.running), mean), (next(self.running), variance * count / (count - 1))):
            self.moved.append(0.9 * old + 0.1 * new)
        scale = next(self.params) * lax.rsqrt(variance + 1e-5)
        return (x - mean) * scale + next(self.params)


def loss_of(kind: str, out: Any, y: Any) -> Any:
    if kind == "mse_loss":
        return jnp.mean((out - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1))


def step_of(case: Case) -> Any:
    def forward(params: Any, running: Any, key: Any, x: Any, y: Any) -> tuple[Any, tuple[Any, Any]]:
        now = Pass(params, running, key)
        return loss_of(case.network.loss, now(case.network.layers, x), y), (now.moved, now.key)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, first, second, running, key, t = state
        (loss, (running, key)), grads = jax.value_and_grad(forward, has_aux=True)(params, running, key, x, y)
        t = t + 1
        first = [0.9 * m + 0.1 * g for m, g in zip(first, grads, strict=True)]
        second = [0.999 * v + 0.001 * g * g for v, g in zip(second, grads, strict=True)]
        rate, root = case.rate / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        params = [p - rate * m / (jnp.sqrt(v) / root + 1e-8) for p, m, v in zip(params, first, second, strict=True)]
        return (params, first, second, running, key, t), loss

    return step


def channels_last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def train(case: Case) -> Runner:
    step = step_of(case)
    params = parameters(case)
    zeros = [[jnp.zeros_like(p) for p in params] for _ in range(2)]
    state = (params, *zeros, statistics(case), jax.random.key(0, impl="rbg"), jnp.float32(0))

    def call(x: Any, y: Any) -> Any:
        nonlocal state
        state, loss = step(state, x, y)
        return loss

    pairs = [(jnp.asarray(channels_last(x)), jnp.asarray(np.asarray(y, y.dtype.kind + "4"))) for x, y in case.batches]
    return Runner(call, pairs, float, lambda loss: jax.block_until_ready((state, loss)))


def infer(case: Case) -> Runner:
    params = parameters(case)
    forward = jax.jit(lambda params, x: Pass(params, [], None)(case.network.layers, x))
    pairs = [(jnp.asarray(x),) for x, _ in case.batches]
    return Runner(lambda x: forward(params, x), pairs, np.asarray, jax.block_until_ready)
