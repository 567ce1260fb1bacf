"""New tensors: of one value, a range, an identity, or like another tensor. The primitives are in ``fill``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import available, get_default_dtype
from ..core import Tensor, as_tensor, function, ops, tensor, wrap
from ..errors import UsageError
from . import fill  # noqa: F401  (registers the primitives)
from .creators import creator

__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "scalar_tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def _size(who: str, sizes: tuple, size: Any) -> tuple[int, ...]:
    """Return a size that was given as numbers, as one tuple, or by name."""
    if size is not None:
        sizes = (size,)
    if not sizes:
        raise UsageError(who, "the size is missing", "give numbers, or one tuple of them")
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        return tuple(n.__index__() for n in sizes)
    except AttributeError:
        raise UsageError(
            who, f"the size {sizes} is not made of integers", "give numbers, or one tuple of them"
        ) from None


def _ready(out: Tensor, device: Any, requires_grad: bool) -> Tensor:
    if device is not None:
        available(device)
    if requires_grad:
        out.requires_grad = True
    return out


def _number(value: Any) -> Any:
    """Return a number or a one-element tensor or array as a Python number."""
    return value.item() if hasattr(value, "item") else value


def _dtype_of(*numbers: Any) -> np.dtype:
    """Return the dtype that PyTorch gives to Python numbers: the default one if any is a float."""
    kind = np.result_type(*map(type, numbers)).kind
    if kind == "c":
        return np.dtype(np.complex128 if get_default_dtype() == np.float64 else np.complex64)
    return get_default_dtype() if kind == "f" else np.dtype(bool if kind == "b" else np.int64)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of the data: sharing memory where that is possible, unless ``copy`` is set.

    >>> import tapegrad as tg
    >>> tg.asarray([1, 2])
    tensor([1, 2])
    """
    out = as_tensor(obj, dtype=dtype)
    if copy:
        out = ops.clone(out)
    elif out is obj and requires_grad:
        out = out.detach()
    return _ready(out, device, requires_grad)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor that shares memory with an array of another library, over the DLPack protocol.

    Source: https://dmlc.github.io/dlpack/latest/

    >>> import numpy as np, tapegrad as tg
    >>> tg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    array = np.from_dlpack(ext_tensor)
    return _ready(wrap(array.copy() if copy else array), device, False)


# -- of one value -------------------------------------------------------------------------------------------------------


