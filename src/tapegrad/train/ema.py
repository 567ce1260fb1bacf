"""The moving average of a model's weights over its training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, StateError

__all__ = ["WeightAverage"]


class WeightAverage:
    """a ← a + (1 - d) · (w - a) for every parameter w after each update, with d = min(decay, (1 + n) / (10 + n)).

    n counts the updates, so that the first weights are soon forgotten. Buffers are the model's own.
    Raises ArgumentError for a decay outside (0, 1).
    Source: B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992); the rising decay:
    https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage

    >>> import tapegrad as tg
    >>> model = tg.nn.Linear(1, 1)
    >>> average = WeightAverage(model, 0.999)
    >>> _ = model.weight.data.fill_(2.0)
    >>> average.update()
    >>> with average.applied():
    ...     inside = model.weight.item()
    >>> inside < 2.0, model.weight.item()
    (True, 2.0)
    """

    def __init__(self, model: Any, decay: float):
        if not 0 < decay < 1:
            raise ArgumentError("ema", f"the decay is {decay}", "use a number between 0 and 1, e.g. 0.999")
        self.decay = decay
        self.updates = 0
        self.parameters = dict(model.named_parameters())
        self.averages = {name: p.array.copy() for name, p in self.parameters.items()}

    def update(self) -> None:
        """Take the weights as they are now into the average."""
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, average in self.averages.items():
            change = self.parameters[name].array - average
            change *= rate
            average += change

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the averages within the ``with`` block, and its own weights, to the bit, after it."""
        own = {name: p.array.copy() for name, p in self.parameters.items()}
        self._put(self.averages)
        try:
            yield
        finally:
            self._put(own)

    def _put(self, values: Mapping[str, np.ndarray]) -> None:
        for name, p in self.parameters.items():
            p.array[...] = values[name]
            p.memory.wrote()

    def state_dict(self) -> dict[str, Any]:
        """Return the averages by the parameters' names, and how many updates they have seen."""
        return {"updates": self.updates, "averages": self.averages}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back a copy of a state. Raises StateError when it is that of another network."""
        found = {name: np.array(value) for name, value in state["averages"].items()}
        if {name: a.shape for name, a in found.items()} != {name: a.shape for name, a in self.averages.items()}:
            raise StateError("ema", "the averages are those of another network", "load the state of the same one")
        self.updates = int(state["updates"])
        self.averages = {name: found[name].astype(a.dtype, copy=False) for name, a in self.averages.items()}
