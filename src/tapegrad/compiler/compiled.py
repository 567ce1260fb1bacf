"""What ``tapegrad.compile`` returns: calls are captured once, and from then on run as programs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..core import STATE, Tensor
from ..errors import UsageError, warn
from .arguments import Unkeyed, flatten, key_of
from .calling import MISS, Stale
from .capture import Capture, Refusal
from .guards import guards_of
from .program import Step, simplified
from .runtime import Results, Specialization
from .watch import Watch

__all__ = ["Compiled"]

# How many programs there may be for one kind of arguments, and in all: whoever needs more changes something each time.
_MOST_FOR_ONE_KEY = 8
_MOST_KEYS = 64


class Compiled:
    """A function whose calls run as compiled programs, one for each kind of arguments.

    ``source``: the programs as text. ``refusals``: why calls ran eagerly, if any did. ``programs``: how many there are.
    """

    def __init__(self, function: Callable, target: str | None = None, verify: int | None = None, quiet: bool = False):
        if not callable(function):
            raise UsageError("compile", f"a {type(function).__name__} cannot be called", "pass a function or a module")
        if target not in (None, "numpy", "numba"):
            raise UsageError("compile", f"there is no target {target!r}", 'use "numpy" or "numba"')
        functools.update_wrapper(self, function)
        self.function = function
        self.target = target
        self.verify = verify
        self.refusals: list[Refusal] = []
        self._quiet = quiet
        self._programs: dict[Any, list[Specialization]] = {}
        self._eager: set[Any] = set()
        self._busy = False
        self._last: Specialization | None = None
        self._last_count = 0
        self._names = _parameter_names(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = STATE
        if state.tracer is not None or self._busy or state.anomaly:
            return self.function(*args, **kwargs)
        self._busy = True
        try:
            # The program that ran last is asked first, before anything is worked out about the arguments.
            last = self._last
            if last is not None and not kwargs and len(args) == self._last_count:
                try:
                    result = last.call(args, state.grad_enabled)
                    if result is not MISS:
                        return result
                except Stale:
                    pass
            return self._run(args, kwargs)
        finally:
            self._busy = False

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _run(self, args: tuple, kwargs: dict) -> Any:
        tensors: Any = args
        form: Any = None
        if kwargs or any(type(a) is not Tensor for a in args):
            tensors = []
            try:
                form = flatten((args, kwargs), tensors)
            except Unkeyed as error:
                self._refuse(Refusal("compile", f"an argument is a {error}", "pass tensors and plain values"))
                return self.function(*args, **kwargs)
        key = self._key(form, tensors)
        for program in self._programs.get(key, ()):
            try:
                result = program.call(tensors, STATE.grad_enabled)
            except Stale:
                continue
            if result is not MISS:
                self._remember(program, form)
                return result
        if key in self._eager:
            return self.function(*args, **kwargs)
        return self._capture(key, form, tensors, args, kwargs)

    def _remember(self, program: Specialization, form: Any) -> None:
        """Ask this program first from now on, where calls consist of tensors alone."""
        if form is None:
            self._last, self._last_count = program, len(program.step.inputs)

    def _key(self, form: Any, tensors: Any) -> Any:
        kinds = [(t.array.shape, t.array.dtype, id(t) if t._leaf_grad else t.node is None) for t in tensors]
        key = (STATE.grad_enabled, *kinds)
        if len(tensors) > 1 and len({id(t.array) for t in tensors}) < len(tensors):
            first = {id(t.array): i for i, t in reversed(list(enumerate(tensors)))}
            key = (*key, tuple(first[id(t.array)] for t in tensors))
        return key if form is None else (*key, key_of(form))

    # -- a new program -------------------------------------------------------------------------------------------------

    def _capture(self, key: Any, form_of_arguments: Any, tensors: Any, args: tuple, kwargs: dict) -> Any:
        capture = Capture(list(tensors))
        if any(t.requires_grad for t in tensors):
            capture.refuse(
                "compile", "an argument requires a gradient", "keep leaves outside the arguments, or detach()"
            )
        if len(self._programs.get(key, ())) >= _MOST_FOR_ONE_KEY or len(self._programs) >= _MOST_KEYS:
            capture.refuse("compile", "each call would need a program of its own", "see what changes from call to call")
        if capture.refusal is not None:
            self._give_up(key, capture.refusal)
            return self.function(*args, **kwargs)
        watch = Watch(capture)
        STATE.tracer = capture
        try:
            with watch:
                result = self.function(*args, **kwargs)
        except BaseException:
            STATE.tracer = None
            capture.call_postponed()
            raise
        STATE.tracer = None
        results: list[Tensor] = []
        try:
            form = flatten(result, results)
        except Unkeyed as error:
            capture.refuse("compile", f"the result holds a {error}", "return tensors and plain values")
            form = None
        for t in results:
            if t.node is not None and capture.has_tape(t):
                capture.refuse(
                    "compile",
                    "a result could still be differentiated, and a program keeps no tape",
                    "call backward() inside the compiled step, or run it under no_grad()",
                )
        if capture.refusal is not None:
            self._give_up(key, capture.refusal)
            return result
        program = self._build(capture, watch, tensors, results, form)
        del result, results
        if program is None:
            return self.function(*args, **kwargs)
        self._programs.setdefault(key, []).append(program)
        self._remember(program, form_of_arguments)
        return program.call(tensors, STATE.grad_enabled)

    def _build(self, capture: Capture, watch: Watch, tensors: Any, results: list[Tensor], form: Any) -> Any:
        variables = [capture.read(t) for t in results]
        tapes = [t.requires_grad for t in results]
        same = [next((i for i, given in enumerate(tensors) if given is t), None) for t in results]
        results.clear()
        step = Step(capture, variables)
        capture.undo()
        names = [self._names[i] if i < len(self._names) else f"x{i}" for i in range(len(tensors))]
        guards = functools.partial(guards_of, capture, watch)
        capture.forget()
        return Specialization(
            simplified(step), names, guards, Results(form, tapes, same), STATE.grad_enabled, self.target
        )

    def _give_up(self, key: Any, refusal: Refusal) -> None:
        if not refusal.passing:
            self._eager.add(key)
            self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Say once why a call runs eagerly."""
        if any((r.who, r.what) == (refusal.who, refusal.what) for r in self.refusals):
            return
        self.refusals.append(refusal)
        if not self._quiet:
            name = getattr(self.function, "__name__", type(self.function).__name__)
            warn(f"compile({name})", f"runs eagerly: {refusal.who}: {refusal.what}", refusal.fix)

    # -- looking at it -------------------------------------------------------------------------------------------------

    @property
    def programs(self) -> int:
        """How many programs there are."""
        return sum(map(len, self._programs.values()))

    @property
    def source(self) -> str:
        """The programs so far as text, one for each kind of arguments; empty before the first call."""
        return "\n\n".join(p.source.text for programs in self._programs.values() for p in programs)

    def reset(self) -> None:
        """Forget all programs and refusals: the next call is captured anew."""
        self._programs.clear()
        self._last = None
        self._eager.clear()
        self.refusals.clear()


def _parameter_names(function: Callable) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
