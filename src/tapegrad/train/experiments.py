"""The experiments that come with a name: data, network, loss, optimizer and schedule of each."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn, optim
from ..core import Tensor
from ..errors import ArgumentError, DataError, did_you_mean
from ..ops.random import Generator, manual_seed
from ..utils.data import DataLoader, TensorDataset
from ..vision import datasets
from .trainer import Trainer

__all__ = ["EXPERIMENTS", "Data", "Experiment", "Settings", "build", "load_data", "settings_for"]


# Every generator takes a seed of this size, and every loop so many steps.
_LARGEST = 2**31 - 1


@dataclasses.dataclass
class Settings:
    """What a run is made of. It is written into the run's folder and is all that is needed to build it again."""

    experiment: str
    model: str = "mlp"
    epochs: int = 10
    batch_size: int = 128
    lr: float = 1e-3
    seed: int = 0
    data: str | None = None


@dataclasses.dataclass
class Data:
    """Three sets of (inputs, labels), the names of the classes, and, for images, the pictures as they were."""

    train: TensorDataset
    valid: TensorDataset
    test: TensorDataset
    classes: list[str]
    test_images: np.ndarray | None = None


@dataclasses.dataclass
class Experiment:
    """A name's data, networks by name, and defaults."""

    load: Callable[[Settings], Data]
    models: dict[str, Callable[[], nn.Sequential]]
    defaults: dict[str, Any]
    mean: float = 0.0
    spread: float = 1.0
    size: tuple[int, int] | None = None
    full_batch: bool = False


def mlp(*sizes: int) -> nn.Sequential:
    """Return Linear layers of these sizes with ReLU between them, behind a Flatten."""
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Linear(a, b)] if i == len(sizes) - 2 else [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers)


