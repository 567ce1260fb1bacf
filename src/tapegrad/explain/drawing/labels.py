"""What the drawings of a graph write on boxes and frames, and what they tell of each on request."""

from __future__ import annotations

import dataclasses
import html
import unicodedata

import numpy as np

from ...compiler.formulas import in_plain_text
from ..network.graph import Graph, GraphNode
from .folding import Box, Folding

__all__ = ["Label", "describe", "escaped", "heading", "shortened", "text_width"]

_LONGEST = 30
_WIDE, _NARROW = frozenset("mwMWQOG@%&—…"), frozenset("iljtfrI.,:;|!'()[] -·/")


@dataclasses.dataclass
class Label:
    """``title``: in bold, with ``name`` in lighter letters behind it; ``lines`` below (of a frame: once it is folded);
    ``kind``: which colour it has; ``facts``: all there is to tell, as pairs; ``frame``: whether it is a frame's,
    which has the whole path as its name and its last part as ``short``.
    """

    title: str
    name: str
    lines: list[str]
    kind: str
    facts: list[tuple[str, str]]
    frame: bool = False
    short: str = ""


def describe(graph: Graph, folding: Folding, values: bool) -> list[Label]:
    """Return the labels of all boxes; with ``values`` those of what was computed are among the lines."""
    handed = _handed_on(graph, folding)
    nodes = _nodes_inside(folding)
    return [_label(graph, box, values, handed[i], nodes[i]) for i, box in enumerate(folding.boxes)]


def heading(graph: Graph) -> tuple[str, str]:
    """Return a drawing's title and what stands behind it."""
    operations = [node for node in graph.nodes if node.kind == "operation"]
    count = sum(node.parameters for node in graph.nodes if node.kind == "parameter")
    total = sum(node.operations for node in operations)
    return graph.title, f"{count:,} parameters · {len(operations):,} operations · {short_number(total)} multiply-adds"


def _nodes_inside(folding: Folding) -> list[list[int]]:
    """Return the nodes of each box, those of boxes in it included."""
    nodes = [list(box.nodes) for box in folding.boxes]
    for i in reversed(range(len(nodes))):
        if folding.boxes[i].parent >= 0:
            nodes[folding.boxes[i].parent] += nodes[i]
    return nodes


def _handed_on(graph: Graph, folding: Folding) -> list[int]:
    """Return, for each box, the node whose value it returns; else the one that leaves it last, or is its last."""
    boxes = folding.boxes
    box_of = {node: i for i, box in enumerate(boxes) for node in box.nodes}
    leaving: dict[int, int] = {}
    for a, b in graph.edges:
        around = set()
        i = box_of.get(b, -1)
        while i >= 0:
            around.add(i)
            i = boxes[i].parent
        i = box_of.get(a, -1)
        while i >= 0 and i not in around:
            leaving[i] = max(leaving.get(i, -1), a)
            i = boxes[i].parent
    result = []
    for i, nodes in enumerate(_nodes_inside(folding)):
        returned = graph.calls[boxes[i].call].node if boxes[i].call >= 0 else -1
        result.append(returned if returned in nodes else leaving.get(i, max(nodes)))
    return result


def _label(graph: Graph, box: Box, values: bool, node: int, inside: list[int]) -> Label:
    if box.call >= 0:
        return _call_label(graph, box, values, node, inside)
    shown = graph.nodes[node]
    title = shown.op if shown.kind == "operation" else shown.name
    kind = {"operation": "weights" if shown.parameters else "plain", "parameter": "held", "buffer": "held"}
    lines = [shape_text(shown)] + (_value_lines(graph, node) if values else [])
    return Label(shortened(title), "", lines, kind.get(shown.kind, shown.kind), _facts(graph, shown))


