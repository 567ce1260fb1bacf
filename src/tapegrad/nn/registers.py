"""What a Module's methods register: functions to call before and after it runs, saves and loads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..core import RemovableHandle
from ..errors import StateError
from .conversions import Convertible
from .hooks import add_hook

__all__ = ["Hooked"]

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


class Hooked(Convertible):
    """The part of :class:`tapegrad.nn.Module` that registers hooks."""

    _forward_pre_hooks: OrderedDict
    _forward_hooks: OrderedDict
    _backward_pre_hooks: OrderedDict
    _backward_hooks: OrderedDict
    _state_dict_pre_hooks: OrderedDict
    _state_dict_hooks: OrderedDict
    _load_state_dict_pre_hooks: OrderedDict
    _load_state_dict_post_hooks: OrderedDict
    # Which of the two names of backward hooks is in use.
    _is_full_backward_hook: bool | None

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["_is_full_backward_hook"] = None
        for kind in _HOOKS:
            self.__dict__[kind] = OrderedDict()

    def __setstate__(self, fields: dict) -> None:
        super().__setstate__(fields)
        # A pickle of PyTorch's, or an older one, may lack some.
        for kind in _HOOKS:
            self.__dict__.setdefault(kind, OrderedDict())
        self.__dict__.setdefault("_is_full_backward_hook", None)

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
        self._use_backward_hooks(full=True)
        return add_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)``: PyTorch's deprecated name of :meth:`register_full_backward_hook`.

        Raises StateError for a module that has hooks of the other name.
        """
        self._use_backward_hooks(full=False)
        return add_hook(self._backward_hooks, hook)

    def _use_backward_hooks(self, full: bool) -> None:
        if self._is_full_backward_hook is (not full):
            raise StateError(
                type(self).__name__, "has backward hooks of the other kind", "use register_full_backward_hook for all"
            )
        self._is_full_backward_hook = full

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward pass; what it returns replaces grad_output."""
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the state is written out."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after the state was written out.

        The hook changes the state in place; saving raises StateError when it returns something.
        """

        def checked(module: Any, *given: Any) -> None:
            if hook(module, *given) is not None:
                raise StateError("state_dict", "a post-hook returned something", "change the state in place instead")

        return add_hook(self._state_dict_hooks, checked)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`` before loading."""
        return add_hook(self._load_state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *rest: hook(*rest))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may change the two lists in place."""
        return add_hook(self._load_state_dict_post_hooks, hook)
