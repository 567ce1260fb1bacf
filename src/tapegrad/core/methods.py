"""Gives Tensor its operators and methods, in place too, from primitives and from functions composed of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, GradError, ShapeError
from .dispatch import apply
from .graph import STATE
from .parameters import parameters
from .plan import INPUT
from .primitive import ALIASES, ops
from .tensor import Tensor
from .views import check_view_writable, rebase

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["FUNCTIONS", "function", "inplace_method", "install", "overwrite"]

# Functions composed of primitives, by name, as ``function`` registered them.
FUNCTIONS: dict[str, Callable] = {}
_NO_KEYWORDS: dict = {}


def install(primitive: Primitive, names: list[str], inplace: bool) -> None:
    """Give Tensor a primitive under each name; ``__r...__`` names swap the operands.

    With ``inplace``, also ``exp_`` for ``exp`` and ``__iadd__`` for ``__add__``; for a primitive without any method,
    its own name with ``_``.
    """
    for name in names:
        setattr(Tensor, name, _method(primitive, name))
    if inplace:
        for name in filter(None, map(_inplace_name, names or [primitive.name])):
            setattr(Tensor, name, inplace_method(primitive, name))


_ARITHMETIC = {"__add__", "__sub__", "__mul__", "__truediv__", "__floordiv__", "__mod__", "__pow__"}
_INPLACE_OPERATORS = _ARITHMETIC | {"__and__", "__or__", "__xor__", "__lshift__", "__rshift__"}


def _inplace_name(name: str) -> str:
    """Return the name of a method's in-place version, or an empty string when it has none."""
    if name.startswith("__"):
        return "__i" + name[2:] if name in _INPLACE_OPERATORS else ""
    return name + "_"


def _method(primitive: Primitive, name: str) -> Callable:
    if name.startswith("__r") and name not in ("__rshift__",):

        def reflected(self: Tensor, other: Any) -> Any:
            return apply(primitive, (other, self), _NO_KEYWORDS)

        method: Callable = reflected
    elif primitive.simple and len(primitive.inputs) == 2 and not primitive.optional and name.startswith("__"):

        def binary(self: Tensor, other: Any) -> Any:
            return apply(primitive, (self, other), _NO_KEYWORDS)

        method = binary
    elif primitive.simple and len(primitive.inputs) == 1 and not primitive.optional:

        def unary(self: Tensor) -> Any:
            return apply(primitive, (self,), _NO_KEYWORDS)

        method = unary
    else:

        def general(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            return primitive(self, *args, **kwargs)

        method = general
    method.__name__ = name
    method.__doc__ = primitive.__doc__
    return method


def inplace_method(primitive: Primitive, name: str) -> Callable:
    """Return the method that writes a primitive's result into its first input."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        inputs, keywords = primitive.bind((self, *args), kwargs)
        _check_writable(name, self, inputs)
        if STATE.tracer is not None:
            STATE.tracer.before_write(self)
        if STATE.grad_enabled and _rule_wants(primitive, self, inputs):
            inputs = _with_old_value(self, inputs)
        return overwrite(self, apply(primitive, inputs, keywords, self), name)

    method.__name__ = name
    method.__doc__ = f"In-place version of :meth:`{primitive.name}`."
    return method


def _rule_wants(primitive: Primitive, target: Tensor, inputs: tuple) -> bool:
    """Return whether the gradient rule of this call will ask for the target's value from before the write."""
    mask = sum(1 << i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad)
    if not mask or not primitive.rules:
        return False
    return any(kind == INPUT and inputs[place] is target for kind, place in primitive.plan(mask).fields)


def _with_old_value(target: Tensor, inputs: tuple) -> tuple:
    """Return the inputs with a copy in the target's place, which the write does not touch."""
    old = ops.clone(target)
    return tuple(old if x is target else x for x in inputs)


def _check_writable(who: str, target: Tensor, inputs: tuple) -> None:
    if not STATE.grad_enabled:
        return
    if target.node is None and target._leaf_grad:
        raise GradError(
            who,
            "a leaf Variable that requires grad is being used in an in-place operation",
            "write inside `with tapegrad.no_grad():`, or out of place",
        )
    if target.view_version is not None and any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        check_view_writable(who, target)


def overwrite(target: Tensor, result: Tensor, who: str) -> Tensor:
    """Put a result in a tensor's place: its values into the memory, its node onto the tensor. Returns the tensor."""
    if result.array is not target.array:
        if result.array.shape != target.array.shape:
            raise ShapeError(
                who,
                f"a result of shape {result.array.shape} does not fit a tensor of shape {target.array.shape}",
                "write out of place",
            )
        if not _fits(result.array.dtype, target.array.dtype):
            raise DTypeError(
                who,
                f"result type {result.array.dtype} can't be cast to the desired output type {target.array.dtype}",
                "write out of place, or convert first",
            )
        if result.array.dtype != target.array.dtype:
            result = ops.cast(result, dtype=target.array.dtype)
        if STATE.tracer is not None:
            STATE.tracer.before_write(target)
            STATE.tracer.record_write(target, result)
        np.copyto(target.array, result.array)
    tracked = STATE.grad_enabled and (result.node is not None or target.node is not None)
    if STATE.grad_enabled:
        if target.node is not None and target.node.retained is not None and result.node is not None:
            result.node.retained, target.node.retained = target.node.retained, None
        if target.view_version is not None and tracked:
            rebase(target, result)
        target.node = result.node
    target.memory.wrote(tracked)
    if target.view_version is not None:
        target.view_version = target.memory.tracked_writes
    return target


def _fits(dtype: np.dtype, target: np.dtype) -> bool:
    """Return whether PyTorch would write values of one dtype into another: between integers always, never float to int."""
    return np.can_cast(dtype, target, "same_kind") or (dtype.kind in "iu" and target.kind in "iu")


def function(methods: str = "", inplace: bool = False, name: str = "") -> Callable[[Callable], Callable]:
    """Register a function composed of primitives: it takes NumPy's words too, and becomes a method of Tensor.

    ``methods``: names of the methods, separated by blanks. ``inplace`` adds ``name_`` for the function and each of them.
    """

    def register(plain: Callable) -> Callable:
        known = set(parameters(plain).names)
        takes_out = "out" in known
        public = name or plain.__name__

        @functools.wraps(plain)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                out = None if takes_out else kwargs.pop("out", None)
                kwargs = {k if k in known else ALIASES.get(k, k): v for k, v in kwargs.items()}
                if out is not None:
                    return _into(public, out, plain(*args, **kwargs), (*args, *kwargs.values()))
            return plain(*args, **kwargs)

        FUNCTIONS[public] = call
        for method in methods.split():
            setattr(Tensor, method, call)
        if inplace:
            for written in {public + "_", *map(_inplace_name, methods.split())} - {""}:
                setattr(Tensor, written, _inplace_function(call, written))
        return call

    return register


def _into(who: str, out: Any, result: Any, inputs: tuple) -> Any:
    from .given import write_given

    return write_given(who, out, result, inputs)


def _inplace_function(call: Callable, name: str) -> Callable:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        inputs = (self, *args)
        _check_writable(name, self, (*inputs, *kwargs.values()))
        if STATE.grad_enabled and any(isinstance(x, Tensor) and x.requires_grad for x in (*inputs, *kwargs.values())):
            inputs = _with_old_value(self, inputs)
        return overwrite(self, call(*inputs, **kwargs), name)

    method.__name__ = name
    method.__doc__ = f"In-place version of :meth:`{name[:-1]}`."
    return method
