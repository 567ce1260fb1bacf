"""What PyTorch's tensors say about themselves: where they live, how they are held, what they are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import STATE, Tensor, function, ops, wrap
from ..core.contents import look_at_layout
from ..core.graph import Pick, Storage
from ..errors import ArgumentError, GradError, ShapeError, UnsupportedDTypeError, UsageError
from .layouts import channels_last, channels_last_3d, contiguous_format, preserve_format, strided

__all__: list[str] = []


# -- where and how it is held -------------------------------------------------------------------------------------------

_FIXED = {
    "is_cpu": True,
    "layout": strided,
    "name": None,
    **dict.fromkeys(
        [
            "is_meta",
            "is_quantized",
            "is_mkldnn",
            "is_xla",
            "is_xpu",
            "is_ipu",
            "is_mps",
            "is_mtia",
            "is_maia",
            "is_vulkan",
            "is_nested",
            "is_sparse_csr",
            "volatile",
        ],
        False,
    ),
}


for _name, _value in _FIXED.items():
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, _value)


def _output_nr(self: Tensor) -> int:
    """Which of its operation's results this is."""
    return self.node.index if isinstance(self.node, Pick) else 0


def _grad_dtype(self: Tensor) -> np.dtype:
    """The dtype of the gradient: the tensor's own."""
    return self.dtype


Tensor.output_nr = property(_output_nr)  # type: ignore[attr-defined]
Tensor.grad_dtype = property(_grad_dtype)  # type: ignore[attr-defined]


def _get_device(self: Tensor) -> int:
    """Return -1: the number of a GPU is that of none."""
    return -1


def _false(name: str, what: str) -> Any:
    def method(self: Tensor) -> bool:
        return False

    method.__name__ = name
    method.__doc__ = f"Return False: {what}."
    return method


def _is_shared(self: Tensor) -> bool:
    """Return whether :meth:`share_memory_` was called: processes that are forked later share the memory's contents."""
    return bool(self.__dict__.get("_shared"))


def _share_memory(self: Tensor) -> Tensor:
    """Return the tensor: memory is not moved, so processes see the values at the time when they are forked."""
    self.__dict__["_shared"] = True
    return self


def _is_signed(self: Tensor) -> bool:
    """Return whether the dtype has negative numbers."""
    return self.dtype.kind in "ifc"


@function(methods="is_same_size")
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape."""
    return tuple(input.shape) == tuple(other.shape)


def _is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Return whether two tensors are the same view of the same memory."""
    return self.data_ptr() == tensor.data_ptr() and self.shape == tensor.shape and self.stride() == tensor.stride()


def _is_contiguous(self: Tensor, memory_format: Any = contiguous_format) -> bool:
    """Return whether the elements lie in row-major order, or that of ``memory_format``, without gaps."""
    look_at_layout("is_contiguous")
    if memory_format in (contiguous_format, preserve_format):
        return self.array.flags.c_contiguous
    dims = {channels_last: 4, channels_last_3d: 5}.get(memory_format)
    if dims is None:
        raise UsageError("is_contiguous", f"{memory_format!r} is no memory format", "use tapegrad.channels_last")
    return self.ndim == dims and np.moveaxis(self.array, 1, -1).flags.c_contiguous


def _dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """Return the dimensions in the order in which they lie in memory, the outermost first."""
    return tuple(sorted(range(self.ndim), key=lambda d: -self.array.strides[d]))


def _dense_dim(self: Tensor) -> int:
    """Return the number of dimensions: all of them are dense."""
    return self.ndim


def _sparse_dim(self: Tensor) -> int:
    """Return 0: no dimension is sparse."""
    return 0


