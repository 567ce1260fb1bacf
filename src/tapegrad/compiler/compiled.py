"""What ``tapegrad.compile`` returns: calls are captured once, and from then on run as programs."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from ..core import STATE, Tensor
from ..errors import MissingExtraError, UsageError, warn
from .arguments import StandIns, Unkeyed, flatten, key_of, rebuild
from .calling import MISS, Stale
from .capture import Capture, Refusal
from .guards import guards_of
from .loops.build import has_numba
from .memory import return_freed_memory
from .program import Step, simplified
from .runtime import Results, Specialization
from .verify import Reference
from .watch import Watch

__all__ = ["Compiled"]

# How many programs there may be for one kind of arguments, and in all: whoever needs more changes something each time.
_MOST_FOR_ONE_KEY = 8
_MOST_KEYS = 64
# How often a capture may be refused for what should be over the next time.
_PATIENCE = 3


class Compiled:
    """A function whose calls run as compiled programs, one for each kind of arguments.

    ``source``: the programs as text. ``refusals``: why calls ran eagerly, if any did. ``programs``: how many there are.
    """

    def __init__(self, function: Callable, target: str | None = None, verify: int | None = None, quiet: bool = False):
        if not callable(function):
            raise UsageError("compile", f"a {type(function).__name__} cannot be called", "pass a function or a module")
        if verify is not None and (isinstance(verify, bool) or not isinstance(verify, int) or verify < 1):
            raise UsageError(
                "compile", f"verify is {verify!r}", "use how many calls go by between two comparisons, from 1"
            )
        if target not in (None, "numpy", "numba"):
            raise UsageError("compile", f"there is no target {target!r}", 'use "numpy" or "numba"')
        if target == "numba" and not has_numba():
            raise MissingExtraError("compile", "numba", "fast")
        functools.update_wrapper(self, function)
        self.function = function
        self._target = target
        self.verify = verify
        self.refusals: list[Refusal] = []
        self._quiet = quiet
        self._programs: dict[Any, list[Specialization]] = {}
        self._eager: set[Any] = set()
        self._passing: dict[tuple[str, str], int] = {}
        # Held while a call runs: a program has one memory. Whoever calls meanwhile, from within or from a thread, runs eagerly.
        self._lock = threading.Lock()
        self._calls = 0
        # The program that made the call at hand; None when it ran eagerly.
        self._running: Specialization | None = None
        self._last: Specialization | None = None
        self._last_count = 0
        self._names = _parameter_names(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = STATE
        if state.tracer is not None or state.anomaly or not self._lock.acquire(blocking=False):
            return self.function(*args, **kwargs)
        self._calls += 1
        try:
            if self.verify and (self._calls == 1 or self._calls % self.verify == 0):
                return self._verified(args, kwargs)
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
            self._lock.release()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> tuple:
        # A copy has its own model, so no program of this one fits it.
        return Compiled, (self.function, self._target, self.verify, self._quiet)

    def _verified(self, args: tuple, kwargs: dict) -> Any:
        """Run a program and the eager step, which is undone, and compare what both leave."""
        tensors: list[Tensor] = []
        try:
            flatten((args, kwargs), tensors)
        except Unkeyed:
            return self._run(args, kwargs)
        self._running = None
        reference = Reference(self.function, tensors, args, kwargs)
        refusal = reference.capture.refusal
        if refusal is not None:  # that run was the eager one, and no program could take its place
            if not refusal.passing:
                self._refuse(refusal)
            return reference.result
        result = self._run(args, kwargs)
        if self._running is not None:
            results: list[Tensor] = []
            flatten(result, results)
            reference.check(self._running, tensors, results)
        return result

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
        self._running = program
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
        hopeless = self._hopeless(key, tensors)
        if hopeless is not None:
            self._give_up(key, hopeless)
            return self.function(*args, **kwargs)
        stand_ins = StandIns(tensors, args, kwargs)
        capture = Capture(stand_ins.tensors)
        watch = Watch(capture, self.function)
        result = self._watched(capture, watch, stand_ins)
        results: list[Tensor] = []
        form = self._judge(capture, watch, stand_ins, result, results)
        if capture.refusal is not None:
            self._give_up(key, capture.refusal)
            given = [stand_ins.original(t) for t in results]
            same = all(a is b for a, b in zip(given, results, strict=True))
            return result if same else rebuild(form, given.__getitem__)
        del result
        try:
            program = self._build(capture, watch, stand_ins.tensors, results, form)
        except Exception as error:  # a fault of the compiler's must not be one of the user's
            capture.undo()
            what = f"the compiler failed with {type(error).__name__}: {error}"
            self._give_up(key, Refusal("compile", what, "report it, please; the step runs as it is"))
            return self.function(*args, **kwargs)
        try:
            made = program.call(tensors, STATE.grad_enabled)
        except Stale:
            made = MISS
        if made is MISS:
            self._give_up(key, Refusal("compile", "a step changes what it depends on", "keep that outside", True))
            return self.function(*args, **kwargs)
        self._programs.setdefault(key, []).append(program)
        self._remember(program, form_of_arguments)
        return made

    def _hopeless(self, key: Any, tensors: Any) -> Refusal | None:
        """Return why there is no use in a capture."""
        if any(t.requires_grad for t in tensors):
            return Refusal(
                "compile", "an argument requires a gradient", "keep leaves outside the arguments, or detach()"
            )
        odd = next((type(t).__name__ for t in tensors if type(t) is not Tensor), "")
        if odd:
            return Refusal("compile", f"an argument is a {odd}, no plain Tensor", "pass t.detach()")
        if len(self._programs.get(key, ())) >= _MOST_FOR_ONE_KEY or len(self._programs) >= _MOST_KEYS:
            return Refusal("compile", "each call would need a program of its own", "see what changes from call to call")
        return None

    def _watched(self, capture: Capture, watch: Watch, stand_ins: StandIns) -> Any:
        """Run the function while everything is written down."""
        STATE.tracer = capture
        try:
            with watch:
                return self.function(*stand_ins.args, **stand_ins.kwargs)
        except BaseException:
            STATE.tracer = None
            capture.call_postponed()
            stand_ins.settle()
            raise
        finally:
            STATE.tracer = None

    @staticmethod
    def _judge(capture: Capture, watch: Watch, stand_ins: StandIns, result: Any, results: list[Tensor]) -> Any:
        """Refuse the capture if a program could not take the run's place; return the form of the result."""
        form = None
        try:
            form = flatten(result, results)
        except Unkeyed as error:
            results.clear()
            capture.refuse("compile", f"the result holds a {error}", "return tensors and plain values")
        if any(t.node is not None and capture.has_tape(t) for t in results):
            capture.refuse(
                "compile",
                "a result could still be differentiated, and a program keeps no tape",
                "call backward() inside the compiled step, or run it under no_grad()",
            )
        done = stand_ins.settle()
        if done:
            capture.refuse("compile", done, "do that outside the step")
        watch.judge()
        capture.judge(stand_ins.given)
        return form

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
        watch.reach.forget_parts()
        return_freed_memory()
        return Specialization(
            simplified(step), names, guards, Results(form, tapes, same), STATE.grad_enabled, self._target
        )

    def _give_up(self, key: Any, refusal: Refusal) -> None:
        if refusal.passing:
            times = self._passing[refusal.who, refusal.what] = self._passing.get((refusal.who, refusal.what), 0) + 1
            if times < _PATIENCE:
                return
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
    def target(self) -> str | None:
        """What the programs are written for, ``"numpy"`` or ``"numba"``; None before the first, unless it was asked for."""
        targets = {p.target for programs in self._programs.values() for p in programs}
        return "numba" if "numba" in targets else self._target or min(targets, default=None)

    @property
    def source(self) -> str:
        """The programs so far as text, one for each kind of arguments; empty before the first call."""
        texts = []
        for program in (p for programs in self._programs.values() for p in programs):
            given = ", ".join(program.source.given)
            texts.append(
                f"# Not defined here, but given: {given}.\n{program.source.text}" if given else program.source.text
            )
        return "\n\n".join(texts)

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"<compiled {name}: {self.programs} program{'' if self.programs == 1 else 's'}, {len(self.refusals)} refused>"

    def reset(self) -> None:
        """Forget all programs and refusals: the next call is captured anew."""
        self._programs.clear()
        self._last = None
        self._eager.clear()
        self._passing.clear()
        self.refusals.clear()


def _parameter_names(function: Callable) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
