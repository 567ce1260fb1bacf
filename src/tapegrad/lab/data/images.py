"""Sets of images: those that come with a name, MedMNIST, hanzi, and pictures in folders."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable

import numpy as np

from ...errors import ArgumentError, DataError, did_you_mean
from ...vision import datasets
from ...vision.datasets import ImageArrays, ImageFolder
from .source import Place, Samples, Source
from .split import divide

__all__ = ["MEDMNIST", "digits", "fashion_mnist", "folder", "hanzi", "medmnist", "mnist"]

MEDMNIST = (
    "pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist", "bloodmnist", "tissuemnist",
    "organamnist", "organcmnist", "organsmnist",
)  # fmt: skip


def digits(place: Place) -> Source:
    """The digits of 8 × 8 pixels that come with the package."""
    return _named(place, datasets.Digits(train=True), datasets.Digits(train=False), folder="")


def mnist(place: Place) -> Source:
    """MNIST: 60,000 digits to train on, 10,000 to test."""
    make = functools.partial(datasets.MNIST, place.root)
    train, test = (_found(place, "mnist", functools.partial(make, train=t)) for t in (True, False))
    source = _named(place, train, test)
    source.classes = [str(i) for i in range(10)]
    return source


def fashion_mnist(place: Place) -> Source:
    """Fashion-MNIST: clothes, in MNIST's form."""
    make = functools.partial(datasets.FashionMNIST, place.root)
    train, test = (_found(place, "fashion-mnist", functools.partial(make, train=t)) for t in (True, False))
    return _named(place, train, test)


def hanzi(place: Place, *, source: str = "npz", path: str | None = None, invert: bool = False) -> Source:
    """Twelve Chinese characters. ``source``: npz, bmp or zip; ``path``: the file or folder, by default below the root.

    ``invert``: white on black, so that what a transform uncovers (black) looks like the background.
    """
    if source not in datasets.Hanzi.sources:
        raise ArgumentError(
            "data.arguments.source", f"there is no '{source}'", did_you_mean(source, datasets.Hanzi.sources)
        )
    where = None if path is None else place.find("data.arguments.path", path)
    kind = functools.partial(datasets.Hanzi, place.root, source=source, path=where)
    train, test = (_found(place, "hanzi12", functools.partial(kind, train=t)) for t in (True, False))
    if source != "bmp":
        return _named(place, train, test, invert=invert)
    assert isinstance(train, datasets.Hanzi)
    return _named(place, train, test, invert=invert, folder=str(train.path))


def medmnist(flag: str) -> Callable[..., Source]:
    """Return the loader of one of MedMNIST's sets."""

    def load(place: Place, *, official: bool = True, path: str | None = None) -> Source:
        """Medical images of 28 × 28 pixels; ``path``: the npz file's folder.

        ``official``: validate with the published validation set (``split.valid: 0`` leaves it unused). Otherwise it
        joins the training set, behind it, and ``split`` divides the two anew.
        """
        root = place.root if path is None else place.find("data.arguments.path", path)
        root = root.parent if root.is_file() else root
        kind = functools.partial(datasets.MedMNIST, flag, root)
        train, valid, test = (
            _found(place, "medmnist", functools.partial(kind, split=s)) for s in ("train", "val", "test")
        )
        source = _named(place, train, test)
        held = Samples.whole(valid.data.array, valid.targets.array)
        if official:
            source.valid = held
        else:
            both = [np.concatenate(pair) for pair in zip(*map(_arrays, (source.train, held)), strict=True)]
            source.train = Samples.whole(*both)
        return source

    load.__name__ = flag
    return load


