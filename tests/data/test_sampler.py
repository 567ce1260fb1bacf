"""Orders: what each gives, that seeds decide, and what is refused."""

import collections

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError
from tapegrad.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed=1):
    return tg.Generator().manual_seed(seed)


def test_in_order():
    assert list(SequentialSampler("abcd")) == [0, 1, 2, 3]
    assert len(SequentialSampler("abcd")) == 4


def test_random_order_has_each_sample_once():
    sampler = RandomSampler(range(50))
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert all(type(i) is int for i in first)


def test_more_samples_than_there_are_come_as_whole_permutations():
    order = list(RandomSampler(range(4), num_samples=10))
    assert sorted(order[:4]) == sorted(order[4:8]) == [0, 1, 2, 3]
    assert len(order) == 10
    assert len(list(RandomSampler(range(4), num_samples=2))) == 2


def test_with_replacement_samples_repeat():
    sampler = RandomSampler(range(5), replacement=True, num_samples=100)
    order = list(sampler)
    assert len(order) == len(sampler) == 100
    assert set(order) == set(range(5))


def test_subset_order():
    sampler = SubsetRandomSampler([9, 3, 5])
    assert sorted(sampler) == [3, 5, 9]
    assert len(sampler) == 3


def test_weights_are_proportions():
    counts = collections.Counter(WeightedRandomSampler([1, 0, 3], 8000, generator=seeded()))
    assert set(counts) == {0, 2}
    assert counts[2] / 8000 == pytest.approx(0.75, abs=0.02)
    assert sorted(WeightedRandomSampler(tg.tensor([1.0, 0.0, 3.0]), 2, replacement=False)) == [0, 2]


SAMPLERS = {
    "random": lambda g: RandomSampler(range(30), generator=g),
    "replacement": lambda g: RandomSampler(range(30), replacement=True, generator=g),
    "subset": lambda g: SubsetRandomSampler(range(30), generator=g),
    "weighted": lambda g: WeightedRandomSampler(np.ones(30), 30, generator=g),
}


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_generator_decides(kind):
    make = SAMPLERS[kind]
    assert list(make(seeded())) == list(make(seeded()))
    assert list(make(seeded())) != list(make(seeded(2)))


@pytest.mark.parametrize("kind", SAMPLERS)
def test_manual_seed_decides_when_no_generator_is_named(kind):
    make = SAMPLERS[kind]
    orders = []
    for seed in (5, 5, 6):
        tg.manual_seed(seed)
        orders.append(list(make(None)))
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("kind", SAMPLERS)
def test_an_epoch_decides_whatever_came_before(kind):
    first, second = SAMPLERS[kind](seeded()), SAMPLERS[kind](seeded())
    first.set_epoch(3)
    third, fourth = list(first), list(first)
    list(second)
    second.set_epoch(4)
    assert list(second) == fourth != third


def test_batches():
    assert list(BatchSampler(SequentialSampler(range(7)), 3, False)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(BatchSampler(iter(range(7)), 3, True)) == [[0, 1, 2], [3, 4, 5]]
    for drop_last, batches in ((False, 3), (True, 2)):
        assert len(BatchSampler(range(7), 3, drop_last)) == batches
    assert len(BatchSampler(range(6), 3, False)) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomSampler([]), "RandomSampler: num_samples is 0; use a positive integer"),
        (lambda: RandomSampler(range(3), num_samples=-1), "num_samples is -1"),
        (lambda: BatchSampler(range(3), 0, False), "BatchSampler: batch_size is 0"),
        (lambda: BatchSampler(range(3), True, False), "batch_size is True"),
        (lambda: BatchSampler(range(3), 1.5, False), r"batch_size is 1\.5"),
        (lambda: WeightedRandomSampler([1, 2], 0), "num_samples is 0"),
        (lambda: WeightedRandomSampler([[1, 2]], 1), r"weights have shape \(1, 2\); give one row"),
        (lambda: WeightedRandomSampler([1, -1], 1), "negative, not finite or all 0"),
        (lambda: WeightedRandomSampler([1, float("nan")], 1), "negative, not finite or all 0"),
        (lambda: WeightedRandomSampler([0, 0], 1), "negative, not finite or all 0"),
        (lambda: WeightedRandomSampler([1, 0], 2, replacement=False), "only 1 weights are above 0; draw fewer"),
    ],
)
def test_what_cannot_be_sampled_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_sampler_of_ones_own_has_to_be_written():
    with pytest.raises(NotImplementedError, match="Sampler: has no __iter__"):
        iter(Sampler())


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("kind", ["sequential", *SAMPLERS])
def test_batches_as_arrays_are_the_batches(kind, drop_last):
    def make():
        sampler = SequentialSampler(range(30)) if kind == "sequential" else SAMPLERS[kind](seeded())
        return BatchSampler(sampler, 4, drop_last)

    arrays = list(make().arrays())
    assert all(isinstance(a, np.ndarray) for a in arrays)
    assert [a.tolist() for a in arrays] == list(make())


def test_an_order_of_ones_own_goes_before_the_one_it_inherits():
    class Backwards(RandomSampler):
        def __iter__(self):
            return iter(range(len(self) - 1, -1, -1))

    class Pairs(BatchSampler):
        def __iter__(self):
            yield from ([i, i] for i in self.sampler)

    assert list(BatchSampler(Backwards(range(5)), 3, False).arrays()) == [[4, 3, 2], [1, 0]]
    assert list(Pairs(SequentialSampler("ab"), 1, False).arrays()) == [[0, 0], [1, 1]]
    assert list(BatchSampler([3, 1, 2], 2, False).arrays()) == [[3, 1], [2]]
