"""Other dtypes and devices of a tensor, and questions about dtypes, whose names are in ``dtypes``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import Device, available, get_default_dtype, set_default_dtype
from ..core import Size, Tensor, as_array, function, ops, result_type, wrap
from ..core.printing import set_printoptions
from ..errors import DeviceError, DTypeError, UsageError, did_you_mean

__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "can_cast",
    "device",
    "finfo",
    "get_default_dtype",
    "iinfo",
    "is_complex",
    "is_floating_point",
    "is_nonzero",
    "is_tensor",
    "numel",
    "promote_types",
    "set_default_dtype",
    "set_default_tensor_type",
    "set_printoptions",
]

device = Device


# -- PyTorch's older names for tensors of a dtype -----------------------------------------------------------------------


class TensorType:
    """PyTorch's older name for the tensors of one dtype, such as ``FloatTensor``.

    Called with sizes it makes a tensor whose values nobody should rely on, with a list or an array one that holds
    them; ``isinstance`` and ``Tensor.type`` accept it.

    >>> import tapegrad as tg
    >>> tg.LongTensor([1, 2]), isinstance(tg.zeros(1), tg.FloatTensor)
    (tensor([1, 2]), True)
    """

    def __init__(self, name: str, dtype: Any):
        self.name = name
        self.dtype = np.dtype(dtype)

    def __call__(self, *values: Any, device: Any = None) -> Tensor:
        if device is not None:
            available(device)
        if len(values) == 1 and not isinstance(values[0], (int, Size)):
            return wrap(np.array(as_array(values[0])).astype(self.dtype))
        size = tuple(values[0]) if values and isinstance(values[0], Size) else values or (0,)
        return ops.full(size=size, fill_value=0, dtype=self.dtype)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype == self.dtype

    def __repr__(self) -> str:
        return f"<tensor type '{self.name}'>"


FloatTensor = TensorType("torch.FloatTensor", np.float32)
DoubleTensor = TensorType("torch.DoubleTensor", np.float64)
HalfTensor = TensorType("torch.HalfTensor", np.float16)
LongTensor = TensorType("torch.LongTensor", np.int64)
IntTensor = TensorType("torch.IntTensor", np.int32)
ShortTensor = TensorType("torch.ShortTensor", np.int16)
CharTensor = TensorType("torch.CharTensor", np.int8)
ByteTensor = TensorType("torch.ByteTensor", np.uint8)
BoolTensor = TensorType("torch.BoolTensor", np.bool_)

_TYPES = {
    kind.name: kind
    for kind in (
        *(
            FloatTensor,
            DoubleTensor,
            HalfTensor,
            LongTensor,
            IntTensor,
            ShortTensor,
            CharTensor,
            ByteTensor,
            BoolTensor,
        ),
        TensorType("torch.ComplexFloatTensor", np.complex64),
        TensorType("torch.ComplexDoubleTensor", np.complex128),
        TensorType("torch.UInt16Tensor", np.uint16),
        TensorType("torch.UInt32Tensor", np.uint32),
        TensorType("torch.UInt64Tensor", np.uint64),
    )
}
_NAMES = {kind.dtype: name for name, kind in _TYPES.items()}


def _as_dtype(who: str, value: Any) -> np.dtype:
    """Return the dtype that is meant by a dtype, a Python type, a tensor type, or a tensor type's name."""
    if isinstance(value, str):
        name = value.replace("tapegrad.", "torch.")
        if name not in _TYPES:
            raise UsageError(who, f"there is no tensor type '{value}'", did_you_mean(name, _TYPES))
        return _TYPES[name].dtype
    return get_default_dtype() if value is Tensor else np.dtype(value)


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the name of a tensor type, such as ``"torch.DoubleTensor"``: PyTorch's older form."""
    set_default_dtype(_as_dtype("set_default_tensor_type", t))


# -- dtypes and devices -------------------------------------------------------------------------------------------------


def _cast(input: Tensor, dtype: np.dtype) -> Tensor:
    return input if input.dtype == dtype else ops.cast(input, dtype=dtype)


