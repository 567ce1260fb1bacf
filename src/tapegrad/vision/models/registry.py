"""Models by name."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import ArgumentError, did_you_mean
from ...nn import Module
from .weights import BUILDERS, PUBLISHED, WeightsEnum

__all__ = ["get_model", "get_model_builder", "get_model_weights", "get_weight", "list_models"]


def _lookup(who: str, name: str, table: dict[str, Any]) -> Any:
    if name.lower() not in table:
        raise ArgumentError(who, f"there is no model '{name}'", did_you_mean(name, table))
    return table[name.lower()]


def get_model_builder(name: str) -> Callable[..., Module]:
    """Return the function that builds the model of this name. Raises ArgumentError when there is none."""
    return _lookup("get_model_builder", name, BUILDERS)


def get_model(name: str, **config: Any) -> Module:
    """Return the model of this name, built with ``config``. Raises ArgumentError when there is none.

    >>> get_model("squeezenet1_1", num_classes=10).num_classes
    10
    """
    return _lookup("get_model", name, BUILDERS)(**config)


def get_model_weights(name: Callable[..., Module] | str) -> type[WeightsEnum]:
    """Return the enumeration of weights that are published for a model, given by its name or its function."""
    return _lookup("get_model_weights", name if isinstance(name, str) else name.__name__, PUBLISHED)


def get_weight(name: str) -> WeightsEnum:
    """Return weights by a full name such as ``"ResNet50_Weights.IMAGENET1K_V2"``. Raises ArgumentError for other names."""
    kind, _, member = name.partition(".")
    kinds = {k.__name__: k for k in PUBLISHED.values()}
    if kind not in kinds or not member:
        raise ArgumentError("get_weight", f"there are no weights '{name}'", did_you_mean(kind, kinds))
    return kinds[kind].verify(member)


def list_models(
    module: Any = None, include: Iterable[str] | str | None = None, exclude: Iterable[str] | str | None = None
) -> list[str]:
    """Return the sorted names of models: those of a module, matching a pattern of ``include`` and none of ``exclude``.

    >>> list_models(include="resnet1*")
    ['resnet101', 'resnet152', 'resnet18']
    """
    wanted, unwanted = ([p] if isinstance(p, str) else p for p in (include, exclude))
    home = None if module is None else module.__name__
    return sorted(
        name
        for name, build in BUILDERS.items()
        if (home is None or build.__module__ == home or build.__module__.rpartition(".")[0] == home)
        and (not wanted or any(fnmatch.fnmatch(name, p) for p in wanted))
        and not any(fnmatch.fnmatch(name, p) for p in unwanted or ())
    )
