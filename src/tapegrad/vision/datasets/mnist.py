"""MNIST and the sets in its form: FashionMNIST, KMNIST, EMNIST, QMNIST."""

from __future__ import annotations

import os
import pathlib
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...core import wrap
from ...errors import ArgumentError, DataError, FileFormatError, did_you_mean
from .arrays import ImageArrays
from .files import download_file, find_file, md5_of, roots
from .idx import read_idx

__all__ = ["EMNIST", "KMNIST", "MNIST", "QMNIST", "FashionMNIST"]


class MNIST(ImageArrays):
    """70,000 handwritten digits of 28 × 28 pixels: 60,000 to train on, 10,000 to test.

    ``root``: the folder that holds the idx files (gz or not), or the folder above ``MNIST/raw`` or ``mnist``; by default
    :func:`data_root`; what is not there is looked for in TAPEGRAD_DATA. ``download``: fetch what is in neither into
    ``root/MNIST/raw``, checked by MD5.
    Raises DataError when the files are not there (the message says which, and where they were looked for), FileFormatError
    when one is damaged. See :class:`ImageArrays` for samples, batches and :meth:`tensors`.
    Source: https://pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html
    """

    # The one that has answered most reliably first.
    mirrors: Sequence[str] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    resources: Sequence[tuple[str, str]] = (
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    )
    folders: Sequence[str] = ("MNIST/raw", "MNIST", "mnist")
    classes: Sequence[str] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ):
        super().__init__(root, transform, target_transform)
        self.train = train
        if download and any(self._place(stem) is None for stem in self._stems()):
            self.download()
        self.files = [self._find(stem) for stem in self._stems()]
        images, labels = map(read_idx, self.files)
        self.fill(*self._arranged(images, labels))

    @property
    def raw_folder(self) -> pathlib.Path:
        """Where downloads go."""
        return self.root / type(self).__name__ / "raw"

    def _stems(self) -> tuple[str, str]:
        """Return the names of the files of images and labels, without an ending."""
        part = "train" if self.train else "t10k"
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"

    def _arranged(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return images, labels

    def _find(self, stem: str) -> pathlib.Path:
        """Return the path of a file, in a folder of this set before one that sets may share.

        Raises DataError when there is none, or when it is another set's.
        """
        who = type(self).__name__
        path = self._place(stem)
        if path is None:
            raise DataError(
                who,
                f"there is no {stem}(.gz) in {self.root.absolute()} or its folders {', '.join(self.folders)}",
                "put the files there, name another root (or set TAPEGRAD_DATA), or pass download=True",
            )
        if "labels" in stem and path.suffix == ".gz":
            owner = _owner(md5_of(path))
            if owner is not None and owner.resources is not self.resources:
                raise DataError(
                    who, f"{path} is {owner.__name__}'s", f"use {owner.__name__}, or give the root of {who}"
                )
        return path

    def _place(self, stem: str) -> pathlib.Path | None:
        """Return the path of a file under the set's own root or TAPEGRAD_DATA, or None."""
        names = [name + ending for name in (stem, stem.replace("-idx", ".idx")) for ending in ("", ".gz")]
        inner = [f"{folder}/raw" for folder in self.folders if not folder.endswith("raw")]
        folders = [f"{type(self).__name__}/raw", *self.folders, *inner, "raw", "."]
        found = (find_file(root, folders, names) for root in roots(self.root))
        return next(filter(None, found), None)

    def download(self) -> None:
        """Fetch the files that are missing. Raises DataError when no mirror has one of them."""
        for name, md5 in self.resources:
            download_file(type(self).__name__, name, md5, self.mirrors, self.raw_folder)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """70,000 pictures of clothes in MNIST's form, ten classes. Arguments and errors as in :class:`MNIST`.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST" (2017), https://github.com/zalandoresearch/fashion-mnist
    """

    mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    )
    resources = (
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    )
    folders = ("FashionMNIST/raw", "FashionMNIST", "fashion-mnist", "fashion_mnist", "fashionmnist", "fashion")
    classes: Sequence[str] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """70,000 cursive Japanese characters in MNIST's form, ten classes. Arguments and errors as in :class:`MNIST`.

    Source: T. Clanuwat et al., "Deep Learning for Classical Japanese Literature" (2018), https://github.com/rois-codh/kmnist
    """

    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    resources = (
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    )
    folders = ("KMNIST/raw", "KMNIST", "kmnist")
    classes: Sequence[str] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def _owner(md5: str) -> type[MNIST] | None:
    """Return the set that published the file with this checksum; MNIST, FashionMNIST and KMNIST share their names."""
    return next((kind for kind in (MNIST, FashionMNIST, KMNIST) if md5 in dict(kind.resources).values()), None)


