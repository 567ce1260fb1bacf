"""In which order samples are read, and how they are put into batches.

A sampler that knows its whole order at once offers ``__getorder__()``, an array: the same indices that iterating over it
gives one by one. Batches are then cut from it without a Python number for each sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ...core import as_array, wrap
from ...errors import ArgumentError, MissingMethodError, OptionError, UsageError
from ...ops.random import Generator
from .bulk import bulk_method
from .randomness import Passes

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """The base of orders. Subclasses write ``__iter__``, which gives indices (or lists of them), and ``__len__``."""

    def __iter__(self) -> Iterator[T_co]:
        raise MissingMethodError(type(self).__name__, "has no __iter__", "define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """All samples in their order.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __getorder__(self) -> np.ndarray:
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class _RandomOrder(Sampler[int]):
    """An order that is drawn anew for each pass. ``generator``: by default the one that ``manual_seed`` seeds."""

    def __init__(self, generator: Generator | None):
        self.generator = generator
        self.passes = Passes(generator)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass number ``epoch``: its order then depends on the generator's initial seed and that alone."""
        self.passes.set_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(self.__getorder__().tolist())

    def __getorder__(self) -> np.ndarray:
        return self._order(self.passes.begin().stream())

    def _order(self, stream: np.random.Generator) -> np.ndarray:
        raise NotImplementedError


class RandomSampler(_RandomOrder):
    """Samples in random order, each once, or ``num_samples`` of them, with or without replacement.

    More samples than there are, without replacement, take one whole permutation after the other.
    Raises ArgumentError when ``num_samples`` (or the dataset) is not positive.

    >>> sorted(RandomSampler(range(3)))
    [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(generator)
        if not isinstance(replacement, bool):
            raise UsageError("RandomSampler", f"replacement is {replacement!r}", "use True or False")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        _check_count("RandomSampler", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many samples a pass has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _order(self, stream: np.random.Generator) -> np.ndarray:
        total = len(self.data_source)
        if self.replacement:
            return stream.integers(total, size=self.num_samples)
        rounds = [stream.permutation(total) for _ in range(-(-self.num_samples // total))]
        return np.concatenate(rounds)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(_RandomOrder):
    """The given indices in random order.

    >>> sorted(SubsetRandomSampler([4, 7]))
    [4, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        super().__init__(generator)
        self.indices = indices

    def _order(self, stream: np.random.Generator) -> np.ndarray:
        return np.asarray([int(i) for i in self.indices], dtype=np.int64)[stream.permutation(len(self.indices))]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_RandomOrder):
    """Indices drawn with probabilities in proportion to ``weights``.

    Raises ArgumentError for weights that are negative, not finite, all 0 or not in a row, and when more indices are
    wanted without replacement than have a weight above 0.

    >>> list(WeightedRandomSampler([0.0, 2.0], 3))
    [1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None):
        super().__init__(generator)
        _check_count("WeightedRandomSampler", num_samples)
        if not isinstance(replacement, bool):
            raise ArgumentError("WeightedRandomSampler", f"replacement is {replacement!r}", "use True or False")
        self.weights = wrap(np.array(as_array(weights), dtype=np.float64))
        self.num_samples = num_samples
        self.replacement = replacement
        values = self.weights.array
        if values.ndim != 1:
            raise ArgumentError("WeightedRandomSampler", f"weights have shape {values.shape}", "give one row")
        if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
            raise OptionError("WeightedRandomSampler", "weights are negative, not finite or all 0", "repair them")
        positive = int((values > 0).sum())
        if not replacement and num_samples > positive:
            raise OptionError(
                "WeightedRandomSampler",
                f"num_samples is {num_samples}, but only {positive} weights are above 0",
                "draw fewer, or with replacement=True",
            )

    def _order(self, stream: np.random.Generator) -> np.ndarray:
        probabilities = self.weights.array / self.weights.array.sum()
        return stream.choice(len(probabilities), self.num_samples, replace=self.replacement, p=probabilities)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices of another sampler; the last may be shorter, or is dropped.

    Raises ArgumentError when ``batch_size`` is not a positive integer.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        _check_count("BatchSampler", batch_size, "batch_size")
        if not isinstance(drop_last, bool):
            raise ArgumentError("BatchSampler", f"drop_last is {drop_last!r}", "use True or False")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def arrays(self) -> Iterator[Any]:
        """Give the same batches, as arrays where the sampler offers its order at once."""
        whole_order = bulk_method(self.sampler, "__getorder__", "__iter__")
        if whole_order is None or type(self).__iter__ is not BatchSampler.__iter__:
            yield from self
            return
        order = whole_order()
        end = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        for start in range(0, end, self.batch_size):
            yield order[start : min(start + self.batch_size, end)]

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (1 if rest and not self.drop_last else 0)


def _check_count(who: str, value: Any, name: str = "num_samples") -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ArgumentError(who, f"{name} is {value!r}", "use a positive integer")
