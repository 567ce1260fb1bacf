"""The source of randomness: a seeded generator, and the one that everything uses when none is named."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..array import Device, available
from ..core import STATE, Tensor, wrap
from ..errors import ArgumentError, UsageError

__all__ = [
    "Generator",
    "current_generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
    "use_generator",
]

# The seed that PyTorch gives a new Generator.
_FIRST_SEED = 67280421310721
# Seed, 128 bits of state, 128 bits of increment, and the half of a 64-bit draw that a float32 left over.
_STATE_BYTES = (("seed", 8), ("state", 16), ("inc", 16), ("has_uint32", 4), ("uinteger", 4))
_STATE_SIZE = sum(n for _, n in _STATE_BYTES)
# Two threads that draw first at once must not begin the same stream twice.
_FIRST_USE = threading.Lock()


class Generator:
    """A stream of random numbers that depends on its seed alone.

    Backed by NumPy's PCG64DXSM: two draws of 32 bits share one of 64, so float32 streams come at twice the speed, and the
    state is 48 bytes. Its methods may be called from several threads.
    Source: M. O'Neill, "PCG: A family of simple fast space-efficient statistically good algorithms" (2014).

    >>> import tapegrad as tg
    >>> g = tg.Generator().manual_seed(7)
    >>> a = tg.rand(2, generator=g)
    >>> bool((a == tg.rand(2, generator=g.manual_seed(7))).all())
    True
    """

    def __init__(self, device: Any = "cpu"):
        self.device = available(device)
        self._seed = _FIRST_SEED
        self._stream: np.random.Generator | None = None

    @property
    def stream(self) -> np.random.Generator:
        """The NumPy generator behind, made when first used: NumPy loads its own only then."""
        with _FIRST_USE:
            if self._stream is None:
                self._stream = np.random.Generator(np.random.PCG64DXSM(self._seed))
            return self._stream

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to a seed, and return the generator.

        A negative seed counts from 2⁶⁴ down. Raises ArgumentError for a seed outside [-2⁶³, 2⁶⁴).
        """
        if STATE.tracer is not None:
            STATE.tracer.refuse("manual_seed", "a generator is seeded inside the step", "seed it before")
        number = int(seed)
        if not -(2**63) <= number < 2**64:
            raise ArgumentError("manual_seed", f"{number} does not fit into 64 bits", "use a smaller seed")
        self._seed = number % 2**64
        self._stream = None
        return self

    def seed(self) -> int:
        """Seed with a number from the operating system, and return that number."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed that the stream began with."""
        return self._seed

    def get_state(self) -> Tensor:
        """Return the position in the stream as a tensor of bytes, for :meth:`set_state`."""
        state: dict[str, Any] = dict(self.stream.bit_generator.state)
        numbers = {"seed": self._seed, **state, **state["state"]}
        data = b"".join(int(numbers[name]).to_bytes(n, "little") for name, n in _STATE_BYTES)
        return wrap(np.frombuffer(data, np.uint8).copy())

    def set_state(self, state: Tensor) -> Generator:
        """Go to a position that :meth:`get_state` returned, and return the generator.

        Raises UsageError for anything but a tensor of bytes, ArgumentError when there are too many or too few.
        """
        if not isinstance(state, Tensor) or state.dtype != np.uint8:
            raise UsageError("set_state", "a state is a uint8 tensor", "pass what get_state() returned")
        data = state.array.tobytes()
        if len(data) != _STATE_SIZE:
            raise ArgumentError(
                "set_state", f"{len(data)} bytes instead of {_STATE_SIZE}", "pass what get_state() returned"
            )
        numbers, place = {}, 0
        for name, n in _STATE_BYTES:
            numbers[name] = int.from_bytes(data[place : place + n], "little")
            place += n
        self.manual_seed(numbers["seed"])
        self.stream.bit_generator.state = {
            "bit_generator": "PCG64DXSM",
            "state": {"state": numbers["state"], "inc": numbers["inc"]},
            "has_uint32": numbers["has_uint32"],
            "uinteger": numbers["uinteger"],
        }
        return self

    def clone_state(self) -> Generator:
        """Return another generator at the same position."""
        return Generator(self.device).set_state(self.get_state())

    def __reduce__(self) -> tuple:
        return _restore, (self.device, self.get_state())

    def __repr__(self) -> str:
        return f"<tapegrad.Generator seed={self._seed}>"


def _restore(device: Device, state: Tensor) -> Generator:
    return Generator(device).set_state(state)


# As in PyTorch, a process that sets no seed draws other numbers each time it is started.
default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, which all threads share, and return it.

    >>> import tapegrad as tg
    >>> _ = tg.manual_seed(0)
    >>> a = tg.randn(3)
    >>> _ = tg.manual_seed(0)
    >>> bool((a == tg.randn(3)).all())
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with a number from the operating system, and return that number."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default generator began with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the default generator's position as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's position to one that :func:`get_rng_state` returned."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Iterable | None = None, enabled: bool = True) -> Iterator[None]:
    """Leave the default generator as it was when the ``with`` block began.

    >>> import tapegrad as tg
    >>> with tg.random.fork_rng():
    ...     _ = tg.manual_seed(1)
    """
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)


# -- another generator for one thread -----------------------------------------------------------------------------------


class _Thread(threading.local):
    generator: Generator | None = None


_THREAD = _Thread()


def current_generator() -> Generator:
    """Return what draws when no generator is named: the default one, or what :func:`use_generator` put in its place."""
    return default_generator if _THREAD.generator is None else _THREAD.generator


@contextmanager
def use_generator(generator: Generator | None) -> Iterator[None]:
    """Draw from another generator within the ``with`` block, in this thread alone, wherever none is named.

    >>> import tapegrad as tg
    >>> with use_generator(tg.Generator().manual_seed(3)):
    ...     a = tg.rand(2)
    >>> bool((a == tg.rand(2, generator=tg.Generator().manual_seed(3))).all())
    True
    """
    before = _THREAD.generator
    _THREAD.generator = generator
    try:
        yield
    finally:
        _THREAD.generator = before
