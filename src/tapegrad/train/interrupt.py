"""Ctrl-C that waits for the end of an update."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["stop_between_batches"]


@contextlib.contextmanager
def stop_between_batches(trainer: Any) -> Iterator[None]:
    """Make the first Ctrl-C set ``trainer.stopping``, so that no update is left half done; a second one stops at once."""

    def ask(signum: int, frame: Any) -> None:
        if trainer.stopping:
            raise KeyboardInterrupt
        trainer.stopping = True

    before: Any = None
    handles = threading.current_thread() is threading.main_thread()
    try:
        if handles:
            before = signal.signal(signal.SIGINT, ask)
        yield
    finally:
        if handles:
            signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        trainer.stopping = False
