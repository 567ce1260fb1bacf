"""Sums, means and maxima of rows of a table, without a copy of the rows for every use of them."""

from __future__ import annotations

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import OptionError, ShapeError
from .linear import embedding

__all__ = ["embedding_bag"]


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of the rows of ``weight`` that each bag of numbers names: (bags, features).

    ``input``: a matrix, each row a bag, or a vector, with ``offsets`` where the bags begin (and the last ends, with
    ``include_last_offset``). ``per_sample_weights``: what each row is multiplied by, for ``mode="sum"``. A row
    ``padding_idx`` does not count. An empty bag gives 0. Other arguments as in :func:`embedding`.
    Raises ArgumentError for arguments that do not go together, ShapeError for other shapes.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html

    >>> import tapegrad as tg
    >>> table = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.nn.functional.embedding_bag(tg.tensor([0, 1, 1]), table, tg.tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [3., 4.]])
    """
    _check(input, offsets, mode, scale_grad_by_freq, per_sample_weights)
    rows = embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    kept = input >= 0 if padding_idx is None else ops.ne(input, padding_idx % weight.shape[0])
    if input.ndim == 1:
        places, real = _bags(offsets, input.shape[0], include_last_offset)
        rows, kept = ops.index(rows, places, dims=(0,)), ops.index(kept, places, dims=(0,)) & wrap(real)
        if per_sample_weights is not None:
            per_sample_weights = ops.index(per_sample_weights, places, dims=(0,))
    if mode == "max":
        return _maximum(rows, kept)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    factor = kept.to(weight.dtype)
    total = ops.sum(rows * factor.unsqueeze(-1), dim=1)
    if mode == "sum":
        return total
    return total / ops.clamp(ops.sum(factor, dim=1, keepdim=True), 1.0, None)


def _maximum(rows: Tensor, kept: Tensor) -> Tensor:
    """Return the largest of the kept rows of each bag, 0 where there are none."""
    if rows.shape[1] == 0:
        return ops.sum(rows, dim=1)
    largest = ops.where(kept.unsqueeze(-1), rows, float("-inf")).amax(1)
    return ops.where(kept.any(1, keepdim=True), largest, 0)


def _bags(offsets: Tensor | None, count: int, include_last: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return, for bags of consecutive numbers, the place of every number as a matrix, and where it stands for one."""
    if offsets is None or offsets.ndim != 1:
        found = "None" if offsets is None else f"of shape {tuple(offsets.shape)}"
        raise OptionError("embedding_bag", f"the input is a vector, and offsets is {found}", "give a vector of offsets")
    starts = offsets._read("embedding_bag")
    ends = np.append(starts[1:], [] if include_last else count).astype(np.int64)
    starts = starts[: len(ends)]
    lengths = ends - starts
    if len(offsets) and (int(offsets[0]) != 0 or (lengths < 0).any() or ends[-1:].sum() > count):
        raise OptionError(
            "embedding_bag",
            f"offsets {offsets.tolist()} for {count} numbers",
            f"they begin with 0, do not fall, and end at most at {count}",
        )
    step = np.arange(int(lengths.max(initial=0)))
    return np.minimum(starts[:, None] + step, max(count - 1, 0)), step < lengths[:, None]


def _check(
    input: Tensor, offsets: Tensor | None, mode: str, scale_grad_by_freq: bool, per_sample_weights: Tensor | None
) -> None:
    who = "embedding_bag"
    if input.ndim not in (1, 2):
        raise ShapeError(who, f"input of shape {tuple(input.shape)}", "give a vector or a matrix of numbers")
    if input.ndim == 2 and offsets is not None:
        raise OptionError(who, "the input is a matrix, and there are offsets", "leave them out: each row is a bag")
    if mode not in ("sum", "mean", "max"):
        raise OptionError(who, f"mode is '{mode}'", "use 'sum', 'mean' or 'max'")
    if mode == "max" and scale_grad_by_freq:
        raise OptionError(who, "scale_grad_by_freq with mode 'max'", "use 'sum' or 'mean'")
    if per_sample_weights is None:
        return
    if mode != "sum":
        raise OptionError(who, f"per_sample_weights with mode '{mode}'", "use 'sum'")
    if per_sample_weights.shape != input.shape:
        shapes = f"{tuple(per_sample_weights.shape)} for input {tuple(input.shape)}"
        raise ShapeError(who, f"per_sample_weights of shape {shapes}", "give one for each number")
