"""Parameters and buffers: the tensors that a Module holds."""

from __future__ import annotations

import copy
from typing import Any, NoReturn

import numpy as np

from ..array import available, get_default_dtype
from ..core import Parameter, Size, Tensor, as_array, wrap
from ..core.graph import Storage
from ..errors import ArgumentError, OptionError, StateError

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer when it is assigned to an attribute.

    Only a ``persistent`` one becomes part of the module's ``state_dict()``.
    """

    __slots__ = ()

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        self = wrap(np.zeros(0, get_default_dtype()) if data is None else as_array(data), cls=cls)
        if isinstance(data, Tensor):
            self.storage = data.storage
        self.persistent = persistent
        return self  # type: ignore[return-value]


class UninitializedTensorMixin:
    """A parameter or buffer whose shape is not known yet; :meth:`materialize` makes it an ordinary one.

    Until then it has a dtype, a device and ``requires_grad``, can be cast by the module that holds it, saved and loaded.
    Anything else raises ArgumentError; its shape, OptionError.
    """

    __slots__ = ()

    # What the tensor is once it has a shape.
    cls_to_become: type = Tensor

    @property
    def array(self) -> NoReturn:
        """The elements, of which there are none yet: raises ArgumentError."""
        raise ArgumentError(
            type(self).__name__,
            "an uninitialized parameter or buffer is used",
            "call the module once with an input, which tells its shape, or load a state into it",
        )

    @array.setter
    def array(self, value: np.ndarray) -> None:
        Tensor.array.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def shape(self) -> NoReturn:
        """The size of each dimension, which is not known yet: raises OptionError."""
        raise OptionError(
            type(self).__name__,
            "the shape of an uninitialized parameter or buffer is asked for",
            "call the module once with an input, or materialize(shape)",
        )

    def size(self, dim: int | None = None) -> Any:
        """Return the size that an empty tensor has."""
        return Size((0,)) if dim is None else Size((0,))[dim]

    @property
    def data(self) -> Tensor:
        """An empty tensor of the dtype."""
        return wrap(Tensor.array.__get__(self))  # type: ignore[attr-defined]

    @data.setter
    def data(self, value: Tensor) -> None:
        self.array = as_array(value)
        self.storage = Storage()

    @property
    def dtype(self) -> np.dtype:
        """The type that the elements will have."""
        return self.data.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether the tensor will require a gradient."""
        return self._leaf_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._leaf_grad = bool(value)

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point one."""
        return self.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self.dtype.kind == "c"

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a tensor of this shape, filled with zeros; dtype None keeps the dtype."""
        available(device or "cpu")
        self.data = wrap(np.zeros(tuple(shape), self.dtype if dtype is None else dtype))
        self.__class__ = self.cls_to_become

    def share_memory_(self) -> NoReturn:
        """Raise StateError: there is no memory yet."""
        raise StateError(type(self).__name__, "has no memory to share yet", "call the module once before")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict) -> Any:
        twin = type(self)(self.requires_grad, dtype=self.dtype)  # type: ignore[call-arg]
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def __reduce__(self) -> tuple:
        return type(self), (self.requires_grad, None, self.dtype)


def _begin(cls: type, requires_grad: bool, device: Any, dtype: Any) -> Any:
    available(device or "cpu")
    self = wrap(np.zeros(0, get_default_dtype() if dtype is None else dtype), cls=cls)
    self.requires_grad = requires_grad
    return self


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet: the first input or :meth:`materialize` tells it.

    Using it before raises ArgumentError, asking for its shape OptionError.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedParameter.html

    >>> import tapegrad as tg
    >>> weight = tg.nn.UninitializedParameter()
    >>> weight.materialize((1, 2))
    >>> weight
    Parameter containing:
    tensor([[0., 0.]], requires_grad=True)
    """

    __slots__ = ()

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return _begin(cls, requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):  # type: ignore[misc]
    """A buffer whose shape is not known yet: the first input or :meth:`materialize` tells it.

    Using it before raises ArgumentError, asking for its shape OptionError.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedBuffer.html

    >>> import tapegrad as tg
    >>> mean = tg.nn.UninitializedBuffer()
    >>> mean.materialize((2,))
    >>> mean
    tensor([0., 0.])
    """

    __slots__ = ()

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> UninitializedBuffer:
        self = _begin(cls, requires_grad, device, dtype)
        self.persistent = persistent
        return self


def is_lazy(param: Any) -> bool:
    """Return whether a parameter or buffer has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)


def clear_gradient(tensor: Tensor, set_to_none: bool) -> None:
    """Forget a tensor's gradient, or write zeros into it and cut it off from the graph."""
    if set_to_none:
        tensor.grad = None
        return
    if tensor.grad is not None:
        tensor.grad.detach_().zero_()
