"""Attention with several heads: projections, scaled dot products, and the masks of both kinds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import ContractError, ShapeError, warn
from .attention import scaled_dot_product_attention
from .dropout import dropout
from .linear import linear

__all__ = ["multi_head_attention_forward"]

_WHO = "multi_head_attention_forward"


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    r"""Return attention of several heads, and its weights (None without ``need_weights``).

    Formula: heads :math:`\operatorname{softmax}(q_h k_h^\top / \sqrt{E / H} + M) v_h` beside each other, then the output
    projection. Shapes: query (L, N, E), key and value (S, N, .), or without N; result (L, N, E), weights (N, L, S), or
    (N, H, L, S) without ``average_attn_weights``.
    ``in_proj_weight`` (3E, E) holds the projections of query, key and value one below the other; with
    ``use_separate_proj_weight`` they are the three other weights. ``bias_k``, ``bias_v`` (1, 1, E) are one more key and value,
    ``add_zero_attn`` yet another of zeros. ``static_k``, ``static_v`` (N H, S, E/H) stand in for the projected ones.
    Masks: ``attn_mask`` (L, S) or (N H, L, S), ``key_padding_mask`` (N, S); True for what may *not* be looked at, or numbers
    that are added. ``is_causal`` is a hint that ``attn_mask`` is causal.
    Raises ContractError and ShapeError for shapes that do not fit.
    Source: A. Vaswani et al., "Attention Is All You Need" (2017), https://arxiv.org/abs/1706.03762
    """
    return attend(
        query,
        key,
        value,
        embed_dim_to_check,
        num_heads,
        in_proj_weight,
        in_proj_bias,
        bias_k,
        bias_v,
        add_zero_attn,
        dropout_p,
        out_proj_weight,
        out_proj_bias,
        training,
        key_padding_mask,
        need_weights,
        attn_mask,
        use_separate_proj_weight,
        q_proj_weight,
        k_proj_weight,
        v_proj_weight,
        static_k,
        static_v,
        average_attn_weights,
        is_causal,
        False,
    )


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool,
    key_padding_mask: Tensor | None,
    need_weights: bool,
    attn_mask: Tensor | None,
    use_separate_proj_weight: bool,
    q_proj_weight: Tensor | None,
    k_proj_weight: Tensor | None,
    v_proj_weight: Tensor | None,
    static_k: Tensor | None,
    static_v: Tensor | None,
    average_attn_weights: bool,
    is_causal: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return what :func:`multi_head_attention_forward` does, of tensors (N, L, E) with ``batch_first``."""
    batched = query.ndim == 3
    batch_first = batch_first and batched
    _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        # What is one tensor stays one, and is projected once.
        query, key, value = _with_batches(query, key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    batch, length = query.shape[:2] if batch_first else query.shape[1::-1]
    size = _size_of_a_head(query.shape[2], embed_dim_to_check, num_heads)
    key_padding_mask = _as_numbers(key_padding_mask, query, "key_padding_mask", attn_mask)
    if is_causal and attn_mask is None:
        raise ShapeError(_WHO, "is_causal is a hint, and attn_mask is missing", "give the causal mask as well")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = _as_numbers(attn_mask, query, "attn_mask", None)
        is_causal = is_causal and key_padding_mask is None
    _check_partners(key, value, use_separate_proj_weight)
    if use_separate_proj_weight:
        parts = _project_each(query, key, value, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    elif in_proj_weight is None:
        raise ContractError(_WHO, "in_proj_weight is None", "give it, or use_separate_proj_weight=True")
    else:
        parts = _project(query, key, value, in_proj_weight, in_proj_bias)
    attn_mask = _as_batch(attn_mask, length, key.shape[1 if batch_first else 0], batch * num_heads)
    q, k, v = (_split(t, num_heads, size, batch_first) for t in parts)
    k = k if static_k is None else _static(static_k, "static_k", batch, num_heads, size)
    v = v if static_v is None else _static(static_v, "static_v", batch, num_heads, size)
    extra = _learned(bias_k, bias_v, static_k, static_v, batch, num_heads, size)
    if add_zero_attn:
        zeros = wrap(np.zeros((batch, num_heads, 1, size), k.dtype))
        extra.append((zeros, zeros))
    for more_k, more_v in extra:
        k, v = ops.cat(k, more_k, dim=2), ops.cat(v, more_v, dim=2)
        attn_mask, key_padding_mask = _with_column(attn_mask), _with_column(key_padding_mask)
    mask = _merged(attn_mask, key_padding_mask, batch, num_heads, k.shape[2])
    result, weights = _attended(q, k, v, mask, dropout_p if training else 0.0, need_weights, is_causal)
    result = result.permute((0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
    result = linear(result.reshape(*result.shape[:2], embed_dim_to_check), out_proj_weight, out_proj_bias)
    if weights is not None and average_attn_weights:
        weights = weights.mean(dim=1)
    if batched:
        return result, weights
    return result.squeeze(1), None if weights is None else weights.squeeze(0)


def _attended(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, p: float, need_weights: bool, is_causal: bool
) -> tuple[Tensor, Tensor | None]:
    """Return what each head gives, (N, H, L, size), and the weights that it gave the values, if they are needed."""
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, p, is_causal and mask is None), None
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.mT
    weights = dropout(ops.softmax(scores if mask is None else scores + mask, dim=-1), p)
    return weights @ v, weights


# -- what fits ------------------------------------------------------------------------------------------------------------


def _size_of_a_head(features: int, wanted: int, heads: int) -> int:
    if features != wanted:
        raise ContractError(_WHO, f"the query has {features} features, {wanted} are expected", "give it so many")
    if features % heads:
        raise ContractError(
            _WHO, f"{features} features are not divisible by {heads} heads", "change one of the numbers"
        )
    return features // heads


def _check_shapes(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, heads: int
) -> None:
    if query.ndim not in (2, 3):
        raise ContractError(
            _WHO, f"the query has shape {tuple(query.shape)}", "give (length, batch, features) or (length, features)"
        )
    for name, t in (("key", key), ("value", value)):
        if t.ndim != query.ndim:
            raise ContractError(
                _WHO,
                f"{name} has {t.ndim} dimensions and the query {query.ndim}",
                "give all three a batch dimension, or none of them",
            )
    if padding is not None and padding.ndim != query.ndim - 1:
        wanted = "(batch, keys)" if query.ndim == 3 else "(keys,)"
        raise ContractError(_WHO, f"key_padding_mask has shape {tuple(padding.shape)}", f"give {wanted}")
    if mask is not None and mask.ndim not in (2, 3):
        raise ContractError(
            _WHO, f"attn_mask has shape {tuple(mask.shape)}", "give (queries, keys) or (batch * heads, queries, keys)"
        )
    if mask is not None and mask.ndim == 3 and query.ndim == 2:
        wanted = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != wanted:
            raise ContractError(_WHO, f"attn_mask has shape {tuple(mask.shape)}", f"give {wanted}")


def _check_partners(key: Tensor, value: Tensor, separate: bool) -> None:
    first, second = (tuple(t.shape[:2] if separate else t.shape) for t in (key, value))
    if first != second:
        raise ContractError(
            _WHO, f"key and value of shapes {tuple(key.shape)} and {tuple(value.shape)} do not fit", "make them alike"
        )


def _with_batches(*tensors: Tensor) -> list[Tensor]:
    """Return tensors with a batch dimension of 1 in the second place; equal ones stay one."""
    made: dict[int, Tensor] = {}
    for t in tensors:
        if id(t) not in made:
            made[id(t)] = t.unsqueeze(1)
    return [made[id(t)] for t in tensors]


# -- projections ----------------------------------------------------------------------------------------------------------


def _project(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    """Return the three projections by one matrix, with as few products as their inputs allow."""
    features = query.shape[-1]
    if query is key is value:
        return list(linear(query, weight, bias).split(features, dim=-1))
    sizes = [features, 2 * features] if key is value else [features] * 3
    weights = weight.split(sizes, dim=0)
    biases = [None] * 3 if bias is None else bias.split(sizes, dim=0)
    first = linear(query, weights[0], biases[0])
    if key is value:
        return [first, *linear(key, weights[1], biases[1]).split(features, dim=-1)]
    return [first, linear(key, weights[1], biases[1]), linear(value, weights[2], biases[2])]


def _project_each(
    query: Tensor, key: Tensor, value: Tensor, weights: tuple[Tensor | None, ...], bias: Tensor | None
) -> list[Tensor]:
    """Return the three projections, each by its own matrix."""
    features = query.shape[-1]
    biases = [None] * 3 if bias is None else bias.split(features)
    result = []
    for name, t, weight, own in zip("qkv", (query, key, value), weights, biases, strict=True):
        if weight is None:
            raise ContractError(_WHO, f"{name}_proj_weight is None", "give all three with use_separate_proj_weight")
        if tuple(weight.shape) != (features, t.shape[-1]):
            raise ContractError(
                _WHO, f"{name}_proj_weight has shape {tuple(weight.shape)}", f"give ({features}, {t.shape[-1]})"
            )
        result.append(linear(t, weight, own))
    return result


def _split(t: Tensor, heads: int, size: int, batch_first: bool) -> Tensor:
    """Return (length, N, H * size), or (N, length, H * size), as (N, H, length, size)."""
    apart = t.reshape(t.shape[0], t.shape[1], heads, size)
    return apart.permute((0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


def _learned(
    key: Tensor | None, value: Tensor | None, static_k: Any, static_v: Any, batch: int, heads: int, size: int
) -> list[tuple[Tensor, Tensor]]:
    """Return the key and the value that are learned, for each sequence and head, if there are any."""
    if key is None and value is None:
        return []
    if key is None or value is None:
        raise ContractError(_WHO, "only one of bias_k and bias_v is given", "give both or none")
    if static_k is not None or static_v is not None:
        raise ContractError(_WHO, "static_k or static_v is given beside bias_k and bias_v", "leave one pair out")
    first, second = (t.reshape(1, heads, 1, size).expand((batch, -1, -1, -1)) for t in (key, value))
    return [(first, second)]


def _static(t: Tensor, name: str, batch: int, heads: int, size: int) -> Tensor:
    if t.ndim != 3 or t.shape[0] != batch * heads or t.shape[2] != size:
        raise ContractError(_WHO, f"{name} has shape {tuple(t.shape)}", f"give ({batch * heads}, keys, {size})")
    return t.reshape(batch, heads, t.shape[1], size)


# -- masks ----------------------------------------------------------------------------------------------------------------


def _as_numbers(mask: Tensor | None, like: Tensor, name: str, other: Tensor | None) -> Tensor | None:
    """Return a mask as numbers to add to scores: -inf where one of bool is True."""
    if mask is None:
        return None
    if mask.dtype != np.bool_ and mask.dtype.kind != "f":
        raise ContractError(_WHO, f"{name} has dtype {mask.dtype}", "use bool or floating-point numbers")
    if other is not None and mask.dtype != other.dtype:
        warn(
            _WHO,
            f"{name} has dtype {mask.dtype} and attn_mask {other.dtype}: masks of different kinds are deprecated",
            "use the same dtype for both",
        )
    if mask.dtype != np.bool_:
        return mask
    return ops.where(mask, -math.inf, wrap(np.zeros((), like.dtype)))


def _as_batch(mask: Tensor | None, rows: int, columns: int, heads: int) -> Tensor | None:
    """Return attn_mask with three dimensions."""
    if mask is None:
        return None
    wanted = (rows, columns) if mask.ndim == 2 else (heads, rows, columns)
    if tuple(mask.shape) != wanted:
        raise ShapeError(_WHO, f"attn_mask has shape {tuple(mask.shape)}", f"it should be {wanted}")
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _with_column(mask: Tensor | None) -> Tensor | None:
    """Return a mask with one more key, which may be looked at."""
    if mask is None:
        return None
    return ops.cat(mask, wrap(np.zeros((*mask.shape[:-1], 1), mask.dtype)), dim=-1)


def _merged(mask: Tensor | None, padding: Tensor | None, batch: int, heads: int, keys: int) -> Tensor | None:
    """Return both masks as one that stretches to (N, H, L, S)."""
    if mask is not None:
        lead = (1, 1) if mask.shape[0] == 1 else (batch, heads)
        mask = mask.reshape(*lead, *mask.shape[1:])
    if padding is None:
        return mask
    if tuple(padding.shape) != (batch, keys):
        raise ContractError(_WHO, f"key_padding_mask has shape {tuple(padding.shape)}", f"give ({batch}, {keys})")
    padding = padding.reshape(batch, 1, 1, keys)
    return padding if mask is None else mask + padding
