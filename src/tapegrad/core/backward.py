"""Walking the tape backwards: ``backward`` and ``grad``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..errors import DTypeError, GradError, ShapeError, UsageError
from .accumulate import accumulate, call_after, owned
from .graph import STATE, FunctionNode, Node, Pick
from .tensor import Tensor, wrap

__all__ = ["backward", "grad"]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradient of the tensors to ``grad`` of every leaf that they depend on (of ``inputs`` alone when given).

    Formula: for each leaf w, ``w.grad += sum_i d tensors[i] / dw · grad_tensors[i]``.
    ``grad_tensors`` may be left out for one-element tensors (it is 1). ``create_graph`` records the backward pass
    itself, so that it can be differentiated again. ``retain_graph`` keeps the saved values for another pass.
    ``grad_variables`` is the old name of ``grad_tensors``.
    Raises GradError when nothing here requires a gradient or the saved values are gone, ShapeError for a gradient
    of another shape. Source: https://pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import tapegrad as tg
    >>> w = tg.tensor(3.0, requires_grad=True)
    >>> tg.autograd.backward(w ** 2)
    >>> w.grad
    tensor(6.)
    """
    grad_tensors = grad_variables if grad_tensors is None else grad_tensors
    targets = None if inputs is None else _as_list(inputs)
    retain = create_graph if retain_graph is None else retain_graph
    walk = _Walk(create_graph, retain, targets)
    leaves, captured = walk.run(_roots("backward", tensors, grad_tensors))
    for leaf, g, fresh in leaves.values():
        if targets is None or any(leaf is t for t in targets):
            accumulate(leaf, g, fresh, create_graph)
            if leaf.__dict__:
                call_after(leaf)
    for t in targets or ():
        if t.node is not None and t.node in captured:
            accumulate(t, captured[t.node], False, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """Return the gradients of the outputs with respect to the inputs, leaving every ``grad`` as it is.

    Arguments as in :func:`backward`. With ``allow_unused`` an input that the outputs do not depend on gives None,
    with ``materialize_grads`` zeros; otherwise GradError is raised. With ``is_grads_batched`` the gradients of the
    outputs have one more dimension, the first, and so have the results. ``only_inputs`` says what holds anyway.
    Source: https://pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import tapegrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> (g,) = tg.autograd.grad(x ** 3, x, create_graph=True)
    >>> g, tg.autograd.grad(g, x)[0]
    (tensor(12., grad_fn=<MulBackward0>), tensor(12.))
    """
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads)
    targets = _as_list(inputs)
    for i, t in enumerate(targets):
        if not t.requires_grad:
            raise GradError(
                "grad", f"input {i} does not require a gradient", "call requires_grad_() on it before the forward pass"
            )
    walk = _Walk(create_graph, create_graph if retain_graph is None else retain_graph, targets)
    leaves, captured = walk.run(_roots("grad", outputs, grad_outputs))
    results = []
    for i, t in enumerate(targets):
        fresh = False
        if t.node is not None:
            g = captured.get(t.node)
        else:
            _, g, fresh = leaves.get(id(t), (t, None, False))
        if g is None and materialize_grads:
            g, fresh = np.zeros_like(t.array), True
        elif g is None and not allow_unused:
            raise GradError(
                "grad", f"the outputs do not depend on input {i}", "pass allow_unused=True to get None for it"
            )
        results.append(g if g is None or isinstance(g, Tensor) else wrap(owned(g, fresh)))
    return tuple(results)


