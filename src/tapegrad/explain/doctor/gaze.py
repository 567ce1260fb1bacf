"""Looking at the layers of a network whose loop somebody else runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.graph import Node
from ...nn import Module
from ...train.inside import Inside, LayerLook

__all__ = ["Gaze", "is_looked_at"]

# Inputs beyond these give less than 1 % of the range of tanh and sigmoid beside its ends: atanh(0.98), ln 99.
_BOUNDS = {"tanh": 2.2976, "sigmoid": 4.5951}


def is_looked_at(step: int) -> bool:
    """Return whether an update is one of those to be looked at: eight between each power of two and the next.

    >>> [step for step in range(1, 40) if is_looked_at(step)][12:]
    [13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36]
    """
    below = 1 << (step.bit_length() - 1)
    return (step - below) % max(below // 8, 1) == 0


class Gaze(Inside):
    """What is seen in one update: activations as the forward pass goes by, gradients and changes around the step."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[int, str] = {}
        self._made: dict[Node, tuple[str, np.ndarray]] = {}

    def clear(self) -> None:
        """Forget the update that was looked at."""
        self._layers, self._before, self._made = {}, {}, {}

    def saw(self, layer: Module, inputs: tuple, output: Any) -> None:
        """Measure what a layer gave out. Its path is asked for later, when all networks of the script are known."""
        key = str(id(layer))
        self._layers[key] = LayerLook(type(layer).__name__)
        self._watch(key)(layer, inputs, output)
        values = output[0] if isinstance(output, tuple) else output
        if getattr(values, "node", None) is not None:
            self._made[values.node] = key, values.array

    def saw_graph(self, root: Any) -> None:
        """Measure activations that are no modules: ``relu(self.fc1(x))`` counts as a part of the layer before it."""
        seen: set[Node] = set()
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if not isinstance(node, Node) or node in seen:
                continue
            seen.add(node)
            waiting.extend(node.edges)
            source = node.edges[0] if len(node.edges) == 1 else None
            # What a module made has a look of its own.
            if source in self._made and node not in self._made:
                self._functional(getattr(node.primitive, "name", ""), *self._made[source])

    def _functional(self, name: str, key: str, values: np.ndarray) -> None:
        look = self._layers.get(key)
        if look is None:
            return
        if name == "relu" and values.ndim > 1:
            look.dead = np.asarray((values <= 0).all(axis=tuple(d for d in range(values.ndim) if d != 1)))
            look.dead_share = float(np.mean(look.dead))
        elif name in _BOUNDS:
            look.saturated_share = float((np.abs(values) > _BOUNDS[name]).mean())

    def before_update(self, layers: list[tuple[str, Module]]) -> None:
        """Keep the weights as they are."""
        for _, layer in layers:
            parts = [p.array.ravel() for p in layer.parameters()]
            if parts:
                self._before[str(id(layer))] = np.concatenate(parts)

    def after_update(self, layers: list[tuple[str, Module]]) -> dict[str, LayerLook]:
        """Return the layers with their gradients and changes by path, in the order of the modules."""
        found = {}
        for path, layer in layers:
            key = str(id(layer))
            look = self._layers.get(key)
            if look is None and key in self._before:
                look = LayerLook(type(layer).__name__)
            if look is None:
                continue
            if key in self._before:
                self._learning(look, self._before[key], list(layer.parameters()))
            found[path] = look
        self.clear()
        return found
