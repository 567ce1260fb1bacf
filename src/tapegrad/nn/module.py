"""Module: the base of every layer and network. It holds parameters, buffers and submodules under their names."""

from __future__ import annotations

import builtins
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..array import Device
from ..core import Parameter, RemovableHandle, Tensor, wrap
from ..errors import (
    ArgumentError,
    MissingAttributeError,
    MissingMethodError,
    NamingError,
    TapegradError,
    UsageError,
    did_you_mean,
)
from . import state
from .hooks import add_hook, call_with_hooks
from .parameter import Buffer

__all__ = ["Module"]

Self = TypeVar("Self", bound="Module")


class Module:
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
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        fields = self.__dict__
        fields["training"] = True
        fields["_parameters"] = {}
        fields["_buffers"] = {}
        fields["_non_persistent_buffers_set"] = set()
        fields["_modules"] = {}
        for kind in _HOOKS:
            fields[kind] = OrderedDict()

    # -- running ------------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output for the input. Every subclass writes its own."""
        raise MissingMethodError(
            type(self).__name__, "has no forward method", "write `def forward(self, x): ...` in the class"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._forward_pre_hooks or self._forward_hooks or self._backward_hooks or self._backward_pre_hooks:
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except TapegradError as error:
            self._add_to_path(error)
            raise

    def _add_to_path(self, error: TapegradError) -> None:
        """Put the name under which this module holds the one that failed before the error's path."""
        inner = error.module
        error.module = self
        if inner is not None and inner is not self:
            name = next((name for name, m in self.named_modules() if m is inner), "")
            error.path = ".".join(part for part in (name, error.path) if part)

    # -- attributes ---------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__
        try:
            if name in (held := fields["_parameters"]):
                return held[name]
            if name in (held := fields["_modules"]):
                return held[name]
            if name in (held := fields["_buffers"]):
                return held[name]
        except KeyError:
            raise self._not_initialised(f"'{name}' is read") from None
        raise self._no_attribute(name)

    def _no_attribute(self, name: str) -> MissingAttributeError:
        known = [*self.__dict__, *self._parameters, *self._buffers, *self._modules, *vars(type(self)), *vars(Module)]
        # hasattr() comes here too, mostly with names of protocols, for which no advice is worth its time.
        near = "" if name.startswith("_") else did_you_mean(name, known)
        return MissingAttributeError(
            type(self).__name__, f"object has no attribute '{name}'", near if near.startswith("did") else ""
        )

    def _not_initialised(self, event: str) -> MissingAttributeError:
        who = type(self).__name__
        return MissingAttributeError(
            who, f"{event} before Module.__init__() call", f"begin {who}.__init__ with super().__init__()"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if isinstance(value, Parameter):
            self._release_name(name, "_parameters", "parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._release_name(name, "_modules", "module")
            fields["_modules"][name] = value
        elif isinstance(value, Buffer):
            self._release_name(name, "_buffers", "buffers")
            self.register_buffer(name, value, value.persistent)
        elif "_parameters" not in fields:
            object.__setattr__(self, name, value)
        elif name in fields["_parameters"]:
            self._refuse_kind(name, value, "parameter", "nn.Parameter or None")
            fields["_parameters"][name] = None
        elif name in fields["_modules"]:
            self._refuse_kind(name, value, "child module", "nn.Module or None")
            fields["_modules"][name] = None
        elif name in fields["_buffers"]:
            if not isinstance(value, Tensor):
                self._refuse_kind(name, value, "buffer", "Tensor or None")
            fields["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)

    def _release_name(self, name: str, keep: str, what: str) -> None:
        """Forget what the name stood for, unless it is a registered thing of the same kind."""
        fields = self.__dict__
        if keep not in fields:
            raise self._not_initialised(f"cannot assign {what}")
        for kind in ("_parameters", "_modules", "_buffers"):
            if kind != keep:
                fields[kind].pop(name, None)
        fields.pop(name, None)
        if keep != "_buffers":
            fields["_non_persistent_buffers_set"].discard(name)

    def _refuse_kind(self, name: str, value: Any, what: str, wanted: str) -> None:
        if value is not None:
            raise UsageError(
                type(self).__name__,
                f"cannot assign a {type(value).__name__} as {what} '{name}'",
                f"assign {wanted}, or del the name first",
            )

    def __delattr__(self, name: str) -> None:
        for kind in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    def __setstate__(self, fields: dict) -> None:
        self.__dict__.update(fields)

    # -- registering --------------------------------------------------------------------------------------------------

    def _check_name(self, who: str, name: Any, held: str) -> None:
        if held not in self.__dict__:
            raise self._not_initialised(f"{who} is called")
        if not isinstance(name, str):
            raise UsageError(who, f"the name is a {type(name).__name__}", "use a string")
        if "." in name or not name:
            raise NamingError(who, f"the name '{name}' is empty or contains '.'", "use a name without dots")
        if hasattr(self, name) and name not in self.__dict__[held]:
            raise NamingError(who, f"attribute '{name}' already exists", "choose another name")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold a parameter (or None, a place for one) under a name.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no parameter.
        """
        self._check_name("register_parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise UsageError(
                "register_parameter", f"'{name}' is a {type(param).__name__}", "wrap it in nn.Parameter, or pass None"
            )
        if param is not None and param.node is not None:
            raise ArgumentError(
                "register_parameter", f"'{name}' is the result of an operation", "pass a leaf: nn.Parameter(t.detach())"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold a tensor that is no parameter under a name; only a persistent one is part of ``state_dict()``.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no tensor.
        """
        self._check_name("register_buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise UsageError(
                "register_buffer", f"'{name}' is a {type(tensor).__name__}", "wrap it in tapegrad.tensor, or pass None"
            )
        self._buffers[name] = tensor
        mark = self._non_persistent_buffers_set
        (mark.discard if persistent else mark.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Hold a submodule (or None) under a name.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no module.
        """
        self._check_name("add_module", name, "_modules")
        if module is not None and not isinstance(module, Module):
            raise UsageError(
                "add_module", f"'{name}' is a {type(module).__name__}", "pass an instance of nn.Module, or None"
            )
        self._modules[name] = module

    register_module = add_module

    # -- finding ------------------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """Return the submodule at a path such as ``"net.0.conv"``; the module itself for ``""``."""
        module: Module = self
        for name in target.split(".") if target else ():
            found = module._modules.get(name)
            if found is None:
                raise MissingAttributeError(
                    f"get_submodule('{target}')",
                    f"{type(module).__name__} has no submodule '{name}'",
                    did_you_mean(name, module._modules),
                )
            module = found
        return module

    def set_submodule(self, target: str, module: Module) -> None:
        """Put a module at a path in place of the one that is there."""
        path, _, name = target.rpartition(".")
        self.get_submodule(target)
        setattr(self.get_submodule(path), name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as ``"net.0.weight"``."""
        return self._find(target, "get_parameter", "_parameters")

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path such as ``"net.1.running_mean"``."""
        return self._find(target, "get_buffer", "_buffers")

    def _find(self, target: str, who: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        held = module.__dict__[kind]
        if held.get(name) is None:
            raise MissingAttributeError(
                f"{who}('{target}')", f"{type(module).__name__} has none of that name", did_you_mean(name, held)
            )
        return held[name]

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the direct submodules, each module once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the direct submodules."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield (path, module) of this module and of all below it."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it."""
        return (module for _, module in self.named_modules())

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        owners = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        seen = set()
        for path, owner in owners:
            for name, value in owner.__dict__[kind].items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (path, parameter), each parameter once unless told otherwise."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters: what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (path, buffer), each buffer once unless told otherwise."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

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
            zero_grad(parameter, set_to_none)

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

        Raises ArgumentError for a device other than the CPU, UsageError for a dtype that is not floating-point.
        """
        unknown = set(kwargs) - {"device", "dtype", "tensor", "non_blocking", "memory_format"}
        if unknown or len(args) > 3:
            raise UsageError("to", f"unexpected arguments {sorted(unknown) or args}", "use to(device=, dtype=)")
        dtype = kwargs.get("dtype")
        for value in (*args, kwargs.get("device"), kwargs.get("tensor")):
            if isinstance(value, Tensor):
                dtype = value.dtype
            elif isinstance(value, (str, Device)):
                Device(value)
            elif value is not None and not isinstance(value, bool):
                dtype = value
        return self if dtype is None else self._apply(_caster(dtype))

    def cpu(self: Self) -> Self:
        """Return the module: it is on the CPU already."""
        return self

    def cuda(self: Self, device: Any = None) -> Self:
        """Move the module to a GPU. Raises ArgumentError where there is none."""
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
        return builtins.type(self).__name__

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


def zero_grad(tensor: Tensor, set_to_none: bool) -> None:
    """Forget a tensor's gradient, or write zeros into it and cut it off from the graph."""
    if tensor.grad is None:
        return
    if set_to_none:
        tensor.grad = None
        return
    tensor.grad.detach_()
    tensor.grad.array[...] = 0
    tensor.grad.storage.wrote()


def _replace_values(tensor: Tensor, fn: Callable[[Tensor], Tensor]) -> None:
    converted = fn(tensor.detach())
    if converted.array is not tensor.array:
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
