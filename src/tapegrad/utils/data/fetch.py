"""Reading the samples of a batch, each under its own generator, or all of them with one index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...ops.generator import use_generator
from .collate import default_collate
from .dataset import Subset
from .randomness import Pass, SampleGenerator

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
        self.whole = bulk_method(dataset, "__getbatch__") if collate is default_collate else None
        self.many = bulk_method(dataset, "__getitems__")

    def read(self, indices: Any, place: int) -> Any:
        """Return the batch of the samples at these indices, or nothing of use when nobody waits for it any more."""
        if self.stopped.is_set():
            return None
        if self.single:
            return self._collated(self._sample(indices, place), f"sample {indices!r}")
        for method, finish in ((self.whole, False), (self.many, True)):
            if method is not None:
                batch = self._at_once(method, indices, place)
                if batch is not NotImplemented:
                    return self._collated(batch, f"samples {_short(indices)}") if finish else batch
        samples = []
        for i, index in enumerate(indices):
            if self.stopped.is_set():
                return None
            samples.append(self._sample(index, place + i))
        return self._collated(samples, f"samples {_short(indices)}")

    def _at_once(self, method: Callable, indices: Any, place: int) -> Any:
        try:
            with use_generator(SampleGenerator(self.of, place)):
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


def bulk_method(dataset: Any, name: str) -> Callable[[Sequence[int]], Any] | None:
    """Return the dataset's method that reads many samples at once, or None.

    A subclass that writes ``__getitem__`` anew means that, so an inherited method does not stand in for it.
    """
    if isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__:
        inner = bulk_method(dataset.dataset, name)
        return None if inner is None else lambda indices: inner(dataset.select(indices))
    for kind in type(dataset).__mro__:
        if name in vars(kind):
            return getattr(dataset, name)
        if "__getitem__" in vars(kind):
            return None
    return None


def _short(indices: Any) -> str:
    text = repr(indices)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(indices)} in all)"
