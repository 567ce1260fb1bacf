"""Losses as layers: of sequences without alignment, and of a linear map's result."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor, ops
from ..errors import ShapeError
from ..functional.linear_cross_entropy import LinearCrossEntropyOptions
from .linear import Linear
from .reduction import Loss, WeightedLoss

__all__ = ["CTCLoss", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


class CTCLoss(Loss):
    """The connectionist temporal classification loss: see :func:`tapegrad.nn.functional.ctc_loss`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html

    >>> import tapegrad as tg
    >>> logs = tg.zeros(3, 1, 2).log_softmax(2)
    >>> tg.nn.CTCLoss()(logs, tg.tensor([[1]]), tg.tensor([3]), tg.tensor([1])).exp()
    tensor(1.3333)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


class LinearCrossEntropyLoss(WeightedLoss):
    """A linear map to logits and their cross entropy: see :func:`tapegrad.nn.functional.linear_cross_entropy`.

    ``linear`` holds the weight (num_classes · out_features, in_features). Raises ShapeError for class weights of another
    shape or a ``label_smoothing`` outside 0 to 1.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html

    >>> import tapegrad as tg
    >>> loss = tg.nn.LinearCrossEntropyLoss(4, 10)
    >>> loss(tg.zeros(2, 4), tg.tensor([1, 2])).detach()
    tensor(2.3026)
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ):
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise ShapeError(
                "LinearCrossEntropyLoss", f"weight has shape {tuple(weight.shape)}", f"it should be {(num_classes,)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise ShapeError("LinearCrossEntropyLoss", f"label_smoothing is {label_smoothing}", "use 0 to 1")
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        rows = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            ops.reshape(self.linear.weight, shape=(*shape, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else ops.reshape(bias, shape=shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        names = ("num_classes", "out_features")
        sizes = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        options = ("reduction", "ignore_index", "label_smoothing", "options")
        rest = ", ".join(f"{name}={getattr(self, name)}" for name in options)
        return f"in_features={self.linear.in_features}, {sizes}, bias={self.linear.bias is not None}, {rest}"
