"""Functions with a gradient of the user's own."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import STATE, Node, Tensor, is_grad_enabled, no_grad, ops, wrap
from ..core.graph import FunctionNode, Pick
from ..errors import GradError, ShapeError, UsageError

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` hands to ``backward``: saved tensors, and any attribute that is set on it."""

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple = ()
        self._saved: list | None = []
        self._dirty: tuple = ()
        self._without_gradient: tuple = ()
        self._materialize = True
        self._node: Callable[[], Any] = lambda: None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs, outputs or other tensors for ``backward``, which finds them in ``saved_tensors``."""
        self._to_save = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Tell which inputs ``forward`` has written to in place; they must be returned as outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Tell which outputs have no gradient."""
        self._without_gradient = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Tell whether ``backward`` gets zeros (the default) or None for outputs that nothing depends on."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """The tensors that ``forward`` saved, checked to be unchanged.

        Raises GradError when one was modified in place since, or when an earlier ``backward()`` freed them.
        """
        if self._saved is None:
            raise GradError(
                "saved_tensors",
                "the saved values were freed by an earlier backward()",
                "pass retain_graph=True to the earlier backward(), or compute the forward pass again",
            )
        return tuple(kept.restore(self._node()) if isinstance(kept, _Kept) else kept for kept in self._saved)

    def keep(self, inputs: Sequence, outputs: Sequence, edges: Sequence) -> None:
        """Turn what is to be saved into arrays with edges, which hold no Tensor of the graph."""
        self._saved = [t if t is None or t.is_sparse else _Kept(t, inputs, outputs, edges) for t in self._to_save]
        self._to_save = self._dirty = self._without_gradient = ()

    def release(self) -> None:
        """Let go of the saved tensors."""
        self._saved = None


class _Kept:
    """A saved tensor: its array, storage and version, and where it is on the graph."""

    __slots__ = ("array", "edge", "memory", "output", "version")

    def __init__(self, t: Tensor, inputs: Sequence, outputs: Sequence, edges: Sequence):
        self.array = t.array
        self.memory = t.memory
        self.version = t.memory.version
        self.output = next((i for i, o in enumerate(outputs) if o is t), None)
        place = next((i for i, x in enumerate(inputs) if x is t), None)
        # The node of an output would hold the context that holds this: it is handed in when the output is restored.
        self.edge = None if self.output is not None else t.node if place is None else edges[place]

    def restore(self, node: Node | None) -> Tensor:
        if self.memory.version != self.version:
            raise GradError(
                "saved_tensors",
                f"a saved tensor (shape {self.array.shape}) was modified by an inplace operation at {self.memory.writer}",
                "write out of place there, or clone() the tensor before it is changed",
            )
        if isinstance(self.edge, Tensor):
            return self.edge
        edge = self.edge
        if self.output is not None and node is not None:
            edge = node if node.outputs == 1 else Pick(node, self.output)
        return wrap(self.array, edge, self.memory)


class Function:
    """Subclass it to give a computation a gradient of your own, and call ``YourFunction.apply(inputs)``.

    ``forward(ctx, *inputs)`` computes, without being recorded, and saves what the gradient needs with
    ``ctx.save_for_backward(...)``; or ``forward(*inputs)`` computes and ``setup_context(ctx, inputs, output)`` saves.
    ``backward(ctx, *gradients)`` gets one gradient per output, and returns one per input (None where there is none).
    When it computes with tapegrad's operations, it can be differentiated again.
    Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function

    >>> import tapegrad as tg
    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * g
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def __init__(self, *args: Any, **kwargs: Any):
        raise UsageError(
            type(self).__name__, "a Function is not instantiated", f"call {type(self).__name__}.apply(inputs)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: ``forward(ctx, *inputs)``, or ``forward(*inputs)`` beside ``setup_context``."""
        raise NotImplementedError("define the static method forward(ctx, *inputs)")

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Any) -> None:
        """Save what ``backward`` needs, when ``forward`` is written without ``ctx``."""
        raise NotImplementedError("define the static method setup_context(ctx, inputs, output)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the gradients of the inputs, given those of the outputs."""
        raise NotImplementedError("define the static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run ``forward``, recorded as one operation whose gradient is ``backward``."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        edges = [_edge(a) if needed else None for a, needed in zip(args, ctx.needs_input_grad, strict=True)]
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        outputs = list(result) if isinstance(result, (tuple, list)) else [result]
        recorded = STATE.grad_enabled and any(ctx.needs_input_grad)
        _check_dirty(cls.__name__, ctx, args, outputs, recorded)
        final = [_output(o, args, ctx) for o in outputs]
        if recorded:
            _record(_Backward(cls, args, final), edges, ctx, final)
        ctx.keep(args, final, edges)
        return tuple(final) if isinstance(result, (tuple, list)) else final[0]


def _edge(t: Tensor) -> Any:
    return t if t.node is None else t.node


def _check_dirty(name: str, ctx: FunctionCtx, args: Sequence, outputs: Sequence, recorded: bool) -> None:
    """Count the writes to dirty inputs, and refuse those that the graph cannot follow."""
    for t in ctx._dirty:
        if not any(t is a for a in args) or not any(t is o for o in outputs):
            raise UsageError(name, "a tensor marked as dirty is not both input and output", "return it from forward")
        if recorded and t._leaf_grad:
            raise GradError(
                name,
                "a leaf Variable that requires grad is being used in an in-place operation",
                "write inside `with tapegrad.no_grad():`, or out of place",
            )
        if recorded and t.view_version is not None:
            raise GradError(name, f"a view (shape {t.array.shape}) is written to in place", "clone() it first")
        t.memory.wrote(tracked=recorded or t.node is not None)


def _output(value: Any, args: Sequence, ctx: FunctionCtx) -> Any:
    """Return an output as the caller gets it: an input that is handed through becomes a tensor of its own."""
    if not isinstance(value, Tensor) or any(value is d for d in ctx._dirty):
        return value
    if value.requires_grad or any(value is a for a in args):
        return value.detach()
    return value


def _record(primitive: _Backward, edges: list, ctx: FunctionCtx, outputs: list) -> None:
    node = FunctionNode(primitive, edges, ctx, len(outputs))
    ctx._node = weakref.ref(node)
    for i, out in enumerate(outputs):
        if not isinstance(out, Tensor) or any(out.array is t.array for t in ctx._without_gradient):
            continue
        if out.array.dtype.kind in "fc":
            out.node = node if len(outputs) == 1 else Pick(node, i)


class _Backward:
    """What a FunctionNode asks for its gradients: the place that a primitive has elsewhere."""

    def __init__(self, function: type[Function], inputs: Sequence, outputs: Sequence):
        self.name = function.__name__
        self.function = function
        self.inputs = [(tuple(a.shape), a.dtype) if isinstance(a, Tensor) else None for a in inputs]
        self.outputs = [(o.array.shape, o.array.dtype) if isinstance(o, Tensor) else None for o in outputs]

    def pull(self, ctx: FunctionCtx, g: Any, as_tensors: bool) -> list:
        """Return the gradients of the inputs, as arrays or as Tensors, given those of the outputs."""
        given = g if isinstance(g, list) else [g]
        gradients = [self._given(ctx, i, part) for i, part in enumerate(given)]
        result = self.function.backward(ctx, *gradients)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        count = len(self.inputs)
        if len(results) < count or any(r is not None for r in results[count:]):
            raise GradError(
                f"backward of {self.name}",
                f"it returned {len(results)} gradients for {count} inputs",
                "return one per input of forward, None where there is none",
            )
        wanted = [
            self._checked(i, r) if needed else None
            for i, (r, needed) in enumerate(zip(results[:count], ctx.needs_input_grad, strict=True))
        ]
        return wanted if as_tensors else [None if w is None else w.array for w in wanted]

    def _given(self, ctx: FunctionCtx, i: int, g: Any) -> Tensor | None:
        if g is not None:
            return g if isinstance(g, Tensor) else wrap(np.asarray(g))
        described = self.outputs[i]
        return wrap(np.zeros(*described)) if described is not None and ctx._materialize else None

    def _checked(self, i: int, g: Any) -> Tensor | None:
        """Return a gradient in its input's shape and dtype."""
        described = self.inputs[i]
        if g is None or described is None:
            return None
        shape, dtype = described
        if not isinstance(g, Tensor):
            raise UsageError(
                f"backward of {self.name}", f"gradient {i} is a {type(g).__name__}", "return tensors, or None"
            )
        if g.array.shape != shape:
            if not _broadcasts(shape, g.array.shape):
                raise ShapeError(
                    f"backward of {self.name}",
                    f"gradient {i} has shape {g.array.shape}, its input {shape}",
                    "return a gradient of the input's shape",
                )
            g = ops.sum_to(g, shape=shape)
        return g if g.array.dtype == dtype else ops.cast(g, dtype=dtype)


def _broadcasts(small: tuple, large: tuple) -> bool:
    return len(small) <= len(large) and all(a in (1, b) for a, b in zip(small[::-1], large[::-1], strict=False))


def once_differentiable(backward: Callable) -> Callable:
    """Mark a ``backward`` that computes outside the graph: differentiating its result raises GradError."""

    @functools.wraps(backward)
    def wrapped(ctx: FunctionCtx, *gradients: Any) -> Any:
        with no_grad():
            result = backward(ctx, *gradients)
        sources = [g for g in gradients if isinstance(g, Tensor) and g.requires_grad]
        if not is_grad_enabled() or not sources:
            return result
        results = result if isinstance(result, (tuple, list)) else (result,)
        dead_ends = [_dead_end(r, sources) for r in results]
        return tuple(dead_ends) if isinstance(result, (tuple, list)) else dead_ends[0]

    return wrapped


def _dead_end(g: Any, sources: list[Tensor]) -> Any:
    if not isinstance(g, Tensor):
        return g
    return wrap(g.array, FunctionNode(_Once(), [_edge(s) for s in sources], FunctionCtx(), 1))


class _Once:
    name = "once_differentiable"

    def pull(self, ctx: FunctionCtx, g: Any, as_tensors: bool) -> list:
        raise GradError(
            "once_differentiable",
            "this gradient is differentiated a second time, but its backward was marked as differentiable once",
            "write backward with tapegrad's operations, and leave the mark out",
        )
