"""Tables of vectors that are looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F  # noqa: N812  (the field's name)
from ..array import available, get_default_dtype
from ..core import Parameter, Tensor, no_grad, wrap
from ..errors import ContractError, ShapeError
from . import init
from .module import Module

__all__ = ["Embedding", "EmbeddingBag"]


def _padding(who: str, padding_idx: int | None, rows: int) -> int | None:
    """Return the padding's row counted from the front. Raises ContractError when there is no such row."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ContractError(who, f"padding_idx is {padding_idx}, and there are {rows} rows", "stay within them")
    return padding_idx % rows


def _table(who: str, shape: tuple[int, int], given: Tensor | None, freeze: bool, device: Any, dtype: Any) -> Parameter:
    """Return the parameter: the given rows, or memory for new ones. Raises ShapeError for rows of another shape."""
    available(device or "cpu")
    if min(shape) < 0:
        raise ShapeError(who, f"the table's shape is {shape}", "use sizes of at least 0")
    if given is not None and tuple(given.shape) != shape:
        raise ShapeError(who, f"_weight has shape {tuple(given.shape)}", f"it should be {shape}")
    values = wrap(np.empty(shape, dtype or get_default_dtype())) if given is None else given
    return Parameter(values, requires_grad=not freeze)


def _draw(table: Parameter, padding_idx: int | None) -> None:
    init.normal_(table)
    if padding_idx is not None:
        with no_grad():
            table[padding_idx] = 0


def _matrix(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise ShapeError("from_pretrained", f"the vectors have shape {tuple(embeddings.shape)}", "give a matrix")
    return embeddings.shape


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
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = _padding("Embedding", padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self.weight = _table("Embedding", (num_embeddings, embedding_dim), _weight, _freeze, device, dtype)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew; the padding's is 0."""
        _draw(self.weight, self.padding_idx)

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
        rows, columns = _matrix(embeddings)
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


class EmbeddingBag(Module):
    """The mean, sum or maximum of the learned vectors that each bag of numbers names: see :func:`tapegrad.functional.embedding_bag`.

    Arguments as in :class:`Embedding`; ``mode`` is "mean", "sum" or "max".
    Source: https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html

    >>> import tapegrad as tg
    >>> tg.nn.EmbeddingBag(10, 3)(tg.tensor([1, 2, 4, 5, 4]), tg.tensor([0, 3])).shape
    tapegrad.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self.padding_idx = _padding("EmbeddingBag", padding_idx, num_embeddings)
        self.weight = _table("EmbeddingBag", (num_embeddings, embedding_dim), _weight, False, device, dtype)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew; the padding's is 0."""
        _draw(self.weight, self.padding_idx)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Return an EmbeddingBag with the rows of a matrix as its vectors, not trained unless ``freeze=False``."""
        rows, columns = _matrix(embeddings)
        options = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset, padding_idx)
        layer = cls(rows, columns, *options)
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        usual = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False, "mode": "", "padding_idx": None}
        shown = [f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])
