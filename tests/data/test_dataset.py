"""Datasets: rows of tensors, subsets, chains, splits."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, ContractError, DataError, IndexRangeError, MissingMethodError, UsageError
from tapegrad.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Count(IterableDataset):
    def __init__(self, start, stop):
        self.start, self.stop = start, stop

    def __iter__(self):
        return iter(range(self.start, self.stop))

    def __len__(self):
        return self.stop - self.start


def test_rows_of_tensors_belong_together():
    data = TensorDataset(tg.arange(6).reshape(3, 2), np.array([5, 6, 7]))
    assert len(data) == 3
    x, y = data[-1]
    assert x.tolist() == [4, 5]
    assert y.item() == 7
    assert data[1:][1].tolist() == [6, 7]


def test_a_batch_equals_its_samples():
    data = TensorDataset(tg.arange(6).reshape(3, 2), tg.tensor([5.0, 6.0, 7.0]))
    x, y = data.__getbatch__([2, 0, -1])
    assert x.tolist() == [[4, 5], [0, 1], [4, 5]]
    assert y.tolist() == [7.0, 5.0, 7.0]


def test_a_batch_of_tracked_rows_is_tracked():
    weights = tg.ones(3, 2, requires_grad=True)
    (rows,) = TensorDataset(weights).__getbatch__([0, 0])
    rows.sum().backward()
    assert weights.grad.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("shapes", [((2,), (3,)), ((2,), ()), ((),)])
def test_tensors_of_unequal_length_are_refused(shapes):
    with pytest.raises(ContractError, match="differ in their first size; make it equal"):
        TensorDataset(*(tg.zeros(*shape) if shape else tg.tensor(1.0) for shape in shapes))


def test_no_tensors_are_refused():
    with pytest.raises(UsageError, match="TensorDataset: there are no tensors"):
        TensorDataset()


def test_a_subset_of_a_subset():
    inner = Subset("abcdef", [5, 3, 1])
    assert list(Subset(inner, [2, 0])) == ["b", "f"]
    assert len(inner) == 3


def test_concatenation_counts_from_both_ends():
    data = ConcatDataset([TensorDataset(tg.arange(2)), TensorDataset(tg.arange(0)), TensorDataset(tg.arange(10, 13))])
    assert [data[i][0].item() for i in range(len(data))] == [0, 1, 10, 11, 12]
    assert data[-5][0].item() == 0
    for index, kind in ((5, IndexRangeError), (-6, ArgumentError)):
        with pytest.raises(kind, match=f"index {index} of 5 samples"):
            data[index]


def test_plus_joins_datasets():
    both = TensorDataset(tg.arange(2)) + TensorDataset(tg.arange(3))
    assert isinstance(both, ConcatDataset)
    assert len(both) == 5
    chain = Count(0, 2) + Count(7, 9)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == [0, 1, 7, 8]
    assert len(chain) == 4


def test_joining_the_wrong_kind_is_refused():
    with pytest.raises(ContractError, match="use ChainDataset"):
        ConcatDataset([Count(0, 2)])
    with pytest.raises(ContractError, match="there are no datasets"):
        ConcatDataset([])
    with pytest.raises(ContractError, match="a TensorDataset is not iterable; use ConcatDataset"):
        list(ChainDataset([TensorDataset(tg.arange(2))]))


def test_stacking_by_position_and_by_name():
    assert StackDataset("ab", [1, 2])[1] == ("b", 2)
    assert StackDataset(x="ab", y=[1, 2])[0] == {"x": "a", "y": 1}
    with pytest.raises(ArgumentError, match=r"\[1, 2\] samples"):
        StackDataset("ab", [1])
    with pytest.raises(ArgumentError, match="give one kind"):
        StackDataset("ab", y=[1, 2])


def test_a_dataset_without_getitem_says_what_to_write():
    with pytest.raises(MissingMethodError, match=r"Dataset: has no __getitem__; define __getitem__\(self, index\)"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="define __iter__"):
        iter(IterableDataset())


@pytest.mark.parametrize(
    "lengths", [[3, 3, 4], [10], [0.25, 0.75], [0.35, 0.35, 0.3], [0.5, 0.25, 0.25], [1.0], [1 / 3] * 3]
)
def test_a_split_has_pytorchs_lengths_and_every_sample_once(lengths):
    torch = pytest.importorskip("torch")
    parts = random_split(range(10), lengths)
    assert [len(p) for p in parts] == [len(p) for p in torch.utils.data.random_split(range(10), lengths)]
    assert sorted(i for part in parts for i in part) == list(range(10))


def test_a_split_depends_on_the_generator_alone():
    def split():
        return [part.indices for part in random_split(range(20), [5, 15], generator=tg.Generator().manual_seed(3))]

    first = split()
    tg.rand(3)
    assert split() == first
    assert first != [part.indices for part in random_split(range(20), [5, 15], generator=tg.Generator().manual_seed(4))]


@pytest.mark.parametrize("lengths", [[3, 3], [0.3, 0.3], [11, -1], [0.5, 0.6], [5.5, 4.5]])
def test_lengths_that_do_not_add_up_are_refused(lengths):
    with pytest.raises(
        ArgumentError, match=r"the dataset has 10 samples; make them add up to 10, or to 1 as fractions"
    ):
        random_split(range(10), lengths)


def test_splitting_nothing_is_refused():
    with pytest.raises(DataError, match="random_split: the dataset is empty"):
        random_split([], [0.5, 0.5])


def test_an_empty_part_is_told():
    with pytest.warns(UserWarning, match=r"part 1 of \[0\.9, 0\.1\] is empty"):
        assert [len(p) for p in random_split(range(1), [0.9, 0.1])] == [1, 0]
