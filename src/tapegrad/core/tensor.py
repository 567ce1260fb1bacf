"""Tensor: an array with a place on the tape. Its mathematics comes from the registry (see ``methods.py``)."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import get_default_dtype, is_floating
from ..errors import DTypeError, GradError, ShapeError, UsageError
from .contents import Contents, as_array, look_at_layout
from .graph import STATE, Node, Storage
from .handle import RemovableHandle
from .notes import Note, note, note_cut, place
from .printing import as_html
from .size import Size

__all__ = ["Parameter", "Tensor", "wrap"]

_new = object.__new__


class Tensor(Contents):
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
        "origin",
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
    # A note of how it came off the tape, or was frozen; only tensors have it that did.
    origin: Any
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
        if self._leaf_grad and not value:
            self.origin = Note("frozen", *place(), 0)
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
        if value is None and self._grad is not None:
            note("zeroed", id(self))
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
        look_at_layout("_is_view")
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
        from .backward import send_back

        note("backward", weakref.ref(self))
        send_back(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """Return a tensor with the same memory that is cut off from the graph."""
        out = wrap(self.array, storage=self.memory)
        if self.node is not None or self._leaf_grad:
            note_cut("detach", self, out)
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph, in place."""
        if self.node is not None or self._leaf_grad:
            note_cut("detach_", self, self)
        self.node = None
        self._leaf_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, seen without the graph: writes through it are not counted and not checked."""
        out = wrap(self.array)
        if self.node is not None or self._leaf_grad:
            note_cut("data", self, out)
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        if STATE.tracer is not None and as_array(value) is not self.array:
            STATE.tracer.refuse(
                "data", "a tensor is given other memory inside the step", "write into it: t.copy_(value)"
            )
        self.array = as_array(value)
        self.memory = Storage()
        self.view_version = None

    __hash__ = object.__hash__

    def _repr_html_(self) -> str | None:
        return as_html(self)

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


def _check_gradient(tensor: Tensor, gradient: Any) -> None:
    """Raise UsageError, ShapeError or DTypeError for what cannot be the gradient of a tensor."""
    if not isinstance(gradient, Tensor):
        raise UsageError("grad", f"a {type(gradient).__name__} is no gradient", "assign a Tensor, or None")
    if gradient.shape != tensor.shape:
        raise ShapeError(
            "grad",
            f"a gradient of shape {tuple(gradient.shape)} does not fit a tensor of shape {tuple(tensor.shape)}",
            "assign one of the same shape",
        )
    if gradient.dtype != tensor.dtype:
        raise DTypeError(
            "grad",
            f"a gradient of dtype {gradient.dtype} does not fit a tensor of dtype {tensor.dtype}",
            f"assign gradient.to({tensor.dtype})",
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
