"""Datasets, samplers, collation and the loader beside PyTorch's: the same actions give the same results or kinds of errors."""

import collections
import importlib

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.utils.data

torch = pytest.importorskip("torch")

Pair = collections.namedtuple("Pair", "a b")


class Ours:
    lib, data = tg, tg.utils.data


class Theirs:
    lib, data = torch, torch.utils.data


def numbers(at, n=7):
    class Numbers(at.data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            if i >= n:
                raise IndexError(i)
            return i

    return Numbers()


def stream(at, n=7, length=None):
    class Stream(at.data.IterableDataset):
        def __iter__(self):
            return iter(range(n))

    class Sized(Stream):
        def __len__(self):
            return length

    return Stream() if length is None else Sized()


def told(x):
    if hasattr(x, "tolist") and hasattr(x, "requires_grad"):
        return ["tensor", str(x.dtype).replace("torch.", ""), x.tolist()]
    if isinstance(x, dict):
        return [type(x).__name__, *((k, told(v)) for k, v in x.items())]
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, *map(told, x)]
    return x


def distributed(at, **options):
    return [
        [len(s), s.total_size, s.num_samples, *s]
        for s in (at.data.DistributedSampler(numbers(at, 10), 3, rank, shuffle=False, **options) for rank in range(3))
    ]


def refused_read(at):
    class Bad(type(numbers(at))):
        def __getitems__(self, indices):
            return [1]

    return at.data.StackDataset(Bad(), numbers(at)).__getitems__([0, 2])


CALLS = {
    "distributed": lambda at: distributed(at),
    "distributed without the rest": lambda at: distributed(at, drop_last=True),
    "distributed by name": lambda at: (
        importlib.import_module(at.data.__name__ + ".distributed")
        .DistributedSampler(numbers(at, 2), 5, 4, shuffle=False)
        .total_size
    ),
    "distributed without a group": lambda at: at.data.DistributedSampler(numbers(at)),
    "distributed rank": lambda at: at.data.DistributedSampler(numbers(at), 2, 2),
    "batches": lambda at: [list(at.data.BatchSampler(range(10), 3, last)) for last in (True, False)],
    "batch size": lambda at: at.data.BatchSampler(range(3), 0, False),
    "drop_last": lambda at: at.data.BatchSampler(range(3), 2, 1),
    "random": lambda at: sorted(at.data.RandomSampler(numbers(at), num_samples=14)),
    "random replacement": lambda at: at.data.RandomSampler(numbers(at), replacement=1),
    "random none": lambda at: at.data.RandomSampler(numbers(at), num_samples=0),
    "weighted": lambda at: list(at.data.WeightedRandomSampler([0.0, 1.0, 0.0], 4)),
    "weights": lambda at: at.data.WeightedRandomSampler([1, 2], 1).weights,
    "weighted replacement": lambda at: at.data.WeightedRandomSampler([1.0], 1, 1),
    "weighted too many": lambda at: list(at.data.WeightedRandomSampler([1.0, 1.0], 3, False)),
    "weighted negative": lambda at: list(at.data.WeightedRandomSampler([-1.0, 2.0], 1)),
    "sampler with a source": lambda at: at.data.Sampler(numbers(at)),
    "cumsum": lambda at: at.data.ConcatDataset.cumsum([numbers(at, 2), numbers(at, 3)]),
    "concat before": lambda at: at.data.ConcatDataset([numbers(at, 2)])[-3],
    "concat behind": lambda at: at.data.ConcatDataset([numbers(at, 2)])[2],
    "chain of lengths": lambda at: len(at.data.ChainDataset([stream(at, 2, 2), stream(at, 1, 1)])),
    "chain of others": lambda at: len(at.data.ChainDataset([numbers(at)])),
    "stack": lambda at: at.data.StackDataset(numbers(at), numbers(at)).__getitems__([0, 2]),
    "stack by name": lambda at: at.data.StackDataset(a=numbers(at)).__getitems__([0, 2]),
    "stack refused": refused_read,
    "subset": lambda at: at.data.Subset(numbers(at), [3, 5, 6]).__getitems__([0, 2]),
    "split": lambda at: [len(x) for x in at.data.random_split(numbers(at, 11), [0.5, 0.25, 0.25])],
    "split sum": lambda at: at.data.random_split(numbers(at), [3, 3]),
    "collate": lambda at: at.data.default_collate([(1, 2.5, "a", b"b", True), (3, 4.0, "c", b"d", False)]),
    "collate arrays": lambda at: at.data.default_collate([(np.ones(2), np.float32(1), np.bool_(True))] * 2),
    "collate named": lambda at: at.data.default_collate([Pair(1, {"x": [1, 2]}), Pair(3, {"x": [4, 5]})]),
    "collate types": lambda at: at.data.default_collate([collections.OrderedDict(a=1), collections.OrderedDict(a=2)]),
    "collate defaults": lambda at: type(at.data.default_collate([collections.defaultdict(int, a=1)] * 2)).__name__,
    "collate dtypes": lambda at: at.data.default_collate([at.lib.tensor(1), at.lib.tensor(1.5)]),
    "collate nothing": lambda at: at.data.default_collate([]),
    "collate None": lambda at: at.data.default_collate([None]),
    "collate text arrays": lambda at: at.data.default_collate([np.array(["a"])]),
    "convert": lambda at: at.data.default_convert({"a": np.ones(2), "b": (1, "x", [np.float64(2)])}),
    "loader": lambda at: list(at.data.DataLoader(numbers(at), 3)),
    "loader without data": lambda at: list(at.data.DataLoader(numbers(at, 0), 3)),
    "loader of nothing shuffled": lambda at: at.data.DataLoader(numbers(at, 0), shuffle=True),
    "length of a pass": lambda at: len(iter(at.data.DataLoader(numbers(at), 3))),
    "attributes": lambda at: [
        getattr(at.data.DataLoader(numbers(at), 2), name)
        for name in ("batch_size", "drop_last", "prefetch_factor", "pin_memory_device", "in_order", "timeout")
    ],
    "kinds": lambda at: [
        (loader._auto_collation, loader._dataset_kind)
        for loader in (at.data.DataLoader(numbers(at), None), at.data.DataLoader(stream(at), 2))
    ],
    "context without workers": lambda at: at.data.DataLoader(numbers(at), multiprocessing_context="fork"),
    "unknown context": lambda at: at.data.DataLoader(numbers(at), num_workers=1, multiprocessing_context="x"),
    "no context": lambda at: at.data.DataLoader(numbers(at), num_workers=1, multiprocessing_context=3),
    "later context": lambda at: setattr(at.data.DataLoader(numbers(at)), "multiprocessing_context", "fork"),
}


