"""Losses of overlap between masks, and of similarity between pairs, beyond PyTorch's."""

from __future__ import annotations

import numpy as np

from ..core import Tensor, ops, wrap
from ..errors import ShapeError
from .classification import cross_entropy
from .distance import normalize
from .reduction import choose_reduction, reduce_loss

__all__ = ["circle_loss", "dice_loss", "nt_xent_loss", "tversky_loss"]


def tversky_loss(
    input: Tensor,
    target: Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    r"""Return 1 - Tversky's index for each sample: :math:`1 - \frac{\sum p t + s}{\sum p t + \alpha \sum p (1 - t) + \beta \sum (1 - p) t + s}`.

    ``input``: probabilities (N, ...), ``target``: 0 and 1 in the same shape. A large ``beta`` punishes what is missed.
    Raises ShapeError when the shapes differ.
    Source: S. Salehi et al. (2017), https://arxiv.org/abs/1706.05721

    >>> import tapegrad as tg
    >>> tg.nn.functional.tversky_loss(tg.tensor([[1.0, 1.0]]), tg.tensor([[1.0, 0.0]]))
    tensor(0.3333)
    """
    reduction = choose_reduction(reduction, None, None)
    if input.shape != target.shape or input.ndim < 2:
        shapes = f"{tuple(input.shape)} and {tuple(target.shape)}"
        raise ShapeError("tversky_loss", f"input and target have shapes {shapes}", "give both (N, ...)")
    p, t = (ops.reshape(x, shape=(x.shape[0], -1)) for x in (input, target))
    hit = ops.sum(p * t, dim=1)
    false, missed = ops.sum(p * (1 - t), dim=1), ops.sum((1 - p) * t, dim=1)
    return reduce_loss(1 - (hit + smooth) / (hit + alpha * false + beta * missed + smooth), reduction)


def dice_loss(input: Tensor, target: Tensor, smooth: float = 1e-6, reduction: str = "mean") -> Tensor:
    """Return 1 - Dice's coefficient 2 |P ∩ T| / (|P| + |T|) for each sample: :func:`tversky_loss` with both weights 1/2.

    Source: F. Milletari et al., "V-Net" (2016), https://arxiv.org/abs/1606.04797

    >>> import tapegrad as tg
    >>> tg.nn.functional.dice_loss(tg.tensor([[0.0, 1.0]]), tg.tensor([[0.0, 1.0]]))
    tensor(0.)
    """
    return tversky_loss(input, target, 0.5, 0.5, smooth, reduction)


def nt_xent_loss(embeddings: Tensor, labels: Tensor, temperature: float = 0.07) -> Tensor:
    """Return the normalised, temperature-scaled cross entropy of contrastive learning.

    ``embeddings`` (N, D), with equal ``labels`` (N) for each two that belong together: of each pair, the mean cross entropy
    of its cosine over ``temperature`` among those of all others that do not belong to the first.
    Raises ShapeError when they do not fit, or no two labels are equal.
    Source: T. Chen et al., "A Simple Framework for Contrastive Learning" (2020), https://arxiv.org/abs/2002.05709

    >>> import tapegrad as tg
    >>> tg.nn.functional.nt_xent_loss(tg.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), tg.tensor([0, 0, 1]), 1.0)
    tensor(0.3133)
    """
    if embeddings.ndim != 2 or tuple(labels.shape) != tuple(embeddings.shape[:1]):
        shapes = f"{tuple(embeddings.shape)} and {tuple(labels.shape)}"
        raise ShapeError("nt_xent_loss", f"embeddings and labels have shapes {shapes}", "give (N, D) and (N)")
    directions = normalize(embeddings, dim=1)
    similarity = ops.matmul(directions, directions.mT) / temperature
    equal = labels.unsqueeze(1) == labels.unsqueeze(0)
    first, second = (equal & ~_diagonal(equal)).nonzero(as_tuple=True)
    if not first.numel():
        raise ShapeError("nt_xent_loss", f"no two of the labels {labels.tolist()} are equal", "give pairs")
    others = ops.where(equal, float("-inf"), similarity)
    own = ops.index(similarity, first.detach(), second.detach(), dims=(0, 1))
    logits = ops.cat(own.unsqueeze(1), ops.index(others, first.detach(), dims=(0,)), dim=1)
    return cross_entropy(logits, ops.mul(first, 0))


def _diagonal(square: Tensor) -> Tensor:
    return wrap(np.eye(square.shape[0], dtype=bool))


def circle_loss(embeddings: Tensor, labels: Tensor, margin: float = 0.25, gamma: float = 256.0) -> Tensor:
    """Return the circle loss: the mean over examples of softplus(lse of other classes + lse of the own class).

    Similarities s of unit vectors count γ max(0, s + m) (s - m) for other classes, and -γ max(0, 1 + m - s) (s - 1 + m)
    for the own one. Shapes as in :func:`nt_xent_loss`. Raises ShapeError when they do not fit.
    Source: Y. Sun et al., "Circle Loss" (2020), https://arxiv.org/abs/2002.10857

    >>> import tapegrad as tg
    >>> tg.nn.functional.circle_loss(tg.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), tg.tensor([0, 0, 1])) < 1e-3
    tensor(True)
    """
    if embeddings.ndim != 2 or tuple(labels.shape) != tuple(embeddings.shape[:1]):
        shapes = f"{tuple(embeddings.shape)} and {tuple(labels.shape)}"
        raise ShapeError("circle_loss", f"embeddings and labels have shapes {shapes}", "give (N, D) and (N)")
    directions = normalize(embeddings, dim=1)
    s = ops.matmul(directions, directions.mT)
    equal = labels.unsqueeze(1) == labels.unsqueeze(0)
    near = -gamma * ops.relu(1 + margin - s).detach() * (s - 1 + margin)
    far = gamma * ops.relu(s + margin).detach() * (s - margin)
    never = -1e9
    pulls = ops.logsumexp(ops.where(equal & ~_diagonal(equal), near, never), dim=1)
    pushes = ops.logsumexp(ops.where(equal, never, far), dim=1)
    return -ops.logsigmoid(-(pulls + pushes)).mean()
