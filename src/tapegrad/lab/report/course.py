"""The section on the course of a training: its reports, curves, and the state of its layers."""

from __future__ import annotations

import pathlib
from typing import Any

from .document import Mono
from .view import RunView
from .writing import Writing

__all__ = ["course"]

_ROWS = 10


def course(out: Writing, view: RunView, pictures: dict[str, pathlib.Path]) -> None:
    """Write how the training went: length, some of its reports, curves, and the layers' state at the end."""
    say, value = out.say, out.say.value
    out.heading("course")
    if not view.epochs:
        out.note("course none")
        return
    reports = view.facts.derive("count", view.course("epoch") or view.course("step"))
    mean = view.facts.derive("mean", view.course("seconds")) if view.course("seconds") else None
    stopped = view.result("stopped")
    out.sentences(
        say(
            "course length",
            reports=value(reports, "count"),
            epochs=value(view.record(-1, "epoch"), "count"),
            steps=value(view.record(-1, "step"), "count"),
        ),
        say("course seconds", seconds=value(mean, "seconds")) if mean is not None else None,
        say("course stopped", reason=str(stopped.value)) if stopped is not None and stopped.value else None,
    )
    out.picture(pictures.get("curves"), "picture curves")
    _records(out, view)
    _statistics(out, view)
    out.picture(pictures.get("activations"), "picture activations")
    out.picture(pictures.get("gradients"), "picture gradients")


def _records(out: Writing, view: RunView) -> None:
    say = out.say
    count = len(view.epochs)
    chosen = sorted(
        {round(i * (count - 1) / max(_ROWS - 1, 1)) for i in range(_ROWS)} if count > _ROWS else range(count)
    )
    last = view.epochs[-1]
    names = ["loss", "penalty", *view.metrics, "valid_loss", *(f"valid_{m}" for m in view.metrics)]
    rates = {record.get("rate") for record in view.epochs}
    keys = ["epoch", "step", *(name for name in names if name in last), *(["rate"] if len(rates) > 1 else [])]
    keys = [k for k in keys if k != "step" or last.get("step") != last.get("epoch")]
    rows = []
    for i in chosen:
        forms = {"epoch": "count", "step": "count", "rate": "small"}
        rows.append([say.value(view.record(i, key), forms.get(key, "figure")) for key in keys])
    out.table([say.word(key) for key in keys], rows, "r" * len(keys), say.text("course caption"))


def _statistics(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    if not view.statistics:
        out.note("statistics none")
        return
    number = len(view.statistics) - 1
    layers = view.statistics[-1].get("layers", {})

    def cell(path: str, *keys: str, form: str = "small") -> Any:
        fact = view.fact("events.jsonl", "statistics", number, "layers", path, *keys)
        return "" if fact is None else value(fact, form)

    rows = []
    for path, entry in layers.items():
        mean, deviation = cell(path, "activation", "mean"), cell(path, "activation", "std")
        dead = str(entry.get("kind", "")).startswith("ReLU")
        rows.append(
            (
                Mono(path),
                (mean, " ± ", deviation) if mean else "",
                cell(path, "activation", "dead_share", form="percent") if dead else "",
                cell(path, "activation", "saturated_share", form="percent"),
                cell(path, "gradient", "norm"),
                cell(path, "weight", "norm"),
                cell(path, "update_ratio"),
            )
        )
    keys = ["layer", *(f"statistics {k}" for k in ("activation", "dead", "saturated", "gradient", "weight", "update"))]
    used = [i for i in range(len(keys)) if i == 0 or any(row[i] for row in rows)]
    header = [say(keys[i]) for i in used]
    out.table(
        header, [[row[i] for i in used] for row in rows], "l" + "r" * (len(used) - 1), say.text("statistics caption")
    )
