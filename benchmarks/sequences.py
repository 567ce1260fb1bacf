"""Networks that read sequences: a GPT on characters and an encoder, written once with PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .networks import Network

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sequences(Network):
    """``make(nn)`` builds the network from an ``nn``; ``sample(rng, size)`` draws inputs, and one label for each row of outputs."""

    make: Callable[[Any], Any] = lambda nn: None
    sample: Callable[[np.random.Generator, int], Pair] = lambda rng, size: (np.zeros(0), np.zeros(0))

    @property
    def is_mlp(self) -> bool:
        return False

    def weights(self, seed: int) -> list[np.ndarray]:
        """Return the parameters' first values: matrices so that sums keep their size, scales near 1, biases near 0."""
        import tapegrad as tg

        rng = np.random.default_rng(seed)
        values = []
        for name, parameter in self.make(tg.nn).named_parameters():
            normal = rng.standard_normal(tuple(parameter.shape))
            if parameter.ndim > 1:
                values.append(normal / math.sqrt(parameter.shape[-1]))
            else:
                values.append(0.1 * normal + ("norm" in name and name.endswith("weight")))
        return [value.astype(np.float32) for value in values]


def gpt(characters: int = 65, context: int = 256, layers: int = 6, heads: int = 6, width: int = 384) -> Sequences:
    """The GPT of ``examples/gpt.py``, its last layer with a weight of its own."""

    def make(nn: Any) -> Any:
        functional = nn.functional

        class Attention(nn.Module):
            def __init__(self):
                super().__init__()
                self.project = nn.Linear(width, 3 * width)
                self.mix = nn.Linear(width, width)

            def forward(self, x: Any) -> Any:
                batch, length, _ = x.shape
                shape = (batch, length, heads, width // heads)
                parts = [part.view(shape).transpose(1, 2) for part in self.project(x).split(width, dim=2)]
                y = functional.scaled_dot_product_attention(*parts, is_causal=True)
                return self.mix(y.transpose(1, 2).reshape(batch, length, width))

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm1, self.attention = nn.LayerNorm(width), Attention()
                self.norm2 = nn.LayerNorm(width)
                self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

            def forward(self, x: Any) -> Any:
                x = x + self.attention(self.norm1(x))
                return x + self.network(self.norm2(x))

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.characters, self.positions = nn.Embedding(characters, width), nn.Embedding(context, width)
                self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
                self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters, bias=False)

            def forward(self, x: Any) -> Any:
                y = self.blocks(self.characters(x) + self.positions.weight)
                return self.head(self.norm(y)).view(-1, characters)

        return Model()

    def sample(rng: np.random.Generator, size: int) -> Pair:
        return rng.integers(0, characters, (size, context)), rng.integers(0, characters, size * context)

    return Sequences(f"GPT, {layers} layers, {width} wide, context {context}", (), (context,), make=make, sample=sample)


def encoder(layers: int = 2, width: int = 256, heads: int = 8, length: int = 128, classes: int = 10) -> Sequences:
    """A stack of TransformerEncoderLayer, and a linear layer on the mean over positions."""

    def make(nn: Any) -> Any:
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                layer = nn.TransformerEncoderLayer(
                    width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True
                )
                self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
                self.head = nn.Linear(width, classes)

            def forward(self, x: Any) -> Any:
                return self.head(self.encoder(x).mean(1))

        return Model()

    def sample(rng: np.random.Generator, size: int) -> Pair:
        return rng.standard_normal((size, length, width), np.float32), rng.integers(0, classes, size)

    name = f"Transformer encoder, {layers} layers, {width} wide, length {length}"
    return Sequences(name, (), (length, width), make=make, sample=sample)
