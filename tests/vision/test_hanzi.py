"""Hanzi: found where it lies, the same from a file, from folders and from an archive, and what may be wrong with them."""

import zipfile

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError, FileFormatError
from tapegrad.vision import datasets

image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Twelve classes of two pictures to train on, twelve pictures to test, as folders of BMP files."""
    rng = np.random.default_rng(0)
    top = tmp_path / "hanzi12"
    for place in [f"train/{k}" for k in range(1, 13)] + ["test"]:
        (top / place).mkdir(parents=True)
        for i in range(1, 13 if place == "test" else 3):
            pixels = (rng.random((28, 28)) < 0.8).astype(np.uint8) * 255
            image.fromarray(pixels).convert("1").save(top / place / f"{i}.bmp")
    (top / "test_gold.txt").write_text("\r\n".join(map(str, range(12, 0, -1))))
    return top


def archive_of(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def test_folders_are_read_in_the_order_of_their_numbers(folder):
    train, test = (datasets.Hanzi(folder.parent, train=t, source="bmp") for t in (True, False))
    assert train.targets.tolist() == [k for k in range(12) for _ in range(2)]
    assert test.targets.tolist() == list(range(11, -1, -1))
    assert train.files[:3] == [folder / "train/1/1.bmp", folder / "train/1/2.bmp", folder / "train/2/1.bmp"]
    pixels = np.asarray(image.open(folder / "test/10.bmp").convert("L"))
    np.testing.assert_array_equal(test.data.array[9], pixels)
    assert "Source: bmp" in repr(test)


def test_an_archive_is_what_its_folder_is(folder, tmp_path):
    path = archive_of(folder, tmp_path / "mine.zip")
    for train in (True, False):
        ours = datasets.Hanzi(train=train, source="zip", path=path)
        theirs = datasets.Hanzi(train=train, source="bmp", path=folder)
        np.testing.assert_array_equal(ours.data, theirs.data)
        np.testing.assert_array_equal(ours.targets, theirs.targets)
        assert ours.files == [path]


def test_samples_are_pictures_and_batches_floats(folder):
    train = datasets.Hanzi(source="bmp", path=folder)
    picture, label = train[23]
    assert (picture.size, label, train.classes[label]) == ((28, 28), 11, "用")
    images, labels = train.tensors()
    assert (tuple(images.shape), float(images.max()), tuple(labels.shape)) == ((24, 1, 28, 28), 1.0, (24,))


def test_damaged_pictures_are_named(folder, tmp_path):
    path = folder / "train" / "3" / "2.bmp"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileFormatError, match=r"train/3/2\.bmp: is no image"):
        datasets.Hanzi(source="bmp", path=folder)
    with pytest.raises(FileFormatError, match=r"mine\.zip/train/3/2\.bmp: is no image"):
        datasets.Hanzi(source="zip", path=archive_of(folder, tmp_path / "mine.zip"))
    image.new("L", (28, 27)).save(path)
    with pytest.raises(DataError, match="has 27 × 28 pixels"):
        datasets.Hanzi(source="bmp", path=folder)


@pytest.mark.parametrize("text", ["1 2 3", "", " ".join(["13"] * 12), " ".join(["x"] * 12)])
def test_test_classes_that_do_not_fit(folder, text):
    (folder / "test_gold.txt").write_text(text)
    with pytest.raises(FileFormatError, match=r"test_gold\.txt: has \d+ entries for 12 pictures"):
        datasets.Hanzi(train=False, source="bmp", path=folder)


def test_what_is_missing_is_said(folder, tmp_path):
    (folder / "test_gold.txt").unlink()
    with pytest.raises(DataError, match=r"no test_gold\.txt"):
        datasets.Hanzi(train=False, source="bmp", path=folder)
    with pytest.raises(DataError, match=r"no train/1/1\.bmp"):
        datasets.Hanzi(source="bmp", path=folder / "test")
    with pytest.raises(DataError, match=r"no hanzi12\.npz in .*hanzi12"):
        datasets.Hanzi(tmp_path)
    with pytest.raises(ArgumentError, match="did you mean 'zip'"):
        datasets.Hanzi(tmp_path, source="zipp")


def test_archives_that_are_none_or_hold_too_much(folder, tmp_path):
    path = tmp_path / "bad.zip"
    path.write_bytes(b"PK no archive")
    with pytest.raises(FileFormatError, match=r"bad\.zip: is a damaged archive"):
        datasets.Hanzi(source="zip", path=path)
    (folder / "train" / "1" / "1.bmp").write_bytes(b"\0" * (1 << 17))
    with pytest.raises(FileFormatError, match="has 131,072 bytes"):
        datasets.Hanzi(source="zip", path=archive_of(folder, path))
    np.savez(tmp_path / "hanzi12.npz", images=np.zeros(3))
    with pytest.raises(FileFormatError, match="no train_images or train_labels"):
        datasets.Hanzi(path=tmp_path / "hanzi12.npz")


def test_every_cut_of_an_archive_is_refused(folder, tmp_path):
    path = archive_of(folder, tmp_path / "cut.zip")
    whole = path.read_bytes()
    for size in range(0, len(whole), len(whole) // 25):
        path.write_bytes(whole[:size])
        with pytest.raises(FileFormatError):
            datasets.Hanzi(source="zip", path=path)
