"""The modes that switch recording on and off: context managers and decorators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .graph import STATE

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class _GradMode:
    """A switch for recording: a context manager and a decorator."""

    value = False

    def __init__(self, function: Callable | None = None):
        self._before: list[bool] = []
        self._function = function if function is None else _switched(function, self._again())
        if function is not None:
            functools.update_wrapper(self, function)

    def __enter__(self) -> None:
        self._before.append(STATE.grad_enabled)
        STATE.grad_enabled = self.value

    def __exit__(self, *exc: object) -> None:
        STATE.grad_enabled = self._before.pop()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _switched(args[0], self._again()) if self._function is None else self._function(*args, **kwargs)

    def _again(self) -> Callable:
        """Return what makes a switch to the same value."""
        return enable_grad if self.value else no_grad

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def _switched(function: Callable, mode: Callable) -> Callable:
    """Return a function that runs with recording on or off; a generator does so whenever it runs, not in between."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with mode():
            return function(*args, **kwargs)

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Any:
        run = function(*args, **kwargs)
        resume: Callable = functools.partial(next, run)
        while True:
            try:
                with mode():
                    item = resume()
            except StopIteration as stop:
                return stop.value
            try:
                resume = functools.partial(run.send, (yield item))
            except GeneratorExit:
                with mode():
                    run.close()
                raise
            except BaseException as error:
                resume = functools.partial(run.throw, error)

    return generate if inspect.isgeneratorfunction(function) else call


class no_grad(_GradMode):  # noqa: N801  (PyTorch's name)
    """Record nothing inside: for evaluation and for updating parameters. Also a decorator.

    >>> import tapegrad as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> with tg.no_grad():
    ...     print((x * 2).requires_grad)
    False
    """


class enable_grad(_GradMode):  # noqa: N801
    """Record again inside a :class:`no_grad` block."""

    value = True


class inference_mode(_GradMode):  # noqa: N801
    """Like :class:`no_grad`; ``inference_mode(False)`` leaves recording on."""

    def __init__(self, mode: Any = True):
        self.value = mode is False
        self._held: list[bool] = []
        super().__init__(mode if callable(mode) else None)

    def __enter__(self) -> None:
        super().__enter__()
        self._held.append(STATE.inference)
        STATE.inference = not self.value

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        STATE.inference = self._held.pop()

    def _again(self) -> Callable:
        return functools.partial(inference_mode, not self.value)


class set_grad_enabled(_GradMode):  # noqa: N801
    """Switch recording on or off: at once, and until the ``with`` block ends when used as one."""

    def __init__(self, mode: bool):
        super().__init__()
        self.value = bool(mode)
        self._outer = STATE.grad_enabled
        STATE.grad_enabled = self.value

    def __enter__(self) -> None:
        self._before.append(self._outer)
        STATE.grad_enabled = self.value

    def __call__(self, function: Callable) -> Callable:
        STATE.grad_enabled = self._outer
        return _switched(function, self._again())


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded in this thread."""
    return STATE.grad_enabled
