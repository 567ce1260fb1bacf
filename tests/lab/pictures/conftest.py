"""What the tests of pictures share: the figure before it is saved, and machines with and without a Chinese font."""

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

import numpy as np
from PIL import Image

from tapegrad.lab import fonts
from tapegrad.lab.pictures import canvas


class Seen:
    """The figures that were saved, in order; each was checked to be a picture with something on it."""

    def __init__(self):
        self.figures = []

    @property
    def figure(self):
        return self.figures[-1]

    @property
    def axes(self):
        return self.figure.axes

    @property
    def texts(self):
        from matplotlib.text import Text

        return [text.get_text() for text in self.figure.findobj(Text) if text.get_text()]

    def labels(self):
        return [(axes.get_xlabel(), axes.get_ylabel()) for axes in self.axes]


@pytest.fixture
def seen(monkeypatch):
    """Remember every figure that is saved, look at the file that comes out, and expect at least one."""
    seen, save = Seen(), canvas.save

    def look(figure, path):
        seen.figures.append(figure)
        written = save(figure, path)
        check_picture(written)
        return written

    monkeypatch.setattr(canvas, "save", look)
    yield seen
    assert seen.figures, "nothing was saved"


def check_picture(path, format="PNG"):
    with Image.open(path) as image:
        assert image.format == format
        width, height = image.size
        assert 60 <= width <= 2000
        assert 60 <= height <= 2500
        pixels = np.asarray(image.convert("L"))
    assert (pixels < 200).mean() > 0.0005, "the picture is blank"


@pytest.fixture
def chinese():
    """A machine that has a font with Chinese glyphs."""
    if fonts.chinese_family() is None:
        pytest.skip("no font with Chinese glyphs is installed")


@pytest.fixture
def no_chinese(monkeypatch):
    """A machine whose only font is the one that comes with matplotlib."""
    from matplotlib import font_manager

    entries = [entry for entry in font_manager.fontManager.ttflist if entry.name.startswith(("DejaVu", "Last Resort"))]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *args, **keywords: [])
    monkeypatch.delenv("TAPEGRAD_FONT", raising=False)
    forget()
    yield
    forget()


def forget():
    fonts._find.cache_clear()
    fonts._drawable_points.cache_clear()
    fonts._warn_missing.cache_clear()
