"""Containers of modules: one after the other, by number, by name."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any, TypeVar

from ..errors import ArgumentError, ContractError, IndexRangeError, NamingError, UsageError, did_you_mean, warn
from .module import Module
from .parameters import ParameterDict, ParameterList, pairs
from .tree import Held

__all__ = ["Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

Self = TypeVar("Self", bound="_Numbered")


class _Numbered(Module):
    """Modules in an order, reached by number or by slice."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def __contains__(self, module: object) -> bool:
        return any(held is module for held in self._modules.values())

    def _key(self, index: Any) -> str:
        """Return the name under which a number's module is held."""
        try:
            place = operator.index(index)
            return list(self._modules)[place]
        except TypeError:
            raise UsageError(
                type(self).__name__, f"the index is a {type(index).__name__}", "use an integer or a slice"
            ) from None
        except IndexError:
            size = len(self)
            raise IndexRangeError(
                type(self).__name__, f"index {place} of {size} modules", f"use {-size} to {size - 1}"
            ) from None

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self._modules[self._key(index)]
        return type(self)(dict(list(self._modules.items())[index]))  # type: ignore[call-arg]

    def __setitem__(self, index: Any, module: Module) -> None:
        key = self._key(index)
        self._modules[key] = self._as_module(module)

    def __delitem__(self, index: Any) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._key(index)
        del modules[index]
        self._renumber(modules)

    def _renumber(self, modules: Iterable[Any]) -> None:
        self._modules = Held({str(i): module for i, module in enumerate(modules)})

    def _as_module(self, module: Any) -> Any:
        if module is not None and not isinstance(module, Module):
            what = "class" if isinstance(module, type) else f"{type(module).__name__}"
            raise UsageError(
                type(self).__name__, f"{module!r} is a {what}, not a module", "pass instances such as nn.ReLU()"
            )
        return module

    def append(self: Self, module: Module) -> Self:
        """Put a module at the end; return the container."""
        self.add_module(str(len(self)), self._as_module(module))
        return self

    def insert(self: Self, index: int, module: Module) -> Self:
        """Put a module before the one at a number; return the container."""
        size = len(self)
        if not -size <= index <= size:
            raise IndexRangeError(
                type(self).__name__, f"cannot insert at {index} of {size} modules", f"use {-size} to {size}"
            )
        modules = list(self)
        modules.insert(index, self._as_module(module))
        self._renumber(modules)
        return self

    def extend(self: Self, modules: Iterable[Module]) -> Self:
        """Put several modules at the end; return the container."""
        if not isinstance(modules, Iterable):
            raise UsageError(
                f"{type(self).__name__}.extend", f"got a {type(modules).__name__}", "pass a list of modules"
            )
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: Any) -> Any:
        """Take a module (or a slice of them) out and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Calls its modules one after the other: ``y = f_n(... f_1(x))``.

    Takes modules, or one dict of names to modules. Source:
    https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html

    >>> import tapegrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Identity())
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Identity()
    )
    >>> net(tg.zeros(5, 2)).shape
    tapegrad.Size([5, 3])
    """

    def __init__(self, *args: Any):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            for name, module in args[0].items():
                self.add_module(name, self._as_module(module))
        else:
            self.extend(args)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def insert(self, index: int, module: Module) -> Sequential:
        """Put a module before the one at a number; return the container."""
        if not isinstance(module, Module):
            raise ContractError("Sequential", f"{module!r} is not a module", "pass instances such as nn.ReLU()")
        return super().insert(index, module)

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Put several modules at the end; return the container."""
        return super().extend(sequential)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_as_sequential("+", other))

    def __iadd__(self, other: Sequential) -> Sequential:
        return self.extend(_as_sequential("+=", other))

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*list(self) * _as_factor(times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        self._renumber(list(self) * _as_factor(times))
        return self


def _as_sequential(sign: str, other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ArgumentError(
            f"Sequential {sign}", f"the other operand is a {type(other).__name__}", "wrap it in nn.Sequential(...)"
        )
    return other


def _as_factor(times: Any) -> int:
    if not isinstance(times, int):
        raise UsageError("Sequential *", f"the factor is a {type(times).__name__}", "use an integer")
    if times < 1:
        raise ArgumentError("Sequential *", f"the factor is {times}", "use 1 or more")
    return times


class ModuleList(_Numbered):
    """A list of modules whose parameters are found. It has no forward pass: index it, or loop over it.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html

    >>> import tapegrad as tg
    >>> tg.nn.ModuleList([tg.nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        return type(self)(list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, other: Iterable[Module]) -> ModuleList:
        return self.extend(other)

    def __repr__(self) -> str:
        """Equal neighbours share a line, as in PyTorch."""
        lines = []
        start = 0
        for text, run in groupby(repr(module) for module in self):
            count = len(list(run))
            name = f"({start}-{start + count - 1}): {count} x " if count > 1 else f"({start}): "
            lines.append(name + text.replace("\n", "\n  "))
            start += count
        body = "\n  " + "\n  ".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({body})"


class ModuleDict(Module):
    """A dict of modules whose parameters are found. Keys are strings without dots.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html

    >>> import tapegrad as tg
    >>> heads = tg.nn.ModuleDict({"digit": tg.nn.Linear(8, 10), "parity": tg.nn.Linear(8, 2)})
    >>> list(heads)
    ['digit', 'parity']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        if key not in self._modules:
            raise NamingError("ModuleDict", f"there is no module '{key}'", did_you_mean(str(key), self._modules))
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        _ = self[key]
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return (name, module) pairs."""
        return self._modules.items()

    def values(self) -> Iterable[Any]:
        """Return the modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of a dict or of (name, module) pairs, replacing those of equal names."""
        for key, module in pairs("ModuleDict.update", modules):
            self[key] = module


class Container(Module):
    """A module that holds the modules given by name: a deprecated name for a subclass of Module, with a warning."""

    def __init__(self, **kwargs: Module):
        super().__init__()
        warn("Container", "the name is deprecated", "subclass nn.Module")
        for name, module in kwargs.items():
            self.add_module(name, module)
