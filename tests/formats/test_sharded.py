"""Tensors in several safetensors files, and reading parts of one file, beside the safetensors package."""

import json

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import formats
from tapegrad.errors import ArgumentError, FileFormatError, NamingError, UsageError

TENSORS = {f"layer{i}.weight": tg.full((i + 1, 4), float(i)) for i in range(6)}


def test_files_stay_under_the_size(tmp_path):
    names = formats.save_sharded(TENSORS, tmp_path, max_shard_size=128)
    assert names[-1] == "model.safetensors.index.json"
    index = json.loads((tmp_path / names[-1]).read_text())
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in TENSORS.values())
    sizes = [sum(t.nbytes for t in formats.load_file(tmp_path / name).values()) for name in names[:-1]]
    assert max(sizes) <= 128
    assert sum(sizes) == index["metadata"]["total_size"]
    for loaded in (
        formats.load_sharded(tmp_path),
        tg.load(tmp_path / names[-1]),
        tg.load(tmp_path / names[-1], mmap=True),
    ):
        assert list(loaded) == list(TENSORS)
        assert all(loaded[k].tolist() == TENSORS[k].tolist() for k in TENSORS)


def test_one_file_needs_no_index(tmp_path):
    formats.save_sharded(TENSORS, tmp_path, max_shard_size=128)
    assert formats.save_sharded(TENSORS, tmp_path) == ["model.safetensors"]
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert list(formats.load_sharded(tmp_path)) == sorted(TENSORS)


@pytest.mark.parametrize(("size", "limit"), [("128", 128), ("1KB", 1000), ("2 KiB", 2048), ("3gb", 3 * 10**9)])
def test_sizes_in_words(size, limit):
    assert formats.sharded._bytes(size) == limit


@pytest.mark.parametrize("size", [0, -1, "", "5 parsec", "1.5GB", None])
def test_sizes_that_are_none(tmp_path, size):
    with pytest.raises(ArgumentError, match="is no size"):
        formats.save_sharded(TENSORS, tmp_path, max_shard_size=size)


def test_what_is_no_tensor_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'a' is a int"):
        formats.save_sharded({"a": 1}, tmp_path)


def test_an_index_that_does_not_fit_its_files(tmp_path):
    names = formats.save_sharded(TENSORS, tmp_path, max_shard_size=128)
    index = json.loads((tmp_path / names[-1]).read_text())
    places = index["weight_map"]
    for key, place, said in (("new", names[0], "lacks 'new'"), ("new", "other.safetensors", "not there")):
        (tmp_path / names[-1]).write_text(json.dumps({"weight_map": {**places, key: place}}))
        with pytest.raises(FileFormatError, match=said):
            formats.load_sharded(tmp_path)
    (tmp_path / names[-1]).write_text(json.dumps({"weight_map": dict(list(places.items())[1:])}))
    with pytest.raises(FileFormatError, match="does not name 'layer0"):
        formats.load_sharded(tmp_path)


def test_parts_of_a_file(tmp_path):
    path = tmp_path / "x.safetensors"
    formats.save_file({"a": tg.arange(12.0).reshape(3, 4), "b": tg.tensor([True, False])}, path, {"epoch": "3"})
    with formats.safe_open(path, framework="pt", device="cpu") as file:
        assert sorted(file.keys()) == ["a", "b"]
        assert file.metadata() == {"epoch": "3"}
        part = file.get_slice("a")
        assert (part.get_shape(), part.get_dtype()) == ([3, 4], "F32")
        assert part[1:, 2].tolist() == [6, 10]
        whole = file.get_tensor("a")
        with pytest.raises(NamingError, match="no tensor 'c'"):
            file.get_tensor("c")
    before = path.read_bytes()
    whole[0, 0] = 9
    assert float(whole[0, 0]) == 9
    assert path.read_bytes() == before
    assert isinstance(formats.safe_open(path, "np").get_tensor("b"), np.ndarray)
    with pytest.raises(ArgumentError, match="framework"):
        formats.safe_open(path, "flax")


def test_an_empty_file_has_no_names(tmp_path):
    formats.save_file({}, tmp_path / "x.safetensors")
    assert formats.safe_open(tmp_path / "x.safetensors").keys() == []
    assert formats.load_file(tmp_path / "x.safetensors", mmap=True) == {}


def test_mapped_tensors_equal_those_that_are_read(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {
        "f": tg.randn(3, 5),
        "i": tg.arange(7),
        "b": tg.tensor([True]),
        "e": tg.zeros(0, 2),
        "h": tg.ones(3).half(),
    }
    formats.save_file(tensors, path)
    read, mapped = formats.load_file(path), formats.load_file(path, mmap=True)
    assert list(read) == list(mapped)
    for name in read:
        assert mapped[name].dtype == read[name].dtype == tensors[name].dtype
        assert mapped[name].array.tobytes() == read[name].array.tobytes()


def test_the_package_reads_what_is_written_and_the_other_way(tmp_path):
    package = pytest.importorskip("safetensors")
    from safetensors.numpy import load_file, save_file

    names = formats.save_sharded(TENSORS, tmp_path, max_shard_size=128)
    for name in names[:-1]:
        ours = formats.load_file(tmp_path / name)
        theirs = load_file(tmp_path / name)
        assert {k: v.tolist() for k, v in theirs.items()} == {k: v.tolist() for k, v in ours.items()}
    arrays = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.array([True, False]), "c": np.float64([[1.5]])}
    save_file(arrays, tmp_path / "theirs.safetensors", {"k": "v"})
    for mmap in (False, True):
        loaded = tg.load(tmp_path / "theirs.safetensors", mmap=mmap)
        assert {k: v.tolist() for k, v in loaded.items()} == {k: v.tolist() for k, v in arrays.items()}
    with package.safe_open(tmp_path / names[0], "np") as theirs, formats.safe_open(tmp_path / names[0], "np") as ours:
        assert sorted(ours.keys()) == sorted(theirs.keys())


def test_arrays_in_npz_files(tmp_path):
    path = tmp_path / "x.npz"
    tg.save({"a": tg.arange(6).reshape(2, 3).t(), "b": np.float32(2)}, path)
    assert np.load(path)["a"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert tg.load(path)["b"].tolist() == 2
    with pytest.raises(UsageError, match="is a list"):
        tg.save({"a": [1]}, path)
    with pytest.raises(UsageError, match="dtype object"):
        tg.save({"a": np.array([None])}, path)
    assert tg.load(path)["a"].shape == (3, 2)
