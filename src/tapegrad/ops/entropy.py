"""Softmax and the losses of classification, each fused into one step: exact where a composition would overflow."""

from __future__ import annotations

from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, IndexRangeError, ShapeError

__all__: list[str] = []

# Rows shorter than this are reduced column by column: NumPy's reduction of a row costs about as much as 30 elements.
_SHORT_ROW = 32


# -- softmax ----------------------------------------------------------------------------------------------------------


def _row_max(xp, x):
    """Return the maximum of each row of a matrix, as a column."""
    rows = xp.ascontiguousarray(x.T).max(axis=0) if x.shape[1] <= _SHORT_ROW else x.max(axis=1)
    return rows[:, None]


def _exponentials(xp, x, dim):
    """Return x minus its maximum along a dimension, a buffer of the exponentials of that, and their sums."""
    if x.ndim and dim % x.ndim == x.ndim - 1:
        flat = x.reshape(-1, x.shape[-1])
        z = flat - _row_max(xp, flat)
        e = xp.exp(z)
        # A product with ones is several times faster than sum().
        total = (e @ xp.ones((x.shape[-1], 1), e.dtype)).reshape(*x.shape[:-1], 1)
        return z.reshape(x.shape), e.reshape(x.shape), total
    z = x - x.max(axis=dim, keepdims=True)
    e = xp.exp(z)
    return z, e, e.sum(axis=dim, keepdims=True)


def _widened(xp, x, dim):
    """Return the input in the precision to compute in, at least one-dimensional, and the dimension in it."""
    if x.dtype.kind != "f":
        raise DTypeError("softmax", f"the input has dtype {x.dtype}", "make it floating-point, e.g. with .float()")
    wide = x.astype(xp.float32) if x.dtype == xp.float16 else x
    if x.ndim == 0 and dim in (-1, 0):
        return wide.reshape(1), 0
    if not -x.ndim <= dim < x.ndim:
        raise IndexRangeError(
            "softmax", f"dimension {dim} is out of range for shape {tuple(x.shape)}", f"use {-x.ndim} to {x.ndim - 1}"
        )
    return wide, dim


def _softmax_samples():
    yield Sample((3, 4), dim=1)
    yield Sample((3, 4), dim=0)
    yield Sample((2, 40), dim=-1)
    yield Sample((2, 3, 4), dim=1)
    yield Sample((2, 3, 4), dim=-1)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=1)
    yield Sample((3, 0), dim=1)


def _softmax_errors():
    yield ErrorSample(IndexRangeError, "dimension 2 is out of range", (2, 3), dim=2)
    yield ErrorSample(DTypeError, "make it floating-point", Array(3, dtype="int64"), dim=0)


def _softmax_gradient(g, out, dim):
    """The gradient y (g - sum(g y))."""
    return out * (g - ops.sum(g * out, dim=dim, keepdim=True))


@primitive(
    vjp=(_softmax_gradient,),
    formula=r"e^{x_i} / \sum_j e^{x_j}",
    derivative=r"y_i ([i = j] - y_j)",
    onnx="Softmax",
    samples=_softmax_samples,
    errors=_softmax_errors,
)
def softmax(xp, input, *, dim):
    """Return positive numbers that sum to 1 along a dimension, in proportion to the exponentials of the elements."""
    wide, dim = _widened(xp, input, dim)
    if input.size == 0:
        return xp.zeros(input.shape, input.dtype)
    with xp.errstate(invalid="ignore"):
        _, e, total = _exponentials(xp, wide, dim)
        e /= total
    return e.reshape(input.shape).astype(input.dtype, copy=False)


@primitive(
    vjp=(lambda g, out, dim: g - ops.exp(out) * ops.sum(g, dim=dim, keepdim=True),),
    formula=r"x_i - \ln \sum_j e^{x_j}",
    derivative=r"[i = j] - e^{y_j}",
    onnx="LogSoftmax",
    samples=_softmax_samples,
    errors=_softmax_errors,
)
def log_softmax(xp, input, *, dim):
    """Return the logarithm of :func:`softmax`, exact where that underflows to 0."""
    wide, dim = _widened(xp, input, dim)
    if input.size == 0:
        return xp.zeros(input.shape, input.dtype)
    with xp.errstate(invalid="ignore"):
        z, _, total = _exponentials(xp, wide, dim)
        z -= xp.log(total)
    return z.reshape(input.shape).astype(input.dtype, copy=False)


# -- labels -----------------------------------------------------------------------------------------------------------
# Labels may have any shape: they belong to the rows of a matrix one after the other.


