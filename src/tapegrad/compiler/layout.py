"""In which order the elements of each value lie in memory.

A value's shape is PyTorch's, its memory need not be: NumPy works fastest along long rows, so a tall matrix (many samples,
few features) is kept column by column, and images channels last, where a pixel's channels are a row for products.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Equation, Variable
from .program import Step

__all__ = ["Layout", "ordered_empty"]

_COLUMNS = (1, 0)
_CHANNELS_LAST = (0, 2, 3, 1)
# Primitives whose kernels work on channels-last memory; with one of them, all images of the step are kept so.
_IMAGE_PRIMITIVES = frozenset(("conv", "conv_transpose", "conv_weight", "conv_gradients", "max_pool", "avg_pool"))


def ordered_empty(variable: Variable, order: tuple[int, ...] | None) -> np.ndarray:
    """Return uninitialised memory for a value in an order of its dimensions, as an array of the value's shape."""
    if order is None:
        return np.empty(variable.shape, variable.dtype)
    memory = np.empty([variable.shape[d] for d in order], variable.dtype)
    return memory.transpose(np.argsort(order))


class Layout:
    """``order``: the values whose memory is not row-major. ``copies``: views of them that must be copies instead."""

    def __init__(self, step: Step, bound: set[Variable]):
        self.step = step
        self.order: dict[Variable, tuple[int, ...]] = {}
        self.copies: set[Variable] = set()
        self._written = {step.root_of(o) for e in step.equations if e.writes for o in e.outputs}
        self._images = any(e.primitive.name in _IMAGE_PRIMITIVES for e in step.equations)
        for e in step.equations:
            if getattr(e.primitive, "takes_out", False) and not e.writes:
                for out in e.outputs:
                    order = self._wish(out) or step.viewed_order.get(out)
                    if order is not None and out not in bound and step.root_of(out) is out:
                        self.order[out] = order
        for out, order in step.eager_order.items():
            if order is not None and out in bound:
                self.order[out] = order
        self._settle_views()

    def _wish(self, v: Variable) -> tuple[int, ...] | None:
        if v.dtype.kind not in "fb" or 0 in v.shape:
            return None
        if len(v.shape) == 2 and v.shape[0] > v.shape[1]:
            return _COLUMNS
        if len(v.shape) == 4 and self._images and v.shape[1] > 1 and v.shape[2] * v.shape[3] > 1:
            return _CHANNELS_LAST
        return None

    def _settle_views(self) -> None:
        """Find the views that the orders turn into copies; where such a view is written to, keep the order row-major."""
        while True:
            broken = self._broken_views()
            written = [root for root, _ in broken if root in self._written and root in self.order]
            if not written:
                break
            for root in written:
                self.order.pop(root, None)
        for _, e in broken:
            self._make_copy(e)

    def _broken_views(self) -> list[tuple[Variable, Equation]]:
        samples: dict[Variable, np.ndarray] = {}
        broken = []
        for e in self.step.equations:
            out = e.outputs[0] if e.outputs else None
            if out is None or e.writes or out not in self.step.root or not isinstance(e.inputs[0], Variable):
                continue
            source, root = e.inputs[0], self.step.root_of(out)
            if root in self.step.outside:
                continue
            if source not in samples:
                if source is not root:
                    continue
                samples[source] = ordered_empty(source, self.order.get(source))
            results = e.primitive.kernel(np, samples[source], *e.inputs[1:], **e.keywords)
            results = results if isinstance(results, tuple) else (results,)
            if np.may_share_memory(results[0], samples[source]):
                samples.update(zip(e.outputs, results, strict=True))
            else:
                broken.append((root, e))
        return broken

    def _make_copy(self, e: Equation) -> None:
        step = self.step
        for out in e.outputs:
            self.copies.add(out)
            step.root.pop(out, None)
            moved = {out}
            for later in step.equations:
                if later is not e and later.inputs and later.inputs[0] in moved and later.outputs:
                    for v in later.outputs:
                        if v in step.root:
                            step.root[v] = out
                            moved.add(v)


def is_reshape(e: Equation) -> bool:
    """Return whether a view has the elements of its source in their order."""
    source: Any = e.inputs[0]
    if len(e.outputs) != 1 or np.prod(e.outputs[0].shape) != np.prod(source.shape):
        return False
    places = np.arange(int(np.prod(source.shape))).reshape(source.shape)
    return bool((e.primitive.kernel(np, places, *e.inputs[1:], **e.keywords).ravel() == places.ravel()).all())
