"""Where samples come from: datasets by index, by iteration, and made of others.

A dataset that can read many samples at once offers ``__getbatch__(indices)``, with a list or an array of indices: what
``default_collate`` would make of those samples, or NotImplemented. ``__getitems__(indices)``, PyTorch's word, returns them as a list.
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ...core import STATE, Tensor, as_tensor, wrap
from ...errors import ArgumentError, ContractError, DataError, IndexRangeError, MissingMethodError, UsageError
from ...ops.random import Generator, randperm

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """The base of datasets that are read by index. Subclasses write ``__getitem__`` and, nearly always, ``__len__``.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> len(Squares() + Squares())
    6
    """

    def __getitem__(self, index: Any) -> T_co:
        raise MissingMethodError(type(self).__name__, "has no __getitem__", "define __getitem__(self, index)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """The base of datasets that are read one after the other. Subclasses write ``__iter__``.

    >>> class Three(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2, 3])
    >>> list(Three() + Three())
    [1, 2, 3, 1, 2, 3]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise MissingMethodError(type(self).__name__, "has no __iter__", "define __iter__(self)")

    def __add__(self, other: Dataset) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple]):
    """Tensors (or arrays) whose rows belong together: sample i is the tuple of their rows i.

    Raises ContractError when they differ in length, UsageError when there is none.

    >>> import tapegrad as tg
    >>> data = TensorDataset(tg.tensor([[1.0], [2.0]]), tg.tensor([0, 1]))
    >>> data[1]
    (tensor([2.]), tensor(1))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Any):
        if not tensors:
            raise UsageError("TensorDataset", "there are no tensors", "give at least one")
        self.tensors = tuple(as_tensor(t) for t in tensors)
        lengths = [t.shape[0] if t.ndim else 0 for t in self.tensors]
        if any(t.ndim == 0 for t in self.tensors) or len(set(lengths)) > 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in self.tensors)
            raise ContractError(
                "TensorDataset", f"tensors of shape {shapes} differ in their first size", "make it equal"
            )

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __getbatch__(self, indices: Sequence[int] | np.ndarray) -> list[Tensor]:
        rows = np.asarray(indices, dtype=np.intp)
        return [_take(t, rows) for t in self.tensors]

    def __len__(self) -> int:
        return len(self.tensors[0])


def _take(tensor: Tensor, rows: np.ndarray) -> Tensor:
    if tensor.requires_grad and STATE.grad_enabled:
        return tensor[wrap(rows)]
    # take() is faster than an index, but it would first copy all of an array whose rows do not lie one after the other.
    array = tensor.array
    return wrap(array.take(rows, axis=0) if array.flags.c_contiguous else array[rows])


class StackDataset(Dataset):
    """Datasets side by side: sample i is the tuple (given as positions) or dict (given by name) of their samples i.

    Raises ArgumentError when they differ in length.

    >>> StackDataset(image=[10, 20], text=["a", "b"])[1]
    {'image': 20, 'text': 'b'}
    """

    def __init__(self, *args: Any, **kwargs: Any):
        if bool(args) == bool(kwargs):
            raise ArgumentError(
                "StackDataset", f"{len(args)} datasets by position and {len(kwargs)} by name", "give one kind"
            )
        self.datasets: Any = args or kwargs
        lengths = {len(d) for d in (args or kwargs.values())}
        if len(lengths) > 1:
            raise ArgumentError(
                "StackDataset", f"the datasets have {sorted(lengths)} samples", "make the lengths equal"
            )
        self._length = lengths.pop()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Return the samples at these indices, each dataset read at once where it can be."""
        if isinstance(self.datasets, dict):
            columns = [_read_many(d, indices) for d in self.datasets.values()]
            return [dict(zip(self.datasets, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*(_read_many(d, indices) for d in self.datasets), strict=True))

    def __len__(self) -> int:
        return self._length


def _read_many(dataset: Any, indices: list[int]) -> list[Any]:
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[i] for i in indices]
    samples = dataset.__getitems__(indices)
    if len(samples) != len(indices):
        raise ArgumentError(
            type(dataset).__name__,
            f"__getitems__ gave {len(samples)} samples for {len(indices)} indices",
            "give as many",
        )
    return samples


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other. Raises ContractError when there is none, or one that has no length.

    >>> ConcatDataset(["ab", "c"])[-1]
    'c'
    """

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ContractError("ConcatDataset", "there are no datasets", "give at least one")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise ContractError("ConcatDataset", "an IterableDataset has no length", "use ChainDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Return the numbers of samples up to the end of each dataset."""
        return list(itertools.accumulate(len(d) for d in sequence))

    @property
    def cummulative_sizes(self) -> list[int]:
        """The older, misspelt name of ``cumulative_sizes``; gives a FutureWarning."""
        warnings.warn("ConcatDataset: cummulative_sizes is now cumulative_sizes", FutureWarning, stacklevel=2)
        return self.cumulative_sizes

    def __getitem__(self, index: int) -> T_co:
        place = index + len(self) if index < 0 else index
        if place < 0:
            raise ArgumentError("ConcatDataset", f"index {index} of {len(self)} samples", f"use {-len(self)} or more")
        if place >= len(self):
            raise IndexRangeError("ConcatDataset", f"index {index} of {len(self)} samples", "use a smaller index")
        part = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[part][place - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[T_co]):
    """Iterable datasets one after the other."""

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets = datasets

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self.datasets:
            yield from self._checked(dataset)

    def __len__(self) -> int:
        return sum(len(self._checked(d)) for d in self.datasets)

    def _checked(self, dataset: Any) -> Any:
        if not isinstance(dataset, IterableDataset):
            raise ContractError("ChainDataset", f"a {type(dataset).__name__} is not iterable", "use ConcatDataset")
        return dataset


