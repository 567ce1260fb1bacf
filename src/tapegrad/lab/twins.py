"""PyTorch's twins of a network, a loss, an optimizer and a schedule: the same class with the same arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .schema import Config

__all__ = ["loss", "network", "optimizer", "schedule"]


_FOLLOWED = ("ReduceLROnPlateau", "SequentialLR", "ChainedScheduler")


def _twin_class(torch: Any, room: Any, kind: str, ours: Any) -> Any:
    name = type(ours).__name__
    found = getattr(room, name, None)
    if found is None:
        raise ArgumentError(
            "verify", f"PyTorch {torch.__version__} has no {kind} '{name}'", "compare a recipe of PyTorch's own classes"
        )
    return found


def network(torch: Any, model: Any) -> Any:
    """Return the same tree of layers in PyTorch, in float64, with the same weights and buffers.

    Raises ArgumentError for a layer that PyTorch does not have.
    """
    twin = _layer(torch, model).to(torch.float64)
    state = {name: torch.tensor(np.asarray(value)) for name, value in model.state_dict().items()}
    twin.load_state_dict(state)
    return twin.train()


def _layer(torch: Any, ours: Any) -> Any:
    children = list(ours.named_children())
    if type(ours).__name__ == "Sequential":
        twin = torch.nn.Sequential()
        for name, child in children:
            twin.add_module(name, _layer(torch, child))
        return twin
    if type(ours).__name__ == "ReLU3":
        return _relu3(torch)
    found = _twin_class(torch, torch.nn, "layer", ours)
    if children:
        raise ArgumentError(
            "verify", f"the layer {type(ours).__name__} has layers inside", "compare networks made of a list of layers"
        )
    return found(**_arguments(found, ours))


def _arguments(theirs: Any, ours: Any) -> dict[str, Any]:
    """Return the constructor's arguments as the attributes of our object hold them."""
    given: dict[str, Any] = {}
    for name in inspect.signature(theirs).parameters:
        if name in ("device", "dtype", "inplace", "size_average", "reduce") or not hasattr(ours, name):
            continue
        value = getattr(ours, name)
        given[name] = value is not None if name == "bias" else _plain(value)
    return given


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(int(v) if isinstance(v, (int, np.integer)) else v for v in value)
    return value


def _relu3(torch: Any) -> Any:
    class ReLU3(torch.nn.Module):
        def forward(self, input: Any) -> Any:
            return torch.relu(input) ** 3

    return ReLU3()


def loss(torch: Any, config: Config, ours: Any) -> Any:
    """Return the loss of the same name with the same arguments."""
    found = _twin_class(torch, torch.nn, "loss", ours)
    arguments = dict(config.loss.arguments)
    if isinstance(arguments.get("weight"), (list, tuple)):
        arguments["weight"] = torch.tensor(arguments["weight"], dtype=torch.float64)
    return found(**arguments)


def optimizer(torch: Any, ours: Any, model: Any, parameters: Mapping[str, Any]) -> Any:
    """Return the optimizer of the same name with the same groups and options, over the twin's parameters."""
    found = _twin_class(torch, torch.optim, "optimizer", ours)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    known = set(inspect.signature(found).parameters)
    groups = []
    for group in ours.param_groups:
        options = {k: v for k, v in group.items() if k in known and k != "params" and v is not None}
        # A schedule of ours has already set the first rate; the twin's schedule starts from the base rate.
        options["lr"] = group.get("initial_lr", group["lr"])
        groups.append({"params": [parameters[names[id(p)]] for p in group["params"]], **options})
    return found(groups, lr=groups[0]["lr"])


def schedule(torch: Any, ours: Any, arguments: Mapping[str, Any], optimizer: Any) -> Any:
    """Return an object whose ``step`` sets the twin's rates as our schedule's formula does, or None.

    PyTorch's own class where there is one; inverse time decay, which it lacks, is written as a LambdaLR. There is none
    for schedules that watch a metric or are made of others: the twin then follows our rates.
    """
    if ours is None or type(ours).__name__ in _FOLLOWED:
        return None
    schedules = torch.optim.lr_scheduler
    if type(ours).__name__ == "InverseTimeLR":
        decay = ours.decay
        return schedules.LambdaLR(optimizer, lambda step: 1 / (1 + decay * step))
    found = _twin_class(torch, schedules, "schedule", ours)
    return found(optimizer, **arguments)
