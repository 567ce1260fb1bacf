"""The order of one of several processes that share a dataset (``torch.utils.data.distributed``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th sample, from number ``rank`` on: the part of one of several processes.

    All parts are equally long: the first samples come again where the length does not divide, or with ``drop_last`` the
    last ones are left out. With ``shuffle`` the order depends on ``seed`` and on the number given to :meth:`set_epoch`.
    There are no groups of processes here, so ``num_replicas`` and ``rank`` have to be given.
    Raises ArgumentError when they are not, or when ``rank`` is not from 0 to ``num_replicas - 1``.
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler

    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            raise ArgumentError(
                "DistributedSampler", "there is no group of processes to ask", "give num_replicas and rank"
            )
        if not 0 <= rank < num_replicas:
            raise ArgumentError("DistributedSampler", f"rank is {rank} of {num_replicas}", "count from 0")
        self.dataset: Any = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        length = len(dataset)
        self.num_samples = length // num_replicas if drop_last else math.ceil(length / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        return iter(self.__getorder__().tolist())

    def __getorder__(self) -> np.ndarray:
        length = len(self.dataset)
        if self.shuffle:
            seeds = np.random.SeedSequence(self.seed, spawn_key=(self.epoch,))
            order = np.random.Generator(np.random.PCG64DXSM(seeds)).permutation(length)
        else:
            order = np.arange(length)
        # Goes round as often as it takes, or cuts off.
        return np.resize(order, self.total_size)[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Make the next order that of pass number ``epoch``, the same in all processes."""
        self.epoch = epoch
