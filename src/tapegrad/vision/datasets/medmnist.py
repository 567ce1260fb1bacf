"""MedMNIST: twelve sets of small medical images."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...errors import ArgumentError, DataError, FileFormatError, did_you_mean
from .arrays import ImageArrays
from .files import download_file, find_file, load_arrays

__all__ = ["MedMNIST"]


class _Set(NamedTuple):
    md5: str
    task: str
    classes: tuple[str, ...]


_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip

# Names, checksums and classes as MedMNIST publishes them.
_SETS = {
    "pathmnist": _Set(
        "a8b06965200029087d5bd730944a56c1",
        "multi-class",
        ("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa")
        + ("cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
    ),
    "chestmnist": _Set(
        "02c8a6516a18b556561a56cbdd36c4a8",
        "multi-label, binary-class",
        ("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax")
        + ("consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
    ),
    "dermamnist": _Set(
        "0744692d530f8e62ec473284d019b0c7",
        "multi-class",
        ("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions")
        + ("dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
    ),
    "octmnist": _Set(
        "c68d92d5b585d8d81f7112f81e2d0842",
        "multi-class",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    "pneumoniamnist": _Set("28209eda62fecd6e6a2d98b1501bb15f", "binary-class", ("normal", "pneumonia")),
    "retinamnist": _Set("bd4c0672f1bba3e3a89f0e4e876791e4", "ordinal-regression", ("0", "1", "2", "3", "4")),
    "breastmnist": _Set("750601b1f35ba3300ea97c75c52ff8f6", "binary-class", ("malignant", "normal, benign")),
    "bloodmnist": _Set(
        "7053d0359d879ad8a5505303e11de1dc",
        "multi-class",
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
        )
        + ("lymphocyte", "monocyte", "neutrophil", "platelet"),
    ),
    "tissuemnist": _Set(
        "ebe78ee8b05294063de985d821c1c34b",
        "multi-class",
        ("Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells")
        + (
            "Interstitial endothelial cells",
            "Leukocytes",
            "Podocytes",
            "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ),
    ),
    "organamnist": _Set("866b832ed4eeba67bfb9edee1d5544e6", "multi-class", _ORGANS),
    "organcmnist": _Set("0afa5834fb105f7705a7d93372119a21", "multi-class", _ORGANS),
    "organsmnist": _Set("e5c39f1af030238290b9557d9503af9d", "multi-class", _ORGANS),
}


class MedMNIST(ImageArrays):
    """One of the twelve sets of MedMNIST's images, 28 × 28 pixels, grey or in colour.

    ``flag``: its name, such as ``"breastmnist"``. ``split``: train, val or test. ``root``: the folder that holds
    ``breastmnist.npz``, or one above ``medmnist``; by default :func:`data_root`. ``task`` says what the labels are: numbers,
    or, for ``chestmnist``, a row of zeros and ones.
    Raises ArgumentError for other names and splits, DataError when the file is not there, FileFormatError when it is damaged.
    See :class:`ImageArrays` for samples, batches and :meth:`tensors`.
    Source: J. Yang et al., "MedMNIST v2", Scientific Data (2023), https://medmnist.com
    """

    mirrors = ("https://zenodo.org/records/10519652/files/", "https://zenodo.org/record/6496656/files/")
    splits = ("train", "val", "test")

    def __init__(
        self,
        flag: str,
        root: str | os.PathLike | None = None,
        split: str = "train",
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform, target_transform)
        if flag not in _SETS:
            raise ArgumentError("MedMNIST", f"there is no set '{flag}'", did_you_mean(str(flag), _SETS))
        if split not in self.splits:
            raise ArgumentError("MedMNIST", f"there is no split '{split}'", did_you_mean(str(split), self.splits))
        self.flag = flag
        self.split = split
        known = _SETS[flag]
        self.task = known.task
        self.classes = list(known.classes)
        name = f"{flag}.npz"
        if download:
            download_file("MedMNIST", name, known.md5, self.mirrors, self.root / "medmnist")
        path = find_file(self.root, ("medmnist", "MedMNIST", "."), (name,))
        if path is None:
            raise DataError(
                "MedMNIST",
                f"there is no {name} in {self.root.absolute()} or its folder medmnist",
                "put it there, name another root (or set TAPEGRAD_DATA), or pass download=True",
            )
        self.files = [path]
        self._read(os.fspath(path))

    def _read(self, path: str) -> None:
        arrays = load_arrays(path)
        wanted = (f"{self.split}_images", f"{self.split}_labels")
        if not set(wanted) <= set(arrays):
            raise FileFormatError(
                path, f"has no {' or '.join(wanted)}, but {', '.join(arrays) or 'nothing'}", "give MedMNIST's file"
            )
        images, labels = (arrays[name] for name in wanted)
        if labels.ndim != 2 or (labels.shape[1] != 1 and not self.task.startswith("multi-label")):
            raise FileFormatError(path, f"has labels of shape {labels.shape}", "give MedMNIST's file")
        self.fill(images, np.ascontiguousarray(labels[:, 0]) if labels.shape[1] == 1 else labels)

    def extra_repr(self) -> str:
        return f"Set: {self.flag}\nSplit: {self.split}\nTask: {self.task}"
