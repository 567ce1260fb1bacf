"""Losses of margins and of distances between examples."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Tensor, ops
from ..errors import OptionError, ShapeError
from .distance import pairwise_distance
from .reduction import choose_reduction, reduce_loss

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of x where the target is 1, and of max(0, margin - x) where it is -1, for distances x.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hinge_embedding_loss(tg.tensor([0.25, 0.25]), tg.tensor([1, -1]), reduction="none")
    tensor([0.2500, 0.7500])
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    far = ops.where(target != 1, ops.clamp(margin - input, 0, None), 0)
    near = ops.where(target != -1, input, 0)
    return reduce_loss(far + near, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of max(0, margin - t (x1 - x2)): 0 where x1 is larger for t = 1, or smaller for t = -1.

    Raises ShapeError when the numbers of dimensions differ.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.margin_ranking_loss(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1.0]))
    tensor(2.)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        shapes = ", ".join(str(tuple(t.shape)) for t in (input1, input2, target))
        raise ShapeError("margin_ranking_loss", f"the shapes are {shapes}", "give all the same number of dimensions")
    return reduce_loss(ops.clamp(-target * (input1 - input2) + float(margin), 0, None), reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of ln(1 + e^(-t x)) for targets of -1 and 1.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.soft_margin_loss(tg.tensor([0.0, 100.0]), tg.tensor([1.0, -1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    return reduce_loss(-ops.logsigmoid(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes of the binary cross entropy with logits, for inputs (N, C) or (C).

    ``weight`` broadcasts to the classes.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_soft_margin_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.multilabel_soft_margin_loss(tg.zeros(1, 3), tg.ones(1, 3))
    tensor(0.6931)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    losses = ops.logit_cross_entropy(input, target)
    losses = losses if weight is None else losses * weight
    return reduce_loss(ops.sum(losses, dim=-1) / input.shape[-1], reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of Σ_t Σ_j max(0, 1 - (x_t - x_j)) / C over the labels t and the classes j that are no labels.

    Shapes: input (N, C) or (C), target the same, of integers: each row's labels, then -1, what follows does not count.
    Raises ShapeError when they differ.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_margin_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.multilabel_margin_loss(tg.tensor([[0.1, 0.2, 0.4, 0.8]]), tg.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    if input.ndim == 0 and target.ndim == 0:
        losses = multilabel_margin_loss(input.unsqueeze(0), target.unsqueeze(0), reduction="none")
        return reduce_loss(losses, reduction)
    if input.shape != target.shape or not 0 < input.ndim < 3 or not input.shape[-1]:
        raise ShapeError(
            "multilabel_margin_loss",
            f"input of shape {tuple(input.shape)} does not fit target of shape {tuple(target.shape)}",
            "give both (N, C) or (C)",
        )
    classes = input.shape[-1]
    listed = (target < 0).to(target.dtype).cumsum(-1) == 0
    labels = ops.where(listed, target, 0)
    hits = ops.one_hot(labels, num_classes=classes) * listed.unsqueeze(-1)
    free = ops.sum(hits, dim=-2, keepdim=True) == 0
    excess = ops.clamp(1 - (input.gather(-1, labels).unsqueeze(-1) - input.unsqueeze(-2)), 0, None)
    counted = listed.unsqueeze(-1) & free
    losses = ops.sum(ops.where(counted, excess, 0), dim=(-2, -1)) / classes
    return reduce_loss(losses, reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of 1 - cos(x1, x2) where the target is 1, and of max(0, cos(x1, x2) - margin) where it is -1.

    Shapes: inputs (N, D) or (D), target (N) or 0-d. Raises ShapeError for others.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([[1.0, 0.0]])
    >>> tg.nn.functional.cosine_embedding_loss(x, x, tg.tensor([-1]), margin=0.25)
    tensor(0.7500)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        shapes = f"{tuple(input1.shape)} and {tuple(input2.shape)}, the target {tuple(target.shape)}"
        raise ShapeError("cosine_embedding_loss", f"the inputs have shapes {shapes}", "give (N, D), (N, D) and (N)")
    product = ops.sum(input1 * input2, dim=-1)
    squares = (ops.sum(ops.square(input1), dim=-1) + 1e-12) * (ops.sum(ops.square(input2), dim=-1) + 1e-12)
    cosine = product / ops.sqrt(squares)
    losses = ops.where(target == 1, 1 - cosine, 0) + ops.where(target == -1, ops.clamp(cosine - margin, 0, None), 0)
    return reduce_loss(losses, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of max(0, margin + d(a, p) - d(a, n)) for p-norm distances d between examples (N, D) or (D).

    ``swap``: use the distance of positive and negative where it is smaller than that of anchor and negative.
    Raises ArgumentError unless ``margin`` is positive, ShapeError when the numbers of dimensions differ.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_loss.html

    >>> import tapegrad as tg
    >>> a, p, n = tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0]]), tg.tensor([[0.0, 2.0]])
    >>> tg.nn.functional.triplet_margin_loss(a, p, n)
    tensor(4.0000)
    """
    reduction = choose_reduction(reduction, size_average, reduce)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return _triplet("triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return :func:`triplet_margin_loss` with any function as the distance: :func:`pairwise_distance` unless given.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_with_distance_loss.html
    """
    reduction = choose_reduction(reduction, None, None)
    distance = distance_function or pairwise_distance
    return _triplet("triplet_margin_with_distance_loss", anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    who: str,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if margin <= 0:
        raise OptionError(who, f"margin must be greater than 0, got {margin}", "use a positive number")
    if not anchor.ndim == positive.ndim == negative.ndim:
        dims = f"{anchor.ndim}, {positive.ndim} and {negative.ndim}"
        raise ShapeError(who, f"anchor, positive and negative have {dims} dimensions", "give all the same number")
    far = distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduce_loss(ops.clamp(margin + distance(anchor, positive) - far, 0, None), reduction)
