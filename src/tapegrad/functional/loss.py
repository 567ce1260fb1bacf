"""Losses of numbers and of probabilities. Those of labels are in ``classification``, those of margins in ``margin``."""

from __future__ import annotations

import math

from ..core import STATE, Tensor, no_grad, ops
from ..errors import DataError, OptionError, UsageError, warn
from .reduction import choose_reduction, reduce_loss, require_tensors

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]


# -- differences ------------------------------------------------------------------------------------------------------


def _difference(who: str, input: Tensor, target: Tensor) -> Tensor:
    """Return input - target, with a warning when they broadcast: then the loss is hardly the one that was meant."""
    require_tensors(who, input, target)
    if input.array.shape != target.array.shape:
        warn(
            who,
            f"target of shape {tuple(target.shape)} differs from input of shape {tuple(input.shape)}, and they broadcast",
            "give them the same shape",
        )
    return input - target


def _weighted(losses: Tensor, weight: Tensor, input: Tensor, reduction: str) -> Tensor:
    """Return the reduced losses, each times its weight; the mean is over the weights."""
    if weight.shape != input.shape:
        raise OptionError(
            "loss", f"weight of shape {tuple(weight.shape)} for input {tuple(input.shape)}", "give them the same shape"
        )
    total = reduce_loss(losses * weight, "none" if reduction == "none" else "sum")
    return total / ops.sum(weight) if reduction == "mean" else total


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean squared error: the mean of (x - t)², or with ``reduction`` "sum" or "none" their sum or each.

    ``weight``: one for each element; the mean is then over the weights. Warns when the shapes differ and broadcast.
    ``size_average`` and ``reduce`` are PyTorch's deprecated names of reductions.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    losses = ops.square(_difference("mse_loss", input, target))
    return reduce_loss(losses, reduction) if weight is None else _weighted(losses, weight, input, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean absolute error: the mean of |x - t|. Arguments as in :func:`mse_loss`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    losses = ops.abs(_difference("l1_loss", input, target))
    return reduce_loss(losses, reduction) if weight is None else _weighted(losses, weight, input, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return the mean of |d| - β/2 over the differences d = x - t, and of d²/(2β) where |d| is below β.

    ``beta=0`` is :func:`l1_loss`. Raises ArgumentError for a negative ``beta``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([0.5, 3.0]), tg.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    if beta < 0:
        raise OptionError("smooth_l1_loss", f"beta is {beta}", "use at least 0")
    reduction = choose_reduction(reduction, size_average, reduce)
    difference = _difference("smooth_l1_loss", input, target)
    if beta == 0:
        return reduce_loss(ops.abs(difference), reduction)
    losses = ops.huber(difference, delta=float(beta))
    return reduce_loss(losses if beta == 1 else losses / beta, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return the mean of d²/2 over the differences d = x - t, and of δ(|d| - δ/2) where |d| is above δ.

    ``weight``: one for each element; the mean is over the elements. Raises ArgumentError unless ``delta`` is positive.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.huber_loss(tg.tensor([0.5, 3.0]), tg.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    if isinstance(delta, complex):
        raise UsageError("huber_loss", f"delta is {delta}", "use a real number")
    if not delta > 0:
        raise OptionError("huber_loss", f"delta is {delta}", "use a positive number")
    reduction = choose_reduction(reduction, None, None)
    losses = ops.huber(_difference("huber_loss", input, target), delta=float(delta))
    if weight is None:
        return reduce_loss(losses, reduction)
    return reduce_loss(_weighted(losses, weight, input, "none"), reduction)


# -- probabilities ----------------------------------------------------------------------------------------------------


def _same_shape(who: str, input: Tensor, target: Tensor) -> None:
    require_tensors(who, input, target)
    if input.array.shape != target.array.shape:
        raise OptionError(
            who,
            f"target of shape {tuple(target.shape)} differs from input of shape {tuple(input.shape)}",
            "give them the same shape, e.g. with target.unsqueeze(1) or input.squeeze(1)",
        )


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of -w (t ln x + (1 - t) ln(1 - x)) over probabilities x, logarithms counting as at least -100.

    ``weight`` broadcasts. Raises ArgumentError when the shapes differ, DataError for a probability outside [0, 1].
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 0.0]), reduction="none")
    tensor([0.6931, 0.0000])
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    _same_shape("binary_cross_entropy", input, target)
    losses = ops.probability_cross_entropy(input, target)
    return reduce_loss(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return :func:`binary_cross_entropy` of the logistic function of the input, exact for inputs of any size.

    ``pos_weight`` multiplies the loss of positive targets: -w (p t ln σ(x) + (1 - t) ln(1 - σ(x))). Both weights
    broadcast. Raises ArgumentError when the shapes of input and target differ.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([0.0, 1000.0]), tg.ones(2), reduction="none")
    tensor([0.6931, 0.0000])
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    _same_shape("binary_cross_entropy_with_logits", input, target)
    losses = ops.logit_cross_entropy(input, target)
    if pos_weight is not None:
        losses = losses - (pos_weight - 1) * target * ops.logsigmoid(input)
    return reduce_loss(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return the Kullback-Leibler divergence t (ln t - x), where ``input`` x holds logarithms of probabilities.

    ``log_target``: the target holds logarithms too. ``reduction``: "batchmean" divides the sum by the number of rows, as
    the definition does; "mean" divides by the number of elements, with a warning.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html

    >>> import tapegrad as tg
    >>> p = tg.tensor([[0.5, 0.5]])
    >>> tg.nn.functional.kl_div(tg.log(tg.tensor([[0.25, 0.75]])), p, reduction="batchmean")
    tensor(0.1438)
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warn("kl_div", "reduction='mean' divides by the number of elements", "use 'batchmean' for the divergence")
    reduction = choose_reduction(reduction, size_average, reduce, ("none", "mean", "sum", "batchmean"))
    if log_target:
        losses = ops.exp(target) * (target - input)
    else:
        losses = ops.xlogy(target, target) - target * input
    if reduction != "batchmean":
        return reduce_loss(losses, reduction)
    total = ops.sum(losses)
    return total / input.shape[0] if input.ndim else total


# -- distributions ----------------------------------------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean negative log-likelihood of counts under Poisson distributions: eˣ - t x, up to ln t!.

    ``log_input=False``: the input holds rates, x - t ln(x + eps). ``full`` adds Stirling's formula for ln t! where t > 1.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.poisson_nll_loss(tg.tensor([0.0]), tg.tensor([3.0]))
    tensor(1.)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    losses = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        t = ops.where(target > 1, target, 1)
        stirling = t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t)
        losses = losses + ops.where(target > 1, stirling, 0)
    return reduce_loss(losses, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Return the mean negative log-likelihood (ln v + (x - t)² / v) / 2 of normal distributions, plus ln(2π) / 2 if ``full``.

    ``var``: a number, or variances of the input's shape, without its last dimension, or with 1 in one dimension. They
    count as at least ``eps``, their gradient as if not. Raises DataError for a negative variance, ArgumentError for
    another shape. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.gaussian_nll_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.gaussian_nll_loss(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1.0]))
    tensor(2.)
    """
    reduction = choose_reduction(reduction, None, None)
    variance = _variances(var, input)
    with no_grad():
        variance.clamp_(min=eps)
    losses = 0.5 * (ops.log(variance) + ops.square(input - target) / variance)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduce_loss(losses, reduction)


def _variances(var: Tensor | float, input: Tensor) -> Tensor:
    """Return a copy of the variances in a shape that broadcasts with the input."""
    values = input.detach() * 0 + var if isinstance(var, (int, float)) else ops.clone(var)
    if STATE.tracer is None and bool((values.array < 0).any()):
        raise DataError(
            "gaussian_nll_loss", "var has negative entries", "use variances, e.g. exp() of a network's output"
        )
    if values.shape == input.shape:
        return values
    if values.shape == input.shape[:-1]:
        return values.unsqueeze(-1)
    pairs = list(zip(input.shape, values.shape, strict=False))
    if values.ndim == input.ndim and sum(n for m, n in pairs if m != n) == 1:
        return values
    raise OptionError(
        "gaussian_nll_loss",
        f"var of shape {tuple(values.shape)} does not fit input of shape {tuple(input.shape)}",
        "give it the input's shape, that without the last dimension, or with 1 in one dimension",
    )
