"""Losses of sequences whose alignment is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import DTypeError, MissingMethodError, ShapeError, UsageError
from .reduction import choose_reduction

__all__ = ["ctc_loss"]

_WHO = "ctc_loss"
Lengths = Tensor | Sequence[int]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    r"""Return the connectionist temporal classification loss: :math:`-\ln \sum_{\pi \to l} \prod_t p_{t, \pi_t}`.

    The sum is over all paths :math:`\pi` that give the labels l when repetitions are joined and blanks left out.
    Shapes: log_probs (T, N, C) or (T, C), as :func:`log_softmax` gives them; targets (N, S), or all labels one after the
    other; lengths (N,), as tensors or tuples. "mean" divides each loss by its number of labels first.
    ``zero_infinity``: a sequence longer than any path counts 0, and has no gradient, instead of infinity. As in PyTorch,
    the gradient is that of a composition with log_softmax. Raises ShapeError, UsageError, DTypeError, IndexRangeError.
    Source: A. Graves et al., "Connectionist Temporal Classification" (2006), https://doi.org/10.1145/1143844.1143891

    >>> import tapegrad as tg
    >>> even = tg.full((2, 1, 2), 0.5).log()
    >>> tg.nn.functional.ctc_loss(even, tg.tensor([[1]]), (2,), (1,)).exp()
    tensor(1.3333)
    """
    reduction = choose_reduction(reduction, None, None)
    _check(log_probs, targets, blank)
    single = log_probs.ndim == 2
    probs = log_probs.unsqueeze(1) if single else log_probs
    times, batch = _lengths("input_lengths", input_lengths, probs), _lengths("target_lengths", target_lengths, probs)
    _require(int(times.min(initial=0)) >= 0, f"input_lengths {times.tolist()} are negative", "use at least 0")
    _require(
        int(times.max(initial=0)) <= probs.shape[0],
        f"input_lengths {times.tolist()} for {probs.shape[0]} times",
        f"use at most {probs.shape[0]}",
    )
    labels = _labels(targets.unsqueeze(0) if single and targets.ndim == 1 else targets, batch)
    options = {"blank": int(blank), "zero_infinity": bool(zero_infinity)}
    losses = ops.ctc(probs, labels, wrap(times), wrap(batch), **options)
    losses = losses + _normaliser(probs, times, losses)
    if reduction == "mean":
        return (losses / wrap(np.maximum(batch, 1).astype(losses.dtype))).mean()
    if reduction == "sum":
        return ops.sum(losses)
    return ops.reshape(losses, shape=()) if single else losses


def _normaliser(probs: Tensor, times: np.ndarray, losses: Tensor) -> Tensor:
    """Return 0 with the gradient of the sums of probabilities, which log_softmax keeps at 1, for finite losses."""
    running = wrap(np.arange(probs.shape[0])[:, None] < times) & (losses.detach() != float("inf"))
    running = running & (losses.detach() != 0)
    sums = ops.sum(ops.where(running.unsqueeze(2), ops.exp(probs), 0.0), dim=(0, 2))
    return sums - sums.detach()


def _require(condition: bool, what: str, fix: str) -> None:
    if not condition:
        raise ShapeError(_WHO, what, fix)


def _check(log_probs: Tensor, targets: Tensor, blank: int) -> None:
    if not log_probs.is_floating_point():
        raise DTypeError(_WHO, f"log_probs has dtype {log_probs.dtype}", "make it floating-point")
    if log_probs.dtype == np.float16:
        raise MissingMethodError(_WHO, "log_probs has dtype float16", "convert it with .float()")
    _require(log_probs.ndim in (2, 3), f"log_probs has shape {tuple(log_probs.shape)}", "give (T, N, C) or (T, C)")
    if targets.dtype.kind not in "iu":
        raise DTypeError(_WHO, f"targets has dtype {targets.dtype}", "convert it with .long()")
    _require(targets.ndim in (1, 2), f"targets has shape {tuple(targets.shape)}", "give (N, S) or one row of labels")
    classes = log_probs.shape[-1]
    _require(0 <= blank < classes, f"blank is {blank} among {classes} classes", f"use 0 to {classes - 1}")


def _lengths(name: str, given: Any, probs: Tensor) -> np.ndarray:
    if isinstance(given, Tensor):
        if given.dtype.kind not in "iu":
            raise DTypeError(_WHO, f"{name} has dtype {given.dtype}", "convert it with .long()")
        lengths = given._read(_WHO).astype(np.int64).reshape(-1)
    else:
        if not all(hasattr(n, "__index__") for n in given):
            raise UsageError(_WHO, f"{name} is {given!r}", "give whole numbers")
        lengths = np.array([n.__index__() for n in given], np.int64)
    batch = probs.shape[1]
    _require(len(lengths) == batch, f"{name} has {len(lengths)} numbers for a batch of {batch}", "give one for each")
    return lengths


def _labels(targets: Tensor, lengths: np.ndarray) -> Tensor:
    """Return the labels as a matrix (N, S)."""
    longest = int(lengths.max(initial=0))
    if targets.ndim == 2:
        fits = targets.shape[0] == len(lengths) and longest <= targets.shape[1]
        _require(
            fits, f"targets of shape {tuple(targets.shape)} for target_lengths {lengths.tolist()}", "make them fit"
        )
        return targets[:, :longest].long()
    total = int(lengths.sum())
    _require(
        targets.shape[0] == total, f"{targets.shape[0]} labels for target_lengths {lengths.tolist()}", f"give {total}"
    )
    starts = np.cumsum(lengths) - lengths
    places = np.minimum(starts[:, None] + np.arange(longest), max(total - 1, 0))
    return ops.index(targets.long(), places, dims=(0,)) if total else wrap(np.zeros((len(lengths), 0), np.int64))
