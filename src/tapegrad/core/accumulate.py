"""Adding gradients up in the leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import STATE
from .tensor import Tensor, wrap

__all__ = ["accumulate", "call_after", "owned"]


def accumulate(leaf: Tensor, g: Any, fresh: bool, create_graph: bool) -> None:
    """Add a gradient to what a leaf holds; a ``fresh`` one may become the leaf's own without a copy."""
    if STATE.tracer is not None:
        STATE.tracer.looks_at_gradient(leaf)
    if create_graph:
        leaf._grad = g if leaf._grad is None else leaf._grad + g
        return
    if isinstance(g, Tensor):
        leaf._grad = _traced_sum(leaf._grad, g)
    elif leaf._grad is None:
        leaf._grad = wrap(owned(g, fresh))
    else:
        np.add(leaf._grad.array, g, out=leaf._grad.array, casting="same_kind")
        leaf._grad.memory.version += 1


def call_after(leaf: Tensor) -> None:
    """Call what waits for the gradient of a leaf to be added up."""
    hooks = leaf.__dict__.get("post_accumulate_hooks")
    if hooks:
        if STATE.tracer is not None:
            STATE.tracer.refuse("hook", "a hook runs in the step that is being traced", "remove it before")
        for hook in list(hooks):
            hook(leaf)


def _traced_sum(held: Tensor | None, g: Tensor) -> Tensor:
    g = g.detach()
    return g.clone() if held is None else held.add_(g)


def owned(g: Any, fresh: bool) -> np.ndarray:
    """Return a gradient as an array that nothing else holds."""
    return g if fresh and isinstance(g, np.ndarray) else np.array(g)
