"""NumPy archives: what numpy.savez writes is read, damage is one kind of error."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.errors import FileFormatError
from tapegrad.formats import load_npz

ARRAYS = {
    "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(3, dtype=">i4"),
    "number": np.float32(2.5),
    "empty": np.zeros((0, 3)),
    "text": np.array(["one", "three"]),
    "flags": np.array([True, False]),
}


def write(path, writer=np.savez, **arrays):
    with open(path, "wb") as file:
        writer(file, **arrays)
    return path


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path, writer):
    loaded = load_npz(write(tmp_path / "a.npz", writer, **ARRAYS))
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype.newbyteorder("=")
        assert loaded[name].flags.writeable


def test_objects_need_a_pickle_and_are_refused(tmp_path):
    path = write(tmp_path / "a.npz", x=np.array([{}, None], dtype=object))
    with pytest.raises(FileFormatError, match=r"a\.npz\[x\]: has elements of type '\|O'; store numbers"):
        load_npz(path)


def archive(path, *members, **kwargs):
    with zipfile.ZipFile(path, "w", **kwargs) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def npy(header, data=b"", magic=b"\x93NUMPY\x01\x00"):
    text = header.encode()
    return magic + len(text).to_bytes(2, "little") + text + data


def header(shape, descr="'|u1'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as an array does"),
        (npy(header("(3,)"), b"ab"), r"shape \(3,\) of uint8 takes 3 bytes, the file has 2"),
        (npy(header("(3,)"), b"abcd"), "takes 3 bytes, the file has 4"),
        (npy(header("(0, 4611686018427387904, 4)")), "more than memory can address"),
        (npy(header("(4294967296, 4294967296)")), "more than memory can address"),
        (npy(header("(-1,)")), r"has the shape \(-1,\)"),
        (npy(header("(True,)"), b"a"), r"has the shape \(True,\)"),
        (npy(header("[1]"), b"a"), r"has the shape \[1\]"),
        (npy(header("(1,)", "[('a', '<f4')]"), b"abcd"), "has elements of type"),
        (npy("{'descr': '|u1'}"), "without dtype, order and shape"),
        (npy("(" * 3000), "unreadable header"),
        (npy("__import__('os')"), "unreadable header"),
        (npy(header("(1,)"), b"a", magic=b"\x93NUMPY\x09\x00"), "does not begin"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "has a header of 4,294,967,295 bytes"),
        (b"\x93NUMPY\x02\x00\xff", "ends inside its header"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        load_npz(archive(tmp_path / "a.npz", ("x.npy", content)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_and_a_member_that_is_no_array_are_refused(tmp_path):
    one = npy(header("(1,)"), b"a")
    with pytest.raises(FileFormatError, match="holds the array 'x' twice"):
        load_npz(archive(tmp_path / "a.npz", ("x.npy", one), ("x.npy", one)))
    with pytest.raises(FileFormatError, match=r"holds 'notes\.txt', which is no array"):
        load_npz(archive(tmp_path / "b.npz", ("notes.txt", b"")))


def test_a_foreign_file_is_named(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"hello")
    with pytest.raises(FileFormatError, match=r"a\.npz: is a damaged archive \(File is not a zip file\); restore"):
        load_npz(path)
    with pytest.raises(FileNotFoundError):
        load_npz(tmp_path / "none.npz")


def test_every_truncation_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.arange(50), y=np.zeros(3))
    whole = buffer.getvalue()
    path = tmp_path / "a.npz"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(FileFormatError):
            load_npz(path)


def seed_files():
    for writer in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        writer(buffer, x=np.arange(20, dtype=np.int16), label=np.array([1.5, 2.0]))
        yield buffer.getvalue()


SEEDS = list(seed_files())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_mutations_are_read_or_refused_never_anything_else(tmp_path_factory, whole, changes):
    data = bytearray(whole)
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    path.write_bytes(bytes(data))
    with contextlib.suppress(FileFormatError):
        for array in load_npz(path).values():
            assert array.nbytes <= 4 * len(data)
