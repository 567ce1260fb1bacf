"""Arithmetic as it is called by name: sums with a factor, quotients with a rounding mode, and what is made of them."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, function, ops, result_type
from ..errors import DTypeError, OptionError

__all__ = [
    "add",
    "addcdiv",
    "addcmul",
    "div",
    "divide",
    "lerp",
    "rsub",
    "sub",
    "subtract",
    "true_divide",
]


def _scaled(who: str, input: Any, other: Any, alpha: Any) -> Any:
    """Return ``alpha * other``. Raises DTypeError where integers would be scaled by a fraction."""
    if type(alpha) is int and alpha == 1:
        return other
    if isinstance(alpha, float) and result_type(input, other).kind in "biu":
        raise DTypeError(who, f"alpha is {alpha}, but the tensors are integers", "use an integer, or .float()")
    return other * alpha


@function(methods="add", inplace=True)
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``input + alpha * other``.

    Raises DTypeError for integers with a fractional ``alpha``.
    Source: https://pytorch.org/docs/stable/generated/torch.add.html

    >>> import tapegrad as tg
    >>> tg.add(tg.tensor([1.0, 2.0]), 1, alpha=10)
    tensor([11., 12.])
    """
    return ops.add(input, _scaled("add", input, other, alpha))


@function(methods="sub subtract", inplace=True)
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``input - alpha * other``.

    Raises DTypeError for integers with a fractional ``alpha``.
    Source: https://pytorch.org/docs/stable/generated/torch.sub.html

    >>> import tapegrad as tg
    >>> tg.sub(tg.tensor([11.0, 12.0]), 1, alpha=10)
    tensor([1., 2.])
    """
    return ops.sub(input, _scaled("sub", input, other, alpha))


@function()
def rsub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``other - alpha * input``."""
    return ops.sub(other, _scaled("rsub", other, input, alpha))


@function(methods="div divide", inplace=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Return the quotient of two tensors, element by element, as floating-point numbers.

    ``rounding_mode``: ``"floor"`` rounds down, ``"trunc"`` towards 0; the gradient is 0 then, and integers stay
    integers. Raises OptionError for another mode.
    Source: https://pytorch.org/docs/stable/generated/torch.div.html

    >>> import tapegrad as tg
    >>> tg.div(tg.tensor([7, -7]), 2), tg.div(tg.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise OptionError("div", f"rounding_mode is '{rounding_mode}'", "use None, 'floor' or 'trunc'")
    return ops.floor_divide(input, other) if rounding_mode == "floor" else ops.trunc_divide(input, other)


@function(methods="true_divide", inplace=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """Return the quotient of two tensors, element by element, as floating-point numbers."""
    return ops.div(input, other)


@function(methods="lerp", inplace=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Return the point between two tensors at ``weight``, a number or tensor: 0 is the first, 1 the second.

    Formula: ``input + weight * (end - input)``, computed from the nearer end so that both ends are exact.
    Raises DTypeError for tensors of different dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.lerp.html

    >>> import tapegrad as tg
    >>> tg.lerp(tg.tensor([0.0, 10.0]), tg.tensor([10.0, 20.0]), 0.25)
    tensor([ 2.5000, 12.5000])
    """
    if input.dtype != end.dtype:
        raise DTypeError("lerp", f"input is {input.dtype}, end {end.dtype}", "convert one of them")
    step = end - input
    if not isinstance(weight, Tensor):
        return input + step * weight if abs(weight) < 0.5 else end - step * (1 - weight)
    return ops.where(ops.abs(weight) < 0.5, input + step * weight, end - step * (1 - weight))


@function(methods="addcmul", inplace=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Any, *, value: float = 1) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``.

    >>> import tapegrad as tg
    >>> tg.addcmul(tg.tensor([1.0]), tg.tensor([2.0]), tg.tensor([3.0]), value=0.5)
    tensor([4.])
    """
    return add(input, tensor1 * tensor2, alpha=value)


@function(methods="addcdiv", inplace=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Any, *, value: float = 1) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``.

    Raises DTypeError for integers, whose quotient PyTorch leaves undefined here.

    >>> import tapegrad as tg
    >>> tg.addcdiv(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([2.0]), value=2)
    tensor([4.])
    """
    if result_type(tensor1, tensor2).kind in "biu":
        raise DTypeError("addcdiv", "both tensors are integers", "convert one of them with .float()")
    return add(input, tensor1 / tensor2, alpha=value)


divide = div
subtract = sub
