"""Penalties on weights and biases, and parameter groups that leave biases out of weight decay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from ...core import Parameter, Tensor, ops, tensor
from ...errors import ArgumentError
from ..module import Module

__all__ = ["penalty", "weight_decay_groups"]


def _is_bias(name: str) -> bool:
    """Return whether a parameter's own name says that it is a bias: ``bias``, ``in_proj_bias``, ``bias_hh_l0``."""
    return name.startswith("bias") or name.endswith("bias")


def _chosen(model: Module, layers: str | Iterable[str] | None) -> Iterator[tuple[str, Parameter]]:
    """Yield (own name, parameter) of the layers whose path matches a pattern."""
    patterns = [layers] if isinstance(layers, str) else layers
    found = False
    for path, parameter in model.named_parameters():
        layer, _, name = path.rpartition(".")
        if patterns is None or any(fnmatchcase(layer, p) for p in patterns):
            found = True
            yield name, parameter
    if not found and patterns is not None:
        paths = dict.fromkeys(path.rpartition(".")[0] for path, _ in model.named_parameters())
        raise ArgumentError(
            "penalty", f"no layer with parameters matches {layers!r}", f"the layers are {', '.join(map(repr, paths))}"
        )


def penalty(
    model: Module,
    *,
    l1_weight: float = 0.0,
    l2_weight: float = 0.0,
    l1_bias: float = 0.0,
    l2_bias: float = 0.0,
    layers: str | Iterable[str] | None = None,
) -> Tensor:
    r"""Return the L1 and L2 penalties of a model's parameters as one number to add to the loss.

    Formula: l1 · Σ|w| + l2 · Σw², summed over all weights with ``l1_weight`` and ``l2_weight``, over all biases with
    ``l1_bias`` and ``l2_bias``; its gradient is l1 · sign(w) + 2 · l2 · w. (An optimizer's ``weight_decay=d`` adds d · w
    to the gradient: for plain SGD the same as l2 = d/2; Adam divides it by its running scale, which is another thing.)
    A parameter is a bias when its name begins or ends with ``bias``. ``layers`` chooses layers by their path in the
    model, with ``*`` as in file names: ``"0"``, ``"features.*"``, or several such.
    Raises ArgumentError when no layer matches.

    >>> import tapegrad as tg
    >>> model = tg.nn.Linear(1, 1)
    >>> _ = tg.nn.init.constant_(model.weight, 3.0)
    >>> tg.nn.utils.penalty(model, l1_weight=0.1, l2_weight=0.01)
    tensor(0.3900, grad_fn=<AddBackward0>)
    """
    total: Any = None
    for name, parameter in _chosen(model, layers):
        l1, l2 = (l1_bias, l2_bias) if _is_bias(name) else (l1_weight, l2_weight)
        for term in _terms(parameter, l1, l2):
            total = term if total is None else total + term
    return tensor(0.0) if total is None else total


def _terms(parameter: Tensor, l1: float, l2: float) -> Iterator[Tensor]:
    if l1:
        yield l1 * ops.sum(ops.abs(parameter))
    if l2:
        yield l2 * ops.sum(parameter * parameter)


def weight_decay_groups(model: Module, weight_decay: float, **options: Any) -> list[dict[str, Any]]:
    """Return two parameter groups for an optimizer: weights with decay; biases and other vectors without.

    Vectors are the gains of normalisation layers, for instance, which decay would only fight.
    ``options`` go into both groups.

    >>> import tapegrad as tg
    >>> model = tg.nn.Linear(2, 3)
    >>> optimizer = tg.optim.SGD(tg.nn.utils.weight_decay_groups(model, 0.01), lr=0.1)
    >>> [group["weight_decay"] for group in optimizer.param_groups]
    [0.01, 0.0]
    """
    decayed: list[Parameter] = []
    free: list[Parameter] = []
    for path, parameter in model.named_parameters():
        (free if _is_bias(path.rpartition(".")[2]) or parameter.ndim < 2 else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay, **options},
        {"params": free, "weight_decay": 0.0, **options},
    ]
