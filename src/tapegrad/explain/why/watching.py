"""Looking on while a piece of code runs: each operation with its line, its module and where its inputs came from."""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core import STATE, Node, Tensor, Tracer, user_line
from ...core.graph import Pick, next_id
from ...core.notes import Note
from ...errors import TraceError
from .flow import Record, behind, way
from .reasons import saved_values

__all__ = ["NODES", "Step", "Watcher", "ancestors", "steps_of", "watch"]


class Step:
    """One operation that was seen, or (``name`` empty) a tensor that came from outside. It holds no array.

    ``wanted``: whether an input required a gradient; ``tracked``: whether the result does. ``cut``: what took it off the
    tape where that was neither the operation itself nor a block. ``worst`` and ``low`` tell of the result's values.
    """

    __slots__ = (
        *("__weakref__", "block", "cut", "inputs", "leaf", "low", "module", "name", "node", "number"),
        *("tracked", "version", "wanted", "watcher", "where", "worst"),
    )

    def __init__(self, number: int, name: str, where: str, module: str, inputs: list[Step]):
        self.number = number
        self.name = name
        self.where = where
        self.module = module
        self.inputs = inputs
        self.node = 0
        self.tracked = self.wanted = False
        self.cut = ""
        self.block: Note | None = None
        self.leaf = self.version = 0
        self.worst = ""
        self.low = math.nan
        self.watcher: Any = None

    def values(self, array: np.ndarray) -> None:
        """Look at the values."""
        if array.dtype.kind not in "fc" or not array.size:
            return
        self.low = float(array.min()) if array.dtype.kind == "f" else math.nan
        if not math.isfinite(self.low) or not np.isfinite(array).all():
            self.worst = "nan" if np.isnan(array).any() else "inf"
            finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array[:0]
            self.low = float(finite.min()) if finite.size else math.nan


# The step of each operation of a graph that is still there.
NODES: weakref.WeakKeyDictionary[Node, Step] = weakref.WeakKeyDictionary()


class Watcher(Tracer):
    """The tracer that only looks on. Its steps hang on the tensors that they made, and go with them."""

    watches = True

    def __init__(self) -> None:
        super().__init__({})
        self._begun = 0
        self.records: deque[tuple[Record, list[Step]]] = deque(maxlen=4)
        self._paths: dict[int, str] = {}
        self._here: list[str] = []
        self._writing: Tensor | None = None

    # -- modules -------------------------------------------------------------------------------------------------------

    def enters(self, module: Any) -> None:
        """Begin a module's forward pass; the outermost one names all that it holds."""
        if not self._here and hasattr(module, "named_modules"):
            self._paths = {id(m): f"{path} ({type(m).__name__})".strip() for path, m in module.named_modules()}
        self._here.append(self._paths.get(id(module), type(module).__name__))

    def leaves(self, module: Any) -> None:
        self._here.pop()

    # -- operations ----------------------------------------------------------------------------------------------------

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        """Write down one operation."""
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        outputs = out if isinstance(out, tuple) else (out,)
        written, step = self._writing, self._step(primitive.name, tensors)
        if written is not None and outputs[0].memory is written.memory:
            self._writing = None
            if written.node is None and not STATE.grad_enabled:
                # A parameter that is updated stays what it was, or its history would grow with every step.
                return
            self._forget(written)
            outputs = (*outputs, written)
        for t in outputs:
            step.tracked = step.tracked or t.node is not None
            if t.node is not None and t is not written:
                parent = t.node.edges[0] if type(t.node) is Pick else t.node
                NODES[parent] = step
                step.node = parent.id
            t.origin = step
        step.values(outputs[0].array)

    def _step(self, name: str, sources: list[Tensor]) -> Step:
        module = self._here[-1] if self._here else ""
        step = Step(next_id(), name, user_line(), module, [self.origin(x) for x in sources])
        step.wanted = any(x.node is not None or x._leaf_grad for x in sources)
        step.block = None if STATE.grad_enabled or STATE.block is None else Note._make(STATE.block)
        return step

    def origin(self, t: Tensor) -> Step:
        """Return the step that made a tensor; for one from outside, one that stands for it."""
        held = getattr(t, "origin", None)
        if isinstance(held, Step) and held.leaf and t.node is None:
            # Its values may have changed since, and what it was to an earlier watcher says nothing of this one.
            if held.watcher is self and held.version == t.memory.version and held.tracked == t._leaf_grad:
                return held
        elif isinstance(held, Step) and (held.tracked or t.node is None):
            return held
        if t.node is not None:
            parent = t.node.edges[0] if type(t.node) is Pick else t.node
            step = NODES.get(parent)
            if step is None:
                step = self._recorded(parent)
        else:
            step = self._outside(t, held)
        t.origin = step
        return step

    def _recorded(self, node: Node) -> Step:
        """Return a step for an operation that was recorded without being seen: a custom Function's, or an earlier one."""
        inputs = []
        for edge in node.edges:
            if isinstance(edge, Tensor):
                inputs.append(self.origin(edge))
            elif edge is not None:
                held = NODES.get(edge.edges[0] if type(edge) is Pick else edge)
                inputs += [held] if held is not None else []
        step = Step(next_id(), node.primitive.name, node.where or "", self._here[-1] if self._here else "", inputs)
        step.tracked = step.wanted = True
        step.node = node.id
        NODES[node] = step
        return step

    def _outside(self, t: Tensor, held: Any) -> Step:
        step = Step(next_id(), "", "", "", [])
        step.leaf = id(t)
        step.tracked = t._leaf_grad
        step.watcher = self
        step.version = t.memory.version
        if isinstance(held, tuple):
            noted = Note._make(held)
            step.where, step.cut = noted.where, noted.how
        elif isinstance(held, Step):
            step.where, step.cut = held.where, held.cut
        if not t.is_sparse:
            step.values(t.array)
        return step

    # -- what goes on off the tape -------------------------------------------------------------------------------------

    def cuts(self, how: str, source: Any, out: Any) -> None:
        """A tensor is detached, or copied; reading it says nothing of what is made of the numbers."""
        step = self._step(how, [source])
        step.cut = how
        inner = step.inputs[0]
        step.worst, step.low = inner.worst, inner.low
        out.origin = step

    def before_write(self, target: Tensor) -> None:
        """An operation is about to write into a tensor."""
        self._writing = target

    def record_write(self, target: Tensor, result: Tensor) -> None:
        """A result was copied into a tensor."""
        self._writing = None
        if target.node is None and not STATE.grad_enabled and target._leaf_grad:
            return
        made = self.origin(result)
        self._forget(target)
        target.origin = made

    def _forget(self, target: Tensor) -> None:
        """Drop what a buffer was before the last backward(), or its history would grow with every step."""
        held = getattr(target, "origin", None)
        if target.node is None and isinstance(held, Step) and held.number < self._begun:
            held.inputs.clear()

    def refuse(self, who: str, what: str, fix: str) -> None:
        """Go on: nothing that runs needs to be repeated."""

    def updates(self, optimizer: Any) -> bool:
        """Let an optimizer step unseen, as it does without."""
        STATE.tracer = None
        try:
            optimizer.step()
        finally:
            STATE.tracer = self
        return True

    # -- gradients -----------------------------------------------------------------------------------------------------

    def walks(self, roots: list) -> None:
        """Begin a record of gradients."""
        self._begun = next_id()
        record = Record([way(t.node) for t, _ in roots if t.node is not None])
        self.records.append((record, [self.origin(t) for t, _ in roots]))

    def differentiated(self, node: Any, g: Any, grads: list) -> None:
        """Write down what an operation made of a gradient."""
        self.records[-1][0].add(node, NODES.get(node), g, grads)


