"""Who computes an update: a program where there can be one, else Python as it is written.

What computes decides about the last bits, so the choice depends on nothing but what was met so far, and that is part of
the trainer's state: a training that was stopped and resumed goes on as one that never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor
from .update import Update

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Compiling"]

# Kinds of batches (by their shapes) that get programs; those that are met later are computed eagerly.
_MOST_KINDS = 16
# A step of which nothing can be kept from one update to the next is given up.
_MOST_IN_A_ROW = 8
# Programs that conditions have made useless are let go.
_MOST_PROGRAMS = 64


class Compiling:
    """Makes the updates of a trainer. ``wanted``: whether by programs; ``reason``: why not, where not."""

    def __init__(self, wanted: bool):
        self.wanted = wanted
        self.reason: str | None = None if wanted else "compile is off"
        self.kinds: list[str] = []
        # The kind at hand was met before: it was tried then, and is not judged again at other weights.
        self._trusted = False
        # How many updates in a row needed a new program.
        self.in_a_row = 0
        self._update: Update | None = None
        self._compiled: Any = None
        self._known: dict[Any, bool] = {}
        self._steps = {"compiled": 0, "eager": 0}
        self._seconds = {"compiled": 0.0, "eager": 0.0}
        self._programs = 0
        self._preparing = 0.0

    def update(self, trainer: Trainer, batches: list, check: Callable) -> tuple:
        """Make one update, and return what :class:`Update` returns."""
        if self._update is None or not self._update.is_of(trainer):
            self._begin(trainer)
        assert self._update is not None
        tensors = tuple(t for batch in batches for t in batch)
        began, before = time.perf_counter(), self._preparing
        compiled = self.reason is None and self._takes(tensors)
        if compiled:
            result = self._run(tensors)
        else:
            result = self._update.make(tensors, check)
        who = "compiled" if compiled and self.reason is None else "eager"
        if self._preparing == before:
            self._steps[who] += 1
            self._seconds[who] += time.perf_counter() - began
        return result

    def _begin(self, trainer: Trainer) -> None:
        self._update = Update(trainer)
        self._compiled = None
        if self.reason is None:
            from .rehearsal import Rehearsed

            self._compiled = Rehearsed(self._update)

    def _takes(self, tensors: tuple) -> bool:
        """Return whether batches of this kind get a program."""
        if not all(type(t) is Tensor for t in tensors):
            self.reason = f"a batch holds a {next(type(t).__name__ for t in tensors if type(t) is not Tensor)}"
            return False
        key = tuple([(t.array.shape, t.array.dtype) for t in tensors])
        takes = self._known.get(key)
        if takes is None:
            kind = " ".join(f"{dtype}{list(shape)}" for shape, dtype in key)
            self._trusted = kind in self.kinds
            takes = self._trusted or len(self.kinds) < _MOST_KINDS
            if takes and not self._trusted:
                self.kinds.append(kind)
            self._known[key] = takes
        else:
            self._trusted = True
        return takes

    def _run(self, tensors: tuple) -> tuple:
        compiled = self._compiled
        captures, seconds, programs = compiled.captures, compiled.seconds, compiled.programs
        compiled.trusted = self._trusted
        with np.errstate(all="ignore"):
            result = compiled(*tensors)
        if compiled.captures == captures:
            self.in_a_row = 0
            return result
        self._preparing += compiled.seconds - seconds
        self._programs += max(compiled.programs - programs, 0)
        self.in_a_row += 1
        if compiled.refusals:
            refusal = compiled.refusals[0]
            where = f" ({refusal.where})" if getattr(refusal, "where", "") else ""
            self.reason = f"{refusal.who}: {refusal.what}{where}"
        elif self.in_a_row >= _MOST_IN_A_ROW:
            self.reason = f"{self.in_a_row} updates in a row each needed a program of its own"
        elif compiled.programs >= _MOST_PROGRAMS or max(map(len, compiled._programs.values()), default=0) >= 8:
            compiled.reset()
        return result

    # -- what is to be known of it -------------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The programs as text."""
        return "" if self._compiled is None else self._compiled.source

    def report(self) -> dict[str, Any]:
        """Return whether updates were compiled, why not where not, and what that cost and gained.

        ``eager_ms`` and ``compiled_ms``: one update each way, measured as the first program was made, with everything put
        back; ``gain`` their ratio; ``step_ms`` the mean of this process's updates; ``difference`` the largest one of eager
        and compiled results, relative to the largest of each, ``gradient_difference`` that of gradients by their norm.
        """
        steps = sum(self._steps.values())
        told: dict[str, Any] = {
            "compiled": self.wanted and self.reason is None,
            "reason": self.reason,
            "programs": self._programs,
            "seconds": round(self._preparing, 3),
            "steps": dict(self._steps),
            "step_ms": round(1e3 * sum(self._seconds.values()) / steps, 4) if steps else None,
        }
        if self._compiled is not None and self._compiled.times:
            eager, compiled = self._compiled.times[0]
            told |= {"eager_ms": round(1e3 * eager, 4), "compiled_ms": round(1e3 * compiled, 4)}
            told |= {"gain": round(eager / compiled, 2), "difference": self._compiled.difference}
            told["gradient_difference"] = self._compiled.gradient_difference
        return told

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs to choose as this one would."""
        return {"reason": self.reason, "kinds": list(self.kinds), "in_a_row": self.in_a_row}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back a state. A training that was told to compile, or not to, stays so."""
        self.kinds, self.in_a_row = [str(kind) for kind in state["kinds"]], int(state["in_a_row"])
        self._known.clear()
        if self.wanted and state["reason"] is not None:
            self.reason = str(state["reason"])
