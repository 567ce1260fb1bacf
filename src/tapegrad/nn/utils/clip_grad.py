"""Limiting gradients between ``backward()`` and ``step()``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core import STATE, Tensor, no_grad, ops, tensor, user_line, wrap
from ...errors import DataError
from ...linalg import vector_norm

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [g for p in parameters if (g := p.grad) is not None]


def _arrays(tensors: list[Tensor]) -> list[np.ndarray]:
    """Return the arrays of tensors that may be computed with as they are; none while a trace is running."""
    arrays = [t.array for t in tensors] if STATE.tracer is None else []
    return arrays if len({a.dtype for a in arrays}) == 1 and arrays[0].dtype in (np.float32, np.float64) else []


def _euclidean(arrays: list[np.ndarray]) -> Tensor:
    """Return the root of the sum of squares, rounded as :func:`vector_norm` does it."""
    rows = [a.ravel() for a in arrays]
    with np.errstate(over="ignore"):
        norms = np.array([math.sqrt(row.dot(row)) for row in rows], arrays[0].dtype)
        return wrap(np.array(math.sqrt(norms.dot(norms)), norms.dtype))


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    """Return the norm of all tensors together: the norm of their norms, 0 when there are none.

    Formula: (sum |x|^p)^(1/p) over all elements, p = ``norm_type``; p = inf gives the largest |x|.
    Raises DataError for a norm that is not finite, when asked to.

    >>> import tapegrad as tg
    >>> tg.nn.utils.get_total_norm([tg.tensor([3.0]), tg.tensor([[0.0, 4.0]])])
    tensor(5.)
    """
    tensors = _as_list(tensors)
    if not tensors:
        return tensor(0.0)
    arrays = _arrays(tensors) if norm_type == 2 else []
    if arrays:
        total = _euclidean(arrays)
    else:
        with no_grad():
            total = vector_norm(ops.stack(*[vector_norm(t, norm_type) for t in tensors]), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise DataError(
            "clip_grad_norm_",
            f"the total norm of order {norm_type:g} of the gradients is {total.item()}",
            "lower the learning rate, or pass error_if_nonfinite=False to go on",
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: Any = None
) -> None:
    """Multiply the gradients in place by min(1, max_norm / (total_norm + 1e-6))."""
    gradients = _gradients(_as_list(parameters))
    arrays = _arrays([total_norm, *gradients])
    if not arrays:
        with no_grad():
            factor = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
            for g in gradients:
                g.mul_(factor)
        return
    line = user_line()
    # Gradients that are not finite stay so; the norm that was returned tells.
    with np.errstate(all="ignore"):
        share = np.minimum(max_norm / (arrays[0] + 1e-6), 1)
        for g in gradients:
            g.array *= share
            g.memory.wrote(writer=line)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Shrink the gradients in place so that their total norm is at most ``max_norm``; return the norm from before.

    Raises DataError for a norm that is not finite, when asked to. Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the
    difficulty of training recurrent neural networks" (2013), https://arxiv.org/abs/1211.5063

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.zeros(2))
    >>> w.grad = tg.tensor([30.0, 40.0])
    >>> tg.nn.utils.clip_grad_norm_(w, 5.0), w.grad
    (tensor(50.), tensor([3., 4.]))
    """
    parameters = _as_list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


clip_grad_norm = clip_grad_norm_


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: Any = None) -> None:
    """Clamp every element of the gradients in place to ±``clip_value``."""
    for g in _gradients(_as_list(parameters)):
        g.clamp_(-float(clip_value), float(clip_value))
