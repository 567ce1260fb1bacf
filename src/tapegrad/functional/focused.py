"""Losses of labels and numbers beyond PyTorch's: focal, generalised cross entropy, log-cosh."""

from __future__ import annotations

import math

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError
from .probability import log_softmax
from .reduction import choose_reduction, reduce_loss

__all__ = ["generalized_cross_entropy", "log_cosh_loss", "sigmoid_focal_loss"]


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    r"""Return the binary cross entropy of logits, times :math:`\alpha_t (1 - p_t)^\gamma`: sure and right counts little.

    p is the probability of the target, α the weight of targets 1 and 1 - α of targets 0 (none, if negative).
    Raises ShapeError when the shapes differ.
    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017), https://arxiv.org/abs/1708.02002

    >>> import tapegrad as tg
    >>> tg.nn.functional.sigmoid_focal_loss(tg.tensor([0.0, 4.0]), tg.ones(2))
    tensor([4.3322e-02, 1.4679e-06])
    """
    reduction = choose_reduction(reduction, None, None)
    if inputs.shape != targets.shape:
        shapes = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
        raise ShapeError("sigmoid_focal_loss", f"inputs and targets have shapes {shapes}", "make them equal")
    # What the probability lacks to 1, by the logistic function of the other sign, keeps its digits.
    missing = ops.sigmoid(inputs) * (1 - targets) + ops.sigmoid(-inputs) * targets
    losses = ops.logit_cross_entropy(inputs, targets) * missing**gamma
    if alpha >= 0:
        losses = losses * (alpha * targets + (1 - alpha) * (1 - targets))
    return reduce_loss(losses, reduction)


def generalized_cross_entropy(input: Tensor, target: Tensor, q: float = 0.7, reduction: str = "mean") -> Tensor:
    """Return the mean of (1 - pᵠ) / q, where p is the softmax of logits (N, C, ...) at the labels (N, ...).

    Between cross entropy (q near 0) and the mean absolute error (q = 1), which wrong labels harm less.
    Raises OptionError unless 0 < q <= 1. Source: Z. Zhang and M. Sabuncu (2018), https://arxiv.org/abs/1805.07836

    >>> import tapegrad as tg
    >>> tg.nn.functional.generalized_cross_entropy(tg.zeros(1, 2), tg.tensor([0]), q=1.0)
    tensor(0.5000)
    """
    reduction = choose_reduction(reduction, None, None)
    if not 0 < q <= 1:
        raise OptionError("generalized_cross_entropy", f"q is {q}", "use a number above 0, at most 1")
    logs = log_softmax(input, dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
    return reduce_loss(ops.expm1(q * logs) * (-1 / q), reduction)


def log_cosh_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean of ln cosh(x - t): half the square of small differences, large ones less ln 2.

    Source: https://optax.readthedocs.io/en/latest/api/losses.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.log_cosh_loss(tg.tensor([0.0, 100.0]), tg.zeros(2), reduction="none")
    tensor([ 0.0000, 99.3069])
    """
    reduction = choose_reduction(reduction, None, None)
    difference = input - target
    return reduce_loss(difference - math.log(2) - ops.logsigmoid(2 * difference), reduction)
