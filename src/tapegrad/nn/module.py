"""Module: the base of every layer and network. It holds parameters, buffers and submodules under their names."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from ..core import STATE
from ..core.notes import note
from ..core.printing import as_html
from ..errors import ArgumentError, DeprecationNotice, MissingMethodError, TapegradError, UsageError, warn
from . import state
from .hooks import GLOBAL_HOOKS, call_with_hooks
from .parameter import clear_gradient
from .registers import Hooked
from .tree import Tree

__all__ = ["Module"]

Self = TypeVar("Self", bound="Module")


class Module(Hooked):
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

    # PyTorch's names: whether __init__ goes on to the classes after Module, an old switch, the type of a state.
    call_super_init = False
    dump_patches = False
    T_destination = TypeVar("T_destination", bound=dict[str, Any])

    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            given = ", ".join([*map(repr, args), *(f"{name}=" for name in kwargs)])
            raise UsageError(type(self).__name__, f"Module.__init__ takes no arguments, got {given}", "leave them out")
        super().__init__()
        self.__dict__["training"] = True
        if self.call_super_init:
            super(Tree, self).__init__(*args, **kwargs)

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
            if (
                self._forward_pre_hooks
                or self._forward_hooks
                or self._backward_hooks
                or self._backward_pre_hooks
                or GLOBAL_HOOKS
            ):
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except TapegradError as error:
            self._add_to_path(error)
            raise
        finally:
            if tracer is not None:
                tracer.leaves(self)

    # PyTorch's own names of the call, which subclasses and wrappers reach for.
    _call_impl = _wrapped_call_impl = __call__

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile this module's forward pass in place; the arguments are those of :func:`tapegrad.compile`.

        >>> import tapegrad as tg
        >>> layer = tg.nn.Linear(2, 1)
        >>> layer.compile()
        >>> with tg.no_grad():
        ...     layer(tg.zeros(3, 2)).shape
        tapegrad.Size([3, 1])
        """
        from ..compiler import compile

        plain = object.__new__(type(self))
        # The program is made of this one, which shares all contents and is not compiled itself.
        object.__setattr__(plain, "__dict__", vars(self))
        self.__class__ = type(compile(plain, *args, **kwargs))

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
        note("zero_grad", weakref.ref(self))
        for parameter in self.parameters():
            clear_gradient(parameter, set_to_none)

    # -- state --------------------------------------------------------------------------------------------------------

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> OrderedDict:
        """Return parameters and persistent buffers by path; they share memory with the module.

        ``destination``: the dict to add them to; ``prefix``: what the paths begin with; ``keep_vars``: the tensors
        themselves, not detached ones. Arguments by position are deprecated.

        >>> import tapegrad as tg
        >>> tg.nn.Linear(2, 1).state_dict().keys()
        odict_keys(['weight', 'bias'])
        """
        if args:
            warn("state_dict", "arguments by position are deprecated", "name them", DeprecationNotice)
            given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
            return self.state_dict(**{"destination": destination, "prefix": prefix, "keep_vars": keep_vars, **given})
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

    # -- printing -----------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what ``print`` shows between the parentheses. Subclasses write their own."""
        return ""

    def _repr_html_(self) -> str | None:
        return as_html(self)

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) < 2 and not self._modules:
            return f"{self._get_name()}({extra})"
        for name, module in self._modules.items():
            lines.append(f"({name}): " + repr(module).replace("\n", "\n  "))
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"
