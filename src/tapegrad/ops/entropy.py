"""The losses of classification, each fused into one step: exact where a composition would overflow."""

from __future__ import annotations

from typing import Any

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, IndexRangeError, PositionError, ShapeError
from .buffers import into, ones, steps, zeros
from .exponentials import finish

__all__: list[str] = []

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
    unsigned = labels.view(xp.uint64)
    if labels.size and xp.maximum.reduce(unsigned) >= classes:
        outside = unsigned >= classes
        kept = labels != ignore_index if ignore_index is not None else xp.ones(labels.shape, bool)
        if (outside & kept).any():
            raise _label_error(xp, who, target, outside & kept, classes, ignore_index)
    elif ignore_index is None or not 0 <= ignore_index < classes or (kept := labels != ignore_index).all():
        return labels, None
    return xp.where(kept, labels, 0), kept


def _label_error(xp, who: str, target: Any, wrong: Any, classes: int, ignore_index: int | None) -> PositionError:
    place = xp.unravel_index(int(xp.argmax(wrong)), target.shape)
    where = f"target{[int(i) for i in place]}" if place else "target"
    count = int(wrong.sum())
    others = f" ({count - 1} more are out of range)" if count > 1 else ""
    ignored = "" if ignore_index is None else f", and {ignore_index} is ignored"
    return PositionError(
        who,
        f"{where} is {int(target[place])}, and there are {classes} classes{others}",
        f"labels go from 0 to {classes - 1}{ignored}",
    )


def _weigh(xp, labels, kept, weight, dtype, reduction: str) -> tuple:
    """Return the weight of each label, 0 where it is ignored (None when all weigh 1), and what the loss is divided by."""
    if weight is not None:
        weights = weight.astype(dtype, copy=False)[labels]
        weights = weights if kept is None else xp.where(kept, weights, xp.zeros((), dtype))
        return weights, float(weights.sum()) if reduction == "mean" else 1.0
    weights = None if kept is None else kept.astype(dtype)
    if reduction != "mean":
        return weights, 1.0
    return weights, float(labels.size if kept is None else xp.count_nonzero(kept))


def _reduce(xp, losses, weights, kept, divisor, reduction: str, shape):
    """Return the weighted losses, or their sum over the divisor; what is ignored counts as 0 even when it is not finite."""
    if kept is not None:
        losses = xp.where(kept, losses, xp.zeros((), losses.dtype))
    if reduction == "none":
        return (losses if weights is None else losses * weights).reshape(shape)
    with xp.errstate(invalid="ignore", over="ignore", divide="ignore"):
        total = losses.dot(ones(xp, losses.size, losses.dtype) if weights is None else weights)
        return xp.asarray(total / losses.dtype.type(divisor))


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
def label_weights(
    xp,
    target,
    weight=None,
    *,
    classes,
    reduction="mean",
    ignore_index=-100,
    dtype,
    who="label_weights",
    out=None,
):
    """Return how much each label counts in a loss: its class's weight, over the sum of all for ``"mean"``."""
    labels, kept = _labels(xp, who, target, classes, ignore_index)
    dtype = xp.dtype(dtype)
    weights, divisor = _weigh(xp, labels, kept, weight, dtype, reduction)
    weights = ones(xp, labels.size, dtype) if weights is None else weights
    return into(out, xp.true_divide(weights, divisor or 1.0, dtype=dtype).reshape(target.shape))


def _places(xp, target, classes):
    """Return row and column of each label; an ignored label, which weighs nothing, is wrapped into range."""
    return steps(xp, target.size, 1), target.reshape(-1) % max(classes, 1)


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
def pick_labels(xp, input, target, *, out=None):
    """Return the element of each row (N, C) that its label names, in the shape of the labels."""
    return into(out, input[_places(xp, target, input.shape[1])].reshape(target.shape))


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
def place_labels(xp, input, target, *, classes, out=None):
    """Return zeros (N, C) with each element where its label says."""
    result = zeros(xp, (input.size, classes), input.dtype, out)
    result[_places(xp, target, classes)] = input.reshape(-1)
    return result


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
def one_hot(xp, input, *, num_classes, out=None):
    """Return integers (*input.shape, num_classes): 1 where a label says, 0 elsewhere."""
    labels, _ = _labels(xp, "one_hot", input, num_classes, None)
    result = xp.zeros((labels.size, num_classes), xp.int64)
    result[steps(xp, labels.size, 1), labels] = 1
    return into(out, result.reshape(*input.shape, num_classes))


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
    """The loss's gradient is the second output w (p - onehot); that one's own, for second derivatives, is softmax's."""
    (g_loss, g_slope), slope = g, out[1]
    first = None if g_loss is None else ops.reshape(g_loss, shape=(-1, 1)) * slope
    if g_slope is None:
        return first, None, None
    options = {"reduction": reduction, "ignore_index": ignore_index, "dtype": slope.dtype}
    weights = ops.label_weights(target, weight, classes=slope.shape[1], **options)
    weighted = slope + ops.place_labels(weights, target, classes=slope.shape[1])
    column = ops.reshape(weights, shape=(-1, 1))
    second = weighted * (g_slope - ops.sum(g_slope * weighted, dim=1, keepdim=True) / (column + (column == 0)))
    return second if first is None else first + second, None, None


