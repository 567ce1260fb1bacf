"""Steps of a network that are one primitive each, because a composition would be slow or unsafe.

Softmax and the losses of labels are in ``entropy``, activations in ``activation``, losses of numbers in ``loss``, the
embedding in ``lookup``.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import ShapeError
from . import activation, attention, entropy, loss  # noqa: F401  (they register their primitives)
from .buffers import as_rows, into
from .lookup import embedding

__all__ = ["embedding", "log_softmax", "softmax"]


# -- linear -----------------------------------------------------------------------------------------------------------


def _matrix(x):
    """Return the tensor with its leading dimensions made one."""
    return x if x.ndim == 2 else ops.reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


def _check_linear(input: Any, weight: Any, bias: Any) -> None:
    if weight.ndim != 2:
        raise ShapeError(
            "linear", f"argument 'weight' has shape {tuple(weight.shape)}", "it should be (out_features, in_features)"
        )
    out_features, in_features = weight.shape
    if input.ndim == 0 or input.shape[-1] != in_features:
        features = f"{input.shape[-1]} features" if input.ndim else "no dimension for features"
        fix = f"nn.Linear({input.shape[-1]}, {out_features}) would fit" if input.ndim else "add one with unsqueeze(0)"
        raise ShapeError(
            "linear",
            f"input of shape {tuple(input.shape)} has {features}, weight of shape {tuple(weight.shape)} wants {in_features}",
            f"give the input {in_features} features; {fix}" if input.ndim else fix,
        )
    if bias is not None and bias.shape not in ((), (1,), (out_features,)):
        raise ShapeError(
            "linear",
            f"bias of shape {tuple(bias.shape)} does not fit weight of shape {tuple(weight.shape)}",
            f"it should be ({out_features},)",
        )


@primitive(
    promote="same",
    vjp=(
        lambda g, weight: ops.matmul(g, weight),
        lambda g, input: ops.matmul(_matrix(g).mT, _matrix(input)),
        lambda g, bias_shape: ops.sum_to(g, shape=bias_shape),
    ),
    formula=r"x W^\top + b",
    derivative=r"g W, g^\top x, \sum g",
    onnx="Gemm",
    samples=lambda: [
        Sample((2, 3), (4, 3), (4,)),
        Sample((2, 3), (4, 3), None),
        Sample((3,), (4, 3), (4,)),
        Sample((2, 5, 3), (4, 3), (4,)),
        Sample((2, 1, 2, 3), (1, 3), ()),
        Sample((2, 3), (4, 3), (1,)),
        Sample((0, 3), (4, 3), (4,)),
        Sample((2, 0), (4, 0), (4,)),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, r"has 5 features, weight of shape \(4, 3\) wants 3", (2, 5), (4, 3), None),
        ErrorSample(ShapeError, r"nn.Linear\(5, 4\) would fit", (2, 5), (4, 3), None),
        ErrorSample(ShapeError, "no dimension for features", (), (4, 3), None),
        ErrorSample(ShapeError, r"it should be \(4,\)", (2, 3), (4, 3), (2,)),
        ErrorSample(ShapeError, "out_features, in_features", (2, 3), (3,), None),
    ],
    torch="nn.functional.linear",
)
def linear(xp, input, weight, bias=None, *, out=None):
    """Return ``input @ weight.T + bias``: the input's last dimension (in_features) becomes (out_features)."""
    _check_linear(input, weight, bias)
    if input.ndim == 2 and input.shape[1] == 1 and input.dtype.kind == "f":
        # An outer product, which NumPy's matmul has no fast way for.
        result = xp.multiply(input, weight.T, out=out)
    elif input.ndim < 3:
        result = xp.matmul(input, weight.T, out=out)
    else:
        flat = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
        rows = as_rows(out, weight.shape[0])
        result = xp.matmul(flat, weight.T, out=rows).reshape(*input.shape[:-1], weight.shape[0])
        result = result if rows is not None else into(out, result)
    if bias is not None:
        result += bias
    return result if out is None else out


# -- softmax ----------------------------------------------------------------------------------------------------------


@function(methods="softmax")
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    r"""Return positive numbers that sum to 1 along a dimension, in proportion to the exponentials of the elements.

    Formula: :math:`y_i = e^{x_i} / \sum_j e^{x_j}`. ``dtype``: what the input is converted to first.
    Raises IndexRangeError for a dimension out of range, DTypeError for integers without ``dtype``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import tapegrad as tg
    >>> tg.softmax(tg.tensor([0.0, 0.0, -1000.0]), 0)
    tensor([0.5000, 0.5000, 0.0000])
    """
    return ops.softmax(input if dtype is None else input.to(dtype), dim=dim)


@function(methods="log_softmax")
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    r"""Return the logarithm of :func:`softmax`, exact where that underflows to 0.

    Formula: :math:`y_i = x_i - \ln \sum_j e^{x_j}`. Arguments and errors as there.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html

    >>> import tapegrad as tg
    >>> tg.log_softmax(tg.tensor([0.0, -1000.0]), 0)
    tensor([    0., -1000.])
    """
    return ops.log_softmax(input if dtype is None else input.to(dtype), dim=dim)
