"""Variance and standard deviation as they are called by name, with PyTorch's older arguments too."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, function, ops
from ..errors import OptionError

__all__ = ["std", "std_mean", "var", "var_mean"]

Dim = int | tuple[int, ...] | None


def _arguments(who: str, dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    """Return dim and correction: ``unbiased`` is an older way to say 1 or 0, and may stand in the place of ``dim``.

    Raises OptionError when both are given.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise OptionError(who, f"unbiased={unbiased} and correction={correction} are both given", "give correction")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return tuple(dim) if isinstance(dim, list) else dim, correction


@function(methods="var")
def var(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the variance over one dimension, several, or all.

    Formula: the sum of the squared distances from the mean, divided by n - ``correction`` (1 unless given).
    Raises DTypeError for integers and bool. Source: https://pytorch.org/docs/stable/generated/torch.var.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([1.0, 2.0, 3.0, 4.0])
    >>> tg.var(x), tg.var(x, correction=0)
    (tensor(1.6667), tensor(1.2500))
    """
    dim, correction = _arguments("var", dim, unbiased, correction)
    return ops.var(input, dim=dim, correction=correction, keepdim=keepdim)


@function(methods="std")
def std(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the standard deviation over one dimension, several, or all: the root of :func:`var`.

    The gradient is 0 where all elements are equal. Raises DTypeError for integers and bool.
    Source: https://pytorch.org/docs/stable/generated/torch.std.html

    >>> import tapegrad as tg
    >>> tg.std(tg.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    dim, correction = _arguments("std", dim, unbiased, correction)
    return ops.std(input, dim=dim, correction=correction, keepdim=keepdim)


@function()
def var_mean(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return :func:`var` and the mean.

    >>> import tapegrad as tg
    >>> tg.var_mean(tg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    dim, correction = _arguments("var_mean", dim, unbiased, correction)
    spread = ops.var(input, dim=dim, correction=correction, keepdim=keepdim)
    return spread, ops.mean(input, dim=dim, keepdim=keepdim)


@function()
def std_mean(
    input: Tensor,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return :func:`std` and the mean.

    >>> import tapegrad as tg
    >>> tg.std_mean(tg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    dim, correction = _arguments("std_mean", dim, unbiased, correction)
    spread = ops.std(input, dim=dim, correction=correction, keepdim=keepdim)
    return spread, ops.mean(input, dim=dim, keepdim=keepdim)
