"""What in-place writes do to views: a write through a view changes its base, and with it all other views.

A view keeps its base. After a recorded write through a view the base's history is ``region_write`` (the base before,
with the result in the view's place); any other view of that memory, when it is used next, becomes a ``region`` of the
base as it is now.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GradError
from .graph import STATE, Node
from .tensor import Tensor

__all__ = ["check_view_writable", "rebase", "refresh"]


def check_view_writable(who: str, view: Tensor) -> None:
    """Raise GradError unless a recorded write through this view can be followed."""
    base = view.base
    if base._leaf_grad and base.node is None:
        raise GradError(
            who,
            "a view of a leaf Variable that requires grad is being used in an in-place operation",
            "write inside `with tapegrad.no_grad():`, or out of place",
        )
    if not base.array.flags.c_contiguous or base.array.dtype != view.array.dtype:
        raise GradError(
            who,
            f"this view (shape {view.array.shape}) cannot be written to in place while gradients are recorded, "
            "as its base has another memory order or dtype",
            "index the base instead, as in base[i] = value, or clone() the view",
        )


def rebase(view: Tensor, result: Tensor) -> None:
    """Give the base of a view the history that a write of ``result`` through the view leaves it with."""
    if STATE.tracer is not None:
        STATE.tracer.refuse("in-place write", "a view is written to while gradients are recorded", "clone() it first")
    from .primitive import ops

    base = view.base
    if view.node is None and result.node is None and base.node is None:
        return
    inputs = (base, result)
    keywords = _region(view)
    mask = (1 if base.node is not None else 0) | (2 if result.node is not None else 0)
    base.node = _node(ops.region_write, inputs, [base.node, result.node], mask, keywords)


def refresh(view: Tensor) -> None:
    """Make a view whose base was written to since it was taken a view of the base as it is now."""
    from .primitive import ops

    base = view.base
    view.view_version = view.memory.tracked_writes
    if base.node is None or view.array.dtype.kind not in "fc":
        return
    if not base.array.flags.c_contiguous or base.array.dtype != view.array.dtype:
        raise GradError(
            "view",
            f"this view (shape {view.array.shape}) was taken before its base was written to in place at {view.memory.writer}",
            "take the view again after the write",
        )
    if STATE.tracer is not None:
        STATE.tracer.refuse("view", "a view is used after its base was written to", "take the view again")
    view.node = _node(ops.region, (base,), [base.node], 1, _region(view))


def _region(view: Tensor) -> dict[str, Any]:
    """Return a view's place in its base, which is contiguous: shape, strides and offset in elements."""
    array, base, itemsize = view.array, view.base.array, view.array.itemsize
    return {
        "size": array.shape,
        "stride": tuple(s // itemsize for s in array.strides),
        "offset": (_address(array) - _address(base)) // itemsize,
    }


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _node(primitive: Any, inputs: tuple, edges: list, mask: int, keywords: dict) -> Node:
    arrays = [t.array for t in inputs]
    is_complex = any(a.dtype.kind == "c" for a in arrays)
    plan = primitive.complex_plan(mask, arrays) if is_complex else primitive.plan(mask)
    return Node(primitive, plan, edges, plan.save(inputs, arrays, None, keywords, 0))
