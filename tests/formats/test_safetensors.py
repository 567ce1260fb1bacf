"""The safetensors format: both ways against the reference package, and damage of every kind."""

import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad as tg
from tapegrad.errors import DTypeError, FileFormatError, UsageError
from tapegrad.formats import load_file, read_metadata, save_file

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8"]
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
arrays = st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, shapes, fill=st.nothing()))
states = st.dictionaries(
    st.text(max_size=8).filter(lambda n: n != "__metadata__" and n.isprintable()), arrays, max_size=4
)
texts = st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=2)


def same(ours, theirs):
    assert set(ours) == set(theirs)
    for name in ours:
        a, b = np.asarray(ours[name]), np.asarray(theirs[name])
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(states, texts)
def test_the_reference_reads_what_we_write(tmp_path_factory, state, metadata):
    reference = pytest.importorskip("safetensors.numpy")
    path = tmp_path_factory.getbasetemp() / "ours.safetensors"
    save_file({n: tg.from_numpy(a) for n, a in state.items()}, path, metadata=metadata)
    same(reference.load_file(path), state)
    same(load_file(path), state)
    assert read_metadata(path) == metadata


@settings(max_examples=60, deadline=None, derandomize=True)
@given(states, texts)
def test_we_read_what_the_reference_writes(tmp_path_factory, state, metadata):
    reference = pytest.importorskip("safetensors.numpy")
    path = tmp_path_factory.getbasetemp() / "theirs.safetensors"
    plain = {n: np.ascontiguousarray(a).reshape(a.shape) for n, a in state.items()}
    # Version 0.8 of the reference writes broken JSON when both are empty, so no metadata is given instead.
    reference.save_file(plain, path, metadata=metadata or None)
    same(load_file(path), state)
    assert read_metadata(path) == metadata


def test_views_and_foreign_byte_orders_are_written_by_value(tmp_path):
    path = tmp_path / "a.safetensors"
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    save_file({"t": tg.from_numpy(array).T, "big": array.astype(">f4")[:, ::2]}, path)
    loaded = load_file(path)
    np.testing.assert_array_equal(loaded["t"].array, array.T)
    np.testing.assert_array_equal(loaded["big"].array, array[:, ::2])
    assert loaded["big"].dtype == np.float32


def test_loaded_tensors_can_be_written_to(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"w": tg.tensor([1.0, 2.0])}, path)
    loaded = load_file(path)["w"]
    loaded.array[0] = 5
    assert loaded.tolist() == [5.0, 2.0]


def test_bfloat16_is_read_as_float32(tmp_path):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("safetensors.torch")
    values = torch.randn(3, 5).to(torch.bfloat16)
    reference.save_file({"w": values}, tmp_path / "b.safetensors")
    loaded = load_file(tmp_path / "b.safetensors")["w"]
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded.array, values.float().numpy())


def test_what_cannot_be_written_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(DTypeError, match=r"save_file: 'w' has dtype complex128; convert it, e\.g\. with \.float\(\)"):
        save_file({"w": np.zeros(2, complex)}, path)
    with pytest.raises(DTypeError, match="has dtype object"):
        save_file({"w": np.array([None])}, path)
    with pytest.raises(UsageError, match="'w' is a list"):
        save_file({"w": [1.0]}, path)
    with pytest.raises(UsageError, match="3 cannot name a tensor"):
        save_file({3: np.zeros(2)}, path)
    with pytest.raises(UsageError, match="'__metadata__' cannot name a tensor"):
        save_file({"__metadata__": np.zeros(2)}, path)
    with pytest.raises(UsageError, match="metadata 'epoch': 3 is not text"):
        save_file({}, path, metadata={"epoch": 3})
    assert not path.exists()


# -- damage ---------------------------------------------------------------------------------------------------------