def _itself(name: str, what: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self

    method.__name__ = name
    method.__doc__ = f"Return the tensor itself: {what}."
    return method


def _nothing(self: Tensor, stream: Any = None) -> None:
    """Do nothing: there are no streams on the CPU."""


def _nowhere(name: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        raise ArgumentError(name, f"no {name} device is available", "tensors live on the CPU: leave the call out")

    method.__name__ = name
    method.__doc__ = "Raise ArgumentError: there is no such device here."
    return method


def _quantized(name: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedDTypeError(name, f"a tensor of dtype {self.dtype} is not quantized", "leave the call out")

    method.__name__ = name
    method.__doc__ = "Raise UnsupportedDTypeError: no tensor is quantized here."
    return method


_METHODS: dict[str, Any] = {
    "get_device": _get_device,
    "is_shared": _is_shared,
    "share_memory_": _share_memory,
    "is_signed": _is_signed,
    "is_set_to": _is_set_to,
    "is_contiguous": _is_contiguous,
    "dim_order": _dim_order,
    "dense_dim": _dense_dim,
    "sparse_dim": _sparse_dim,
    "const_data_ptr": Tensor.data_ptr,
    "is_distributed": _false("is_distributed", "tensors live in one process"),
    "is_inference": _false("is_inference", "inference mode makes ordinary tensors"),
    "to_dense": _itself("to_dense", "it is dense"),
    "dequantize": _itself("dequantize", "it is not quantized"),
    "to_mkldnn": _itself("to_mkldnn", "NumPy has one layout"),
    "record_stream": _nothing,
    **{name: _nowhere(name) for name in ("ipu", "xpu", "mtia")},
    **{
        name: _quantized(name)
        for name in [
            "int_repr",
            "q_scale",
            "q_zero_point",
            "qscheme",
            "q_per_channel_axis",
            "q_per_channel_scales",
            "q_per_channel_zero_points",
        ]
    },
}
for _name, _method in _METHODS.items():
    if _name == "is_contiguous" or not hasattr(Tensor, _name):
        setattr(Tensor, _name, _method)


# -- element by element in Python -----------------------------------------------------------------------------------------


def _apply(self: Tensor, callable: Any) -> Tensor:
    """Replace every element by ``callable(element)``, in place. Slow: it is Python's loop over the elements.

    >>> import tapegrad as tg
    >>> tg.tensor([1.0, 2.0]).apply_(lambda x: x + 1)
    tensor([2., 3.])
    """
    return _mapped("apply_", self, (self,), callable)


def _map(self: Tensor, other: Tensor, callable: Any) -> Tensor:
    """Replace every element by ``callable(element, element of other)``, in place.

    >>> import tapegrad as tg
    >>> tg.tensor([1.0, 2.0]).map_(tg.tensor([3.0, 5.0]), lambda a, b: a * b)
    tensor([ 3., 10.])
    """
    return _mapped("map_", self, (self, other), callable)


def _map2(self: Tensor, x: Tensor, y: Tensor, callable: Any) -> Tensor:
    """Replace every element by ``callable(element, that of x, that of y)``, in place."""
    return _mapped("map2_", self, (self, x, y), callable)


def _mapped(who: str, target: Tensor, tensors: tuple, call: Any) -> Tensor:
    if any(t.requires_grad for t in tensors):
        raise GradError(who, "a tensor requires a gradient, which Python's function has not", "use detach()")
    columns = [np.broadcast_to(t._read(who), target.array.shape).ravel().tolist() for t in tensors]
    values = np.array([call(*row) for row in zip(*columns, strict=True)]).astype(target.dtype)
    return target.copy_(wrap(values.reshape(target.array.shape)))


for _name, _method in {"apply_": _apply, "map_": _map, "map2_": _map2}.items():
    setattr(Tensor, _name, _method)


# -- other memory -------------------------------------------------------------------------------------------------------


def _whole(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _resize(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor another shape, in place: the same memory from its beginning, more of it where that is needed.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.resize_.html

    >>> import tapegrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).resize_(3)
    tensor([1, 2, 3])
    """
    shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    if min(shape, default=0) < 0:
        raise ShapeError("resize_", f"the size {shape} has a negative number", "use sizes from 0 on")
    if self.requires_grad:
        raise ShapeError("resize_", "a tensor that requires a gradient cannot be resized", "use detach() or reshape()")
    if STATE.tracer is not None:
        STATE.tracer.refuse("resize_", "a tensor gets other memory inside the step", "make it outside")
    count, whole = math.prod(shape), _whole(self.array)
    first = self.storage_offset()
    flat = whole.reshape(-1) if whole.flags.c_contiguous else self.array.reshape(-1)
    first = first if whole.flags.c_contiguous else 0
    if flat.size - first < count:
        grown = np.zeros(first + count, flat.dtype)
        grown[: flat.size] = flat
        flat = grown
    self.array = flat[first : first + count].reshape(shape)
    self.memory.wrote()
    return self


def _resize_as(self: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """Give the tensor the shape of another, as :meth:`resize_` does."""
    return _resize(self, *the_template.shape)


def _set(
    self: Tensor, source: Tensor | None = None, storage_offset: int = 0, size: Any = None, stride: Any = None
) -> Tensor:
    """Make the tensor see the memory of another one, or no memory at all without ``source``.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.set_.html

    >>> import tapegrad as tg
    >>> tg.empty(0).set_(tg.ones(2))
    tensor([1., 1.])
    """
    if STATE.tracer is not None:
        STATE.tracer.refuse("set_", "a tensor gets other memory inside the step", "make it outside")
    if source is None:
        self.array, self.memory = np.empty(0, self.dtype), Storage()
        return self
    if source.dtype != self.dtype:
        raise UsageError("set_", f"the source is {source.dtype}, the tensor {self.dtype}", "use tensors of one dtype")
    seen = source
    if size is not None:
        steps = [math.prod(size[d + 1 :]) for d in range(len(size))] if stride is None else stride
        seen = source.as_strided(tuple(size), tuple(steps), storage_offset)
    self.array, self.memory = seen.array, source.memory
    return self


def _sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Return the sum over the dimensions that broadcasting from ``size`` would have added or stretched.

    Raises ShapeError when it does not broadcast to the tensor's shape.

    >>> import tapegrad as tg
    >>> tg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    own = tuple(self.shape)
    behind = own[len(own) - len(shape) :] if len(shape) <= len(own) else None
    if behind is None or any(n not in (1, m) for n, m in zip(shape, behind, strict=True)):
        raise ShapeError("sum_to_size", f"shape {shape} does not broadcast to {own}", "use sizes of 1, or equal ones")
    if not shape:
        return self.sum()
    return self if shape == own else ops.sum_to(self, shape=shape)


def _as_subclass(self: Tensor, cls: type) -> Tensor:
    """Return a view of the same memory whose type is a subclass of Tensor."""
    view = self.view(self.shape)
    return wrap(view.array, view.node, self.memory, cls)


def _module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """Return what a module keeps when it loads ``other`` in this tensor's place."""
    return other if assign else self.copy_(other).detach()


for _name, _method in {
    "resize_": _resize,
    "resize_as_": _resize_as,
    "set_": _set,
    "sum_to_size": _sum_to_size,
    "as_subclass": _as_subclass,
    "module_load": _module_load,
}.items():
    setattr(Tensor, _name, _method)
