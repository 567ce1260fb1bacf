"""A finding: what is wrong with a training, where, since when, how one sees it, and what to try."""

from __future__ import annotations

import dataclasses
import html
import math
import textwrap
from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError, did_you_mean
from . import texts_en, texts_zh
from .chart import picture, sparkline

__all__ = ["Finding", "ranked"]

_TEXTS = {"en": texts_en.TEXTS, "zh": texts_zh.TEXTS}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a training.

    ``fault`` is a slug that the texts know, such as ``"dead-units"``; ``where`` the dotted path of a module or parameter
    ("" for the whole training); ``since`` the update it was first seen after (0: before the first). ``evidence`` has the
    numbers that the sentences name, and under ``"series"`` a course as ``[[step, value], ...]`` where there is one.
    ``severity`` orders findings: from 0.9 on nothing can be learned like this; from 0.6 on much less is learned than could
    be; from 0.3 on it costs something. A cause stands above what it leads to. What to try is told twice: ``advice`` is a
    line of YAML for the recipe ("" where no recipe can mend it), ``code`` a line of Python for a loop of one's own, with
    the names that most loops have. Detectors leave both empty; :func:`~.remedies.advise.advised` fills them in. Printed,
    a finding says what ``tapegrad doctor`` says of a script.

    >>> finding = Finding("start-loss", "", 0, {"loss": 14.2, "expected": 2.3, "classes": 10}, severity=0.6)
    >>> finding.title()
    'The loss at the start is far too high'
    >>> Finding.from_dict(finding.to_dict()) == finding
    True
    """

    fault: str
    where: str = ""
    since: int = 0
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    advice: str = ""
    severity: float = 0.5
    code: str = ""

    def __post_init__(self) -> None:
        known = _TEXTS["en"]
        if self.fault not in known:
            raise ArgumentError("Finding", f"there is no fault '{self.fault}'", did_you_mean(self.fault, known))

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other findings: the fault and the place."""
        return self.fault, self.where

    @property
    def series(self) -> list[list[float]]:
        """The course that shows it: [step, value] pairs, empty where there is none."""
        return self.evidence.get("series", [])

    def title(self, language: str = "en") -> str:
        """Return what is wrong in a few words. Raises ArgumentError for a language without texts."""
        return _texts(language)[self.fault]["title"]

    def message(self, language: str = "en") -> str:
        """Return what is wrong, with the numbers, in a sentence or two. Raises ArgumentError for an unknown language."""
        named = {name: _Number(v) if isinstance(v, (int, float)) else v for name, v in self.evidence.items()}
        texts = _texts(language)[self.fault]
        # Where the evidence tells more, so does the text.
        text = next((texts[key] for key in texts if key.removeprefix("with ") in self.evidence), texts["message"])
        return text.format_map(_Fields(named | {"where": self.where or "-", "since": self.since}))

    def to_dict(self) -> dict[str, Any]:
        """Return its fields as plain values, as they are written into a run's events."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Finding:
        """Return the finding that :meth:`to_dict` described; fields of other names are passed over."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in names})

    def __str__(self) -> str:
        place = f" · {self.where}" if self.where else ""
        since = f"since step {self.since:,}" if self.since else "from the start"
        lines = [f"{self.title()}{place} · {since}", *textwrap.wrap(self.message(), 97)]
        lines += [f"try: {self.code or self.advice}"] if self.code or self.advice else []
        return "\n   ".join(lines)

    def sparkline(self, width: int = 40) -> str:
        """Return the course as one line of text, with a mark where the finding began; "" without a course."""
        return sparkline(self.series, width, self.since)

    def picture(self, width: int = 360, height: int = 120) -> str:
        """Return the course as an SVG drawing with the step marked; "" without a course."""
        return picture(self.series, self.since, self.title(), width, height)

    def _repr_html_(self) -> str:
        place = f" <code>{html.escape(self.where)}</code>" if self.where else ""
        line = self.code or self.advice
        advice = f"<pre>{html.escape(line)}</pre>" if line else ""
        return f"<div><b>{html.escape(self.title())}</b>{place}<p>{html.escape(self.message())}</p>{self.picture()}{advice}</div>"


def ranked(findings: Any) -> list[Finding]:
    """Return findings by falling severity; of two that are as grave, the one that came first."""
    return sorted(findings, key=lambda f: (-f.severity, f.since))


class _Fields(dict):
    """Fields of a text; one that the evidence lacks shows as a question mark instead of failing a training."""

    def __missing__(self, name: str) -> _Number:
        return _Number(math.nan)


class _Number(float):
    """A number that, without a format of its own, reads as ``{:.3g}`` or, when whole, with thousands marked."""

    def __format__(self, spec: str) -> str:
        if math.isnan(self):
            return "?"
        if spec:
            return format(int(self) if spec.endswith("d") else float(self), spec)
        return f"{int(self):,}" if self.is_integer() and abs(self) < 1e9 else f"{float(self):.3g}"


def _texts(language: str) -> dict[str, dict[str, str]]:
    if language not in _TEXTS:
        raise ArgumentError("Finding", f"there are no texts in '{language}'", did_you_mean(language, _TEXTS))
    return _TEXTS[language]
