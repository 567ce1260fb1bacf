"""How gradients flow from a loss: what came into each operation, what went out to each input, and what stopped it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...core import STATE, Node, Tensor
from ...core.graph import FREED, FunctionNode, Pick
from ...core.plan import UNCHANGED_OUT
from .reasons import Reason, reason

__all__ = ["Flow", "Record", "Stats", "behind", "leading", "measure", "stale", "summed_up"]


class Stats(NamedTuple):
    """What is told of an array: elements, share of zeros, kind of the worst element, size of the largest finite one.

    ``worst``: ``""`` when all are finite, else ``"inf"`` or ``"nan"``.
    """

    size: int
    zeros: float
    worst: str
    largest: float
    mean: float

    @property
    def zero(self) -> bool:
        """Whether there are elements, and all are zero."""
        return self.size > 0 and self.zeros == 1.0


_NOTHING = Stats(0, 0.0, "", 0.0, 0.0)


def summed_up(value: Any) -> Stats:
    """Return what is told of an array, a tensor, or several of them (the gradients of an operation with several outputs)."""
    if isinstance(value, (list, tuple)):
        parts = [s for s in map(summed_up, value) if s.size]
        return _joined(parts) if parts else _NOTHING
    if value is None:
        return _NOTHING
    if isinstance(value, Tensor):
        value = value._held.array if value.is_sparse else value.array
    array = np.abs(np.asarray(value))
    size = array.size
    if not size:
        return _NOTHING
    worst = ""
    largest = float(array.max())
    if not math.isfinite(largest):
        worst = "nan" if np.isnan(array).any() else "inf"
        array = array[np.isfinite(array)]
        largest = float(array.max()) if array.size else 0.0
    zeros = 1 - np.count_nonzero(array) / array.size if array.size else 0.0
    mean = float(array.mean(dtype=np.float64)) if array.size else 0.0
    return Stats(size, zeros, worst, largest, mean)


def _joined(parts: list[Stats]) -> Stats:
    size = sum(s.size for s in parts)
    return Stats(
        size,
        sum(s.zeros * s.size for s in parts) / size,
        "nan" if any(s.worst == "nan" for s in parts) else max(s.worst for s in parts),
        max(s.largest for s in parts),
        sum(s.mean * s.size for s in parts) / size,
    )


class Flow(NamedTuple):
    """One operation on the way back: the gradient of its output, and for each input where it went, what, and why so.

    A way is the number of the operation that made the input, or minus the id of a leaf.
    """

    name: str
    where: str
    module: str
    given: Stats
    sent: list[tuple[int, Stats, Reason | None]]


class Record:
    """One walk back: the operations that it began at, a Flow for each by its number, and the ways that it went."""

    def __init__(self, roots: list[int]):
        self.roots = roots
        self.flows: dict[int, Flow] = {}
        self.reached: set[int] = set()
        # The operation whose rule raised an error, and that.
        self.failed: tuple[Node, Exception] | None = None
        # What was told of each gradient last sent a way, with the array: most are given on as they are.
        self._told: dict[int, tuple[Any, Stats]] = {}

    def add(self, node: Node, step: Any, g: Any, grads: list) -> None:
        """Write down one operation, with what a watcher saw of it if any did, and the gradients that its rule gave."""
        array, given = self._told.pop(node.id, (None, None))
        if given is None or array is not g:
            given = summed_up(g)
        sent = []
        for i, (edge, result) in enumerate(zip(node.edges, grads, strict=False)):
            if edge is None or result is None:
                continue
            stats = summed_up(result)
            key = way(edge)
            self.reached.add(key)
            self._told[key] = result, stats
            why = reason(node, i, given, stats)
            if why is not None and step is not None and any(s.name == "bernoulli_mask" for s in step.inputs):
                why = why._replace(cause="dropout", text=f"dropout sets {stats.zeros:.0%} of the values to zero")
            sent.append((key, stats, why))
        module = step.module if step is not None else ""
        self.flows[node.id] = Flow(node.primitive.name, node.where or "", module, given, sent)

    def end(self) -> None:
        """Let go of the arrays."""
        self._told.clear()

    def leading_to(self, goal: int) -> set[int]:
        """Return the operations from which gradients go towards a way."""
        found: set[int] = set()
        for number in sorted(self.flows):
            if any(key == goal or key in found for key, _, _ in self.flows[number].sent):
                found.add(number)
        return found


def way(edge: Any) -> int:
    """Return the number of an operation, or minus the id of a leaf."""
    if isinstance(edge, Tensor):
        return -id(edge)
    return edge.edges[0].id if type(edge) is Pick else edge.id


# -- graphs that are still there -----------------------------------------------------------------------------------


def leading(goal: Tensor, roots: list[Tensor]) -> list[Node]:
    """Return the operations between a tensor and the roots, the last first; none when it is not on the way."""
    target = goal.node if goal.node is not None else goal
    seen = behind(roots)
    found: set[Any] = set()
    for node in sorted(seen, key=lambda n: n.id):
        if node is not target and any(e is target or (isinstance(e, Node) and e in found) for e in node.edges):
            found.add(node)
    return sorted(found, key=lambda n: -n.id)


def behind(roots: Any) -> set[Node]:
    """Return all operations that some tensors were computed by."""
    seen: set[Node] = set()
    stack = [t.node for t in roots if t.node is not None]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e for e in node.edges if isinstance(e, Node))
    return seen


def stale(node: Node) -> tuple[str, Any]:
    """Return ("freed" | "overwritten" | "", the storage that was written to) of what an operation saved."""
    if isinstance(node, FunctionNode):
        if node.context._saved is None:
            return "freed", None
        kept = [k for k in node.context._saved if k is not None and hasattr(k, "version")]
        return next((("overwritten", k.memory) for k in kept if k.memory.version != k.version), ("", None))
    if node.plan is None:
        return "", None
    if node.saved is FREED:
        return "freed", None
    for place in node.plan.watched:
        if node.plan.fields[place][0] == UNCHANGED_OUT:
            continue
        kept = node.saved[place]
        for item in kept if isinstance(kept, list) else [kept]:
            if type(item) is tuple and len(item) == 3 and item[1].version != item[2]:
                return "overwritten", item[1]
    return "", None


def measure(goal: Tensor, roots: list[Tensor], nodes: list[Node], steps: Any) -> tuple[Record, Any]:
    """Send gradients from the roots through some operations; return what was seen, and the goal's gradient.

    Nobody's ``grad`` is touched, nothing is freed and no hook is called. Roots of several elements count as their sum.
    """
    record = Record([way(t.node) for t in roots if t.node is not None])
    target = _key(goal.node if goal.node is not None else goal)
    wanted = {target, *nodes}
    pending: dict[Any, Any] = {}
    for t in roots:
        _send(pending, _key(t.node if t.node is not None else t), np.ones(t.array.shape, t.array.dtype))
    before, STATE.grad_enabled = STATE.grad_enabled, False
    try:
        with np.errstate(all="ignore"):
            for node in nodes:
                g = pending.pop(node, None)
                if g is None:
                    continue
                if type(node) is Pick:
                    _send_part(pending, node, g)
                    continue
                try:
                    grads = node.pull(g, False)
                except Exception as error:  # of a user's own function, or of the engine: it is told of, not raised
                    record.failed = node, error
                    break
                record.add(node, steps.get(node), g, grads)
                for edge, result in zip(node.edges, grads, strict=False):
                    if edge is not None and result is not None and _key(edge) in wanted:
                        _send(pending, _key(edge), result)
    finally:
        STATE.grad_enabled = before
    record.end()
    return record, pending.get(target)


def _key(edge: Any) -> Any:
    """Return what stands for a node or a leaf; tensors compare by element, so a leaf goes by its id."""
    return id(edge) if isinstance(edge, Tensor) else edge


def _send(pending: dict, key: Any, g: Any) -> None:
    pending[key] = pending[key] + g if key in pending else g


def _send_part(pending: dict, node: Pick, g: Any) -> None:
    parent = node.edges[0]
    parts = pending.setdefault(parent, [None] * parent.outputs)
    parts[node.index] = g if parts[node.index] is None else parts[node.index] + g
