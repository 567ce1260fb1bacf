"""Small parameters that are updated together: for these the number of calls costs more than the arithmetic.

An update that treats each element alone gives the same bits when it runs on one vector of all elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

__all__ = ["LARGEST", "Bundle"]

# The most elements that a parameter of a bundle has: from here on copying in and out costs what the calls did.
LARGEST = 4096


class _Vector:
    """One piece of memory, and the parts of it in the shapes of some arrays."""

    def __init__(self, arrays: Sequence[np.ndarray]):
        self.flat = np.empty(sum(a.size for a in arrays), arrays[0].dtype)
        self.parts = []
        place = 0
        for a in arrays:
            self.parts.append(self.flat[place : place + a.size].reshape(a.shape))
            place += a.size

    def gather(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        for part, array in zip(self.parts, arrays, strict=True):
            part[...] = array
        return self.flat

    def scatter(self, arrays: Sequence[np.ndarray]) -> None:
        for part, array in zip(self.parts, arrays, strict=True):
            array[...] = part


class Bundle:
    """A vector for the parameters, one for their gradients and one for each kind of state.

    What an optimizer and others hold stays where it is; an update copies it in and out again.
    """

    def __init__(self, arrays: list[np.ndarray]):
        # Kept alive, so that the same ids mean the same arrays.
        self.arrays = arrays
        # A write to one parameter that another shares memory with would be lost.
        self.possible = not any(np.may_share_memory(a, b) for a, b in combinations(arrays, 2))
        self.parameters = _Vector(arrays)
        self.gradients = _Vector(arrays)
        self._states: dict[str, _Vector] = {}

    def gather_states(self, states: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the states as one: vectors, and 0-d arrays for numbers. None when they are not alike."""
        together: dict[str, Any] = {}
        if any(state.keys() != states[0].keys() for state in states):
            return None
        for name in states[0]:
            held = _arrays_of(states, name)
            if held is None:
                return None
            if held[0].ndim == 0:
                number = held[0].item()
                if any(a.ndim or a.item() != number for a in held):
                    return None
                together[name] = np.array(number, held[0].dtype)
                continue
            if any(a.shape != p.shape or a.dtype != p.dtype for a, p in zip(held, self.arrays, strict=True)):
                return None
            vector = self._states.get(name)
            if vector is None:
                vector = self._states[name] = _Vector(self.arrays)
            together[name] = vector.gather(held)
        return together

    def scatter_states(self, together: dict[str, Any], states: list[dict[str, Any]]) -> None:
        """Give each parameter's state its part of what ``gather_states`` returned."""
        for name, value in together.items():
            if value.ndim:
                self._states[name].scatter([state[name].array for state in states])
                continue
            number = value.item()
            for state in states:
                state[name].array.fill(number)


def _arrays_of(states: list[dict[str, Any]], name: str) -> list[np.ndarray] | None:
    """Return the arrays that the states hold under a name, or None when one holds something else."""
    try:
        arrays = [state[name].array for state in states]
    except (KeyError, AttributeError):
        return None
    return arrays if all(type(a) is np.ndarray for a in arrays) else None
