"""DataLoader: batches of a dataset, in an order, read here or ahead by threads."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar

from ...errors import ArgumentError, DataError, UsageError, warn
from ...ops.random import Generator
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import END, IndexReader, StreamReader
from .randomness import Passes
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .workers import Job, Workers

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)
_CONTEXTS = ("fork", "spawn", "forkserver")
_FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class _DatasetKind:
    """How a dataset is read."""

    Map = 0
    Iterable = 1


class _PassIterator(Generic[T_co]):
    """One pass, which knows how many batches it has, and warns when a stream has more samples than its length says."""

    def __init__(self, loader: DataLoader, batches: Iterator[T_co]):
        self._loader = loader
        self._batches = batches
        self._given = 0
        self._length = loader._IterableDataset_len_called

    def __iter__(self) -> _PassIterator[T_co]:
        return self

    def __next__(self) -> T_co:
        batch = next(self._batches)
        self._given += 1
        if self._length is not None and self._given > self._length:
            warn(
                "DataLoader",
                f"the length of the dataset is {self._length}, but batch {self._given} was given",
                "repair the dataset's __len__, or share samples among workers by get_worker_info()",
            )
        return batch

    def close(self) -> None:
        """End the pass and its threads."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()

    def __len__(self) -> int:
        if self._loader._streamed:
            raise UsageError("DataLoader", "one pass over a stream has no length", "ask the DataLoader")
        return len(self._loader)


class DataLoader(Generic[T_co]):
    """Gives a dataset's samples in batches; iterating over it is one pass, ``len`` is the number of batches.

    ``batch_size``: samples in a batch, None for samples one by one. ``shuffle``: a new random order for each pass.
    ``sampler``, ``batch_sampler``: an order of one's own. ``drop_last``: leave out a last batch that is not full.
    ``collate_fn``: makes a batch of a list of samples. ``generator``: the source of all randomness, by default the one that
    :func:`tapegrad.manual_seed` seeds. ``num_workers``: threads that read ahead, each ``prefetch_factor`` batches (2).
    ``timeout``: seconds to wait for them, 0 for ever. ``worker_init_fn(id)`` runs in each as it starts;
    ``persistent_workers`` keeps them from pass to pass. ``pin_memory``, ``multiprocessing_context``,
    ``pin_memory_device`` and ``in_order`` are accepted and have no effect: batches always come in order.

    The stream of samples is a function of (seed, epoch, place of the sample) and not of the workers: each sample is read
    under its own generator, from which ``vision.transforms`` and all of tapegrad's random functions draw. The seed of a
    pass is drawn from ``generator``; after :meth:`set_epoch` it is that generator's initial seed.
    Data in memory (TensorDataset, the image sets, Subsets of them) is read with one index per batch and tensor; a thread that
    reads ahead gains nothing there, so the default is none. It pays where samples are files or slow transforms.

    Raises ArgumentError for options that exclude each other or are out of range, DataError for an empty dataset
    that is to be shuffled. An error
    while a sample is read reaches the caller as it is, with a note that names the sample.
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader

    >>> import tapegrad as tg
    >>> from tapegrad.utils.data import DataLoader, TensorDataset
    >>> data = TensorDataset(tg.arange(5))
    >>> [batch.tolist() for (batch,) in DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_context(multiprocessing_context, num_workers)
        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self.batch_size = batch_size if batch_sampler is None else None
        self.drop_last = drop_last
        self._streamed = isinstance(dataset, IterableDataset)
        if self._streamed:
            sampler = itertools.repeat(None)
        elif sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_sampler is None and batch_size is not None and not self._streamed:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        self._single = batch_size is None and batch_sampler is None
        self.collate_fn: Callable = collate_fn or (default_convert if self._single else default_collate)
        self._passes = Passes(generator)
        self._workers: Workers | None = None
        # The dataset's length, once it was asked for: an IterableDataset may give more.
        self._IterableDataset_len_called: int | None = None
        self._ready = True

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None or (self._streamed and not self._single)

    @property
    def _dataset_kind(self) -> int:
        return _DatasetKind.Iterable if self._streamed else _DatasetKind.Map

    def check_worker_number_rationality(self) -> None:
        """Do nothing: threads that wait cost next to nothing."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_ready" in self.__dict__:
            raise ArgumentError("DataLoader", f"{name} cannot be changed any more", "make a new DataLoader")
        if name == "multiprocessing_context" and "_ready" in self.__dict__:
            _check_context(value, self.num_workers)
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if self._streamed:
            length = self._IterableDataset_len_called = len(self.dataset)
            if self._single or self.batch_size is None:
                return length
            return length // self.batch_size if self.drop_last else -(-length // self.batch_size)
        return len(self.sampler if self._single else self.batch_sampler)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass number ``epoch``, the one after it ``epoch + 1``: what it gives then depends on nothing but
        that and the generator's initial seed, so that a training can go on where it was interrupted.
        """
        self._passes.set_epoch(epoch)
        for order in (self.sampler, self.batch_sampler, getattr(self.batch_sampler, "sampler", None)):
            set_epoch = getattr(order, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)

    def __iter__(self) -> Iterator[T_co]:
        return _PassIterator(self, self.from_batch(0))

    def from_batch(self, first: int) -> Iterator[T_co]:
        """Return one pass from batch number ``first`` on, the same batches as in a whole pass.

        The earlier ones are skipped at the sampler and never read, save from an IterableDataset, which has no other way.
        """
        of = self._passes.begin()
        jobs: Iterator[Callable[[], Any]]
        if self._streamed:
            reader = StreamReader(self.dataset, of, self.collate_fn, self.batch_size, self.drop_last)
            jobs = itertools.repeat(reader.read)
        else:
            reader = IndexReader(self.dataset, of, self.collate_fn, self._single)
            jobs = itertools.islice(self._jobs(reader), first, None)
        batches = self._ahead(jobs, reader, of.seed) if self.num_workers else _here(jobs)
        return itertools.islice(batches, first, None) if self._streamed and first else batches

    def _jobs(self, reader: IndexReader) -> Iterator[Callable[[], Any]]:
        place = 0
        for indices in self._orders(reader):
            yield functools.partial(reader.read, indices, place)
            place += 1 if self._single else len(indices)

    def _orders(self, reader: IndexReader) -> Iterable[Any]:
        if self._single:
            return self.sampler
        if reader.whole is not None and isinstance(self.batch_sampler, BatchSampler):
            return self.batch_sampler.arrays()
        return self.batch_sampler

    def _ahead(self, jobs: Iterator[Callable[[], Any]], reader: Any, seed: int) -> Iterator[Any]:
        """Give the jobs' results in order while the workers do the next ones."""
        workers = self._workers
        if workers is None:
            # Only one thread can draw from an iterator; more would shuffle what they draw.
            count = 1 if self._streamed else self.num_workers
            workers = Workers(count, self.dataset, seed, self.worker_init_fn)
            if self.persistent_workers:
                self._workers = workers
        pending: deque[Job] = deque()
        finished = False
        try:
            for job in itertools.islice(jobs, self.num_workers * (self.prefetch_factor or 1)):
                pending.append(workers.submit(job))
            while pending:
                batch = self._wait(pending.popleft())
                if batch is END:
                    break
                pending.extend(workers.submit(job) for job in itertools.islice(jobs, 1))
                yield batch
            finished = True
        finally:
            reader.stopped.set()
            if not self.persistent_workers:
                workers.close(wait=finished)

    def _wait(self, job: Job) -> Any:
        try:
            return job.result(self.timeout or None)
        except TimeoutError:
            raise DataError(
                "DataLoader",
                f"no batch came within timeout={self.timeout:g} seconds",
                "allow more time, or look for what the dataset waits for",
            ) from None