class Subset(Dataset[T_co]):
    """The samples of a dataset at given indices, in that order.

    >>> list(Subset(["a", "b", "c"], [2, 0]))
    ['c', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[self.select(index)]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        """Return the samples at these indices, read at once where the dataset can be."""
        return _read_many(self.dataset, self.select(indices))

    def select(self, indices: Iterable[int]) -> list[int]:
        """Return where the samples at these indices are in the whole dataset."""
        return [self.indices[i] for i in indices]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Return disjoint random subsets of the given lengths, or of fractions that add up to 1.

    Fractions are rounded down, and what is left goes one by one to the first subsets. ``generator``: the source of the
    permutation, by default the one that :func:`tapegrad.manual_seed` seeds.
    Raises ArgumentError for lengths that do not add up to the dataset's, DataError for an empty dataset.
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.random_split

    >>> [len(part) for part in random_split(range(10), [0.35, 0.35, 0.3])]
    [4, 3, 3]
    """
    total = len(dataset)
    if total == 0:
        raise DataError("random_split", "the dataset is empty", "check where it is read from")
    counts = _shares(total, lengths) if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 else list(lengths)
    if sum(counts) != total or any(n < 0 or n != int(n) for n in counts):
        raise ArgumentError(
            "random_split",
            f"the lengths {list(lengths)} add up to {sum(lengths)}, the dataset has {total} samples",
            f"make them add up to {total}, or to 1 as fractions",
        )
    order = randperm(total, generator=generator).tolist()
    ends = list(itertools.accumulate(int(n) for n in counts))
    return [Subset(dataset, order[end - int(n) : end]) for end, n in zip(ends, counts, strict=True)]


def _shares(total: int, fractions: Sequence[float]) -> list[int]:
    if any(not 0 <= f <= 1 for f in fractions):
        raise ArgumentError("random_split", f"the fractions are {list(fractions)}", "use fractions between 0 and 1")
    counts = [math.floor(total * f) for f in fractions]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    for i, n in enumerate(counts):
        if n == 0:
            warnings.warn(f"random_split: part {i} of {list(fractions)} is empty, the dataset has only {total} samples")
    return counts
