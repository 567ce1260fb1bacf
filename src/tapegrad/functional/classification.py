"""Losses of labels: cross entropy, the negative log-likelihood, and multi-class margins."""

from __future__ import annotations

from ..core import STATE, Tensor, ops
from ..core.dispatch import apply
from ..errors import DTypeError, OptionError, ShapeError, warn
from .reduction import choose_reduction, reduce_loss, require_tensors

__all__ = ["cross_entropy", "hinge_loss", "multi_margin_loss", "nll_loss"]

# How many of a row's numbers are looked at first: rarely do so many logits lie between 0 and 1.
_FIRST = 8
# How many rows must sum to 1: a single one does by chance, some once in a thousand.
_ROWS = 3


# -- cross entropy ----------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the mean cross entropy between the softmax of logits and their targets.

    ``input``: logits (N, C), (C) or (N, C, d1, ...) for C classes. ``target``: integer labels (N), 0-d or (N, d1, ...),
    or probabilities in the shape of the input. Formula: :math:`-w_t \ln(e^{x_t} / \sum_j e^{x_j})`.
    ``weight``: one for each class; the mean is over the weights. Labels equal to ``ignore_index`` do not count.
    ``label_smoothing``: how much of the target is spread evenly over all classes. ``reduction``: "mean", "sum", "none".
    Raises IndexRangeError for a label out of range, DTypeError for labels that are no integers, ArgumentError when there
    are not as many labels as rows. Warns when the input holds probabilities already: softmax would be applied twice.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.cross_entropy(tg.tensor([[0.0, 0.0], [100.0, 0.0]]), tg.tensor([1, 1]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise OptionError("cross_entropy", f"label_smoothing is {label_smoothing}", "use a number from 0 to 1")
    require_tensors("cross_entropy", input, target)
    if STATE.tracer is None:
        _warn_of_probabilities(input)
    if input.ndim and target.array.shape == input.array.shape:
        return _cross_entropy_of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    rows = _rows("cross_entropy", input, target)
    _check_weight("cross_entropy", rows, weight)
    if label_smoothing:
        return _smoothed(rows, target, weight, ignore_index, reduction, label_smoothing)
    options = {"reduction": reduction, "ignore_index": ignore_index}
    loss = apply(ops.softmax_cross_entropy, (rows, target, weight), options)[0]
    return loss.squeeze() if input.ndim == 1 and target.ndim else loss


def _rows(who: str, input: Tensor, target: Tensor) -> Tensor:
    """Return the input with its classes last and all other dimensions made one. Raises when the target does not fit."""
    shape, labels = tuple(input.array.shape), target.array.shape
    if len(shape) == 2 and labels == shape[:1]:
        return input
    wanted = shape[:1] + shape[2:]
    if len(shape) == 1 and labels in ((), (1,)):
        return ops.reshape(input, shape=(1, -1))
    if len(shape) > 2 and labels == wanted:
        return ops.reshape(input.movedim(1, -1), shape=(-1, shape[1]))
    if not shape:
        raise ShapeError(who, "the input is 0-d", "give it a dimension for the classes")
    if len(shape) == 1:
        raise OptionError(who, f"one row of {shape[0]} classes, but target has shape {labels}", "give one 0-d label")
    if labels == (*wanted, 1):
        fix = f"use target.squeeze({len(labels) - 1})"
    else:
        fix = f"the target should have shape {wanted}"
        fix += ", or that of the input for probabilities" if who == "cross_entropy" else ""
    raise OptionError(who, f"input of shape {shape} does not fit target of shape {tuple(labels)}", fix)


def _check_weight(who: str, rows: Tensor, weight: Tensor | None) -> None:
    if weight is not None and weight.dtype != rows.dtype:
        raise DTypeError(who, f"the weight has dtype {weight.dtype}, the input {rows.dtype}", "make them equal")


def _smoothed(
    rows: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    """Return (1 - s) times the loss of the labels plus s times the mean of the losses of all classes."""
    logs, classes = ops.log_softmax(rows, dim=1), rows.shape[1]
    options = {"classes": classes, "reduction": "none", "ignore_index": ignore_index, "dtype": rows.dtype}
    hard = ops.label_nll(logs, target, weight, reduction=reduction, ignore_index=ignore_index)
    counted = ops.label_weights(target, None, **options)
    spread = ops.reshape(-ops.sum(logs if weight is None else logs * weight, dim=1), shape=tuple(target.shape))
    # Not a product: where no label counts, the mean's gradient is infinite, and these rows' is still 0.
    even = reduce_loss(ops.where(counted != 0, spread, 0), "none" if reduction == "none" else "sum")
    if reduction == "mean":
        even = even / ops.sum(counted if weight is None else ops.label_weights(target, weight, **options))
    return (1 - smoothing) * hard + (smoothing / classes) * even


def _cross_entropy_of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    if target.dtype.kind != "f":
        raise DTypeError(
            "cross_entropy",
            f"argument 'target' has the input's shape, so it holds probabilities, but dtype {target.dtype}",
            "convert it with .float(), or give one label for each row",
        )
    if ignore_index >= 0:
        raise OptionError(
            "cross_entropy",
            f"ignore_index={ignore_index} with probabilities as target",
            "it is for labels: leave it out",
        )
    place = 0 if input.ndim == 1 else 1
    classes = input.shape[place]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    losses = ops.log_softmax(input, dim=place) * target
    if weight is not None:
        losses = losses * ops.reshape(weight, shape=(-1, *(1,) * (input.ndim - place - 1)))
    if reduction == "none":
        return -ops.sum(losses, dim=place)
    total = -ops.sum(losses)
    return total / (input.numel() / classes) if reduction == "mean" else total


def _warn_of_probabilities(input: Tensor) -> None:
    """Warn when all of several rows of logits (N, C) sum to 1 without a negative number. Most are seen not to at once."""
    array = input.array
    if array.ndim != 2 or array.shape[1] < 2 or array.shape[0] < _ROWS:
        return
    first = array[0, :_FIRST].tolist()
    if min(first) < 0 or sum(first) > 1.001 or abs(float(array[0].sum()) - 1) > 1e-3:
        return
    if (array >= 0).all() and (abs(array.sum(axis=1) - 1) <= 1e-3).all():
        warn(
            "cross_entropy",
            "logits expected, but every row of the input holds probabilities that sum to 1",
            "leave the softmax out: this loss applies it",
        )


# -- negative log-likelihood and margins ------------------------------------------------------------------------------


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of -w x_t, where the input holds logarithms of probabilities, as :func:`log_softmax` gives them.

    Shapes, arguments and errors as in :func:`cross_entropy`, for labels.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.nll_loss(tg.tensor([[-0.5, -1.0]]), tg.tensor([1]))
    tensor(1.)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    require_tensors("nll_loss", input, target)
    rows = _rows("nll_loss", input, target)
    _check_weight("nll_loss", rows, weight)
    loss = ops.label_nll(rows, target, weight, reduction=reduction, ignore_index=ignore_index)
    return loss.squeeze() if input.ndim == 1 and target.ndim else loss


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of w_t Σ_j max(0, margin - x_t + x_j)ᵖ / C over the classes j other than the label t.

    Shapes: input (N, C) or (C), target (N) or 0-d. ``p`` is 1 or 2. Raises ArgumentError for another ``p``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.multi_margin_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.multi_margin_loss(tg.tensor([[1.0, 0.5, 0.0]]), tg.tensor([0]))
    tensor(0.1667)
    """
    reduction = choose_reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise OptionError("multi_margin_loss", f"p is {p}", "use 1 or 2")
    if input.ndim == 0:
        input = input.unsqueeze(0)
    rows = _rows("multi_margin_loss", input, target)
    _check_weight("multi_margin_loss", rows, weight)
    if weight is not None and tuple(weight.shape) != (rows.shape[1],):
        raise OptionError("multi_margin_loss", f"the weight has shape {tuple(weight.shape)}", "give one for each class")
    if not rows.shape[1]:
        raise ShapeError("multi_margin_loss", f"the input has shape {tuple(input.shape)}", "give it classes")
    classes = rows.shape[1]
    options = {"classes": classes, "reduction": "none", "ignore_index": None, "who": "multi_margin_loss"}
    weights = ops.label_weights(target, weight, dtype=rows.dtype, **options)
    chosen = ops.reshape(ops.pick_labels(rows, target), shape=(-1, 1))
    excess = ops.relu(margin - chosen + rows)
    excess = ops.where(ops.one_hot(ops.reshape(target, shape=(-1,)), num_classes=classes) == 1, 0, excess)
    losses = ops.sum(excess if p == 1 else ops.square(excess), dim=1) / classes
    return reduce_loss(ops.reshape(losses, shape=tuple(target.shape)) * weights, reduction)


def hinge_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """Return the mean hinge loss of a support vector machine: the mean of max(0, margin - m) over the margins m.

    With a target of the input's shape, -1 (or 0) and 1, m is x t, the loss of two classes. With integer labels (N) for an
    input (N, C), m is x_t less the largest other x: the multi-class loss of Crammer and Singer.
    Raises IndexRangeError for a label out of range, ArgumentError when there are not as many labels as rows.
    Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.hinge_loss.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.hinge_loss(tg.tensor([0.5, -2.0]), tg.tensor([1.0, -1.0]))
    tensor(0.2500)
    >>> tg.nn.functional.hinge_loss(tg.tensor([[2.0, 1.5, 0.0]]), tg.tensor([0]))
    tensor(0.5000)
    """
    reduction = choose_reduction(reduction, None, None)
    if input.array.shape == target.array.shape:
        margins = ops.where(target > 0, input, -input)
        return reduce_loss(ops.relu(margin - margins), reduction)
    rows = _rows("hinge_loss", input, target)
    ops.label_weights(target, None, classes=rows.shape[1], ignore_index=None, dtype=rows.dtype, who="hinge_loss")
    labels = ops.one_hot(ops.reshape(target, shape=(-1,)), num_classes=rows.shape[1]) == 1
    others = ops.where(labels, float("-inf"), rows).amax(1)
    margins = ops.pick_labels(rows, target) - ops.reshape(others, shape=tuple(target.shape))
    return reduce_loss(ops.relu(margin - margins), reduction)
