"""A training step of a multilayer perceptron in plain NumPy, written by hand, as fast as we could make it.

The reference that compiled steps are held against. What was measured, and kept because it was fastest on these networks:

- one sample in each column: biases are added, and the softmax reduced, along long contiguous rows;
- all parameters in one array, and so their gradients and both moments: Adam is one pass, in blocks that stay in the cache;
- Adam's moments without their factors (1 - β): two passes over memory less;
- ReLU as a maximum of the numbers' bits taken as integers, which NumPy vectorises without a look at NaN;
- products with an inner size of 1 as broadcast multiplications; gradients of biases as products with ones.

Slower, or not faster beyond the noise: one sample in each row, masks by ``copyto``, ``sign`` or integer products, sums over an axis for
the biases' gradients, blocks of 8,192 numbers (by 7 %), Adam on two threads (OpenBLAS's own thread still waits on the other core).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

BLOCK = 32768
RATE, EPSILON = 1e-3, 1e-8
BETA1, BETA2 = np.float32(0.9), np.float32(0.999)


class Parameters:
    """Weights and biases of all layers as views of one array, and views of equal shapes for their gradients."""

    def __init__(self, sizes: list[int], values: list[np.ndarray]):
        count = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
        self.flat = np.zeros((4, count), np.float32)  # values, gradients, first and second moments
        self.weights, self.biases = self._views(self.flat[0], sizes)
        self.weight_grads, self.bias_grads = self._views(self.flat[1], sizes)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            weight[...], bias[...] = values[2 * i], values[2 * i + 1]

    @staticmethod
    def _views(flat: np.ndarray, sizes: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        weights, biases, at = [], [], 0
        for inputs, outputs in itertools.pairwise(sizes):
            middle, end = at + inputs * outputs, at + (inputs + 1) * outputs
            weights.append(flat[at:middle].reshape(outputs, inputs))
            biases.append(flat[middle:end])
            at = end
        return weights, biases


class Adam:
    """m = β₁ m + g;  s = β₂ s + g²;  w = w - c m / (√s + ε'), with all factors in c and ε'."""

    def __init__(self, flat: np.ndarray):
        work = np.empty(BLOCK, np.float32)
        self.blocks = [
            (*flat[:, i : i + BLOCK], work[: len(flat[0, i : i + BLOCK])]) for i in range(0, flat.shape[1], BLOCK)
        ]
        self.t = 0

    def step(self) -> None:
        self.t += 1
        scale = math.sqrt((1 - 0.999) / (1 - 0.999**self.t))
        c = np.float32(RATE * (1 - 0.9) / (1 - 0.9**self.t) / scale)
        epsilon = np.float32(EPSILON / scale)
        add, multiply = np.add, np.multiply
        for w, g, m, s, work in self.blocks:
            multiply(m, BETA1, m)
            add(m, g, m)
            multiply(s, BETA2, s)
            multiply(g, g, g)
            add(s, g, s)
            np.sqrt(s, work)
            add(work, epsilon, work)
            np.divide(m, work, work)
            multiply(work, c, work)
            np.subtract(w, work, w)


class Step:
    """``step(x, y)``: forward, backward and Adam on one batch; returns the loss. The last layer is linear."""

    def __init__(self, sizes: list[int], activation: str, loss: str, batch: int, values: list[np.ndarray]):
        self.parameters = Parameters(sizes, values)
        self.adam = Adam(self.parameters.flat)
        self.layers = range(len(sizes) - 1)
        self.single = [size == 1 for size in sizes]
        self.columns = [bias[:, None] for bias in self.parameters.biases]
        self.turned = [weight.T for weight in self.parameters.weights]
        self.outputs = [np.empty((size, batch), np.float32) for size in sizes[1:]]
        self.output_bits = [out.view(np.int32) for out in self.outputs]
        self.rows = [out.T for out in self.outputs]
        self.grads = [np.empty((size, batch), np.float32) for size in sizes[1:]]
        self.positive = [np.empty((size, batch), bool) for size in sizes[1:]]
        self.work = [np.empty((size, batch), np.float32) for size in sizes[1:]]
        self.ones = np.ones(batch, np.float32)
        self.is_relu = activation == "ReLU"
        self.loss = CrossEntropy(self.outputs[-1], self.grads[-1]) if loss == "cross_entropy" else SquaredError(self)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> Any:
        self.forward(x)
        loss = self.loss(y)
        self.backward(x)
        self.adam.step()
        return loss

    def forward(self, x: np.ndarray) -> np.ndarray:
        weights, last = self.parameters.weights, self.layers[-1]
        before = x.T
        for i in self.layers:
            out = self.outputs[i]
            (np.multiply if self.single[i] else np.matmul)(weights[i], before, out)
            np.add(out, self.columns[i], out)
            if i < last and self.is_relu:
                np.maximum(self.output_bits[i], 0, out=self.output_bits[i])
            elif i < last:
                np.tanh(out, out)
            before = out
        return self.rows[-1]

    def backward(self, x: np.ndarray) -> None:
        parameters = self.parameters
        for i in reversed(self.layers):
            grad = self.grads[i]
            np.matmul(grad, self.rows[i - 1] if i else x, parameters.weight_grads[i])
            np.dot(grad, self.ones, parameters.bias_grads[i])
            if i:
                before = self.grads[i - 1]
                (np.multiply if self.single[i + 1] else np.matmul)(self.turned[i], grad, before)
                self.through_activation(i - 1, before)

    def through_activation(self, i: int, grad: np.ndarray) -> None:
        out = self.outputs[i]
        if self.is_relu:
            np.greater(out, 0, self.positive[i])
            np.multiply(grad, self.positive[i], grad)
        else:
            slope = self.work[i]
            np.multiply(out, out, slope)
            np.subtract(1, slope, slope)
            np.multiply(grad, slope, grad)


class CrossEntropy:
    """Softmax and cross entropy at once: the mean over the batch of log Σ exp z - z_y; the gradient goes to ``grad``."""

    def __init__(self, logits: np.ndarray, grad: np.ndarray):
        self.logits, self.grad = logits, grad
        self.batch = logits.shape[1]
        self.flat_logits, self.flat_grad = logits.reshape(-1), grad.reshape(-1)
        self.samples, self.places = np.arange(self.batch), np.empty(self.batch, np.int64)
        self.row, self.total, self.chosen = (np.empty(self.batch, np.float32) for _ in range(3))
        self.ones = np.ones(self.batch, np.float32)
        self.share = np.float32(1 / self.batch)

    def __call__(self, y: np.ndarray) -> Any:
        z, p, row, total, places = self.logits, self.grad, self.row, self.total, self.places
        np.multiply(y, self.batch, places)
        np.add(places, self.samples, places)
        np.maximum.reduce(z, axis=0, out=row)
        np.subtract(z, row, z)
        self.flat_logits.take(places, out=self.chosen, mode="clip")
        np.exp(z, p)
        np.add.reduce(p, axis=0, out=total)
        np.log(total, row)
        np.subtract(row, self.chosen, row)
        loss = self.ones.dot(row) * self.share
        np.divide(self.share, total, total)
        np.multiply(p, total, p)
        self.flat_grad[places] -= self.share
        return loss


class SquaredError:
    """The mean of (z - y)² over batch and outputs."""

    def __init__(self, step: Step):
        self.output, self.grad = step.outputs[-1], step.grads[-1]
        self.flat = self.grad.reshape(-1)
        self.factor = np.float32(2 / self.flat.size)

    def __call__(self, y: np.ndarray) -> Any:
        np.subtract(self.output, y.T, self.grad)
        loss = self.flat.dot(self.flat) / self.flat.size
        np.multiply(self.grad, self.factor, self.grad)
        return loss