_DIGITS = list(string.digits)
_MERGED = [c for c in string.digits + string.ascii_uppercase + string.ascii_lowercase if c not in "cijklmopsuvwxyz"]


class EMNIST(MNIST):
    """Handwritten letters and digits in MNIST's form; images lie on their side, as published.

    ``split``: byclass (62 classes), bymerge (47), balanced (47), letters (37, of which number 0 is unused), digits or mnist
    (10). Other arguments and errors as in :class:`MNIST`; the download has 562 MB.
    Source: G. Cohen et al., "EMNIST: an extension of MNIST to handwritten letters" (2017)
    """

    mirrors = ("https://biometrics.nist.gov/cs_links/EMNIST/", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/")
    resources = (("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e"),)
    folders = ("EMNIST/raw", "EMNIST", "emnist", "EMNIST/raw/gzip", "emnist/gzip", "gzip")
    classes_split_dict: Mapping[str, list[str]] = {
        "byclass": sorted(string.digits + string.ascii_letters),
        "bymerge": _MERGED,
        "balanced": _MERGED,
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": _DIGITS,
        "mnist": _DIGITS,
    }

    def __init__(self, root: str | os.PathLike | None = None, split: str = "balanced", **kwargs: Any):
        if split not in self.classes_split_dict:
            raise ArgumentError(
                "EMNIST", f"there is no split '{split}'", did_you_mean(str(split), self.classes_split_dict)
            )
        self.split = split
        self.classes = self.classes_split_dict[split]
        super().__init__(root, **kwargs)

    def _stems(self) -> tuple[str, str]:
        part = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"

    def download(self) -> None:
        """Fetch the archive and unpack it, unless the files are there."""
        import shutil
        import zipfile

        from ...formats.atomic import atomic_file

        if all((self.raw_folder / f"{stem}.gz").is_file() for stem in self._stems()):
            return
        ((name, md5),) = self.resources
        path = download_file("EMNIST", name, md5, self.mirrors, self.raw_folder)
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    base = pathlib.PurePosixPath(member.filename).name
                    if base.startswith("emnist-") and base.endswith(".gz"):
                        with archive.open(member) as source, atomic_file(self.raw_folder / base) as target:
                            shutil.copyfileobj(source, target)
        except zipfile.BadZipFile as error:
            raise FileFormatError(str(path), f"is no archive ({error})", "delete it and download it again") from None
        path.unlink()


_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"


class QMNIST(MNIST):
    """MNIST made again from its source, with 60,000 test digits instead of 10,000.

    ``what``: train, test, test10k (MNIST's own) or test50k (the others); by default train or test, as ``train`` says.
    ``compat``: labels as numbers; otherwise rows of 8 integers (class, series, writer and so on).
    Other arguments and errors as in :class:`MNIST`.
    Source: C. Yadav, L. Bottou, "Cold Case: the Lost MNIST Digits" (2019), https://github.com/facebookresearch/qmnist
    """

    mirrors = (_QMNIST,)
    resources = (
        ("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
        ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
        ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
    )
    folders = ("QMNIST/raw", "QMNIST", "qmnist")
    parts = ("train", "test", "test10k", "test50k")

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        what: str | None = None,
        compat: bool = True,
        train: bool = True,
        **kwargs: Any,
    ):
        self.what = what or ("train" if train else "test")
        if self.what not in self.parts:
            raise ArgumentError("QMNIST", f"there is no part '{what}'", did_you_mean(str(what), self.parts))
        self.compat = compat
        super().__init__(root, train=self.what == "train", **kwargs)
        if not compat:
            self.targets = wrap(self._rows.astype(np.int64))

    def _stems(self) -> tuple[str, str]:
        part = "train" if self.what == "train" else "test"
        return f"qmnist-{part}-images-idx3-ubyte", f"qmnist-{part}-labels-idx2-int"

    def _arranged(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if labels.ndim != 2 or labels.shape[1] != 8:
            raise DataError(
                "QMNIST", f"the labels have shape {labels.shape}, not (samples, 8)", "give QMNIST's own files"
            )
        part = {"test10k": slice(0, 10000), "test50k": slice(10000, None)}.get(self.what, slice(None))
        self._rows = labels[part]
        return images[part], labels[part, 0]

    def extra_repr(self) -> str:
        return f"Split: {self.what}"
