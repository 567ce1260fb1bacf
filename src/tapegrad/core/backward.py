"""Walking the tape backwards: ``backward`` and ``grad``."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..errors import GradError, ShapeError
from .accumulate import owned
from .notes import note, note_gradients
from .tensor import Tensor, wrap
from .walk import Walk

__all__ = ["backward", "grad", "roots", "send_back"]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradient of the tensors to ``grad`` of every leaf that they depend on (of ``inputs`` alone when given).

    Formula: for each leaf w, ``w.grad += sum_i d tensors[i] / dw · grad_tensors[i]``.
    ``grad_tensors`` may be left out for one-element tensors (it is 1). ``create_graph`` records the backward pass
    itself, so that it can be differentiated again. ``retain_graph`` keeps the saved values for another pass.
    ``grad_variables`` is the old name of ``grad_tensors``.
    Raises GradError when nothing here requires a gradient or the saved values are gone, ShapeError for a gradient
    of another shape. Source: https://pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import tapegrad as tg
    >>> w = tg.tensor(3.0, requires_grad=True)
    >>> tg.autograd.backward(w ** 2)
    >>> w.grad
    tensor(6.)
    """
    note("backward", weakref.ref(tensors) if isinstance(tensors, Tensor) else tuple(map(weakref.ref, tensors)))
    send_back(tensors, grad_variables if grad_tensors is None else grad_tensors, retain_graph, create_graph, inputs)


def send_back(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Do what :func:`backward` does, for a caller that has noted its own line."""
    targets = None if inputs is None else _as_list(inputs)
    retain = create_graph if retain_graph is None else retain_graph
    walk = Walk(create_graph, retain, targets)
    walk.run(roots("backward", tensors, grad_tensors))
    walk.deliver()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """Return the gradients of the outputs with respect to the inputs, leaving every ``grad`` as it is.

    Arguments as in :func:`backward`. With ``allow_unused`` an input that the outputs do not depend on gives None,
    with ``materialize_grads`` zeros; otherwise GradError is raised. With ``is_grads_batched`` the gradients of the
    outputs have one more dimension, the first, and so have the results. ``only_inputs`` says what holds anyway.
    Source: https://pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import tapegrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> (g,) = tg.autograd.grad(x ** 3, x, create_graph=True)
    >>> g, tg.autograd.grad(g, x)[0]
    (tensor(12., grad_fn=<MulBackward0>), tensor(12.))
    """
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads)
    targets = _as_list(inputs)
    for i, t in enumerate(targets):
        if not t.requires_grad:
            raise GradError(
                "grad", f"input {i} does not require a gradient", "call requires_grad_() on it before the forward pass"
            )
    walk = Walk(create_graph, create_graph if retain_graph is None else retain_graph, targets)
    leaves, captured = walk.run(roots("grad", outputs, grad_outputs))
    results = []
    for i, t in enumerate(targets):
        fresh = False
        if t.node is not None:
            g = captured.get(t.node)
        else:
            _, g, fresh = leaves.get(id(t), (t, None, False))
        if g is None and materialize_grads:
            g, fresh = np.zeros_like(t.array), True
        elif g is None and not allow_unused:
            raise GradError(
                "grad", f"the outputs do not depend on input {i}", "pass allow_unused=True to get None for it"
            )
        results.append(g if g is None or isinstance(g, Tensor) else wrap(owned(g, fresh)))
    if not walk.as_tensors:
        note_gradients(targets, results)
    return tuple(results)


def _batched(
    outputs: Any, inputs: Any, given: Any, create_graph: bool, allow_unused: bool | None, materialize_grads: bool
) -> tuple:
    """Return the gradients for each of several gradients of the outputs, which lie along a first dimension of theirs."""
    from .primitive import ops

    batches = [] if given is None else [b for b in _as_list(given) if b is not None]
    if len(batches) != len(_as_list(outputs)) or len({b.array.shape[:1] for b in batches}) != 1:
        raise GradError(
            "grad", "is_grads_batched=True wants as many gradients of each output", "stack them along dimension 0"
        )
    rows = [
        grad(
            outputs,
            inputs,
            [b[i] for b in batches],
            True,
            create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
        for i in range(len(batches[0].array))
    ]
    return tuple(None if column[0] is None else ops.stack(*column, dim=0) for column in zip(*rows, strict=True))


def _as_list(tensors: Any) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def roots(who: str, tensors: Any, gradients: Any) -> list[tuple[Tensor, Any]]:
    """Return where a walk begins: each tensor with its gradient, which is 1 where none is given.

    Raises GradError and ShapeError, in the name of ``who``, as :func:`backward` describes.
    """
    outputs = _as_list(tensors)
    given = (
        [gradients] * len(outputs)
        if gradients is None
        else [gradients]
        if isinstance(gradients, Tensor)
        else list(gradients)
    )
    if len(given) != len(outputs):
        raise GradError(who, f"{len(outputs)} outputs but {len(given)} gradients", "give one gradient per output")
    return [(t, _root_gradient(who, t, g)) for t, g in zip(outputs, given, strict=True)]


def _root_gradient(who: str, t: Tensor, g: Any) -> Any:
    if not t.requires_grad:
        raise GradError(
            who,
            "the tensor does not require a gradient and has no grad_fn",
            "compute it from a tensor with requires_grad=True, outside no_grad()",
        )
    if g is None:
        if t.array.size != 1:
            raise GradError(
                who,
                f"a gradient can be left out for one-element outputs only, this one has shape {t.array.shape}",
                "reduce it with .sum() or .mean(), or pass gradient=",
            )
        if t.array.dtype.kind == "c":
            raise GradError(
                who,
                f"a gradient can be left out for real outputs only, this one is {t.array.dtype}",
                "take .abs() or .real of it, or pass gradient=",
            )
        return np.array(1, t.array.dtype).reshape(t.array.shape)
    array = g.array if isinstance(g, Tensor) else np.asarray(g)
    if array.shape != t.array.shape:
        raise ShapeError(who, f"the gradient has shape {array.shape}, the output {t.array.shape}", "make them equal")
    return g
