"""The Transformer: stacks of its layers, and both stacks together."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functional as F  # noqa: N812  (the field's name)
from ..array import available, get_default_dtype
from ..core import STATE, Tensor, ops, wrap
from ..errors import ShapeError, warn
from . import init
from .container import ModuleList
from .module import Module
from .normalization import LayerNorm
from .transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


def _generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    """Return (sz, sz): -inf above the diagonal, 0 elsewhere, so that position i looks at positions up to i."""
    available(device or "cpu")
    ahead = np.triu(np.full((sz, sz), -math.inf), k=1)
    return wrap(ahead.astype(get_default_dtype() if dtype is None else dtype))


def _detect_is_causal_mask(mask: Tensor | None, is_causal: bool | None = None, size: int | None = None) -> bool:
    """Return the hint if there is one, else whether a mask is :func:`_generate_square_subsequent_mask`'s.

    A step that is being compiled cannot look at values: there the answer is False, and the mask itself does the work.
    """
    if is_causal is not None or mask is None:
        return is_causal is True
    if STATE.tracer is not None:
        return False
    length = mask.shape[-2] if size is None else size
    return tuple(mask.shape) == (length, length) and bool(
        np.array_equal(mask.array, np.triu(np.full((length, length), -math.inf), k=1))
    )


def _length(x: Tensor, batch_first: bool) -> int:
    """Return how many positions a sequence has."""
    return x.shape[0] if x.ndim == 2 else x.shape[1 if batch_first else 0]


def _copies(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


def _why_not_nested(layer: Any) -> str:
    """Return why padded positions are computed like others in evaluation too; empty when they are not."""
    if not isinstance(layer, TransformerEncoderLayer):
        return f"the layer is a {type(layer).__name__}"
    if layer.norm_first:
        return "its layer has norm_first=True"
    attention = layer.self_attn
    if not attention.batch_first:
        return "its layer has batch_first=False"
    if attention.in_proj_bias is None:
        return "its layer has bias=False"
    if layer.activation not in (F.relu, F.gelu) and type(layer.activation).__name__ not in ("ReLU", "GELU"):
        return "its activation is neither relu nor gelu"
    if attention.num_heads % 2:
        return "its number of heads is odd"
    return ""


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer, which begin with the same values, and a last normalisation.

    Shapes and masks as in :class:`TransformerEncoderLayer`. ``is_causal``: a hint that ``mask`` is causal; None: look.
    As in PyTorch, with ``enable_nested_tensor`` and layers that allow it, an evaluation without gradients gives 0 at padded
    positions (those at the ends of sequences in ``src_key_padding_mask``); a warning says when the layers do not.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> tg.nn.TransformerEncoder(layer, 2)(tg.ones(3, 5, 8)).shape
    tapegrad.Size([3, 5, 8])
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        reason = _why_not_nested(encoder_layer)
        self.use_nested_tensor = enable_nested_tensor and not reason
        if enable_nested_tensor and reason:
            warn(
                "TransformerEncoder",
                f"enable_nested_tensor=True has no effect because {reason}",
                "pass enable_nested_tensor=False to be silent about it",
            )

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        batch_first = getattr(getattr(self.layers[0], "self_attn", None), "batch_first", False)
        causal = _detect_is_causal_mask(mask, is_causal, _length(src, batch_first))
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=causal)
        if src_key_padding_mask is not None and mask is None and self._leaves_padding_out(src):
            x = _without_padding(x, src_key_padding_mask)
        return x if self.norm is None else self.norm(x)

    def _leaves_padding_out(self, src: Tensor) -> bool:
        """Return whether PyTorch would leave padded positions out and put 0 there."""
        if not self.use_nested_tensor or self.training or src.ndim != 3:
            return False
        return not STATE.grad_enabled or not (
            src.requires_grad or any(p.requires_grad for p in self.layers[0].parameters())
        )


def _without_padding(x: Tensor, padding: Tensor) -> Tensor:
    """Return (N, S, E) with 0 where a mask says padding, provided that padding is at the ends of sequences only."""
    kept = ops.logical_not(padding)
    at_ends = ops.logical_not(ops.any(ops.logical_and(kept[:, 1:], ops.logical_not(kept[:, :-1]))))
    return ops.where(ops.logical_and(ops.logical_not(kept), at_ends).unsqueeze(-1), wrap(np.zeros((), x.dtype)), x)


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer, which begin with the same values, and a last normalisation.

    Shapes and masks as in :class:`TransformerDecoderLayer`. ``tgt_is_causal``: a hint that ``tgt_mask`` is causal; None: look.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> tg.nn.TransformerDecoder(layer, 2)(tg.ones(3, 5, 8), tg.ones(3, 7, 8)).shape
    tapegrad.Size([3, 5, 8])
    """

    def __init__(self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batch_first = getattr(getattr(self.layers[0], "self_attn", None), "batch_first", False)
        causal = _detect_is_causal_mask(tgt_mask, tgt_is_causal, _length(tgt, batch_first))
        x = tgt
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """Encoder and decoder: a sequence is read, another is written step by step, each position looking at what was read.

    Shapes: src (S, N, d_model), tgt (T, N, d_model), or batch first, or without N; result as tgt. Masks as in the layers.
    ``custom_encoder`` and ``custom_decoder`` take the places of the stacks. Matrices begin Xavier uniform.
    Raises ShapeError for batches or features that do not fit.
    Source: A. Vaswani et al., "Attention Is All You Need" (2017), https://arxiv.org/abs/1706.03762;
    https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html

    >>> import tapegrad as tg
    >>> model = tg.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> mask = tg.nn.Transformer.generate_square_subsequent_mask(3)
    >>> mask
    tensor([[0., -inf, -inf],
            [0., 0., -inf],
            [0., 0., 0.]])
    >>> model(tg.ones(2, 5, 8), tg.ones(2, 3, 8), tgt_mask=mask).shape
    tapegrad.Size([2, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            layer = TransformerEncoderLayer(*sizes, device=device, dtype=dtype)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*sizes, device=device, dtype=dtype)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.encoder = custom_encoder
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        place = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[place] != tgt.shape[place]:
            raise ShapeError(
                "Transformer",
                f"src holds {src.shape[place]} sequences and tgt {tgt.shape[place]}",
                "the batch number of src and tgt must be equal",
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(
                "Transformer",
                f"src has {src.shape[-1]} features, tgt {tgt.shape[-1]}, and d_model is {self.d_model}",
                "the feature number of src and tgt must be equal to d_model",
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """Return (sz, sz): -inf above the diagonal, 0 elsewhere, so that position i looks at positions up to i."""
        return _generate_square_subsequent_mask(sz, device, dtype)
