"""DataLoader: batches, their order, the same stream for every number of workers, going on within a pass."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)
from tests.data.samples import WORKERS, Noisy, NoisyStream, Numbers, Stream, batches, plain, seeded, threads_are_gone

# -- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 20},
        {"batch_size": None},
        {"sampler": [3, 1, 1]},
    ]
    + [{"batch_sampler": [[1, 2], [0], [5, 5, 5]]}, {"batch_size": 4, "sampler": range(3)}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["numbers", "tensors"])
def test_batches_are_pytorchs(kind, options, workers):
    torch = pytest.importorskip("torch")
    ours = Numbers() if kind == "numbers" else TensorDataset(tg.arange(10), tg.arange(20).reshape(10, 2))
    theirs = (
        Numbers()
        if kind == "numbers"
        else torch.utils.data.TensorDataset(torch.arange(10), torch.arange(20).reshape(10, 2))
    )
    reference = torch.utils.data.DataLoader(theirs, **options)
    loader = DataLoader(ours, num_workers=workers, **options)
    expected = [
        [t.tolist() for t in b] if isinstance(b, (list, tuple)) else torch.as_tensor(b).tolist() for b in reference
    ]
    assert batches(loader) == expected
    assert len(loader) == len(reference)


def test_a_batch_of_rows_is_a_list_of_tensors_in_memory_of_its_own():
    data = TensorDataset(tg.arange(4))
    (batch,) = DataLoader(data, batch_size=4)
    assert type(batch) is list
    batch[0].array[:] = 9
    assert data.tensors[0].tolist() == [0, 1, 2, 3]


def test_shuffling_is_a_permutation_that_changes_from_pass_to_pass():
    loader = DataLoader(Numbers(30), batch_size=30, shuffle=True)
    first, second = batches(loader)[0], batches(loader)[0]
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second


# -- one index per batch --------------------------------------------------------------------------------------------


class Counted(TensorDataset):
    def __getbatch__(self, indices):
        self.asked = [*getattr(self, "asked", []), list(indices)]
        return super().__getbatch__(indices)


@pytest.mark.parametrize("workers", [0, 2])
def test_data_in_memory_is_read_with_one_call_per_batch(workers):
    data = Counted(tg.arange(10) * 10)
    loader = DataLoader(Subset(Subset(data, range(2, 10)), [5, 0, 3]), batch_size=2, num_workers=workers)
    assert batches(loader) == [[[70, 20]], [[50]]]
    assert sorted(data.asked) == [[5], [7, 2]]


def test_an_order_is_the_same_as_an_array_and_as_numbers():
    class ByOne(TensorDataset):
        def __getitem__(self, index):
            assert type(index) is int
            return super().__getitem__(index)

    class Declining(TensorDataset):
        def __getbatch__(self, indices):
            return NotImplemented

        def __getitems__(self, indices):
            assert type(indices) is list
            return [self[i] for i in indices]

    streams = []
    for kind in (TensorDataset, ByOne, Declining):
        loader = DataLoader(kind(tg.arange(23)), batch_size=4, shuffle=True, generator=seeded())
        loader.set_epoch(3)
        streams.append([batches(loader), [plain(b) for b in loader.from_batch(2)]])
    assert streams[0] == streams[1] == streams[2]


def test_rows_that_do_not_lie_one_after_the_other_are_read():
    data = TensorDataset(tg.arange(12).reshape(3, 4).T, tg.arange(8)[::2])
    assert batches(DataLoader(data, batch_size=4, sampler=[3, 0])) == [[[[3, 7, 11], [0, 4, 8]], [6, 0]]]


def test_getitem_written_anew_is_not_passed_by():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    class Shifted(Subset):
        def __getitem__(self, index):
            return super().__getitem__(index)[0] + 100

    assert batches(DataLoader(Doubled(tg.arange(3)), batch_size=3)) == [[[0, 2, 4]]]
    assert batches(DataLoader(Subset(Doubled(tg.arange(3)), [2, 1]), batch_size=3)) == [[[4, 2]]]
    assert batches(DataLoader(Shifted(TensorDataset(tg.arange(3)), [2, 1]), batch_size=3)) == [[102, 101]]


def test_getitems_returns_samples_that_are_collated():
    class Many(Numbers):
        def __getitems__(self, indices):
            return [(i, str(i)) for i in indices]

    assert batches(DataLoader(Many(3), batch_size=2)) == [[[0, 1], ["0", "1"]], [[2], ["2"]]]


def test_a_collate_function_gets_samples():
    data = TensorDataset(tg.arange(4))
    loader = DataLoader(data, batch_size=2, collate_fn=lambda samples: [int(s[0]) + 1 for s in samples])
    assert list(loader) == [[1, 2], [3, 4]]


def test_a_dataset_may_decline_to_be_read_at_once():
    class Declining(Numbers):
        def __getbatch__(self, indices):
            return NotImplemented

    assert batches(DataLoader(Declining(3), batch_size=3)) == [[0, 1, 2]]


# -- the same stream for every number of workers --------------------------------------------------------------------


@pytest.mark.parametrize("make", [Noisy, NoisyStream])
def test_the_stream_does_not_depend_on_the_workers(make):
    shuffle = {"shuffle": True} if make is Noisy else {}
    streams = []
    for workers in WORKERS:
        loader = DataLoader(make(23), batch_size=4, num_workers=workers, generator=seeded(), **shuffle)
        streams.append([batches(loader), batches(loader)])
    assert streams[0][0] != streams[0][1]
    assert all(stream == streams[0] for stream in streams)


@pytest.mark.parametrize("workers", [0, 2])
def test_manual_seed_decides_when_no_generator_is_named(workers):
    def two_passes(seed):
        tg.manual_seed(seed)
        loader = DataLoader(Noisy(8), batch_size=3, shuffle=True, num_workers=workers)
        return batches(loader), batches(loader)

    assert two_passes(3) == two_passes(3) != two_passes(4)


def test_a_samples_randomness_depends_on_its_place_not_on_the_batch():
    def flat(batch_size):
        return [
            s for b in DataLoader(Noisy(12), batch_size, generator=seeded(), collate_fn=list) for s in map(plain, b)
        ]

    assert flat(1) == flat(5) == flat(12)


def test_every_sample_has_randomness_of_its_own():
    (batch,) = DataLoader(Noisy(50), batch_size=50)
    assert len({round(x, 12) for x in batch[2].tolist()}) == 50


def test_repeated_samples_differ():
    (batch,) = DataLoader(Noisy(5), batch_size=4, sampler=[2, 2, 2, 2])
    assert len(set(batch[2].tolist())) == 4


def test_reading_leaves_the_default_generator_alone():
    def after(dataset):
        tg.manual_seed(0)
        batches(DataLoader(dataset, batch_size=2))
        return tg.rand(3).tolist()

    assert after(Noisy(4)) == after(Numbers(4)) == after(Numbers(40))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_reached_without_the_ones_before(workers):
    def make():
        return DataLoader(Noisy(9), batch_size=2, shuffle=True, num_workers=workers, generator=seeded())

    straight = make()
    straight.set_epoch(0)
    epochs = [batches(straight) for _ in range(4)]
    resumed = make()
    batches(resumed)
    resumed.set_epoch(2)
    assert [batches(resumed), batches(resumed)] == epochs[2:]
    assert len({str(e) for e in epochs}) == 4


def test_epochs_differ_in_the_samples_randomness_too():
    loader = DataLoader(Noisy(4), batch_size=4, generator=seeded())
    loader.set_epoch(0)
    (first,), (second,) = batches(loader), batches(loader)
    assert first[0] == second[0]
    assert not set(first[2]) & set(second[2])


def test_set_epoch_reaches_samplers_of_ones_own():
    def order(epoch, wrap):
        sampler = RandomSampler(range(20), generator=seeded())
        options = {"batch_sampler": BatchSampler(sampler, 4, False)} if wrap else {"sampler": sampler}
        loader = DataLoader(Numbers(20), generator=seeded(), **options)
        loader.set_epoch(epoch)
        return batches(loader)

    for wrap in (False, True):
        assert order(1, wrap) == order(1, wrap) != order(2, wrap)


def test_oversampling_works_in_a_loader():
    sampler = WeightedRandomSampler([0, 0, 1.0], 6)
    assert batches(DataLoader(Numbers(3), batch_size=6, sampler=sampler)) == [[2] * 6]


# -- streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", WORKERS)
def test_a_stream_is_read_once_whatever_the_workers(workers):
    loader = DataLoader(Stream(7), batch_size=3, num_workers=workers)
    assert batches(loader) == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(loader) == 3
    loader = DataLoader(Stream(7), batch_size=3, num_workers=workers, drop_last=True)
    assert batches(loader) == [[0, 1, 2], [3, 4, 5]]
    assert len(loader) == 2
    assert batches(DataLoader(Stream(3), batch_size=None, num_workers=workers)) == [0, 1, 2]


@pytest.mark.parametrize("workers", [0, 3])
def test_a_stream_that_shards_itself_by_worker_loses_nothing(workers):
    class Sharded(Stream):
        def __iter__(self):
            info = get_worker_info()
            start, step = (0, 1) if info is None else (info.id, info.num_workers)
            return iter(range(start, self.size, step))

    assert batches(DataLoader(Sharded(5), batch_size=5, num_workers=workers)) == [[0, 1, 2, 3, 4]]


def test_an_endless_stream_is_read_as_far_as_wanted():
    class Endless(IterableDataset):
        def __iter__(self):
            i = 0
            while True:
                yield i
                i += 1

    stream = iter(DataLoader(Endless(), batch_size=2, num_workers=2))
    assert [plain(next(stream)) for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]
    del stream
    assert threads_are_gone()


# -- going on within a pass ---------------------------------------------------------------------------------------------


class Watched(Noisy):
    """Notes which samples are read."""

    def __init__(self, size=10):
        super().__init__(size)
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [3, None])
@pytest.mark.parametrize("first", [0, 1, 3, 4])
def test_a_pass_from_a_batch_on_gives_what_the_whole_pass_gives_there(workers, batch_size, first):
    options = {"batch_size": batch_size, "shuffle": True, "num_workers": workers}
    whole = DataLoader(Noisy(), generator=seeded(), **options)
    whole.set_epoch(2)
    expected = batches(whole)[first:]
    later = DataLoader(Noisy(), generator=seeded(), **options)
    later.set_epoch(2)
    assert [plain(b) for b in later.from_batch(first)] == expected


def test_batches_that_are_skipped_are_not_read():
    data = Watched()
    rest = [plain(b[0]) for b in DataLoader(data, batch_size=4).from_batch(2)]
    assert rest == [[8, 9]]
    assert data.read == [8, 9]


def test_a_pass_from_a_batch_on_is_one_pass():
    loader = DataLoader(Numbers(), batch_size=2, shuffle=True, generator=seeded())
    loader.set_epoch(0)
    list(loader.from_batch(3))
    second = batches(loader)
    loader.set_epoch(1)
    assert batches(loader) == second


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_was(workers):
    def loader():
        stream = DataLoader(NoisyStream(), batch_size=4, num_workers=workers, generator=seeded())
        stream.set_epoch(1)
        return stream

    assert [plain(b) for b in loader().from_batch(1)] == batches(loader())[1:]


def test_a_pass_from_behind_its_end_is_empty():
    assert list(DataLoader(Numbers(), batch_size=4).from_batch(9)) == []


def test_seeding_in_a_worker_leaves_the_programs_random_numbers_alone():
    import random

    def begin(number):
        np.random.seed(number)
        random.seed(number)

    draws = set()
    loader = DataLoader(TensorDataset(tg.arange(4)), num_workers=2, worker_init_fn=begin)
    for _ in range(3):
        list(loader)
        draws.add((float(np.random.rand()), random.random()))
    assert len(draws) == 3
