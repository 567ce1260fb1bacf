"""How a primitive is applied: arrays out of tensors, dtypes made equal, the kernel run, the call recorded."""

from __future__ import annotations

from sys import modules
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from ..array import array_module, get_default_dtype
from ..errors import DTypeError, IndexRangeError, LayoutError, ShapeError, TapegradError, UsageError
from .graph import STATE, Node, Pick
from .notes import lost
from .tensor import Tensor, wrap
from .trace import TracedNumber
from .views import refresh

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["apply", "result_type"]

_NUMBERS = (int, float, bool, complex)
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


# What every operation goes through stays in one function: split up, its calls and the arguments handed on would be
# a good part of the few microseconds that an operation takes. Only what is rare stands apart.
def apply(primitive: Primitive, inputs: tuple, keywords: dict, target: Tensor | None = None) -> Any:
    """Return the primitive's output, recorded when an input requires a gradient.

    Raw arrays in give raw arrays out. ``target`` is the tensor that an in-place call writes into; the caller then
    counts the write.
    """
    arrays = []
    # Where gradients are to go, and the same as bits: which inputs want one.
    edges: list[Node | Tensor | None] = []
    mask = 0
    bit = 1
    dtype = None
    plain = True
    try:
        for x in inputs:
            if isinstance(x, Tensor):
                array = x.array
                arrays.append(array)
                if x.view_version is not None and x.view_version != x.memory.tracked_writes:
                    refresh(x)
                node = x.node
                if node is not None:
                    edges.append(node)
                    mask |= bit
                elif x._leaf_grad:
                    edges.append(x)
                    mask |= bit
                else:
                    edges.append(None)
                if array.dtype is not dtype:
                    if dtype is None:
                        dtype = array.dtype
                    else:
                        plain = False
            else:
                arrays.append(x)
                edges.append(None)
                if type(x) is not float and type(x) is not int and x is not None:
                    plain = False
            bit <<= 1
    except LayoutError:
        # A sparse tensor has no array; it brings its own table of what the primitives do to it.
        held: Any = next(x for x in inputs if isinstance(x, Tensor) and x.is_sparse)
        return held.apply_primitive(primitive, inputs, keywords)
    if dtype is None and inputs:
        return _apply_raw(primitive, arrays, keywords)
    if not plain or (dtype is not None and dtype.kind != "f"):
        inputs, arrays = _even(primitive, inputs, arrays)
        if mask:
            edges, mask = _edges(inputs)
    xp = np if "cupy" not in modules else array_module(*arrays)
    buffer = None
    state = STATE
    tracer = state.tracer
    try:
        if tracer is not None and tracer.maps:
            result = tracer.run(primitive, inputs, arrays, keywords)
        elif target is None:
            result = primitive.kernel(xp, *arrays, **keywords) if keywords else primitive.kernel(xp, *arrays)
        else:
            buffer = _output_buffer(primitive, arrays, target)
            into = {} if buffer is None else {"out": buffer}
            result = primitive.kernel(xp, *arrays, **keywords, **into)
    except TapegradError:
        raise
    except (ValueError, TypeError, IndexError, np.exceptions.AxisError) as error:
        raise _kernel_error(primitive, arrays, keywords, error) from None
    if mask and not (primitive.rules and state.grad_enabled):
        return _unrecorded(primitive, inputs, arrays, keywords, result, edges, None if buffer is None else target)
    if type(result) is tuple:
        out = _wrap_all(primitive, inputs, arrays, keywords, result, edges, mask)
    else:
        if type(result) is not ndarray:
            result = np.asarray(result)
        out = wrap(result) if buffer is None or target is None else wrap(result, None, target.memory)
        if primitive.view:
            _share(out, inputs[0], arrays[0])
        kind = result.dtype.kind
        if mask and (kind == "f" or kind == "c"):
            if kind == "c" or (dtype is not None and dtype.kind == "c"):
                plan = primitive.complex_plan(mask, arrays)
            else:
                plan = primitive._plans.get(mask) or primitive.plan(mask)
            saved = plan.save(inputs, arrays, out, keywords, 0 if buffer is None else 1) if plan.fields else ()
            out.node = node = Node(primitive, plan, edges, saved)
            if primitive.elementwise and len(arrays) > 1:
                shape = result.shape
                for array in arrays:
                    if type(array) is ndarray and array.shape != shape:
                        # Broadcasting has to be undone in the gradients.
                        node.inputs_shape = tuple([a.shape if type(a) is ndarray else () for a in arrays])
                        break
        elif mask:
            lost(primitive.name, edges, out)
    if tracer is not None:
        tracer.record(primitive, inputs, out, keywords)
    return out


