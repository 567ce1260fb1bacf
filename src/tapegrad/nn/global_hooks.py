"""Hooks of all modules at once: torch.nn.modules.module's functions. For looking into a program, not for building one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import RemovableHandle
from ..errors import StateError
from .hooks import GLOBAL_HOOKS, REGISTRATION_HOOKS, add_hook

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward pass of every module, and before its own hooks.

    What it returns replaces the arguments. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.modules.module.register_module_forward_pre_hook.html

    >>> import tapegrad as tg
    >>> seen = []
    >>> with tg.nn.modules.module.register_module_forward_pre_hook(lambda m, args: seen.append(type(m).__name__)):
    ...     _ = tg.nn.Sequential(tg.nn.ReLU())(tg.zeros(1))
    >>> seen
    ['Sequential', 'ReLU']
    """
    return add_hook(GLOBAL_HOOKS, ("forward_pre", (hook, False)))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward pass of every module, and before its own hooks.

    The options are those of :meth:`tapegrad.nn.Module.register_forward_hook`. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.modules.module.register_module_forward_hook.html

    >>> import tapegrad as tg
    >>> with tg.nn.modules.module.register_module_forward_hook(lambda m, args, out: out + 1):
    ...     tg.nn.ReLU()(tg.zeros(1))
    tensor([1.])
    """
    return add_hook(GLOBAL_HOOKS, ("forward", (hook, with_kwargs, always_call)))


# Which of the two names of backward hooks was used last; there may be hooks of one only.
_KINDS: list[bool] = []


def _use(full: bool) -> None:
    if not any(kind == "backward" for kind, _ in GLOBAL_HOOKS.values()):
        _KINDS.clear()
    if _KINDS and _KINDS[0] is not full:
        raise StateError(
            "register_module_backward_hook", "there are hooks of the other kind", "use full backward hooks for all"
        )
    _KINDS[:] = [full]


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` for every module, before its own hooks.

    Raises StateError when there are hooks of :func:`register_module_backward_hook`. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.modules.module.register_module_full_backward_hook.html

    >>> import tapegrad as tg
    >>> seen = []
    >>> with tg.nn.modules.module.register_module_full_backward_hook(lambda m, into, out: seen.append(out)):
    ...     tg.nn.ReLU()(tg.ones(1, requires_grad=True)).sum().backward()
    >>> seen
    [(tensor([1.]),)]
    """
    _use(full=True)
    return add_hook(GLOBAL_HOOKS, ("backward", hook))


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Do as :func:`register_module_full_backward_hook`, under PyTorch's deprecated name.

    >>> import tapegrad as tg
    >>> handle = tg.nn.modules.module.register_module_backward_hook(lambda m, into, out: None)
    >>> handle.remove()
    """
    _use(full=False)
    return add_hook(GLOBAL_HOOKS, ("backward", hook))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward pass of every module, and before its own hooks.

    What it returns replaces grad_output. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.modules.module.register_module_full_backward_pre_hook.html

    >>> import tapegrad as tg
    >>> x = tg.ones(1, requires_grad=True)
    >>> with tg.nn.modules.module.register_module_full_backward_pre_hook(lambda m, out: (2 * out[0],)):
    ...     tg.nn.ReLU()(x).sum().backward()
    >>> x.grad
    tensor([2.])
    """
    return add_hook(GLOBAL_HOOKS, ("backward_pre", hook))


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, param)`` with each parameter that a module registers; what it returns replaces it.

    >>> import tapegrad as tg
    >>> seen = []
    >>> with tg.nn.modules.module.register_module_parameter_registration_hook(lambda m, name, p: seen.append(name)):
    ...     _ = tg.nn.Linear(1, 1)
    >>> seen
    ['weight', 'bias']
    """
    return add_hook(REGISTRATION_HOOKS, ("parameter", hook))


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` with each buffer that a module registers; what it returns replaces it.

    >>> import tapegrad as tg
    >>> seen = []
    >>> with tg.nn.modules.module.register_module_buffer_registration_hook(lambda m, name, b: seen.append(name)):
    ...     _ = tg.nn.BatchNorm1d(1)
    >>> seen
    ['running_mean', 'running_var', 'num_batches_tracked']
    """
    return add_hook(REGISTRATION_HOOKS, ("buffer", hook))


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` with each submodule that a module registers; what it returns replaces it.

    >>> import tapegrad as tg
    >>> seen = []
    >>> with tg.nn.modules.module.register_module_module_registration_hook(lambda m, name, sub: seen.append(name)):
    ...     _ = tg.nn.Sequential(tg.nn.ReLU(), tg.nn.ReLU())
    >>> seen
    ['0', '1']
    """
    return add_hook(REGISTRATION_HOOKS, ("module", hook))
