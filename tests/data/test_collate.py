"""Batches of samples: against PyTorch where it has an answer, and what is refused."""

import collections

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import IndexRangeError, ShapeError, UsageError
from tapegrad.utils.data import default_collate, default_convert

Pair = collections.namedtuple("Pair", "x y")

SAMPLES = {
    "ints": [1, 2, 3],
    "floats": [1.0, 2.5],
    "bools": [True, False],
    "int first": [1, 2.5],
    "float first": [2.5, 1],
    "text": ["a", "b"],
    "bytes": [b"a", b"b"],
    "arrays": [np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)],
    "0-d arrays": [np.array(3), np.array(4)],
    "bytes of images": [np.zeros((1, 2), np.uint8)] * 3,
    "float32 numbers": [np.float32(1), np.float32(2)],
    "float64 numbers": [np.float64(1), np.float64(2)],
    "int16 numbers": [np.int16(1), np.int16(2)],
    "tuples": [(1, 2.0), (3, 4.0)],
    "lists": [[1, "a"], [2, "b"]],
    "dicts": [{"x": 1, "t": "a"}, {"x": 2, "t": "b"}],
    "extra keys": [{"x": 1}, {"x": 2, "y": 3}],
    "named": [Pair(1, 2), Pair(3, 4)],
    "nested": [({"a": (1, [2.0])}, "n"), ({"a": (3, [4.0])}, "m")],
    "ordered": [collections.OrderedDict(b=1, a=2), collections.OrderedDict(b=3, a=4)],
}


def same(ours, theirs):
    torch = pytest.importorskip("torch")
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, tg.Tensor)
        np.testing.assert_array_equal(ours.array, theirs.numpy())
        assert ours.dtype == theirs.numpy().dtype
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs)
        assert list(ours) == list(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    else:
        assert ours == theirs


@pytest.mark.parametrize("kind", SAMPLES)
def test_batches_are_pytorchs(kind):
    torch = pytest.importorskip("torch")
    same(default_collate(SAMPLES[kind]), torch.utils.data.default_collate(SAMPLES[kind]))


@pytest.mark.parametrize("kind", SAMPLES)
def test_conversions_are_pytorchs(kind):
    torch = pytest.importorskip("torch")
    same(default_convert(SAMPLES[kind]), torch.utils.data.default_convert(SAMPLES[kind]))


def test_tensors_are_stacked_with_their_gradient():
    a, b = tg.ones(2, requires_grad=True), tg.zeros(2)
    batch = default_collate([a, b])
    assert batch.shape == (2, 2)
    (batch * 3).sum().backward()
    assert a.grad.tolist() == [3.0, 3.0]
    assert not default_collate([b, b]).requires_grad


def test_a_batch_does_not_share_memory_with_its_samples():
    sample = tg.zeros(2)
    default_collate([sample]).array[:] = 1
    assert sample.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            [tg.zeros(2), tg.zeros(3)],
            r"first sample has shape \(2,\), sample 1 of the batch has \(3,\); bring them to one",
        ),
        ([(1, 2), (3,)], "first sample has 2 entries, sample 1 of the batch has 1"),
        ([(1,), (3, 4)], "first sample has 1 entries, sample 1 of the batch has 2"),
    ],
)
def test_unequal_samples_are_refused(batch, message):
    with pytest.raises(ShapeError, match=message):
        default_collate(batch)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (None, "cannot batch a NoneType; give tensors, arrays, numbers"),
        ({1, 2}, "cannot batch a set"),
        (np.array(["a"]), "cannot batch arrays of dtype <U1"),
    ],
)
def test_what_cannot_be_batched_is_refused(sample, message):
    with pytest.raises(UsageError, match=message):
        default_collate([sample, sample])


def test_images_are_refused_with_what_to_do():
    image = pytest.importorskip("PIL.Image").new("L", (3, 2))
    with pytest.raises(UsageError) as caught:
        default_collate([(image, 1)])
    assert str(caught.value) == (
        "default_collate: cannot batch PIL images (a 3×2 image of mode L); end the dataset's transform with transforms.ToTensor()"
    )


def test_no_samples_are_refused():
    with pytest.raises(IndexRangeError, match="there are no samples"):
        default_collate([])
