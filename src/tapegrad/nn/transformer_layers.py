"""The layers of a Transformer: attention and a small network, each with dropout, normalisation and a way around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..errors import ShapeError, did_you_mean
from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

_ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


def _activation(given: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if not isinstance(given, str):
        return given
    if given not in _ACTIVATIONS:
        raise ShapeError(
            "Transformer", f"the activation is {given!r}", did_you_mean(given, _ACTIVATIONS) + ", or give a function"
        )
    return _ACTIVATIONS[given]


class _Layer(Module):
    """What layers of encoder and decoder share: attention to itself, and the small network."""

    def __init__(
        self,
        attentions: tuple[str, ...],
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: str | Callable[[Tensor], Tensor],
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        place: dict[str, Any],
    ):
        super().__init__()
        for name in attentions:
            attention = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **place)
        self.norm_first = norm_first
        count = len(attentions) + 1
        for i in range(count):
            self.add_module(f"norm{i + 1}", LayerNorm(d_model, layer_norm_eps, bias=bias, **place))
        for i in range(count):
            self.add_module(f"dropout{i + 1}", Dropout(dropout))
        self.activation = _activation(activation)

    def _around(self, number: int, x: Tensor, block: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the input plus what a block makes of it, normalised before the block or after the sum."""
        norm = getattr(self, f"norm{number}")
        return x + block(norm(x)) if self.norm_first else norm(x + block(x))

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool
    ) -> Tensor:
        x = self.self_attn(
            x,
            x,
            x,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            is_causal=is_causal,
            need_weights=False,
        )[0]
        return self.dropout1(x)

    def _ff_block(self, x: Tensor) -> Tensor:
        last = self.dropout3 if hasattr(self, "dropout3") else self.dropout2
        return last(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a network of two linear layers at each position.

    Shapes: src (S, N, d_model), or (N, S, d_model) with ``batch_first``, or without N; result the same.
    ``src_mask`` (S, S) or (N nhead, S, S), ``src_key_padding_mask`` (N, S): as in :class:`MultiheadAttention`; ``is_causal``
    is a hint that ``src_mask`` is causal. ``activation``: "relu", "gelu" or a function. ``norm_first``: normalise before each
    part, not after it.
    Raises ShapeError for an unknown activation.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html

    >>> import tapegrad as tg
    >>> tg.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(tg.ones(3, 5, 8)).shape
    tapegrad.Size([3, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            ("self_attn",),
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            {"device": device, "dtype": dtype},
        )

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self._around(1, src, lambda x: self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self._around(2, x, self._ff_block)


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to an encoder's result, then a network of two linear layers at each position.

    Shapes: tgt (T, N, d_model), memory (S, N, d_model), or batch first, or without N; result as tgt. Masks and arguments as in
    :class:`TransformerEncoderLayer`, those of ``memory`` for the attention to it: ``memory_mask`` is (T, S).
    Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html

    >>> import tapegrad as tg
    >>> tg.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)(tg.ones(3, 5, 8), tg.ones(3, 7, 8)).shape
    tapegrad.Size([3, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            ("self_attn", "multihead_attn"),
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            {"device": device, "dtype": dtype},
        )

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x = self._around(1, tgt, lambda x: self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._around(
            2, x, lambda x: self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        )
        return self._around(3, x, self._ff_block)

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool
    ) -> Tensor:
        x = self.multihead_attn(
            x,
            mem,
            mem,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            is_causal=is_causal,
            need_weights=False,
        )[0]
        return self.dropout2(x)
