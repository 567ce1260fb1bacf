"""The section on what the doctor found while the run was trained."""

from __future__ import annotations

from ...explain.doctor.causes import causes_of
from ...explain.doctor.finding import Finding
from ..diagnosis import told_in
from .document import Mono
from .view import RunView
from .writing import Writing

__all__ = ["doctor"]


def doctor(out: Writing, view: RunView) -> None:
    """Write what was found: what, where, since when, how one sees it, what to try. Of a run without the doctor, nothing."""
    found, places = _found(view)
    if not found and not (view.config.callbacks.doctor and view.epochs):
        return
    say = out.say
    out.heading("doctor")
    if not found:
        out.sentences(say("doctor nothing"))
        return
    rows = []
    for finding in found:
        since = view.fact("events.jsonl", "finding", places[finding.key], "since")
        rows.append(
            (
                finding.title(say.lang),
                Mono(finding.where) if finding.where else "—",
                say.value(since, "count") if finding.since else say("doctor start"),
                finding.message(say.lang),
                Mono(finding.advice) if finding.advice else "—",
            )
        )
    header = [say(f"doctor {key}") for key in ("what", "where", "since", "evidence", "try")]
    out.table(header, rows, "lllll", say.text("doctor caption"))


def _found(view: RunView) -> tuple[list[Finding], dict[tuple[str, str], int]]:
    """Return the findings by falling severity, and the place of each among the events."""
    events = (view.files.tree("events.jsonl") or {}).get("finding", [])
    told, places = {}, {}
    for place, event in enumerate(events):
        finding = told_in(event)
        if finding is not None and finding.key not in told:
            told[finding.key], places[finding.key] = finding, place
    return causes_of(told.values()), places
