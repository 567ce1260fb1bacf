"""The engine under ``vmap``: inside, a tensor shows one sample of a batch; every operation runs on the whole batch.

While a function is mapped, each tensor in it has the shape, dtype and values of the first sample, and a table says
which batch, with the samples along dimension 0, it stands for. The dispatcher hands kernels to :meth:`Batching.run`,
which looks the batches up, runs the primitive on them one level further out (with gradients, and with vmap around it),
and gives the first sample of the result back. Rules say how a primitive runs on a batch; one without a rule, or with an
argument that its rule does not cover, runs sample by sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import STATE, Tensor, ops, wrap
from ..core.trace import Tracer
from ..errors import TraceError
from .rules import RULES, Call

__all__ = ["Batching"]


class Batching(Tracer):
    """One run of a function over ``size`` samples."""

    maps = True

    def __init__(self, size: int, randomness: str):
        super().__init__({})
        self.size = size
        self.randomness = randomness
        self.parent = STATE.tracer
        # By the id of a sample's array, which is kept so that the id stays its own: the batch.
        self.batches: dict[int, tuple[np.ndarray, Tensor]] = {}
        # Arrays made inside, the same for all samples so far: each may become its own by a write.
        self.made: dict[int, np.ndarray] = {}
        # Samples of views do not share memory with the sample of their base, so writes would part them.
        self.views: dict[int, list[np.ndarray]] = {}
        self.copies: set[int] = set()
        self.stale: set[int] = set()

    # -- in and out -----------------------------------------------------------------------------------------------------

    def sample(self, batch: Tensor) -> Tensor:
        """Return the tensor that stands for a batch inside the function."""
        return wrap(self._show(batch))

    def _show(self, batch: Tensor) -> np.ndarray:
        first = batch.array[0, ...] if self.size else np.zeros(batch.array.shape[1:], batch.array.dtype)
        array = np.array(first)
        self.batches[id(array)] = (array, batch)
        return array

    def holds(self, array: np.ndarray) -> bool:
        """Return whether an array stands for a batch."""
        return id(array) in self.batches

    def whole(self, value: Tensor) -> Tensor:
        """Return the batch that a tensor stands for; one that is the same for all samples is repeated."""
        held = self.batches.get(id(value.array))
        if held is not None:
            return held[1]
        return ops.expand(value, shape=(self.size, *value.array.shape))

    # -- operations -----------------------------------------------------------------------------------------------------

    def run(self, primitive: Any, inputs: tuple, arrays: list, keywords: dict) -> Any:
        """Return the first sample of a primitive's result, the kernel's result where no input stands for a batch."""
        batches = [self.batches.get(id(a)) if isinstance(a, np.ndarray) else None for a in arrays]
        if not any(batches):
            return (
                self._draw(primitive, keywords)
                if primitive.random
                else self._plain(primitive, inputs, arrays, keywords)
            )
        if any(id(a) in self.stale for a in arrays):
            raise TraceError(
                "vmap", f"{primitive.name} reads a view whose base was written to since", "take the view again"
            )
        if primitive.dynamic:
            raise TraceError(
                "vmap", f"the shape of {primitive.name}'s result depends on values", "keep the shape, as in where()"
            )
        given = [self._operand(x, a, b) for x, a, b in zip(inputs, arrays, batches, strict=True)]
        call = Call(primitive, given, [b is not None for b in batches], arrays, keywords, self.size)
        running, STATE.tracer = STATE.tracer, self.parent
        try:
            rule = RULES.get(primitive.name)
            result = rule(call) if rule is not None else None
            if result is None:
                result = call.elementwise() if primitive.elementwise else call.one_by_one()
        finally:
            STATE.tracer = running
        shown = tuple(map(self._show, result)) if isinstance(result, tuple) else self._show(result)
        if primitive.view:
            for copy in shown if isinstance(shown, tuple) else (shown,):
                self.copies.add(id(copy))
                self.views.setdefault(id(arrays[0]), []).append(copy)
        return shown

    def _plain(self, primitive: Any, inputs: tuple, arrays: list, keywords: dict) -> Any:
        if self.parent is not None and self.parent.maps:
            result = self.parent.run(primitive, inputs, arrays, keywords)
        else:
            result = primitive.kernel(np, *arrays, **keywords)
        if isinstance(result, np.ndarray):
            self.made[id(result)] = result
        return result

    def _operand(self, value: Any, array: Any, held: Any) -> Any:
        """Return a batch, or what is the same for all samples, as the operand of a call one level further out."""
        if held is not None:
            return held[1]
        return value if isinstance(value, Tensor) or not isinstance(array, np.ndarray) else wrap(array)

    def _draw(self, primitive: Any, keywords: dict) -> Any:
        if self.randomness == "error":
            raise TraceError(
                "vmap",
                f"{primitive.name} is random",
                "pass randomness='different', or 'same' when all samples should share the numbers",
            )
        if self.randomness == "same":
            return primitive.kernel(np, **keywords)
        running, STATE.tracer = STATE.tracer, self.parent
        try:
            drawn = [primitive(**keywords) for _ in range(self.size)]
            return self._show(ops.stack(*drawn, dim=0))
        finally:
            STATE.tracer = running

    # -- what the engine tells a tracer ---------------------------------------------------------------------------------

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        """An operation was applied: one that is the same for all samples is the outer tracer's to write down."""
        parts = out if isinstance(out, tuple) else (out,)
        if self.parent is not None and not any(self.holds(t.array) for t in parts):
            self.parent.record(primitive, inputs, out, keywords)

    def refuse(self, who: str, what: str, fix: str) -> None:
        """Something happened that no program can repeat: mapping repeats nothing, but an outer tracer may."""
        if self.parent is not None:
            self.parent.refuse(who, what, fix)

    def before_write(self, target: Tensor) -> None:
        """A tensor is about to be written to."""
        if id(target.array) in self.copies:
            raise TraceError(
                "vmap", "a view is written to in place inside the mapped function", "clone() it, or write to its base"
            )
        if self.parent is not None and not self.holds(target.array):
            self.parent.before_write(target)
        for copy in self.views.pop(id(target.array), ()):
            self.stale.add(id(copy))

    def record_write(self, target: Tensor, result: Tensor) -> None:
        """A result is put in a tensor's place, for every sample."""
        held = self.batches.get(id(result.array))
        if held is None:
            if self.batches.pop(id(target.array), None) is None and self.parent is not None:
                self.parent.record_write(target, result)
            return
        if id(target.array) not in self.batches and id(target.array) not in self.made:
            raise TraceError(
                "vmap", "each sample would write its own values into one tensor from outside", "write out of place"
            )
        self.batches[id(target.array)] = (target.array, held[1])
