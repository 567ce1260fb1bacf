"""The names that a configuration may use, each with its class or function. Nothing else is ever imported for a file."""

from __future__ import annotations

import enum
import functools
import inspect
import pathlib
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import nn, optim
from ..core import tensor
from ..errors import ArgumentError, DataError
from ..optim import lr_scheduler
from ..vision import transforms
from .nearest import nearest
from .schema import Component, Config

__all__ = ["NESTED", "canonical", "create", "function", "known", "load_module", "parameters"]

# What takes other components, by the argument that holds them, and their kind.
NESTED = {"transforms": "transform", "schedulers": "schedule"}

# Classes that are no layers by themselves, or that need a Python function.
_NO_LAYERS = {"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Container", "DataParallel"}
# Recurrent layers return their last state as well; a Python file says what becomes of it. Others wrap a layer.
_NO_LAYERS |= {"RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell", "TransformerEncoder"}
# Losses with parameters of their own, or of what is no output and target.
_NO_LOSSES = {"NLLLoss2d", "TripletMarginWithDistanceLoss", "AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"}
_NO_LOSSES |= {"NTXentLoss", "CircleLoss"}
# Steps by a closure; for matrices alone.
_NO_OPTIMIZERS = {"LBFGS", "Muon"}
_NO_SCHEDULES = {"LambdaLR", "MultiplicativeLR", "ChainedScheduler"}
_NO_TRANSFORMS = {"Lambda", "FiveCrop", "TenCrop", "ToTensor", "PILToTensor", "ToPILImage", "ConvertImageDtype"}

# Parameters that a file has no say in: what is handed over in Python, and switches without effect here.
_NOT_WRITTEN = {
    "params", "optimizer", "tensor", "place", "generator", "device", "dtype", "foreach", "fused", "capturable",
    "differentiable", "size_average", "reduce", "last_epoch", "scale_fn",
}  # fmt: skip


def _classes(room: Any, base: type, without: Iterable[str] = ()) -> dict[str, Callable]:
    found = {name: getattr(room, name) for name in dir(room) if not name.startswith("_") and name not in without}
    return {name: v for name, v in found.items() if inspect.isclass(v) and issubclass(v, base) and v is not base}


def _inputs(module: Any) -> int:
    """How many inputs ``forward`` needs."""
    taken = list(inspect.signature(module.forward).parameters.values())[1:]
    return sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in taken)


@functools.cache
def known(kind: str) -> Mapping[str, Callable]:
    """Return the names of a kind with what they stand for.

    The kinds: layer, activation, loss, optimizer, schedule, transform, metric, initialisation, data set.
    """
    if kind == "layer":
        modules = _classes(nn, nn.Module, _NO_LAYERS)
        return {name: v for name, v in modules.items() if not name.endswith("Loss") and _inputs(v) == 1}
    if kind == "activation":
        rooms = {nn.ReLU.__module__, nn.Tanh.__module__, nn.Softmax.__module__}
        return {name: v for name, v in known("layer").items() if v.__module__ in rooms or name == "Identity"}
    if kind == "loss":
        modules = _classes(nn, nn.Module, _NO_LOSSES)
        return {name: v for name, v in modules.items() if name.endswith("Loss") and _inputs(v) == 2}
    if kind == "optimizer":
        return _classes(optim, optim.Optimizer, _NO_OPTIMIZERS)
    if kind == "schedule":
        return _classes(lr_scheduler, lr_scheduler.LRScheduler, _NO_SCHEDULES)
    if kind == "transform":
        return _classes(transforms, transforms.Transform, _NO_TRANSFORMS)
    if kind == "initialisation":
        return {name: getattr(nn.init, name) for name in dir(nn.init) if name.endswith("_") and name[0] != "_"}
    if kind == "data set":
        from .data import SETS

        return SETS
    from ..train.metrics import METRICS

    return METRICS


@functools.cache
def _folded(kind: str) -> Mapping[str, str | None]:
    """The names in lower case without separators; None where several fall together."""
    found: dict[str, str | None] = {}
    for name in known(kind):
        short = _fold(name)
        found[short] = None if short in found else name
    return found


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def canonical(kind: str, name: str) -> str | None:
    """Return a name as it is written here; capitals, hyphens and underscores do not count. None for an unknown one.

    >>> canonical("activation", "relu"), canonical("optimizer", "ADAM"), canonical("loss", "cosine")
    ('ReLU', 'Adam', None)
    """
    return name if name in known(kind) else _folded(kind).get(_fold(name))


def function(kind: str, name: str) -> Callable:
    """Return what a name stands for. Raises ArgumentError, with the nearest name, for one that is not known."""
    found = canonical(kind, name)
    if found is None:
        raise ArgumentError(kind, f"there is no {kind} '{name}'", nearest(name, known(kind)))
    return known(kind)[found]


def parameters(kind: str, name: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that a file may give to a class or function."""
    taken = inspect.signature(function(kind, name)).parameters
    return {
        key: p
        for key, p in taken.items()
        if key not in _NOT_WRITTEN and not key.startswith("_") and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def create(kind: str, component: str | Component, *positional: Any) -> Any:
    """Return an object of a component's class, made with its arguments.

    Lists become tuples, or tensors where the class wants one; names of interpolations and components within
    components become what they stand for.
    """
    if isinstance(component, str):
        component = Component(type=component)
    taken = parameters(kind, component.type)
    arguments = {k: _argument(k, v, taken.get(k), positional) for k, v in component.arguments.items()}
    return function(kind, component.type)(*positional, **arguments)


def _argument(name: str, value: Any, parameter: inspect.Parameter | None, positional: tuple[Any, ...]) -> Any:
    if name in NESTED and isinstance(value, (list, tuple)):
        return [create(NESTED[name], Component.model_validate(v), *positional) for v in value]
    if parameter is not None and isinstance(value, (list, tuple)) and "Tensor" in str(parameter.annotation):
        return tensor(value)
    if parameter is not None and isinstance(parameter.default, enum.Enum) and isinstance(value, str):
        return type(parameter.default)(value)
    return tuple(value) if isinstance(value, list) else value


def load_module(config: Config, check: Callable[[bytes], None] = lambda source: None) -> nn.Module:
    """Return the network of ``model.module``, ``path.py:Class``, made with ``model.arguments``.

    The file runs as Python: open recipes with a module only when you trust them. What runs are the bytes that ``check``
    was called with, which may raise: the file is read once, and compiled code beside it, which may be of another text, is
    neither read nor written.
    Raises DataError when the file cannot be run, or when what it gives is no network.
    """
    path, _, name = (config.model.module or "").rpartition(":")
    try:
        source = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise DataError("model.module", f"{path} cannot be read ({error.strerror})", "restore it") from None
    check(source)
    module = types.ModuleType(pathlib.Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))
        network = getattr(module, name)(**config.model.arguments)
    except Exception as error:
        raise DataError(
            "model.module", f"{path} cannot be run ({type(error).__name__}: {error})", "try it in Python by itself"
        ) from error
    if not isinstance(network, nn.Module):
        raise DataError("model.module", f"{name} is a {type(network).__name__}", "make it a subclass of nn.Module")
    return network