def _call_label(graph: Graph, box: Box, values: bool, node: int, inside: list[int]) -> Label:
    call, last = graph.calls[box.call], graph.nodes[node]
    nodes = [graph.nodes[n] for n in inside]
    count = graph.modules.get(call.path, {}).get("parameters", 0)
    lines = [shape_text(last)] + ([f"{count:,} parameters"] if count else [])
    lines += _value_lines(graph, node) if values else []
    kind = "loss" if call.path == "loss" else "weights" if count else "plain"
    short = "" if call.path == "loss" else call.path.rpartition(".")[2]
    name = call.path if box.frame and short else short
    again = f" (call {call.number})" if call.number > 1 else ""
    facts = [("module", call.path or "the network"), ("class", call.kind)]
    facts += [("call", str(call.number))] if call.number > 1 else []
    facts += [("parameters", f"{count:,}")] if count else []
    facts += [("output", f"{shape_text(last)} {last.dtype}")]
    facts += [("multiply-adds", f"{sum(n.operations for n in nodes):,}")]
    facts += [("bytes", f"{sum(n.bytes for n in nodes if n.kind == 'operation'):,}")]
    facts += [("operations", shortened(", ".join(n.op for n in nodes if n.op), 200))]
    facts += [("formula", in_plain_text(last.formula))] if last.formula and len(nodes) == 1 else []
    facts += _value_facts(graph, node)
    title, short = shortened(call.kind), shortened(short) + again
    return Label(title, shortened(name) + again, lines, kind, facts, box.frame, short)


def _facts(graph: Graph, node: GraphNode) -> list[tuple[str, str]]:
    """Return all that is known of a node, in words."""
    facts = [("name", node.name), ("kind", node.kind), ("shape", f"{shape_text(node)} {node.dtype}")]
    if node.module:
        facts.append(("module", node.module))
    if node.parameters:
        facts.append(("parameters", f"{node.parameters:,}"))
    facts.append(("bytes", f"{node.bytes:,}"))
    if node.kind == "operation":
        facts.append(("multiply-adds", f"{node.operations:,}"))
    if node.formula:
        facts.append(("formula", in_plain_text(node.formula)))
    if node.where:
        facts.append(("where", node.where))
    return facts + _value_facts(graph, node.id)


def _value_lines(graph: Graph, node: int) -> list[str]:
    lines = []
    if node in graph.values and graph.values[node].size:
        value = graph.values[node].astype(np.float64) if graph.values[node].dtype.kind != "c" else graph.values[node]
        lines.append(f"{value.mean():.3g} ± {value.std():.2g}" if value.size > 1 else f"{value.reshape(-1)[0]:.4g}")
    if node in graph.gradients:
        lines.append(f"‖∇‖ {np.linalg.norm(graph.gradients[node]):.3g}")
    return lines


def _value_facts(graph: Graph, node: int) -> list[tuple[str, str]]:
    facts = []
    for name, held in (("value", graph.values), ("gradient", graph.gradients)):
        array = held.get(node)
        if array is not None and array.size and array.dtype.kind != "c":
            facts.append((name, f"mean {array.mean():.4g}, from {array.min():.4g} to {array.max():.4g}"))
    return facts


# -- text ---------------------------------------------------------------------------------------------------------------


def shape_text(node: GraphNode) -> str:
    """Return a shape as ``64×3×3``, "scalar" for that of a single number."""
    return "×".join(map(str, node.shape)) if node.shape else "scalar"


def short_number(number: float) -> str:
    """Return a number in at most four characters and a unit.

    >>> short_number(999), short_number(11_689_512), short_number(0)
    ('999', '11.7 M', '0')
    """
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text that is cut in its middle when it is longer, without characters that no page can hold."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    half = longest // 2
    return text if len(text) <= longest else f"{text[: half - 1]}…{text[-half:]}"


def escaped(text: str) -> str:
    """Return a text as it may stand between tags and in attributes.

    >>> escaped('<img src=x onerror="f()">')
    '&lt;img src=x onerror=&quot;f()&quot;&gt;'
    """
    return html.escape("".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text))


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a text is at most, in a sans-serif font of a size, in the same unit."""
    return size * sum(_width(c) for c in text) * (1.12 if bold else 1.0)


def _width(c: str) -> float:
    if unicodedata.east_asian_width(c) in "WF":
        return 1.05
    if c in _WIDE:
        return 1.0
    if c in _NARROW:
        return 0.45
    if c in "#+<=>^~" or not c.isascii():
        return 0.86
    return 0.78 if c.isupper() else 0.65
