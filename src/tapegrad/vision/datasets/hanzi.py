"""Hanzi: twelve handwritten Chinese characters, from one file or from folders of BMP files."""

from __future__ import annotations

import io
import os
import pathlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...errors import ArgumentError, DataError, FileFormatError, did_you_mean
from ..transforms.base import pillow
from .arrays import ImageArrays
from .files import find_file, load_arrays

__all__ = ["Hanzi"]

_SIZE = (28, 28)
_FOLDERS = ("hanzi12", "hanzi", ".")
_ARCHIVES = ("hanzi12-bmp.zip", "hanzi12.zip", "hanzi.zip")
# A picture of 28 × 28 pixels takes 174 bytes with one bit a pixel and 3,190 with four bytes.
_LARGEST = 1 << 16
_GOLD = ("test_gold.txt", "gold.txt")


class Hanzi(ImageArrays):
    """Handwritten characters of 28 × 28 pixels, black on white: 12 × 620 to train on, 1,800 to test; in class order.

    ``source``: ``npz`` (``hanzi12.npz``), ``bmp`` (folders ``train/1`` to ``train/12`` with ``1.bmp``, ``2.bmp`` and so on,
    ``test/1.bmp`` and so on, and ``test_gold.txt`` with a class from 1 to 12 for each) or ``zip`` (those folders in an
    archive). ``path``: the file or the folder; by default it is looked for in ``hanzi12`` below ``root``, which by default is
    :func:`data_root`. All three give the same samples in the same order. See :class:`ImageArrays` for samples and batches.
    Raises ArgumentError for another source, DataError when files are missing, FileFormatError when one is damaged.
    """

    classes: Sequence[str] = list("博学笃志切问近思自由无用")
    sources = ("npz", "bmp", "zip")

    def __init__(
        self,
        root: str | os.PathLike | None = None,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        source: str = "npz",
        path: str | os.PathLike | None = None,
    ):
        super().__init__(root, transform, target_transform)
        if source not in self.sources:
            raise ArgumentError("Hanzi", f"there is no source '{source}'", did_you_mean(str(source), self.sources))
        self.train = train
        self.source = source
        self.path = self._locate() if path is None else pathlib.Path(path)
        if source == "npz":
            self.files = [self.path]
            self.fill(*self._from_npz())
        elif source == "bmp":
            members = {file.relative_to(self.path).as_posix(): file for file in sorted(self.path.rglob("*.*"))}
            used = self._used(list(members))
            self.files = [members[name] for name in used]
            self.fill(*self._from_pictures(used, {name: members[name].read_bytes for name in used}))
        else:
            self.files = [self.path]
            self.fill(*self._from_archive())

    def _locate(self) -> pathlib.Path:
        """Return the file, or the folder that holds ``train``."""
        if self.source == "bmp":
            found = next((self.root / name for name in _FOLDERS if (self.root / name / "train" / "1").is_dir()), None)
        else:
            found = find_file(self.root, _FOLDERS, ["hanzi12.npz"] if self.source == "npz" else _ARCHIVES)
        if found is None:
            wanted = {"npz": "hanzi12.npz", "bmp": "folder train/1", "zip": _ARCHIVES[0]}[self.source]
            raise DataError(
                "Hanzi",
                f"there is no {wanted} in {self.root.absolute()} or its folder hanzi12",
                "put it there, name another root (or set TAPEGRAD_DATA), or give its path",
            )
        return found

    def _from_npz(self) -> tuple[np.ndarray, np.ndarray]:
        arrays = load_arrays(self.path)
        names = [f"{'train' if self.train else 'test'}_{what}" for what in ("images", "labels")]
        if not set(names) <= set(arrays):
            raise FileFormatError(str(self.path), f"has no {' or '.join(names)}", "give hanzi12.npz")
        return arrays[names[0]], arrays[names[1]]

    def _from_archive(self) -> tuple[np.ndarray, np.ndarray]:
        import zipfile

        try:
            with zipfile.ZipFile(self.path) as archive:
                sizes = {member.filename: member.file_size for member in archive.infolist()}
                for name in (used := self._used(list(sizes))):
                    if sizes[name] > _LARGEST:
                        raise FileFormatError(
                            str(self.path), f"{name} has {sizes[name]:,} bytes, a picture has few", "give the BMP files"
                        )
                return self._from_pictures(used, {name: lambda name=name: archive.read(name) for name in used})
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise FileFormatError(
                str(self.path), f"is a damaged archive ({error})", "make or download it again"
            ) from None

    def _used(self, names: list[str]) -> list[str]:
        """Return the names of this part's files: pictures by class and number, for testing with the list of classes."""
        pattern = re.compile(r"(?:.*/)?train/(\d+)/(\d+)\.bmp$" if self.train else r"(?:.*/)?test/()(\d+)\.bmp$", re.I)
        found = [(match, name) for name in names if (match := pattern.match(name))]
        pictures = [name for match, name in sorted(found, key=lambda pair: [int(n or 0) for n in pair[0].groups()])]
        if not pictures:
            wanted = "train/1/1.bmp" if self.train else "test/1.bmp"
            raise DataError(
                "Hanzi", f"there is no {wanted} in {self.path}", "give the folder that holds train and test"
            )
        gold = [name for name in names if not self.train and pathlib.PurePosixPath(name).name in _GOLD]
        if not self.train and not gold:
            raise DataError("Hanzi", f"there is no {_GOLD[0]} in {self.path}", "put the file of the test classes there")
        return pictures + gold[:1]

    def _from_pictures(
        self, names: list[str], contents: Mapping[str, Callable[[], bytes]]
    ) -> tuple[np.ndarray, np.ndarray]:
        pictures = names if self.train else names[:-1]
        images = np.stack([self._picture(name, contents[name]()) for name in pictures])
        if self.train:
            labels = np.array([int(pathlib.PurePosixPath(name).parent.name) for name in pictures])
            return images, labels - 1
        return images, self._gold(names[-1], contents[names[-1]](), pictures)

    def _picture(self, name: str, data: bytes) -> np.ndarray:
        image = pillow("Hanzi")
        try:
            with image.open(io.BytesIO(data)) as opened:
                pixels = np.array(opened.convert("L"))
        except Exception as error:  # what decoders raise on damaged files is not documented, and is much
            reason = str(error) if not isinstance(error, image.UnidentifiedImageError) else "unknown format"
            raise FileFormatError(
                f"{self.path}/{name}", f"is no image that can be read ({reason})", "replace it"
            ) from None
        if pixels.shape != _SIZE:
            height, width = pixels.shape
            raise DataError(f"{self.path}/{name}", f"has {height} × {width} pixels, not 28 × 28", "resize it")
        return pixels

    def _gold(self, name: str, text: bytes, pictures: list[str]) -> np.ndarray:
        """Return the class of each test picture; line i belongs to ``i.bmp``."""
        lines = text.decode("ascii", "replace").split()
        numbers = [int(pathlib.PurePosixPath(picture).stem) for picture in pictures]
        if not all(line.isdecimal() and 1 <= int(line) <= 12 for line in lines) or max(numbers) > len(lines):
            raise FileFormatError(
                f"{self.path}/{name}",
                f"has {len(lines):,} entries for {len(pictures):,} pictures, or one that is not from 1 to 12",
                "give one class from 1 to 12 for each picture",
            )
        return np.array([int(lines[number - 1]) for number in numbers]) - 1

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}\nSource: {self.source}"
