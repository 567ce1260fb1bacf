"""Parametrizations: a parameter that is computed from others by a module each time it is read.

Source: https://pytorch.org/tutorials/intermediate/parametrizations.html
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from ...core import Parameter, Tensor, no_grad
from ...errors import ArgumentError, StateError, did_you_mean
from ..container import ModuleDict, ModuleList
from ..module import Module

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

# How many blocks of cached() are open, and what they computed: by module and name.
_open_caches = 0
_cache: dict[tuple[int, str], Any] = {}


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor only once within the block.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> with tg.nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    global _open_caches
    _open_caches += 1
    try:
        yield
    finally:
        _open_caches -= 1
        if not _open_caches:
            _cache.clear()


def _hold(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _replace(held: Tensor, value: Tensor) -> None:
    """Put a value into a tensor that others hold; equal layouts are asked of nobody, so its memory is exchanged."""
    if held is not value:
        # Memory of its own: the value may be a view of the tensor that is replaced.
        held.data = value.detach().clone()


def _check_dtype(who: str, value: Tensor, wanted: Tensor, fix: str) -> None:
    if value.dtype != wanted.dtype:
        raise ArgumentError(who, f"the dtype {value.dtype} became {wanted.dtype}", fix)


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, and what they compute it from: ``original``, or ``original0`` and so on.

    Calling it returns the tensor. Assigning to the tensor runs the modules' ``right_inverse`` methods, last one first.
    Raises ArgumentError when there are no modules, or when what they give has another shape or dtype (unless ``unsafe``).
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False):
        if len(modules) == 0:
            raise ArgumentError("ParametrizationList", "there are no modules", "pass at least one")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = tuple(original.shape), original.dtype
        value = self._first_inverse(original)
        self.is_tensor = isinstance(value, Tensor)
        self.ntensors = 1 if self.is_tensor else len(value)
        if self.is_tensor:
            _check_dtype("right_inverse", original, value, "keep it")
            with no_grad():
                _replace(original, value)
            _hold(self, "original", original)
        else:
            self._hold_parts(original, value)
        if not unsafe:
            self._check_result(shape, dtype)

    def _first_inverse(self, original: Tensor) -> Any:
        value: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    # A module without a way back begins from the tensor as it is.
                    with contextlib.suppress(NotImplementedError):
                        value = module.right_inverse(value)
        if not isinstance(value, (Tensor, Sequence)):
            raise ArgumentError(
                "right_inverse", f"returned a {type(value).__name__}", "return a tensor or a sequence of tensors"
            )
        return value

    def _hold_parts(self, original: Tensor, parts: Sequence[Any]) -> None:
        for number, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ArgumentError("right_inverse", f"part {number} is a {type(part).__name__}", "return tensors only")
            if isinstance(original, Parameter):
                part = Parameter(part.detach(), original.requires_grad)
            _hold(self, f"original{number}", part)

    def _check_result(self, shape: tuple, dtype: Any) -> None:
        result = self()
        if not isinstance(result, Tensor):
            raise ArgumentError("register_parametrization", f"forward gave a {type(result).__name__}", "give a tensor")
        if result.dtype != dtype or tuple(result.shape) != shape:
            raise ArgumentError(
                "register_parametrization",
                f"a tensor of {dtype} and shape {shape} became {result.dtype} and {tuple(result.shape)}",
                "keep both, or pass unsafe=True",
            )

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Make the parametrized tensor equal to a value, as far as the modules' ``right_inverse`` methods can.

        Raises StateError for a module that has none, ArgumentError for parts that do not fit.
        """
        parts: Any = value
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise StateError(
                    type(module).__name__,
                    "has no right_inverse method",
                    "write it, to assign to the parametrized tensor",
                )
            parts = module.right_inverse(parts)
        held = self._originals()
        if self.is_tensor:
            parts = [parts]
        if not isinstance(parts, Sequence) or len(parts) != len(held) or not all(isinstance(p, Tensor) for p in parts):
            raise ArgumentError("right_inverse", f"returned a {type(parts).__name__}", f"return {len(held)} tensors")
        for own, part in zip(held, parts, strict=True):
            _check_dtype("right_inverse", own, part, "keep it")
            _replace(own, part)

    def forward(self) -> Tensor:
        first, *rest = self
        value = first(*self._originals())
        for module in rest:
            value = module(value)
        return value


# -- a module's class -------------------------------------------------------------------------------------------------


def _deepcopy(self: Module, memo: dict) -> Module:
    # The class is kept: a copy through __reduce__ would be refused as a pickle is.
    twin = self.__new__(type(self))
    memo[id(self)] = twin
    twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return twin


