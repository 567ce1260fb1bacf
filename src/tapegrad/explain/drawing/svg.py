"""The picture of a graph as SVG: boxes and frames, light or dark as the reader's screen, all facts as tooltips."""

from __future__ import annotations

import itertools

from ..network.graph import Graph
from .folding import fold
from .labels import Label, describe, escaped, heading, text_width
from .layout import TITLE, Layout, Path, Rectangle, arrange

__all__ = ["COLORS", "STYLE", "box_size", "draw_svg"]

FONT = 11.0
_LINE = 14.0
_MARGIN = 16.0
_HEADER = 34.0

COLORS = {
    # Background and border in light, then in dark.
    "input": ("#e3f4e8", "#3a9a5b", "#16301f", "#4fb873"),
    "output": ("#e3f4e8", "#3a9a5b", "#16301f", "#4fb873"),
    "loss": ("#fde7e4", "#cf5848", "#3a1a17", "#ea7868"),
    "weights": ("#e4eefb", "#3f78c4", "#172740", "#6ea4ea"),
    "plain": ("#f3f4f6", "#8a93a0", "#23272e", "#7b8593"),
    "held": ("#fbf1dc", "#b98a2e", "#33290f", "#d3a648"),
}


def _style() -> str:
    """Return the style sheet; its names are no others' on a page that several drawings, or others, stand on."""
    light = [
        ".tapegrad-graph{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
        f"font-size:{FONT:g}px}}",
        ".tapegrad-graph text{fill:#1c232d;text-anchor:middle}",
        ".tapegrad-graph .paper{fill:#fff}",
        ".tapegrad-graph .title{font-weight:600}",
        ".tapegrad-graph .name,.tapegrad-graph .line{fill:#5b6572;font-weight:400}",
        ".tapegrad-graph .head{font-size:15px}",
        ".tapegrad-graph .left{text-anchor:start}",
        ".tapegrad-graph .frame>rect{fill:#5b6f8a;fill-opacity:.06;stroke:#b4bdc9}",
        ".tapegrad-graph .edge{fill:none;stroke:#8b95a3;stroke-width:1.2}",
        ".tapegrad-graph .tip{fill:#8b95a3}",
        ".tapegrad-graph g:hover>rect{stroke-width:2}",
    ]
    dark = [
        ".tapegrad-graph text{fill:#e4e8ee}",
        ".tapegrad-graph .paper{fill:#14171c}",
        ".tapegrad-graph .name,.tapegrad-graph .line{fill:#a3adba}",
        ".tapegrad-graph .frame>rect{fill:#9fb4d2;fill-opacity:.07;stroke:#444e5b}",
        ".tapegrad-graph .edge{stroke:#76818f}",
        ".tapegrad-graph .tip{fill:#76818f}",
    ]
    for kind, (fill, stroke, dark_fill, dark_stroke) in COLORS.items():
        light.append(f".tapegrad-graph .{kind}>rect{{fill:{fill};stroke:{stroke}}}")
        dark.append(f".tapegrad-graph .{kind}>rect{{fill:{dark_fill};stroke:{dark_stroke}}}")
    return "\n".join(light) + "\n@media (prefers-color-scheme:dark){\n" + "\n".join(dark) + "\n}"


STYLE = _style()


def draw_svg(graph: Graph, values: bool | None = None, depth: int | None = None, parameters: bool = False) -> str:
    """Return the text of an SVG file. ``values``: write means and gradients' norms into the boxes, by default where the
    graph has them. ``depth`` and ``parameters``: as :func:`tapegrad.explain.drawing.folding.fold` has them.
    """
    folding = fold(graph, depth, parameters)
    labels = describe(graph, folding, bool(graph.values) if values is None else values)
    frames = [box.frame for box in folding.boxes]
    sizes = [box_size(label) for label in labels]
    layout = arrange([box.parent for box in folding.boxes], frames, sizes, folding.edges)
    title, behind = heading(graph)
    width = max(layout.width, text_width(title, 15, bold=True) + text_width(f"  {behind}", FONT)) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + _HEADER
    shift = (width - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tapegrad-graph" role="img" aria-label="{escaped(title)}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="left" x="{_MARGIN:g}" y="24"><tspan class="title head">{escaped(title)}</tspan>'
        f'<tspan class="name" dx="8">{escaped(behind)}</tspan></text>',
        f'<g transform="translate({shift:.1f} {_MARGIN + _HEADER:.1f})">',
        *_boxes(layout, labels, frames, True),
        *(_edge(path) for path in layout.paths),
        *_boxes(layout, labels, frames, False),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def box_size(label: Label) -> tuple[float, float]:
    """Return width and height of a label in its box; of a frame's title, without the frame."""
    first = text_width(label.title, FONT, bold=True) + (text_width(f" {label.name}", FONT) if label.name else 0.0)
    if label.frame:
        return first, TITLE
    widest = max([first, *(text_width(line, FONT) for line in label.lines)])
    return max(widest + 16.0, 56.0), 10.0 + _LINE * (1 + len(label.lines))


def _boxes(layout: Layout, labels: list[Label], frames: list[bool], wanted: bool) -> list[str]:
    """Return the frames, which lie below the edges, or the boxes, which lie above."""
    draw = _frame if wanted else _box
    return [
        draw(rectangle, label)
        for rectangle, label, frame in zip(layout.rectangles, labels, frames, strict=True)
        if frame == wanted
    ]


def _words(label: Label) -> str:
    name = f' <tspan class="name">{escaped(label.name)}</tspan>' if label.name else ""
    return f'<tspan class="title">{escaped(label.title)}</tspan>{name}'


def _tooltip(label: Label) -> str:
    return "<title>" + escaped("\n".join(f"{name}: {value}" for name, value in label.facts)) + "</title>"


def _place(r: Rectangle) -> str:
    return f'x="{r.x:.1f}" y="{r.y:.1f}" width="{r.width:.1f}" height="{r.height:.1f}"'


def _frame(r: Rectangle, label: Label) -> str:
    text = f'<text class="left" x="{r.x + r.title:.1f}" y="{r.y + 14:.1f}">{_words(label)}</text>'
    return f'<g class="frame">{_tooltip(label)}<rect {_place(r)} rx="6"/>{text}</g>'


def _box(r: Rectangle, label: Label) -> str:
    x, y = r.x + r.width / 2, r.y + 16.0
    lines = [f'<text x="{x:.1f}" y="{y:.1f}">{_words(label)}</text>']
    for i, line in enumerate(label.lines, 1):
        lines.append(f'<text class="line" x="{x:.1f}" y="{y + i * _LINE:.1f}">{escaped(line)}</text>')
    return f'<g class="{label.kind}">{_tooltip(label)}<rect {_place(r)} rx="5"/>{"".join(lines)}</g>'


def _edge(path: Path) -> str:
    points = list(path.points)
    (x, y), tip = points[-1], ""
    if path.arrow:
        tip = f'<path class="tip" d="M{x:.1f} {y:.1f}l-3.5 -7h7z"/>'
        points[-1] = (x, y - 5.0)
        # The tip is longer than what is left of the last piece where a box is the tallest of its layer.
        points = points if points[-2][1] < points[-1][1] else [*points[:-2], points[-1]]
    words = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        curve = f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        words.append(f"V{y1:.1f}" if abs(x1 - x0) < 0.05 else curve)
    return f'<path class="edge" d="{"".join(words)}"/>{tip}'