def _batched(
    outputs: Any, inputs: Any, given: Any, create_graph: bool, allow_unused: bool | None, materialize_grads: bool
) -> tuple:
    """Return the gradients for each of several gradients of the outputs, which lie along a first dimension of theirs."""
    from .primitive import ops

    batches = [] if given is None else [b for b in _as_list(given) if b is not None]
    if len(batches) != len(_as_list(outputs)) or len({b.array.shape[:1] for b in batches}) != 1:
        raise GradError(
            "grad", "is_grads_batched=True wants as many gradients of each output", "stack them along dimension 0"
        )
    rows = [
        grad(
            outputs,
            inputs,
            [b[i] for b in batches],
            True,
            create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
        for i in range(len(batches[0].array))
    ]
    return tuple(None if column[0] is None else ops.stack(*column, dim=0) for column in zip(*rows, strict=True))


def _as_list(tensors: Any) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _roots(who: str, tensors: Any, gradients: Any) -> list[tuple[Tensor, Any]]:
    outputs = _as_list(tensors)
    given = (
        [gradients] * len(outputs)
        if gradients is None
        else [gradients]
        if isinstance(gradients, Tensor)
        else list(gradients)
    )
    if len(given) != len(outputs):
        raise GradError(who, f"{len(outputs)} outputs but {len(given)} gradients", "give one gradient per output")
    return [(t, _root_gradient(who, t, g)) for t, g in zip(outputs, given, strict=True)]


def _root_gradient(who: str, t: Tensor, g: Any) -> Any:
    if not t.requires_grad:
        raise GradError(
            who,
            "the tensor does not require a gradient and has no grad_fn",
            "compute it from a tensor with requires_grad=True, outside no_grad()",
        )
    if g is None:
        if t.array.size != 1:
            raise GradError(
                who,
                f"a gradient can be left out for one-element outputs only, this one has shape {t.array.shape}",
                "reduce it with .sum() or .mean(), or pass gradient=",
            )
        if t.array.dtype.kind == "c":
            raise GradError(
                who,
                f"a gradient can be left out for real outputs only, this one is {t.array.dtype}",
                "take .abs() or .real of it, or pass gradient=",
            )
        return np.array(1, t.array.dtype).reshape(t.array.shape)
    array = g.array if isinstance(g, Tensor) else np.asarray(g)
    if array.shape != t.array.shape:
        raise ShapeError(who, f"the gradient has shape {array.shape}, the output {t.array.shape}", "make them equal")
    return g


# -- the walk ---------------------------------------------------------------------------------------------------------


class _Walk:
    """One pass from the roots to the leaves.

    Nodes are numbered as they are recorded, so the highest pending number is always ready: all that depends on it has
    a higher one and is done. That makes a heap the whole of the ordering, without recursion.
    """

    def __init__(self, create_graph: bool, retain: bool, targets: list[Tensor] | None):
        self.as_tensors = create_graph or STATE.tracer is not None
        self.create_graph = create_graph
        self.retain = retain
        self.targets = targets
        self.anomaly = STATE.anomaly
        # By id: the leaf, its gradient, and whether nothing but this walk holds that array: it may then become the
        # leaf's own without a copy.
        self.leaves: dict[int, tuple[Tensor, Any, bool]] = {}
        self.captured: dict[Node, Any] = {}
        self.pending: dict[Node, Any] = {}
        self.heap: list[tuple[int, Node]] = []

    def run(self, roots: list[tuple[Tensor, Any]]) -> tuple[dict, dict]:
        """Return the gradients of leaves, by id, and of the target nodes."""
        before = STATE.grad_enabled
        STATE.grad_enabled = self.create_graph
        try:
            needed = None if self.targets is None else _leading_to(self.targets, roots)
            for t, g in roots:
                self._send(t.node if t.node is not None else t, self._native(g, t))
            # Where a derivative is infinite (sqrt at 0) the gradient says so; NumPy's warning would add nothing.
            with np.errstate(all="ignore"):
                self._drain(needed)
            self._finish_leaves()
        finally:
            STATE.grad_enabled = before
        return self.leaves, self.captured

    def _native(self, g: Any, t: Tensor) -> Any:
        if self.as_tensors:
            g = g if isinstance(g, Tensor) else wrap(np.asarray(g))
            return g if g.array.dtype == t.array.dtype else g.to(t.array.dtype)
        array = g.array if isinstance(g, Tensor) else g
        return array.astype(t.array.dtype, copy=False)

    def _drain(self, needed: set[Node] | None) -> None:
        targets = {t.node for t in self.targets or () if t.node is not None}
        heap, pending, leaves = self.heap, self.pending, self.leaves
        plain, release = not (self.as_tensors or self.anomaly), not self.retain
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
        if t is not None:
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