def _refuse_pickle(self: Module) -> Any:
    raise StateError(
        type(self).__name__, "a parametrized module cannot be pickled", "save its state_dict(), see tapegrad.save"
    )


def _give_class(module: Module) -> None:
    """Give the module a class of its own, which is to have the properties."""
    cls = type(module)
    fields: dict[str, Any] = {"__getstate__": _refuse_pickle}
    if not hasattr(cls, "__deepcopy__"):
        fields["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), fields)


def _give_property(module: Module, name: str) -> None:
    def read(self: Module) -> Any:
        if not _open_caches:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def write(self: Module, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(read, write))


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a tensor of the module, or any when no name is given, is parametrized.

    >>> import tapegrad as tg
    >>> tg.nn.utils.parametrize.is_parametrized(tg.nn.Linear(2, 2), "weight")
    False
    """
    lists = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def type_before_parametrizations(module: Module) -> type:
    """Return the class that the module had before its tensors were parametrized.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.orthogonal(tg.nn.Linear(2, 2))
    >>> tg.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Have a parameter or buffer of a module computed as ``parametrization(original)`` when it is read; return the module.

    What it is computed from is ``module.parametrizations.<name>.original``, in the place of which a
    ``right_inverse(value)`` method may put a value to begin from (or a sequence of several: ``original0`` ...).
    Several parametrizations of one tensor are applied one after the other. ``unsafe``: dtype and shape may change.
    Raises ArgumentError for a name that the module does not have, and for another dtype or shape.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html

    >>> import tapegrad as tg
    >>> class Symmetric(tg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = tg.nn.utils.parametrize.register_parametrization(tg.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
        return module
    held = {**module._parameters, **module._buffers}
    if held.get(tensor_name) is None:
        raise ArgumentError(
            "register_parametrization",
            f"{type(module).__name__} has no parameter or buffer '{tensor_name}'",
            did_you_mean(str(tensor_name), held),
        )
    listed = ParametrizationList([parametrization], held[tensor_name], unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _give_class(module)
        module.parametrizations = ModuleDict()
    _give_property(module, tensor_name)
    # Not by ModuleDict's own checks: a tensor may bear the name of a method of dicts.
    module.parametrizations._modules[tensor_name] = listed
    return module


def _append(module: Module, name: str, parametrization: Module, unsafe: bool) -> None:
    listed = module.parametrizations[name]
    if not unsafe:
        before = getattr(module, name)
        _check_same(parametrization(before), before, "forward")
        if hasattr(parametrization, "right_inverse"):
            _check_same(parametrization.right_inverse(before), before, "right_inverse")
    listed.append(parametrization)
    listed.unsafe |= unsafe


def _check_same(value: Any, before: Tensor, who: str) -> None:
    if not isinstance(value, Tensor):
        raise ArgumentError(who, f"returned a {type(value).__name__}", "return one tensor, or pass unsafe=True")
    if value.dtype != before.dtype or value.shape != before.shape:
        raise ArgumentError(
            who,
            f"a tensor of {before.dtype} and shape {tuple(before.shape)} became {value.dtype} and {tuple(value.shape)}",
            "keep both, or pass unsafe=True",
        )


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor an ordinary one again, with its present value, or with the original's; return the module.

    Raises ArgumentError for a tensor that is not parametrized, and when there are several originals to leave.

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> layer = tg.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    who = "remove_parametrizations"
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(who, f"'{tensor_name}' of {type(module).__name__} is not parametrized", "check the name")
    listed = module.parametrizations[tensor_name]
    if not listed.is_tensor and not leave_parametrized:
        raise ArgumentError(
            who, f"'{tensor_name}' is computed from {listed.ntensors} tensors", "use leave_parametrized=True"
        )
    value: Tensor = getattr(module, tensor_name)
    if not listed.is_tensor:
        kept = Parameter(value.detach()) if value.requires_grad else value.detach()
    else:
        kept = listed.original
        if leave_parametrized:
            _replace(kept, value)
    delattr(type(module), tensor_name)
    del module.parametrizations._modules[tensor_name]
    _hold(module, tensor_name, kept)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Parametrize a module as another one is, with copies of its parametrizations and originals; return the module.

    Nothing happens when there are none. Raises NamingError for a ``tensor_name`` that is not parametrized.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in [tensor_name] if tensor_name is not None else list(from_module.parametrizations):
        listed = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for parametrization in listed:
            register_parametrization(to_module, name, copy.deepcopy(parametrization), unsafe=listed.unsafe)
        twins = to_module.parametrizations[name]._originals()
        for own, other in zip(twins, listed._originals(), strict=True):
            _replace(own, other)
    return to_module
