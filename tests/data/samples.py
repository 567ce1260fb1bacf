"""Datasets for the tests of the loader, and what they compare."""

import threading
import time

import tapegrad as tg
from tapegrad.ops.generator import current_generator
from tapegrad.utils.data import (
    Dataset,
    IterableDataset,
)

WORKERS = [0, 1, 2, 4]


class Numbers(Dataset):
    """Sample i is i."""

    def __init__(self, size=10):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(index)
        return index


class Noisy(Numbers):
    """Sample i is i with a random number of each kind that a dataset may draw, read at an uneven pace."""

    def __getitem__(self, index):
        time.sleep(0.0002 * (index % 3))
        return index, tg.rand(2), float(current_generator().stream.normal()), int(tg.randint(1000, (1,)))


class Stream(IterableDataset):
    def __init__(self, size=10):
        self.size = size

    def __len__(self):
        return self.size

    def __iter__(self):
        return iter(range(self.size))


class NoisyStream(Stream):
    def __iter__(self):
        for i in range(self.size):
            yield i, tg.rand(2)


def plain(batch):
    if isinstance(batch, tg.Tensor):
        return batch.tolist()
    return [plain(b) for b in batch] if isinstance(batch, (list, tuple)) else batch


def batches(loader):
    return [plain(b) for b in loader]


def seeded(seed=1):
    return tg.Generator().manual_seed(seed)


def loader_threads():
    return [t for t in threading.enumerate() if t.name.startswith("tapegrad-data")]


def threads_are_gone():
    deadline = time.monotonic() + 10
    while loader_threads() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not loader_threads()
