"""Dropout: set random elements or channels to 0 in training, so that no unit can rely on another."""

from __future__ import annotations

import math

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError, warn

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

# What SELU approaches far below 0: minus its scale times its alpha.
_SELU_FLOOR = -1.7580993408473766


def _check(who: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise OptionError(who, f"the probability is {p}", "use a number from 0 to 1")


def _drop(input: Tensor, shape: tuple[int, ...], p: float, inplace: bool) -> Tensor:
    mask = ops.bernoulli_mask(shape=shape, p=float(p), dtype=input.dtype)
    return input.mul_(mask) if inplace else input * mask


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return the input with each element set to 0 with probability ``p``, the others divided by 1 - p.

    Without ``training``, or for ``p=0``, the input itself. Raises ArgumentError for a probability outside [0, 1].
    Source: N. Srivastava et al., "Dropout" (2014), https://jmlr.org/papers/v15/srivastava14a.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.dropout(tg.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    _check("dropout", p)
    if not training or p == 0:
        return input
    return _drop(input, tuple(input.shape), p, inplace)


def _drop_channels(who: str, input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    """Drop whole channels: dimension 1 of a batch, dimension 0 of a single sample."""
    _check(who, p)
    if batched and input.ndim < 2:
        raise ShapeError(who, f"an input of shape {tuple(input.shape)} has no channels", "use dropout")
    if not training or p == 0:
        return input
    kept = 2 if batched else 1
    return _drop(input, (*input.shape[:kept], *(1,) * (input.ndim - kept)), p, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return the input (N, C, L) or (C, L) with whole channels set to 0 with probability ``p``, as in :func:`dropout`.

    Raises ShapeError for other numbers of dimensions.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html
    """
    if input.ndim not in (2, 3):
        raise ShapeError(
            "dropout1d", f"expected 2 or 3 dimensions, got {input.ndim}", "give (N, C, L) or (C, L), or use dropout"
        )
    return _drop_channels("dropout1d", input, p, training, inplace, input.ndim == 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return the input (N, C, H, W) with whole channels set to 0 with probability ``p``, as in :func:`dropout`.

    As in PyTorch a 3-d input is read as (N, C, L), with a warning, and other inputs are dropped by their first two
    dimensions, with another. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html
    """
    if input.ndim == 3:
        warn("dropout2d", "a 3-d input is read as (N, C, L)", "use dropout1d for that, or unsqueeze(0) for (C, H, W)")
    elif input.ndim != 4:
        warn("dropout2d", f"expected 3 or 4 dimensions, got {input.ndim}", "use dropout")
    return _drop_channels("dropout2d", input, p, training, inplace, True)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return the input (N, C, D, H, W) or (C, D, H, W) with whole channels set to 0, as in :func:`dropout`.

    Warns for other numbers of dimensions, of which the first is then the channel.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout3d.html
    """
    if input.ndim not in (4, 5):
        warn("dropout3d", f"expected 4 or 5 dimensions, got {input.ndim}", "use dropout")
    return _drop_channels("dropout3d", input, p, training, inplace, input.ndim == 5)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Return the input with random elements set to SELU's limit at -∞, then scaled so that mean 0 and variance 1 remain.

    Raises ArgumentError for a probability outside [0, 1].
    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515
    """
    return _alpha_drop("alpha_dropout", input, tuple(input.shape), p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Return the input with whole channels (N, C, ...) dropped as in :func:`alpha_dropout`.

    Raises ShapeError for less than two dimensions.
    """
    if input.ndim < 2 and training:
        raise ShapeError(
            "feature_alpha_dropout", f"an input of shape {tuple(input.shape)} has no channels", "use alpha_dropout"
        )
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha_drop("feature_alpha_dropout", input, shape, p, training, inplace)


def _alpha_drop(who: str, input: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    _check(who, p)
    if not training or p == 0:
        return input
    mask = ops.bernoulli_mask(shape=shape, p=float(p), dtype=input.dtype)
    if p == 1:
        return input.mul_(mask) if inplace else input * mask
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SELU_FLOOR**2))
    # With m = 1 for what stays: scale * (x m + floor (1 - m)) + shift, where the shift makes the mean 0.
    keep = mask * ((1 - p) * scale)
    shift = (1 - mask * (1 - p) - p) * (_SELU_FLOOR * scale)
    return input.mul_(keep).add_(shift) if inplace else input * keep + shift
