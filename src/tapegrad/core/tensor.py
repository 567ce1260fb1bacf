"""Tensor: an array with a place on the tape. Its mathematics comes from the registry (see ``methods.py``)."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import Device, get_default_dtype, is_floating
from ..errors import DTypeError, GradError, IndexRangeError, OptionError, ShapeError, TraceError, UsageError
from .graph import STATE, Node, Storage, user_line

__all__ = ["Parameter", "Size", "Tensor", "as_array", "wrap"]

_new = object.__new__


class Size(tuple):
    """The shape of a tensor, printed as PyTorch prints it.

    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements."""
        return int(np.prod(self, dtype=np.int64))

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if isinstance(index, slice) else part

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: tuple) -> Size:
        return Size((*other, *self))

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"tapegrad.Size([{', '.join(map(str, self))}])"


class Tensor:
    """A multi-dimensional array whose operations are recorded for differentiation.

    Make one with :func:`tapegrad.tensor`. ``array`` is the NumPy array inside, ``grad`` the gradient after
    ``backward()``, ``node`` (PyTorch's ``grad_fn``) the operation that made it.

    >>> import tapegrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_grad",
        "_hooks",
        "_leaf_grad",
        "array",
        "base",
        "memory",
        "node",
        "view_version",
    )

    array: np.ndarray
    node: Node | None
    memory: Storage
    _grad: Tensor | None
    # The storage's tracked_writes when this view was taken; None when this tensor is not a view.
    view_version: int | None
    # The tensor that this is a view of; only views have it.
    base: Tensor
    _leaf_grad: bool
    _hooks: list[Callable] | None

    if TYPE_CHECKING:  # operators and methods come from the registry

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...

    def __new__(cls, *size: Any, **kwargs: Any) -> Tensor:
        """Return an uninitialised float tensor of a size, or a float tensor of the given values (PyTorch's legacy form)."""
        if len(size) == 1 and not isinstance(size[0], (int, Size)):
            self = wrap(np.array(as_array(size[0]), dtype=get_default_dtype()))
        else:
            shape = size[0] if size and isinstance(size[0], Size) else size
            self = wrap(np.zeros(shape if size else (0,), dtype=get_default_dtype()))
        return self if cls is Tensor else wrap(self.array, cls=cls)

    # -- the graph ------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        if self.view_version is not None and self.view_version != self.memory.tracked_writes:
            from .views import refresh

            refresh(self)
        return self._leaf_grad or self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.node is not None:
            if not value:
                raise GradError(
                    "requires_grad", "this tensor is the result of an operation", "use detach() for a constant copy"
                )
            return
        if value and not is_floating(self.array.dtype):
            raise DTypeError(
                "requires_grad",
                f"a tensor of dtype {self.array.dtype} has no gradient",
                "make it floating-point first, e.g. with .float()",
            )
        self._leaf_grad = bool(value)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward()`` added up, or None."""
        if STATE.tracer is not None:
            STATE.tracer.looks_at_gradient(self)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            _check_gradient(self, value)
        if STATE.tracer is not None:
            STATE.tracer.replaces_gradient(self)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad`` in place and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The operation that made this tensor; None for a leaf."""
        return self.node if self.requires_grad else None

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this one is a view of, or None."""
        return None if self.view_version is None else self.base

    def _is_view(self) -> bool:
        """Return whether this tensor is a view of another."""
        return self.view_version is not None

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return self.node is None

    @property
    def retains_grad(self) -> bool:
        """Whether ``backward()`` will keep the gradient of this non-leaf."""
        return self.node is not None and self.node.retained is not None

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in ``grad`` when ``backward()`` passes."""
        if self.node is not None:
            self.node.retained = weakref.ref(self)
        elif not self._leaf_grad:
            raise GradError("retain_grad", "this tensor does not require a gradient", "call requires_grad_() first")

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call ``hook(grad)`` when the gradient of this tensor is known; what it returns replaces the gradient."""
        if not self.requires_grad:
            raise GradError("register_hook", "this tensor does not require a gradient", "call requires_grad_() first")
        holder: Any = self.node if self.node is not None else self
        attribute = "hooks" if self.node is not None else "_hooks"
        hooks = getattr(holder, attribute)
        if hooks is None:
            hooks = []
            setattr(holder, attribute, hooks)
        hooks.append(hook)
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call ``hook(tensor)`` each time ``backward()`` has added to the ``grad`` of this leaf."""
        if self.node is not None or not self._leaf_grad:
            raise GradError(
                "register_post_accumulate_grad_hook",
                "this tensor is no leaf that requires a gradient",
                "register it on a parameter, or use register_hook()",
            )
        hooks = self.__dict__.setdefault("post_accumulate_hooks", [])
        hooks.append(hook)
        return RemovableHandle(hooks, hook)

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add d(self)/d(leaf) to ``grad`` of every leaf below. See :func:`tapegrad.autograd.backward`."""
        from .backward import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """Return a tensor with the same memory that is cut off from the graph."""
        return wrap(self.array, storage=self.memory)

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph, in place."""
        self.node = None
        self._leaf_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, seen without the graph: writes through it are not counted and not checked."""
        return wrap(self.array)

    @data.setter
    def data(self, value: Tensor) -> None:
        if STATE.tracer is not None and as_array(value) is not self.array:
            STATE.tracer.refuse(
                "data", "a tensor is given other memory inside the step", "write into it: t.copy_(value)"
            )
        self.array = as_array(value)
        self.memory = Storage()
        self.view_version = None

    # -- what it looks like ---------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        if dim is None:
            return Size(self.array.shape)
        try:
            return self.array.shape[dim]
        except IndexError:
            raise IndexRangeError(
                "size", f"dimension {dim} of a tensor with {self.ndim}", f"use {-self.ndim} to {self.ndim - 1}"
            ) from None

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    nelement = numel

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self.array.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the steps between neighbours along each dimension, in elements."""
        steps = tuple(s // self.array.itemsize for s in self.array.strides)
        return steps if dim is None else steps[dim]

    def storage_offset(self) -> int:
        """Return how many elements into its memory the tensor begins."""
        base = self.array
        while isinstance(base.base, np.ndarray):
            base = base.base
        return (self.array.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // self.array.itemsize

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return self.array.__array_interface__["data"][0]

    def is_contiguous(self) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        return self.array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point one."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self.array.dtype.kind == "c"

    @property
    def _version(self) -> int:
        return self.memory.version

    @property
    def device(self) -> Device:
        """Where the tensor lives."""
        return Device("cpu")

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lives on a GPU: False."""
        return False

    @property
    def is_sparse(self) -> bool:
        """Whether the tensor is sparse: False."""
        return False

    # -- reading values -------------------------------------------------------------------------------------------

    def _read(self, who: str) -> np.ndarray:
        tracer = STATE.tracer
        if tracer is not None and tracer.maps:
            if tracer.holds(self.array):
                raise TraceError(
                    who, f"a value is read into Python at {user_line()} inside vmap", "keep it a tensor, as in where()"
                )
        elif tracer is not None:
            tracer.refuse(
                who,
                f"a value is read into Python at {user_line()} while the step is being traced",
                "keep it a tensor inside the step, and read it from the result",
            )
        return self.array

    def item(self) -> Any:
        """Return the only element as a Python number."""
        array = self._read("item")
        if array.size != 1:
            raise ShapeError(
                "item", f"a tensor of shape {array.shape} has {array.size} elements", "use tolist(), or reduce it"
            )
        return array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._read("tolist").tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Return the NumPy array inside, sharing memory.

        Raises GradError for a tensor that requires a gradient, unless ``force`` is set or recording is off.
        """
        if self.requires_grad and not force and STATE.grad_enabled:
            raise GradError(
                "numpy",
                "this tensor requires a gradient, which the array would lose",
                "use t.detach().numpy(), or np.asarray(t)",
            )
        return self._read("numpy")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._read("np.asarray")
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise GradError(
                "__dlpack__", "this tensor requires a gradient, which DLPack cannot carry", "use t.detach()"
            )
        return self._read("__dlpack__").__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __bool__(self) -> bool:
        array = self._read("bool")
        if array.size != 1:
            raise ShapeError(
                "bool",
                f"the truth of a tensor of shape {array.shape} is ambiguous",
                "use .any() or .all(), or compare one element",
            )
        return bool(array)

    def __int__(self) -> int:
        return int(self._number("int"))

    def __float__(self) -> float:
        return float(self._number("float"))

    def _number(self, who: str) -> Any:
        if self.numel() != 1:
            raise OptionError(
                who, f"a tensor of shape {tuple(self.shape)} has {self.numel()} elements", "use tolist(), or reduce it"
            )
        return self.item()

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise UsageError(
                "index",
                f"a tensor of dtype {self.array.dtype} and shape {self.array.shape} is no index",
                "use one integer",
            )
        return int(self.item())

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise UsageError("len", "a 0-d tensor has no length", "use numel()")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise UsageError("iter", "a 0-d tensor cannot be iterated over", "use item()")
        return iter(self.unbind(0) if self.array.shape[0] else ())

    def __contains__(self, value: Any) -> bool:
        return bool((self._read("in") == as_array(value)).any())

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 else object.__format__(self, spec)

    def __repr__(self) -> str:
        from .printing import format_tensor

        self._read("repr")
        return format_tensor(self)

    # -- copies and pickles ---------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict) -> Tensor:
        if self.node is not None:
            raise GradError(
                "deepcopy",
                "only leaf tensors can be deep-copied: this one is the result of an operation",
                "detach() it first",
            )
        out = wrap(self.array.copy(), cls=type(self))
        memo[id(self)] = out
        out._leaf_grad = self._leaf_grad
        out._grad = copy.deepcopy(self._grad, memo)
        out.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return out

    def __reduce__(self) -> tuple:
        if self.node is not None:
            raise GradError(
                "pickle",
                "only leaf tensors can be pickled: this one is the result of an operation",
                "detach() it first",
            )
        return (_restore, (type(self), self.array, self._leaf_grad, self.__dict__))


class Parameter(Tensor):
    """A tensor that a Module registers as one of its parameters. It requires a gradient unless told otherwise.

    >>> import tapegrad as tg
    >>> tg.nn.Parameter(tg.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        array = np.zeros(0, get_default_dtype()) if data is None else as_array(data)
        self = wrap(array, cls=cls)
        if isinstance(data, Tensor):
            self.memory = data.memory
        self.requires_grad = requires_grad
        return self  # type: ignore[return-value]


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away again."""

    def __init__(self, hooks: Any, key: Any):
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        """Take the hook away. Doing so twice is harmless."""
        if isinstance(self._hooks, dict):
            self._hooks.pop(self._key, None)
        elif self._key in self._hooks:
            self._hooks.remove(self._key)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _check_gradient(tensor: Tensor, gradient: Any) -> None:
    """Raise UsageError, ShapeError or DTypeError for what cannot be the gradient of a tensor."""
    if not isinstance(gradient, Tensor):
        raise UsageError("grad", f"a {type(gradient).__name__} is no gradient", "assign a Tensor, or None")
    if gradient.array.shape != tensor.array.shape:
        raise ShapeError(
            "grad",
            f"a gradient of shape {gradient.array.shape} does not fit a tensor of shape {tensor.array.shape}",
            "assign one of the same shape",
        )
    if gradient.array.dtype != tensor.array.dtype:
        raise DTypeError(
            "grad",
            f"a gradient of dtype {gradient.array.dtype} does not fit a tensor of dtype {tensor.array.dtype}",
            f"assign gradient.to({tensor.array.dtype})",
        )


def wrap(array: np.ndarray, node: Node | None = None, storage: Storage | None = None, cls: type = Tensor) -> Tensor:
    """Return a Tensor around an array, without copying it."""
    out = _new(cls)
    out.array = array
    out.node = node
    out.memory = Storage() if storage is None else storage
    out._grad = None
    out.view_version = None
    out._leaf_grad = False
    out._hooks = None
    return out


def _restore(cls: type, array: np.ndarray, requires_grad: bool, attributes: dict) -> Tensor:
    out = wrap(array, cls=cls)
    out._leaf_grad = requires_grad
    out.__dict__.update(attributes)
    return out


def as_array(value: Any) -> np.ndarray:
    """Return the array of a tensor, or the array that NumPy makes of anything else."""
    return value.array if isinstance(value, Tensor) else np.asarray(value)
