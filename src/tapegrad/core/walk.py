"""The walk over the tape, from the roots back to the leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..errors import DTypeError, GradError, ShapeError, UsageError
from .accumulate import accumulate, call_after
from .graph import STATE, FunctionNode, Node, Pick
from .tensor import Tensor, wrap

__all__ = ["Walk"]


class Walk:
    """One pass from the roots to the leaves.

    Nodes are numbered as they are recorded, so the highest pending number is always ready: all that depends on it has
    a higher one and is done. That makes a heap the whole of the ordering, without recursion.

    ``reader`` is called with each node, the gradient of its output and the gradients of its inputs, before these are
    sent on: :meth:`held` tells what they will be added to. With a reader nobody's ``grad`` is touched before
    :meth:`deliver`, and no array that it was shown is given away.
    """

    def __init__(
        self,
        create_graph: bool,
        retain: bool,
        targets: list[Tensor] | None,
        reader: Callable[[Node, Any, list], None] | None = None,
    ):
        tracer = STATE.tracer
        watcher = tracer if tracer is not None and tracer.watches else None
        self.as_tensors = create_graph or (tracer is not None and watcher is None)
        self.create_graph = create_graph
        self.retain = retain
        self.targets = targets
        self.anomaly = STATE.anomaly
        self.watcher = watcher
        self.reader = watcher.differentiated if reader is None and watcher is not None else reader
        # Tensors in between that keep their gradients, where a reader has these wait.
        self.waiting: list[tuple[Tensor, Any]] = []
        # By id: the leaf, its gradient, and whether nothing but this walk holds that array: it may then become the
        # leaf's own without a copy.
        self.leaves: dict[int, tuple[Tensor, Any, bool]] = {}
        self.captured: dict[Node, Any] = {}
        self.pending: dict[Node, Any] = {}
        self.heap: list[tuple[int, Node]] = []

    def run(self, roots: list[tuple[Tensor, Any]]) -> tuple[dict, dict]:
        """Go from the roots to the leaves; return the gradients of leaves, by id, and of the target nodes."""
        before = STATE.grad_enabled
        STATE.grad_enabled = self.create_graph
        try:
            needed = None if self.targets is None else _leading_to(self.targets, roots)
            if self.watcher is not None:
                self.watcher.walks(roots)
            for t, g in roots:
                self._send(t.node if t.node is not None else t, self._native(g, t))
            # Where a derivative is infinite (sqrt at 0) the gradient says so; NumPy's warning would add nothing.
            with np.errstate(all="ignore"):
                self._drain(needed)
            self._finish_leaves()
        finally:
            STATE.grad_enabled = before
        return self.leaves, self.captured

    def deliver(self) -> None:
        """Add the gradients to ``grad`` of the leaves and of the targets."""
        targets, create_graph, unseen = self.targets, self.create_graph, self.reader is None
        for t, g in self.waiting:
            accumulate(t, g, False, create_graph)
        for leaf, g, fresh in self.leaves.values():
            if targets is None or any(leaf is t for t in targets):
                accumulate(leaf, g, fresh and unseen, create_graph)
                if leaf.__dict__:
                    call_after(leaf)
        for t in targets or ():
            if t.node is not None and t.node in self.captured:
                accumulate(t, self.captured[t.node], False, create_graph)

    def held(self, edge: Node | Tensor) -> Any:
        """Return what has come together so far for a node or a leaf, or None."""
        if isinstance(edge, Tensor):
            return self.leaves[id(edge)][1] if id(edge) in self.leaves else None
        return self.pending.get(edge)

    def _native(self, g: Any, t: Tensor) -> Any:
        if self.as_tensors:
            g = g if isinstance(g, Tensor) else wrap(np.asarray(g))
            return g if g.array.dtype == t.array.dtype else g.to(t.array.dtype)
        array = g.array if isinstance(g, Tensor) else g
        return array.astype(t.array.dtype, copy=False)

    def _drain(self, needed: set[Node] | None) -> None:
        targets = {t.node for t in self.targets or () if t.node is not None}
        heap, pending, leaves = self.heap, self.pending, self.leaves
        plain, release = not (self.as_tensors or self.anomaly or self.reader is not None), not self.retain
        while heap:
            node = heappop(heap)[1]
            g = pending.pop(node)
            if node.hooks is not None or node.retained is not None or needed is not None:
                g = self._look(node, g, targets)
                if needed is not None and node not in needed:
                    continue
            if type(node) is Pick:
                self._send_part(node, g)
                continue
            if plain:
                grads = node.pull(g, False)
                if release:
                    node.release()
            else:
                grads = self._pull(node, g)
            edges = node.edges
            for i, result in enumerate(grads):
                edge = edges[i]
                if edge is None or result is None:
                    continue
                if isinstance(edge, Tensor):
                    held = leaves.get(id(edge))
                    if held is None:
                        leaves[id(edge)] = (edge, result, not self.as_tensors and _is_fresh(node, result, g, grads))
                    else:
                        leaves[id(edge)] = (edge, held[1] + result, True)
                elif edge in pending:
                    pending[edge] = pending[edge] + result
                else:
                    pending[edge] = result
                    heappush(heap, (-edge.id, edge))

    def _look(self, node: Node, g: Any, targets: set[Node]) -> Any:
        """Show a node's gradient to those who asked for it; return what a hook made of it."""
        if node.hooks is not None:
            g = self._run_hooks(node.hooks, g)
        if node.retained is not None:
            self._retain(node, g)
        if node in targets:
            self.captured[node] = g
        return g

    def _pull(self, node: Node, g: Any) -> list:
        if self.as_tensors and STATE.tracer is not None:
            STATE.tracer.differentiates(node, g)
        grads = _watched_pull(node, g, self.as_tensors) if self.anomaly else node.pull(g, self.as_tensors)
        if self.reader is not None:
            self.reader(node, g, grads)
        if not self.retain:
            node.release()
        return grads

    def _send(self, edge: Node | Tensor, g: Any) -> None:
        """Add a root's gradient to what is on its way to a node or a leaf."""
        if isinstance(edge, Tensor):
            held = self.leaves.get(id(edge))
            self.leaves[id(edge)] = (edge, g, False) if held is None else (edge, held[1] + g, True)
        elif edge in self.pending:
            self.pending[edge] = self.pending[edge] + g
        else:
            self.pending[edge] = g
            heappush(self.heap, (-edge.id, edge))

    def _send_part(self, node: Pick, g: Any) -> None:
        parent = node.edges[0]
        if parent not in self.pending:
            self.pending[parent] = [None] * parent.outputs
            heappush(self.heap, (-parent.id, parent))
        parts = self.pending[parent]
        held = parts[node.index]
        parts[node.index] = g if held is None else held + g

    def _finish_leaves(self) -> None:
        for key, (leaf, g, _) in self.leaves.items():
            if leaf._hooks:
                # The hook may have kept the gradient: what becomes the leaf's must then be a copy.
                self.leaves[key] = (leaf, self._run_hooks(leaf._hooks, g), False)

    def _run_hooks(self, hooks: list[Callable], g: Any) -> Any:
        if STATE.tracer is not None:
            STATE.tracer.refuse("hook", "a hook runs in the step that is being traced", "remove it before")
        value = g if isinstance(g, Tensor) else wrap(np.asarray(g))
        for hook in list(hooks):
            result = hook(value)
            if result is not None:
                _check_hook_result(result, value)
                value = result
        return value if self.as_tensors else value.array

    def _retain(self, node: Node, g: Any) -> None:
        t = node.retained()
        if t is None:
            return
        if self.reader is not None:
            self.waiting.append((t, g))
        else:
            accumulate(t, g, False, self.create_graph)


