"""``torch.futures``: a result that is there later."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as _Future
from typing import Any

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A result that one thread sets and others wait for.

    >>> import tapegrad as tg
    >>> future = tg.futures.Future()
    >>> doubled = future.then(lambda done: 2 * done.value())
    >>> future.set_result(21)
    >>> doubled.wait()
    42
    """

    def __init__(self, *, devices: Any = None):
        self._held: _Future = _Future()

    def done(self) -> bool:
        """Return whether the result, or an exception, is there."""
        return self._held.done()

    def wait(self) -> Any:
        """Wait for the result and return it, or raise the exception that was set."""
        return self._held.result()

    value = wait

    def set_result(self, result: Any) -> None:
        """Set the result."""
        self._held.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        """Set an exception, which waiting raises."""
        self._held.set_exception(result)

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call ``callback(self)`` when the result is there."""
        self._held.add_done_callback(lambda _: callback(self))

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """Return a future with what ``callback(self)`` returns once the result is there."""
        following = Future()

        def go_on(done: Future) -> None:
            try:
                following.set_result(callback(done))
            except Exception as error:
                following.set_exception(error)

        self.add_done_callback(go_on)
        return following


def wait_all(futures: list[Future]) -> list[Any]:
    """Return the results of all."""
    return [future.wait() for future in futures]


def collect_all(futures: list[Future]) -> Future:
    """Return a future of the list of futures, which is there when all of them are."""
    collected, left = Future(), [len(futures)]

    def count(_: Future) -> None:
        left[0] -= 1
        if left[0] == 0:
            collected.set_result(futures)

    if not futures:
        collected.set_result([])
    for future in futures:
        future.add_done_callback(count)
    return collected