@primitive(
    vjp=_cross_entropy_gradient,
    formula=r"-\ln \left(e^{x_t} / \sum_j e^{x_j}\right)",
    derivative=r"p - \mathrm{onehot}(t)",
    onnx="SoftmaxCrossEntropyLoss",
    samples=_label_samples,
    errors=_label_errors,
    torch="",
)
def softmax_cross_entropy(xp, input, target, weight=None, *, reduction="mean", ignore_index=-100, out=None):
    """Return the cross entropy between the softmax of logits (N, C) and N labels, and its gradient (N, C).

    The gradient is that of the sum of the losses when they are not reduced: ``w (p - onehot)`` for row weights w.
    """
    _check_rows("cross_entropy", input, target, weight)
    labels, kept = _labels(xp, "cross_entropy", target, input.shape[1], ignore_index)
    wide = input.astype(xp.float32) if input.dtype == xp.float16 else input
    weights, divisor = _weigh(xp, labels, kept, weight, wide.dtype, reduction)
    loss_out, slope_out = (None, None) if out is None else out
    slope = _room_for_slope(xp, wide, slope_out)
    losses = _losses_and_slope(xp, wide, labels, weights, divisor or 1.0, slope)
    loss = _reduce(xp, losses, weights, kept, divisor, reduction, target.shape)
    return into(loss_out, loss.astype(input.dtype, copy=False)), finish(slope, input, slope_out)


def _is_tall(shape):
    return shape[0] > shape[1]


def _room_for_slope(xp, x, out):
    """Return memory for the gradient: column by column when there are more rows than classes, which NumPy is faster on."""
    tall = _is_tall(x.shape)
    if out is not None and out.dtype == x.dtype and (out.flags.f_contiguous if tall else out.flags.c_contiguous):
        return out
    return xp.empty(x.shape, x.dtype, "F" if tall else "C")


def _losses_and_slope(xp, x, labels, weights, divisor, slope):
    """Return the loss of each row, and write w (p - onehot) into memory from ``_room_for_slope``."""
    rows, classes = x.shape
    if x.size == 0:
        return xp.zeros(labels.shape, x.dtype)
    if _is_tall(x.shape):
        work, axis, per_row = slope.T, 0, ()
        place = labels * rows
        place += steps(xp, rows, 1)
        x = x.T
        if not x.flags.c_contiguous:
            work[...] = x
            x = work
        top = xp.maximum.reduce(x, 0)
    else:
        work, axis, per_row = slope, 1, (slice(None), None)
        place = steps(xp, rows, classes) + labels
        top = xp.maximum.reduce(x, 1, None, None, True)
    flat = work.reshape(-1)
    with xp.errstate(invalid="ignore"):
        xp.subtract(x, top, out=work)
        losses = flat.take(place)
        xp.exp(work, out=work)
        total = xp.add.reduce(work, 0) if axis == 0 else work @ ones(xp, classes, work.dtype)
        xp.subtract(xp.log(total), losses, out=losses)
        share = work.dtype.type(1 / divisor) if weights is None else xp.true_divide(weights, divisor, dtype=work.dtype)
        xp.multiply(work, xp.true_divide(share, total, out=total)[per_row], out=work)
    flat[place] -= share
    return losses


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
def label_nll(xp, input, target, weight=None, *, reduction="mean", ignore_index=-100, out=None):
    """Return the negative log-likelihood of N labels, given the logarithms of probabilities (N, C)."""
    _check_rows("nll_loss", input, target, weight)
    labels, kept = _labels(xp, "nll_loss", target, input.shape[1], ignore_index)
    weights, divisor = _weigh(xp, labels, kept, weight, input.dtype, reduction)
    losses = -input[steps(xp, labels.size, 1), labels]
    return into(out, _reduce(xp, losses, weights, kept, divisor, reduction, target.shape))
