"""Notes of where gradients are cut off, for :func:`tapegrad.explain.explain`: which call, and its line.

Notes are taken where nothing is hot: at ``detach()``, at ``no_grad`` blocks, at operations without a derivative, at
``backward()``. A line is kept as a place in a code object and read when somebody asks. Notes name tensors by id or
weak reference, so they keep no graph and no array alive; of each kind the log holds the last few dozen.
"""

from __future__ import annotations

import sys
import weakref
from collections import defaultdict, deque
from types import CodeType
from typing import Any, NamedTuple

from .graph import _PACKAGE, STATE, Node, next_id

__all__ = ["LOG", "Note", "lost", "note", "note_cut", "note_gradients", "note_number", "opened", "place"]

_KEPT = 32
_frame = sys._getframe
# So many operations before a cut are looked at for the leaves that it cuts off: a training must not walk its whole
# graph for each number that it reads.
_DEPTH = 4


class Note(NamedTuple):
    """One thing that happened to gradients: how, where in the source, and when in the order of recorded operations.

    ``leaves``: ids of the leaves that a cut value was computed from; ``complete``: whether these are all of them, if not
    ``source`` refers to the operation that made it. ``extra``: what one kind of note has to say.
    """

    how: str
    code: CodeType
    instruction: int
    time: int
    leaves: tuple[int, ...] = ()
    complete: bool = True
    source: Any = None
    extra: Any = None

    @property
    def where(self) -> str:
        """``file:line`` of the call; of a decorated function, the line of its decorator."""
        line = self.code.co_firstlineno
        for start, end, number in self.code.co_lines() if self.instruction >= 0 else ():
            if start <= self.instruction < end and number is not None:
                line = number
        return f"{self.code.co_filename}:{line}"


LOG: defaultdict[str, deque] = defaultdict(lambda: deque(maxlen=_KEPT))


def place(depth: int = 2) -> tuple[CodeType, int]:
    """Return the code and the instruction of the innermost caller outside the package."""
    frame = _frame(depth)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def note(how: str, extra: Any = None) -> None:
    """Write down that something happened, with the line of the innermost caller outside the package.

    The caller is the package's. Written out, for steps of small networks ask for it twice.
    """
    frame: Any = _frame(2)
    code = frame.f_code
    while code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    LOG[how].append((how, code, frame.f_lasti, next_id(), (), True, None, extra))


def note_number(how: str, value: Any = None) -> None:
    """Write down that a tensor's values, ``value`` where it is one, were read as Python numbers."""
    frame: Any = _frame(2)
    code = frame.f_code
    while code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    LOG["cut"].append((how, code, frame.f_lasti, next_id(), (), False, None, value))


def note_cut(how: str, source: Any, out: Any = None, extra: Any = None) -> None:
    """Write down that values of ``source``, a tensor that requires a gradient, go on without the tape as ``out``."""
    frame = _frame(2)
    if frame.f_code.co_filename.startswith(_PACKAGE):
        if out is not None:
            # The package's own reasons are nobody's mistake.
            if STATE.tracer is not None:
                STATE.tracer.cuts(how, source, out)
            return
        code, instruction = place(3)
    else:
        code, instruction = frame.f_code, frame.f_lasti
    if source.node is None:
        made: tuple = (how, code, instruction, next_id(), (id(source),), True, None, extra)
    else:
        made = (how, code, instruction, next_id(), *_behind(source.node), extra)
    LOG["cut"].append(made)
    if out is not None:
        # The tape keeps the memory of what it saves, not the tensor.
        out.origin = out.memory.cut = made
        if STATE.tracer is not None:
            STATE.tracer.cuts(how, source, out)


def lost(name: str, edges: list, out: Any) -> None:
    """Write down that an operation on tensors that require gradients gave a result that has none."""
    if not STATE.grad_enabled:
        block = STATE.block
        if block is None:
            return
        if not block[-1]:
            block[-1].append(name)
        for t in out if type(out) is tuple else (out,):
            t.origin = block
            if t.view_version is None:
                t.memory.cut = block
        return
    first = edges[0] if edges[0] is not None else next(edge for edge in edges if edge is not None)
    behind = _behind(first) if isinstance(first, Node) else ((id(first),), True, None)
    made = (name, *place(4), next_id(), *behind, "no derivative")
    LOG["cut"].append(made)
    for t in out if type(out) is tuple else (out,):
        t.origin = t.memory.cut = made


def note_gradients(targets: list, results: list) -> None:
    """Write down that gradients with respect to some tensors were worked out without a graph of their own."""
    made = ("grad", *place(), next_id(), tuple(map(id, targets)), False, None, None)
    LOG["cut"].append(made)
    for t in results:
        if t is not None and not t.is_sparse:
            t.origin = t.memory.cut = made
            if STATE.tracer is not None:
                STATE.tracer.cuts("grad", targets[0], t)


def _behind(node: Node) -> tuple[tuple[int, ...], bool, Any]:
    """Return ids of leaves behind a node, whether these are all, and if not a reference to it."""
    found, source = [], None
    nodes = [node]
    for node in nodes:  # which grows meanwhile
        for edge in node.edges:
            if edge is None:
                continue
            if not isinstance(edge, Node):
                found.append(id(edge))
            elif len(nodes) < _DEPTH:
                nodes.append(edge)
            elif source is None:
                source = weakref.ref(nodes[0])
    return tuple(found), source is None, source


def opened(how: str, code: CodeType | None = None, depth: int = 2) -> tuple | None:
    """Return a note of a block without recording that the caller's caller opens (``depth`` 2), or a function of that code.

    Its ``extra`` is a list for the name of the first operation that it keeps off the tape. Inside the package: None.
    """
    instruction = -1
    if code is None:
        frame = _frame(depth)
        code, instruction = frame.f_code, frame.f_lasti
        if code.co_filename.startswith(_PACKAGE):
            return None
    block = (how, code, instruction, next_id(), (), False, None, [])
    LOG["block"].append(block)
    return block
