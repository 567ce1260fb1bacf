"""A softmax over many classes in clusters: rare classes cost little."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _Result(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The logarithms of the targets' probabilities, and minus their mean, with classes in clusters by frequency.

    Classes below ``cutoffs[0]`` are in the head, with one more entry for each of the other clusters, which lie between
    the cutoffs; cluster i works with in_features / div_value ** i features. A call takes (N, in_features) or
    (in_features) and labels (N) or 0-d, and returns ``output`` (N) and ``loss``. Raises ArgumentError for cutoffs that
    do not rise between 1 and n_classes - 1, ShapeError for shapes or labels that do not fit.
    Source: E. Grave et al., "Efficient softmax approximation for GPUs" (2016), https://arxiv.org/abs/1609.04309

    >>> import tapegrad as tg
    >>> layer = tg.nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs=[4, 10], div_value=2)
    >>> output, loss = layer(tg.zeros(2, 8), tg.tensor([0, 15]))
    >>> output.shape, layer.log_prob(tg.zeros(2, 8)).shape
    (tapegrad.Size([2]), tapegrad.Size([2, 20]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        cutoffs = list(cutoffs)
        rising = all(int(c) == c for c in cutoffs) and cutoffs == sorted(set(cutoffs))
        if not cutoffs or not rising or cutoffs[0] < 1 or cutoffs[-1] > n_classes - 1:
            raise ArgumentError(
                "AdaptiveLogSoftmaxWithLoss", f"cutoffs are {cutoffs}", f"use rising numbers from 1 to {n_classes - 1}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for number, (first, stop) in enumerate(itertools.pairwise(self.cutoffs), start=1):
            width = int(in_features // div_value**number)
            down, up = Linear(in_features, width, bias=False, **made), Linear(width, stop - first, bias=False, **made)
            self.tail.append(Sequential(down, up))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for pair in self.tail:
            for layer in pair:
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _Result:
        if target_.ndim not in (0, 1) or input_.ndim != target_.ndim + 1:
            shapes = f"input of shape {tuple(input_.shape)} and target of shape {tuple(target_.shape)}"
            raise ShapeError("AdaptiveLogSoftmaxWithLoss", shapes, "give (N, features) and (N), or both without N")
        if target_.ndim and input_.shape[0] != target_.shape[0]:
            raise ShapeError(
                "AdaptiveLogSoftmaxWithLoss",
                f"{input_.shape[0]} rows and {target_.shape[0]} labels",
                "give one label for each row",
            )
        input = input_ if target_.ndim else input_.unsqueeze(0)
        target = target_ if target_.ndim else target_.unsqueeze(0)
        output = self._of_targets(input, target)
        return _Result(output if target_.ndim else output.squeeze(0), -output.mean())

    def _of_targets(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the logarithms of the targets' probabilities: of the cluster, and within it."""
        labels = target._read("AdaptiveLogSoftmaxWithLoss")
        if labels.size and not 0 <= labels.min() <= labels.max() < self.n_classes:
            raise ShapeError(
                "AdaptiveLogSoftmaxWithLoss",
                f"labels from {labels.min()} to {labels.max()}",
                f"use 0 to {self.n_classes - 1}",
            )
        places, within = target, ops.mul(input[:, 0].detach(), 0)
        for i, (first, stop) in enumerate(itertools.pairwise(self.cutoffs)):
            rows = ((labels >= first) & (labels < stop)).nonzero()[0]
            if not rows.size:
                continue
            logs = F.log_softmax(self.tail[i](ops.index(input, rows, dims=(0,))), dim=1)
            chosen = logs.gather(1, (ops.index(target, rows, dims=(0,)) - first).unsqueeze(1)).squeeze(1)
            within = within + ops.index_sum(chosen, rows, dims=(0,), shape=(input.shape[0],))
            places = ops.where((target >= first) & (target < stop), self.shortlist_size + i, places)
        head = F.log_softmax(self.head(input), dim=1)
        return within + head.gather(1, places.unsqueeze(1)).squeeze(1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of all classes: (N, in_features) to (N, n_classes)."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return ops.cat(*parts, dim=1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class of each row: (N, in_features) to (N)."""
        best = self.head(input).argmax(1)
        return ops.where(best < self.shortlist_size, best, self.log_prob(input).argmax(1))
