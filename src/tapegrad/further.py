"""Functions that PyTorch has at the top level with other arguments than in ``nn.functional``, and names used rarely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import functional
from .core import Tensor, function, ops, wrap
from .errors import StateError, UsageError
from .ops.distance import matrix_norm, vector_norm

__all__ = ["batch_norm", "cond", "dropout", "embedding_bag", "instance_norm", "layer_norm", "while_loop"]


# -- dropout: ``train`` instead of ``training`` -------------------------------------------------------------------------


def _dropout(name: str, call: Callable, inplace: bool) -> Callable:
    def drop(input: Tensor, p: float, train: bool) -> Tensor:
        return call(input, p, train, inplace)

    drop.__name__ = drop.__qualname__ = name
    drop.__doc__ = f"Return :func:`tapegrad.nn.functional.{call.__name__}`" + (", in place." if inplace else ".")
    return drop


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    kept = functional.dropout(input.new_ones((*input.shape[:2], *(1,) * (input.ndim - 2))), p, training)
    return input.mul_(kept) if inplace else input * kept


dropout, dropout_ = _dropout("dropout", functional.dropout, False), _dropout("dropout_", functional.dropout, True)
alpha_dropout = _dropout("alpha_dropout", functional.alpha_dropout, False)
alpha_dropout_ = _dropout("alpha_dropout_", functional.alpha_dropout, True)
feature_dropout = _dropout("feature_dropout", _drop_channels, False)
feature_dropout_ = _dropout("feature_dropout_", _drop_channels, True)
feature_alpha_dropout = _dropout("feature_alpha_dropout", functional.feature_alpha_dropout, False)
feature_alpha_dropout_ = _dropout("feature_alpha_dropout_", functional.feature_alpha_dropout, True)


# -- activations: ``out`` and ``generator`` instead of ``inplace`` ------------------------------------------------------


@function()
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return :func:`tapegrad.nn.functional.hardshrink`."""
    return functional.hardshrink(input, lambd)


@function()
def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """Return :func:`tapegrad.nn.functional.threshold`."""
    return functional.threshold(input, threshold, value)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.rrelu`, whose slopes are drawn from a generator."""
    if generator is None or not training:
        return functional.rrelu(input, lower, upper, training)
    slopes = ops.random_uniform(
        size=tuple(input.shape), low=float(lower), high=float(upper), dtype=input.dtype, generator=generator
    )
    return ops.where(input > 0, input, input * slopes)


def rrelu_(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return input.copy_(rrelu(input, lower, upper, training, generator))


# -- normalisation: weights before statistics ---------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.batch_norm`, whose arguments come in another order."""
    return functional.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.instance_norm`, whose arguments come in another order."""
    return functional.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.layer_norm`."""
    return functional.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.group_norm`."""
    return functional.group_norm(input, num_groups, weight, bias, eps)


def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return :func:`layer_norm`, the means, and one over the standard deviations."""
    dims = tuple(range(-len(normalized_shape), 0))
    mean = input.mean(dims, keepdim=True)
    scale = (input.var(dims, correction=0, keepdim=True) + eps).rsqrt()
    # PyTorch sends no gradients back through the statistics.
    return functional.layer_norm(input, normalized_shape, weight, bias, eps), mean.detach(), scale.detach()


