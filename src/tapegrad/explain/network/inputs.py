"""Inputs to try a network with, and what to say when it does not take them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...array import get_default_dtype
from ...core import Tensor, no_grad, wrap
from ...errors import ArgumentError, TapegradError, an
from ...nn import Embedding, EmbeddingBag, Module
from ...nn.parameter import is_lazy
from .costs import size_text
from .recording import named_tensors, undisturbed

__all__ = ["check_network", "example_inputs", "expectation", "in_evaluation", "ready", "taking"]


def check_network(who: str, model: Any) -> None:
    """Raise ArgumentError for what cannot be called as a network is, and for a module that holds itself."""
    if callable(model) and not isinstance(model, (type, Tensor)):
        if isinstance(model, Module):
            _refuse_circles(who, model)
        return
    what = f"{model.__name__} is a class" if isinstance(model, type) else f"{an(model)} is no network"
    raise ArgumentError(who, what, "give a network, such as nn.Sequential(...), or a function of tensors")


def _refuse_circles(who: str, model: Module) -> None:
    """Raise ArgumentError when a module is among its own submodules: it has no tree of names, and no end."""
    paths: dict[int, str] = {}
    open_modules = [(model, "", iter(model._modules.items()))]
    while open_modules:
        module, path, children = open_modules[-1]
        paths[id(module)] = path
        name, child = next(children, ("", None))
        if child is None and not name:
            open_modules.pop()
            del paths[id(module)]
        elif child is not None and id(child) in paths:
            inner = f"{path}.{name}".strip(".")
            outer = paths[id(child)] or "the network"
            raise ArgumentError(
                who, f"'{inner}' is {outer} itself, which it is inside of", "hold it in a list, which is no submodule"
            )
        elif child is not None:
            open_modules.append((child, f"{path}.{name}".strip("."), iter(child._modules.items())))


def example_inputs(who: str, model: Any, inputs: tuple, keywords: dict, size: Any, dtypes: Any = None) -> tuple:
    """Return the inputs, or zeros of ``size``: one shape with the batch, or a list of shapes, one for each input.

    ``dtypes``: one for each shape; by default that of the first parameter, int64 where the first layer looks up rows.
    Raises ArgumentError for neither or both, and for what is no shape.

    >>> import tapegrad as tg
    >>> [x.shape for x in example_inputs("graph", tg.nn.Linear(3, 1), (), {}, (2, 3))]
    [tapegrad.Size([2, 3])]
    """
    if size is None:
        if not inputs and not keywords and isinstance(model, Module):
            raise ArgumentError(who, "there is no input", "give a tensor, or input_size=(batch, ...)")
        return inputs
    if inputs:
        raise ArgumentError(who, "both inputs and input_size are given", "give one of them")
    shapes = _shapes(who, size)
    kinds = [_dtype_of(model)] * len(shapes) if dtypes is None else [np.dtype(d) for d in dtypes]
    if len(kinds) != len(shapes):
        raise ArgumentError(who, f"{len(kinds)} dtypes for {len(shapes)} inputs", "give one for each")
    try:
        return tuple(wrap(np.zeros(shape, dtype)) for shape, dtype in zip(shapes, kinds, strict=True))
    except (MemoryError, ValueError):  # more than there is, and more than there can be
        pass
    memory = sum(math.prod(shape) * dtype.itemsize for shape, dtype in zip(shapes, kinds, strict=True))
    raise ArgumentError(who, f"input_size is {size!r}, which takes {size_text(memory)}", "use a smaller one")


def _shapes(who: str, size: Any) -> list[tuple[int, ...]]:
    given = list(size) if isinstance(size, (list, tuple)) else [size]
    shapes = given if given and all(isinstance(s, (list, tuple)) for s in given) else [given]
    for shape in shapes:
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in shape):
            raise ArgumentError(who, f"input_size is {size!r}", "use whole numbers, the batch first: (1, 3, 32, 32)")
    return [tuple(int(n) for n in shape) for shape in shapes]


def _dtype_of(model: Any) -> np.dtype:
    if isinstance(model, Module):
        for module in model.modules():
            held = [p for p in module._parameters.values() if p is not None]
            if isinstance(module, (Embedding, EmbeddingBag)):
                return np.dtype(np.int64)
            if held:
                return np.dtype(get_default_dtype()) if is_lazy(held[0]) else held[0].array.dtype
    return np.dtype(get_default_dtype())


def ready(model: Any, inputs: tuple, keywords: dict) -> None:
    """Let a network whose layers learn their sizes from the first input learn them, before anything is written down."""
    if isinstance(model, Module) and any(is_lazy(p) for p in model.parameters()):
        with undisturbed(model), in_evaluation(model), no_grad():
            model(*inputs, **keywords)


@contextlib.contextmanager
def in_evaluation(model: Any) -> Iterator[None]:
    """Put a network into evaluation mode, and each of its modules back afterwards."""
    modes = [(module, module.training) for module in model.modules()] if isinstance(model, Module) else []
    for module, _ in modes:
        module.training = False
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


# -- when it fails --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def taking(who: str, model: Any, inputs: tuple) -> Iterator[None]:
    """Say of errors in here what the network's first layer expects. Raises ArgumentError in their place."""
    try:
        yield
    except MemoryError as error:
        shapes = _shapes_of(inputs)
        what = f"{_kind(model)} needs more memory than there is for an input of shape {shapes} ({error})"
        raise ArgumentError(who, what, "use a smaller one") from None
    except (TapegradError, TypeError) as error:
        raise _failure(who, model, inputs, error) from error


