"""DataLoader's workers, and what it refuses."""

import gc
import threading
import time

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DataError, UsageError
from tapegrad.utils.data import (
    ConcatDataset,
    DataLoader,
    StackDataset,
    TensorDataset,
    get_worker_info,
)
from tests.data.samples import Noisy, Numbers, Stream, batches, loader_threads, plain, seeded, threads_are_gone

# -- workers --------------------------------------------------------------------------------------------------------


class Waiting(Numbers):
    """Every sample waits until two are being read at the same time."""

    def __init__(self, size):
        super().__init__(size)
        self.barrier = threading.Barrier(2, timeout=20)

    def __getitem__(self, index):
        self.barrier.wait()
        return index


def test_workers_work_at_the_same_time():
    assert batches(DataLoader(Waiting(4), num_workers=2)) == [[0], [1], [2], [3]]


def test_a_worker_knows_itself_and_its_function_has_run():
    begun = []

    class Telling(Numbers):
        def __getitem__(self, index):
            info = get_worker_info()
            return info.id, info.num_workers, info.dataset is self, info.id in begun

    loader = DataLoader(Telling(20), num_workers=2, worker_init_fn=begun.append)
    told = [tuple(t.item() for t in batch) for batch in loader]
    assert {t[1:] for t in told} == {(2, True, True)}
    assert {t[0] for t in told} <= {0, 1}
    assert sorted(begun) == [0, 1]
    assert get_worker_info() is None


def test_persistent_workers_stay_for_the_next_pass_and_go_with_the_loader():
    begun = []
    loader = DataLoader(
        Noisy(6), num_workers=2, persistent_workers=True, worker_init_fn=begun.append, generator=seeded()
    )
    first, second = batches(loader), batches(loader)
    assert sorted(begun) == [0, 1]
    fresh = DataLoader(Noisy(6), num_workers=2, generator=seeded())
    assert [first, second] == [batches(fresh), batches(fresh)]
    next(iter(loader))
    assert batches(loader)
    del loader
    assert threads_are_gone()


def test_a_finished_pass_leaves_no_threads():
    batches(DataLoader(Numbers(9), num_workers=3))
    assert loader_threads() == []


def test_an_abandoned_pass_leaves_no_threads_and_reads_no_further():
    read = []

    class Slow(Numbers):
        def __getitem__(self, index):
            time.sleep(0.001)
            read.append(index)
            return index

    for _ in DataLoader(Slow(10_000), num_workers=2, batch_size=10, prefetch_factor=200):
        break
    gc.collect()
    assert threads_are_gone()
    assert len(read) < 3500


def test_a_closed_pass_leaves_no_threads():
    passing = iter(DataLoader(Numbers(100), num_workers=2))
    next(passing)
    assert loader_threads()
    passing.close()
    assert threads_are_gone()


def test_waiting_has_an_end():
    release = threading.Event()

    class Stuck(Numbers):
        def __getitem__(self, index):
            release.wait(20)
            return index

    try:
        with pytest.raises(DataError, match=r"no batch came within timeout=0\.05 seconds; allow more time"):
            batches(DataLoader(Stuck(2), num_workers=1, timeout=0.05))
    finally:
        release.set()
    assert threads_are_gone()


# -- errors ---------------------------------------------------------------------------------------------------------


class Faulty(Numbers):
    def __getitem__(self, index):
        if index == 6:
            raise KeyError("no such picture")
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_the_sample_and_keeps_its_kind(workers):
    seen = []
    with pytest.raises(KeyError, match="no such picture") as caught:
        seen.extend(plain(b) for b in DataLoader(Faulty(), batch_size=4, num_workers=workers))
    assert caught.value.__notes__ == ["DataLoader: while reading sample 6"]
    assert seen == [[0, 1, 2, 3]]
    assert threads_are_gone()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_stream_names_the_sample(workers):
    class Breaking(Stream):
        def __iter__(self):
            yield from range(5)
            raise OSError("the line is cut")

    with pytest.raises(OSError, match="the line is cut") as caught:
        batches(DataLoader(Breaking(), batch_size=2, num_workers=workers))
    assert caught.value.__notes__ == ["DataLoader: while reading sample 5"]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_collating_names_the_samples(workers):
    class Ragged(Numbers):
        def __getitem__(self, index):
            return tg.zeros(index)

    with pytest.raises(RuntimeError, match="bring them to one shape") as caught:
        batches(DataLoader(Ragged(3), batch_size=2, num_workers=workers))
    assert caught.value.__notes__ == ["DataLoader: while collating samples [0, 1]"]


