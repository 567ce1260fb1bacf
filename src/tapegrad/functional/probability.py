"""Softmax and its relatives: numbers that sum to 1 along a dimension."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..errors import warn

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


def _legacy_dim(who: str, input: Tensor) -> int:
    """Return the dimension that PyTorch once chose when none was named."""
    warn(
        who,
        "implicit dimension choice has been deprecated",
        "name the dimension, e.g. dim=-1",
    )
    return 0 if input.ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    r"""Return positive numbers that sum to 1 along a dimension, in proportion to the exponentials of the elements.

    Formula: :math:`y_i = e^{x_i} / \sum_j e^{x_j}`. ``dtype``: what the input is converted to first.
    Warns when no dimension is named. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.softmax(tg.tensor([0.0, 0.0, -1000.0]), dim=0)
    tensor([0.5000, 0.5000, 0.0000])
    """
    dim = _legacy_dim("softmax", input) if dim is None else dim
    return ops.softmax(input if dtype is None else input.to(dtype), dim=dim)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return :func:`softmax` of the input with every sign turned: the smallest element gets most.

    >>> import tapegrad as tg
    >>> tg.nn.functional.softmin(tg.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0.5000, 0.5000, 0.0000])
    """
    dim = _legacy_dim("softmin", input) if dim is None else dim
    return ops.softmax(-input if dtype is None else -input.to(dtype), dim=dim)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    r"""Return the logarithm of :func:`softmax`, exact where that underflows to 0.

    Formula: :math:`y_i = x_i - \ln \sum_j e^{x_j}`. Arguments as there.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.log_softmax(tg.tensor([0.0, -1000.0]), dim=0)
    tensor([    0., -1000.])
    """
    dim = _legacy_dim("log_softmax", input) if dim is None else dim
    return ops.log_softmax(input if dtype is None else input.to(dtype), dim=dim)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Return a sample of the Gumbel-softmax distribution: nearly one-hot vectors, drawn with probability softmax(logits).

    ``tau``: the lower, the nearer to one-hot. ``hard``: exactly one-hot, with the gradient of the soft sample.
    ``eps`` has no effect. Source: E. Jang, S. Gu, B. Poole, "Categorical Reparameterization with Gumbel-Softmax" (2016),
    https://arxiv.org/abs/1611.01144

    >>> import tapegrad as tg
    >>> tg.nn.functional.gumbel_softmax(tg.tensor([0.0, 1000.0]), hard=True)
    tensor([0., 1.])
    """
    if eps != 1e-10:
        warn("gumbel_softmax", "argument 'eps' is deprecated and has no effect", "leave it out")
    uniform = ops.random_uniform(size=tuple(logits.shape), dtype=logits.dtype)
    soft = ops.softmax((logits - ops.log(-ops.log(uniform))) / tau, dim=dim)
    if not hard:
        return soft
    chosen = soft.detach().argmax(dim, keepdim=True)
    one_hot = (soft * 0).detach().scatter(dim, chosen, 1.0)
    return one_hot - soft.detach() + soft
