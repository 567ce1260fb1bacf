"""Watching Python while a step is captured: which code of the user's ran, and what it did that a replay would leave out."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

from ..core.graph import _PACKAGE
from .capture import Capture

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
_UNSTEADY = frozenset(("random", "time", "secrets", "uuid", "datetime"))


class Watch:
    """A context in which a capture hears of every function of the user's that is called."""

    def __init__(self, capture: Capture):
        self.capture = capture
        # Code of the user's with the globals it ran in, and what its free variables and globals were at that time.
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.environment: list[tuple[dict[str, Any], str, Any]] = []
        self._before: Any = None
        self._own: dict[str, bool] = {}

    def __enter__(self) -> Watch:
        self._before = sys.getprofile()
        if self._before is None or callable(self._before):
            sys.setprofile(self._hear)
        else:  # one written in C, which could not be put back
            self.capture.refuse("compile", "a profiler is running", "profile the function itself")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is None or callable(self._before):
            sys.setprofile(self._before)

    def _hear(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if frame.f_code not in self.codes and self._is_users(frame.f_code):
                self._meet(frame)
        elif event == "c_call" and self._is_users(frame.f_code):
            self._builtin(frame, argument)

    def _is_users(self, code: CodeType) -> bool:
        own = self._own.get(code.co_filename)
        if own is None:
            name = code.co_filename
            own = (
                not name.startswith((_PACKAGE, sys.base_prefix, "<frozen", np.__path__[0]))
                and name != "<compiled step>"
            )
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
                self._check_module(frame, space[name], code)
        if "array" in code.co_names or "__array_interface__" in code.co_names:
            self.capture.refuse(
                code.co_name,
                f"{self._line(frame)} looks at the array inside a tensor",
                "use tensors within the step",
            )

    def _check_module(self, frame: FrameType, value: Any, code: CodeType) -> None:
        unsteady = isinstance(value, ModuleType) and value.__name__ in _UNSTEADY
        if unsteady or (value is np and "random" in code.co_names) or value is getattr(time, "time", None):
            name = value.__name__ if value is not np else "numpy.random"
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
