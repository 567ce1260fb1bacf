"""Watching Python while a step is captured: which code of the user's ran, and what it did that a replay would leave out."""

from __future__ import annotations

import gc
import importlib
import random
import sys
from collections import deque
from types import BuiltinFunctionType, CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from .capture import Capture
from .reach import Reach, alike, fields_of, is_users_code, is_users_object

__all__ = ["Watch"]

_CHANGES = frozenset(
    (
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "pop",
        "popleft",
        "appendleft",
        "setdefault",
        "clear",
        "remove",
        "discard",
    )
)
_SPEAKING = frozenset(("print", "input", "open"))
_UNSTEADY = frozenset(("random", "numpy.random", "time", "secrets", "uuid", "datetime"))
_STREAMS = (random.Random, np.random.Generator, np.random.RandomState)
# Whoever names one of these reads an optimizer's options, or a schedule, in Python.
_OPTIONS = frozenset(("param_groups", "get_last_lr", "get_lr", "last_epoch", "_last_lr"))
# What these give may be anything, and be another thing each time.
_HIDDEN = frozenset(("globals", "locals", "eval", "exec", "urandom", "getrandom"))
# Whoever names one of these may read attributes that are not named.
_BY_TEXT = frozenset(("getattr", "vars", "__dict__", "asdict", "attrgetter"))
_GONE = object()
# The function that loads a module: what runs within it is no part of the step, and runs once.
_LOADING = importlib._bootstrap._find_and_load.__code__  # type: ignore[attr-defined]


