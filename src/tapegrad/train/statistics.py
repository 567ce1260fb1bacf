"""What goes on inside the network: activations, gradients and updates of each layer, at each report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor, no_grad
from ..errors import ArgumentError
from ..ops.random import get_rng_state, set_rng_state
from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Statistics"]

# A unit within this share of its range from one of its bounds is saturated: of tanh, |y| > 0.98.
_NEAR = 0.01
_BOUNDS = {
    "Hardsigmoid": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Softsign": (-1.0, 1.0),
    "Tanh": (-1.0, 1.0),
}


class Statistics(Callback):
    """Measures the layers (modules without submodules) at the first update and at the last one before each report.

    Each time ``log("statistics", step=..., layers={path: {...}})`` is called. A layer has its ``kind`` and
    ``activation``: ``mean``, ``std``, ``min``, ``max``, ``dead_share`` (of the units or channels, those that are 0 for
    the whole batch), ``saturated_share`` (of the values of tanh, sigmoid and the like, those within 1 % of the range
    from its ends) and ``histogram`` (``low``, ``high``, ``counts``). One with parameters has ``gradient`` (``norm``,
    ``histogram``; after clipping, as the update used it), ``weight`` (``norm``) and ``update_ratio``, |change| / |weight|.
    Before such an update its batches go through the model once more, for the activations alone: the update itself is
    what it would be if nobody looked, compiled or not, and other updates cost nothing. Raises ArgumentError for no bins.
    """

    def __init__(self, log: Callable[..., Any], *, bins: int = 30):
        if bins < 1:
            raise ArgumentError("Statistics", f"bins is {bins}", "use at least 1")
        self.log = log
        self.bins = bins
        self._layers: dict[str, dict[str, Any]] = {}
        self._before: dict[str, np.ndarray] = {}

    def on_batch_begin(self, trainer: Trainer) -> None:
        if trainer.position.step > 0 and not trainer.is_before_report:
            return
        layers = _layers(trainer.model)
        for path, layer in layers:
            self._layers[path] = {"kind": type(layer).__name__}
            self._before[path] = _joined(p.array for p in layer.parameters())
        hooks = [layer.register_forward_hook(self._watch(path)) for path, layer in layers]
        try:
            with _unseen(trainer.model):
                for inputs, _ in trainer.at_hand:
                    trainer.model(inputs)
        finally:
            for hook in hooks:
                hook.remove()

    def _watch(self, path: str) -> Callable:
        def hook(layer: Any, inputs: tuple, output: Any) -> None:
            values = output[0] if isinstance(output, tuple) else output
            if isinstance(values, Tensor) and values.array.dtype.kind == "f":
                self._layers[path]["activation"] = self._activation(type(layer).__name__, values.array)

        return hook

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        if not self._layers:
            return
        for path, layer in _layers(trainer.model):
            if self._before[path].size:
                self._layers[path].update(self._learning(self._before[path], list(layer.parameters())))
        layers = self._layers
        self._clear()
        self.log("statistics", step=trainer.position.step, layers=layers)

    def on_failure(self, trainer: Trainer, error: BaseException) -> None:
        self._clear()

    def _clear(self) -> None:
        self._layers, self._before = {}, {}

    def _activation(self, kind: str, values: np.ndarray) -> dict[str, Any]:
        with np.errstate(all="ignore"):
            found: dict[str, Any] = {name: float(getattr(values, name)()) for name in ("mean", "std", "min", "max")}
        if values.ndim > 1:
            alive = (values != 0).any(axis=tuple(d for d in range(values.ndim) if d != 1))
            found["dead_share"] = float(1 - alive.mean())
        bounds = _BOUNDS.get(kind)
        if bounds is not None:
            margin = _NEAR * (bounds[1] - bounds[0])
            found["saturated_share"] = float(((values < bounds[0] + margin) | (values > bounds[1] - margin)).mean())
        found["histogram"] = _histogram(values, self.bins)
        return found

    def _learning(self, before: np.ndarray, parameters: list[Any]) -> dict[str, Any]:
        gradient = _joined(p.grad.array for p in parameters if p.grad is not None)
        size = _norm(before)
        change = _norm(_joined(p.array for p in parameters) - before)
        return {
            "gradient": {"norm": _norm(gradient), "histogram": _histogram(gradient, self.bins)},
            "weight": {"norm": size},
            "update_ratio": change / size if size else 0.0,
        }


@contextlib.contextmanager
def _unseen(model: Any) -> Iterator[None]:
    """Put the buffers and the place in the stream of random numbers back, after the ``with`` block, where they were."""
    buffers = [(b, b.array.copy()) for b in model.buffers()]
    state = get_rng_state()
    try:
        with no_grad():
            yield
    finally:
        for buffer, before in buffers:
            buffer.array[...] = before
            buffer.memory.wrote()
        set_rng_state(state)


def _layers(model: Any) -> list[tuple[str, Any]]:
    """Return the modules without submodules by path; a model that is one itself by its kind."""
    found = [(path, module) for path, module in model.named_modules() if not list(module.children())]
    return [(path or type(module).__name__, module) for path, module in found]


def _joined(arrays: Any) -> np.ndarray:
    parts = [array.ravel() for array in arrays]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _norm(values: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        return float(np.sqrt((values.astype(np.float64) ** 2).sum()))


def _histogram(values: np.ndarray, bins: int) -> dict[str, Any]:
    """Return how many values lie in each of equally wide bins from the lowest to the highest; only finite ones count."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return {"low": 0.0, "high": 0.0, "counts": [0] * bins}
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(finite.astype(np.float64), bins=bins, range=(low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}
