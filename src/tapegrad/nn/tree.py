"""A tree of modules: parameters, buffers and submodules under their names, and the paths to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core import Parameter, Tensor
from ..core.graph import ALTERATIONS
from ..core.notes import note
from ..errors import ArgumentError, MissingAttributeError, NamingError, UsageError, did_you_mean
from .hooks import REGISTRATION_HOOKS, announce
from .parameter import Buffer

__all__ = ["Held", "Tree"]


class Held(dict):
    """Names and what is held under them; compiled programs hear of each change, whoever makes it."""

    def __reduce__(self) -> Any:
        # As one call with a plain dictionary: strict readers of pickles fill no others.
        return Held, (dict(self),)

    def __setitem__(self, name: Any, value: Any) -> None:
        ALTERATIONS[0] += 1
        super().__setitem__(name, value)

    def __delitem__(self, name: Any) -> None:
        ALTERATIONS[0] += 1
        super().__delitem__(name)

    def pop(self, *args: Any) -> Any:
        """Take a name out."""
        ALTERATIONS[0] += 1
        return super().pop(*args)

    def clear(self) -> None:
        """Take all names out."""
        ALTERATIONS[0] += 1
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over other names."""
        ALTERATIONS[0] += 1
        super().update(*args, **kwargs)


class Tree:
    """What a Module is as a holder of names; :class:`tapegrad.nn.Module` adds what it does.

    ``_parameters``, ``_buffers`` and ``_modules`` map a name to what is held under it, or to None for a kept place.
    """

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:
        fields = self.__dict__
        fields["_parameters"] = Held()
        fields["_buffers"] = Held()
        fields["_non_persistent_buffers_set"] = set()
        fields["_modules"] = Held()

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
        found = getattr(type(self), name, None)
        if isinstance(found, property) and found.fget is not None:
            # A property that failed for want of some other attribute: let that be the one to be named.
            return found.fget(self)
        raise self._no_attribute(name)

    def _no_attribute(self, name: str) -> MissingAttributeError:
        known = [*self.__dict__, *self._parameters, *self._buffers, *self._modules, *dir(type(self))]
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
        ALTERATIONS[0] += 1
        fields = self.__dict__
        if isinstance(value, Parameter):
            self._release_name(name, "_parameters", "parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Tree):
            self._release_name(name, "_modules", "module")
            held = fields["_modules"].get(name)
            if held is not None and held is not value:
                note("replaced", (tuple(map(id, held.parameters())), tuple(map(id, value.parameters()))))
            fields["_modules"][name] = announce("module", self, name, value) if REGISTRATION_HOOKS else value
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
            fields["_buffers"][name] = announce("buffer", self, name, value) if REGISTRATION_HOOKS else value
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
        ALTERATIONS[0] += 1
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
        if self._is_taken(name) and name not in self.__dict__[held]:
            raise NamingError(who, f"attribute '{name}' already exists", "choose another name")

    def _is_taken(self, name: str) -> bool:
        fields = self.__dict__
        places = (fields, fields["_parameters"], fields["_modules"], fields["_buffers"])
        return any(name in place for place in places) or hasattr(type(self), name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold a parameter (or None, a place for one) under a name.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no parameter.
        """
        ALTERATIONS[0] += 1
        self._check_name("register_parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise UsageError(
                "register_parameter", f"'{name}' is a {type(param).__name__}", "wrap it in nn.Parameter, or pass None"
            )
        if param is not None and param.node is not None:
            raise ArgumentError(
                "register_parameter", f"'{name}' is the result of an operation", "pass a leaf: nn.Parameter(t.detach())"
            )
        held = self._parameters.get(name)
        if held is not None and held is not param:
            note("replaced", ((id(held),), (id(param),)))
        self._parameters[name] = announce("parameter", self, name, param) if REGISTRATION_HOOKS else param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold a tensor that is no parameter under a name; only a persistent one is part of ``state_dict()``.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no tensor.
        """
        ALTERATIONS[0] += 1
        self._check_name("register_buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise UsageError(
                "register_buffer", f"'{name}' is a {type(tensor).__name__}", "wrap it in tapegrad.tensor, or pass None"
            )
        self._buffers[name] = announce("buffer", self, name, tensor) if REGISTRATION_HOOKS else tensor
        mark = self._non_persistent_buffers_set
        (mark.discard if persistent else mark.add)(name)

    def add_module(self, name: str, module: Any) -> None:
        """Hold a submodule (or None) under a name.

        Raises NamingError for a name that is in use or has a dot, UsageError for what is no module.
        """
        ALTERATIONS[0] += 1
        self._check_name("add_module", name, "_modules")
        if module is not None and not isinstance(module, Tree):
            raise UsageError(
                "add_module", f"'{name}' is a {type(module).__name__}", "pass an instance of nn.Module, or None"
            )
        self._modules[name] = announce("module", self, name, module) if REGISTRATION_HOOKS else module

    register_module = add_module

    # -- finding ------------------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Any:
        """Return the submodule at a path such as ``"net.0.conv"``; the module itself for ``""``."""
        module: Tree = self
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

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put a module at a path; with ``strict`` only in place of one that is there.

        Raises ArgumentError for an empty path and for what is no module, MissingAttributeError for a path that leads
        nowhere, or to something that is no module.
        """
        if not target:
            raise ArgumentError("set_submodule", "the path is empty", "name the module to put there")
        if not isinstance(module, Tree):
            raise ArgumentError("set_submodule", f"got a {type(module).__name__}", "pass an instance of nn.Module")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

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

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, module) of the direct submodules, each module once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """Yield the direct submodules."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
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

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """Yield this module and all below it, each once unless told otherwise."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

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