def test_an_index_out_of_range_names_the_samples():
    with pytest.raises(IndexError) as caught:
        batches(DataLoader(TensorDataset(tg.arange(3)), batch_size=2, sampler=[0, 5]))
    assert caught.value.__notes__ == ["DataLoader: while reading samples [0, 5]"]


def test_an_error_in_a_workers_beginning_is_told():
    def fail(worker):
        raise RuntimeError("no licence")

    with pytest.raises(RuntimeError, match="no licence") as caught:
        batches(DataLoader(Numbers(), num_workers=1, worker_init_fn=fail))
    assert caught.value.__notes__ == ["DataLoader: in worker_init_fn(0)"]


def test_an_empty_dataset_gives_nothing_and_cannot_be_shuffled():
    assert list(DataLoader(TensorDataset(tg.zeros(0, 3)))) == []
    with pytest.raises(DataError) as caught:
        DataLoader(TensorDataset(tg.zeros(0, 3)), shuffle=True)
    assert str(caught.value) == "DataLoader: the dataset (a TensorDataset) is empty; check where it is read from"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True, "sampler": range(3)}, "both sampler and shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler goes together with none of"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler goes together with none of"),
        ({"batch_size": None, "drop_last": True}, "drop_last needs batches"),
        ({"batch_size": 0}, "batch_size is 0; use a positive integer"),
        ({"batch_size": True}, "batch_size is True"),
        ({"num_workers": -1}, "num_workers is -1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"prefetch_factor": 2}, "prefetch_factor is 2 without workers"),
        ({"persistent_workers": True}, "persistent_workers is set without workers"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor is 0; use at least 1"),
    ],
    ids=str,
)
def test_options_that_exclude_each_other_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        DataLoader(Numbers(), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}], ids=str)
def test_a_stream_takes_no_order(options):
    with pytest.raises(
        ArgumentError, match="an IterableDataset has an order of its own; leave out shuffle and samplers"
    ):
        DataLoader(Stream(), **options)


def test_what_is_no_dataset_is_refused():
    with pytest.raises(UsageError, match="DataLoader: a generator is no dataset; give one with __getitem__"):
        DataLoader(i for i in range(3))


def test_what_is_fixed_cannot_be_changed():
    loader = DataLoader(Numbers(), batch_size=2)
    with pytest.raises(ArgumentError, match="batch_size cannot be changed any more; make a new DataLoader"):
        loader.batch_size = 3
    loader.timeout = 5
    assert loader.batch_size == 2


def test_lists_and_stacked_sets_are_datasets():
    assert batches(DataLoader([1.5, 2.5], batch_size=2)) == [[1.5, 2.5]]
    assert batches(DataLoader(StackDataset([1, 2], "ab"), batch_size=2)) == [[[1, 2], ["a", "b"]]]
    assert batches(DataLoader(ConcatDataset([Numbers(2), Numbers(1)]), batch_size=3)) == [[0, 1, 0]]


def test_what_has_no_meaning_for_threads_is_accepted():
    loader = DataLoader(
        Numbers(2),
        pin_memory=True,
        pin_memory_device="cuda",
        multiprocessing_context="spawn",
        in_order=False,
        num_workers=1,
    )
    assert batches(loader) == [[0], [1]]


def test_rows_as_numpy_arrays_are_welcome():
    (batch,) = DataLoader(TensorDataset(np.eye(2, dtype=np.float32)), batch_size=2)
    assert isinstance(batch[0], tg.Tensor)
