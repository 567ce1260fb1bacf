"""NumPy functions called on tensors: ``np.exp(t)`` is ``t.exp()``, gradient included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GradError, UsageError
from .methods import FUNCTIONS
from .primitive import REGISTRY
from .tensor import Tensor, wrap

# NumPy's names where they differ from PyTorch's.
_NAMES = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "dot": "matmul",
    "true_divide": "div",
    "floor_divide": "floor_divide",
    "power": "pow",
    "negative": "neg",
    "absolute": "abs",
    "fabs": "abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arctan2": "atan2",
    "rint": "round",
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "concatenate": "cat",
    "amax": "amax",
    "amin": "amin",
    "max": "amax",
    "min": "amin",
    "swapaxes": "transpose",
    "expand_dims": "unsqueeze",
    "transpose": "permute",
    "split": "tensor_split",
    "array_split": "tensor_split",
    "repeat": "repeat_interleave",
}
# Names that mean something else in PyTorch (other defaults, orders or results): NumPy answers these itself.
_DIFFERENT = {"median", "meshgrid", "nonzero", "pad", "sort", "std", "var"}
# Questions about a tensor, whose answers need no gradient.
_QUESTIONS = {"can_cast", "may_share_memory", "ndim", "result_type", "shape", "shares_memory", "size"}


def _find(name: str) -> Callable | None:
    name = _NAMES.get(name, name)
    return FUNCTIONS.get(name) or REGISTRY.get(name)


def _tensors(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, (list, tuple)):
        return [t for v in values for t in _tensors(v)]
    return []


def _arrays(values: Any) -> Any:
    if isinstance(values, Tensor):
        return values.array
    if isinstance(values, (list, tuple)):
        return type(values)(_arrays(v) for v in values)
    return values


def _without_gradient(name: str, function: Callable, args: Any, kwargs: dict) -> Any:
    if name not in _QUESTIONS and any(t.requires_grad for t in _tensors([args, list(kwargs.values())])):
        raise GradError(
            f"np.{name}",
            "has no gradient rule here, and an argument requires a gradient",
            "use tapegrad's own function, or np.asarray(t.detach())",
        )
    result = function(*_arrays(args), **{k: _arrays(v) for k, v in kwargs.items()})
    return wrap(np.asarray(result)) if isinstance(result, (np.ndarray, np.generic)) else result


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    out = kwargs.get("out")
    if out is not None:
        return _into(ufunc, method, inputs, kwargs, out[0])
    call = _find(ufunc.__name__) if method == "__call__" and not kwargs else None
    if call is None:
        return _without_gradient(ufunc.__name__, getattr(ufunc, method), inputs, kwargs)
    return call(*[wrap(x) if isinstance(x, np.ndarray) else x for x in inputs])


def _into(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict, out: Any) -> Any:
    if any(t.requires_grad for t in _tensors(list(inputs))) or (isinstance(out, Tensor) and out.requires_grad):
        raise GradError(
            f"np.{ufunc.__name__}",
            "writing a tensor that requires a gradient into an array would lose the gradient",
            "make a new tensor instead of writing into the array, or detach() first",
        )
    kwargs = {**kwargs, "out": _arrays(out)}
    getattr(ufunc, method)(*_arrays(inputs), **kwargs)
    if isinstance(out, Tensor):
        out.storage.wrote()
    return out


def _array_function(self: Tensor, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
    call = None if func.__name__ in _DIFFERENT else _find(func.__name__)
    if call is not None:
        try:
            return call(*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
        except (UsageError, TypeError):
            pass
    return _without_gradient(func.__name__, func, args, kwargs)


def install_numpy_protocol() -> None:
    """Make NumPy hand its functions over to Tensor."""
    Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
    Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
    Tensor.__array_priority__ = 1000  # type: ignore[attr-defined]
