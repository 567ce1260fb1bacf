"""The doctor's findings as the board tells them: in both languages, whoever wrote them down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..explain.doctor.finding import Finding

__all__ = ["told"]

_LANGUAGES = ("en", "zh")


def told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding's fields with ``title`` and ``text``, a sentence or two in each language.

    One that this version does not know is told by its own name.
    """
    kept = dict(fields)
    kept["since"] = kept.get("since") if type(kept.get("since")) is int else 0
    for name in ("where", "fault", "advice"):
        kept[name] = str(kept.get(name, ""))
    kept["evidence"] = kept["evidence"] if isinstance(kept.get("evidence"), Mapping) else {}
    kept["severity"] = kept["severity"] if type(kept.get("severity")) in (int, float) else 0.0
    try:
        finding = Finding.from_dict(kept)
        titles = {language: finding.title(language) for language in _LANGUAGES}
        texts = {language: finding.message(language) for language in _LANGUAGES}
    except Exception:  # what a file says may make anything of the fields
        titles = texts = dict.fromkeys(_LANGUAGES, " ".join(filter(None, (kept["fault"], kept["where"]))))
    return {**kept, "title": titles, "text": texts}
