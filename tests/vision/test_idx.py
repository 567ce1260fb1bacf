"""idx files: what is read, and that damage of every kind is one kind of error."""

import contextlib
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.errors import FileFormatError
from tapegrad.vision.datasets import read_idx

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array, sizes=None):
    code = CODES[array.dtype.str[1:]]
    sizes = array.shape if sizes is None else sizes
    return (
        bytes([0, 0, code, len(sizes)])
        + struct.pack(f">{len(sizes)}I", *sizes)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", CODES)
def test_every_type_of_number_is_read(tmp_path, dtype, packed):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    data = idx(array)
    read = read_idx(write(tmp_path / "file", gzip.compress(data) if packed else data))
    np.testing.assert_array_equal(read, array)
    assert read.dtype == np.dtype(dtype)
    assert read.flags.writeable


def test_the_ending_does_not_matter(tmp_path):
    array = np.arange(3, dtype=np.uint8)
    assert read_idx(write(tmp_path / "plain.gz", idx(array))).tolist() == [0, 1, 2]
    assert read_idx(write(tmp_path / "packed", gzip.compress(idx(array)))).tolist() == [0, 1, 2]


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")


LABELS = np.arange(5, dtype=np.uint8)
DAMAGE = {
    "empty": (b"", "is no idx file: it begins with nothing"),
    "short": (b"\0\0\x08", "begins with 00 00 08"),
    "foreign": (b"\x89PNG....", "begins with 89 50 4e 47; give an idx file"),
    "unknown type": (b"\0\0\x07\x01" + bytes(8), "begins with 00 00 07 01"),
    "no dimensions": (b"\0\0\x08\0", "claims 0 dimensions"),
    "many dimensions": (b"\0\0\x08\xff" + bytes(2000), "claims 255 dimensions"),
    "short header": (b"\0\0\x08\x03" + bytes(8), "ends inside its header of 3 sizes"),
    "nothing": (idx(LABELS[:0]), "holds nothing: its sizes are 0"),
    "zero beside huge": (idx(LABELS[:0], (0, 1 << 31, 1 << 31)), "holds nothing: its sizes are 0 × 2,147,483,648"),
    "overflow": (
        idx(LABELS, (0xFFFFFFFF,) * 3),
        "claims 4,294,967,295 × 4,294,967,295 × 4,294,967,295 numbers of 1 bytes",
    ),
    "overflow to little": (idx(LABELS, (1 << 31, 1 << 31, 4)), "the file has 5 bytes"),
    "truncated": (idx(LABELS)[:-1], "claims 5 numbers of 1 bytes, the file has 4 bytes"),
    "trailing": (idx(LABELS) + b"!", "goes on after the 5 bytes of 5 numbers"),
    "wide numbers": (idx(LABELS.astype("f8"))[:-8], "claims 5 numbers of 8 bytes, the file has 32 bytes"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(tmp_path, kind):
    data, message = DAMAGE[kind]
    path = write(tmp_path / "file", data)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_inside_a_compressed_file_is_named(tmp_path, kind):
    path = write(tmp_path / "file.gz", gzip.compress(DAMAGE[kind][0]))
    with pytest.raises(FileFormatError, match=r"file\.gz: "):
        read_idx(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d[:-9], "is damaged inside its compression"),
        (lambda d: d[:12], "is damaged inside its compression"),
        (lambda d: d[:-8] + bytes(4) + d[-4:], r"is damaged inside its compression \(.*incorrect data check"),
        (lambda d: d[:-4] + bytes(4), r"is damaged inside its compression \(.*incorrect length check"),
        (lambda d: d + b"garbage", "is damaged inside its compression"),
        (lambda d: d[:2] + b"\x07" + d[3:], r"unknown compression method"),
    ],
)
def test_damaged_compression_is_named(tmp_path, spoil, message):
    path = write(tmp_path / "file.gz", spoil(gzip.compress(idx(np.arange(200, dtype=np.uint8)))))
    with pytest.raises(FileFormatError, match=message):
        read_idx(path)


@pytest.mark.parametrize("padding", [0, 3, 1 << 15])
def test_members_and_the_zeros_between_them_are_one_file(tmp_path, padding):
    array = np.random.default_rng(0).integers(0, 256, (5, 1 << 16), dtype=np.uint8)
    data = idx(array)
    parts = [gzip.compress(data[a:b]) for a, b in ((0, 3), (3, 3), (3, 100_000), (100_000, len(data)))]
    path = write(tmp_path / "file.gz", bytes(padding).join([*parts, b""]))
    np.testing.assert_array_equal(read_idx(path), array)


def test_what_unfolds_far_is_read_piece_by_piece(tmp_path):
    zeros = np.zeros((3, 1 << 20), np.uint8)
    np.testing.assert_array_equal(read_idx(write(tmp_path / "file.gz", gzip.compress(idx(zeros)))), zeros)


def test_a_compressed_file_cannot_claim_more_than_it_can_hold(tmp_path):
    data = gzip.compress(idx(LABELS, (1 << 20, 1 << 10)))
    with pytest.raises(
        FileFormatError, match=r"claims 1,048,576 × 1,024 numbers of 1 bytes, it can hold at most \d\d,\d\d\d bytes"
    ):
        read_idx(write(tmp_path / "file.gz", data))


def test_what_a_compressed_file_unfolds_to_is_bounded(tmp_path):
    zeros = np.zeros(1 << 20, np.uint8)
    path = write(tmp_path / "file.gz", gzip.compress(idx(zeros)))
    assert len(read_idx(path)) == 1 << 20
    with pytest.raises(FileFormatError, match="it can hold at most 999,992 bytes"):
        read_idx(path, max_bytes=1_000_000)


SEEDS = [idx(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)), idx(np.arange(4, dtype="i4"))]
SEEDS += [gzip.compress(s) for s in SEEDS]


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0, 1.2),
    st.binary(max_size=3),
)
def test_mutations_are_read_or_refused_never_anything_else(tmp_path_factory, whole, changes, share, tail):
    data = bytearray(whole)
    for place, value in changes:
        # The first bytes decide most, so they are hit most.
        data[int(place**3 * len(data))] = value
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(bytes(data[: int(share * len(data)) + 1]) + tail)
    with contextlib.suppress(FileFormatError):
        assert read_idx(path).nbytes <= 2 * len(SEEDS[0])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(b"\0\0" + data)
    with contextlib.suppress(FileFormatError):
        read_idx(path)