def _labels(xp, who: str, target: Any, classes: int, ignore_index: int | None) -> tuple:
    """Return the labels in a row, ignored ones made 0, and a mask of the others, or None when none is ignored.

    Raises DTypeError for labels that are no integers, IndexRangeError for one that names no class.
    """
    if target.dtype.kind not in "iu":
        soft = ", or give one probability for each class, in the shape of 'input'" if who == "cross_entropy" else ""
        raise DTypeError(
            who,
            f"argument 'target' has dtype {target.dtype}, class labels are integers",
            "convert it with .long()" + soft,
        )
    labels = target.reshape(-1).astype(xp.int64, copy=False)
    # Read as unsigned, negative labels are large ones.
    outside = labels.view(xp.uint64) >= classes
    if outside.any():
        kept = labels != ignore_index if ignore_index is not None else xp.ones(labels.shape, bool)
        if (outside & kept).any():
            raise _label_error(xp, who, target, outside & kept, classes, ignore_index)
    elif ignore_index is None or not 0 <= ignore_index < classes or (kept := labels != ignore_index).all():
        return labels, None
    return xp.where(kept, labels, 0), kept


def _label_error(xp, who: str, target: Any, wrong: Any, classes: int, ignore_index: int | None) -> IndexRangeError:
    place = xp.unravel_index(int(xp.argmax(wrong)), target.shape)
    where = f"target{[int(i) for i in place]}" if place else "target"
    count = int(wrong.sum())
    others = f" ({count - 1} more are out of range)" if count > 1 else ""
    ignored = "" if ignore_index is None else f", and {ignore_index} is ignored"
    return IndexRangeError(
        who,
        f"{where} is {int(target[place])}, and there are {classes} classes{others}",
        f"labels go from 0 to {classes - 1}{ignored}",
    )


def _weigh(xp, labels, kept, weight, dtype, reduction: str) -> tuple:
    """Return the weight of each label, 0 where it is ignored, and what the loss is divided by."""
    if weight is not None:
        weights = weight.astype(dtype, copy=False)[labels]
        weights = weights if kept is None else xp.where(kept, weights, xp.zeros((), dtype))
        return weights, weights.sum() if reduction == "mean" else 1.0
    weights = xp.ones(labels.shape, dtype) if kept is None else kept.astype(dtype)
    if reduction != "mean":
        return weights, 1.0
    return weights, float(labels.size if kept is None else xp.count_nonzero(kept))


def _reduce(xp, losses, weights, kept, divisor, reduction: str, shape):
    """Return the weighted losses, or their sum over the divisor; what is ignored counts as 0 even when it is not finite."""
    if kept is not None:
        losses = xp.where(kept, losses, xp.zeros((), losses.dtype))
    if reduction == "none":
        return (losses * weights).reshape(shape)
    with xp.errstate(invalid="ignore"):
        return xp.asarray(losses @ weights / xp.asarray(divisor, losses.dtype))


@primitive(
    formula=r"w_{t_i} [t_i \ne \text{ignored}] / \sum_j w_{t_j}",
    samples=lambda: [
        Sample(Array(4, low=0, high=3, dtype="int64"), None, classes=3, dtype="float64"),
        Sample(Array(2, 2, low=0, high=3, dtype="int64"), Array(3, low=0.5, high=2.0), classes=3, dtype="float64"),
        Sample(
            Array(4, low=0, high=3, dtype="int32"), None, classes=3, reduction="none", ignore_index=1, dtype="float32"
        ),
    ],
    errors=lambda: [
        ErrorSample(
            IndexRangeError, "is 3, and there", Array(low=3, high=4, dtype="int64"), None, classes=3, dtype="float64"
        )
    ],
    torch="",
)
def label_weights(xp, target, weight=None, *, classes, reduction="mean", ignore_index=-100, dtype, who="label_weights"):
    """Return how much each label counts in a loss: its class's weight, over the sum of all for ``"mean"``."""
    labels, kept = _labels(xp, who, target, classes, ignore_index)
    weights, divisor = _weigh(xp, labels, kept, weight, xp.dtype(dtype), reduction)
    return (weights / xp.asarray(divisor if divisor else 1, weights.dtype)).reshape(target.shape)


def _place(xp, target, classes):
    """Return the index of each row's label; an ignored label, which weighs nothing, is wrapped into range."""
    labels = target.reshape(-1) % max(classes, 1)
    return xp.arange(labels.size), labels


