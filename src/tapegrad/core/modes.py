"""The modes that switch recording on and off: context managers and decorators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .graph import STATE
from .notes import opened

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class _GradMode:
    """A switch for recording: a context manager and a decorator."""

    value = False
    # How far up the frame is that enters the block.
    _depth = 2

    def __init__(self, function: Callable | None = None):
        self._before: list[tuple[bool, Any]] = []
        self._function = function if function is None else _switched(function, self._again(), type(self).__name__)
        if function is not None:
            functools.update_wrapper(self, function)

    def __enter__(self) -> None:
        self._before.append((STATE.grad_enabled, STATE.block))
        STATE.grad_enabled = self.value
        STATE.block = None if self.value else opened(type(self).__name__, depth=self._depth)

    def __exit__(self, *exc: object) -> None:
        STATE.grad_enabled, STATE.block = self._before.pop()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is not None:
            return self._function(*args, **kwargs)
        return _switched(args[0], self._again(), type(self).__name__)

    def _again(self) -> Callable:
        """Return what makes a switch to the same value."""
        return enable_grad if self.value else no_grad

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def _switched(function: Callable, mode: Callable, name: str) -> Callable:
    """Return a function that runs with recording on or off; a generator does so whenever it runs, not in between.

    ``name`` is what the mode is called in the source.
    """
    code = getattr(function, "__code__", None)

    def note() -> None:
        if code is not None and not STATE.grad_enabled:
            STATE.block = opened(name, code)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with mode():
            note()
            return function(*args, **kwargs)

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Any:
        run = function(*args, **kwargs)
        resume: Callable = functools.partial(next, run)
        while True:
            try:
                with mode():
                    note()
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
    """Record again inside a :class:`no_grad` block.

    >>> import tapegrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """

    value = True


class inference_mode(_GradMode):  # noqa: N801
    """Like :class:`no_grad`; ``inference_mode(False)`` leaves recording on.

    >>> import tapegrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.inference_mode():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    _depth = 3

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
    """Switch recording on or off: at once, and until the ``with`` block ends when used as one.

    >>> import tapegrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.set_grad_enabled(False):
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    def __init__(self, mode: bool):
        super().__init__()
        self.value = bool(mode)
        self._outer = STATE.grad_enabled, STATE.block
        self._block = None if self.value else opened("set_grad_enabled")
        self._switch()

    def _switch(self) -> None:
        STATE.grad_enabled, STATE.block = self.value, self._block

    def __enter__(self) -> None:
        self._before.append(self._outer)
        self._switch()

    def __call__(self, function: Callable) -> Callable:
        STATE.grad_enabled, STATE.block = self._outer
        return _switched(function, self._again(), "set_grad_enabled")


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded in this thread.

    >>> import tapegrad as tg
    >>> with tg.no_grad():
    ...     tg.is_grad_enabled()
    False
    """
    return STATE.grad_enabled
