"""Fonts for the labels of pictures: one that has Chinese glyphs is found, and no glyph that is missing is asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import warn

__all__ = ["chinese_family", "drawable", "drawable_names", "families", "usable_language"]

# A font that has these has the simplified characters that labels and class names need.
_PROBE = "笃学训练验证准确率损失轮次"

_LATIN = "DejaVu Sans"  # comes with matplotlib

# Sans serif before serif, simplified forms before others; in the order of what reads best in a picture.
_KNOWN = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "Hiragino Sans GB",
    "Heiti SC",
    "STHeiti",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Sans SC",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "Source Han Serif CN",
    "Songti SC",
    "SimSun",
    "FandolHei",
    "FandolSong",
)

# No font with some thousand Chinese characters is smaller; only such files are opened in the search.
_LEAST_BYTES = 500_000

# These have a glyph for everything: a box.
_NOTHING_TO_READ = ("lastresort", "adobeblank")

_MISSING = "□"


def chinese_family() -> str | None:
    """Return the name of an installed font with simplified Chinese glyphs, known to matplotlib; None without one.

    The file named by the environment variable TAPEGRAD_FONT comes first, then well-known fonts by name, then any font
    with the characters.
    """
    return _find(os.environ.get("TAPEGRAD_FONT") or None)


@functools.cache
def _find(given: str | None) -> str | None:
    from matplotlib import font_manager

    if given is not None:
        family = _register(font_manager, given)
        if family is not None and _has_probe(given):
            return family
        warn("fonts", f"TAPEGRAD_FONT is {given}, which is no font with Chinese characters", "looking for another one")
    manager = font_manager.fontManager
    found = _best(manager.ttflist)
    if found is not None:
        return found
    # matplotlib remembers the list of fonts from its first use; fonts installed since then are only seen by looking.
    listed = {entry.fname for entry in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in listed and _is_large(path):
            _register(font_manager, path)
    return _best(manager.ttflist)


def _best(entries: Iterable[Any]) -> str | None:
    """Return the first known family, else any other, whose file has the characters."""
    by_family: dict[str, str] = {}
    for entry in entries:
        blank = entry.name.lower().replace(" ", "").lstrip(".").startswith(_NOTHING_TO_READ)
        if entry.name not in by_family and not blank and _is_large(entry.fname):
            by_family[entry.name] = entry.fname
    order = [name for name in _KNOWN if name in by_family] + sorted(by_family.keys() - set(_KNOWN))
    return next((name for name in order if _has_probe(by_family[name])), None)


def _register(font_manager: Any, path: str) -> str | None:
    """Tell matplotlib of a font file and return its family's name (a collection's best known); None if it is no font."""
    manager = font_manager.fontManager
    before = len(manager.ttflist)
    try:
        manager.addfont(path)
    except (OSError, RuntimeError, ValueError):
        return None
    names = [entry.name for entry in manager.ttflist[before:]]
    return next((name for name in _KNOWN if name in names), names[0] if names else None)


def _is_large(path: str) -> bool:
    try:
        return os.path.getsize(path) >= _LEAST_BYTES
    except OSError:
        return False


def _has_probe(path: str) -> bool:
    return {ord(character) for character in _PROBE} <= _glyphs(path)


@functools.cache
def _glyphs(path: str) -> frozenset[int]:
    """The code points that a font file has glyphs for; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def families() -> list[str]:
    """Return matplotlib's ``font.family`` for pictures: Latin letters first, Chinese as the fallback where there is one."""
    family = chinese_family()
    return [_LATIN] if family is None else [_LATIN, family]


@functools.cache
def _drawable_points(families: tuple[str, ...]) -> frozenset[int]:
    from matplotlib import font_manager

    points: frozenset[int] = frozenset()
    for family in families:
        properties = font_manager.FontProperties(family=[family])
        points |= _glyphs(str(font_manager.findfont(properties)))
    return points


def _lacks(text: str) -> bool:
    points = _drawable_points(tuple(families()))
    return any(ord(character) not in points and not character.isspace() for character in text)


def drawable(text: object) -> str:
    """Return text for a label: a box in place of each character without a glyph, and dollar signs that are no formula.

    >>> drawable("cost in $")
    'cost in \\\\$'
    """
    words = "".join(c if c.isprintable() or c == "\n" else " " for c in str(text))
    if _lacks(words):
        _warn_once(words)
        points = _drawable_points(tuple(families()))
        words = "".join(c if ord(c) in points or c.isspace() else _MISSING for c in words)
    return words.replace("$", r"\$")


def drawable_names(classes: Sequence[object]) -> list[str]:
    """Return the names of classes for labels; a class whose name has no glyphs gets its number as its name.

    >>> drawable_names(["cat", 7])
    ['cat', '7']
    """
    names = []
    for number, name in enumerate(map(str, classes)):
        if _lacks(name):
            _warn_once(name)
            names.append(str(number))
        else:
            names.append(drawable(name))
    return names


def usable_language(lang: str) -> str:
    """Return the language that labels can be drawn in: ``"en"`` in place of ``"zh"`` where no font has its characters."""
    if lang == "zh" and chinese_family() is None:
        _warn_once(_PROBE)
        return "en"
    return lang


def _warn_once(text: str) -> None:
    """Say which font to install when Chinese characters cannot be drawn; the first time only."""
    if chinese_family() is None and any("\u2e80" <= character <= "\uffef" for character in text):
        _warn_missing()


@functools.cache
def _warn_missing() -> None:
    warn(
        "fonts",
        "no installed font has Chinese characters, so pictures get English labels and numbers for class names",
        "install Noto Sans CJK (Debian, Ubuntu: apt install fonts-noto-cjk), or name a font file in TAPEGRAD_FONT",
    )