@primitive(
    vjp=(lambda g, target, input_shape: ops.place_labels(g, target, classes=input_shape[1]), None),
    formula=r"x_{i t_i}",
    derivative=r"1",
    onnx="GatherElements",
    samples=lambda: [
        Sample((3, 4), Array(3, low=0, high=4, dtype="int64")),
        Sample((4, 3), Array(2, 2, low=0, high=3, dtype="int64")),
        Sample((0, 4), Array(0, dtype="int64")),
    ],
    torch="",
)
def pick_labels(xp, input, target):
    """Return the element of each row (N, C) that its label names, in the shape of the labels."""
    return input[_place(xp, target, input.shape[1])].reshape(target.shape)


@primitive(
    vjp=(lambda g, target: ops.pick_labels(g, target), None),
    formula=r"x_i [j = t_i]",
    derivative=r"1",
    samples=lambda: [
        Sample((3,), Array(3, low=0, high=4, dtype="int64"), classes=4),
        Sample((2, 2), Array(2, 2, low=0, high=4, dtype="int64"), classes=4),
    ],
    torch="",
)
def place_labels(xp, input, target, *, classes):
    """Return zeros (N, C) with each element where its label says."""
    out = xp.zeros((input.size, classes), input.dtype)
    out[_place(xp, target, classes)] = input.reshape(-1)
    return out


@primitive(
    vjp=(
        lambda g, scale: g * ops.reshape(scale, shape=(-1, 1)),
        lambda g, input, target: (
            ops.reshape(ops.sum(g * input, dim=1), shape=target.shape) - ops.pick_labels(g, target)
        ),
        None,
    ),
    formula=r"s_i (x_{ij} - [j = t_i])",
    derivative=r"s_i, x_{ij} - [j = t_i]",
    samples=lambda: [
        Sample((3, 4), (3,), Array(3, low=0, high=4, dtype="int64")),
        Sample((4, 3), (2, 2), Array(2, 2, low=0, high=3, dtype="int64")),
        Sample((0, 4), (0,), Array(0, dtype="int64")),
    ],
    torch="",
)
def label_residual(xp, input, scale, target):
    """Return the rows (N, C) less the one-hot vectors of their labels, each row times its scale."""
    scale = scale.reshape(-1)
    out = input * scale[:, None]
    out[_place(xp, target, input.shape[1])] -= scale
    return out


@primitive(
    formula=r"[j = t_i]",
    samples=lambda: [
        Sample(Array(3, low=0, high=4, dtype="int64"), num_classes=4),
        Sample(Array(2, 0, low=0, high=4, dtype="int64"), num_classes=4),
        Sample(Array(low=0, high=4, dtype="int64"), num_classes=5),
    ],
    errors=lambda: [
        ErrorSample(IndexRangeError, r"target\[0\] is 7", Array(2, low=7, high=8, dtype="int64"), num_classes=4),
        ErrorSample(DTypeError, "class labels are integers", (2,), num_classes=4),
    ],
    onnx="OneHot",
    torch="nn.functional.one_hot",
)
def one_hot(xp, input, *, num_classes):
    """Return integers (*input.shape, num_classes): 1 where a label says, 0 elsewhere."""
    labels, _ = _labels(xp, "one_hot", input, num_classes, None)
    out = xp.zeros((labels.size, num_classes), xp.int64)
    out[xp.arange(labels.size), labels] = 1
    return out.reshape(*input.shape, num_classes)


# -- losses of labels -------------------------------------------------------------------------------------------------


def _label_samples():
    yield Sample((3, 4), Array(3, low=0, high=4, dtype="int64"), None)
    yield Sample((3, 4), Array(3, low=0, high=4, dtype="int32"), None, reduction="sum")
    yield Sample((4, 3), Array(2, 2, low=0, high=3, dtype="uint8"), None, reduction="none")
    yield Sample((1, 3), Array(low=0, high=3, dtype="int64"), None, reduction="none")
    yield Sample((6, 3), Array(6, low=0, high=3, dtype="int64"), None, ignore_index=1, reduction="sum")
    yield Sample((2, 40), Array(2, low=0, high=40, dtype="int64"), None, ignore_index=-1)


def _label_errors():
    labels = Array(1, 2, low=7, high=8, dtype="int64")
    yield ErrorSample(IndexRangeError, r"target\[0, 0\] is 7, and there are 3 classes \(1 more", (2, 3), labels, None)
    yield ErrorSample(DTypeError, "argument 'target' has dtype float64", (2, 3), Array(2, dtype="float64"), None)
    yield ErrorSample(DTypeError, "'input' has dtype int64", Array(2, 3, dtype="int64"), Array(2, dtype="int64"), None)
    yield ErrorSample(ShapeError, "3 rows of input, 2 labels", (3, 4), Array(2, low=0, high=4, dtype="int64"), None)
    bad_weight = Array(3, low=0, high=4, dtype="int64"), (5,)
    yield ErrorSample(ShapeError, r"'weight' has shape \(5,\), and there are 4", (3, 4), *bad_weight)


