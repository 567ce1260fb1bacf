"""The names that a file of weights may use, and what each makes: all functions are written here and check what they get.

The list is that of ``torch.load(weights_only=True)``, and beside it slices, ranges, frozen sets, default dictionaries
and NumPy's numbers and arrays. Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..array import Device
from ..core import Parameter, Size, Tensor, wrap
from ..errors import TapegradError
from ..missing_dtypes import NAMES, MissingDType
from .allowed_numpy import NUMPY_BUILDERS, NUMPY_UPDATES
from .machine import CheckpointError, Global, Spend, pick, plain, refuse
from .memory import STORAGES, Memory

__all__ = ["SAFE_GLOBALS", "find_allowed"]

# What the user trusts besides: objects by the dotted names that files have for them.
SAFE_GLOBALS: dict[str, Any] = {}

_REMEDY = "restore the file from a copy, or save it again"
_DTYPES = {
    "float64": "float64", "double": "float64", "float32": "float32", "float": "float32", "float16": "float16",
    "half": "float16", "int64": "int64", "long": "int64", "int32": "int32", "int": "int32", "int16": "int16",
    "short": "int16", "int8": "int8", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
    "bool": "bool", "complex64": "complex64", "cfloat": "complex64", "complex128": "complex128",
    "cdouble": "complex128",
    # NumPy has none: float32 holds all its values.
    "bfloat16": "float32",
}  # fmt: skip
_COLLISION_LIMIT = 256


# -- tensors --------------------------------------------------------------------------------------------------------


def _tensor(args: tuple, spend: Spend) -> Tensor:
    """(storage, offset, size, strides, requires_grad, hooks[, metadata])"""
    if len(args) not in (6, 7):
        raise refuse("_rebuild_tensor_v2", args)
    metadata = args[6] if len(args) == 7 and args[6] else {}
    return _see("_rebuild_tensor_v2", args[:4], args[4], metadata, "", spend)


def _untyped_tensor(args: tuple, spend: Spend) -> Tensor:
    """(storage, offset, size, strides, requires_grad, hooks, dtype[, metadata])"""
    if len(args) not in (7, 8):
        raise refuse("_rebuild_tensor_v3", args)
    if isinstance(args[6], MissingDType):
        raise CheckpointError("_rebuild_tensor_v3", f"the tensor is of {args[6].name}", "save it as another dtype")
    if not isinstance(args[6], np.dtype):
        raise refuse("_rebuild_tensor_v3", args)
    metadata = args[7] if len(args) == 8 and args[7] else {}
    return _see("_rebuild_tensor_v3", args[:4], args[4], metadata, args[6].name, spend)


def _old_tensor(args: tuple, spend: Spend) -> Tensor:
    """(storage, offset, size, strides)"""
    if len(args) != 4:
        raise refuse("_rebuild_tensor", args)
    return _see("_rebuild_tensor", args, False, {}, "", spend)


def _see(name: str, place: tuple, requires_grad: Any, metadata: Any, dtype: str, spend: Spend) -> Tensor:
    memory, offset, size, stride = place
    if not isinstance(memory, Memory) or type(metadata) is not dict or not set(metadata) <= {"conj", "neg"}:
        raise refuse(name, place + (metadata,))
    spend(1200)
    flags = (bool(metadata.get("conj")), bool(metadata.get("neg")))
    return _with_gradient(name, memory.tensor(offset, size, stride, *flags, dtype), requires_grad)


def _with_gradient(name: str, tensor: Tensor, requires_grad: Any) -> Tensor:
    if type(requires_grad) is not bool or (requires_grad and tensor.dtype.kind not in "fc"):
        raise CheckpointError(name, f"gives a tensor of {tensor.dtype} requires_grad={plain(requires_grad)}", _REMEDY)
    tensor.requires_grad = requires_grad
    return tensor


def _parameter(args: tuple, spend: Spend) -> Parameter:
    """(data, requires_grad, hooks[, state])"""
    if len(args) not in (3, 4) or not isinstance(args[0], Tensor):
        raise refuse("_rebuild_parameter", args)
    spend(800)
    parameter = wrap(args[0].array, storage=args[0].memory, cls=Parameter)
    _with_gradient("_rebuild_parameter", parameter, args[1])
    if len(args) == 4:
        _attributes(parameter, args[3], spend)
    return parameter  # type: ignore[return-value]


def _new_parameter(args: tuple, spend: Spend) -> Parameter:
    if len(args) not in (1, 2):
        raise refuse("Parameter", args)
    return _parameter((args[0], args[1] if len(args) == 2 else True, None), spend)


def _tensor_with_state(args: tuple, spend: Spend) -> Tensor:
    """(function, type, arguments, state)"""
    pick("_rebuild_from_type_v2", args, Global, Global, tuple, object)
    function, kind, inner, state = args
    if function.label not in _REBUILDERS or kind.label not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        raise CheckpointError("_rebuild_from_type_v2", f"makes a {kind.label} with {function.label}", _REMEDY)
    tensor = function.build(inner, spend)
    if kind.label != "torch.Tensor" and not isinstance(tensor, Parameter):
        tensor = _parameter((tensor, tensor.requires_grad, None), spend)
    _attributes(tensor, state, spend)
    return tensor


def _attributes(target: Any, state: Any, spend: Spend) -> None:
    """Set attributes that an object of this class does not have already: data cannot take a method's place."""
    if type(state) is tuple and len(state) == 2 and state[1] is None:
        state = state[0]
    if state is None:
        return
    if type(state) is not dict:
        raise refuse(type(target).__name__, state)
    spend(100 * len(state) + 100)
    for key, value in state.items():
        if type(key) is not str or key.startswith("__") or hasattr(type(target), key):
            raise CheckpointError(
                type(target).__name__, f"is given the attribute {plain(key)}, which it has already", _REMEDY
            )
        target.__dict__[key] = value


