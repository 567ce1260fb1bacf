"""``tapegrad.compile``: calls that are captured once, and from then on run as programs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..core import STATE, Tensor
from .capture import Capture, Refusal
from .program import Step, simplified
from .runtime import Specialization, Stale

__all__ = ["Compiled"]


class Compiled:
    """A function whose calls run as compiled programs."""

    def __init__(self, function: Callable, target: str | None = None, verify: int | None = None):
        functools.update_wrapper(self, function)
        self.function = function
        self._programs: dict[Any, list[Specialization]] = {}
        self.refusals: list[Refusal] = []
        self._busy = False
        self._names = _parameter_names(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if STATE.tracer is not None or self._busy or kwargs or not all(isinstance(a, Tensor) for a in args):
            return self.function(*args, **kwargs)
        key = tuple([(a.array.shape, a.array.dtype) for a in args])
        self._busy = True
        try:
            for program in self._programs.get(key, ()):
                try:
                    return program(list(args))
                except Stale:
                    pass
            return self._capture(key, list(args))
        finally:
            self._busy = False

    def _capture(self, key: Any, inputs: list[Tensor]) -> Any:
        capture = Capture(inputs)
        STATE.tracer = capture
        try:
            result = self.function(*inputs)
        finally:
            STATE.tracer = None
        outputs = [result] if isinstance(result, Tensor) else list(result)
        variables = [capture.read(t) for t in outputs]
        tapes = [t.requires_grad for t in outputs]
        for t in outputs:
            if t.node is not None and capture.has_tape(t):
                capture.refuse("compile", "a result still has its tape", "call backward() inside")
        if capture.refusal is not None:
            self.refusals.append(capture.refusal)
            return result
        single = isinstance(result, Tensor)
        del result, outputs, t
        step = Step(capture, variables)
        capture.undo()
        simplified(step)
        del capture
        names = [self._names[i] if i < len(self._names) else f"x{i}" for i in range(len(inputs))]
        program = Specialization(step, names, (lambda i, o: o[0]) if single else (lambda i, o: tuple(o)), tapes)
        self._programs.setdefault(key, []).append(program)
        return program(inputs)

    @property
    def source(self) -> str:
        """The programs so far, one for each kind of arguments."""
        return "\n\n".join(p.source.text for programs in self._programs.values() for p in programs)


def _parameter_names(function: Callable) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