def raw(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(begin=0, end=4, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


FOUR = b"\0" * 4
DAMAGE = {
    "empty": (b"", "has 0 bytes, too few"),
    "short": (b"abc", "has 3 bytes, too few"),
    "length beyond the file": (({}, b"", 1 << 20), "claims a header of 1,048,576"),
    "length beyond the limit": (({}, b"", 1 << 63), "claims a header of 9,223,372,036,854,775,808"),
    "not an object": ((b"[]", b""), r"header begins with b'\[\]'"),
    "leading blank": ((b" {}", b""), "no safetensors file"),
    "broken JSON": ((b'{"a":', b""), "not JSON"),
    "bad UTF-8": ((b'{"\xff": 1}', b""), "not JSON"),
    "deep JSON": ((b'{"a":' + b"[" * 100_000, b""), "not JSON"),
    "long number": ((b'{"a":' + b"9" * 5000 + b"}", b""), "not JSON"),
    "NaN": ((b'{"a": NaN}', b""), "has NaN in its header"),
    "a name twice": ((b'{"a": 1, "a": 1}', b""), "has 'a' twice"),
    "a key twice": ((b'{"a": {"dtype": "F32", "dtype": "F32"}}', b""), "has 'dtype' twice"),
    "metadata of numbers": (({"__metadata__": {"a": 1}}, b""), "metadata that is not text"),
    "metadata as list": (({"__metadata__": ["a"]}, b""), "metadata that is not text"),
    "missing key": (({"a": {"dtype": "F32", "shape": [1]}}, FOUR), "'a' lacks a dtype"),
    "extra key": (({"a": {**entry(), "more": 1}}, FOUR), "or has more"),
    "no entry": (({"a": None}, b""), "'a' lacks"),
    "unknown dtype": (({"a": entry(dtype="F8_E4M3")}, FOUR), "has dtype 'F8_E4M3'; save it as one of BOOL, U8"),
    "dtype a list": (({"a": entry(dtype=["F32"])}, FOUR), "has dtype"),
    "negative": (({"a": entry(shape=[-1])}, FOUR), r"has the shape \[-1\]"),
    "fraction": (({"a": entry(shape=[1.0])}, FOUR), r"has the shape \[1\.0\]"),
    "truth": (({"a": entry(shape=[True])}, FOUR), r"has the shape \[True\]"),
    "many dimensions": (({"a": entry(shape=[1] * 40)}, FOUR), "has the shape"),
    "overflow": (({"a": entry(shape=[1 << 62, 1 << 62])}, FOUR), "more than memory can address"),
    "overflow beside zero": (({"a": entry(0, 0, [0, 1 << 62, 8])}, b""), "more than memory can address"),
    "wrong size": (({"a": entry(shape=[2])}, FOUR), "does not fill bytes 0 to 4"),
    "backwards": (({"a": entry(4, 0)}, FOUR), "does not fill bytes 4 to 0"),
    "three offsets": (({"a": {**entry(), "data_offsets": [0, 4, 4]}}, FOUR), "has the place"),
    "overlap": (({"a": entry(0, 4), "b": entry(0, 4)}, FOUR), "overlaps what is before it"),
    "hole": (({"a": entry(0, 4), "b": entry(8, 12)}, FOUR * 3), "leaves 4 bytes unused before it"),
    "hole at the start": (({"a": entry(4, 8)}, FOUR * 2), "leaves 4 bytes unused before it"),
    "truncated": (({"a": entry(0, 4)}, b"\0\0"), "is truncated: the header places 4 bytes of data, the file has 2"),
    "trailing": (({"a": entry(0, 4)}, FOUR + b"!"), "has bytes after its last tensor"),
    "no boolean": (({"a": entry(0, 1, [1], "BOOL")}, b"\2"), "booleans other than 0 and 1"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(tmp_path, kind):
    content, message = DAMAGE[kind]
    path = tmp_path / "a.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        raw(path, *content)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_file(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_order_in_the_header_is_free(tmp_path):
    path = raw(tmp_path / "a.safetensors", {"b": entry(4, 8), "a": entry(0, 4), "none": entry(4, 4, [0])}, FOUR * 2)
    assert list(load_file(path)) == ["a", "none", "b"]


SEED_HEADER = {
    "__metadata__": {"k": "v"},
    "w": entry(0, 8, (2,)),
    "flag": entry(8, 9, (1,), "BOOL"),
    "b": entry(9, 11, (1,), "F16"),
}
SEED_TEXT = json.dumps(SEED_HEADER).encode()
SEED = struct.pack("<Q", len(SEED_TEXT)) + SEED_TEXT + bytes(8) + b"\1" + bytes(2)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.one_of(st.just(len(SEED)), st.integers(0, len(SEED))),
)
def test_mutations_are_refused_or_read_as_the_reference_reads_them(tmp_path_factory, changes, size):
    reference = pytest.importorskip("safetensors.numpy")
    data = bytearray(SEED)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    path.write_bytes(bytes(data[:size]))
    with contextlib.suppress(FileFormatError):
        ours = load_file(path)
        same(ours, reference.load_file(path))
