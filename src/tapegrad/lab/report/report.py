"""A report of runs and sweeps: read their folders, write a document for each language, and the list of facts beside."""

from __future__ import annotations

import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError
from ...formats.atomic import write_atomically
from ...train import Run
from ...version import __version__
from .document import Document, Folded, Mono, Note, Paragraph, Table
from .facts import Facts
from .html import to_html
from .illustrations import illustrate
from .latex import to_latex
from .markdown import to_markdown
from .measure import measure_more
from .overview import overview
from .sections import run_sections
from .speaker import LANGUAGES, Speaker, written
from .sweep_sections import illustrate_sweep, sweep_sections
from .sweep_view import SweepView
from .view import RunView
from .writing import Writing

__all__ = ["LANGUAGES", "find", "write_report"]

View = RunView | SweepView


def find(
    name: str | os.PathLike, runs: str | os.PathLike = "runs", sweeps: str | os.PathLike = "sweeps"
) -> pathlib.Path:
    """Return the folder of a run or a sweep, by its path or by its name under ``runs`` or ``sweeps``.

    Raises ArgumentError, naming the nearest one, when there is none.
    """
    for folder in (pathlib.Path(name), pathlib.Path(runs) / name, pathlib.Path(sweeps) / name):
        if (folder / "sweep.json").is_file():
            return folder
        if (folder / "recipe.yaml").is_file():
            return folder
    return Run.find(name, runs).folder


def write_report(
    folders: Sequence[str | os.PathLike],
    target: str | os.PathLike | None = None,
    languages: Sequence[str] = ("en",),
) -> list[str]:
    """Write ``report-LANG.html``, ``.md`` and ``.tex``, ``facts.json`` and ``pictures/``; return the paths of the texts.

    ``folders`` are those of runs and of sweeps. ``target``: where to; by default ``report/`` in the first folder.
    Raises ArgumentError for a folder that is neither and for an unknown language, FileFormatError for damaged files.
    """
    places = list(dict.fromkeys(find(folder) for folder in folders))
    if not places:
        raise ArgumentError("report", "no run or sweep is given", "name at least one folder")
    out = pathlib.Path(target) if target is not None else places[0] / "report"
    speakers = [Speaker(lang) for lang in dict.fromkeys(languages)]
    out.mkdir(parents=True, exist_ok=True)
    facts = Facts()
    labels = _labels(places)
    views = [_view(place, facts, label) for place, label in zip(places, labels, strict=True)]
    for view in views:
        if isinstance(view, RunView):
            measure_more(view)
    written_files = []
    for say in speakers:
        document = _document(views, facts, say, out, _command(places, say.lang, target))
        for suffix, text in (
            ("html", to_html(document)),
            ("md", to_markdown(document)),
            ("tex", to_latex(document)),
        ):
            path = out / f"report-{say.lang}.{suffix}"
            write_atomically(path, text.encode())
            written_files.append(os.fspath(path))
    found = {label: pathlib.Path(os.path.relpath(p, out)).as_posix() for p, label in zip(places, labels, strict=True)}
    write_atomically(out / "facts.json", facts.to_json(found).encode())
    return [*written_files, os.fspath(out / "facts.json")]


def _labels(places: Sequence[pathlib.Path]) -> list[str]:
    """Return what the names of each folder's facts begin with: nothing for one folder, else its name."""
    if len(places) == 1:
        return [""]
    names = [place.resolve().name for place in places]
    return [f"{name}/" if names.count(name) == 1 else f"{i} {name}/" for i, name in enumerate(names, 1)]


def _view(place: pathlib.Path, facts: Facts, label: str) -> View:
    return SweepView(place, facts, label) if (place / "sweep.json").is_file() else RunView(place, facts, label)


def _command(places: Sequence[pathlib.Path], lang: str, target: str | os.PathLike | None) -> str:
    words = ["tapegrad", "report", *(place.as_posix() for place in places), "--lang", lang]
    return shlex.join([*words, *(["-o", os.fspath(target)] if target is not None else [])])


def _document(views: Sequence[View], facts: Facts, say: Speaker, out: pathlib.Path, command: str) -> Document:
    several = len(views) > 1
    blocks: list[Any] = []
    if several:
        writing = Writing(say, 1, "overview-")
        overview(writing, views, out / "pictures")
        blocks += writing.blocks
    for number, view in enumerate(views, 1):
        prefix = f"{number}-" if several else ""
        writing = Writing(say, 2 if several else 1, f"part{number}-")
        if several:
            writing.depth = 1
            kind = "run title" if isinstance(view, RunView) else "sweep title"
            writing.heading(kind, name=title_of(view, say))
            writing.depth = 2
        if isinstance(view, RunView):
            pictures, missing = illustrate(view, say.lang, out / "pictures", prefix)
            run_sections(writing, view, pictures, missing, command)
        else:
            pictures, missing = illustrate_sweep(view, say.lang, out / "pictures", prefix)
            sweep_sections(writing, view, pictures, missing, command)
        blocks += writing.blocks
    blocks += _sources(say, facts)
    return Document(_title(views, say), _subtitle(views, say), say.tag, say.text("contents"), tuple(blocks))


def title_of(view: View, say: Speaker) -> str:
    """Return an experiment's title: the recipe's, or the folder's name."""
    return say.chosen(view.config.title if isinstance(view, RunView) else view.title) or view.name


def _title(views: Sequence[View], say: Speaker) -> str:
    if len(views) > 1:
        return say.text("report of several", count=str(len(views)))
    view = views[0]
    if isinstance(view, RunView):
        return say.chosen(view.config.title) or say.text("report of run", name=view.name)
    return say.text("report of sweep", name=say.chosen(view.title) or view.summary.plan.name)


def _subtitle(views: Sequence[View], say: Speaker) -> str:
    names = say.listed([view.name for view in views])
    return say.text("subtitle", names="".join(map(str, names)), version=__version__)


def _sources(say: Speaker, facts: Facts) -> list[Any]:
    """Return the appendix that says where each number is from."""
    writing = Writing(say, 1, "sources-")
    writing.heading("sources")
    example = next((name for name, fact in facts.found.items() if not fact.rule), "result.json#/test_accuracy")
    about = say("sources about", file=Mono("facts.json"), example=Mono(example), events=Mono("events.jsonl"))
    rows = tuple(((_short(fact.value),), (Mono(_cut(fact.source)),)) for fact in facts.found.values())
    table = Table((say("value"), say("source")), rows, "ll")
    summary = say.text("sources summary", count=written(len(rows), "count"))
    return [*writing.blocks, Paragraph(about), Folded(summary, (table,))] if rows else [*writing.blocks, Note(about)]


def _short(value: Any) -> str:
    text = written(value, "setting") if not isinstance(value, float) else f"{value:.7g}"
    return text if len(text) <= 24 else text[:23] + "…"


def _cut(text: str) -> str:
    """Return a source that is readable: long lists of places are cut in the middle."""
    return text if len(text) <= 240 else f"{text[:150]} … {text[-80:]}"
