"""Convolution of sequences with time first, and products of matrices in groups."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, ops
from ..errors import DTypeError, ShapeError
from .conv import conv1d

__all__ = ["conv_tbc", "grouped_mm"]


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Return the convolution of sequences (T, N, C) with a weight (K, C, O) and a bias (O): (T', N, O).

    Raises ShapeError when they do not fit. Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.conv_tbc(tg.ones(5, 2, 3), tg.ones(2, 3, 4), tg.zeros(4)).shape
    tapegrad.Size([4, 2, 4])
    """
    if input.ndim != 3 or weight.ndim != 3:
        raise ShapeError(
            "conv_tbc",
            f"input {tuple(input.shape)} and weight {tuple(weight.shape)}",
            "give (time, batch, channels) and (kernel, channels, outputs)",
        )
    images, kernel = ops.permute(input, dims=(1, 2, 0)), ops.permute(weight, dims=(2, 1, 0))
    return ops.permute(conv1d(images, kernel, bias, padding=pad), dims=(2, 0, 1))


def grouped_mm(
    mat_a: Tensor, mat_b: Tensor, *, offs: Tensor | None = None, bias: Tensor | None = None, out_dtype: Any = None
) -> Tensor:
    """Return products of matrices in groups, which ``offs`` (the groups' ends) cuts out of a shared dimension.

    Shapes: (M, K) and (G, K, N), with groups of rows, give (M, N); (G, M, K) and (K, N), groups of columns, (M, N);
    (M, K) and (K, N), groups of the dimension summed over, (G, M, N); (G, M, K) and (G, K, N), without ``offs``,
    (G, M, N). Raises ShapeError, and DTypeError when the dtypes differ.
    Source: https://pytorch.org/docs/stable/nn.functional.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.grouped_mm(tg.ones(3, 2), tg.ones(2, 2, 1), offs=tg.tensor([1, 3])).shape
    tapegrad.Size([3, 1])
    """
    who, shapes = "grouped_mm", f"{tuple(mat_a.shape)} and {tuple(mat_b.shape)}"
    if mat_a.dtype != mat_b.dtype:
        raise DTypeError(who, f"the matrices have dtypes {mat_a.dtype} and {mat_b.dtype}", "make them equal")
    if mat_a.ndim not in (2, 3) or mat_b.ndim not in (2, 3) or mat_a.shape[-1] != mat_b.shape[-2]:
        raise ShapeError(who, f"matrices of shapes {shapes}", "give matrices, or stacks of them, that fit")
    if (mat_a.ndim == mat_b.ndim == 3) != (offs is None):
        raise ShapeError(who, f"matrices of shapes {shapes}", "give offs unless both are stacks")
    out = ops.matmul(mat_a, mat_b) if offs is None else _products(mat_a, mat_b, offs.tolist())
    out = out if bias is None else out + bias
    return out if out_dtype is None else out.to(out_dtype)


def _products(a: Tensor, b: Tensor, ends: list[int]) -> Tensor:
    pieces = list(enumerate(zip([0, *ends], ends, strict=False)))
    if a.ndim == 2 and b.ndim == 2:
        return ops.stack(*(ops.matmul(a[:, i:j], b[i:j]) for _, (i, j) in pieces), dim=0)
    if a.ndim == 2:
        return ops.cat(*(ops.matmul(a[i:j], b[g]) for g, (i, j) in pieces), dim=0)
    return ops.cat(*(ops.matmul(a[g], b[:, i:j]) for g, (i, j) in pieces), dim=1)