@function()
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return :func:`batch_norm`, and, of the batch in training, the means and one over the standard deviations."""
    out = batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
    if not training:
        return out, input.new_zeros(0), input.new_zeros(0)
    dims = tuple(d for d in range(input.ndim) if d != 1)
    seen = input.detach()
    return out, seen.mean(dims), (seen.var(dims, correction=0) + eps).rsqrt()


def native_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return :func:`group_norm`, and the means and one over the standard deviations of every group of a sample."""
    rows = input.reshape(N, group, C // group * HxW)
    out = functional.group_norm(input, group, weight, bias, eps)
    return out, rows.mean(-1), (rows.var(-1, correction=0) + eps).rsqrt()


# -- embeddings: the weight first ---------------------------------------------------------------------------------------


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return :func:`tapegrad.nn.functional.embedding_bag` with the weight first, and three tensors about the bags.

    ``mode``: 0 sums, 1 takes means, 2 the largest. The tensors are the bag of each index, the size of each bag, and
    an empty one where PyTorch keeps positions of the largest.
    """
    sums = functional.embedding_bag(
        indices,
        weight,
        offsets,
        scale_grad_by_freq=scale_grad_by_freq,
        mode=("sum", "mean", "max")[mode],
        sparse=sparse,
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx,
    )
    starts = offsets._read("embedding_bag")
    ends = starts[1:] if include_last_offset else np.append(starts[1:], indices.numel())
    sizes = ends - starts[: len(ends)]
    bags = np.repeat(np.arange(len(sizes)), sizes)
    return sums, wrap(bags), wrap(np.asarray(sizes)), wrap(np.zeros(0, np.int64))


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float = 2.0) -> Tensor:
    """Scale the rows of the input that are named down to ``max_norm``, in place."""
    rows = wrap(np.unique(indices._read("embedding_renorm_")))
    input[rows] = input[rows].renorm(norm_type, 0, max_norm)
    return input


# -- losses: reductions as numbers --------------------------------------------------------------------------------------

_REDUCTIONS = ("none", "mean", "sum")


def _loss(name: str, place: int) -> Callable:
    """Return a loss whose ``reduction``, by its place or name, may be 0, 1 or 2."""
    call = getattr(functional, name)

    def loss(*args: Any, **kwargs: Any) -> Tensor:
        given = list(args)
        if len(given) > place and isinstance(given[place], int):
            kwargs["reduction"] = given.pop(place)
        if isinstance(kwargs.get("reduction"), int):
            kwargs["reduction"] = _REDUCTIONS[kwargs["reduction"]]
        kwargs.setdefault("reduction", "none")
        names = _AFTER.get(name, ())
        kwargs.update(zip(names, given[place:], strict=False))
        return call(*given[:place], **kwargs)

    loss.__name__ = loss.__qualname__ = name
    loss.__doc__ = (
        f"Return :func:`tapegrad.nn.functional.{name}`; ``reduction`` is 0 (none, unless given), 1 (mean), 2 (sum)."
    )
    return loss


_AFTER = {"kl_div": ("log_target",), "ctc_loss": ("zero_infinity",)}
kl_div = _loss("kl_div", 2)
ctc_loss = _loss("ctc_loss", 5)
hinge_embedding_loss = _loss("hinge_embedding_loss", 3)
cosine_embedding_loss = _loss("cosine_embedding_loss", 4)
margin_ranking_loss = _loss("margin_ranking_loss", 4)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.binary_cross_entropy_with_logits`, ``pos_weight`` before ``reduction``."""
    return functional.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
    )


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """Return :func:`tapegrad.nn.functional.poisson_nll_loss`."""
    return functional.poisson_nll_loss(
        input, target, log_input=log_input, full=full, eps=eps, reduction=_REDUCTIONS[reduction]
    )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.triplet_margin_loss`."""
    return functional.triplet_margin_loss(
        anchor, positive, negative, margin=margin, p=p, eps=eps, swap=swap, reduction=_REDUCTIONS[reduction]
    )


# -- padding, grids and norms -------------------------------------------------------------------------------------------


@function()
def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    """Return the input with one value around it: :func:`tapegrad.nn.functional.pad` in its ordinary mode."""
    return functional.pad(input, tuple(pad), "constant", value)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """Return :func:`tapegrad.nn.functional.grid_sample` with its modes as numbers."""
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    return functional.grid_sample(input, grid, modes[interpolation_mode], paddings[padding_mode], align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def affine_grid_generator(theta: Tensor, size: Any, align_corners: bool) -> Tensor:
    """Return :func:`tapegrad.nn.functional.affine_grid`."""
    return functional.affine_grid(theta, size, align_corners)


@function()
def frobenius_norm(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the root of the sum of squares over dimensions."""
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return vector_norm(input, 2, dims or None, keepdim)


@function()
def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """Return the sum of the singular values of matrices."""
    return matrix_norm(input, "nuc", tuple(dim), keepdim)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """Return the norms of the slices along a dimension, the other dimensions kept with size 1."""
    if dim == -1:
        return vector_norm(v, pow)
    others = tuple(d for d in range(v.ndim) if d != dim % v.ndim)
    return vector_norm(v, pow, others, True)


def view_as_real_copy(input: Tensor) -> Tensor:
    """Return a copy of :func:`tapegrad.view_as_real`."""
    return ops.clone(ops.view_as_real(input))


def view_as_complex_copy(input: Tensor) -> Tensor:
    """Return a copy of :func:`tapegrad.view_as_complex`."""
    return ops.clone(ops.view_as_complex(input))


# -- branches and loops that PyTorch traces -----------------------------------------------------------------------------


def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Any = ()) -> Any:
    """Return ``true_fn(*operands)`` where a condition holds, else ``false_fn(*operands)``."""
    if not callable(true_fn) or not callable(false_fn):
        raise UsageError("cond", "a branch cannot be called", "give two functions")
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: Any) -> tuple:
    """Return what ``body_fn`` makes of the inputs, over and over, while ``cond_fn`` of it holds."""
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        made = body_fn(*carried)
        carried = tuple(made) if isinstance(made, (tuple, list)) else (made,)
    return carried


# -- numbers that PyTorch may hold as symbols -----------------------------------------------------------------------------


def sym_int(a: Any) -> int:
    """Return a number as an integer, rounded towards 0."""
    return int(a)


def sym_float(a: Any) -> float:
    """Return a number as a float."""
    return float(a)


def sym_not(a: Any) -> bool:
    """Return whether something is not true."""
    return not a


def sym_max(a: Any, b: Any) -> Any:
    """Return the larger of two numbers, a float if either is."""
    largest = max(a, b)
    return float(largest) if isinstance(a, float) or isinstance(b, float) else largest


def sym_min(a: Any, b: Any) -> Any:
    """Return the smaller of two numbers, a float if either is."""
    smallest = min(a, b)
    return float(smallest) if isinstance(a, float) or isinstance(b, float) else smallest


def sym_sum(args: Any) -> Any:
    """Return the sum of numbers."""
    return sum(args)


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """Return ``t`` where ``b`` is true, else ``f``."""
    return t if b else f


# -- what PyTorch itself has taken away -----------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises when a GPU's memory is full: here for scripts that catch it."""


class AcceleratorError(RuntimeError):
    """What PyTorch raises when a GPU fails: here for scripts that catch it."""


def _gone(name: str, instead: str) -> Callable:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise StateError(name, "PyTorch has taken this function away", f"use {instead}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Raise StateError: PyTorch has taken it away for {instead}."
    return refuse


eig = _gone("eig", "tapegrad.linalg.eig")
symeig = _gone("symeig", "tapegrad.linalg.eigh")
solve = _gone("solve", "tapegrad.linalg.solve")
lstsq = _gone("lstsq", "tapegrad.linalg.lstsq")
matrix_rank = _gone("matrix_rank", "tapegrad.linalg.matrix_rank")
