"""Packing and padding: the same as PyTorch's, gradients included."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.nn.utils import rnn

torch = pytest.importorskip("torch")
their = torch.nn.utils.rnn


def assert_packed(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.tolist(), str(a.dtype)) == (b.tolist(), str(b.dtype).removeprefix("torch."))


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    features=st.lists(st.integers(1, 3), max_size=2),
    first=st.booleans(),
    is_sorted=st.booleans(),
    extra=st.integers(0, 2),
)
def test_there_and_back(lengths, features, first, is_sorted, extra):
    lengths = sorted(lengths, reverse=True) if is_sorted else lengths
    longest = max(lengths) + extra
    shape = ((len(lengths), longest) if first else (longest, len(lengths))) + tuple(features)
    array = np.random.default_rng(0).standard_normal(shape)
    x, tx = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    p = rnn.pack_padded_sequence(x, lengths, first, is_sorted)
    tp = their.pack_padded_sequence(tx, lengths, first, is_sorted)
    if not is_sorted:
        # Among equal lengths PyTorch's order is not defined: ours is the one in which they came.
        assert p.sorted_indices.tolist() == sorted(range(len(lengths)), key=lambda i: -lengths[i])
        assert p.unsorted_indices[p.sorted_indices].tolist() == list(range(len(lengths)))
    else:
        assert_packed(p, tp)
    y, n = rnn.pad_packed_sequence(p, first, -1.0, longest)
    ty, tn = their.pad_packed_sequence(tp, first, -1.0, longest)
    assert n.tolist() == tn.tolist() == lengths
    assert n.dtype == tg.int64
    np.testing.assert_array_equal(y.detach(), ty.detach())
    (y * y).sum().backward()
    (ty * ty).sum().backward()
    np.testing.assert_allclose(x.grad, tx.grad)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("first", [False, True])
def test_lists_of_sequences(side, first, rng):
    arrays = [rng.standard_normal((n, 2)) for n in (3, 1, 4)]
    ours, theirs = [tg.tensor(a) for a in arrays], [torch.tensor(a) for a in arrays]
    padded = rnn.pad_sequence(ours, first, 0.5, side)
    np.testing.assert_array_equal(padded, their.pad_sequence(theirs, first, 0.5, side))
    if side == "right":
        back = rnn.unpad_sequence(padded, tg.tensor([3, 1, 4]), first)
        assert [b.tolist() for b in back] == [a.tolist() for a in arrays]
    packed = rnn.pack_sequence(ours, enforce_sorted=False)
    assert_packed(packed, their.pack_sequence(theirs, enforce_sorted=False))
    assert [s.tolist() for s in rnn.unpack_sequence(packed)] == [a.tolist() for a in arrays]


def test_a_tensor_is_a_list_of_sequences():
    assert rnn.pad_sequence(tg.ones(2, 3)).tolist() == their.pad_sequence(torch.ones(2, 3)).tolist()


class TestPackedSequence:
    def packed(self, lib):
        utils = lib.nn.utils.rnn
        return utils.pack_sequence([lib.tensor([1.0]), lib.tensor([2.0, 3.0])], enforce_sorted=False)

    def test_is_a_named_tuple(self):
        p = self.packed(tg)
        data, sizes, order, back = p
        assert p.data is data
        assert p[1] is p.batch_sizes is sizes
        assert (order.tolist(), back.tolist()) == ([1, 0], [1, 0])
        assert repr(p) == repr(self.packed(torch))
        assert p._replace(data=sizes).data is sizes

    def test_converts(self):
        p = self.packed(tg)
        assert p.double().data.dtype == tg.float64
        assert p.to(tg.float64).batch_sizes is p.batch_sizes
        assert p.float() is p
        assert p.to("cpu") is p.cpu() is p
        assert [getattr(p, n)().data.dtype.name for n in ("half", "long", "int", "short", "char", "byte")] == [
            *("float16", "int64", "int32", "int16", "int8", "uint8")
        ]
        assert (p.is_cuda, p.is_pinned(), p.pin_memory()) == (False, False, p)

    @pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["copy", "pickle"])
    def test_copies(self, again):
        p = self.packed(tg)
        q = again(p)
        assert isinstance(q, rnn.PackedSequence)
        assert [x.tolist() for x in q] == [x.tolist() for x in p]

    def test_knows_the_way_back(self):
        p = rnn.PackedSequence(tg.ones(3), tg.tensor([2, 1]), tg.tensor([1, 0]))
        assert p.unsorted_indices.tolist() == [1, 0]
        assert rnn.PackedSequence((tg.ones(3), tg.tensor([2, 1]))).sorted_indices is None
        assert rnn.invert_permutation(None) is None
        assert rnn.invert_permutation(tg.tensor([2, 0, 1])).tolist() == [1, 2, 0]


def calls(lib):
    utils, x = lib.nn.utils.rnn, lib.ones(4, 3, 2)
    packed = utils.pack_padded_sequence(x, [4, 2, 1])
    return {
        "length 0": lambda: utils.pack_padded_sequence(x, [4, 2, 0]),
        "length 0, sorted here": lambda: utils.pack_padded_sequence(x, [0, 2, 1], enforce_sorted=False),
        "not sorted": lambda: utils.pack_padded_sequence(x, [2, 4, 1]),
        "few lengths": lambda: utils.pack_padded_sequence(x, [4, 2]),
        "a matrix of lengths": lambda: utils.pack_padded_sequence(x, lib.tensor([[4, 2, 1]])),
        "nothing": lambda: utils.pack_padded_sequence(lib.ones(4, 0, 2), []),
        "one dimension": lambda: utils.pack_padded_sequence(lib.ones(3), [1]),
        "not sorted, a list": lambda: utils.pack_sequence([lib.ones(1), lib.ones(2)]),
        "total_length": lambda: utils.pad_packed_sequence(packed, total_length=3),
        "other features": lambda: utils.pad_sequence([lib.ones(2, 3), lib.ones(2, 2)]),
        "no sequences": lambda: utils.pad_sequence([]),
        "no list": lambda: utils.pad_sequence(5),
        "a number": lambda: utils.pad_sequence([lib.tensor(1.0)]),
        "side": lambda: utils.pad_sequence([lib.ones(2)], padding_side="top"),
        "no sizes": lambda: utils.PackedSequence(x),
    }


@pytest.mark.parametrize("name", calls(tg))
def test_errors_are_of_pytorchs_kind(name):
    kinds = (AssertionError, IndexError, ValueError, RuntimeError)
    with pytest.raises(kinds) as theirs:
        calls(torch)[name]()
    kind = next(k for k in kinds if isinstance(theirs.value, k))
    with pytest.raises(kind) as ours:
        calls(tg)[name]()
    assert isinstance(ours.value, tg.errors.TapegradError)


def test_a_length_beyond_the_steps_is_an_error():
    with pytest.raises(RuntimeError, match=r"\[5, 2\], there are 4 steps"):
        rnn.pack_padded_sequence(tg.ones(4, 2), [5, 2])
