"""A graph as one page in which modules fold and unfold by click and key; it needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files

from ..network.graph import Graph
from .folding import Folding, fold
from .labels import Label, describe, escaped, heading
from .layout import Rows, rows

__all__ = ["draw_html"]


def draw_html(graph: Graph, values: bool | None = None, depth: int | None = None) -> str:
    """Return the text of an HTML page. ``values`` as for :func:`tapegrad.explain.drawing.svg.draw_svg`; ``depth``: how
    far it is unfolded to begin with, by default down to the layers.

    Rows and their order are found here; where the boxes lie, the browser decides, and the script draws the edges there.
    """
    folding = fold(graph, -1)
    page = _Page(graph, folding, describe(graph, folding, bool(graph.values) if values is None else values), depth)
    style, script = (
        files("tapegrad.explain.drawing").joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    title, behind = heading(graph)
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<style>{style}</style></head><body>",
            f"<header><h1>{escaped(title)}</h1><span>{escaped(behind)}</span>",
            '<button id="all">Unfold all</button><button id="layers">Layers</button><button id="none">Fold all</button>',
            "</header>",
            '<main><div id="canvas"><svg id="edges" aria-hidden="true"></svg>',
            *page.level(-1),
            '</div></main><pre id="facts" aria-live="polite"></pre>',
            f'<script type="application/json" id="links">{page.links()}</script>',
            f"<script>{script}</script></body></html>",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Page:
    def __init__(self, graph: Graph, folding: Folding, labels: list[Label], depth: int | None):
        self.graph = graph
        self.folding = folding
        self.labels = labels
        boxes = folding.boxes
        self.rows = rows([box.parent for box in boxes], [box.frame for box in boxes], folding.edges)
        self.layers = _closed(graph, None)
        self.folded = _closed(graph, depth)

    def level(self, frame: int) -> list[str]:
        """Return the lines of what is in a frame, and in the frames in it."""
        lines: list[str] = []
        # What is still to be written, the next one last: a text, a frame's contents, or one box.
        waiting: list[str | Rows | tuple[int, int]] = [self.rows[frame]]
        frames = {id(held): number for number, held in self.rows.items()}
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                lines.append(part)
            elif isinstance(part, Rows):
                waiting += reversed(self._contents(frames[id(part)], part))
            else:
                waiting += reversed(self._frame(part[1]))
        return lines

    def _contents(self, frame: int, held: Rows) -> list:
        parts: list = [f'<div class="level" id="in-{frame}">' if frame >= 0 else '<div class="level">']
        for row in held.rows:
            ports = " ports" if row and row[0][0] in ("in", "out") else ""
            parts.append(f'<div class="row{ports}">')
            for kind, number in row:
                if kind != "box":
                    name = "pass" if kind == "via" else kind
                    parts.append(f'<i class="via {name}" id="{_id(frame, kind, number)}"></i>')
                elif self.folding.boxes[number].frame:
                    parts.append((frame, number))
                else:
                    parts.append(self._box(number))
            parts.append("</div>")
        return [*parts, "</div>"]

    def _frame(self, number: int) -> list:
        label, call = self.labels[number], self.folding.boxes[number].call
        folded = call in self.folded
        button = (
            f'<button class="fold" aria-expanded="{str(not folded).lower()}" aria-controls="in-{number}" '
            f'data-layer="{"yes" if call in self.layers else "no"}" title="{_facts(label)}">{_words(label)}</button>'
        )
        kind = f"frame {label.kind}{' folded' if folded else ''}"
        return [f'<section class="{kind}" id="box-{number}">{button}', self.rows[number], "</section>"]

    def _box(self, number: int) -> str:
        label = self.labels[number]
        return f'<div class="box {label.kind}" id="box-{number}" tabindex="0" title="{_facts(label)}">{_words(label)}</div>'

    def links(self) -> str:
        """Return the links of each level, with the frame's number, as JSON that no tag can end."""
        found = []
        for frame, held in self.rows.items():
            inside = [[_id(frame, *a), _id(frame, *b), value] for a, b, value in held.links]
            found.append([str(frame) if frame >= 0 else "", inside])
        return json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")


def _closed(graph: Graph, depth: int | None) -> set[int]:
    """Return the calls that are one box when a graph is drawn to a depth."""
    return {box.call for box in fold(graph, depth).boxes if box.call >= 0 and not box.frame}


def _id(frame: int, kind: str, number: int) -> str:
    return f"box-{number}" if kind == "box" else f"{kind}-{frame}-{number}"


def _words(label: Label) -> str:
    names = [("long", label.name), ("short", label.short)] if label.frame else [("name", label.name)]
    name = "".join(f'<i class="{kind}">{escaped(text)}</i>' for kind, text in names if text)
    lines = "".join(f"<small>{escaped(line)}</small>" for line in label.lines)
    return f"<b>{escaped(label.title)}</b>{name}{lines}"


def _facts(label: Label) -> str:
    return escaped("\n".join(f"{name}: {value}" for name, value in label.facts))
