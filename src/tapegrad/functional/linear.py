"""Maps of features: linear, bilinear, and rows of a table by number."""

from __future__ import annotations

from ..core import Tensor, no_grad, ops
from ..errors import ContractError, OptionError, ShapeError

__all__ = ["bilinear", "embedding", "linear", "one_hot"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``, for inputs with any number of leading dimensions.

    Shapes: input (*, in_features), weight (out_features, in_features) or (in_features), bias (out_features) or 0-d;
    result (*, out_features) or (*). Raises ShapeError, with the number that would fit, DTypeError for different dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.linear(tg.tensor([1.0, 2.0]), tg.tensor([[1.0, 1.0], [0.0, -1.0]]), tg.tensor([0.5, 0.0]))
    tensor([ 3.5000, -2.0000])
    """
    if weight.ndim == 1:
        return ops.linear(input, ops.reshape(weight, shape=(1, -1)), bias).squeeze(-1)
    return ops.linear(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""Return :math:`y_k = \sum_{ij} x_i W_{kij} z_j + b_k` for two inputs with equal leading dimensions.

    Shapes: input1 (*, i), input2 (*, j), weight (k, i, j), bias (k); result (*, k).
    Raises ShapeError when they do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.bilinear(tg.ones(1, 2), tg.ones(1, 3), tg.ones(1, 2, 3))
    tensor([[6.]])
    """
    if weight.ndim != 3:
        raise ShapeError("bilinear", f"argument 'weight' has shape {tuple(weight.shape)}", "it should be (k, i, j)")
    out, left, right = weight.shape
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ShapeError(
            "bilinear",
            f"inputs of shapes {tuple(input1.shape)} and {tuple(input2.shape)} differ in their leading dimensions",
            "make these equal",
        )
    for name, x, features in (("input1", input1, left), ("input2", input2, right)):
        if x.shape[-1] != features:
            raise ShapeError(
                "bilinear",
                f"{name} has {x.shape[-1]} features, weight of shape {tuple(weight.shape)} wants {features}",
                f"give {name} {features} features",
            )
    rows = ops.matmul(input1, ops.reshape(ops.permute(weight, dims=(1, 0, 2)), shape=(left, out * right)))
    product = ops.reshape(rows, shape=(*input1.shape[:-1], out, right)) * input2.unsqueeze(-2)
    result = ops.sum(product, dim=-1).to(weight.dtype)
    return result if bias is None else result + bias


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of ``weight`` (rows, features) that ``input`` (any shape of integers) names.

    ``padding_idx``: a row that gets no gradient. ``max_norm``: first shrink the rows that are used, in place, to that
    ``norm_type``-norm. ``scale_grad_by_freq``: divide a row's gradient by how often it is used.
    Raises IndexRangeError for an index out of range, DTypeError for indices that are no integers.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.embedding(tg.tensor([1, 0, 1]), tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    if weight.ndim != 2:
        raise ShapeError("embedding", f"argument 'weight' has shape {tuple(weight.shape)}", "it should be a matrix")
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ContractError("embedding", f"padding_idx is {padding_idx}, and there are {rows} rows", "stay within them")
    if max_norm is not None:
        _shrink_rows(weight, input, max_norm, norm_type)
    padding = -1 if padding_idx is None else padding_idx % rows
    return ops.embedding(weight, input, padding_idx=padding, scale_grad_by_freq=scale_grad_by_freq)


def _shrink_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows whose norm is above a limit down to it, in place."""
    with no_grad():
        used = ops.reshape(indices, shape=(-1,))
        rows = ops.embedding(weight, used)
        norms = rows.norm(norm_type, dim=1, keepdim=True)
        weight.index_copy_(0, used, ops.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 (*shape, num_classes): 1 where a label says, 0 elsewhere. -1 stands for the largest label plus 1.

    Raises DTypeError for labels that are no integers, IndexRangeError for one out of range, ArgumentError when the
    number of classes is to be counted from no labels.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html

    >>> import tapegrad as tg
    >>> tg.nn.functional.one_hot(tg.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if num_classes == -1:
        if tensor.numel() == 0:
            raise OptionError("one_hot", "an empty tensor does not tell the number of classes", "give num_classes")
        num_classes = int(tensor.max().item()) + 1
    return ops.one_hot(tensor, num_classes=max(num_classes, 0))
