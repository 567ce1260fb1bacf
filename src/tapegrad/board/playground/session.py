"""One network of the playground, trained step by step as it is asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import TapegradError
from ...explain.doctor.doctor import Doctor
from ...lab.build import build
from ...lab.config import config_of
from ...lab.yaml import write_yaml
from ...ops.random import get_rng_state, set_rng_state
from ...train import Callback
from ..findings import told
from .frame import frame_of
from .script import python_of
from .spec import recipe_of

__all__ = ["Session"]

# The training's planned length is that of no training, as it goes on as long as somebody looks.
_EPOCHS = 1_000_000
_MOST_HISTORY = 1000


class Session:
    """A training that waits after the updates that were asked for.

    The loop is that of a :class:`~tapegrad.train.Trainer`, in a thread of its own that is held between two updates: what is
    computed is what ``tapegrad train`` computes with the same recipe, bit for bit, however the updates are asked for.
    """

    def __init__(self, spec: Mapping[str, Any], table: Mapping[str, Any] | None, folder: str | None):
        self.spec = dict(spec)
        self.table = table
        self.assembly = build(config_of(recipe_of(spec, table), "playground", folder))
        self.doctor = Doctor()
        self._gate = _Gate()
        # The gate is first: while it holds the loop, the doctor's look at the next update has not begun.
        self.assembly.trainer.callbacks = [self._gate, self.doctor]
        self._random = get_rng_state()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def described(self) -> dict[str, Any]:
        """Return the specification, the number of parameters, and the network as YAML and as Python."""
        own = {**self.table, "path": self.table["name"]} if self.table is not None else None
        return {
            "spec": self.spec,
            "parameters": sum(p.numel() for p in self.assembly.model.parameters()),
            "yaml": write_yaml(recipe_of(self.spec, own)),
            "python": python_of(self.spec, own),
        }

    def advance(self, steps: int) -> dict[str, Any]:
        """Make so many updates and return what the network is like then. Raises what ended the training."""
        with self._own_random_numbers():
            if self._thread is None:
                self._thread = threading.Thread(target=self._train, daemon=True)
                self._gate.allow(steps)
                self._thread.start()
            else:
                self._gate.allow(steps)
            self._gate.wait()
        if self._error is not None:
            raise self._error
        return self.frame()

    def frame(self) -> dict[str, Any]:
        """Return what the network is like now."""
        found = frame_of(self.assembly)
        keys = ("fault", "where", "since", "advice", "title", "text")
        findings = [told(finding.to_dict()) for finding in self.doctor.findings]
        return {**found, "findings": [{key: finding.get(key) for key in keys} for finding in findings]}

    def close(self) -> None:
        """End the training's thread."""
        if self._thread is not None:
            self._gate.close()
            self._thread.join(timeout=10)

    def _train(self) -> None:
        trainer = self.assembly.trainer
        try:
            with np.errstate(all="ignore"):
                trainer.fit(self.assembly.train_loader, epochs=_EPOCHS)
        except BaseException as error:
            self._error = error if isinstance(error, TapegradError) else RuntimeError(f"the training ended: {error}")
        finally:
            self._gate.done()

    @contextlib.contextmanager
    def _own_random_numbers(self) -> Iterator[None]:
        """Draw from this session's stream of random numbers, whatever others have drawn in between."""
        before = get_rng_state()
        set_rng_state(self._random)
        try:
            yield
        finally:
            self._random = get_rng_state()
            set_rng_state(before)


class _Gate(Callback):
    """Lets a trainer's loop make the updates that were asked for, and holds it then."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._left = 0
        self._busy = False
        self._closed = False

    def allow(self, steps: int) -> None:
        """Ask for updates."""
        with self._changed:
            self._left, self._busy = steps, not self._closed
            self._changed.notify_all()

    def wait(self) -> None:
        """Return when they were made, or the training has ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)

    def done(self) -> None:
        """Say that no more updates will be made."""
        with self._changed:
            self._busy, self._closed = False, True
            self._changed.notify_all()

    def close(self) -> None:
        """Let the loop go, so that it ends."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def on_batch_begin(self, trainer: Any) -> None:
        with self._changed:
            if self._left == 0:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._left > 0 or self._closed)
            self._left -= 1
            if self._closed:
                raise SystemExit

    def on_epoch_end(self, trainer: Any, record: dict[str, float]) -> None:
        del trainer.history[:-_MOST_HISTORY]
