"""The networks, described once as lists of layers that every peer builds from: no peer's version is written by hand.

A layer is a tuple: the name that PyTorch gives it, then its arguments. ``Residual`` holds two lists, whose outputs are added
and go through ReLU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Layer = tuple
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """Layers, the shape of one input, and the loss: ``cross_entropy`` or ``mse_loss``."""

    name: str
    layers: tuple[Layer, ...]
    input: Shape
    loss: str = "cross_entropy"

    @property
    def is_mlp(self) -> bool:
        return all(layer[0] in ("Linear", "ReLU", "Tanh", "Sigmoid") for layer in self.layers)

    @property
    def sizes(self) -> list[int]:
        return [self.layers[0][1], *(layer[2] for layer in self.layers if layer[0] == "Linear")]

    @property
    def activation(self) -> str:
        return self.layers[1][0]

    def without_dropout(self) -> Network:
        return replace(self, layers=tuple(layer for layer in self.layers if layer[0] != "Dropout"))


def mlp(*sizes: int, activation: str = "ReLU", loss: str = "cross_entropy", last: str | None = None) -> Network:
    layers: list[Layer] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [("Linear", inputs, outputs), (activation,)]
    layers[-1:] = [(last,)] if last else []
    return Network("-".join(map(str, sizes)), tuple(layers), (sizes[0],), loss)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1, bias: bool = True) -> Layer:
    return ("Conv2d", inputs, outputs, kernel, stride, padding, bias)


def mnist_example() -> Network:
    """The CNN of PyTorch's MNIST example, with the cross entropy that its log-softmax and nll_loss are."""
    return Network(
        "CNN of PyTorch's MNIST example",
        (
            *(conv(1, 32, padding=0), ("ReLU",), conv(32, 64, padding=0), ("ReLU",), ("MaxPool2d", 2)),
            *(("Dropout", 0.25), ("Flatten",), ("Linear", 9216, 128), ("ReLU",), ("Dropout", 0.5), ("Linear", 128, 10)),
        ),
        (1, 28, 28),
    )


def vgg_like() -> Network:
    """Pairs of 3×3 convolutions with 32, 64 and 128 channels, each pair followed by 2×2 max pooling; 128 hidden units."""
    layers: list[Layer] = []
    channels = 3
    for width in (32, 64, 128):
        layers += [conv(channels, width), ("ReLU",), conv(width, width), ("ReLU",), ("MaxPool2d", 2)]
        channels = width
    layers += [("Flatten",), ("Linear", 2048, 128), ("ReLU",), ("Linear", 128, 10)]
    return Network("VGG-like", tuple(layers), (3, 32, 32))


def resnet20() -> Network:
    """ResNet-20 for 32×32 images (He and others 2015, section 4.2), 1×1 convolutions where the shape changes."""
    layers: list[Layer] = [conv(3, 16, bias=False), ("BatchNorm2d", 16), ("ReLU",)]
    channels = 16
    for width in (16, 32, 64):
        for _ in range(3):
            stride = 2 if width != channels else 1
            main = (
                *(conv(channels, width, stride=stride, bias=False), ("BatchNorm2d", width), ("ReLU",)),
                *(conv(width, width, bias=False), ("BatchNorm2d", width)),
            )
            shortcut = (conv(channels, width, 1, stride, 0, False), ("BatchNorm2d", width)) if stride == 2 else ()
            layers.append(("Residual", main, shortcut))
            channels = width
    layers += [("AdaptiveAvgPool2d", 1), ("Flatten",), ("Linear", 64, 10)]
    return Network("ResNet-20", tuple(layers), (3, 32, 32))


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """Return the shape of one output for the shape of one input."""
    kind = layer[0]
    if kind == "Linear":
        return (layer[2],)
    if kind == "Conv2d":
        _, _, outputs, kernel, stride, padding, _ = layer
        return (outputs, *((size + 2 * padding - kernel) // stride + 1 for size in shape[1:]))
    if kind == "MaxPool2d":
        return (shape[0], *(size // layer[1] for size in shape[1:]))
    if kind == "AdaptiveAvgPool2d":
        return (shape[0], layer[1], layer[1])
    if kind == "Flatten":
        return (math.prod(shape),)
    return shape


def walk(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Yield every layer, those of residuals as well, with the shapes of its input and output."""
    for layer in layers:
        if layer[0] == "Residual":
            yield from walk(layer[1], shape)
            yield from walk(layer[2], shape)
            for inner in layer[1]:
                shape = output_shape(inner, shape)
            continue
        after = output_shape(layer, shape)
        yield layer, shape, after
        shape = after


def weights(network: Network, seed: int = 0) -> list[np.ndarray]:
    """Return the parameters' first values, in the order and the shapes of PyTorch's ``parameters()``."""
    if hasattr(network, "weights"):
        return network.weights(seed)
    rng = np.random.default_rng(seed)
    values: list[np.ndarray] = []
    for layer, _, _ in walk(network.layers, network.input):
        if layer[0] == "BatchNorm2d":
            values += [1 + 0.1 * rng.standard_normal(layer[1]), 0.1 * rng.standard_normal(layer[1])]
        elif layer[0] in ("Linear", "Conv2d"):
            shape = (layer[2], layer[1]) + ((layer[3], layer[3]) if layer[0] == "Conv2d" else ())
            scale = math.sqrt(2 / math.prod(shape[1:]))
            values.append(scale * rng.standard_normal(shape))
            if layer[0] == "Linear" or layer[6]:
                values.append(0.1 * rng.standard_normal(layer[2]))
    return [value.astype(np.float32) for value in values]


def batches(network: Network, size: int, count: int, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return inputs and targets. Labels are drawn at random: a loss that cannot come near zero keeps gradients normal numbers."""
    rng = np.random.default_rng(seed)
    if hasattr(network, "sample"):
        return [network.sample(rng, size) for _ in range(count)]
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(count):
        x = rng.standard_normal((size, *network.input), np.float32)
        if network.loss == "cross_entropy":
            pairs.append((x, rng.integers(0, network.sizes[-1], size)))
        elif network.input == (1,):
            x = rng.uniform(-math.pi, math.pi, (size, 1)).astype(np.float32)
            pairs.append((x, np.sin(x)))
        else:
            x = rng.random((size, *network.input), np.float32)
            pairs.append((x, x))
    return pairs


def build(nn: Any, network: Network) -> Any:
    """Build the network from an ``nn`` with PyTorch's names: PyTorch's own, or tapegrad's."""
    if hasattr(network, "make"):
        return network.make(nn)

    class Residual(nn.Module):
        def __init__(self, main: Any, shortcut: Any):
            super().__init__()
            self.main, self.shortcut = main, shortcut

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.main(x) + self.shortcut(x))

    def sequence(layers: Sequence[Layer]) -> Any:
        return nn.Sequential(*map(module, layers))

    def module(layer: Layer) -> Any:
        kind, *arguments = layer
        if kind == "Residual":
            return Residual(sequence(arguments[0]), sequence(arguments[1]))
        if kind == "Conv2d":
            inputs, outputs, kernel, stride, padding, bias = arguments
            return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)
        return getattr(nn, kind)(*arguments)

    return sequence(network.layers)
