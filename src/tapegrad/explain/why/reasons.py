"""Why one operation lets no gradient through, or makes one that is not finite: read off its name and what it saved."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...core import Node, Tensor
from ...core.graph import FREED, FunctionNode
from ...core.plan import DTYPE, INPUT, KEYWORD, OUT, UNCHANGED_OUT

__all__ = ["ADVICE", "MASKS", "SATURATING", "Reason", "reason", "saved_values", "why_not_finite"]


class Reason(NamedTuple):
    """Why a gradient ends, or goes bad, in an operation: the cause, a sentence about it, numbers."""

    cause: str
    text: str
    evidence: dict[str, Any]


ADVICE = {
    "cancelled": "look for a term that is subtracted from itself",
    "clamped": "widen the bounds, or scale what goes in, so that values lie between them",
    "division-by-zero": "add a small number to the divisor: x / (y + 1e-8)",
    "custom-backward": "look at what the Function's backward returns for this input",
    "dead-relu": "lower the learning rate or the bias, initialise anew, or take LeakyReLU or GELU",
    "dropout": "lower p below 1, or call eval() where nothing is to be dropped",
    "exploding": "clip with nn.utils.clip_grad_norm_, lower the learning rate, or normalise between layers",
    "flat": "take a smooth function in its place, or pass the gradient straight through: x + (round(x) - x).detach()",
    "inf-minus-inf": "mask with a large finite number, such as -1e9, in place of -inf",
    "log-of-negative": "keep the argument positive: log(x.clamp(min=1e-8))",
    "log-of-zero": "keep the argument positive: log(x.clamp(min=1e-8)); for classes take cross_entropy of the logits",
    "masked": "look at the mask: it leaves nothing of what this tensor gives",
    "multiplied-by-zero": "look at the factor that is zero",
    "not-selected": "look at the indices: they take nothing of what this tensor gives",
    "empty": "look at the shapes: a dimension, often that of the batch, is 0",
    "one-class": "softmax over one value is always 1: use sigmoid with binary_cross_entropy, or two outputs",
    "overflow": "keep the argument small: subtract the maximum, clamp, or use logsumexp, softmax, cross_entropy",
    "saturated": "scale what goes in (standardised inputs, smaller weights), or take ReLU; with a loss, hand it the logits",
    "sqrt-of-negative": "keep the argument positive: sqrt(x.clamp(min=1e-8))",
    "sqrt-at-zero": "add a small number under the root: sqrt(x + 1e-8)",
    "stationary": "start elsewhere: the derivative is zero at this very value",
    "vanishing": "normalise between layers, add skip connections, or initialise for the activation",
    "zero-times-inf": "keep infinities out of products: replace them before, with where() or clamp()",
    "zero-weights": "initialise the weights at random, e.g. with nn.init.kaiming_uniform_",
}

_RECTIFIERS = {"relu", "relu3", "leaky_relu", "parametric_relu"}
_CLAMPS = {"clamp", "hardtanh", "maximum", "minimum", "fmax", "fmin", "nan_to_num"}
SATURATING = {
    *(
        "sigmoid",
        "tanh",
        "softmax",
        "log_softmax",
        "safe_softmax",
        "logsigmoid",
        "softplus",
        "erf",
        "erfc",
        "gelu",
        "elu",
    ),
    *("softmax_cross_entropy", "logit_cross_entropy", "atan", "exp", "exp2", "expm1", "standardize", "attention"),
    *("lstm_layer", "gru_layer", "rnn_layer"),
}
_STEPS = {
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "floor_divide",
    "trunc_divide",
    "bernoulli",
    "poisson",
    "nextafter",
}
_PRODUCTS = {
    *(
        "mul",
        "div",
        "matmul",
        "linear",
        "affine",
        "contract",
        "conv",
        "conv_transpose",
        "sum_products",
        "prod",
        "xlogy",
    ),
    *("cumprod", "cross_product", "coordinate_product", "conv_weight"),
}
MASKS = {"where", "tril", "triu", "index_put", "region_write", "region_fill", "put_along_dim", "copy"}
_CHOICES = {
    *(
        "index",
        "index_view",
        "gather",
        "embedding",
        "max_pool",
        "amax",
        "amin",
        "median",
        "crop",
        "windows",
        "diagonal",
    ),
    *(
        "split_with_sizes",
        "unbind",
        "region",
        "strided_view",
        "strided_take",
        "pick_labels",
        "label_nll",
        "half_triangle",
    ),
    *("max_pool_select", "scatter_max", "scatter_min", "transpose"),
}
_ROOTS = {"sqrt", "rsqrt", "pow", "p_norm", "std", "euclidean_distance", "hypot", "abs"}
_LOGS = {"log", "log2", "log10", "log1p", "logit", "xlogy", "logaddexp", "probability_cross_entropy", "logsumexp"}
_QUOTIENTS = {"div", "reciprocal", "remainder", "fmod"}
_GROWING = {
    "exp",
    "exp2",
    "expm1",
    "sinh",
    "cosh",
    "square",
    "pow",
    "mul",
    "matmul",
    "linear",
    "affine",
    "sum",
    "cumprod",
    "prod",
}
_LITTLE = 0.5


def saved_values(node: Node) -> dict[str, Any]:
    """Return what an operation kept for its gradient: inputs by name, ``out``, keywords; nothing once it is freed."""
    plan = node.plan
    if plan is None or node.saved is FREED:
        return {}
    values = {}
    for (kind, key), kept in zip(plan.fields, node.saved, strict=True):
        if kind == INPUT:
            values[node.primitive.inputs[key]] = _array(kept)
        elif kind in (OUT, UNCHANGED_OUT):
            values["out"] = [_array(k) for k in kept] if isinstance(kept, list) else _array(kept)
        elif kind == KEYWORD:
            values[key] = kept
        elif kind != DTYPE and isinstance(kept, list):
            values.setdefault("operands", [_array(k) for k in kept])
    return values


def _array(kept: Any) -> Any:
    if hasattr(kept, "unpack"):
        return kept.array()
    return kept[0] if type(kept) is tuple and len(kept) == 3 and isinstance(kept[0], np.ndarray) else kept


def reason(node: Node, place: int, given: Any, sent: Any) -> Reason | None:
    """Return why the gradient of one input is zero, mostly zero or not finite where that of the output is not."""
    if not sent.size:
        return None
    if not given.size:
        if len(node.edges) == 1:
            return Reason("not-selected", f"{node.primitive.name} takes no element", {})
        return Reason("empty", f"the result of {node.primitive.name} has no elements", {})
    if sent.worst and not given.worst:
        return _bad(node, place)
    if given.worst or given.zero or sent.zeros < max(_LITTLE, given.zeros + 0.1):
        return None
    return _ends(node, place, sent.zeros)


# -- zero ------------------------------------------------------------------------------------------------------------


def _ends(node: Node, place: int, share: float) -> Reason | None:
    name = node.primitive.name
    if isinstance(node, FunctionNode):
        return Reason(
            "custom-backward", f"the backward of {name} returns zeros in {share:.0%} of the elements", {"share": share}
        )
    values = saved_values(node)
    if name in _RECTIFIERS:
        return _dead(name, values, share)
    if name in _STEPS:
        return Reason("flat", f"{name} is flat: its derivative is zero everywhere", {"share": share})
    if name in _CLAMPS:
        return Reason("clamped", f"{name} holds {share:.0%} of the values at its bounds", {"share": share})
    if name in SATURATING:
        return _saturated(name, values, share)
    if name in _PRODUCTS:
        return _times_zero(node, place, values, share)
    if name in MASKS:
        return Reason("masked", f"{name} takes other values in place of {share:.0%} of these", {"share": share})
    if name in _CHOICES:
        return Reason("not-selected", f"{name} does not take {share:.0%} of the elements", {"share": share})
    if share < 1:
        return None
    return Reason("stationary", f"the derivative of {name} is zero at these values", {"share": share})


def _dead(name: str, values: dict, share: float) -> Reason:
    kept = values.get("out", values.get("input"))
    evidence: dict[str, Any] = {"share": share}
    text = f"{share:.0%} of what goes into {name} is negative, where it is flat"
    if isinstance(kept, np.ndarray) and kept.ndim >= 2:
        active = (kept > 0).any(axis=tuple(i for i in range(kept.ndim) if i != (1 if kept.ndim > 2 else kept.ndim - 1)))
        dead = int(active.size - np.count_nonzero(active))
        evidence |= {"dead_units": dead, "units": int(active.size)}
        text += f"; {dead} of {active.size} units are zero for every sample"
    return Reason("dead-relu", text, evidence)


def _saturated(name: str, values: dict, share: float) -> Reason:
    if name == "softmax_cross_entropy" and bool(np.all(np.asarray(values["target"]) == values.get("ignore_index"))):
        return Reason("not-selected", "cross_entropy leaves out every label: all are ignore_index", {"share": share})
    out = values.get("out")
    out = out[-1] if isinstance(out, list) else out
    dim = values.get("dim", -1)
    if "softmax" in name and isinstance(out, np.ndarray) and out.ndim and isinstance(dim, int) and out.shape[dim] == 1:
        return Reason("one-class", f"{name} is taken over one value, so it never changes", {"share": share})
    evidence = {"share": share}
    text = f"{name} is saturated: for {share:.0%} of its inputs its derivative rounds to zero"
    if isinstance(out, np.ndarray) and "entropy" not in name and out.dtype.kind == "f" and np.isfinite(out).all():
        evidence |= {"low": float(out.min()), "high": float(out.max())}
        text += f" (its outputs lie from {evidence['low']:.4g} to {evidence['high']:.4g})"
    return Reason("saturated", text, evidence)


def _times_zero(node: Node, place: int, values: dict, share: float) -> Reason | None:
    """The gradient of a factor is that of the product times the others: which of them is zero."""
    name = node.primitive.name
    names = node.primitive.inputs
    others = {n: v for n, v in values.items() if n in names and n != (names[place] if place < len(names) else None)}
    if "operands" in values:
        others = {f"operand {i}": v for i, v in enumerate(values["operands"]) if i != place}
    for other, value in others.items():
        array = np.asarray(value)
        if array.dtype.kind not in "biufc" or not array.size:
            continue
        zeros = 1 - np.count_nonzero(array) / array.size
        if zeros < _LITTLE:
            continue
        evidence = {"share": share, "zeros": zeros, "factor": other}
        if array.ndim == 0:
            return Reason("multiplied-by-zero", f"{name} multiplies by {array.item():g}", evidence)
        edge = node.edges[names.index(other)] if other in names else None
        if zeros == 1 and (other == "weight" or isinstance(edge, Tensor)):
            return Reason("zero-weights", f"all {array.size} weights of {name} are zero", evidence)
        return Reason(
            "multiplied-by-zero", f"{zeros:.0%} of the other factor of {name} (shape {array.shape}) is zero", evidence
        )
    return None


# -- not finite --------------------------------------------------------------------------------------------------------


def _bad(node: Node, place: int) -> Reason:
    """Why a derivative is not finite though the gradient that came in is."""
    name = node.primitive.name
    if isinstance(node, FunctionNode):
        return Reason("custom-backward", f"the backward of {name} returns values that are not finite", {})
    values = saved_values(node)
    inputs = [v for n, v in values.items() if n in node.primitive.inputs and isinstance(v, np.ndarray)]
    broken = next((v for v in inputs if v.dtype.kind in "fc" and not np.isfinite(v).all()), None)
    evidence: dict[str, Any] = {"operation": name}
    if name in _ROOTS:
        return Reason("sqrt-at-zero", f"the derivative of {name} is infinite at 0, and it is taken there", evidence)
    if name in _LOGS:
        return Reason("log-of-zero", f"the derivative of {name} is infinite at 0, and it is taken there", evidence)
    if name in _QUOTIENTS:
        return Reason("division-by-zero", f"{name} divides by zero, and its derivative as well", evidence)
    if broken is not None:
        worst = "nan" if np.isnan(broken).any() else "inf"
        return Reason("zero-times-inf", f"{name} multiplies the gradient by a saved value that is {worst}", evidence)
    return Reason("overflow", f"the gradient grows beyond what its dtype holds in {name}", evidence)


def why_not_finite(name: str, worst: str, given: str, low: float = math.nan) -> Reason:
    """Return why the result of an operation is not finite: ``given`` is the worst of its inputs, ``low`` their least."""
    evidence: dict[str, Any] = {"operation": name, "result": worst}
    if name in _LOGS:
        if low < 0:
            return Reason("log-of-negative", f"{name} is taken of {low:.4g}", evidence)
        return Reason("log-of-zero", f"{name} is taken of 0", evidence)
    if name in ("sqrt", "rsqrt", "pow") and low < 0 and worst == "nan":
        return Reason("sqrt-of-negative", f"{name} is taken of {low:.4g}", evidence)
    if name in _QUOTIENTS or name == "rsqrt":
        return Reason("division-by-zero", f"{name} divides by zero", evidence)
    if given == "inf" and name in ("sub", "add", "sum", "mean", "cumsum", "softmax", "log_softmax", "var", "std"):
        return Reason("inf-minus-inf", f"{name} subtracts infinity from infinity", evidence)
    if given == "inf" and worst == "nan":
        return Reason("zero-times-inf", f"{name} multiplies zero by infinity", evidence)
    if name in _GROWING or worst == "inf":
        return Reason("overflow", f"the result of {name} is beyond what its dtype holds", evidence)
    return Reason("not-finite", f"{name} gives {worst}", evidence)