def _is_fresh(node: Node, result: Any, g: Any, grads: list) -> bool:
    """Return whether a rule made this array for one input alone, so that nothing else holds it."""
    if result is g or result.base is not None or type(node) is FunctionNode:
        return False
    met = False
    for other in grads:
        if other is result:
            if met:
                return False
            met = True
    return True


def _check_hook_result(result: Any, g: Tensor) -> None:
    """Raise unless what a hook returned can take the place of the gradient that it was given."""
    if not isinstance(result, Tensor):
        raise UsageError("hook", f"it returned a {type(result).__name__}", "return a tensor, or None")
    if result.array.shape != g.array.shape:
        raise ShapeError(
            "hook",
            f"it returned a gradient of shape {result.array.shape} for one of {g.array.shape}",
            "return a tensor of the gradient's shape",
        )
    if result.array.dtype != g.array.dtype:
        raise DTypeError(
            "hook",
            f"it returned a gradient of dtype {result.array.dtype} for one of {g.array.dtype}",
            "convert it with .to(grad.dtype)",
        )


def _leading_to(targets: Sequence[Tensor], roots: list[tuple[Tensor, Any]]) -> set[Node]:
    """Return the nodes through which gradients reach the targets."""
    goals = {t.node if t.node is not None else id(t) for t in targets}
    seen: set[Node] = set()
    stack = [t.node for t, _ in roots if t.node is not None]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e for e in node.edges if isinstance(e, Node))
    needed: set[Node] = set()
    for node in sorted(seen, key=lambda n: n.id):
        if any(e in needed or e in goals if isinstance(e, Node) else id(e) in goals for e in node.edges):
            needed.add(node)
    return needed


def _watched_pull(node: Node, g: Any, as_tensors: bool) -> list:
    """Return the gradients in anomaly mode: an error, or a nan, names the line of the forward operation."""
    try:
        grads = node.pull(g, as_tensors)
    except Exception as error:
        error.add_note(f"the forward operation {node.name()} ran at {node.where or 'an unknown line'}")
        raise
    if STATE.check_nan:
        _check_finite(node, grads)
    return grads


def _check_finite(node: Node, grads: list) -> None:
    for i, g in enumerate(grads):
        array = g.array if isinstance(g, Tensor) else g
        if array is not None and np.isnan(array).any():
            what = node.primitive.name if not isinstance(node, FunctionNode) else node.name()
            raise GradError(
                f"backward through {what}",
                f"the gradient of input {i} has nan values; the forward operation ran at {node.where or 'an unknown line'}",
                "look at the inputs of that line, or clamp them into the operation's domain",
            )
