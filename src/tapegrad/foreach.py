"""PyTorch's functions over lists of tensors, ``torch._foreach_add_`` and its kind, which optimizers of others call.

``_foreach_NAME(tensors, ...)`` is ``[torch.NAME(tensor, ...) for tensor in tensors]``: an argument that is a list or tuple
gives each tensor its own value, another is the same for all. They are as fast as the loop that they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .core import Tensor
from .errors import MissingAttributeError, ShapeError
from .linalg import vector_norm

__all__ = ["find"]

_UNARY = """
    abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round rsqrt
    sigmoid sign sin sinh sqrt tan tanh trunc
"""
_FURTHER = "add sub mul div lerp pow addcmul addcdiv maximum minimum clamp_max clamp_min"
_NAMES = frozenset([*_UNARY.split(), *_FURTHER.split()])
_BOUNDS = {"maximum": "clamp_min", "minimum": "clamp_max"}


def find(name: str) -> Callable[..., Any]:
    """Return a function by its name in PyTorch. Raises MissingAttributeError when PyTorch has no such function.

    >>> import tapegrad as tg
    >>> tg._foreach_mul([tg.ones(2), tg.zeros(1)], [2.0, 3.0])
    (tensor([2., 2.]), tensor([0.]))
    """
    word = name.removeprefix("_foreach_")
    plain = word.removesuffix("_")
    if word in _SPECIAL:
        made = _SPECIAL[word]
    elif plain in _NAMES:
        made = _in_place(plain) if word != plain else _out_of_place(plain)
    else:
        raise MissingAttributeError("torch", f"there is no '{name}'", "write it as a loop over the tensors")
    made.__name__ = name
    return made


def _rows(who: str, tensors: Any, arguments: tuple) -> list[tuple]:
    """Return the arguments of each call. Raises ShapeError for lists of different lengths."""
    tensors = list(tensors)
    columns: list[list] = [tensors]
    for value in arguments:
        if isinstance(value, Tensor) and value.ndim == 1 and who in ("addcmul", "addcdiv"):
            value = list(value.unbind())
        columns.append(list(value) if isinstance(value, (list, tuple)) else [value] * len(tensors))
    if len({len(column) for column in columns}) > 1:
        raise ShapeError(f"_foreach_{who}", f"lists of {[len(c) for c in columns]} values", "give one for each tensor")
    return list(zip(*columns, strict=True))


def _call(name: str, tensor: Any, *values: Any, **options: Any) -> Any:
    plain = name.removesuffix("_")
    if plain in ("addcmul", "addcdiv") and len(values) == 3:
        factor, values = values[-1], values[:-1]
        options["value"] = factor.item() if isinstance(factor, Tensor) else factor
    if plain in _BOUNDS and not isinstance(values[0], Tensor):
        name = name.replace(plain, _BOUNDS[plain])
    return getattr(tensor, name)(*values, **options)


def _out_of_place(name: str) -> Callable[..., tuple]:
    def function(self: Any, *arguments: Any, **options: Any) -> tuple:
        if not isinstance(self, (list, tuple)):
            # Powers of one number.
            return tuple(self**exponent for exponent in arguments[0])
        return tuple(_call(name, *row, **options) for row in _rows(name, self, arguments))

    function.__doc__ = f"Return {name} of each tensor, as a tuple."
    return function


def _in_place(name: str) -> Callable[..., None]:
    def function(self: Any, *arguments: Any, **options: Any) -> None:
        for tensor, *values in _rows(name, self, arguments):
            if name in _BOUNDS:
                tensor.copy_(_call(name, tensor, *values))
            else:
                _call(f"{name}_", tensor, *values, **options)

    function.__doc__ = f"Write {name} of each tensor into it."
    return function


def _copy(self: Any, src: Any, non_blocking: bool = False) -> None:
    """Write each tensor of ``src`` into the one at its place."""
    for tensor, other in _rows("copy_", self, (list(src),)):
        tensor.copy_(other)


def _zero(self: Any) -> None:
    """Write 0 into each tensor."""
    for tensor in self:
        tensor.zero_()


def _clone(self: Any) -> tuple[Tensor, ...]:
    """Return copies."""
    return tuple(tensor.clone() for tensor in self)


def _max(self: Any) -> tuple[Tensor, ...]:
    """Return the largest value of each."""
    return tuple(tensor.max() for tensor in self)


def _mm(self: Any, mat2: Any) -> tuple[Tensor, ...]:
    """Return the product of each pair of matrices."""
    return tuple(tensor.mm(other) for tensor, other in _rows("mm", self, (list(mat2),)))


def _norm(self: Any, ord: float = 2, dtype: Any = None) -> tuple[Tensor, ...]:
    """Return the norm of the values of each."""
    return tuple(vector_norm(tensor, ord, dtype=dtype) for tensor in self)


_SPECIAL: dict[str, Callable[..., Any]] = {
    "copy_": _copy,
    "zero_": _zero,
    "clone": _clone,
    "max": _max,
    "mm": _mm,
    "norm": _norm,
}