def _here(jobs: Iterator[Callable[[], Any]]) -> Iterator[Any]:
    for job in jobs:
        batch = job()
        if batch is END:
            return
        yield batch


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ArgumentError("DataLoader", f"num_workers is {num_workers}", "use 0 to read without threads")
    if timeout < 0:
        raise ArgumentError("DataLoader", f"timeout is {timeout}", "use seconds, or 0 to wait for ever")
    if num_workers == 0 and prefetch_factor is not None:
        raise ArgumentError("DataLoader", f"prefetch_factor is {prefetch_factor} without workers", "set num_workers")
    if num_workers == 0 and persistent_workers:
        raise ArgumentError("DataLoader", "persistent_workers is set without workers", "set num_workers")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ArgumentError("DataLoader", f"prefetch_factor is {prefetch_factor}", "use at least 1")


def _check_context(context: Any, num_workers: int) -> None:
    """Refuse what PyTorch refuses as the way to start processes; threads need none."""
    if context is None:
        return
    if num_workers == 0:
        raise ArgumentError("DataLoader", "multiprocessing_context is set without workers", "set num_workers")
    if isinstance(context, str):
        if context not in _CONTEXTS:
            raise ArgumentError("DataLoader", f"multiprocessing_context is '{context}'", f"use {', '.join(_CONTEXTS)}")
    elif not hasattr(context, "Process"):
        raise UsageError(
            "DataLoader", f"multiprocessing_context is a {type(context).__name__}", "use 'fork' or 'spawn'"
        )


def _check_order(
    dataset: Any, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if isinstance(dataset, IterableDataset):
        if shuffle or sampler is not None or batch_sampler is not None:
            raise ArgumentError(
                "DataLoader", "an IterableDataset has an order of its own", "leave out shuffle and samplers"
            )
    elif shuffle and isinstance(dataset, Sized) and len(dataset) == 0:
        raise DataError(
            "DataLoader", f"the dataset (a {type(dataset).__name__}) is empty", "check where it is read from"
        )
    elif not hasattr(dataset, "__getitem__"):
        raise UsageError(
            "DataLoader", f"a {type(dataset).__name__} is no dataset", "give one with __getitem__ and __len__"
        )
    if sampler is not None and shuffle:
        raise ArgumentError("DataLoader", "there are both sampler and shuffle", "give one of them")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ArgumentError(
            "DataLoader",
            "batch_sampler goes together with none of batch_size, shuffle, sampler, drop_last",
            "leave them out",
        )
    if batch_size is None and drop_last:
        raise ArgumentError("DataLoader", "drop_last needs batches, batch_size is None", "leave it out")
    if batch_size is not None and (isinstance(batch_size, bool) or batch_size <= 0):
        raise ArgumentError("DataLoader", f"batch_size is {batch_size!r}", "use a positive integer")