def outcome(call, at):
    try:
        return told(call(at))
    except Exception as error:
        return error


@pytest.mark.parametrize("name", CALLS)
def test_the_same_comes_of_it(name):
    wanted, got = outcome(CALLS[name], Theirs), outcome(CALLS[name], Ours)
    if isinstance(wanted, Exception):
        kind = next(k for k in type(wanted).__mro__ if k.__module__ == "builtins")
        assert isinstance(got, kind), got
        assert isinstance(got, (tg.errors.TapegradError, TypeError))
    else:
        assert got == wanted


class Own:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("at", [Ours, Theirs], ids=["tapegrad", "torch"])
def test_types_of_ones_own_are_collated_by_the_map(at):
    module = importlib.import_module(at.data.__name__ + "._utils.collate")

    def own(batch, *, collate_fn_map=None):
        return module.collate([x.value for x in batch], collate_fn_map=collate_fn_map)

    module.default_collate_fn_map[Own] = own
    try:
        assert told(at.data.default_collate([(Own(1), 2), (Own(3), 4)])) == [
            "list",
            ["tensor", "int64", [1, 3]],
            ["tensor", "int64", [2, 4]],
        ]
    finally:
        del module.default_collate_fn_map[Own]
    ragged = [at.lib.ones(1), at.lib.ones(2)]
    assert module.collate(ragged, collate_fn_map={at.lib.Tensor: lambda b, *, collate_fn_map: b}) is ragged


@pytest.mark.parametrize("at", [Ours, Theirs], ids=["tapegrad", "torch"])
def test_a_stream_longer_than_its_length_warns(at):
    loader = at.data.DataLoader(stream(at, 5, 3))
    assert len(list(loader)) == 5
    assert len(loader) == 3
    with pytest.warns(UserWarning, match=r"[Ll]ength of") as warned:
        assert len(list(loader)) == 5
    assert len(warned) == 2


def test_shuffled_parts_of_processes_cover_the_data():
    def parts(epoch):
        samplers = [tg.utils.data.DistributedSampler(range(10), 3, r, seed=3) for r in range(3)]
        for s in samplers:
            s.set_epoch(epoch)
        return [list(s) for s in samplers]

    assert {i for part in parts(0) for i in part} == set(range(10))
    assert parts(0) == parts(0)
    assert parts(0) != parts(1)
    loader = tg.utils.data.DataLoader(range(10), 2, sampler=tg.utils.data.DistributedSampler(range(10), 2, 0))
    assert len(loader) == 3
