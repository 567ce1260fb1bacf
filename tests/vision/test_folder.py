"""Images in folders: their order, their classes, damaged files."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tapegrad.errors import DataError, FileFormatError, UsageError
from tapegrad.utils.data import DataLoader
from tapegrad.vision import transforms as T
from tapegrad.vision.datasets import DatasetFolder, ImageFolder

Image = pytest.importorskip("PIL.Image")


def picture(path, value=0, size=(5, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def folder(tmp_path):
    for name, value in (("10", 100), ("2", 20), ("1", 10)):
        for file in ("10.png", "9.bmp", "deep/1.JPG"):
            picture(tmp_path / name / file, value)
    (tmp_path / "1" / "notes.txt").write_text("no picture")
    (tmp_path / "loose.png").write_bytes(b"")
    return tmp_path


def names(data):
    return [path[len(data.root) + 1 :] for path, _ in data.samples]


def test_classes_and_files_come_in_the_order_of_their_names(folder):
    data = ImageFolder(folder)
    assert data.classes == ["1", "10", "2"]
    assert data.class_to_idx == {"1": 0, "10": 1, "2": 2}
    assert names(data)[:3] == ["1/10.png", "1/9.bmp", "1/deep/1.JPG"]
    assert data.targets == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.imgs is data.samples
    assert len(data) == 9


def test_numbers_can_count_as_numbers(folder):
    data = ImageFolder(folder, numeric=True)
    assert data.classes == ["1", "2", "10"]
    assert names(data)[:3] == ["1/9.bmp", "1/10.png", "1/deep/1.JPG"]


def test_samples_are_images_in_colour(folder):
    data = ImageFolder(folder, transform=T.ToTensor(), target_transform=str)
    image, label = data[4]
    assert label == "1"
    assert image.shape == (3, 4, 5)
    np.testing.assert_allclose(image.array, 100 / 255, atol=1e-6)
    assert ImageFolder(folder)[0][0].mode == "RGB"


def test_loaders_read_folders(folder):
    data = ImageFolder(folder, transform=T.Compose([T.Grayscale(), T.Resize((2, 2)), T.ToTensor()]))
    images, labels = next(iter(DataLoader(data, batch_size=9, num_workers=2)))
    assert images.shape == (9, 1, 2, 2)
    assert labels.tolist() == data.targets


def test_readers_and_rules_of_ones_own(folder):
    text = DatasetFolder(folder, loader=lambda path: Path(path).read_text(), extensions=(".TXT",), allow_empty=True)
    assert text[0] == ("no picture", 0)
    assert len(text) == 1
    big = ImageFolder(folder, is_valid_file=lambda path: path.endswith("10.png"), loader=len)
    assert len(big) == 3
    with pytest.raises(UsageError, match="give one of them"):
        DatasetFolder(folder, loader=len)


def test_printing(folder):
    assert repr(ImageFolder(folder)).splitlines() == [
        "Dataset ImageFolder",
        "    Number of datapoints: 9",
        f"    Root location: {folder}",
    ]


def test_empty_places_are_told(tmp_path, folder):
    with pytest.raises(DataError, match=r"ImageFolder: there is no folder .*/none; check the path"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(DataError, match="has no folders in it; give the folder above the classes"):
        ImageFolder(folder / "1" / "deep")
    (folder / "3").mkdir()
    with pytest.raises(DataError, match=r"no file of \.jpg or .* in class 3 of .*; add some, or allow_empty=True"):
        ImageFolder(folder)
    assert ImageFolder(folder, allow_empty=True).classes == ["1", "10", "2", "3"]


@pytest.mark.parametrize("ending", ["png", "bmp", "jpg"])
def test_damaged_images_are_named(tmp_path, ending):
    path = tmp_path / "a" / f"x.{ending}"
    path.parent.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    data = ImageFolder(tmp_path)
    for content in (b"", b"hello", whole[:20], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(
            FileFormatError, match=rf"x\.{ending}: is no image that can be read \(.+\); remove or replace it"
        ):
            data[0]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        data[0]


def test_a_damaged_image_in_a_loader_is_named(folder):
    (folder / "2" / "9.bmp").write_bytes(b"BM")
    loader = DataLoader(ImageFolder(folder, transform=T.ToTensor()), batch_size=4, num_workers=2)
    with pytest.raises(FileFormatError, match=r"2/9\.bmp: is no image") as caught:
        list(loader)
    assert caught.value.__notes__ == ["DataLoader: while reading sample 7"]


def test_the_real_characters(data_folder, tmp_path):
    with zipfile.ZipFile(data_folder / "hanzi12" / "hanzi12-bmp.zip") as archive:
        wanted = [
            n
            for n in archive.namelist()
            if "train/" in n and n.rsplit("/", 1)[-1] in ("1.bmp", "2.bmp", "10.bmp", "620.bmp")
        ]
        archive.extractall(tmp_path, wanted)
    root = next(tmp_path.rglob("train"))
    data = ImageFolder(root, transform=T.Compose([T.Grayscale(), T.ToTensor()]), numeric=True)
    assert data.classes == [str(i) for i in range(1, 13)]
    assert names(data)[:4] == ["1/1.bmp", "1/2.bmp", "1/10.bmp", "1/620.bmp"]
    stored = np.load(data_folder / "hanzi12" / "hanzi12.npz")
    image, label = data[4]
    row = int(np.flatnonzero((stored["train_labels"] == 1) & (stored["train_index"] == 1))[0])
    np.testing.assert_array_equal(image.array[0] * 255, stored["train_images"][row])
    assert label == 1
