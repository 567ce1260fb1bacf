"""What is known of a training as it begins: its facts, its first batch, its data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...core import Tensor, set_grad_enabled
from ...core.graph import Pick
from ...train.inside import layers_of, unseen
from .observe import Facts, ParameterStart, Start

__all__ = ["arrays_of", "facts_of", "note_reached", "start_of", "targets_are_classes"]

# So many samples of the first batch go through the network to see what comes out.
_SAMPLES = 64


def facts_of(trainer: Any) -> Facts:
    """Return what holds for a trainer's whole training."""
    optimizer, schedule = trainer.optimizer, trainer.scheduler
    group = {name: value for name, value in optimizer.param_groups[0].items() if name != "params"}
    train, valid = trainer.loaders
    dataset = getattr(train, "dataset", None)
    size = getattr(train, "batch_size", None)
    return Facts(
        loss=type(trainer.loss).__name__,
        optimizer=type(optimizer).__name__,
        schedule="" if schedule is None else type(schedule).__name__,
        batch_size=size * trainer.accumulate if isinstance(size, int) else 0,
        batches=-(-trainer.batches // trainer.accumulate),
        samples=len(dataset) if hasattr(dataset, "__len__") else 0,  # type: ignore[arg-type]
        epochs=trainer.epochs,
        steps=trainer.steps,
        parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        has_valid=valid is not None,
        clip_norm=trainer.clip_norm,
        accumulate=trainer.accumulate,
        options=group,
        kinds={path: type(layer).__name__ for path, layer in layers_of(trainer.model)},
    )


def start_of(model: Any, optimizer: Any, inputs: Any, targets: Any) -> Start:
    """Return what the first batch gives; the network, its buffers and the random numbers stay as they were."""
    start = Start(_array(inputs), _array(targets), parameters=parameters_of(model, optimizer))
    if isinstance(inputs, Tensor):
        with np.errstate(all="ignore"), unseen(model), set_grad_enabled(True), _outputs(model) as made:
            output = model(inputs[:_SAMPLES])
        if isinstance(output, Tensor):
            start.outputs = output.array
            start.last = _last_primitive(output)
            start.last_path = next((path for path, tensor in made if tensor is output), "")
    return start


@contextlib.contextmanager
def _outputs(model: Any) -> Iterator[list[tuple[str, Any]]]:
    """Collect what each layer gives, by path, in the order of the calls."""
    made: list[tuple[str, Any]] = []

    def keep(path: str) -> Any:
        return lambda layer, inputs, output: made.append((path, output))

    hooks = [layer.register_forward_hook(keep(path)) for path, layer in layers_of(model)]
    try:
        yield made
    finally:
        for hook in hooks:
            hook.remove()


def _last_primitive(output: Tensor) -> str:
    """Return the name of the primitive that made a tensor's values; what only arranges them anew is passed over."""
    node = output.node
    while node is not None:
        primitive = node.primitive
        if not (type(node) is Pick or getattr(primitive, "view", False)):
            return str(primitive.name)
        node = node.edges[0] if not isinstance(node.edges[0], Tensor) else None
    return ""


def parameters_of(model: Any, optimizer: Any) -> dict[str, ParameterStart]:
    """Return the model's parameters by name; :func:`note_reached` tells more of them after a backward pass."""
    held = set() if optimizer is None else {id(p) for group in optimizer.param_groups for p in group["params"]}
    found = {}
    for name, p in model.named_parameters():
        with np.errstate(all="ignore"):  # a sum is finite where all of it is, and costs no second array
            finite = p.array.dtype.kind not in "fc" or bool(np.isfinite(p.array.sum()))
        found[name] = ParameterStart(p.requires_grad, optimizer is None or id(p) in held, finite)
    return found


def note_reached(model: Any, parameters: Mapping[str, ParameterStart]) -> None:
    """Note which parameters the backward pass just made has reached."""
    for name, p in model.named_parameters():
        if name in parameters:
            parameters[name].reached = p.grad is not None


def targets_are_classes(targets: Any) -> bool:
    """Return whether targets are one whole number for each sample."""
    return targets is not None and targets.dtype.kind in "iu" and targets.ndim == 1


def arrays_of(loaders: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (inputs, targets) of those loaders and pairs, by name, whose samples lie in memory as arrays."""
    found = {}
    for name, loader in loaders.items():
        pair = loader if isinstance(loader, tuple) else _pair(getattr(loader, "dataset", None))
        if pair is not None:
            inputs, targets = (_array(part) for part in pair)
            if inputs is not None and targets is not None and len(inputs) == len(targets) > 0:
                found[name] = (inputs, targets)
    return found


def _pair(dataset: Any) -> tuple[Any, Any] | None:
    tensors = getattr(dataset, "tensors", None)
    if isinstance(tensors, (tuple, list)) and len(tensors) == 2:
        return tensors[0], tensors[1]
    if hasattr(dataset, "inputs") and hasattr(dataset, "targets"):
        return dataset.inputs, dataset.targets
    return None


def _array(value: Any) -> np.ndarray | None:
    array = value.array if isinstance(value, Tensor) else value
    return array if isinstance(array, np.ndarray) else None