def _filled(size: tuple, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    return _ready(ops.full(size=size, fill_value=value, dtype=dtype), device, requires_grad)


@creator("out", "layout", "pin_memory")
def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros; the size is given as numbers or as one tuple.

    Source: https://pytorch.org/docs/stable/generated/torch.zeros.html

    >>> import tapegrad as tg
    >>> tg.zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _filled(_size("zeros", sizes, size), 0, dtype, device, requires_grad)


@creator("out", "layout", "pin_memory")
def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones; the size is given as numbers or as one tuple.

    >>> import tapegrad as tg
    >>> tg.ones(3, dtype=tg.int64)
    tensor([1, 1, 1])
    """
    return _filled(_size("ones", sizes, size), 1, dtype, device, requires_grad)


@creator("out", "layout", "pin_memory")
def empty(
    *sizes: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return a tensor whose values nobody should rely on; the size is given as numbers or as one tuple.

    >>> import tapegrad as tg
    >>> tg.empty(2, 3).shape
    tapegrad.Size([2, 3])
    """
    return _filled(_size("empty", sizes, size), 0, dtype, device, requires_grad)


@creator("out", "layout", "pin_memory")
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of one value, whose kind decides the dtype when none is named.

    Source: https://pytorch.org/docs/stable/generated/torch.full.html

    >>> import tapegrad as tg
    >>> tg.full((2,), 7), tg.full((2,), 0.5)
    (tensor([7, 7]), tensor([0.5000, 0.5000]))
    """
    value = _number(fill_value)
    dtype = _dtype_of(value) if dtype is None else dtype
    return _filled(_size("full", (size,), None), value, dtype, device, requires_grad)


@creator("layout", "pin_memory")
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a 0-d tensor, of the default dtype unless another is named."""
    return _filled((), _number(s), dtype, device, requires_grad)


# -- like another tensor ------------------------------------------------------------------------------------------------


@function()
@creator("layout", "pin_memory")
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Return zeros of the input's shape, and of its dtype unless another is named.

    >>> import tapegrad as tg
    >>> tg.zeros_like(tg.tensor([1, 2]))
    tensor([0, 0])
    """
    return _filled(tuple(input.shape), 0, input.dtype if dtype is None else dtype, device, requires_grad)


@function()
@creator("layout", "pin_memory")
def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Return ones of the input's shape, and of its dtype unless another is named.

    >>> import tapegrad as tg
    >>> tg.ones_like(tg.tensor([1.5, 2.0]))
    tensor([1., 1.])
    """
    return _filled(tuple(input.shape), 1, input.dtype if dtype is None else dtype, device, requires_grad)


@function()
@creator("layout", "pin_memory")
def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Return a tensor of the input's shape and dtype whose values nobody should rely on."""
    return _filled(tuple(input.shape), 0, input.dtype if dtype is None else dtype, device, requires_grad)


@function()
@creator("layout", "pin_memory")
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return a tensor of one value, of the input's shape, and of its dtype unless another is named.

    >>> import tapegrad as tg
    >>> tg.full_like(tg.tensor([1, 2]), 2.5)
    tensor([2, 2])
    """
    dtype = input.dtype if dtype is None else dtype
    return _filled(tuple(input.shape), _number(fill_value), dtype, device, requires_grad)


def _new(value: int, name: str) -> Any:
    @creator("layout", "pin_memory")
    def method(
        self: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        dtype = self.dtype if dtype is None else dtype
        return _filled(_size(name, sizes, size), value, dtype, device, requires_grad)

    method.__name__ = name
    method.__doc__ = f"Return :func:`tapegrad.{name.removeprefix('new_')}` of this tensor's dtype."
    return method


@creator("layout", "pin_memory")
def _new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return :func:`tapegrad.full` of this tensor's dtype."""
    dtype = self.dtype if dtype is None else dtype
    return _filled(_size("new_full", (size,), None), _number(fill_value), dtype, device, requires_grad)


@creator("layout", "pin_memory")
def _new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return :func:`tapegrad.tensor` of this tensor's dtype."""
    dtype = self.dtype if dtype is None else dtype
    return tensor(data, dtype=np.dtype(dtype), device=device, requires_grad=requires_grad)


def _new_legacy(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """Return a tensor of this dtype: of the size given as numbers, or of the values given as a list."""
    if len(args) == 1 and not isinstance(args[0], int):
        return _new_tensor(self, args[0])
    return _filled(args or (0,), 0, self.dtype, None, False)


for _name, _value in {"new_zeros": 0, "new_ones": 1, "new_empty": 0}.items():
    setattr(Tensor, _name, _new(_value, _name))
for _name, _method in {"new_full": _new_full, "new_tensor": _new_tensor, "new": _new_legacy}.items():
    setattr(Tensor, _name, _method)


# -- ranges and matrices ------------------------------------------------------------------------------------------------


@creator("out", "layout", "pin_memory")
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the numbers from ``start`` (0 unless given) on, ``step`` apart, that come before ``end``.

    The count is ceil((end - start) / step). Integers give int64, floats the default dtype.
    Raises ArgumentError for a step of 0 or of the wrong sign.
    Source: https://pytorch.org/docs/stable/generated/torch.arange.html

    >>> import tapegrad as tg
    >>> tg.arange(3), tg.arange(1, 2, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    start, end, step = _number(start), _number(end), _number(step)
    if end is None:
        start, end = None, start
    if end is None:
        raise UsageError("arange", "the end is missing", "give end, or start and end")
    start = 0 if start is None else start
    if dtype is None:
        dtype = get_default_dtype() if _dtype_of(start, end, step).kind == "f" else np.int64
    return _ready(ops.arange(start=start, end=end, step=step, dtype=np.dtype(dtype)), device, requires_grad)


def _steps(who: str, steps: Any) -> int:
    """Return how many numbers are wanted. Raises UsageError for what is no integer."""
    if isinstance(steps, float):
        raise UsageError(who, f"steps is {steps}", "give an integer")
    return int(steps)


@creator("out", "layout", "pin_memory")
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ``steps`` numbers at equal distances from ``start`` to ``end``, both included.

    Source: https://pytorch.org/docs/stable/generated/torch.linspace.html

    >>> import tapegrad as tg
    >>> tg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    out = ops.linspace(start=_number(start), end=_number(end), steps=_steps("linspace", steps), dtype=dtype)
    return _ready(out, device, requires_grad)


@creator("out", "layout", "pin_memory")
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the powers of ``base`` whose exponents go from ``start`` to ``end`` at equal distances.

    Source: https://pytorch.org/docs/stable/generated/torch.logspace.html

    >>> import tapegrad as tg
    >>> tg.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    count = _steps("logspace", steps)
    out = ops.linspace(start=_number(start), end=_number(end), steps=count, dtype=dtype, base=float(base))
    return _ready(out, device, requires_grad)


@creator("out", "layout", "pin_memory")
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return an n by m (n by n) matrix with ones on the diagonal, zeros elsewhere.

    >>> import tapegrad as tg
    >>> tg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    return _ready(ops.eye(n=n, m=n if m is None else m, dtype=dtype), device, requires_grad)


@creator("layout", "pin_memory")
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the rows and columns of the elements on and below a diagonal, as a matrix of two rows.

    >>> import tapegrad as tg
    >>> tg.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle(row, col, offset, True, dtype, device, requires_grad)


@creator("layout", "pin_memory")
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the rows and columns of the elements on and above a diagonal, as a matrix of two rows.

    >>> import tapegrad as tg
    >>> tg.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _triangle(row, col, offset, False, dtype, device, requires_grad)


def _triangle(row: int, col: int, offset: int, lower: bool, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    dtype = np.int64 if dtype is None else dtype
    out = ops.triangle_indices(row=row, col=col, offset=offset, lower=lower)
    return _ready(out if out.dtype == np.dtype(dtype) else ops.cast(out, dtype=np.dtype(dtype)), device, requires_grad)
