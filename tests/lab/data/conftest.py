"""What tests of data share: configurations with a data section, hanzi in small, pictures in folders."""

import numpy as np
import pytest

pytest.importorskip("pydantic")

from tapegrad.lab.data import load_sets
from tapegrad.lab.schema import Config

HANZI = {"train": 3, "test": 2}


def configured(seed=0, dtype="float32", **data):
    return Config.model_validate(
        {
            "seed": seed,
            "dtype": dtype,
            "data": data,
            "model": {"layers": [2, 3]},
            "optimizer": {"type": "SGD", "lr": 0.1},
            "training": {"epochs": 1},
        }
    )


@pytest.fixture
def load():
    """Load the sets of a data section."""

    def load(folder=None, seed=0, dtype="float32", **data):
        return load_sets(configured(seed, dtype, **data), folder)

    return load


@pytest.fixture
def write_pictures():
    """Write pictures into folders: {"a": [image, ...]}."""
    image = pytest.importorskip("PIL.Image")

    def write(top, classes, ending="png"):
        for name, pictures in classes.items():
            (top / name).mkdir(parents=True, exist_ok=True)
            for i, pixels in enumerate(pictures, 1):
                image.fromarray(pixels).save(top / name / f"{i}.{ending}")
        return top

    return write


@pytest.fixture
def hanzi_arrays():
    """Three training images and two test images of each of the twelve characters."""
    rng = np.random.default_rng(1)
    arrays = {}
    for part, count in HANZI.items():
        images = (rng.random((12 * count, 28, 28)) < 0.9).astype(np.uint8) * 255
        arrays[f"{part}_images"] = images
        arrays[f"{part}_labels"] = np.repeat(np.arange(12, dtype=np.uint8), count)
    return arrays


@pytest.fixture
def hanzi_folder(tmp_path, hanzi_arrays):
    """The same as folders of BMP files with one bit a pixel."""
    image = pytest.importorskip("PIL.Image")
    top = tmp_path / "bmp"
    (top / "test").mkdir(parents=True)
    count = HANZI["train"]
    for i, pixels in enumerate(hanzi_arrays["train_images"]):
        folder = top / "train" / str(i // count + 1)
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).convert("1").save(folder / f"{i % count + 1}.bmp")
    for i, pixels in enumerate(hanzi_arrays["test_images"]):
        image.fromarray(pixels).convert("1").save(top / "test" / f"{i + 1}.bmp")
    gold = "".join(f"{label + 1}\r\n" for label in hanzi_arrays["test_labels"])
    (top / "test_gold.txt").write_bytes(gold.encode())
    return top
