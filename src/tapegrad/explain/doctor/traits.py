"""What can be told of a model from its parameters and options alone."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from ...core import Tensor
from ...nn import Module
from ...train.inside import layers_of

__all__ = ["LARGE_GAIN", "Traits", "traits_of"]

# Weights drawn to keep the spread of what goes through them have std · √inputs between 0.5 and 1.5.
LARGE_GAIN = 3.0

# Their rows are looked up, not summed over.
_TABLES = ("Embedding", "EmbeddingBag")


@dataclasses.dataclass
class Traits:
    """A model before its first update.

    ``gains``: for each layer with a weight matrix, the standard deviation of its weights times the square root of how many
    numbers one unit sums over: by how much it makes values larger. ``alike``: layers all of whose units have the same
    weights, and are listened to alike by the next layer with weights, so that they stay copies of each other.
    ``dropout``: layer to probability. ``frozen``: parameters that are not learned, of layers that learn nothing, while
    others do. ``momenta``: batch normalisation to its momentum. ``biases``: layer to the median of its biases. ``loaded``:
    whether weights were loaded into it.
    """

    gains: dict[str, float] = dataclasses.field(default_factory=dict)
    alike: list[str] = dataclasses.field(default_factory=list)
    dropout: dict[str, float] = dataclasses.field(default_factory=dict)
    frozen: list[str] = dataclasses.field(default_factory=list)
    momenta: dict[str, float | None] = dataclasses.field(default_factory=dict)
    biases: dict[str, float] = dataclasses.field(default_factory=dict)
    loaded: bool = False


def traits_of(model: Module) -> Traits:
    """Return what can be told of a model before it is trained.

    >>> import tapegrad as tg
    >>> traits = traits_of(tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.Dropout(0.3), tg.nn.Linear(8, 2)))
    >>> traits.dropout, traits.alike
    ({'1': 0.3}, [])
    """
    traits = Traits()
    weights: list[tuple[str, np.ndarray, Any]] = []
    for path, layer in layers_of(model):
        kind = type(layer).__name__
        if "Dropout" in kind:
            traits.dropout[path] = float(layer.p)
        if "running_mean" in layer._buffers:
            traits.momenta[path] = layer.momentum
        matrices = [p.array for _, p in layer.named_parameters() if p.array.ndim > 1]
        bias = getattr(layer, "bias", None)
        if isinstance(bias, Tensor) and bias.array.size and bias.array.dtype.kind == "f":
            traits.biases[path] = float(np.median(bias.array))
        if matrices and kind not in _TABLES:
            traits.gains[path] = max(_gain(m) for m in matrices)
            weights.append((path, matrices[0], layer))
    traits.alike = _alike(weights)
    traits.frozen = _frozen(model)
    return traits


def _gain(matrix: np.ndarray) -> float:
    return float(matrix.std()) * float(np.prod(matrix.shape[1:])) ** 0.5


def _alike(weights: list[tuple[str, np.ndarray, Any]]) -> list[str]:
    """Return the layers whose units nothing tells apart, neither what comes in nor what they are used for."""
    found = []
    for (path, own, layer), (_, following, _) in itertools.pairwise(weights):
        bias = getattr(layer, "bias", None)
        biases = bias.array if isinstance(bias, Tensor) else np.zeros(1)
        if len(own) > 1 and (own == own[:1]).all() and (biases == biases[0]).all():
            used = following.reshape(len(following), -1)
            if (used == used[:, :1]).all():
                found.append(path)
    return found


def _frozen(model: Module) -> list[str]:
    """Return the names of weights that are not learned, where others are."""
    matrices = [(name, p) for name, p in model.named_parameters() if p.array.ndim > 1]
    if not any(p.requires_grad for _, p in matrices):
        return []
    return [name for name, p in matrices if not p.requires_grad]