def _to(
    self: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    other: Tensor | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return the tensor with another dtype, on a device, or with the dtype of another tensor; itself if nothing changes.

    ``x.to(dtype)``, ``x.to(device)``, ``x.to(device, dtype)`` and ``x.to(other)`` all work; ``copy`` makes a copy in
    any case; ``non_blocking`` and ``memory_format`` are accepted for compatibility.
    Raises DeviceError for a device that is not available.
    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.to.html

    >>> import tapegrad as tg
    >>> tg.tensor([1.7]).to(tg.int64)
    tensor([1])
    """
    flags = []
    for value in args:
        if isinstance(value, Tensor):
            other = value
        elif isinstance(value, bool):
            flags.append(value)
        elif isinstance(value, (str, int, Device)):
            device = value
        elif value is not None:
            dtype = value
    if device is not None:
        available(device)
    if other is not None:
        dtype = other.dtype
    changed = self if dtype is None else _cast(self, _as_dtype("to", dtype))
    copy = copy or flags[1:] == [True]
    return ops.clone(changed) if copy and changed is self else changed


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the name of the tensor's type, or the tensor converted to a dtype or tensor type (itself if it is that).

    >>> import tapegrad as tg
    >>> tg.zeros(1).type(), tg.zeros(1).type("torch.LongTensor")
    ('torch.FloatTensor', tensor([0]))
    """
    return _NAMES[self.dtype] if dtype is None else _cast(self, _as_dtype("type", dtype))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor converted to the dtype of another one; itself if it has it."""
    return _cast(self, other.dtype)


def _caster(name: str, dtype: Any) -> Any:
    dtype = np.dtype(dtype)

    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return _cast(self, dtype)

    method.__name__ = name
    method.__doc__ = f"Return the tensor converted to {dtype}; itself if it has that dtype."
    return method


def _missing(name: str) -> Any:
    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        raise DTypeError(name, "NumPy has no such dtype", "use .float(), or .half()")

    method.__name__ = name
    method.__doc__ = "Raise DTypeError: NumPy has no such dtype."
    return method


def _here(name: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self

    method.__name__ = name
    method.__doc__ = "Return the tensor itself: all memory is the CPU's."
    return method


def _cuda(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Raise DeviceError: there is no GPU here."""
    raise DeviceError("cuda", "no GPU is available: tensors live on the CPU", "leave .cuda() out, or use .to(device)")


def _is_pinned(self: Tensor, device: Any = None) -> bool:
    """Return whether the tensor lies in pinned memory: False."""
    return False


_METHODS: dict[str, Any] = {
    "to": _to,
    "type": _type,
    "type_as": _type_as,
    "cpu": _here("cpu"),
    "cuda": _cuda,
    "pin_memory": _here("pin_memory"),
    "is_pinned": _is_pinned,
    "float": _caster("float", np.float32),
    "double": _caster("double", np.float64),
    "half": _caster("half", np.float16),
    "bfloat16": _missing("bfloat16"),
    "int": _caster("int", np.int32),
    "long": _caster("long", np.int64),
    "short": _caster("short", np.int16),
    "char": _caster("char", np.int8),
    "byte": _caster("byte", np.uint8),
    "bool": _caster("bool", np.bool_),
    "chalf": _missing("chalf"),
    "cfloat": _caster("cfloat", np.complex64),
    "cdouble": _caster("cdouble", np.complex128),
}
for _name, _method in _METHODS.items():
    setattr(Tensor, _name, _method)


# -- questions ----------------------------------------------------------------------------------------------------------


def is_tensor(obj: Any) -> bool:
    """Return whether an object is a tensor.

    >>> import tapegrad as tg
    >>> tg.is_tensor(tg.ones(2)), tg.is_tensor([1.0, 1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype is a floating-point one.

    >>> import tapegrad as tg
    >>> tg.is_floating_point(tg.ones(2)), tg.is_floating_point(tg.tensor([1]))
    (True, False)
    """
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Return whether the dtype is complex."""
    return input.is_complex()


def numel(input: Tensor) -> int:
    """Return the number of elements.

    >>> import tapegrad as tg
    >>> tg.numel(tg.ones(2, 3))
    6
    """
    return input.numel()


@function(methods="is_nonzero")
def is_nonzero(input: Tensor) -> bool:
    """Return whether the only element is not zero; ShapeError when there are several."""
    return bool(input)


def promote_types(type1: Any, type2: Any) -> np.dtype:
    """Return the smallest dtype that PyTorch computes in for two dtypes.

    >>> import tapegrad as tg
    >>> tg.promote_types(tg.int64, tg.float16)
    dtype('float16')
    """
    return result_type(np.empty(0, np.dtype(type1)), np.empty(0, np.dtype(type2)))


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def can_cast(from_: Any, to: Any) -> bool:
    """Return whether PyTorch writes a result of one dtype into a tensor of another: never down from complex to float to integer to bool.

    >>> import tapegrad as tg
    >>> tg.can_cast(tg.float64, tg.float32), tg.can_cast(tg.float32, tg.int64)
    (True, False)
    """
    return _RANK[np.dtype(from_).kind] <= _RANK[np.dtype(to).kind]


class finfo:  # noqa: N801  (PyTorch's name)
    """The limits of a floating-point dtype, as Python numbers: bits, eps, max, min, tiny, smallest_normal, resolution.

    >>> import tapegrad as tg
    >>> tg.finfo(tg.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: Any = None):
        dtype = get_default_dtype() if type is None else np.dtype(type)
        if dtype.kind not in "fc":
            raise UsageError("finfo", f"{dtype} is not a floating-point dtype", "use iinfo")
        limits = np.finfo(dtype)
        self.dtype = str(limits.dtype)
        self.bits = limits.bits
        self.eps = float(limits.eps)
        self.max = float(limits.max)
        self.min = float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, dtype={self.dtype})"


class iinfo:  # noqa: N801
    """The limits of an integer dtype: bits, min, max.

    >>> import tapegrad as tg
    >>> tg.iinfo(tg.int8).max
    127
    """

    def __init__(self, type: Any):
        dtype = np.dtype(type)
        if dtype.kind not in "iu":
            raise UsageError("iinfo", f"{dtype} is not an integer dtype", "use finfo")
        limits = np.iinfo(dtype)
        self.dtype = str(dtype)
        self.bits = limits.bits
        self.min = int(limits.min)
        self.max = int(limits.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
