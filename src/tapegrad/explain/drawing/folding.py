"""What a drawing shows of a graph: boxes in frames, with whole modules folded into one box each."""

from __future__ import annotations

import dataclasses

from ..network.graph import Graph
from ..network.recording import Call

__all__ = ["Box", "Folding", "fold"]


@dataclasses.dataclass
class Box:
    """One box, or with ``frame`` what lies around others.

    ``parent``: the place of the frame around it (-1: none); ``call``: of which call of a module it is the picture (-1: of
    one node alone); ``nodes``: ids of what it stands for.
    """

    parent: int
    call: int = -1
    frame: bool = False
    nodes: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Folding:
    """Boxes, each frame before what lies in it, and edges between those that are no frames: (source, target)."""

    boxes: list[Box]
    edges: list[tuple[int, int]]


def fold(graph: Graph, depth: int | None = None, parameters: bool = False) -> Folding:
    """Return what is drawn of a graph.

    ``depth``: how many levels of modules are open: 0 draws the network as one box, 1 its modules, -1 everything; by
    default all are, except tapegrad's own layers and modules of one operation. ``parameters``: also parameters and
    buffers, which are else told with the box that uses them.

    >>> import tapegrad as tg
    >>> from tapegrad.explain import graph
    >>> g = graph(tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU()), tg.zeros(2, 4))
    >>> len(fold(g).boxes), len(fold(g, depth=0).boxes)
    (4, 3)
    """
    folded = _folded(graph, depth)
    boxes: list[Box] = []
    box_of_call: dict[int, int] = {}
    box_of_node: dict[int, int] = {}

    def box_for(call: int) -> int:
        """Return the place of a call's box, made with the frames around it when it is first needed."""
        way = []
        while call >= 0 and call not in box_of_call:
            way.append(call)
            call = graph.calls[call].parent
        parent = box_of_call[call] if call >= 0 else -1
        for inner in reversed(way):
            if _is_whole(graph, inner) and inner not in folded:
                box_of_call[inner] = parent
                continue
            boxes.append(Box(parent, inner, frame=inner not in folded))
            parent = box_of_call[inner] = len(boxes) - 1
        return parent

    for node in graph.nodes:
        if node.kind in ("parameter", "buffer") and not parameters:
            continue
        call = folded.get(node.call, node.call)
        place = box_for(call)
        if call not in folded:
            boxes.append(Box(place))
            place = len(boxes) - 1
        boxes[place].nodes.append(node.id)
        box_of_node[node.id] = place
    pairs = ((box_of_node.get(a, -1), box_of_node.get(b, -1)) for a, b in graph.edges)
    return Folding(boxes, list(dict.fromkeys((a, b) for a, b in pairs if a != b and a >= 0 and b >= 0)))


def _is_whole(graph: Graph, call: int) -> bool:
    """Return whether a call is that of the network itself, around which there is no frame."""
    return graph.calls[call].parent < 0 and graph.calls[call].path == ""


def _folded(graph: Graph, depth: int | None) -> dict[int, int]:
    """Return the calls that are not opened, each with the outermost such call around it; and those folded calls by themselves."""
    operations = [0] * len(graph.calls)
    inner = [0] * len(graph.calls)
    for node in graph.nodes:
        if node.kind == "operation" and node.call >= 0:
            operations[node.call] += 1
    levels: list[int] = []
    outermost: dict[int, int] = {}
    for call in graph.calls:
        levels.append(levels[call.parent] + 1 if call.parent >= 0 else 0)
        if call.parent >= 0:
            inner[call.parent] += 1
    for i, call in enumerate(graph.calls):
        if call.parent in outermost:
            outermost[i] = outermost[call.parent]
        elif _closes(call, operations[i], inner[i], levels[i] + (call.path == "loss"), depth):
            outermost[i] = i
    return outermost


def _closes(call: Call, operations: int, inner: int, level: int, depth: int | None) -> bool:
    if depth is not None and depth < 0:
        return False
    layer = not inner and (call.own or operations == 1) and call.path != ""
    return layer or (depth is not None and level >= depth)
