"""What all pictures share: one style, figures without a window, axes, words, and the saving."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ...errors import MissingExtraError
from .. import fonts
from ..words import word

__all__ = [
    "COLORS",
    "MARKERS",
    "SPREAD",
    "WIDTH",
    "color",
    "color_bar",
    "figure",
    "finite",
    "integer_ticks",
    "logarithmic",
    "note",
    "picture",
    "save",
    "spans_decades",
    "speaker",
    "styled_lines",
]

# Paul Tol's "bright" palette, told apart with every kind of colour blindness: https://sronpersonalpages.nl/~pault/
COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# Inches: the width of a text column, so that letters are as large in the report as they are here.
WIDTH = 6.5

# The map for values that lie on both sides of zero: blue and red differ for every eye, and white is zero.
SPREAD = "RdBu_r"

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "image.interpolation": "nearest",
    "savefig.dpi": 160,
    "svg.hashsalt": "tapegrad",
}

# Without the date the same data give the same bytes.
_METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

P = ParamSpec("P")
R = TypeVar("R")


def picture(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the house style, whatever the user's own settings of matplotlib are.

    Raises MissingExtraError without matplotlib.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **keywords: P.kwargs) -> R:
        try:
            from matplotlib import style
        except ImportError:
            raise MissingExtraError("pictures", "matplotlib", "lab") from None
        with style.context(["default", {**_STYLE, "font.family": fonts.families()}]):
            return draw(*args, **keywords)

    return drawn


def figure(width: float, height: float, **keywords: Any) -> Any:
    """Return a figure of this size in inches that belongs to no window and no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", **keywords)


def save(figure: Any, path: str | os.PathLike) -> str:
    """Write a figure in the form that the path's ending names (png, svg, pdf), and return the path."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    ending = os.path.splitext(os.fspath(path))[1].lower()
    # Tight, because a label turned or longer than foreseen would else be cut off.
    figure.savefig(path, metadata=_METADATA.get(ending), bbox_inches="tight", pad_inches=0.05)
    return os.fspath(path)


def speaker(lang: str) -> Callable[[str], str]:
    """Return the function that gives a label's words in a language that can be drawn.

    Raises ArgumentError for a language other than ``"en"`` and ``"zh"``.
    """
    word("epoch", lang)
    usable = fonts.usable_language(lang)
    return lambda key: fonts.drawable(word(key, usable))


def color(i: int) -> str:
    """The color of the i-th class or curve; they repeat after seven."""
    return COLORS[i % len(COLORS)]


def styled_lines(count: int) -> list[dict[str, Any]]:
    """Return a color and a dash for each of ``count`` curves, no two the same up to 28, then along a scale of colors."""
    dashes = ("-", "--", ":", "-.")
    if count <= len(COLORS) * len(dashes):
        return [{"color": c, "linestyle": d} for d, c in itertools.islice(itertools.product(dashes, COLORS), count)]
    from matplotlib import colormaps

    return [{"color": colormaps["viridis"](i / (count - 1)), "linestyle": "-"} for i in range(count)]


def integer_ticks(axis: Any) -> None:
    """Give an x or y axis (``axes.xaxis``) whole numbers alone as ticks."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def spans_decades(values: Iterable[float], decades: float = 2.0) -> bool:
    """Whether the finite values are all positive and reach over more than so many powers of ten."""
    array = np.asarray(list(values), dtype=np.float64)
    array = array[np.isfinite(array)]
    return bool(array.size and array.min() > 0 and np.log10(array.max()) - np.log10(array.min()) > decades)


def logarithmic(axes: Any, values: Iterable[float], decades: float = 2.0) -> bool:
    """Make the y axis logarithmic if the values span more than so many decades; return whether they do."""
    if not spans_decades(values, decades):
        return False
    axes.set_yscale("log")
    return True


def color_bar(axes: Any, image: Any, label: str, **keywords: Any) -> Any:
    """Put the scale of an image's colors beside its axes, exactly as high as the image is drawn."""
    bar = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.0, 0.035, 1.0)), label=label, **keywords)
    bar.outline.set_visible(False)
    return bar


def note(axes: Any, text: str) -> None:
    """Write a sentence in the middle of axes that have nothing to show."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color="0.35", transform=axes.transAxes)


def finite(values: Sequence[Any]) -> np.ndarray:
    """Return numbers as an array, NaN for what is missing, not finite, or no number."""
    numbers = [float(v) if isinstance(v, int | float | np.number) else np.nan for v in values]
    array = np.array(numbers, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)
