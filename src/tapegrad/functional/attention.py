"""Scaled dot-product attention: averages of values, weighted by how well keys fit queries."""

from __future__ import annotations

import math

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import DTypeError, ShapeError, UsageError

__all__ = ["scaled_dot_product_attention"]

_WHO = "scaled_dot_product_attention"


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    r"""Return the values averaged with the softmax of the scaled products of queries and keys.

    Formula: :math:`\operatorname{softmax}(s Q K^\top + M) V`, with :math:`s = 1/\sqrt{E}` unless ``scale`` says otherwise.
    Shapes: query (..., L, E), key (..., S, E), value (..., S, F); result (..., L, F); leading dimensions broadcast.
    ``attn_mask`` stretches to (..., L, S): True for what may be looked at, or numbers that are added; a query that may look
    at nothing gets 0. ``is_causal``: query i looks at keys up to i. ``dropout_p``: drop weights, in evaluation too, so pass 0
    there. ``enable_gqa``: each head of keys and values serves several heads of queries (dimension -3).
    Raises ShapeError for shapes that do not fit and for a probability outside [0, 1], DTypeError for different dtypes,
    UsageError for something that is no tensor.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    >>> tg.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[[1.0000, 0.0000],
             [0.3302, 0.6698]]])
    """
    _check(query, key, value, attn_mask, dropout_p, is_causal)
    if query.dtype == np.float16:
        # Sums of half precision would round at every step.
        mask = attn_mask.float() if attn_mask is not None and attn_mask.dtype.kind == "f" else attn_mask
        wide = scaled_dot_product_attention(
            query.float(), key.float(), value.float(), mask, dropout_p, is_causal, scale, enable_gqa
        )
        return wide.half()
    if enable_gqa:
        key, value = _repeated(query, key), _repeated(query, value)
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    query, key, value = _with_equal_batches(query, key, value, attn_mask)
    if dropout_p == 0 and (attn_mask is None or not attn_mask.requires_grad):
        return ops.attention(query, key, value, attn_mask, scale=float(scale), causal=bool(is_causal))[0]
    scores = _masked((query * scale) @ key.mT, attn_mask, is_causal)
    weights = ops.safe_softmax(scores, dim=-1)
    if dropout_p > 0:
        weights = weights * ops.bernoulli_mask(shape=tuple(weights.shape), p=float(dropout_p), dtype=weights.dtype)
    return weights @ value


def _check(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, dropout_p: float, is_causal: bool
) -> None:
    for name, t in (("query", query), ("key", key), ("value", value)):
        if not isinstance(t, Tensor):
            raise UsageError(_WHO, f"argument '{name}' is a {type(t).__name__}", "give a tensor")
        if t.ndim < 2:
            raise ShapeError(_WHO, f"{name} has shape {tuple(t.shape)}", "give (..., length, features)")
    if not query.dtype == key.dtype == value.dtype:
        raise DTypeError(
            _WHO, f"query, key and value have dtypes {query.dtype}, {key.dtype} and {value.dtype}", "make them equal"
        )
    if query.dtype.kind != "f":
        raise DTypeError(_WHO, f"query has dtype {query.dtype}", "convert it with .float()")
    if query.shape[-1] != key.shape[-1]:
        raise ShapeError(
            _WHO, f"query has {query.shape[-1]} features and key {key.shape[-1]}", "give both the same number"
        )
    if key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            _WHO, f"there are {key.shape[-2]} keys and {value.shape[-2]} values", "give one value for each key"
        )
    if not 0 <= dropout_p <= 1:
        raise ShapeError(_WHO, f"the probability is {dropout_p}", "use a number from 0 to 1")
    if attn_mask is not None and is_causal:
        raise ShapeError(_WHO, "both attn_mask and is_causal are given", "put the causal mask into attn_mask")
    if attn_mask is not None and attn_mask.dtype not in (np.bool_, np.float32, query.dtype):
        raise DTypeError(
            _WHO,
            f"attn_mask has dtype {attn_mask.dtype}, the query {query.dtype}",
            "use a mask of bool or of the query's dtype",
        )


def _repeated(query: Tensor, t: Tensor) -> Tensor:
    """Return keys or values with each head (dimension -3) as often as there are heads of queries for it."""
    heads, own = (x.shape[-3] if x.ndim > 2 else 1 for x in (query, t))
    if own == heads:
        return t
    if not own or heads % own:
        raise ShapeError(
            _WHO, f"{own} heads of keys or values cannot share {heads} heads of queries", f"use a divisor of {heads}"
        )
    return t.repeat_interleave(heads // own, dim=-3)


def _with_equal_batches(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the three with their leading dimensions broadcast against each other's and the mask's."""
    batches = [tuple(t.shape[:-2]) for t in (query, key, value)]
    if batches[0] == batches[1] == batches[2] and (mask is None or mask.ndim <= 2):
        batch = batches[0]
    else:
        try:
            batch = np.broadcast_shapes(*batches, () if mask is None else tuple(mask.shape[:-2]))
        except ValueError:
            shapes = ", ".join(str(tuple(t.shape)) for t in (query, key, value))
            raise ShapeError(
                _WHO,
                f"leading dimensions of {shapes} do not broadcast"
                + ("" if mask is None else f" with attn_mask {tuple(mask.shape)}"),
                "make them equal or 1; for fewer heads of keys than of queries use enable_gqa=True",
            ) from None
    if mask is not None and any(
        n not in (1, wanted)
        for n, wanted in zip(mask.shape[-2:], (query.shape[-2], key.shape[-2])[-mask.ndim :], strict=False)
    ):
        raise ShapeError(
            _WHO,
            f"attn_mask of shape {tuple(mask.shape)} does not stretch to {query.shape[-2]} queries and {key.shape[-2]} keys",
            f"make it (..., {query.shape[-2]}, {key.shape[-2]})",
        )
    return tuple(  # type: ignore[return-value]
        t if tuple(t.shape[:-2]) == batch else t.expand((*batch, *t.shape[-2:])) for t in (query, key, value)
    )


def _masked(scores: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """Return scores with -inf where a query may not look, or with a mask's numbers added."""
    if is_causal:
        mask = wrap(np.tri(*scores.shape[-2:], dtype=bool))
    if mask is None:
        return scores
    if mask.dtype == np.bool_:
        return ops.where(mask, scores, -math.inf)
    return scores + mask.to(scores.dtype)
