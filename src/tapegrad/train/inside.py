"""What goes on inside the network in one update, measured once, whoever wants to know."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor, no_grad
from ..ops.random import get_rng_state, set_rng_state

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Inside", "LayerLook", "layers_of", "unseen"]

# A unit within this share of its range from one of its bounds is saturated: of tanh, |y| > 0.98.
_NEAR = 0.01
_BOUNDS = {
    "Hardsigmoid": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Softsign": (-1.0, 1.0),
    "Tanh": (-1.0, 1.0),
}


@dataclasses.dataclass
class LayerLook:
    """One layer (a module without submodules) at one update. Shares are between 0 and 1; None: not there to be measured.

    Of its output for the whole batch: ``mean``, ``std``, ``low``, ``high``; ``dead``, for each unit or channel (position of
    dimension 1) whether it is 0 for the whole batch, and ``dead_share``; ``saturated_share``, of the values of tanh,
    sigmoid and the like those within 1 % of the range from its ends; ``spread_share``, the standard deviation over the
    samples, the mean over units, divided by the largest absolute value (0: every sample gives the same output).
    Of its own parameters, all together: ``grad_norm``, after clipping, as the update used it; ``weight_norm``, before the
    update; ``update_ratio``, norm of the change / weight_norm. ``stale``: of a batch normalisation, by how many standard
    deviations of the batch its running mean lies beside the batch's mean, averaged over channels.
    ``histogram`` and ``gradient_histogram`` (``low``, ``high``, ``counts``) where they were asked for.
    """

    kind: str
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    dead: np.ndarray | None = None
    dead_share: float | None = None
    saturated_share: float | None = None
    spread_share: float | None = None
    grad_norm: float | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    stale: float | None = None
    histogram: dict[str, Any] | None = None
    gradient_histogram: dict[str, Any] | None = None


class Inside:
    """Measures the layers of a trainer's model in the update at hand.

    :meth:`begin`, before the update, sends its batches through the model once more, for the activations alone, so that the
    update itself is what it would be if nobody looked, compiled or not; :meth:`end`, after it, adds gradients and changes
    and returns the layers by path. Several callbacks may call both: the work is done once.
    """

    def __init__(self) -> None:
        # The update that was looked at, as the number of those before it.
        self.step = -1
        self._bins = 0
        self._whole = False
        self._layers: dict[str, LayerLook] = {}
        self._before: dict[str, np.ndarray] = {}
        self._ended = False

    def begin(self, trainer: Trainer, bins: int = 0, samples: int | None = None) -> None:
        """Look at the activations; with histograms of ``bins``, at the first ``samples`` of each batch (all: None)."""
        known = self.step == trainer.position.step and not self._ended
        if known and self._bins >= bins and (self._whole or samples is not None):
            return
        self.step, self._bins, self._whole, self._ended = trainer.position.step, bins, samples is None, False
        self._layers = {path: LayerLook(type(layer).__name__) for path, layer in layers_of(trainer.model)}
        self._before = {path: _joined(p.array for p in layer.parameters()) for path, layer in layers_of(trainer.model)}
        hooks = [layer.register_forward_hook(self._watch(path)) for path, layer in layers_of(trainer.model)]
        try:
            with unseen(trainer.model), no_grad():
                for inputs, _ in trainer.at_hand:
                    trainer.model(inputs if samples is None or type(inputs) is not Tensor else inputs[:samples])
        finally:
            for hook in hooks:
                hook.remove()

    def end(self, trainer: Trainer) -> dict[str, LayerLook]:
        """Return the layers of the update just made, which :meth:`begin` saw; none where it was not called before it."""
        if self.step != trainer.position.step - 1:
            return {}
        if not self._ended:
            self._ended = True
            for path, layer in layers_of(trainer.model):
                if path in self._layers and self._before[path].size:
                    self._learning(self._layers[path], self._before[path], list(layer.parameters()))
            self._before = {}
        return self._layers

    def forget(self) -> None:
        """Let go of an update that failed."""
        self.step, self._layers, self._before = -1, {}, {}

    def _watch(self, path: str) -> Callable:
        def hook(layer: Any, inputs: tuple, output: Any) -> None:
            values = output[0] if isinstance(output, tuple) else output
            if isinstance(values, Tensor) and values.array.dtype.kind == "f" and values.array.size:
                with np.errstate(all="ignore"):
                    self._activation(self._layers[path], values.array)
                    if layer._buffers.get("running_mean") is not None and isinstance(inputs[0], Tensor):
                        self._layers[path].stale = _staleness(layer, inputs[0].array)

        return hook

    def _activation(self, look: LayerLook, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        look.mean, look.std, look.low, look.high = float(values.mean()), float(values.std()), low, high
        if values.ndim > 1:
            alive = (values != 0).any(axis=tuple(d for d in range(values.ndim) if d != 1))
            look.dead, look.dead_share = ~alive, float(1 - alive.mean())
            largest = max(abs(low), abs(high))
            if len(values) > 1:
                look.spread_share = float(values.std(axis=0).mean()) / largest if largest else 0.0
        bounds = _BOUNDS.get(look.kind)
        if bounds is not None:
            margin = _NEAR * (bounds[1] - bounds[0])
            look.saturated_share = float(((values < bounds[0] + margin) | (values > bounds[1] - margin)).mean())
        if self._bins:
            look.histogram = _histogram(values, self._bins)

    def _learning(self, look: LayerLook, before: np.ndarray, parameters: list[Any]) -> None:
        gradients = [p.grad.array for p in parameters if p.grad is not None]
        look.weight_norm = _norm(before)
        change = _norm(_joined(p.array for p in parameters) - before)
        look.update_ratio = change / look.weight_norm if look.weight_norm else 0.0
        if gradients:
            look.grad_norm = _norm(_joined(gradients))
        if self._bins:
            look.gradient_histogram = _histogram(_joined(gradients), self._bins)


@contextlib.contextmanager
def unseen(model: Any) -> Iterator[None]:
    """Put the buffers and the place in the stream of random numbers back, after the ``with`` block, where they were."""
    buffers = [(b, b.array.copy()) for b in model.buffers()]
    state = get_rng_state()
    try:
        yield
    finally:
        for buffer, before in buffers:
            buffer.array[...] = before
            buffer.memory.wrote()
        set_rng_state(state)


def layers_of(model: Any) -> list[tuple[str, Any]]:
    """Return the modules without submodules by path; a model that is one itself by its kind."""
    found = [(path, module) for path, module in model.named_modules() if not list(module.children())]
    return [(path or type(module).__name__, module) for path, module in found]


def _staleness(layer: Any, values: np.ndarray) -> float | None:
    axes = tuple(d for d in range(values.ndim) if d != 1)
    if values.ndim < 2 or values.shape[1] != len(layer.running_mean.array):
        return None
    mean, std = values.mean(axis=axes), values.std(axis=axes)
    return float((np.abs(layer.running_mean.array - mean) / (std + 1e-5)).mean())


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
