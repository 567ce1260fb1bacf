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
        self._vectors: dict[str, _Vector] = {}
        # The arrays of the states that were looked at last, and what was found: numbers and vectors by name.
        self._seen: list[np.ndarray] = []
        self._found: tuple[dict[str, list[np.ndarray]], dict[str, list[np.ndarray]]] | None = {}, {}

    def gather_states(self, states: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the states as one: vectors, and 0-d arrays for numbers. None when they are not alike."""
        try:
            held = [value.array for state in states for value in state.values()]
        except AttributeError:
            return None
        if list(map(id, held)) != list(map(id, self._seen)):
            self._seen, self._found = held, self._look(states)
        if self._found is None:
            return None
        numbers, vectors = self._found
        together: dict[str, Any] = {}
        for name, arrays in numbers.items():
            number = arrays[0].item()
            for a in arrays:
                if a.item() != number:
                    return None
            together[name] = np.array(number, arrays[0].dtype)
        for name, arrays in vectors.items():
            together[name] = self._vectors[name].gather(arrays)
        return together

    def scatter_states(self, together: dict[str, Any]) -> None:
        """Give each parameter's state its part of what ``gather_states`` returned."""
        numbers, vectors = self._found or ({}, {})
        for name, arrays in numbers.items():
            number = together[name].item()
            for a in arrays:
                a.fill(number)
        for name, arrays in vectors.items():
            self._vectors[name].scatter(arrays)

    def _look(self, states: list[dict[str, Any]]) -> tuple[dict, dict] | None:
        """Return the numbers and the vectors of states with the same names and kinds, None for others."""
        numbers: dict[str, list[np.ndarray]] = {}
        vectors: dict[str, list[np.ndarray]] = {}
        if any(state.keys() != states[0].keys() for state in states):
            return None
        for name in states[0]:
            arrays = [state[name].array for state in states]
            if all(a.ndim == 0 for a in arrays):
                numbers[name] = arrays
            elif all(a.shape == p.shape and a.dtype == p.dtype for a, p in zip(arrays, self.arrays, strict=True)):
                vectors[name] = arrays
                self._vectors.setdefault(name, _Vector(self.arrays))
            else:
                return None
        return numbers, vectors
