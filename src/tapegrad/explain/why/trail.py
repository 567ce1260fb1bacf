"""Where the way from a tensor to a loss breaks off: by what was watched, else by the notes that the engine takes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...core import Node, Tensor
from ...core.graph import FREED
from ...core.notes import LOG, Note
from ...core.plan import INPUT, REST
from .flow import behind, leading
from .watching import Step, ancestors

__all__ = ["BLOCKS", "Break", "block_before", "break_of", "break_of_step", "certainty", "noted_break", "watched_breaks"]

BLOCKS = ("no_grad", "inference_mode", "set_grad_enabled")
_CUTS = {
    "detach": "is cut off by .detach()",
    "detach_": "is cut off by .detach_()",
    "data": "is cut off by .data",
    "tensor": "is copied off the tape by tapegrad.tensor(...)",
    "item": "is read as a Python number by .item()",
    "tolist": "is read as Python numbers by .tolist()",
    "numpy": "is read as a NumPy array",
    "grad": "is a gradient that autograd.grad() gives without create_graph=True, so it is a constant",
}


class Break(NamedTuple):
    """One place where values leave the tape: cause, what happens there, its line, and whether it is certain."""

    cause: str
    text: str
    where: str
    certain: bool


def break_of(note: Any, certain: bool = True) -> Break:
    """Return the break that a note of the engine tells of."""
    note = Note._make(note)
    if note.how in _CUTS and note.extra != "no derivative":
        return Break("detached", _CUTS[note.how], note.where, certain)
    if note.how in BLOCKS:
        return Break("no-grad", f"is computed under {note.how}, where nothing is recorded", note.where, certain)
    return Break("no-derivative", f"goes through {note.how}, which has no derivative", note.where, certain)


# -- watched -----------------------------------------------------------------------------------------------------------


def watched_breaks(goal: Tensor, ends: Iterable[Step]) -> tuple[bool, list[Break]]:
    """Return whether the ends were computed from a tensor while somebody watched, and the breaks in between."""
    start = getattr(goal, "origin", None)
    if not isinstance(start, Step):
        return False, []
    seen = ancestors(ends)
    if start not in seen:
        return False, []
    users: dict[Step, list[Step]] = {}
    for step in seen:
        for source in step.inputs:
            users.setdefault(source, []).append(step)
    after: set[Step] = set()
    stack = [start]
    while stack:
        step = stack.pop()
        if step not in after:
            after.add(step)
            stack.extend(users.get(step, ()))
    cuts = [s for s in after if s is not start and s.wanted and not s.tracked]
    return True, [break_of_step(s) for s in sorted(cuts, key=lambda s: s.number)]


def break_of_step(step: Step) -> Break:
    """Return the break that a step is whose result required no gradient though an input did."""
    if step.cut in _CUTS:
        return Break("detached", _CUTS[step.cut], step.where, True)
    if step.block is not None:
        return break_of(step.block)
    return Break("no-derivative", f"goes through {step.name}, which has no derivative", step.where, True)


# -- after the fact ----------------------------------------------------------------------------------------------------


def noted_break(goal: Tensor, roots: list[Tensor]) -> Break | None:
    """Return where a tensor's values left the tape, as far as the notes tell; a certain answer before a likely one."""
    ranked = [(certainty(note, goal), note) for note in _notes_on_the_way(roots)]
    found = max((r for r in ranked if r[0] > 0), key=lambda r: (r[0], Note._make(r[1]).time), default=None)
    if found is not None:
        return break_of(found[1], found[0] == 2)
    return _read_break(goal, roots) or _block_break(roots)


def _notes_on_the_way(roots: list[Tensor]) -> list[Any]:
    """Return the notes on constants that the roots were computed from, and on the roots themselves."""
    notes = [t.origin for t in roots if isinstance(getattr(t, "origin", None), tuple)]
    arrays = []
    for node in behind(roots):
        if node.plan is None or node.saved is FREED:
            continue
        for item in _constants(node):
            arrays.append(item[0])
            notes += [item[1].cut] if item[1].cut is not None else []
    read = [Note._make(n) for n in LOG["cut"] if n[0] == "numpy" and n[-1] is not None]
    notes += [tuple(n) for n in read if any(n.extra() is a for a in [*arrays, *(t.array for t in roots)])]
    return notes


def _constants(node: Node) -> list[tuple]:
    """Return (array, storage, version) of the inputs that an operation saved and that are on no tape."""
    found = []
    for place in node.plan.watched:
        kind, key = node.plan.fields[place]
        kept = node.saved[place]
        if kind == INPUT:
            found += [kept] if node.edges[key] is None else []
        elif kind == REST:
            found += [item for item, edge in zip(kept, node.edges[key:], strict=False) if edge is None]
    return [item for item in found if type(item) is tuple and len(item) == 3]


def certainty(note: Any, goal: Tensor) -> int:
    """Return 2 for a note of values that came from a tensor, 1 when they may have, 0 when they did not."""
    note = Note._make(note)
    if id(goal) in note.leaves:
        return 2
    if note.complete:
        return 0
    source = note.source() if note.source is not None else None
    if source is None:
        return 1
    return 2 if _made_from(source, goal) else 0


def _made_from(node: Node, goal: Tensor) -> bool:
    if node is goal.node:
        return True
    holder = _Root(node)
    return bool(leading(goal, [holder]))  # type: ignore[list-item]


class _Root(NamedTuple):
    node: Any


def _read_break(goal: Tensor, roots: list[Tensor]) -> Break | None:
    """The roots are new tensors of numbers that were read from old ones."""
    read = [Note._make(n) for n in LOG["cut"] if n[0] in ("item", "tolist", "numpy") and certainty(n, goal)]
    if not read or any(t.node is not None for t in roots):
        return None
    for t in roots:
        for note in reversed(read):
            if note.how == "item" and t.numel() == 1 and _same(note.extra, t.array.reshape(()).item()):
                return break_of(note)
    return break_of(read[-1], certain=False)


def _same(a: Any, b: Any) -> bool:
    return isinstance(a, (int, float)) and math.isclose(a, b, rel_tol=float(np.finfo(np.float32).eps) * 4)


def _block_break(roots: list[Tensor]) -> Break | None:
    """The roots have no history at all: the last block that kept something off the tape is the likely one."""
    blocks = [n for n in LOG["block"] if n[-1]]
    if not blocks or any(t.node is not None for t in roots):
        return None
    return break_of(blocks[-1], certain=False)


def block_before(backward: Note | None) -> Note | None:
    """Return the last block that kept something off the tape between the last two calls of backward(), None without one."""
    if backward is None:
        return None
    begun = max((note.time for note in map(Note._make, LOG["backward"]) if note.time < backward.time), default=0)
    blocks = [note for note in map(Note._make, LOG["block"]) if note.extra and begun < note.time < backward.time]
    return blocks[-1] if blocks else None
