"""The files that an inspection leaves: all of it as JSON, lists that recipes can exclude, and pictures."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...formats.atomic import write_atomically
from .sets import Part
from .source import Source

__all__ = ["write_findings", "write_list", "write_suspects"]

_MOST_ROWS = 20
_COLUMNS = 8


def write_findings(report: dict[str, Any], source: Source, folder: str | os.PathLike, lang: str = "en") -> list[str]:
    """Write what :func:`inspect_source` returned into a folder, and return the paths.

    ``inspect.json``; where there is any: ``duplicates.txt`` (the copies to leave out so that one of each stays),
    ``conflicts.txt`` (training samples that have an equal one under another label) and ``in-test.txt`` (training samples that
    are in the test part as well), each fit for ``data.exclude``; for images ``samples.png`` and ``conflicts.png``.
    """
    top = pathlib.Path(folder)
    top.mkdir(parents=True, exist_ok=True)
    write_atomically(top / "inspect.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    written = [str(top / "inspect.json")]
    for name, title, entries in _lists(report):
        if entries:
            written.append(write_list(top / name, title, entries))
    if source.kind == "images":
        written += _draw(report, source, top, lang)
    return written


def write_list(path: pathlib.Path, title: Sequence[str], entries: Iterable[tuple[int, str]]) -> str:
    """Write positions, one a line, each with a comment behind it, and return the path."""
    lines = [f"# {line}" for line in title] + [f"{position:<8}# {note}" for position, note in entries]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
    return str(path)


def _lists(report: dict[str, Any]) -> Iterator[tuple[str, list[str], list[tuple[int, str]]]]:
    train = report["parts"]["train"]
    name = report["set"]
    copies = [(later, f"equals {group[0]}") for group in train["duplicates"]["groups"] for later in group[1:]]
    yield "duplicates.txt", [f"{name}: training samples that equal an earlier one"], sorted(copies)
    mixed = [
        (position, _labels(report, conflict["labels"], conflict["positions"], position))
        for conflict in train.get("conflicts", ())
        for position in conflict["positions"]
    ]
    yield "conflicts.txt", [f"{name}: equal training samples under different labels"], mixed
    shared = next((entry for entry in report["shared"] if entry["parts"] == ["train", "test"]), {"pairs": ()})
    held: dict[int, list[int]] = {}
    for pair in shared["pairs"]:
        for position in pair["train"]:
            held.setdefault(position, []).append(pair["test"])
    notes = [(position, f"equals test {', '.join(map(str, same))}") for position, same in sorted(held.items())]
    yield "in-test.txt", [f"{name}: training samples that are in the test part as well"], notes


def _labels(report: dict[str, Any], labels: list[int], positions: list[int], position: int) -> str:
    return ", ".join(
        f"{'labelled' if other == position else f'equals {other}, labelled'} {report['classes'][label]}"
        for label, other in sorted(zip(labels, positions, strict=True), key=lambda pair: pair[1] != position)
    )


# -- suspects -------------------------------------------------------------------------------------------------------


def write_suspects(
    report: dict[str, Any], samples: Part, classes: Sequence[str] | None, folder: str | os.PathLike, lang: str = "en"
) -> list[str]:
    """Write what ``suspects.rank`` returned into a folder, and return the paths.

    ``suspects.json``; ``suspects.txt``, which ``data.exclude`` takes; for images ``suspects.png``: above each its label,
    below it what the network says, how surely, and the position.
    """
    top = pathlib.Path(folder)
    top.mkdir(parents=True, exist_ok=True)
    write_atomically(top / "suspects.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    listed = report["suspects"]
    title = [
        "Training samples whose labels are probably wrong, the worst first.",
        "position  label -> what the network says",
    ]
    entries = [
        (entry["index"], f"{_name(entry, 'label')} -> {_verdict(entry)}, score {entry['score']:.4f}")
        for entry in listed
    ]
    written = [str(top / "suspects.json"), write_list(top / "suspects.txt", title, entries)]
    if samples.images is None or not listed:
        return written
    from ..pictures.grid import draw_samples

    order = np.argsort(samples.index, kind="stable")
    rows = order[np.searchsorted(samples.index[order], [entry["index"] for entry in listed])]
    columns = min(len(rows), _COLUMNS)
    written.append(
        draw_samples(
            samples.images[rows],
            samples.labels[rows],
            classes,
            top / "suspects.png",
            rows=-(-len(rows) // columns),
            columns=columns,
            captions=[f"→ {_verdict(entry)}\n{entry['index']}" for entry in listed],
            lang=lang,
        )
    )
    return written


def _name(entry: dict[str, Any], key: str) -> str:
    return entry.get(f"{key}_name") or f"{entry[key]:.4g}"


def _verdict(entry: dict[str, Any]) -> str:
    if "probability" not in entry:
        return _name(entry, "predicted")
    share = entry["probability"]
    # Never rounded up to certainty.
    return f"{_name(entry, 'predicted')} ({'>99.9%' if 0.9995 <= share < 1 else f'{share:.1%}'})"


# -- pictures -------------------------------------------------------------------------------------------------------


def _draw(report: dict[str, Any], source: Source, top: pathlib.Path, lang: str) -> list[str]:
    from ..pictures.grid import draw_samples

    chosen, columns = _one_row_per_class(source)
    written = [
        draw_samples(
            _bytes(source, source.train.inputs[chosen]),
            source.train.labels[chosen],
            source.classes,
            top / "samples.png",
            rows=-(-len(chosen) // columns),
            columns=columns,
            lang=lang,
        )
    ]
    found = list(_conflicting(report))[: _MOST_ROWS * _COLUMNS]
    if found:
        parts = {part: getattr(source, part) for part in report["parts"]}
        rows = [int(np.flatnonzero(parts[part].index == position)[0]) for part, position in found]
        pixels = np.stack([parts[part].inputs[row] for (part, _), row in zip(found, rows, strict=True)])
        labels = np.array([parts[part].labels[row] for (part, _), row in zip(found, rows, strict=True)])
        captions = [f"{part} {position}" for part, position in found]
        columns = min(len(found), _COLUMNS)
        options: dict[str, Any] = {"rows": -(-len(found) // columns), "columns": columns, "lang": lang}
        path = top / "conflicts.png"
        written.append(draw_samples(_bytes(source, pixels), labels, source.classes, path, captions=captions, **options))
    return written


def _one_row_per_class(source: Source) -> tuple[np.ndarray, int]:
    """Return rows of the training part to draw: some of every class, or, where there are too many classes, the first."""
    labels = source.train.labels
    if source.classes is None or len(source.classes) > _MOST_ROWS:
        return np.linspace(0, len(labels) - 1, min(25, len(labels))).astype(np.int64), 5
    count = min(_COLUMNS, int(np.bincount(labels).min()))
    spread = (np.flatnonzero(labels == k) for k in range(len(source.classes)))
    return np.concatenate([rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)] for rows in spread]), count


def _bytes(source: Source, pixels: np.ndarray) -> np.ndarray:
    return pixels if source.peak == 255 else np.rint(pixels * (255 / source.peak)).astype(np.uint8)


def _conflicting(report: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield part and position of images that equal one of another class, equal ones side by side."""
    for name, part in report["parts"].items():
        yield from ((name, position) for conflict in part.get("conflicts", ()) for position in conflict["positions"])
    for entry in report["shared"]:
        first, second = entry["parts"]
        for pair in entry["pairs"]:
            labels = pair.get("labels")
            if labels and labels[second] not in labels[first]:
                yield second, pair[second]
                yield from ((first, position) for position in pair[first])
