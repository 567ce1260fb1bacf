"""MNIST's training images as the loaders get them: float32 from 0 to 1 in rows of 784, and int64 labels."""

from __future__ import annotations

import gzip
import os
import pathlib

import numpy as np

FOLDER = pathlib.Path(os.environ.get("TAPEGRAD_DATA", "data"), "mnist")


def read(name: str, header: int) -> np.ndarray:
    with gzip.open(FOLDER / f"{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8)[header:]


def training_set() -> tuple[np.ndarray, np.ndarray]:
    images = read("train-images-idx3-ubyte", 16).reshape(-1, 784)
    return np.divide(images, np.float32(255), dtype=np.float32), read("train-labels-idx1-ubyte", 8).astype(np.int64)
