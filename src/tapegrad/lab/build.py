"""From a configuration to a network, a loss, an optimizer, loaders and a trainer."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import nn
from ..array import set_default_dtype
from ..core import Tensor, no_grad, tensor, wrap
from ..errors import ArgumentError
from ..ops.random import Generator, manual_seed
from ..train import Trainer
from ..utils.data import DataLoader, Dataset, TensorDataset
from ..vision.transforms import tensor_batch
from . import names
from .data import Sets, load_sets
from .patterns import matching
from .schema import Component, Config, Initial, Model

__all__ = ["Assembly", "build", "build_model", "loader_of", "schedule_arguments"]

_EVALUATION_BATCH = 1024
_FOR_CLASSES = ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss")
_FOR_VALUES = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")


@dataclasses.dataclass
class Assembly:
    """All that a training consists of."""

    config: Config
    sets: Sets
    model: nn.Module
    trainer: Trainer
    train_loader: DataLoader
    valid_loader: DataLoader | None

    @property
    def schedule_arguments(self) -> dict[str, Any]:
        """The arguments of the schedule, with those that its length gives."""
        return schedule_arguments(self.config, len(self.train_loader))


def build(config: Config, sets: Sets | None = None) -> Assembly:
    """Return the configuration's data, network and trainer, ready to fit.

    The seed decides the initial weights, the order of the batches, and all that is drawn in training.
    Raises the errors of the data, and ConfigError when a pattern matches no parameter.
    """
    set_default_dtype(config.dtype)
    sets = load_sets(config) if sets is None else sets
    model = build_model(config, sets.train.inputs.shape[1:], lambda source: _note_source(config, sets, source))
    train_loader = _train_loader(config, sets)
    valid_loader = None if sets.valid is None else loader_of(sets.valid)
    trainer = _trainer(config, model, len(train_loader), regression=sets.task == "regression")
    return Assembly(config, sets, model, trainer, train_loader, valid_loader)


def _note_source(config: Config, sets: Sets, source: bytes) -> None:
    sets.sources[str(config.model.module).rpartition(":")[0]] = hashlib.sha256(source).hexdigest()


def build_model(
    config: Config, sample_shape: Sequence[int] | None = None, check: Callable[[bytes], None] = lambda source: None
) -> nn.Module:
    """Return the network with its initial weights, frozen parameters frozen. ``sample_shape`` is that of one input.

    ``check`` is called with the content of a network's own Python file before it runs, and may raise.
    """
    set_default_dtype(config.dtype)
    manual_seed(config.seed)
    model = _network(config, sample_shape, check)
    _initialise(config, model)
    for pattern in config.freeze:
        for _, parameter in matching(pattern, model, "freeze"):
            parameter.requires_grad_(False)
    return model


def _network(config: Config, sample_shape: Sequence[int] | None, check: Callable[[bytes], None]) -> nn.Module:
    model = config.model
    if model.module is not None:
        return names.load_module(config, check)
    rows: Any = model.layers
    if isinstance(rows[0], int):
        layers = _dense(model, flatten=sample_shape is None or len(sample_shape) > 1)
    else:
        layers = [(row.name or str(i), names.create("layer", row)) for i, row in enumerate(rows)]
    return nn.Sequential(OrderedDict(layers))


def _dense(model: Model, flatten: bool) -> list[tuple[str, nn.Module]]:
    """Return the named layers of the short form: fc1, norm1, act1, drop1, fc2, and so on."""
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())] if flatten else []
    sizes: list[int] = model.layers  # type: ignore[assignment]
    for i, (before, after) in enumerate(itertools.pairwise(sizes), 1):
        last = i == len(sizes) - 1
        # A normalisation takes away what a bias before it adds: its gradient would be nothing but rounding.
        bias = model.bias and (last or not model.batch_norm)
        layers.append((f"fc{i}", nn.Linear(before, after, bias=bias)))
        if last:
            break
        if model.batch_norm:
            layers.append((f"norm{i}", nn.BatchNorm1d(after)))
        layers.append((f"act{i}", names.create("layer", model.activation)))
        if model.dropout:
            layers.append((f"drop{i}", nn.Dropout(model.dropout)))
    if model.output_activation is not None:
        layers.append((f"act{len(sizes) - 1}", names.create("layer", model.output_activation)))
    return layers


def _initialise(config: Config, model: nn.Module) -> None:
    if isinstance(config.initial_weights, str):
        from ..train import load_weights

        load_weights(config.initial_weights, model)
        return
    with no_grad():
        for entry in config.initial_weights or ():
            _apply_initial(entry, model)


def _apply_initial(entry: Initial, model: nn.Module) -> None:
    function: Callable = names.function("initialisation", entry.type)
    for _, parameter in matching(entry.parameters, model, "initial_weights"):
        function(parameter, **entry.arguments)


# -- data -----------------------------------------------------------------------------------------------------------


class _Augmented(Dataset):
    """Training samples that go through random transforms each time they are read."""

    def __init__(self, inputs: Tensor, targets: Tensor, transforms: list[Callable]):
        self.inputs = inputs
        self.targets = targets
        self.transforms = transforms

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        sample = self.inputs[index]
        for transform in self.transforms:
            sample = transform(sample)
        return sample, self.targets[index]

    def __getbatch__(self, indices: Any) -> Any:
        transform = tensor_batch(self.transforms) if self.inputs.ndim == 4 else None
        if transform is None:
            return NotImplemented
        rows = np.asarray(indices, dtype=np.intp)
        images = transform(wrap(self.inputs.array[rows]))
        return images if images is NotImplemented else [images, wrap(self.targets.array[rows])]


def _train_loader(config: Config, sets: Sets) -> DataLoader:
    inputs, targets = tensor(sets.train.inputs), tensor(sets.train.targets)
    transforms = [_transform(component, sets) for component in config.data.transforms]
    dataset = _Augmented(inputs, targets, transforms) if transforms else TensorDataset(inputs, targets)
    generator = Generator()
    generator.manual_seed(config.seed)
    size = config.data.batch_size
    return DataLoader(
        dataset,
        batch_size=len(targets) if size == "full" else size,
        shuffle=config.data.shuffle,
        drop_last=config.data.drop_last,
        generator=generator,
    )


def _transform(component: Component, sets: Sets) -> Callable:
    """Return a transform; one that can fill what it uncovers fills it with black, as black is after standardising."""
    arguments = component.arguments
    if "fill" in names.parameters("transform", component.type) and "fill" not in arguments:
        arguments["fill"] = _black(sets)
    return names.create("transform", Component(type=component.type, **arguments))


def _black(sets: Sets) -> float:
    mean, std = (float(np.mean(sets.statistics.get(key, default))) for key, default in (("mean", 0.0), ("std", 1.0)))
    return (0.0 - mean) / std


def loader_of(part: Any, batch_size: int = _EVALUATION_BATCH) -> DataLoader:
    """Return a loader of a part in its order."""
    return DataLoader(TensorDataset(tensor(part.inputs), tensor(part.targets)), batch_size=batch_size)


# -- training -------------------------------------------------------------------------------------------------------


def _trainer(config: Config, model: nn.Module, batches: int, regression: bool) -> Trainer:
    loss = names.create("loss", config.loss)
    kind = type(loss).__name__
    if kind in (_FOR_CLASSES if regression else _FOR_VALUES):
        what, fix = (
            ("values", "use MSELoss, or a set with classes")
            if regression
            else ("classes", "use CrossEntropyLoss, or make numbers of the classes with data.target_scale")
        )
        raise ArgumentError("loss", f"{kind} does not fit: the targets of '{config.data.set}' are {what}", fix)
    if getattr(loss, "reduction", "mean") != "mean":
        raise ArgumentError(
            "loss.reduction",
            f"'{loss.reduction}' makes losses of batches of different sizes, and their gradients, incomparable",
            "leave it out: the mean over the samples",
        )
    optimizer = _optimizer(config, model)
    every = config.schedule.every if config.schedule is not None else "epoch"
    training = config.training
    return Trainer(
        model,
        loss,
        optimizer,
        scheduler=_schedule(config, optimizer, batches),
        schedule_every=every,
        penalty=_penalty(config, model),
        metrics=_metrics(config, regression),
        report_every=training.report_every,
        clip_norm=training.clip_norm,
        clip_value=training.clip_value,
        accumulate=training.accumulate,
        ema=training.ema,
        compile=training.compile,
    )


def _optimizer(config: Config, model: nn.Module) -> Any:
    grouped: list[dict[str, Any]] = []
    taken: set[int] = set()
    for group in config.optimizer.groups:
        chosen = [p for _, p in matching(group.parameters, model, "optimizer.groups") if p.requires_grad]
        grouped.append({"params": [p for p in chosen if id(p) not in taken], **(group.model_extra or {})})
        taken.update(id(p) for p in chosen)
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in taken]
    groups = [{"params": rest}, *grouped] if rest else grouped
    arguments = config.optimizer.arguments
    if config.optimizer.lr is not None:
        arguments["lr"] = config.optimizer.lr
    return names.create("optimizer", Component(type=config.optimizer.type, **arguments), groups)


def _schedule(config: Config, optimizer: Any, batches: int) -> Any:
    if config.schedule is None:
        return None
    arguments = schedule_arguments(config, batches)
    return names.create("schedule", Component(type=config.schedule.type, **arguments), optimizer)


def schedule_arguments(config: Config, batches: int | None) -> dict[str, Any]:
    """Return a schedule's arguments; how long it lasts is taken from the training where the file does not say.

    ``batches``: in an epoch, None where that is not known; a length that hangs on it is then left out.
    """
    if config.schedule is None:
        return {}
    arguments = config.schedule.arguments
    known = names.parameters("schedule", config.schedule.type)
    length = _steps_of_schedule(config, batches)
    if config.schedule.type == "OneCycleLR":
        arguments.setdefault("max_lr", config.optimizer.lr or 1e-3)
        if "epochs" not in arguments and length is not None:
            arguments.setdefault("total_steps", length + 1)
    for key in ("T_max", "total_iters"):
        if key in known and length is not None:
            arguments.setdefault(key, length)
    return arguments


def _steps_of_schedule(config: Config, batches: int | None) -> int | None:
    """Return how often the schedule is stepped in the whole training."""
    training, by_step = config.training, config.schedule is not None and config.schedule.every == "step"
    if batches is None:
        return training.steps if by_step else training.epochs
    updates = math.ceil(batches / training.accumulate)
    total = training.steps or (training.epochs or 1) * updates
    return total if by_step else math.ceil(total / updates)


def _penalty(config: Config, model: nn.Module) -> Callable[[], Tensor] | None:
    terms = [
        (parameter, entry.l1, entry.l2)
        for entry in config.optimizer.penalties
        for _, parameter in matching(entry.parameters, model, "optimizer.penalties")
    ]
    if not terms:
        return None

    def penalty() -> Tensor:
        total: Any = 0.0
        for parameter, l1, l2 in terms:
            if l1:
                total = total + l1 * parameter.abs().sum()
            if l2:
                total = total + l2 * (parameter * parameter).sum()
        return total

    return penalty


def _metrics(config: Config, regression: bool) -> dict[str, Any]:
    chosen = config.metrics
    if chosen is None:
        chosen = [Component(type="mae" if regression else "accuracy")]
    return {component.type: names.create("metric", component) for component in chosen}
