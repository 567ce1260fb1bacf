"""Sets whose own folder is empty take their files from TAPEGRAD_DATA, and fetch nothing then."""

import gzip
import struct

import numpy as np
import pytest

from tapegrad.errors import DataError
from tapegrad.vision.datasets import MNIST, mnist


def write_idx(folder, stem, values):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    with gzip.open(folder / f"{stem}.gz", "wb") as file:
        file.write(head + values.astype(np.uint8).tobytes())


@pytest.fixture
def shared(tmp_path, monkeypatch):
    folder = tmp_path / "shared" / "mnist"
    folder.mkdir(parents=True)
    for part, count in (("train", 5), ("t10k", 3)):
        write_idx(folder, f"{part}-images-idx3-ubyte", np.full((count, 28, 28), count))
        write_idx(folder, f"{part}-labels-idx1-ubyte", np.arange(count))
    monkeypatch.setenv("TAPEGRAD_DATA", str(tmp_path / "shared"))
    monkeypatch.setattr(mnist, "download_file", lambda *arguments: pytest.fail("fetched"))
    return folder


def test_files_of_the_shared_folder_are_used(shared, tmp_path):
    assert len(MNIST(tmp_path / "data", train=True, download=True)) == 5
    assert len(MNIST(tmp_path / "data", train=False)) == 3
    assert not (tmp_path / "data").exists()


def test_the_sets_own_folder_comes_first(shared, tmp_path):
    own = tmp_path / "data" / "MNIST" / "raw"
    own.mkdir(parents=True)
    write_idx(own, "t10k-images-idx3-ubyte", np.zeros((2, 28, 28)))
    write_idx(own, "t10k-labels-idx1-ubyte", np.zeros(2))
    assert len(MNIST(tmp_path / "data", train=False, download=True)) == 2


def test_without_the_variable_the_files_are_missing(shared, tmp_path, monkeypatch):
    monkeypatch.delenv("TAPEGRAD_DATA")
    with pytest.raises(DataError, match="there is no t10k"):
        MNIST(tmp_path / "data", train=False)
