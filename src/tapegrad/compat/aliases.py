"""``import torch`` and ``import torchvision`` in a process that asked for it: the modules of tapegrad under other names.

``torch.nn.functional`` is the module ``tapegrad.nn.functional`` itself, so classes and functions are the same whichever
way they were reached. Only the two packages' own modules are objects of their own, as their version is PyTorch's.
"""

from __future__ import annotations

import dis
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ..core.size import LIBRARY
from ..errors import StateError
from .dtypes import describe_dtypes
from .names import explain
from .version import TORCH_VERSION, TORCHVISION_VERSION

__all__ = ["home", "install", "is_installed"]

# Where PyTorch's packages have their place here, and the versions that scripts are told.
PACKAGES = {"torch": "tapegrad", "torchvision": "tapegrad.vision"}
VERSIONS = {"torch": TORCH_VERSION, "torchvision": TORCHVISION_VERSION}


def home(name: str) -> str | None:
    """Return the name in tapegrad of a module of PyTorch, or None for another package's.

    >>> home("torch.nn.functional"), home("torchvision.transforms"), home("numpy")
    ('tapegrad.nn.functional', 'tapegrad.vision.transforms', None)
    """
    package, dot, rest = name.partition(".")
    return PACKAGES[package] + dot + rest if package in PACKAGES else None


def abroad(name: str) -> str:
    """Return the name in PyTorch of a module of tapegrad."""
    for package, place in sorted(PACKAGES.items(), key=lambda item: -len(item[1])):
        if name == place or name.startswith(f"{place}."):
            return package + name[len(place) :]
    return name


def is_installed() -> bool:
    """Return whether this process takes tapegrad for PyTorch."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def install() -> None:
    """Make ``import torch`` and ``import torchvision`` find tapegrad, in this process and those it starts by
    ``multiprocessing``; an installed PyTorch is not found any more.

    Raises StateError when PyTorch itself was imported before.
    """
    if is_installed():
        return
    for package in PACKAGES:
        if sys.modules.get(package) is not None:
            raise StateError("install", f"'{package}' is already imported", "call install() before everything else")
    sys.meta_path.insert(0, _Finder())
    describe_dtypes()
    LIBRARY[0] = "torch"
    _reach_children()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of PyTorch's packages, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        place = home(fullname)
        if place is None:
            return None
        if fullname not in PACKAGES and not _exists(place):
            raise ModuleNotFoundError(explain(fullname), name=fullname)
        return importlib.machinery.ModuleSpec(fullname, _Loader(place), is_package=fullname in PACKAGES)


def _exists(place: str) -> bool:
    """Return whether a module of tapegrad is there; a package's module that it made itself (``nn.modules.conv``) as well."""
    try:
        found = place in sys.modules or importlib.util.find_spec(place) is not None
    except (ModuleNotFoundError, ValueError):
        found = False
    return found or place in sys.modules


class _Loader(importlib.abc.Loader):
    """Loads a module of tapegrad, which keeps the name and the place that it has there."""

    def __init__(self, place: str):
        self.place = place
        self.spec: Any = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.place)
        if spec.name in PACKAGES:
            return _Package(spec.name, module)
        explained(module)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system wrote its own specification over that of the module.
        if not isinstance(module, _Package):
            module.__spec__ = self.spec


class _Package(ModuleType):
    """``torch`` or ``torchvision``: everything that tapegrad's module has, and PyTorch's version."""

    def __init__(self, name: str, module: ModuleType):
        super().__init__(name, module.__doc__)
        self.__dict__.update(_module=module, __path__=[])
        self.__version__ = VERSIONS[name]

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_module"]
        try:
            value = getattr(module, name)
        except AttributeError:
            raise missing(module, name, sys._getframe(1)) from None
        if isinstance(value, ModuleType) and value.__name__.startswith("tapegrad"):
            explained(value)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._module)})


def missing(module: ModuleType, name: str, frame: Any) -> Exception:
    """Return the error for a name that a module has not: ImportError for ``from module import name``, else AttributeError."""
    message = explain(f"{abroad(module.__name__)}.{name}", [known for known in dir(module) if known[0] != "_"])
    code, at = frame.f_code.co_code, frame.f_lasti
    if code[at] == dis.opmap["IMPORT_FROM"]:
        return ImportError(message, name=module.__name__)
    return AttributeError(message, name=name, obj=module)


def explained(module: ModuleType) -> None:
    """Make a module, and those within it, say of a missing name which one of PyTorch's it is and what there is instead."""
    own = module.__dict__.get("__getattr__")
    if getattr(own, "explains", False):
        return

    def find(name: str) -> Any:
        value = _found(own, name)
        if value is _NOTHING:
            raise missing(module, name, sys._getframe(1))
        if isinstance(value, ModuleType) and value.__name__.startswith("tapegrad."):
            explained(value)
        return value

    find.explains = True  # type: ignore[attr-defined]
    module.__dict__["__getattr__"] = find
    for inner in list(module.__dict__.values()):
        if isinstance(inner, ModuleType) and inner.__name__.startswith(f"{module.__name__}."):
            explained(inner)


_NOTHING = object()


def _found(own: Callable[[str], Any] | None, name: str) -> Any:
    if own is None or (name.startswith("__") and name.endswith("__")):
        return _NOTHING
    try:
        return own(name)
    except AttributeError:
        return _NOTHING


# -- processes that multiprocessing starts ------------------------------------------------------------------------------


class _Installed:
    """Installs the aliases where it is read from a pickle."""

    def __reduce__(self) -> Any:
        return install, ()


def _reach_children() -> None:
    """Let new processes have the aliases before they import the script.

    They read a pickled dict of preparations first, of which they use the keys that they know.
    """
    import multiprocessing
    import multiprocessing.spawn

    prepare = multiprocessing.spawn.get_preparation_data

    def prepared(name: str) -> dict[str, Any]:
        return {"torch": _Installed(), **prepare(name)}

    multiprocessing.spawn.get_preparation_data = prepared
    # A server of forks would import the script itself, before it reads anything.
    multiprocessing.set_forkserver_preload(["tapegrad.compat.aliased"])
