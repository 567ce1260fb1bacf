"""What the tape is made of: storages with versions, nodes with edges, and the modes that decide whether to record."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

__all__ = [
    "ALTERATIONS",
    "FREED",
    "STATE",
    "AccumulateGrad",
    "FunctionNode",
    "Node",
    "Pick",
    "Storage",
    "next_id",
    "user_line",
]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
next_id = itertools.count(1).__next__
FREED = object()
# How often an attribute of any module was set: while that stays the same, compiled programs need not look at modules.
ALTERATIONS = [0]


class _State(threading.local):
    """The modes of the running thread."""

    grad_enabled = True
    inference = False
    anomaly = False
    check_nan = True
    tracer: Any = None
    # The block of code that switched recording off, where a user's code did.
    block: Any = None
    # Pairs (pack, unpack) of what is done to values saved for gradients; the last one counts.
    saved_hooks: tuple = ()


STATE = _State()


def user_line() -> str:
    """Return ``file:line`` of the innermost caller outside the package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Storage:
    """The identity of a piece of memory: one for a tensor and all its views.

    ``version`` counts in-place writes; ``tracked_writes`` those that changed how the memory depends on other tensors;
    ``writer`` is the line of the last one; ``cut`` a note of how the values came off the tape. Class attributes are the defaults, so a storage costs next to nothing.
    """

    version = 0
    tracked_writes = 0
    writer = ""
    cut: Any = None

    def wrote(self, tracked: bool = False, writer: str = "") -> None:
        """Count one in-place write; ``writer`` is its line where the caller knows it already."""
        self.version += 1
        self.writer = writer or user_line()
        if tracked:
            self.tracked_writes += 1


class Node:
    """One recorded operation: the primitive, edges to where its inputs came from, and the values that its rule needs.

    An edge is a Node, a leaf Tensor, or None. A saved tensor is kept as (array, storage, version), so that a node
    never keeps a Tensor in between alive and the graph has no cycles.
    """

    __slots__ = (
        "__weakref__",
        "edges",
        "hooks",
        "id",
        "inputs_shape",
        "outputs",
        "plan",
        "primitive",
        "retained",
        "saved",
        "where",
    )

    def __init__(self, primitive: Any, plan: Any, edges: Sequence, saved: Any):
        self.primitive = primitive
        self.plan = plan
        self.edges = edges
        self.saved: Any = saved
        self.id = next_id()
        # The shapes of the inputs when broadcasting has to be undone.
        self.inputs_shape: tuple | None = None
        self.outputs = 1
        self.hooks: list[Callable] | None = None
        self.retained: Any = None
        self.where: str | None = user_line() if STATE.anomaly else None

    @property
    def next_functions(self) -> tuple:
        """Return the edges as PyTorch gives them: (node, 0) pairs, a leaf as what adds up its gradient."""
        return tuple(
            (edge if edge is None or isinstance(edge, Node) else AccumulateGrad(edge), 0) for edge in self.edges
        )

    def name(self) -> str:
        """Return the name that PyTorch would print, e.g. ``TanhBackward0``."""
        return "".join(part.capitalize() for part in self.primitive.name.split("_")) + "Backward0"

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def release(self) -> None:
        """Let go of the saved arrays, if there are any, after which the node can no longer be differentiated."""
        if self.plan is not None and self.plan.keeps_arrays:
            self.saved = FREED

    def pull(self, g: Any, as_tensors: bool) -> list:
        """Return the gradients of the inputs (None where not wanted), given that of the output."""
        return self.plan.pull(self, g, as_tensors)


class AccumulateGrad:
    """The end of a path through the tape: where a leaf, its ``variable``, adds up its gradient."""

    __slots__ = ("variable",)
    next_functions = ()

    def __init__(self, variable: Any):
        self.variable = variable

    def name(self) -> str:
        """Return PyTorch's name for it."""
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)


class Pick(Node):
    """One output of a node that has several."""

    __slots__ = ("index",)

    def __init__(self, parent: Node, index: int):
        super().__init__(parent.primitive, None, (parent,), ())
        self.index = index


class FunctionNode(Node):
    """A recorded call of a user's :class:`tapegrad.autograd.Function`."""

    def __init__(self, primitive: Any, edges: Sequence, context: Any, outputs: int):
        super().__init__(primitive, None, edges, ())
        self.context = context
        self.outputs = outputs

    def name(self) -> str:
        return self.primitive.name + "Backward"

    def release(self) -> None:
        self.context.release()

    def pull(self, g: Any, as_tensors: bool) -> list:
        return self.primitive.pull(self.context, g, as_tensors)
