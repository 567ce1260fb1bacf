"""Reading a drawing of one's own as the image sets have theirs: light strokes on black, in the middle, 28 pixels wide."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FileFormatError, MissingExtraError

__all__ = ["read_drawing"]

# MNIST's digits lie in the middle 20 of 28 pixels, by their centre of mass (http://yann.lecun.com/exdb/mnist/).
_INNER = 20 / 28


def read_drawing(path: str, shape: list[int], invert: bool | None) -> np.ndarray:
    """Return an image file as one sample of ``shape`` (channels, height, width), values 0 to 1.

    Grey sets: paper that is lighter than half at the border is turned black (``invert`` decides if given), and a drawing
    at least twice as large as the set's images is cut out, scaled to the middle and centred by its mass, as MNIST's are.
    Raises FileFormatError for what is no image.
    """
    image = _open(path)
    channels, height, width = shape
    if channels == 3:
        return np.moveaxis(_resized(image.convert("RGB"), width, height), -1, 0)[None]
    grey = _grey(image)
    if _is_paper(grey) if invert is None else invert:
        grey = 1 - grey
    if min(grey.shape) >= 2 * max(height, width):
        grey = _centred(grey, height, width)
    return _scaled(grey, width, height)[None, None]


def _open(path: str) -> Any:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("predict", "pillow", "lab") from None
    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except UnidentifiedImageError:
        raise FileFormatError(path, "is no image that can be read", "give a PNG, JPEG or BMP file") from None
    except (SyntaxError, ValueError, OSError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileFormatError(path, f"is a damaged image ({error})", "save it again") from None


def _grey(image: Any) -> np.ndarray:
    """Return brightness from 0 to 1; see-through pixels count as white paper, 16-bit images keep their range."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return np.clip(np.asarray(image, dtype=np.float32) / 65535, 0, 1)
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        from PIL import Image

        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("L"), dtype=np.float32) / 255


def _is_paper(grey: np.ndarray) -> bool:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return float(np.median(border)) > 0.5


def _centred(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the strokes scaled into the middle of an image of the set's size, their centre of mass in its centre."""
    rows, columns = (np.flatnonzero((grey > 0.2).any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return grey
    strokes = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _INNER * min(height / strokes.shape[0], width / strokes.shape[1])
    small = _scaled(strokes, max(1, round(strokes.shape[1] * scale)), max(1, round(strokes.shape[0] * scale)))
    total = max(float(small.sum()), 1e-6)
    centre_row = float((small.sum(axis=1) * np.arange(small.shape[0])).sum()) / total
    centre_column = float((small.sum(axis=0) * np.arange(small.shape[1])).sum()) / total
    top = int(np.clip(round(height / 2 - 0.5 - centre_row), 0, height - small.shape[0]))
    left = int(np.clip(round(width / 2 - 0.5 - centre_column), 0, width - small.shape[1]))
    canvas = np.zeros((height, width), np.float32)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _scaled(grey: np.ndarray, width: int, height: int) -> np.ndarray:
    from PIL import Image

    if grey.shape == (height, width):
        return grey
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)


def _resized(image: Any, width: int, height: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) / 255
