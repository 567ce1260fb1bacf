"""What all losses share: how the losses of elements become one number, and the names that PyTorch gave that before."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..errors import ArgumentError, UsageError, warn

__all__: list[str] = []


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """Return the reduction that PyTorch's old arguments stand for, with a warning."""
    if reduce is not None and not reduce:
        name = "none"
    else:
        name = "mean" if size_average is None or size_average else "sum"
    warn("loss", "arguments 'size_average' and 'reduce' are deprecated", f"use reduction='{name}'")
    return name


def choose_reduction(
    reduction: str, size_average: bool | None, reduce: bool | None, allowed: tuple[str, ...] = ("none", "mean", "sum")
) -> str:
    """Return the reduction that a call asks for. Raises ArgumentError for an unknown one."""
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce)
    if reduction not in allowed:
        raise ArgumentError("loss", f"'{reduction}' is not a valid value for reduction", f"use {', '.join(allowed)}")
    return reduction


def require_tensors(who: str, input: Any, target: Any) -> None:
    """Raise UsageError unless both are tensors: a list or an array of labels is easily passed by mistake."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise UsageError(who, f"argument '{name}' is a {type(value).__name__}", "wrap it in tapegrad.tensor(...)")


def reduce_loss(losses: Tensor, reduction: str) -> Tensor:
    """Return the mean of the losses, their sum, or themselves."""
    if reduction == "mean":
        return losses.mean()
    return ops.sum(losses) if reduction == "sum" else losses