class watch:  # noqa: N801  (used like no_grad)
    """Keep the line, the module and the finiteness of every operation inside, for the fullest answer of :func:`explain`.

    What runs inside computes the same numbers as without, a compiled step as well, which then runs eagerly; it is
    several times as slow. Gradients of the last four calls of ``backward()`` inside are kept in numbers, not as arrays.
    Raises TraceError inside a trace.

    >>> import tapegrad as tg
    >>> w = tg.tensor([1.0, -1.0], requires_grad=True)
    >>> with tg.explain.watch():
    ...     (w.detach() * w.sqrt()).sum().backward()
    >>> tg.explain(w).cause
    'sqrt-of-negative'
    """

    def __init__(self) -> None:
        self.watcher = Watcher()
        self._before: list[tuple[Any, bool, bool]] = []

    def __enter__(self) -> watch:
        if STATE.tracer is not None:
            raise TraceError("watch", "a trace is running already", "watch the whole, or none of it")
        self._before.append((STATE.tracer, STATE.anomaly, STATE.check_nan))
        STATE.tracer = self.watcher
        if not STATE.anomaly:
            STATE.anomaly, STATE.check_nan = True, False
        return self

    def __exit__(self, *exc: object) -> None:
        STATE.tracer, STATE.anomaly, STATE.check_nan = self._before.pop()


def steps_of(roots: list[Tensor]) -> list[Step]:
    """Return the steps that end in some tensors, as far as what their graph saved tells of the values."""
    steps: dict[Any, Step] = {}
    known: set[Step] = set()
    for node in sorted(behind(roots), key=lambda n: n.id):
        if type(node) is Pick:
            steps[node] = steps[node.edges[0]]
            continue
        inputs = [_source(edge, steps) for edge in node.edges]
        steps[node] = step = Step(node.id, node.primitive.name, node.where or "", "", [s for s in inputs if s])
        step.tracked = step.wanted = True
        values = saved_values(node)
        _look(step, values.get("out"), known)
        for name, source in zip(node.primitive.inputs, inputs, strict=False) if node.plan is not None else ():
            if source is None and isinstance(values.get(name), np.ndarray):
                source = Step(0, "", "", "", [])
                source.leaf = -1
                step.inputs.append(source)
            _look(source, values.get(name), known)
    ends = [steps[t.node] if t.node is not None else _source(t, steps) for t in roots]
    for t, step in zip(roots, ends, strict=True):
        _look(step, t.array, known)
    for step in steps.values():
        if step not in known and step.inputs:
            step.worst = max(s.worst for s in step.inputs)
    return [step for step in ends if step is not None]


def _source(edge: Any, steps: dict[Any, Step]) -> Step | None:
    if not isinstance(edge, Tensor):
        return None if edge is None else steps[edge]
    if id(edge) not in steps:
        steps[id(edge)] = step = Step(0, "", "", "", [])
        step.leaf, step.tracked = id(edge), True
        step.values(edge.array)
    return steps[id(edge)]


def _look(step: Step | None, value: Any, known: set[Step]) -> None:
    if step is not None and isinstance(value, np.ndarray) and step not in known:
        step.values(value)
        known.add(step)


def ancestors(ends: Iterable[Step]) -> set[Step]:
    """Return the steps that some steps were computed from, themselves included."""
    seen: set[Step] = set()
    stack = list(ends)
    while stack:
        step = stack.pop()
        if step not in seen:
            seen.add(step)
            stack.extend(step.inputs)
    return seen
