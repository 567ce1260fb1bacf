"""Tensors that a derivative makes for itself, and results freed of them once it is done."""

from __future__ import annotations

from typing import Any

from ..core import Node, Tensor
from .tree import leaves, rebuild

__all__ = ["owned", "settle"]


def owned(tensor: Tensor, owner: Any) -> Tensor:
    """Return a tensor that requires a gradient, as a leaf of ``owner``, which is ``active`` until its results are out."""
    tensor.requires_grad_()
    tensor.__dict__["owner"] = owner
    return tensor


def settle(results: Any) -> Any:
    """Return nested results with those detached that owe their gradients to owners that are done, and to nothing else."""
    inside: set[Node] = set()
    return rebuild(results, iter([_settled(r, inside) for r in leaves(results)]))


def _settled(result: Any, inside: set[Node]) -> Any:
    if not isinstance(result, Tensor) or not result.requires_grad:
        return result
    if result.node is None:
        return result.detach() if _is_done(result) else result
    return result if _reaches_out(result.node, inside) else result.detach()


def _is_done(leaf: Tensor) -> bool:
    owner = leaf.__dict__.get("owner")
    return owner is not None and not owner.active


def _reaches_out(root: Node, inside: set[Node]) -> bool:
    """Return whether a leaf of nobody, or of an active owner, lies below; nodes with none are added to ``inside``."""
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if node in seen or node in inside:
            continue
        seen.add(node)
        for edge in node.edges:
            if isinstance(edge, Tensor) and not _is_done(edge):
                return True
            if isinstance(edge, Node):
                stack.append(edge)
    inside |= seen
    return False
