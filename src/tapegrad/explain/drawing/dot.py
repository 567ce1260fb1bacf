"""The graph in Graphviz's language, with a cluster for each module."""

from __future__ import annotations

from ..network.graph import Graph
from .folding import fold
from .labels import Label, describe
from .svg import COLORS

__all__ = ["draw_dot"]


def draw_dot(graph: Graph, depth: int | None = None, parameters: bool = False) -> str:
    """Return the text of a ``.dot`` file; ``depth`` and ``parameters`` as :func:`tapegrad.explain.drawing.folding.fold` has them.

    Source: https://graphviz.org/doc/info/lang.html
    """
    folding = fold(graph, depth, parameters)
    labels = describe(graph, folding, bool(graph.values))
    inside: dict[int, list[int]] = {}
    for i, box in enumerate(folding.boxes):
        inside.setdefault(box.parent, []).append(i)
    lines = [
        f"digraph {quoted(graph.title)} {{",
        "  rankdir=TB;",
        '  graph [fontname="Helvetica", fontsize=11, style="rounded", color="#b4bdc9", labeljust="l"];',
        '  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled"];',
        '  edge [color="#8b95a3", arrowsize=0.7];',
    ]
    # The boxes that are still to be written, the next one last; None ends a cluster.
    waiting: list[int | None] = list(reversed(inside.get(-1, [])))
    level = 1
    while waiting:
        i = waiting.pop()
        if i is None:
            level -= 1
            lines.append(f"{'  ' * level}}}")
        elif folding.boxes[i].frame:
            lines.append(f"{'  ' * level}subgraph cluster_{i} {{ label={quoted(_text(labels[i]))};")
            level += 1
            waiting += [None, *reversed(inside.get(i, []))]
        else:
            lines.append(f"{'  ' * level}{_node(i, labels[i])}")
    lines += [f"  n{a} -> n{b};" for a, b in folding.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _node(i: int, label: Label) -> str:
    fill, border, _, _ = COLORS[label.kind]
    tooltip = quoted("\n".join(f"{name}: {value}" for name, value in label.facts))
    return f'n{i} [label={quoted(_text(label))}, tooltip={tooltip}, fillcolor="{fill}", color="{border}"];'


def _text(label: Label) -> str:
    lines = [] if label.frame else label.lines
    return "\n".join([f"{label.title} {label.name}".strip(), *lines])


def quoted(text: str) -> str:
    r"""Return a text as a quoted string of the language.

    >>> print(quoted('a "b"\\'))
    "a \"b\"\\"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c if c.isprintable() else "\ufffd" for c in escaped) + '"'
