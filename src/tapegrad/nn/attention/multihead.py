"""The layer of attention with several heads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array import available, get_default_dtype
from ...core import Parameter, Tensor, wrap
from ...errors import ArgumentError, ContractError
from ...functional.attention_heads import attend
from .. import init
from ..linear import Linear
from ..module import Module

__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear"]


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under the name that PyTorch gives the last layer of attention."""


class MultiheadAttention(Module):
    r"""Attention with several heads: each looks at features of its own, and a last linear layer mixes what they found.

    Shapes: query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim), or (N, L, ...) with ``batch_first``, or without N.
    A call gives the pair (result, weights): (L, N, embed_dim), and (N, L, S) or, without ``average_attn_weights``,
    (N, num_heads, L, S); None without ``need_weights``, which is faster.
    Masks are True for what may *not* be looked at, or numbers that are added to scores: ``attn_mask`` (L, S) or
    (N * num_heads, L, S), ``key_padding_mask`` (N, S). ``is_causal`` is a hint that ``attn_mask`` is causal.
    ``add_bias_kv``: one more key and value that are learned; ``add_zero_attn``: one of zeros; ``dropout``: on the weights.
    Weights of projections begin Xavier uniform, biases 0. Raises ArgumentError and ContractError for numbers that do not fit.
    Source: A. Vaswani et al., "Attention Is All You Need" (2017), https://arxiv.org/abs/1706.03762;
    https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = tg.ones(3, 5, 8)
    >>> result, weights = layer(x, x, x)
    >>> result.shape, weights.shape
    (tapegrad.Size([3, 5, 8]), tapegrad.Size([3, 5, 5]))
    """

    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ArgumentError(
                "MultiheadAttention", f"embed_dim is {embed_dim} and num_heads {num_heads}", "use at least 1 for both"
            )
        if embed_dim % num_heads:
            raise ContractError(
                "MultiheadAttention",
                f"embed_dim {embed_dim} is not divisible by num_heads {num_heads}",
                "change one of them",
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        available(device or "cpu")
        dtype = get_default_dtype() if dtype is None else dtype

        def parameter(wanted: bool, *shape: int) -> Parameter | None:
            return Parameter(wrap(np.zeros(shape, dtype))) if wanted else None

        same = self._qkv_same_embed_dim
        shapes = {
            "in_proj_weight": (same, 3 * embed_dim, embed_dim),
            "q_proj_weight": (not same, embed_dim, embed_dim),
            "k_proj_weight": (not same, embed_dim, self.kdim),
            "v_proj_weight": (not same, embed_dim, self.vdim),
            "in_proj_bias": (bias, 3 * embed_dim),
        }
        order = ["in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias"]
        for name in order if same else [*order[1:4], order[0], order[4]]:
            self.register_parameter(name, parameter(*shapes[name]))
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, parameter(add_bias_kv, 1, 1, embed_dim))
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            weight = getattr(self, name)
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        if self.bias_k is not None and self.bias_v is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        return attend(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            None,
            None,
            average_attn_weights,
            is_causal,
            self.batch_first,
        )

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """Return both masks as one of shape (N, num_heads, L, S), and its kind.

        Kind 0: ``attn_mask`` alone, as it is; 1: ``key_padding_mask`` alone, as it is; 2: both; None: no mask.
        """
        merged, kind = (None, None) if key_padding_mask is None else (key_padding_mask, 1)
        if attn_mask is not None:
            batch, length = query.shape[:2]
            lead = attn_mask.reshape(batch, -1, length, length) if attn_mask.ndim == 3 else attn_mask[None, None]
            merged, kind = lead.expand((batch, self.num_heads, -1, -1)), 2
            if key_padding_mask is not None:
                merged = merged + key_padding_mask.reshape(batch, 1, 1, length)
        return merged, kind