# -- Python's own ---------------------------------------------------------------------------------------------------


def _ordered(args: tuple, spend: Spend) -> OrderedDict:
    """() or, from Python 2, a list of pairs"""
    if not args:
        spend(300)
        return OrderedDict()
    pick("OrderedDict", args, list)
    spend(200 * len(args[0]))
    pairs = [tuple(pair) for pair in args[0] if type(pair) in (list, tuple) and len(pair) == 2 and type(pair[0]) is str]
    if len(pairs) != len(args[0]):
        raise refuse("OrderedDict", args)
    return OrderedDict(pairs)


def _counter(args: tuple, spend: Spend) -> Counter:
    if not args:
        return Counter()
    pick("Counter", args, dict)
    spend(100 * len(args[0]))
    counter: Counter = Counter()
    dict.update(counter, args[0])
    return counter


def _defaultdict(args: tuple, spend: Spend) -> defaultdict:
    spend(300)
    if not args or args[0] is None:
        return defaultdict(None)
    pick("defaultdict", args, Global)
    if not isinstance(args[0].value, type):
        raise refuse("defaultdict", args)
    return defaultdict(args[0].value)


def _set(args: tuple, spend: Spend) -> set:
    """A list of numbers, text or small tuples of them, unless their hashes were made to collide"""
    if not args:
        return set()
    pick("set", args, (list, tuple, set, frozenset))
    spend(200 * len(args[0]))
    if not all(_is_simple(part) for item in args[0] for part in (item if _is_small(item) else (item,))):
        raise refuse("set", args)
    if max(Counter(map(hash, args[0])).values(), default=0) > _COLLISION_LIMIT:
        raise CheckpointError("set", "holds what was chosen to make it slow", "load only files whose origin you know")
    return set(args[0])


