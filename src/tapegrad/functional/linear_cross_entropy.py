"""A linear map and the cross entropy of its result in one call."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ..core import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .classification import cross_entropy
from .linear import linear

__all__ = ["linear_cross_entropy"]

_POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch cuts :func:`tapegrad.nn.functional.linear_cross_entropy` into pieces of the batch; without effect here.

    Raises ArgumentError for an unknown ``acc_policy`` or ``chunking_method``, or a size that is not positive.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        who = "LinearCrossEntropyOptions"
        if self.acc_policy not in _POLICIES:
            raise ArgumentError(who, f"acc_policy is {self.acc_policy!r}", f"use {', '.join(_POLICIES)}")
        name, _, factor = (self.chunking_method or "auto").partition(":")
        if name != "auto" and not (name == "aspect_ratio" and (not factor or (factor.isdigit() and int(factor) > 0))):
            raise ArgumentError(who, f"chunking_method is {self.chunking_method!r}", "use 'aspect_ratio:2', say")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ArgumentError(who, f"batch_chunk_size is {size!r}", "use a positive number")


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """Return :func:`cross_entropy` of ``linear(input, linear_weight, linear_bias)`` and the targets.

    Shapes: input (N, features) or (features), linear_weight (C, d1, ..., features), linear_bias (C, d1, ...), target as
    there for logits (N, C, d1, ...). ``options`` has no effect. Raises ShapeError when they do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.linear_cross_entropy.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.linear_cross_entropy(tg.zeros(1, 3), tg.ones(2, 3), tg.tensor([1]))
    tensor(0.6931)
    """
    outputs = _check(input, linear_weight, linear_bias)
    shape = (*input.shape[:-1], *outputs)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise ShapeError(
            "linear_cross_entropy", f"ignore_index={ignore_index} with probabilities as target", "leave it out"
        )
    rows = ops.reshape(linear_weight, shape=(math.prod(outputs), -1))
    bias = None if linear_bias is None else ops.reshape(linear_bias, shape=(-1,))
    return cross_entropy(
        ops.reshape(linear(input, rows, bias), shape=shape),
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )


def _check(input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[int, ...]:
    """Return the shape (C, d1, ...) of one row of logits."""
    who = "linear_cross_entropy"
    shapes = f"input {tuple(input.shape)} and linear_weight {tuple(weight.shape)}"
    if input.ndim not in (1, 2) or weight.ndim < 2 or input.shape[-1] != weight.shape[-1]:
        raise ShapeError(who, f"{shapes} do not fit", "give (N, features) and (C, ..., features)")
    outputs = tuple(weight.shape[:-1])
    if bias is not None and tuple(bias.shape) != outputs:
        raise ShapeError(who, f"linear_bias has shape {tuple(bias.shape)}", f"it should be {outputs}")
    if len(outputs) > 1 and input.ndim == 1:
        raise ShapeError(who, f"{shapes} without a batch", "give an input (N, features)")
    return outputs