def _failure(who: str, model: Any, inputs: tuple, error: Exception) -> TapegradError:
    kind = _kind(model)
    first = _first_layer(model)
    fix = "give inputs that the network takes"
    if first is not None:
        path, layer = first
        fix = f"the first layer, {path or kind} ({type(layer).__name__}), expects {expectation(layer)}"
    return ArgumentError(who, f"{kind} does not take an input of shape {_shapes_of(inputs)}: {error}", fix)


def _kind(model: Any) -> str:
    return type(model).__name__ if isinstance(model, Module) else getattr(model, "__name__", type(model).__name__)


def _shapes_of(inputs: Any) -> str:
    return ", ".join(str(tuple(t.shape)) for t in named_tensors(inputs).values()) or "nothing"


def _first_layer(model: Any) -> tuple[str, Module] | None:
    modules = model.named_modules() if isinstance(model, Module) else ()
    return next(((path, module) for path, module in modules if expectation(module)), None)


def expectation(layer: Any) -> str:
    """Return what inputs a layer takes, in words; "" when that is not known.

    >>> import tapegrad as tg
    >>> expectation(tg.nn.Conv2d(3, 8, 3))
    'inputs of shape (batch, 3, height, width)'
    """
    kind = type(layer).__name__
    rule = next((rule for name, rule in _EXPECTATIONS.items() if kind.startswith(name)), None)
    return rule(layer) if rule is not None else ""


def _channels(attribute: str) -> Callable[[Any], str]:
    def rule(layer: Any) -> str:
        kind = type(layer).__name__
        sizes = {"1": ("length",), "2": ("height", "width"), "3": ("depth", "height", "width")}[kind.rstrip("d")[-1]]
        return f"inputs of shape ({', '.join(['batch', str(getattr(layer, attribute)), *sizes])})"

    return rule


def _last(attribute: str) -> Callable[[Any], str]:
    return lambda layer: f"inputs whose last dimension is {getattr(layer, attribute)}"


def _normalised(layer: Any) -> str:
    return f"inputs whose last dimensions are {tuple(layer.normalized_shape)}"


def _rows(layer: Any) -> str:
    return f"whole numbers from 0 to {layer.num_embeddings - 1}"


_EXPECTATIONS: dict[str, Callable[[Any], str]] = {
    "Linear": _last("in_features"),
    "Conv1d": _channels("in_channels"),
    "Conv2d": _channels("in_channels"),
    "Conv3d": _channels("in_channels"),
    "ConvTranspose": _channels("in_channels"),
    "BatchNorm": _channels("num_features"),
    "InstanceNorm": _channels("num_features"),
    "LayerNorm": _normalised,
    "RMSNorm": _normalised,
    "Embedding": _rows,
    "RNN": _last("input_size"),
    "LSTM": _last("input_size"),
    "GRU": _last("input_size"),
    "TransformerEncoderLayer": lambda layer: f"inputs whose last dimension is {layer.linear1.in_features}",
    "MultiheadAttention": _last("embed_dim"),
}