def _is_small(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= 8


def _is_simple(value: Any) -> bool:
    return isinstance(
        value, (str, bytes, int, float, complex, type(None), np.number, np.dtype, MissingDType, Device, Tensor)
    )


def _frozenset(args: tuple, spend: Spend) -> frozenset:
    return frozenset(_set(args, spend))


def _encode(args: tuple, spend: Spend) -> bytes:
    """Bytes as protocol 2 writes them: text in Latin-1"""
    if len(args) != 2 or type(args[0]) is not str or args[1] not in ("latin1", "latin-1"):
        raise refuse("_codecs.encode", args)
    spend(len(args[0]))
    try:
        return args[0].encode("latin1")
    except UnicodeEncodeError:
        raise refuse("_codecs.encode", args) from None


def _bytes(args: tuple, spend: Spend) -> bytes:
    if args:
        raise refuse("bytes", args)
    return b""


def _bytearray(args: tuple, spend: Spend) -> bytearray:
    if not args:
        return bytearray()
    if len(args) == 2:
        return bytearray(_encode(args, spend))
    pick("bytearray", args, bytes)
    spend(len(args[0]))
    return bytearray(args[0])


def _complex(args: tuple, spend: Spend) -> complex:
    pick("complex", args, float, float)
    return complex(*args)


def _integers(name: str, kind: type) -> Callable[[tuple, Spend], Any]:
    def build(args: tuple, spend: Spend) -> Any:
        if not 1 <= len(args) <= 3 or not all(a is None or type(a) is int for a in args):
            raise refuse(name, args)
        try:
            return kind(*args)
        except (TypeError, ValueError):
            raise refuse(name, args) from None

    return build


def _size(args: tuple, spend: Spend) -> Size:
    pick("torch.Size", args, (tuple, list))
    spend(8 * len(args[0]))
    if not all(type(n) is int for n in args[0]):
        raise refuse("torch.Size", args)
    return Size(args[0])


def _device(args: tuple, spend: Spend) -> Device:
    """The device; where there is none of its kind, the CPU, which is where the tensors are"""
    if [type(a) for a in args] not in ([str], [str, int]):
        raise refuse("torch.device", args)
    with contextlib.suppress(TapegradError, ValueError):
        return Device(*args)
    return Device("cpu")


# -- the table ------------------------------------------------------------------------------------------------------

_REBUILDERS = {
    "torch._utils._rebuild_tensor": _old_tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _untyped_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
_BUILDERS: dict[str, Callable[[tuple, Spend], Any] | None] = {
    **_REBUILDERS,
    "torch._tensor._rebuild_from_type_v2": _tensor_with_state,
    "torch.nn.parameter.Parameter": _new_parameter,
    "torch.Tensor": None,
    "torch.Size": _size,
    "torch.device": _device,
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "collections.defaultdict": _defaultdict,
    "_codecs.encode": _encode,
    "builtins.set": _set,
    "builtins.frozenset": _frozenset,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _complex,
    "builtins.slice": _integers("slice", slice),
    "builtins.range": _integers("range", range),
    **NUMPY_BUILDERS,
}
_UPDATES = {
    "collections.OrderedDict": _attributes,
    **NUMPY_UPDATES,
}
_FACTORIES = {f"builtins.{kind.__name__}": kind for kind in (list, dict, int, float, bool, str, tuple, set)}
_TABLE: dict[str, Any] = {
    **{name: Global(name, build, _FACTORIES.get(name), _UPDATES.get(name)) for name, build in _BUILDERS.items()},
    **{name: Global(name, None, kind) for name, kind in _FACTORIES.items() if name not in _BUILDERS},
    **{f"torch.{name}": Global(f"torch.{name}", None, kind) for name, kind in STORAGES.items()},
    **{f"torch.{name}": MissingDType(name) for name in NAMES},
    **{f"torch.{name}": np.dtype(kind) for name, kind in _DTYPES.items()},
}


def find_allowed(name: str) -> Any:
    """Return what a file may use under a dotted name: a Global, a dtype, or None for everything else."""
    name = _present_name(name)
    if name in _TABLE:
        return _TABLE[name]
    return _trusted(name, SAFE_GLOBALS[name]) if name in SAFE_GLOBALS else None


def _present_name(name: str) -> str:
    """Return the name that Python 3 and NumPy 2 have for what older ones called otherwise."""
    for old, new in (
        ("__builtin__.", "builtins."), ("numpy.core.", "numpy._core."), ("torch.storage.", "torch."),
        ("torch.cuda.", "torch."),
    ):  # fmt: skip
        if name.startswith(old):
            name = new + name.removeprefix(old)
    return {"builtins.xrange": "builtins.range", "torch._tensor.Tensor": "torch.Tensor"}.get(name, name)


def _trusted(name: str, made: Any) -> Global:
    """Let the user's own class or function be called, on the user's word."""

    def build(args: tuple, spend: Spend) -> Any:
        return made(*args)

    def create(args: tuple, spend: Spend) -> Any:
        return made.__new__(made, *args)

    def update(target: Any, state: Any, spend: Spend) -> None:
        if hasattr(target, "__setstate__"):
            target.__setstate__(state)
            return
        first, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
        target.__dict__.update(first or {})
        for key, value in (slots or {}).items():
            setattr(target, key, value)

    return Global(name, build, update=update, create=create)