def _unrecorded(
    primitive: Primitive, inputs: tuple, arrays: list, keywords: dict, result: Any, edges: list, target: Tensor | None
) -> Any:
    """Return the output of a call whose inputs require gradients and whose output does not.

    ``target`` is the tensor whose memory holds the result already.
    """
    if type(result) is tuple:
        out = _wrap_all(primitive, inputs, arrays, keywords, result, edges, 0)
    else:
        array = result if type(result) is ndarray else np.asarray(result)
        out = wrap(array) if target is None else wrap(array, None, target.memory)
        if primitive.view:
            _share(out, inputs[0], arrays[0])
    if target is None:
        lost(primitive.name, edges, out)
    if STATE.tracer is not None:
        STATE.tracer.record(primitive, inputs, out, keywords)
    return out


def _apply_raw(primitive: Primitive, arrays: list, keywords: dict) -> Any:
    for a in arrays:
        if isinstance(a, (np.ndarray, np.generic)):
            xp = np if "cupy" not in modules else array_module(*arrays)
            return primitive.kernel(xp, *arrays, **keywords)
    kinds = ", ".join(type(a).__name__ for a in arrays) or "nothing"
    raise UsageError(primitive.name, f"expected a tensor, got {kinds}", "wrap the values in tapegrad.tensor(...)")


def _wrap_all(
    primitive: Primitive, inputs: tuple, arrays: list, keywords: dict, results: tuple, edges: list, mask: int
) -> tuple:
    out = tuple([wrap(np.asarray(r)) for r in results])
    if primitive.view:
        for o in out:
            _share(o, inputs[0], arrays[0])
    tracked = [i for i, o in enumerate(out) if o.array.dtype.kind in "fc"] if mask else ()
    if tracked:
        is_complex = any(isinstance(a, ndarray) and a.dtype.kind == "c" for a in (*arrays, *results))
        plan = primitive.complex_plan(mask, arrays) if is_complex else primitive.plan(mask)
        node = Node(primitive, plan, edges, plan.save(inputs, arrays, out, keywords, 0))
        node.outputs = len(out)
        for i in tracked:
            out[i].node = Pick(node, i)
    return out


def _share(out: Tensor, source: Any, array: Any) -> None:
    """Give a view its source's storage; a result that NumPy had to copy keeps its own."""
    owner = array.base if array.base is not None else array
    if isinstance(source, Tensor) and (out.array is array or out.array.base is owner or out.array.base is array):
        out.memory = source.memory
        out.view_version = source.memory.tracked_writes
        out.base = source if source.view_version is None else source.base


def _edges(inputs: tuple) -> tuple[list, int]:
    """Return where the gradients of inputs that may have been cast go: nowhere from integers."""
    edges: list[Node | Tensor | None] = []
    mask = 0
    for i, x in enumerate(inputs):
        wants = isinstance(x, Tensor) and x.requires_grad and x.array.dtype.kind in "fc"
        edges.append((x if x.node is None else x.node) if wants else None)
        mask |= wants << i
    return edges, mask


def _even(primitive: Primitive, inputs: tuple, arrays: list) -> tuple[tuple, list]:
    """Return the operands as arrays and numbers, brought to one dtype where the primitive wants that."""
    arrays = [
        a if type(a) is np.ndarray or type(a) in _NUMBERS or a is None else _operand(primitive, a) for a in arrays
    ]
    if primitive.promote is not None and _dtypes_differ(primitive, arrays[primitive.fixed :]):
        return _promote(primitive, inputs, arrays)
    return inputs, arrays


def _operand(primitive: Primitive, value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, TracedNumber):
        return value.value
    raise UsageError(
        primitive.name, f"cannot compute with a {type(value).__name__}", "wrap the values in tapegrad.tensor(...)"
    )


# -- dtypes -------------------------------------------------------------------------------------------------------


def _dtypes_differ(primitive: Primitive, arrays: list) -> bool:
    """Return whether a call needs casts; equal dtypes, and Python numbers that fit, need none."""
    first = None
    for a in arrays:
        if isinstance(a, np.ndarray):
            if first is None:
                first = a.dtype
            elif a.dtype is not first and a.dtype != first:
                return True
    if first is None:
        return False
    kind = first.kind
    if kind == "f":
        return any(type(a) is complex for a in arrays)
    if kind == "c":
        return False
    if primitive.promote == "float":
        return True
    return any(_number_needs_cast(a, first) for a in arrays if not isinstance(a, np.ndarray))


def _number_needs_cast(number: Any, dtype: np.dtype) -> bool:
    """Return whether a Python number changes an integer dtype, or lies outside it (there PyTorch wraps, NumPy raises)."""
    if type(number) is int:
        return dtype.kind == "b" or not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max
    return type(number) in (float, complex)


