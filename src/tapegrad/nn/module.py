"""Module: the base of every layer and network. It holds parameters, buffers and submodules under their names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..array import Device, available
from ..core import STATE, RemovableHandle, Tensor, wrap
from ..errors import (
    ArgumentError,
    MissingMethodError,
    TapegradError,
    UsageError,
)
from . import state
from .hooks import add_hook, call_with_hooks
from .parameter import clear_gradient, is_lazy
from .tree import Tree

__all__ = ["Module"]

Self = TypeVar("Self", bound="Module")


class Module(Tree):
    """The base class of layers and networks: write ``__init__`` and ``forward``, call the instance.

    A Parameter, a Module or a Buffer that is assigned to an attribute is registered under that name, so that
    ``parameters()``, ``state_dict()``, ``train()``, ``to()`` and the others find it.
    When a call fails, the error names the layer's path in the model.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Module.html

    >>> import tapegrad as tg
    >>> class Net(tg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = tg.nn.Linear(4, 8)
    ...         self.out = tg.nn.Linear(8, 2)
    ...
    ...     def forward(self, x):
    ...         return self.out(tg.relu(self.hidden(x)))
    >>> net = Net()
    >>> net
    Net(
      (hidden): Linear(in_features=4, out_features=8, bias=True)
      (out): Linear(in_features=8, out_features=2, bias=True)
    )
    >>> net(tg.zeros(3, 4)).shape
    tapegrad.Size([3, 2])
    >>> [name for name, _ in net.named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    # Written into state dicts, for layers whose state changes form between versions.
    _version = 1

    training: bool

    def __init__(self) -> None:
        super().__init__()
        fields = self.__dict__
        fields["training"] = True
        for kind in _HOOKS:
            fields[kind] = OrderedDict()

    # -- running ------------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output for the input. Every subclass writes its own."""
        raise MissingMethodError(
            type(self).__name__, "has no forward method", "write `def forward(self, x): ...` in the class"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tracer = STATE.tracer
        if tracer is not None:
            tracer.enters(self)
        try:
            if self._forward_pre_hooks or self._forward_hooks or self._backward_hooks or self._backward_pre_hooks:
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except TapegradError as error:
            self._add_to_path(error)
            raise
        finally:
            if tracer is not None:
                tracer.leaves(self)

    def _add_to_path(self, error: TapegradError) -> None:
        """Put the name under which this module holds the one that failed before the error's path."""
        inner = error.module
        error.module = self
        if inner is not None and inner is not self:
            name = next((name for name, m in self.named_modules() if m is inner), "")
            error.path = ".".join(part for part in (name, error.path) if part)

    # -- modes, dtypes ------------------------------------------------------------------------------------------------

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` on all submodules and then on this one; return the module. The way to initialise."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """Switch to training mode (or out of it), for layers such as Dropout and BatchNorm; return the module."""
        if not isinstance(mode, bool):
            raise ArgumentError("train", f"mode is {mode!r}", "use True or False")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation mode; return the module."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Set whether the parameters require gradients, e.g. False to freeze them; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            clear_gradient(parameter, set_to_none)

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

    def cuda(self: Self, device: Any = None) -> Self:
        """Move the module to a GPU. Raises DeviceError where there is none."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    def share_memory(self: Self) -> Self:
        """Return the module unchanged: forked workers see its memory already."""
        return self

    # -- state --------------------------------------------------------------------------------------------------------

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> OrderedDict:
        """Return parameters and persistent buffers by path; they share memory with the module.

        >>> import tapegrad as tg
        >>> tg.nn.Linear(2, 1).state_dict().keys()
        odict_keys(['weight', 'bias'])
        """
        return state.save(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> state.IncompatibleKeys:
        """Copy a state into parameters and buffers (or put its tensors in their place, with ``assign``).

        Returns the pair (missing_keys, unexpected_keys).
        Raises StateError, with all that does not fit and nothing loaded, for tensors of other shapes and, when
        ``strict``, for keys that only one side has.
        """
        return state.load(self, state_dict, strict, assign)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        state.save_own(self, destination, prefix, keep_vars)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        state.load_own(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def get_extra_state(self) -> Any:
        """Return what else belongs into ``state_dict()``. For subclasses to write, with :meth:`set_extra_state`."""
        raise MissingMethodError(type(self).__name__, "has no get_extra_state method", "write it in the class")

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` gave."""
        raise MissingMethodError(type(self).__name__, "has no set_extra_state method", "write it in the class")

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before the forward pass; what it returns replaces the arguments.

        With ``with_kwargs`` the hook is given the keyword arguments as well, and returns the pair of both.
        """
        return add_hook(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after the forward pass; what it returns replaces the output.

        With ``with_kwargs`` the call is ``hook(module, args, kwargs, output)``; with ``always_call`` it is made, with
        output None, even when the forward pass raises.
        """
        return add_hook(self._forward_hooks, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when both are known; what it returns replaces grad_input.

        The tuples follow the positional arguments and the outputs, None where there is no gradient.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward pass; what it returns replaces grad_output."""
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the state is written out."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after the state was written out."""
        return add_hook(self._state_dict_hooks, hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`` before loading."""
        return add_hook(self._load_state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *rest: hook(*rest))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may change the two lists in place."""
        return add_hook(self._load_state_dict_post_hooks, hook)

    # -- printing -----------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what ``print`` shows between the parentheses. Subclasses write their own."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) < 2 and not self._modules:
            return f"{self._get_name()}({extra})"
        for name, module in self._modules.items():
            lines.append(f"({name}): " + repr(module).replace("\n", "\n  "))
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


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
        if t.array.dtype.kind not in "fc" or t.array.dtype == wanted:
            return t
        return wrap(t.array.astype(wanted))

    return cast