def lenet() -> nn.Sequential:
    """Return a network of LeNet-5's size (two 5×5 convolutions, two pools) for 28×28 images; 56,390 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 10, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 20, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(500, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


# -- data -----------------------------------------------------------------------------------------------------------


def _images(kind: Callable, folder: str) -> Callable[[Settings], Data]:
    """Return a loader for one of the idx sets: 5,000 of the training images are kept for validation."""

    def load(settings: Settings) -> Data:
        experiment = EXPERIMENTS[settings.experiment]
        root = os.path.join(settings.data or str(datasets.data_root()), folder)
        train, test = kind(root, train=True), kind(root, train=False)
        order = np.random.default_rng(settings.seed).permutation(len(train))
        images, labels = _standardised(train, experiment)
        held = min(5000, len(train) // 6)
        return Data(
            TensorDataset(images[order[held:]], labels[order[held:]]),
            TensorDataset(images[order[:held]], labels[order[:held]]),
            TensorDataset(*_standardised(test, experiment)),
            list(test.classes),
            np.asarray(test.data),
        )

    return load


def _standardised(dataset: Any, experiment: Experiment) -> tuple[Tensor, Tensor]:
    images, labels = dataset.tensors()
    return (images - experiment.mean) / experiment.spread, labels


def _digits(settings: Settings) -> Data:
    experiment = EXPERIMENTS["digits"]
    train, test = datasets.Digits(train=True), datasets.Digits(train=False)
    images, labels = _standardised(train, experiment)
    order = np.random.default_rng(settings.seed).permutation(len(train))
    held = len(train) // 10
    return Data(
        TensorDataset(images[order[held:]], labels[order[held:]]),
        TensorDataset(images[order[:held]], labels[order[:held]]),
        TensorDataset(*_standardised(test, experiment)),
        list(test.classes),
        np.asarray(test.data),
    )


def _spiral(settings: Settings) -> Data:
    train = datasets.spiral(100, 3, seed=settings.seed)
    fresh = [datasets.spiral(100, 3, seed=settings.seed + k) for k in (1, 2)]
    sets = [TensorDataset(*points) for points in (train, *fresh)]
    return Data(*sets, classes=["0", "1", "2"])


EXPERIMENTS: dict[str, Experiment] = {
    "spiral": Experiment(
        _spiral, {"mlp": lambda: mlp(2, 64, 3)}, {"epochs": 5001, "batch_size": 300, "lr": 0.02}, full_batch=True
    ),
    "digits": Experiment(
        _digits,
        {"mlp": lambda: mlp(64, 64, 10)},
        {"epochs": 30, "batch_size": 32, "lr": 5e-3},
        mean=0.3053,
        spread=0.3760,
        size=(8, 8),
    ),
    "mnist": Experiment(
        _images(datasets.MNIST, "mnist"),
        {"mlp": lambda: mlp(784, 256, 10), "cnn": lenet},
        {"epochs": 10, "batch_size": 128, "lr": 3e-3},
        mean=0.1307,
        spread=0.3081,
        size=(28, 28),
    ),
    "fashion-mnist": Experiment(
        _images(datasets.FashionMNIST, "fashion-mnist"),
        {"mlp": lambda: mlp(784, 256, 128, 10), "cnn": lenet},
        {"epochs": 10, "batch_size": 128, "lr": 3e-3},
        mean=0.2860,
        spread=0.3530,
        size=(28, 28),
    ),
}


# -- putting it together --------------------------------------------------------------------------------------------


def load_data(settings: Settings) -> Data:
    """Return the experiment's data, checked: not empty, finite, labels in range.

    Raises DataError, or FileFormatError for a damaged file.
    """
    data = EXPERIMENTS[settings.experiment].load(settings)
    for name in ("train", "valid", "test"):
        _check(name, *getattr(data, name).tensors, classes=len(data.classes))
    return data


def _check(name: str, inputs: Tensor, labels: Tensor, classes: int) -> None:
    if len(inputs) == 0:
        raise DataError(f"{name} data", "has no samples", "check the folder, or the split")
    wrong = ~np.isfinite(inputs.array.reshape(len(inputs), -1)).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{name} data",
            f"{int(wrong.sum())} samples have values that are not finite, the first is number {int(wrong.argmax())}",
            "remove or repair them",
        )
    outside = (labels.array < 0) | (labels.array >= classes)
    if outside.any():
        first = int(outside.argmax())
        raise DataError(
            f"{name} data",
            f"label {labels.array[first]} of sample {first} is outside 0 to {classes - 1}",
            "number the classes from 0",
        )


def settings_for(experiment: str, **given: Any) -> Settings:
    """Return an experiment's settings: its defaults, with what is given instead.

    Raises ArgumentError for an unknown experiment or network, or a value out of range.
    """
    if experiment not in EXPERIMENTS:
        raise ArgumentError("train", f"there is no experiment '{experiment}'", did_you_mean(experiment, EXPERIMENTS))
    known = EXPERIMENTS[experiment]
    settings = Settings(experiment, **{**known.defaults, **{k: v for k, v in given.items() if v is not None}})
    if settings.model not in known.models:
        raise ArgumentError(
            "train", f"'{experiment}' has no network '{settings.model}'", did_you_mean(settings.model, known.models)
        )
    _check_numbers(settings)
    return settings


def _check_numbers(settings: Settings) -> None:
    """Raise ArgumentError for a number out of range or of the wrong kind, as an edited configuration may hold."""
    for name in ("epochs", "batch_size", "lr"):
        value = getattr(settings, name)
        kinds = (int, float) if name == "lr" else int
        if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value <= sys.float_info.max:
            raise ArgumentError("train", f"{name} is {value}", "use a positive number")
        if value > _LARGEST and name != "lr":
            raise ArgumentError("train", f"{name} is {value}", f"use at most {_LARGEST}")
    seed = settings.seed
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= _LARGEST:
        raise ArgumentError("train", f"seed is {seed}", f"use a whole number from 0 to {_LARGEST}")
    if settings.data is not None and not isinstance(settings.data, str):
        raise ArgumentError("train", f"data is {settings.data}", "give the path of a folder")


def build(settings: Settings, data: Data) -> tuple[Trainer, DataLoader, DataLoader]:
    """Return the trainer with a fresh network, and the loaders of the training and validation data."""
    experiment = EXPERIMENTS[settings.experiment]
    manual_seed(settings.seed)
    model = experiment.models[settings.model]()
    generator = Generator()
    generator.manual_seed(settings.seed)
    train = DataLoader(
        data.train,
        batch_size=len(data.train) if experiment.full_batch else settings.batch_size,
        shuffle=not experiment.full_batch,
        generator=generator,
    )
    valid = DataLoader(data.valid, batch_size=1024)
    adam = optim.Adam(model.parameters(), lr=settings.lr)
    if experiment.full_batch:
        return _spiral_trainer(model, adam), train, valid
    steps = settings.epochs * len(train)
    schedule = optim.lr_scheduler.OneCycleLR(adam, settings.lr, total_steps=steps + 1)
    return Trainer(model, nn.CrossEntropyLoss(), adam, scheduler=schedule, schedule_every="step"), train, valid


def _spiral_trainer(model: nn.Sequential, adam: optim.Adam) -> Trainer:
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        adam,
        scheduler=optim.lr_scheduler.InverseTimeLR(adam, decay=5e-7),
        schedule_every="step",
        penalty=lambda: nn.utils.penalty(model[1], l2_weight=5e-4, l2_bias=5e-4),
        report_every=100,
    )
