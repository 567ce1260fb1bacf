"""NumPy functions called on tensors: ``np.exp(t)`` is ``t.exp()``, gradient included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GradError, UsageError
from .creation import as_tensor
from .graph import STATE
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
    "split": "tensor_split",
    "array_split": "tensor_split",
    "repeat": "repeat_interleave",
    "clip": "clamp",
    "around": "round",
    "copy": "clone",
    "array_equal": "equal",
    "take_along_axis": "take_along_dim",
    "invert": "bitwise_not",
    "radians": "deg2rad",
    "degrees": "rad2deg",
}
# NumPy's words for arguments, beside those that every function takes.
_WORDS = {"k": "diagonal", "axis1": "dim1", "axis2": "dim2", "a_min": "min", "a_max": "max"}
# Names that mean something else in PyTorch (other defaults, orders or results): NumPy answers these itself.
_DIFFERENT = {"argsort", "meshgrid", "pad", "select"}
# Questions about a tensor, whose answers need no gradient.
_QUESTIONS = {"argsort", "may_share_memory", "ndim", "result_type", "shape", "shares_memory", "size"}
# Functions that write into their first argument.
_WRITERS = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}


def _flat(a: Tensor, axis: Any) -> tuple[Tensor, int]:
    """Return what NumPy works on: the flattened tensor when the axis is None."""
    return (a.reshape(-1), 0) if axis is None else (a, axis)


def _sort(a: Any, axis: int | None = -1, kind: Any = None) -> Tensor:
    a, axis = _flat(as_tensor(a), axis)
    return a.sort(axis).values


def _std(a: Tensor, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    return a.std(axis, correction=ddof, keepdim=keepdims)


def _var(a: Tensor, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    return a.var(axis, correction=ddof, keepdim=keepdims)


def _median(a: Tensor, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    return a.quantile(0.5, axis, keepdims)


def _percentile(a: Tensor, q: float, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    return a.quantile(q / 100, axis, keepdims)


def _take(a: Any, indices: Any, axis: int | None = None) -> Tensor:
    a, axis = _flat(as_tensor(a), axis)
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _transpose(a: Tensor, axes: Any = None) -> Tensor:
    return a.permute(tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


def _flip(m: Tensor, axis: Any = None) -> Tensor:
    return m.flip(tuple(range(m.ndim)) if axis is None else axis)


def _cumulative(name: str) -> Callable:
    def call(a: Tensor, axis: int | None = None) -> Tensor:
        a, axis = _flat(a, axis)
        return getattr(a, name)(axis)

    return call


# Functions that PyTorch has in another form, told in its words; what these do not take is left to NumPy.
_FORMS: dict[str, Callable] = {
    "sort": _sort,
    "std": _std,
    "var": _var,
    "median": _median,
    "percentile": _percentile,
    "take": _take,
    "transpose": _transpose,
    "flip": _flip,
    "cumsum": _cumulative("cumsum"),
    "cumprod": _cumulative("cumprod"),
    "roll": lambda a, shift, axis=None: a.roll(shift, axis),
    "rot90": lambda m, k=1, axes=(0, 1): m.rot90(k, axes),
    "nonzero": lambda a: a.nonzero(as_tuple=True),
    "outer": lambda a, b: as_tensor(a).reshape(-1).outer(as_tensor(b).reshape(-1)),
    "vdot": lambda a, b: as_tensor(a).reshape(-1).dot(as_tensor(b).reshape(-1)),
    "einsum": lambda *operands, optimize=True: FUNCTIONS["einsum"](*operands),
}


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
    _refuse_trace(name)
    result = function(*_arrays(args), **{k: _arrays(v) for k, v in kwargs.items()})
    if name in _WRITERS and isinstance(args[0], Tensor):
        args[0].memory.wrote()
    return wrap(np.asarray(result)) if isinstance(result, (np.ndarray, np.generic)) else result


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    out = kwargs.get("out")
    if out is not None:
        return _into(ufunc, method, inputs, kwargs, out[0])
    call = _find(ufunc.__name__) if method == "__call__" and not kwargs else None
    if call is None:
        return _without_gradient(ufunc.__name__, getattr(ufunc, method), inputs, kwargs)
    return call(*[wrap(x) if isinstance(x, np.ndarray) else x for x in inputs])


def _refuse_trace(name: str) -> None:
    if STATE.tracer is not None:
        STATE.tracer.refuse(f"np.{name}", "NumPy computes with a tensor's memory", "use tapegrad's function")


def _into(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict, out: Any) -> Any:
    _refuse_trace(ufunc.__name__)
    if any(t.requires_grad for t in _tensors(list(inputs))) or (isinstance(out, Tensor) and out.requires_grad):
        raise GradError(
            f"np.{ufunc.__name__}",
            "writing a tensor that requires a gradient into an array would lose the gradient",
            "make a new tensor instead of writing into the array, or detach() first",
        )
    kwargs = {**kwargs, "out": _arrays(out)}
    getattr(ufunc, method)(*_arrays(inputs), **kwargs)
    if isinstance(out, Tensor):
        out.memory.wrote()
    return out


def _array_function(self: Tensor, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
    name = func.__name__
    given: dict[str, Any] = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    call = None
    if name in _FORMS:
        call = _FORMS[name]
    elif name not in _DIFFERENT:
        call = _find(name)
        given = {_WORDS.get(k, k): v for k, v in given.items()}
    if call is not None:
        try:
            return call(*args, **given)
        except (UsageError, TypeError):
            pass
    return _without_gradient(name, func, args, kwargs)


def install_numpy_protocol() -> None:
    """Make NumPy hand its functions over to Tensor."""
    Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
    Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
    Tensor.__array_priority__ = 1000  # type: ignore[attr-defined]
