"""Derivatives of functions: products with Jacobians and Hessians, and these matrices themselves.

Source: https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Tensor, enable_grad, grad, wrap
from ..errors import ArgumentError, GradError, ShapeError, UsageError

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_Tensors = tuple[Tensor, ...]


def _as_tuple(value: Any, who: str, what: str) -> tuple[bool, _Tensors]:
    """Return whether a value was a tuple, and the tuple."""
    if isinstance(value, Tensor):
        return False, (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(t, Tensor) for t in value):
        return True, tuple(value)
    raise UsageError(who, f"{what} is a {type(value).__name__}", "it should be a tensor, or a tuple of tensors")


def _tracked(inputs: _Tensors, create_graph: bool) -> _Tensors:
    """Return the inputs as tensors of their own, on the caller's graph when that is to be differentiated."""
    return tuple(t * 1 if create_graph and t.requires_grad else t.detach().requires_grad_() for t in inputs)


def _run(func: Callable, inputs: Any, create_graph: bool, who: str) -> tuple[bool, _Tensors, bool, _Tensors]:
    many_in, given = _as_tuple(inputs, who, "the inputs")
    own = _tracked(given, create_graph)
    many_out, outputs = _as_tuple(func(*own), who, "the result of the function")
    return many_in, own, many_out, outputs


def _vectors(v: Any, like: _Tensors, who: str, what: str) -> _Tensors:
    """Return the vectors of a product; left out they are 1 for a function with one value."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise UsageError(who, f"v can be left out for {what} of one element only", f"pass v, shaped like {what}")
        return (wrap(np.ones_like(like[0].array)),)
    _, vectors = _as_tuple(v, who, "v")
    if len(vectors) != len(like):
        raise UsageError(who, f"v has {len(vectors)} tensors, {what} {len(like)}", "give one for each")
    for vector, t in zip(vectors, like, strict=True):
        if vector.shape != t.shape:
            raise ShapeError(who, f"v has shape {tuple(vector.shape)}, {what} {tuple(t.shape)}", "make them equal")
    return vectors


def _gradients(
    outputs: Sequence[Tensor], inputs: _Tensors, weights: Sequence, create_graph: bool, strict: bool, who: str
) -> _Tensors:
    """Return the gradients, zeros where there is no dependence; with ``strict`` that raises GradError."""
    pairs = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    if not pairs:
        results: tuple = (None,) * len(inputs)
    else:
        results = grad(
            [o for o, _ in pairs],
            inputs,
            [w for _, w in pairs],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    for i, g in enumerate(results):
        if strict and g is None:
            raise GradError(who, f"the outputs do not depend on input {i}", "leave strict at False to get zeros")
    return tuple(wrap(np.zeros_like(t.array)) if g is None else g for t, g in zip(inputs, results, strict=True))


def _done(tensors: Sequence[Tensor], many: bool, create_graph: bool) -> Any:
    kept = tuple(tensors) if create_graph else tuple(t.detach() for t in tensors)
    return kept if many else kept[0]


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """Return the function's value, and the product of a vector ``v`` with its Jacobian: vᵀ J.

    ``v`` has the shape of the output and may be left out when that has one element. With ``create_graph`` both results
    can be differentiated. ``strict`` raises GradError where the output does not depend on an input, instead of zeros.

    >>> import tapegrad as tg
    >>> tg.autograd.functional.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        many_in, own, many_out, outputs = _run(func, inputs, create_graph, "vjp")
        weights = _vectors(v, outputs, "vjp", "the output")
        results = _gradients(outputs, own, weights, create_graph, strict, "vjp")
    return _done(outputs, many_out, create_graph), _done(results, many_in, create_graph)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """Return the function's value, and the product of its Jacobian with a vector ``v``: J v.

    Computed as the gradient of vᵀJ's transpose: the product u ↦ uᵀ J is linear, and its gradient in the direction v is J v.

    >>> import tapegrad as tg
    >>> tg.autograd.functional.jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        _, own, many_out, outputs = _run(func, inputs, create_graph, "jvp")
        vectors = _vectors(v, own, "jvp", "the input")
        probes = tuple(wrap(np.zeros_like(o.array)).requires_grad_() for o in outputs)
        products = _gradients(outputs, own, probes, True, strict, "jvp")
        results = _gradients(products, probes, vectors, create_graph, strict, "jvp")
    return _done(outputs, many_out, create_graph), _done(results, many_out, create_graph)


def jacobian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian: for an output of shape O and an input of shape I a tensor of shape O + I.

    Several inputs give a tuple, several outputs a tuple of those. One backward pass per element of the output;
    ``vectorize`` and ``strategy`` say how PyTorch should compute it, and change nothing here.

    >>> import tapegrad as tg
    >>> tg.autograd.functional.jacobian(lambda x: x * x, tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError("jacobian", f"strategy='{strategy}'", "use 'reverse-mode' or 'forward-mode'")
    with enable_grad():
        many_in, own, many_out, outputs = _run(func, inputs, create_graph, "jacobian")
        blocks = tuple(_rows(out, own, many_in, create_graph, strict) for out in outputs)
    return blocks if many_out else blocks[0]


def _rows(out: Tensor, inputs: _Tensors, many_in: bool, create_graph: bool, strict: bool) -> Any:
    """Return the Jacobians of one output."""
    units = np.eye(out.numel(), dtype=out.dtype).reshape(out.numel(), *out.shape)
    rows = [_gradients([out], inputs, [wrap(unit)], create_graph, strict, "jacobian") for unit in units]
    jacobians = []
    for k, t in enumerate(inputs):
        parts = [row[k].reshape(1, *t.shape) for row in rows]
        joined = _cat(parts) if parts else wrap(np.zeros((0, *t.shape), t.dtype))
        jacobians.append(joined.reshape(*out.shape, *t.shape))
    return _done(jacobians, many_in, create_graph)


def _cat(parts: list[Tensor]) -> Tensor:
    from ..core import ops

    return ops.cat(*parts, dim=0)


def _scalar(func: Callable, who: str) -> Callable:
    """Return the function, checked to give one tensor with one element."""

    def checked(*inputs: Tensor) -> Tensor:
        out = func(*inputs)
        if not isinstance(out, Tensor) or out.numel() != 1:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise ShapeError(who, f"the function returned {shape}", "return one tensor with one element")
        return out.reshape(())

    return checked


def hessian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the matrix of second derivatives of a function with one value: shape I + I for an input of shape I.

    Several inputs give a tuple of tuples. Raises ShapeError for a function with more values.

    >>> import tapegrad as tg
    >>> tg.autograd.functional.hessian(lambda x: (x ** 3).sum(), tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    checked = _scalar(func, "hessian")

    def gradient(*values: Tensor) -> Any:
        result = jacobian(checked, values, create_graph=True, strict=strict)
        return result if isinstance(inputs, (tuple, list)) else result[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """Return the value of a function with one value, and the product of a vector with its Hessian: vᵀ H.

    >>> import tapegrad as tg
    >>> tg.autograd.functional.vhp(lambda x: (x ** 3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        many_in, own, _, outputs = _run(_scalar(func, "vhp"), inputs, create_graph, "vhp")
        vectors = _vectors(v, own, "vhp", "the input")
        first = _gradients(outputs, own, [None], True, strict, "vhp")
        results = _gradients(first, own, vectors, create_graph, strict, "vhp")
    return _done(outputs, False, create_graph), _done(results, many_in, create_graph)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """Return the value of a function with one value, and the product of its Hessian with a vector: H v.

    The Hessian is symmetric, so this is :func:`vhp`.
    """
    return vhp(func, inputs, v, create_graph, strict)
