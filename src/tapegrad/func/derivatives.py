"""Derivatives as functions of functions: torch.func's grad, vjp, jvp, Jacobians and Hessians.

Each works on tensors of its own in place of the arguments, so that a derivative inside a derivative cannot be taken
for the outer one. What a result owes to these alone is cut off; what it owes to tensors from outside stays on the tape.
Source: https://pytorch.org/docs/stable/func.api.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import STATE, Tensor, enable_grad, ops, wrap
from ..core import grad as gradients
from ..errors import GradError, ShapeError, UsageError
from .owned import owned, settle
from .tree import leaves, rebuild, replaced
from .vmap import vmap

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp"]


# -- gradients ----------------------------------------------------------------------------------------------------------


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes the gradient of ``func``, which returns one number.

    ``argnums``: which arguments, or argument, to differentiate; they may be nested lists, tuples and dicts of tensors.
    ``has_aux``: ``func`` returns a pair, the second half of which is handed through.
    Raises GradError for a result that is no tensor, ShapeError for one of several elements.

    >>> import tapegrad as tg
    >>> tg.func.grad(tg.func.grad(lambda x: x**3))(tg.tensor(2.0))
    tensor(12.)
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        results, values = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (results, values[1]) if has_aux else results

    return wrapper


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes the gradient of ``func`` and its value: ``(gradient, value)``.

    With ``has_aux`` the second part is ``(value, aux)``. Arguments and errors as for :func:`grad`.

    >>> import tapegrad as tg
    >>> tg.func.grad_and_value(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = _chosen("grad", args, argnums)
        with _Own(chosen) as own:
            out = func(*_with(args, argnums, own.value), **kwargs)
            value, aux = _split_aux("grad", out, has_aux)
            _check_number(value)
            results = rebuild(chosen, iter(own.gradients([value], [None])))
            settled = own.settle((results, value, aux))
        results, value, aux = settled
        return results, (value, aux) if has_aux else value

    return wrapper


def _check_number(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise GradError("grad", f"the function returned a {type(value).__name__}", "return one tensor")
    if value.numel() != 1:
        raise ShapeError(
            "grad", f"the function returned shape {tuple(value.shape)}", "return one number, e.g. with .sum()"
        )


# -- products with Jacobians --------------------------------------------------------------------------------------------


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """Return ``func(*primals)`` and a function of ``v`` that gives vᵀ J, for v shaped like the result.

    That function returns one tensor for one primal, else a tuple. With ``has_aux``, also what ``func`` hands through.

    >>> import tapegrad as tg
    >>> value, product = tg.func.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> product(tg.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    with _Own(primals) as own:
        value, aux = _split_aux("vjp", func(*own.value), has_aux)
        outputs = _tensors("vjp", value)
        shown, aux = own.settle((value, aux))

    def product(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
        weights = leaves(cotangents)
        if len(weights) != len(outputs):
            raise UsageError(
                "vjp", f"{len(weights)} vectors for {len(outputs)} results", "give one, of its shape, for each result"
            )
        with enable_grad():
            results = own.gradients(outputs, weights)
        return own.settle(tuple(rebuild(primals, iter(results))))

    return (shown, product, aux) if has_aux else (shown, product)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """Return ``func(*primals)`` and its derivative in the direction of the tangents: J v.

    The product u ↦ uᵀ J is linear in u, and its gradient in the direction v is J v.
    Raises UsageError unless there is a tangent for each primal, ShapeError for one of another shape.

    >>> import tapegrad as tg
    >>> tg.func.jvp(lambda x: x * x, (tg.tensor([1.0, 2.0]),), (tg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise UsageError("jvp", "primals and tangents should be tuples", "write jvp(f, (x,), (v,))")
    result = linearize_with_aux("jvp", func, primals, has_aux)
    value, product = result[:2]
    out = value, product(*tangents)
    return (*out, result[2]) if has_aux else out


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """Return ``func(*primals)`` and a function of tangents that gives J v, without running ``func`` again.

    >>> import tapegrad as tg
    >>> value, product = tg.func.linearize(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> product(tg.tensor([1.0, 10.0])), product(tg.tensor([1.0, 0.0]))
    (tensor([ 2., 40.]), tensor([2., 0.]))
    """
    return linearize_with_aux("linearize", func, primals, False)[:2]


def linearize_with_aux(who: str, func: Callable, primals: tuple, has_aux: bool) -> tuple:
    """Return value, product with the Jacobian, and what ``func`` hands through."""
    with _Own(primals) as own:
        value, aux = _split_aux(who, func(*own.value), has_aux)
        outputs = _tensors(who, value)
        probes = [owned(ops.mul(t.detach(), 0), own) for t in outputs]
        products = own.gradients(outputs, probes)
        shown, aux = own.settle((value, aux))

    def product(*tangents: Any) -> Any:
        vectors = leaves(tangents)
        _check_tangents(who, vectors, own.tensors)
        with enable_grad():
            pairs = [(g, v) for g, v in zip(products, vectors, strict=True) if g.requires_grad]
            if pairs:
                results = gradients(
                    [g for g, _ in pairs], probes, [v for _, v in pairs], True, True, materialize_grads=True
                )
            else:
                results = [ops.mul(t.detach(), 0) for t in outputs]
        return own.settle(rebuild(value, iter(results)))

    return shown, product, aux


def _check_tangents(who: str, vectors: list, primals: list[Tensor]) -> None:
    if len(vectors) != len(primals):
        raise UsageError(who, f"{len(vectors)} tangents for {len(primals)} primals", "give one for each")
    for vector, primal in zip(vectors, primals, strict=True):
        if tuple(vector.shape) != tuple(primal.shape):
            raise ShapeError(
                who, f"a tangent of shape {tuple(vector.shape)} for {tuple(primal.shape)}", "make the shapes equal"
            )


# -- Jacobians ----------------------------------------------------------------------------------------------------------


def jacrev(
    func: Callable,
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:
    """Return a function that computes the Jacobian row by row, all rows at once: shape (output, input).

    ``chunk_size``: how many rows at once. Good for few outputs and many inputs; see :func:`jacfwd` for the opposite.

    >>> import tapegrad as tg
    >>> tg.func.jacrev(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = _chosen("jacrev", args, argnums)
        result = vjp(lambda own: func(*_with(args, argnums, own), **kwargs), chosen, has_aux=has_aux)
        value, product = result[:2]
        outputs = leaves(value)
        blocks = []
        for i, out in enumerate(outputs):

            def row(unit: Tensor, i: int = i) -> Any:
                vectors = [unit if k == i else ops.mul(o.detach(), 0) for k, o in enumerate(outputs)]
                return product(rebuild(value, iter(vectors)))[0]

            rows = vmap(row, chunk_size=chunk_size)(_units(out))
            shaped = [r.reshape((*out.shape, *r.shape[1:])) for r in leaves(rows)]
            blocks.append(rebuild(chosen, iter(shaped)))
        jacobian = rebuild(value, iter(blocks))
        return (jacobian, result[2]) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Callable,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable:
    """Return a function that computes the Jacobian column by column, all columns at once: shape (output, input).

    ``chunk_size``: how many columns at once; ``randomness`` as for :func:`vmap`.

    >>> import tapegrad as tg
    >>> tg.func.jacfwd(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = _chosen("jacfwd", args, argnums)
        value, product, aux = linearize_with_aux(
            "jacfwd", lambda own: func(*_with(args, argnums, own), **kwargs), (chosen,), has_aux
        )
        inputs = leaves(chosen)
        columns = []
        for i, given in enumerate(inputs):

            def column(unit: Tensor, i: int = i) -> Any:
                vectors = [unit if k == i else ops.mul(t.detach(), 0) for k, t in enumerate(inputs)]
                return product(rebuild(chosen, iter(vectors)))

            sides = leaves(vmap(column, chunk_size=chunk_size, randomness=randomness)(_units(given)))
            columns.append([s.movedim(0, -1).reshape((*s.shape[1:], *given.shape)) for s in sides])
        blocks = [rebuild(chosen, iter([side[k] for side in columns])) for k in range(len(leaves(value)))]
        jacobian = rebuild(value, iter(blocks))
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """Return a function that computes the matrix of second derivatives: shape (input, input) for a single number.

    >>> import tapegrad as tg
    >>> tg.func.hessian(lambda x: (x**3).sum())(tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _units(t: Tensor) -> Tensor:
    """Return the unit vectors of a tensor's space: one of its shape for each element."""
    return wrap(np.eye(t.numel(), dtype=t.dtype).reshape(t.numel(), *t.shape))


# -- arguments ----------------------------------------------------------------------------------------------------------


class _Own:
    """Tensors of our own in place of given ones, under recording; afterwards results are freed of them."""

    def __init__(self, given: Any):
        found = leaves(given)
        for t in found:
            if not isinstance(t, Tensor):
                raise UsageError(
                    "func", f"cannot differentiate a {type(t).__name__}", "pass a tensor, or leave it out of argnums"
                )
        self.recorded = STATE.grad_enabled
        self.active = True
        with enable_grad():
            self.tensors = [self._own(t) for t in found]
        self.value = rebuild(given, iter(self.tensors))
        self._mode = enable_grad()

    def _own(self, t: Tensor) -> Tensor:
        if t.requires_grad:
            return ops.reshape(t, shape=tuple(t.shape))
        return owned(t.detach(), self)

    def __enter__(self) -> _Own:
        self._mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._mode.__exit__(*error)

    def gradients(self, outputs: Sequence[Tensor], weights: Sequence) -> list[Tensor]:
        """Return the gradients of weighted outputs with respect to our tensors, zeros where there is no dependence."""
        pairs = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
        if not pairs:
            return [ops.mul(t.detach(), 0) for t in self.tensors]
        return list(
            gradients([o for o, _ in pairs], self.tensors, [w for _, w in pairs], True, True, materialize_grads=True)
        )

    def settle(self, results: Any) -> Any:
        """Return results off the tape, unless they depend on tensors from outside that require a gradient."""
        self.active = False
        return settle(results) if self.recorded else replaced(results, _cut)


def _cut(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) and value.requires_grad else value


def _chosen(who: str, args: tuple, argnums: int | tuple[int, ...]) -> Any:
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for number in numbers:
        if not isinstance(number, int) or not -len(args) <= number < len(args):
            raise GradError(who, f"argnums={argnums!r} with {len(args)} arguments", f"use 0 to {len(args) - 1}")
    return tuple(args[n] for n in numbers) if isinstance(argnums, tuple) else args[argnums]


def _with(args: tuple, argnums: int | tuple[int, ...], own: Any) -> list:
    """Return the arguments with our own in the chosen places."""
    changed = list(args)
    pairs = zip(argnums, own, strict=True) if isinstance(argnums, tuple) else [(argnums, own)]
    for number, value in pairs:
        changed[number] = value
    return changed


def _split_aux(who: str, out: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return out, ()
    if not isinstance(out, tuple) or len(out) != 2:
        raise UsageError(who, "has_aux=True, but the function did not return a pair", "return (value, aux)")
    return out


def _tensors(who: str, value: Any) -> list[Tensor]:
    found = leaves(value)
    for t in found:
        if not isinstance(t, Tensor):
            raise UsageError(who, f"the function returned a {type(t).__name__}", "return tensors")
    return found