def folder(
    place: Place,
    *,
    path: str,
    size: int | list[int] | None = None,
    grayscale: bool = False,
    invert: bool = False,
    test: float = 0.2,
    test_seed: int = 0,
) -> Source:
    """Images in folders, one for each class, or such folders inside ``train``, ``test`` and ``valid``.

    ``size``: pixels of a side, or [height, width], that images are brought to; without it all must be of one size.
    ``test``: where there is no folder ``test``, the share (or number) of images that are kept for testing, drawn by
    ``test_seed`` from every class alike; 0 for none. Positions count through the files in the order of their names.
    """
    top = place.find("data.arguments.path", path)
    inner = top / "train"
    read = functools.partial(_read_folder, size=_size(size), grayscale=grayscale)
    train, files = read(inner if inner.is_dir() else top)
    source = Source("classification", _samples(train), None, list(train.classes), invert=invert)
    for name in ("valid", "test"):
        if inner.is_dir() and (top / name).is_dir():
            other, more = read(top / name)
            if list(other.classes) != list(train.classes):
                raise DataError(
                    str(top / name),
                    f"has the classes {', '.join(other.classes)}; {inner} has {', '.join(train.classes)}",
                    "use the same folders in both",
                )
            setattr(source, name, _samples(other))
            files += more
    if source.test is None and test:
        held, kept = divide(source.train.labels, test, test_seed, "data.arguments.test")
        source.train, source.test, source.joined = source.train.take(kept), source.train.take(held), True
    source.files = place.digest_of_folder(top, files)
    return source


# -- helpers --------------------------------------------------------------------------------------------------------


def _found(place: Place, folder: str, make: Callable[[], ImageArrays]) -> ImageArrays:
    """Return the data set; where its files are missing, say how a recipe names their place."""
    try:
        return make()
    except DataError as error:
        if "TAPEGRAD_DATA" not in error.fix:
            raise
        raise DataError(
            "data",
            f"no folder {folder} with its files under {place.root.absolute()} ({error.what})",
            "set TAPEGRAD_DATA or data.root to the folder that holds it",
        ) from None


def _named(
    place: Place, train: ImageArrays, test: ImageArrays, invert: bool = False, folder: str | None = None
) -> Source:
    files = list(dict.fromkeys([*train.files, *test.files]))
    digests = place.digest_of_folder(pathlib.Path(folder), files) if folder else place.digests(files)
    if folder == "":
        digests = {f"tapegrad/{pathlib.Path(name).name}": digest for name, digest in digests.items()}
    return Source(
        "classification",
        _samples(train),
        _samples(test),
        list(train.classes),
        peak=train.peak,
        invert=invert,
        files=digests,
    )


def _samples(dataset: ImageArrays) -> Samples:
    return Samples.whole(dataset.data.array, dataset.targets.array)


def _arrays(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    return samples.inputs, samples.labels


class _Read(ImageArrays):
    """The images of a folder, in memory."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: list[str]):
        super().__init__(None)
        self.classes = classes
        self.fill(images, labels)


def _size(size: int | list[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int) else size
    if len(sides) != 2 or not all(isinstance(n, int) and 1 <= n <= 4096 for n in sides):
        raise ArgumentError("data.arguments.size", f"is {size}", "use a number of pixels, or [height, width]")
    return sides[0], sides[1]


def _read_folder(path: pathlib.Path, size: tuple[int, int] | None, grayscale: bool) -> tuple[_Read, list[pathlib.Path]]:
    dataset = ImageFolder(path, numeric=True)
    images: list[np.ndarray] = []
    for name, _ in dataset.samples:
        image = dataset.loader(name).convert("L" if grayscale else "RGB")
        if size is not None and image.size != size[::-1]:
            image = image.resize(size[::-1])
        pixels = np.asarray(image)
        if images and pixels.shape != images[0].shape:
            (h, w), (first_h, first_w) = pixels.shape[:2], images[0].shape[:2]
            raise DataError(
                name,
                f"has {h} × {w} pixels, {dataset.samples[0][0]} has {first_h} × {first_w}",
                "set data.arguments.size, which all images are brought to",
            )
        images.append(pixels)
    labels = np.array(dataset.targets, dtype=np.int64)
    return _Read(np.stack(images), labels, dataset.classes), [pathlib.Path(name) for name, _ in dataset.samples]
