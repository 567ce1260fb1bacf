"""The doctor's findings as the board tells them: in both languages, whoever wrote them down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..explain.doctor.finding import Finding
from .bounds import cut, fitting

__all__ = ["kept", "told"]

_LANGUAGES = ("en", "zh")
_LONGEST_ADVICE, _LONGEST_TEXT = 1_000, 3_000
# The doctor's own courses have some hundred points.
_MOST_EVIDENCE = 10_000


def kept(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a finding's event, each of bounded size."""
    since, severity, evidence = event.get("since"), event.get("severity"), event.get("evidence")
    return {
        "fault": cut(event.get("fault", "")),
        "where": cut(event.get("where", ""), 300),
        "since": since if type(since) is int and 0 <= since < 1 << 53 else 0,
        "evidence": fitting(evidence, _MOST_EVIDENCE, 50) if isinstance(evidence, Mapping) else {},
        "advice": cut(event.get("advice", ""), _LONGEST_ADVICE),
        "severity": severity if type(severity) in (int, float) else 0.0,
    }


def told(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a :class:`Finding` with ``title`` and ``text``, a sentence or two in each language.

    One that this version does not know is told by its own name.
    """
    try:
        known = Finding.from_dict(finding)
        titles = {language: cut(known.title(language), _LONGEST_TEXT) for language in _LANGUAGES}
        texts = {language: cut(known.message(language), _LONGEST_TEXT) for language in _LANGUAGES}
    except Exception:  # what a file says may make anything of the fields
        titles = texts = dict.fromkeys(_LANGUAGES, " ".join(filter(None, (finding["fault"], finding["where"]))))
    return {**finding, "title": titles, "text": texts}