def result_type(*operands: Any) -> np.dtype:
    """Return the dtype that PyTorch computes in: dimensioned tensors decide before 0-d ones, those before Python numbers.

    Source: https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc

    >>> import tapegrad as tg
    >>> tg.result_type(tg.ones(2), 1.5), tg.result_type(tg.ones(2).int(), 1.5)
    (dtype('float32'), dtype('float32'))
    """
    levels: list[np.dtype | None] = [None, None, None]
    for x in operands:
        if x is None:
            continue
        array = x.array if isinstance(x, Tensor) else x
        if isinstance(array, np.ndarray):
            level, dtype = (0 if array.ndim else 1), array.dtype
        else:
            level, dtype = 2, _number_dtype(array)
        held = levels[level]
        levels[level] = dtype if held is None else _promote_types(held, dtype)
    result = None
    for dtype in levels:
        if dtype is None:
            continue
        if result is None:
            result = dtype
        elif _RANK[dtype.kind] > _RANK[result.kind]:
            result = _promote_types(result, dtype)
    return result if result is not None else get_default_dtype()


def _number_dtype(value: Any) -> np.dtype:
    if isinstance(value, (bool, np.bool_)):
        return np.dtype(bool)
    if isinstance(value, (int, np.integer)):
        return np.dtype(np.int64)
    if isinstance(value, (float, np.floating)):
        return get_default_dtype()
    return np.dtype(np.complex128 if get_default_dtype() == np.float64 else np.complex64)


def _promote_types(a: np.dtype, b: np.dtype) -> np.dtype:
    """Return the common dtype of two; unlike NumPy's, an integer never widens a floating-point one."""
    low, high = sorted((a, b), key=lambda d: _RANK[d.kind])
    if high.kind == "c" and low.kind == "f":
        return np.promote_types(low, high)
    if high.kind in "fc" and low.kind in "biu":
        return high
    return np.promote_types(a, b)


def _promote(primitive: Primitive, inputs: tuple, arrays: list) -> tuple[tuple, list]:
    if primitive.promote == "same":
        raise DTypeError(
            primitive.name,
            f"the inputs have dtypes {', '.join(str(a.dtype) for a in arrays if isinstance(a, np.ndarray))}",
            "make them equal, e.g. with .float() or .to(other.dtype)",
        )
    from .primitive import ops

    dtype = result_type(*arrays[primitive.fixed :])
    if primitive.promote == "float" and dtype.kind in "biu":
        dtype = get_default_dtype()
    cast_inputs: list[Any] = list(inputs[: primitive.fixed])
    for x, a in list(zip(inputs, arrays, strict=True))[primitive.fixed :]:
        if isinstance(a, np.ndarray) and a.dtype != dtype:
            cast_inputs.append(ops.cast(x if isinstance(x, Tensor) else wrap(a), dtype=dtype))
        elif type(a) in _NUMBERS:
            cast_inputs.append(a if dtype.kind in "fc" else np.array(a).astype(dtype))
        else:
            cast_inputs.append(x)
    return tuple(cast_inputs), [x.array if isinstance(x, Tensor) else x for x in cast_inputs]


# -- in-place calls and errors --------------------------------------------------------------------------------------


def _output_buffer(primitive: Primitive, arrays: list, target: Tensor) -> np.ndarray | None:
    """Return the target's array when the kernel can write its result straight into it."""
    if not primitive.takes_out:
        return None
    shapes = [a.shape for a in arrays if isinstance(a, np.ndarray)]
    # Where dtypes are taken as they are (index arrays), the first input alone decides.
    deciding = arrays[:1] if primitive.promote is None else arrays
    same_dtype = all(a.dtype == target.array.dtype for a in deciding if isinstance(a, np.ndarray))
    fits = same_dtype and (not primitive.elementwise or np.broadcast_shapes(*shapes) == target.array.shape)
    return target.array if fits else None


def _kernel_error(primitive: Primitive, arrays: list, keywords: dict, error: Exception) -> TapegradError:
    shapes = ", ".join(str(tuple(a.shape)) if isinstance(a, np.ndarray) else repr(a) for a in arrays)
    details = "".join(f", {name}={value!r}" for name, value in keywords.items() if value is not None)
    text = " ".join(str(error).split())
    if isinstance(error, IndexError):
        return IndexRangeError(
            primitive.name, f"inputs of shape {shapes}{details}: {text}", "use a dimension or index in range"
        )
    if isinstance(error, TypeError):
        return UsageError(
            primitive.name, f"inputs of shape {shapes}{details}: {text}", "check the types of the arguments"
        )
    return ShapeError(primitive.name, f"inputs of shape {shapes}{details} do not fit: {text}", "make the shapes fit")
