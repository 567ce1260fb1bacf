"""Whether a gradient is the one that it should be: beside the tape's own, and beside finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import grad
from ...core import Tensor, enable_grad, no_grad, wrap

__all__ = ["Truth", "factor_between", "factor_of_function"]

# A constant factor leaves a difference of rounding only; clipping of values, noise and the like leave more.
_PARALLEL = 1e-3
# Of finite differences: |factor - 1| below this is curvature and rounding.
_STEP = 1e-2


def factor_between(used: list[np.ndarray], true: list[np.ndarray]) -> float | None:
    """Return c where every ``used`` array is c times the ``true`` one, None where there is no such factor.

    >>> factor_between([np.array([1.0, 2.0])], [np.array([4.0, 8.0])])
    0.25
    """
    u = np.concatenate([a.ravel() for a in used]).astype(np.float64)
    t = np.concatenate([a.ravel() for a in true]).astype(np.float64)
    size = float(t @ t)
    if not size or not np.isfinite(size) or not np.isfinite(u).all():
        return None
    factor = float(u @ t) / size
    rest = float(np.linalg.norm(u - factor * t))
    return factor if factor > 0 and rest <= _PARALLEL * float(np.linalg.norm(u)) else None


def factor_of_function(call: Callable[..., Any], arguments: tuple) -> float | None:
    """Return by what the gradient that a function's own ``backward`` gives differs from that of its ``forward``.

    Both are taken along the gradient, by central differences in double precision: 1.0 where they agree, None where there
    is no such factor (the function is not smooth there, or has no tensors of floats).
    """
    # A sum with unequal weights, for what a plain sum would cancel (a softmax's outputs always sum to 1).
    places = [i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad]
    if not places:
        return None
    values = [a.array.astype(np.float64) if i in places else a for i, a in enumerate(arguments)]

    def measure(arrays: list[Any], wants: bool) -> tuple[Tensor, list[Tensor]]:
        leaves = [wrap(a.copy()) if i in places else a for i, a in enumerate(arrays)]
        for i in places:
            leaves[i].requires_grad = wants
        result = call(*leaves)
        result = result[0] if isinstance(result, tuple) else result
        weights = np.cos(np.arange(result.array.size, dtype=np.float64)).reshape(result.array.shape)
        return (result.double() * wrap(weights)).sum(), [leaves[i] for i in places]

    with enable_grad():
        total, leaves = measure(values, True)
        gradients = [g.array for g in grad(total, leaves, materialize_grads=True)]
    size = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
    if not size or not np.isfinite(size):
        return None
    scale = max(float(np.sqrt(sum(float((values[i] ** 2).sum()) for i in places))), 1.0)
    ends = []
    with no_grad():
        for sign in (1, -1):
            moved = list(values)
            for i, g in zip(places, gradients, strict=True):
                moved[i] = values[i] + sign * 1e-4 * scale * g / size
            ends.append(measure(moved, False)[0].item())
    slope = (ends[0] - ends[1]) / (2e-4 * scale)
    if not np.isfinite(slope) or abs(slope) < 1e-9 * size:
        return None
    factor = size / slope
    return 1.0 if abs(factor - 1) < _STEP else factor


class Truth:
    """Adds up, beside the gradients that an update will use, those that the tape gives without anybody's hooks."""

    def __init__(self) -> None:
        self._true: dict[int, tuple[Any, np.ndarray]] = {}

    def differentiate(self, loss: Tensor, leaves: list[Any]) -> None:
        """Add the gradients of a loss. The tape stays as it is."""
        hooks = [(leaf, leaf._hooks) for leaf in leaves]
        try:
            for leaf in leaves:
                leaf._hooks = None
            found = grad(loss, leaves, retain_graph=True, allow_unused=True)
        finally:
            for leaf, own in hooks:
                leaf._hooks = own
        for leaf, g in zip(leaves, found, strict=True):
            if g is not None:
                held = self._true.get(id(leaf))
                self._true[id(leaf)] = leaf, g.array.copy() if held is None else held[1] + g.array

    def factor(self) -> float | None:
        """Return the factor of the gradients as they are now, None where there is none; and begin anew."""
        pairs = [(leaf._grad.array, true) for leaf, true in self._true.values() if leaf._grad is not None]
        self._true = {}
        return factor_between([u for u, _ in pairs], [t for _, t in pairs]) if pairs else None
