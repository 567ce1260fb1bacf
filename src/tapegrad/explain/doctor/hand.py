"""The doctor beside a loop that somebody wrote by hand: ``with Doctor(model, optimizer) as doctor:``."""

from __future__ import annotations

from typing import Any

from .detectors import judged
from .finding import Finding
from .observe import Course
from .watching import Enough, Watcher

__all__ = ["Hand"]


class Hand:
    """Watches from now on until :meth:`end`: the model, the optimizer (which may be None), losses and backward passes."""

    def __init__(self, model: Any, optimizer: Any):
        self._watcher = Watcher()
        self._watcher.__enter__()
        self.course: Course = self._watcher.gathering.course
        self._watcher.gathering.roots.meet(model)
        self._handles = [] if optimizer is None else self._watcher.adopt(optimizer)

    @property
    def step(self) -> int:
        """How many updates were made."""
        return self._watcher.gathering.practice.steps

    def judge(self) -> list[Finding]:
        """Return what is found so far."""
        return judged(self.course)

    def end(self, error: BaseException | None = None) -> bool:
        """Stop watching; return whether ``error`` is only that the loss is not finite, so that the loop has ended."""
        self._watcher.__exit__()
        for handle in self._handles:
            handle.remove()
        self.course = self._watcher.gathering.finish()
        return isinstance(error, Enough)
