"""Reading the samples of a batch, each under its own generator, or all of them with one index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...ops.generator import use_generator
from .bulk import bulk_method
from .collate import default_collate
from .dataset import StackDataset, Subset
from .randomness import BatchGenerator, Pass, SampleGenerator

__all__ = ["END", "IndexReader", "StreamReader"]

# What a reader of a stream returns when there is no more.
END = object()


class _Reader:
    """Reads for one pass. ``collate`` makes the batch; ``single`` means samples as they are, no batches."""

    def __init__(self, dataset: Any, of: Pass, collate: Callable, single: bool):
        self.dataset = dataset
        self.of = of
        self.collate = collate
        self.single = single
        self.stopped = threading.Event()

    def _collated(self, samples: Any, what: str) -> Any:
        try:
            return self.collate(samples)
        except Exception as error:
            error.add_note(f"DataLoader: while collating {what}")
            raise


class IndexReader(_Reader):
    """Reads the samples at given indices; ``place`` is how many of the pass come before them."""

    def __init__(self, dataset: Any, of: Pass, collate: Callable, single: bool):
        super().__init__(dataset, of, collate, single)
        self.whole = _reading(dataset, "__getbatch__") if collate is default_collate else None
        self.many = _reading(dataset, "__getitems__")

    def read(self, indices: Any, place: int) -> Any:
        """Return the batch of the samples at these indices, or nothing of use when nobody waits for it any more."""
        if self.stopped.is_set():
            return None
        if self.single:
            return self._collated(self._sample(indices, place), f"sample {indices!r}")
        if self.whole is not None:
            batch = self._at_once(self.whole, indices, place)
            if batch is not NotImplemented:
                return batch
        indices = _listed(indices)
        if self.many is not None:
            samples = self._at_once(self.many, indices, place)
            if samples is not NotImplemented:
                return self._collated(samples, f"samples {_short(indices)}")
        samples = []
        for i, index in enumerate(indices):
            if self.stopped.is_set():
                return None
            samples.append(self._sample(index, place + i))
        return self._collated(samples, f"samples {_short(indices)}")

    def _at_once(self, method: Callable, indices: Any, place: int) -> Any:
        try:
            with use_generator(BatchGenerator(self.of, place)):
                return method(indices)
        except Exception as error:
            error.add_note(f"DataLoader: while reading samples {_short(indices)}")
            raise

    def _sample(self, index: Any, place: int) -> Any:
        try:
            with use_generator(SampleGenerator(self.of, place)):
                return self.dataset[index]
        except Exception as error:
            error.add_note(f"DataLoader: while reading sample {index!r}")
            raise


class StreamReader(_Reader):
    """Reads the next samples of an IterableDataset, ``batch_size`` at a time."""

    def __init__(self, dataset: Any, of: Pass, collate: Callable, batch_size: int | None, drop_last: bool):
        super().__init__(dataset, of, collate, batch_size is None)
        self.batch_size = batch_size or 1
        self.drop_last = drop_last
        self.place = 0
        self.samples: Iterator | None = None

    def read(self) -> Any:
        """Return the next batch, or END."""
        samples = []
        while len(samples) < self.batch_size and not self.stopped.is_set():
            sample = self._next()
            if sample is END:
                break
            samples.append(sample)
        if not samples or (self.drop_last and len(samples) < self.batch_size):
            return END
        last = self.place - 1
        if self.single:
            return self._collated(samples[0], f"sample {last}")
        return self._collated(samples, f"samples {self.place - len(samples)} to {last}")

    def _next(self) -> Any:
        try:
            with use_generator(SampleGenerator(self.of, self.place)):
                samples = self.samples = iter(self.dataset) if self.samples is None else self.samples
                sample = next(samples, END)
        except Exception as error:
            error.add_note(f"DataLoader: while reading sample {self.place}")
            raise
        self.place += 1
        return sample


def _reading(dataset: Any, name: str) -> Callable[[Any], Any] | None:
    """Return the dataset's method that reads many samples at once, or None; a Subset reads as what it is of."""
    if isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__:
        inner = _reading(dataset.dataset, name)
        return None if inner is None else lambda indices: inner(dataset.select(_listed(indices)))
    if isinstance(dataset, StackDataset) and type(dataset).__getitems__ is StackDataset.__getitems__:
        # It reads one by one anyway, and each sample should have its own generator.
        return None
    return bulk_method(dataset, name, "__getitem__")


def _listed(indices: Any) -> Any:
    return indices.tolist() if isinstance(indices, np.ndarray) else indices


def _short(indices: Any) -> str:
    text = repr(_listed(indices))
    return text if len(text) <= 80 else f"{text[:60]}... ({len(indices)} in all)"
