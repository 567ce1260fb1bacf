"""Where the randomness of a pass comes from: a seed and an epoch for its order, and a place for each sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...ops.generator import current_generator
from ...ops.random import Generator

__all__ = ["BatchGenerator", "Pass", "Passes", "SampleGenerator", "sample_generators"]


class Pass(NamedTuple):
    """One reading of the data. All that is random in it is a function of these two and of a sample's place."""

    seed: int
    epoch: int

    def stream(self) -> np.random.Generator:
        """Return the generator of the order."""
        return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(self.seed, spawn_key=(self.epoch,))))


class Passes:
    """Numbers the passes: each has a seed drawn from the generator or, after ``set_epoch``, its initial seed and an epoch."""

    def __init__(self, generator: Generator | None):
        self.generator = generator
        self.epoch: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass number ``epoch``, the one after it ``epoch + 1``, and so on."""
        self.epoch = int(epoch)

    def begin(self) -> Pass:
        """Return the next pass."""
        generator = current_generator() if self.generator is None else self.generator
        if self.epoch is None:
            return Pass(int(generator.stream.integers(1 << 63)), 0)
        self.epoch += 1
        return Pass(generator.initial_seed(), self.epoch - 1)


class SampleGenerator(Generator):
    """The generator of one sample. Most samples draw nothing, so it is seeded only when it is first used."""

    def __init__(self, of: Pass, place: int):
        super().__init__()
        self._place: tuple[Pass, int] | None = (of, place)

    @property
    def stream(self) -> np.random.Generator:
        """The NumPy generator behind."""
        if self._place is not None:
            (seed, epoch), place = self._place
            self._place = None
            numbers = np.random.SeedSequence(seed, spawn_key=(epoch, place)).generate_state(1, np.uint64)
            self.manual_seed(int(numbers[0]))
        return super().stream

    def manual_seed(self, seed: int) -> Generator:
        self._place = None
        return super().manual_seed(seed)

    def initial_seed(self) -> int:
        self.stream  # noqa: B018 - seeds it
        return super().initial_seed()


class BatchGenerator(SampleGenerator):
    """The generator of samples that are read at once: their first one's, and on request one for each of them."""

    def __init__(self, of: Pass, place: int):
        super().__init__(of, place)
        self._first = (of, place)

    def of_samples(self, count: int) -> list[Generator]:
        """Return the generators that ``count`` samples would have if they were read one by one."""
        of, place = self._first
        return [SampleGenerator(of, place + i) for i in range(count)]


def sample_generators(count: int) -> list[Generator] | None:
    """Return the generator of each of ``count`` samples that are being read, None where they have to share one.

    They have their own where a DataLoader reads them at once; a single sample has what is current.
    """
    generator = current_generator()
    if isinstance(generator, BatchGenerator):
        return generator.of_samples(count)
    return [generator] if count == 1 else None