def _check_rows(who: str, input: Any, target: Any, weight: Any) -> None:
    if input.dtype.kind != "f":
        raise DTypeError(who, f"argument 'input' has dtype {input.dtype}", "make it floating-point, e.g. with .float()")
    if input.ndim != 2 or input.shape[0] != target.size:
        raise ShapeError(
            who,
            f"{input.shape[0]} rows of input, {target.size} labels",
            f"'input' {tuple(input.shape)} wants a 'target' of shape {tuple(input.shape[:1])}",
        )
    if weight is not None and weight.shape != input.shape[1:]:
        raise ShapeError(
            who,
            f"argument 'weight' has shape {tuple(weight.shape)}, and there are {input.shape[1]} classes",
            f"give one weight for each class: shape ({input.shape[1]},)",
        )


def _cross_entropy_gradient(g, out, target, weight, reduction, ignore_index):
    """The gradient (p - onehot) · weight, and that of the probabilities, which a second derivative goes through."""
    (g_loss, g_probabilities), p = g, out[1]
    if g_loss is None:
        return _softmax_gradient(g_probabilities, p, 1), None, None
    weights = ops.label_weights(
        target, weight, classes=p.shape[1], reduction=reduction, ignore_index=ignore_index, dtype=p.dtype
    )
    result = ops.label_residual(p, g_loss * weights, target)
    return result if g_probabilities is None else result + _softmax_gradient(g_probabilities, p, 1), None, None


@primitive(
    vjp=_cross_entropy_gradient,
    formula=r"-\ln \left(e^{x_t} / \sum_j e^{x_j}\right)",
    derivative=r"p - \mathrm{onehot}(t)",
    onnx="SoftmaxCrossEntropyLoss",
    samples=_label_samples,
    errors=_label_errors,
    torch="",
)
def softmax_cross_entropy(xp, input, target, weight=None, *, reduction="mean", ignore_index=-100):
    """Return the cross entropy between the softmax of logits (N, C) and N labels, and the probabilities (N, C)."""
    _check_rows("cross_entropy", input, target, weight)
    labels, kept = _labels(xp, "cross_entropy", target, input.shape[1], ignore_index)
    wide, _ = _widened(xp, input, 1)
    weights, divisor = _weigh(xp, labels, kept, weight, wide.dtype, reduction)
    if input.size == 0:
        losses, p = xp.zeros(labels.shape, wide.dtype), xp.array(input)
    else:
        with xp.errstate(invalid="ignore"):
            z, p, total = _exponentials(xp, wide, 1)
            losses = xp.log(total[:, 0]) - z[xp.arange(labels.size), labels]
            p /= total
    loss = _reduce(xp, losses, weights, kept, divisor, reduction, target.shape)
    return loss.astype(input.dtype, copy=False), p.astype(input.dtype, copy=False)


def _nll_gradient(g, target, weight, input_shape, input_dtype, reduction, ignore_index):
    weights = ops.label_weights(
        target, weight, classes=input_shape[1], reduction=reduction, ignore_index=ignore_index, dtype=input_dtype
    )
    return ops.place_labels(-g * weights, target, classes=input_shape[1])


@primitive(
    vjp=(_nll_gradient, None, None),
    formula=r"-x_t",
    derivative=r"-\mathrm{onehot}(t)",
    onnx="NegativeLogLikelihoodLoss",
    samples=lambda: [
        *_label_samples(),
        Sample((5, 3), Array(5, low=0, high=3, dtype="int64"), Array(3, low=0.5, high=2.0)),
    ],
    errors=_label_errors,
    torch="",
)
def label_nll(xp, input, target, weight=None, *, reduction="mean", ignore_index=-100):
    """Return the negative log-likelihood of N labels, given the logarithms of probabilities (N, C)."""
    _check_rows("nll_loss", input, target, weight)
    labels, kept = _labels(xp, "nll_loss", target, input.shape[1], ignore_index)
    weights, divisor = _weigh(xp, labels, kept, weight, input.dtype, reduction)
    losses = -input[xp.arange(labels.size), labels]
    return _reduce(xp, losses, weights, kept, divisor, reduction, target.shape)
