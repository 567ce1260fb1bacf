"""What a Module does to the memory of its parameters and buffers: other dtypes, other devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..array import Device, available
from ..core import Tensor, wrap
from ..errors import UsageError
from .parameter import is_lazy
from .tree import Tree

__all__ = ["Convertible"]

Self = TypeVar("Self", bound="Convertible")


class Convertible(Tree):
    """The part of :class:`tapegrad.nn.Module` that converts its tensors."""

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Put ``fn(tensor)`` in the place of the values of every parameter, gradient and buffer."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                _replace_values(parameter, fn)
                if parameter.grad is not None:
                    _replace_values(parameter.grad, fn)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                if is_lazy(buffer):
                    _replace_values(buffer, fn)
                else:
                    self._buffers[name] = fn(buffer)
        return self

    def type(self: Self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype; return the module."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: Self) -> Self:
        """Convert floating-point parameters and buffers to float32; return the module."""
        return self._apply(_caster(np.float32))

    def double(self: Self) -> Self:
        """Convert floating-point parameters and buffers to float64; return the module."""
        return self._apply(_caster(np.float64))

    def bfloat16(self: Self) -> Self:
        """Raise DTypeError: NumPy has no bfloat16. Use :meth:`half` or :meth:`float`."""
        return self._apply(lambda t: t.bfloat16())

    def half(self: Self) -> Self:
        """Convert floating-point parameters and buffers to float16; return the module."""
        return self._apply(_caster(np.float16))

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating-point parameters and buffers: ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` or ``to(tensor)``.

        Raises DeviceError for a device other than the CPU, UsageError for a dtype that is not floating-point.
        """
        unknown = set(kwargs) - {"device", "dtype", "tensor", "non_blocking", "memory_format"}
        if unknown or len(args) > 3:
            raise UsageError("to", f"unexpected arguments {sorted(unknown) or args}", "use to(device=, dtype=)")
        dtype = kwargs.get("dtype")
        for value in (*args, kwargs.get("device"), kwargs.get("tensor")):
            if isinstance(value, Tensor):
                dtype = value.dtype
            elif isinstance(value, (str, Device)) or type(value) is int:
                available(value)
            elif value is not None and not isinstance(value, bool):
                dtype = value
        return self if dtype is None else self._apply(_caster(dtype))

    def cpu(self: Self) -> Self:
        """Return the module: it is on the CPU already."""
        return self

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Give parameters and buffers new memory on a device, without their values; return the module.

        Raises DeviceError for a device other than the CPU.
        """
        if device is not None:
            available(device)
        return self._apply(lambda t: wrap(np.zeros_like(t.array)), recurse)

    def cuda(self: Self, device: Any = None) -> Self:
        """Move the module to a GPU. Raises DeviceError: there is none."""
        return self._to_kind("cuda", device)

    def xpu(self: Self, device: Any = None) -> Self:
        """Move the module to an XPU. Raises DeviceError: there is none."""
        return self._to_kind("xpu", device)

    def ipu(self: Self, device: Any = None) -> Self:
        """Move the module to an IPU. Raises DeviceError: there is none."""
        return self._to_kind("ipu", device)

    def mtia(self: Self, device: Any = None) -> Self:
        """Move the module to an MTIA device. Raises DeviceError: there is none."""
        return self._to_kind("mtia", device)

    def _to_kind(self: Self, kind: str, device: Any) -> Self:
        return self.to(f"{kind}:{device}" if isinstance(device, int) else device or kind)

    def share_memory(self: Self) -> Self:
        """Return the module unchanged: forked workers see its memory already."""
        return self


def _replace_values(tensor: Tensor, fn: Callable[[Tensor], Tensor]) -> None:
    # What has no shape yet shows, and changes, its dtype only.
    held = tensor.data if is_lazy(tensor) else tensor.detach()
    converted = fn(held)
    if converted.array is not held.array:
        tensor.data = converted


def _caster(dtype: Any) -> Callable[[Tensor], Tensor]:
    """Return a function that converts floating-point tensors and leaves others as they are."""
    wanted = np.dtype(dtype)
    if wanted.kind not in "fc":
        raise UsageError("to", f"a module cannot be converted to {wanted}", "use a floating-point dtype")

    def cast(t: Tensor) -> Tensor:
        if t.dtype.kind not in "fc" or t.dtype == wanted:
            return t
        return t.to(wanted) if t.is_sparse else wrap(t.array.astype(wanted))

    return cast
