"""The section on a run's final figures: beside reported ones, class by class, and the worst mistakes."""

from __future__ import annotations

import pathlib
from typing import Any

from .view import RunView
from .writing import Writing

__all__ = ["results"]

_MOST_CLASSES = 30
_ROWS = 8


def results(out: Writing, view: RunView, pictures: dict[str, pathlib.Path]) -> None:
    """Write the final figures."""
    out.heading("results")
    if view.run.result is None:
        out.note("results none")
        return
    _figures(out, view)
    _reported(out, view)
    out.picture(pictures.get("boundary"), "picture boundary")
    out.picture(pictures.get("function"), "picture function")
    out.picture(pictures.get("confusion"), "picture confusion")
    _classes(out, view)
    out.picture(pictures.get("mistakes"), "picture mistakes")
    _mistakes(out, view)
    _worst(out, view)
    out.picture(pictures.get("weights"), "picture weights")
    for name, path in pictures.items():
        if name not in _SHOWN:
            out.picture(path, "sweep picture", name=name)
    if not view.parts:
        out.note("results none")


_SHOWN = (
    *("samples", "network", "curves", "activations", "gradients"),
    *("boundary", "function", "confusion", "mistakes", "weights"),
)


def _figures(out: Writing, view: RunView) -> None:
    say = out.say
    rows: list[Any] = []
    for name in ("loss", *view.metrics):
        cells = [view.result(f"{part}_{name}") for part in view.parts]
        if any(cells):
            rows.append((say.word(name), *(say.value(fact) for fact in cells)))
    which = view.config.evaluation.checkpoint if "valid" in view.parts else "last"
    caption = say.text("results caption", checkpoint=say.text(f"setup checkpoint {which}"))
    header = [say("figure"), *(say(f"part {part}") for part in view.parts)]
    out.table(header, rows, "l" + "r" * len(view.parts), caption)


def _reported(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    rows = []
    for name in view.config.reported:
        reported = view.fact("recipe.yaml", "reported", name)
        measured = view.result(name)
        difference = ""
        if reported is not None and isinstance(reported.value, (int, float)) and measured is not None:
            difference = value(view.facts.derive("difference", measured, reported))
        rows.append((say.word(name), value(reported, "setting"), value(measured), difference))
    header = [say("figure"), say("reported value"), say("measured value"), say("difference")]
    out.table(header, rows, "lrrr", say.text("reported caption"))


def _classes(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    matrix = view.result("confusion")
    if matrix is None or len(matrix.value) > _MOST_CLASSES or len(matrix.value) != len(view.classes):
        return
    rows = []
    for i, name in enumerate(view.classes):
        cell, row, column = (
            view.result("confusion", i, i),
            view.result("confusion", i, "*"),
            view.result("confusion", "*", i),
        )
        rows.append(
            (
                name,
                value(view.facts.derive("sum", row), "count"),
                value(view.facts.derive("share", cell, row)),
                value(view.facts.derive("share", cell, column)),
            )
        )
    header = [say("data class"), *(say(f"confusion {key}") for key in ("samples", "recall", "precision"))]
    part = say.text(f"part {view.judge}")
    out.table(header, rows, "lrrr", say.text("confusion caption", part=part))


def _mistakes(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    found = view.result("mistakes")
    if found is None or not found.value:
        return

    def named(place: int, key: str) -> Any:
        fact = view.result("mistakes", place, key)
        if fact is None or not isinstance(fact.value, int) or not 0 <= fact.value < len(view.classes):
            return value(fact, "setting")
        return view.classes[fact.value]

    rows = [
        (
            value(view.result("mistakes", i, "index"), "setting"),
            named(i, "label"),
            named(i, "predicted"),
            value(view.result("mistakes", i, "confidence")),
        )
        for i in range(min(_ROWS, len(found.value)))
    ]
    header = [say(f"mistake {key}") for key in ("index", "label", "predicted", "confidence")]
    part = say.text(f"part {view.judge}")
    out.table(header, rows, "rllr", say.text("mistakes caption", part=part))


def _worst(out: Writing, view: RunView) -> None:
    say, value = out.say, out.say.value
    found = view.result("worst")
    if found is None or not found.value:
        return

    def number(place: int, key: str) -> Any:
        return value(view.result("worst", place, key, 0) or view.result("worst", place, key))

    rows = [
        (
            value(view.result("worst", i, "index"), "setting"),
            number(i, "target"),
            number(i, "output"),
            value(view.result("worst", i, "error")),
        )
        for i in range(min(_ROWS, len(found.value)))
    ]
    header = [say("mistake index"), *(say(f"worst {key}") for key in ("target", "output", "error"))]
    part = say.text(f"part {view.judge or 'train'}")
    out.table(header, rows, "rrrr", say.text("worst caption", part=part))