class Watch:
    """A context in which a capture hears of every function of the user's that is called."""

    def __init__(self, capture: Capture, function: Any = None):
        self.capture = capture
        # Code of the user's with the globals it ran in, and what its free variables and globals were at that time.
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.environment: list[tuple[dict[str, Any], str, Any]] = []
        self.cells: list[tuple[CellType, str, Any]] = []
        self.reach = Reach()
        self.objects = [v for v in (function, getattr(function, "__self__", None)) if v is not None]
        self.objects += [
            *(getattr(function, "__defaults__", None) or ()),
            *(getattr(function, "__kwdefaults__", None) or {}).values(),
        ]
        for value in self.objects:
            self.reach.look(getattr(value, "__name__", type(value).__name__), value)
        self._before: Any = None
        self._collects = False
        self._own: dict[str, bool] = {}
        self._loading = 0

    def __enter__(self) -> Watch:
        # What the garbage collector calls is no part of the step.
        self._collects = gc.isenabled()
        gc.disable()
        self._before = sys.getprofile()
        if self._before is None or callable(self._before):
            sys.setprofile(self._hear)
        else:  # one written in C, which could not be put back
            self.capture.refuse("compile", "a profiler is running", "profile the function itself")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._collects:
            gc.enable()
        if self._before is None or callable(self._before):
            sys.setprofile(self._before)

    def _hear(self, frame: FrameType, event: str, argument: Any) -> None:
        if frame.f_code is _LOADING:
            self._loading += (event == "call") - (event == "return")
        if self._loading:
            return
        if event == "call":
            if frame.f_code not in self.codes and self._is_users(frame.f_code):
                self._meet(frame)
        elif event == "c_call" and self._is_users(frame.f_code):
            self._builtin(frame, argument)

    def _is_users(self, code: CodeType) -> bool:
        own = self._own.get(code.co_filename)
        if own is None:
            name = code.co_filename
            own = is_users_code(name)
            self._own[name] = own
        return own

    def _line(self, frame: FrameType) -> str:
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def _meet(self, frame: FrameType) -> None:
        """Note a function that runs for the first time, and the values that it sees outside itself."""
        code, space = frame.f_code, frame.f_globals
        self.codes[code] = space
        for name in code.co_names:
            if name in space:
                self.environment.append((space, name, space[name]))
                self.reach.look(name, space[name])
                self._check_module(frame, space[name], code)
        if code.co_freevars and not any(code in outer.co_consts for outer in self.codes):
            self._meet_cells(frame)
        if not _OPTIONS.isdisjoint(code.co_names):
            self.capture.reads_options = True
        if "array" in code.co_names or "__array_interface__" in code.co_names:
            self.capture.refuse(
                code.co_name,
                f"{self._line(frame)} looks at the array inside a tensor",
                "use tensors within the step",
            )

    def _meet_cells(self, frame: FrameType) -> None:
        """Note the free variables of a function, which are those of the function object whose values the frame sees."""
        code, local = frame.f_code, frame.f_locals
        for name in code.co_freevars:
            if name in local:
                self.reach.look(name, local[name])
        for function in gc.get_referrers(code):
            if isinstance(function, FunctionType) and function.__closure__:
                cells = [(c, n, _content(c)) for n, c in zip(code.co_freevars, function.__closure__, strict=True)]
                if all(value is local.get(name, _GONE) for _, name, value in cells):
                    self.cells += cells

    @property
    def names(self) -> set[str] | None:
        """The names in the code that ran; None when it may have read attributes by names that are not in it."""
        names = {name for code in self.codes for name in code.co_names}
        return None if names & _BY_TEXT else names

    def judge(self) -> None:
        """Refuse the capture when the step changed something outside, or used what goes on by itself."""
        for space, name, value in self.environment:
            if not alike(space.get(name, _GONE), value):
                return self._changed(f"the global {name}")
            self._check_unsteady(name, value)
        for cell, name, value in self.cells:
            if not alike(_content(cell), value):
                return self._changed(f"the variable {name}")
            self._check_unsteady(name, value)
        for value in self.objects:
            self._check_unsteady(type(value).__name__, value)
        change = self.reach.change()
        return self._changed(change) if change else None

    def _changed(self, what: str) -> None:
        self.capture.refuse(
            "compile",
            f"the step changes {what}, and a program would not",
            "return the value from the step, or keep it in a tensor that is written to in place",
            passing=True,
        )

    def _check_unsteady(self, path: str, value: Any, depth: int = 2) -> None:
        if hasattr(type(value), "__next__") or isinstance(value, _STREAMS):
            self.capture.refuse(
                "compile",
                f"{path}, a {type(value).__name__} from outside the step, gives other values each time",
                "take its values outside the step, and pass them as arguments",
            )
        elif isinstance(value, np.ndarray) and any(owner is None for owner in self.capture.owners.values()):
            self.capture.refuse(
                "compile",
                f"{path}, a NumPy array from outside the step, is computed with, and a program would not see it change",
                "make it a tensor",
            )
        elif depth and is_users_object(value):
            names = self.names
            for name, part in fields_of(value).items():
                if names is None or name in names:
                    self._check_unsteady(f"{path}.{name}", part, depth - 1)

    def _check_module(self, frame: FrameType, value: Any, code: CodeType) -> None:
        unsteady = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        drawn = isinstance(getattr(value, "__self__", None), _STREAMS)
        if unsteady in _UNSTEADY or drawn or (value is np and "random" in code.co_names):
            name = "numpy.random" if value is np else getattr(value, "__name__", f"a {type(value).__name__}")
            self.capture.refuse(
                code.co_name,
                f"{self._line(frame)} uses {name}, whose values a program would repeat",
                "use tapegrad's random functions, or pass the value as a tensor",
            )

    def _builtin(self, frame: FrameType, function: Any) -> None:
        name = getattr(function, "__name__", "")
        if name in _SPEAKING and getattr(function, "__module__", "") in ("builtins", "io", "_io"):
            self.capture.refuse(
                name,
                f"it is called at {self._line(frame)} inside the step, where a program would not call it",
                "call it outside the step",
            )
        elif name in _HIDDEN and isinstance(function, BuiltinFunctionType):
            self.capture.refuse(
                name,
                f"it is called at {self._line(frame)}, and a program could not see what it gives",
                "name the values",
            )
        elif name in _CHANGES and self._is_outside(frame, getattr(function, "__self__", None)):
            self.capture.refuse(
                name,
                f"a {type(function.__self__).__name__} from outside the step is changed at {self._line(frame)}",
                "return the value from the step, and keep it outside",
            )

    @staticmethod
    def _is_outside(frame: FrameType, container: Any) -> bool:
        """Return whether a container can be reached from outside: by a global, a free variable, or an attribute of one."""
        if not isinstance(container, (list, dict, set, deque)):
            return False
        code, local = frame.f_code, frame.f_locals
        seen = [frame.f_globals[n] for n in code.co_names if n in frame.f_globals]
        seen += [local[n] for n in (*code.co_freevars, *code.co_varnames[:1]) if n in local]
        return any(
            v is container or any(held is container for held in getattr(v, "__dict__", {}).values()) for v in seen
        )


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _GONE
