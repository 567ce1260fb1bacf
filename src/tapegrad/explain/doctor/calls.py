"""Calls of loss functions, and what can be read off their arguments and results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import Tensor
from .nonfinite import first_nonfinite
from .observe import Failure
from .practice import LossCall

__all__ = [
    "LOSS_CLASSES",
    "Call",
    "array_of",
    "factor_of",
    "facts_of_loss",
    "is_filled",
    "leads_to",
    "together",
    "why_not_finite",
]

# Names of losses as layers.
LOSS_CLASSES = {
    "mse_loss": "MSELoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "kl_div": "KLDivLoss",
    "hinge_loss": "HingeLoss",
}


@dataclasses.dataclass
class Call:
    """A call of a loss that no backward pass has used yet; ``inputs``: what the network got before it."""

    result: Tensor
    output: Any
    target: Any
    repeat: Callable
    facts: LossCall
    training: bool
    inputs: tuple = ()


def array_of(args: tuple) -> np.ndarray | None:
    """Return a copy of the first argument's array, None where it has none."""
    first = args[0] if args else None
    if not isinstance(first, Tensor) or first.is_sparse:
        return None
    return np.array(first.array) if first.array.ndim else None


def together(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return batches as one, None where they differ in shape or there are none."""
    if len({(x.shape[1:], y.shape[1:]) for x, y in pairs}) != 1:
        return None
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


def is_filled(p: Any) -> bool:
    """Return whether a parameter has a gradient other than 0."""
    return p._grad is not None and bool(p._grad.array.any())


def facts_of_loss(name: str, output: Any, target: Any, reduction: str) -> LossCall:
    """Return what a loss was called with."""
    facts = LossCall(name, reduction)
    if isinstance(target, Tensor):
        facts.target_shape, facts.target_kind = tuple(target.array.shape), target.array.dtype.kind
    if isinstance(output, Tensor):
        values = output.array
        facts.shape = tuple(values.shape)
        facts.made_by = "" if output.node is None else getattr(output.node.primitive, "name", "")
        if values.size and values.dtype.kind == "f":
            facts.low, facts.high = float(values.min()), float(values.max())
            facts.sums_to_one = _sums(values)
    return facts


def _sums(values: np.ndarray) -> tuple[int, ...]:
    """Return the dimensions along which probabilities, or their logarithms, sum to 1."""
    if values.ndim != 2:
        return ()
    with np.errstate(all="ignore"):
        weights = values if values.min() >= 0 else np.exp(values) if values.max() <= 1e-6 else None
        if weights is None:
            return ()
        return tuple(d for d in (0, 1) if values.shape[d] > 1 and np.allclose(weights.sum(axis=d), 1, atol=1e-3))


def factor_of(loss: Tensor, result: Tensor) -> float:
    """Return by what number a loss was multiplied, 1.0 where anything else was done to it."""
    node = loss.node
    while node is not None and result.node is not None and node is not result.node:
        sources = [edge for edge in node.edges if edge is not None]
        if getattr(node.primitive, "name", "") not in ("mul", "div") or len(sources) != 1:
            return 1.0
        node = sources[0] if not isinstance(sources[0], Tensor) else None
    value = float(result.array.mean())
    return float(loss.array.mean()) / value if node is not None and value else 1.0


def leads_to(result: Tensor, loss: Tensor) -> bool:
    """Return whether a loss is made of a result."""
    if result is loss:
        return True
    nodes, met = [loss.node], set()
    while nodes:
        node = nodes.pop()
        if node is None or isinstance(node, Tensor) or id(node) in met:
            continue
        if node is result.node:
            return True
        met.add(id(node))
        nodes += node.edges
    return False


def why_not_finite(module: Any, args: tuple, output: Any, call: Call, step: int) -> Failure | None:
    """Return the first value that is not finite when a network is called as it was, and the loss where it was its own."""
    direct = call.output is output
    try:
        found = first_nonfinite(module, args, call.repeat if direct else None, (call.target,) if direct else (), step)
    except Exception:  # what cannot be run once more is not looked into
        found = None
    if found is None and np.isfinite(call.output.array).all():
        name = call.facts.name
        return Failure(step, f"{name} gave a value that is not finite", name, "loss", "forward")
    return found
