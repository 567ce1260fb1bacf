"""Sentences and numbers in a language: templates with places for spans, and numbers that keep their source."""

from __future__ import annotations

import math
import re
from typing import Any

from ...errors import ArgumentError, did_you_mean
from ..words import word
from . import text_en, text_zh
from .document import Span, Spans, Value
from .facts import Fact

__all__ = ["LANGUAGES", "Speaker", "written"]

LANGUAGES = ("en", "zh")
_GAP = "\u202f"  # between a number and its unit; no line ends here
_TEXTS = {"en": text_en.TEXT, "zh": text_zh.TEXT}


class Speaker:
    """Says things in one language. Raises ArgumentError for a language that is not known."""

    def __init__(self, lang: str):
        if lang not in LANGUAGES:
            raise ArgumentError("report", f"there is no language '{lang}'", did_you_mean(lang, LANGUAGES))
        self.lang = lang
        self.tag = {"en": "en", "zh": "zh-CN"}[lang]
        self._texts = _TEXTS[lang]

    def __call__(self, key: str, **places: Any) -> Spans:
        """Return a sentence with its ``{places}`` filled: text, one span, or several."""
        spans: list[Span] = []
        for i, piece in enumerate(re.split(r"\{(\w+)\}", self._texts[key])):
            if i % 2 == 0:
                spans += [piece] if piece else []
                continue
            filling = places[piece]
            spans += filling if isinstance(filling, (tuple, list)) else [filling]
        return tuple(spans)

    def text(self, key: str, **places: Any) -> str:
        """Return a sentence as plain text."""
        return "".join(getattr(span, "text", str(span)) for span in self(key, **places))

    def word(self, key: str) -> str:
        """Return a label that reports share with pictures and tables: of a metric, say."""
        return word(key, self.lang)

    def listed(self, items: list[Spans | Span]) -> Spans:
        """Return several things in a row with the language's commas."""
        spans: list[Span] = []
        for i, item in enumerate(items):
            spans += [self._texts["comma"]] if i else []
            spans += item if isinstance(item, tuple) else [item]
        return tuple(spans)

    def chosen(self, texts: str | dict[str, str]) -> str:
        """Return the text of this language, or of another where there is none."""
        if isinstance(texts, str):
            return texts
        return texts.get(self.lang) or texts.get("en") or next(iter(texts.values()), "")

    def value(self, fact: Fact | None, form: str = "figure", best: bool = False) -> Value | str:
        """Return a fact as a number with its source; a dash for None."""
        return "—" if fact is None else Value(written(fact.value, form), fact.source, best)


def written(value: Any, form: str = "figure") -> str:
    r"""Return a value as text.

    ``figure``: four digits; ``share``: four decimals; ``percent``; ``count``: with separators of thousands; ``seconds``:
    as seconds, minutes or hours; ``setting``: as a person would type it.

    >>> written(0.98417), written(60000, "count"), written(0.0316, "percent"), written(5e-7, "setting")
    ('0.9842', '60,000', '3.2\u202f%', '5e-7')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(written(entry, form) for entry in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {written(entry, form)}" for key, entry in value.items())
    if not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    return _FORMS[form](value).replace("-", "−" if form not in ("setting",) else "-")


def _figure(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if value and not 1e-4 <= abs(value) < 1e6:
        return _short_exponent(f"{value:.3e}")
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.6g}"


def _short_exponent(text: str) -> str:
    """Return 5e-7 for 5e-07."""
    return re.sub(r"\.?0*e([+-])0*(\d+)", lambda m: f"e{m[1].strip('+')}{m[2]}", text)


def _setting(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return _short_exponent(f"{value:.6e}") if value and not 1e-4 <= abs(value) < 1e6 else f"{value:g}"


def _seconds(value: float) -> str:
    if value < 100:
        return f"{value:.3g}{_GAP}s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{_GAP}h {minutes}{_GAP}min" if hours else f"{minutes}{_GAP}min {seconds}{_GAP}s"


_FORMS: dict[str, Any] = {
    "figure": _figure,
    "share": lambda value: f"{value:.4f}",
    "percent": lambda value: f"{100 * value:.1f}{_GAP}%",
    "count": lambda value: f"{value:,.0f}",
    "seconds": _seconds,
    "setting": _setting,
    "ratio": lambda value: f"{value:.2f}" if 0.1 <= abs(value) < 100 else _FORMS["small"](value),
    "small": lambda value: (
        _short_exponent(f"{value:.2e}") if value and not 1e-3 <= abs(value) < 1e3 else f"{value:.3g}"
    ),
}
