"""Tables of vectors that are looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F  # noqa: N812  (the field's name)
from ..array import Device, get_default_dtype
from ..core import Parameter, Tensor, no_grad, wrap
from ..errors import ArgumentError, ShapeError
from . import init
from .module import Module

__all__ = ["Embedding"]


class Embedding(Module):
    """A learned vector for each number from 0 to num_embeddings - 1: integers (*) to vectors (*, embedding_dim).

    ``weight`` has shape (num_embeddings, embedding_dim) and begins normal with variance 1. ``padding_idx``: a row that
    begins at 0 and gets no gradient. ``max_norm``: rows that are used are first shrunk to that ``norm_type``-norm.
    ``scale_grad_by_freq``: divide a row's gradient by how often it is used. ``sparse`` is accepted for compatibility: the
    gradient is dense. A call raises IndexRangeError for a number out of range.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html

    >>> import tapegrad as tg
    >>> table = tg.nn.Embedding(10, 3)
    >>> table(tg.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    tapegrad.Size([2, 4, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        Device(device or "cpu")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ArgumentError(
                "Embedding", f"padding_idx is {padding_idx}, and there are {num_embeddings} rows", "stay within them"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            self.weight = Parameter(wrap(np.empty(shape, dtype or get_default_dtype())), requires_grad=not _freeze)
            self.reset_parameters()
        elif tuple(_weight.shape) != shape:
            raise ShapeError("Embedding", f"_weight has shape {tuple(_weight.shape)}", f"it should be {shape}")
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the vectors anew; the padding's is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Return an Embedding with the rows of a matrix as its vectors, which are not trained unless ``freeze=False``.

        Raises ShapeError for anything but a matrix.

        >>> import tapegrad as tg
        >>> tg.nn.Embedding.from_pretrained(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))(tg.tensor([1]))
        tensor([[3., 4.]])
        """
        if embeddings.ndim != 2:
            raise ShapeError("from_pretrained", f"the vectors have shape {tuple(embeddings.shape)}", "give a matrix")
        rows, columns = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        return cls(rows, columns, *options, _weight=embeddings, _freeze=freeze)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False, "sparse": False}
        shown = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])
