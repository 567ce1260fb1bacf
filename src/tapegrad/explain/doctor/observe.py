"""What the doctor has seen of a training: looks at the network, losses, reports, and what holds from the start.

Detectors read a :class:`Course` and nothing else: the same ones judge a training that is going on, a run's folder and a
script with a loop of its own. Where one of these could not measure something, it is None (or empty), and a detector
that needs it says nothing.

Steps count finished updates: 1 is the first update, and a look at step n shows the activations that went into update n,
its gradients, and how far it moved the weights. Findings before the training have ``since`` 0.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ...train.inside import LayerLook

if TYPE_CHECKING:
    from .practice import Practice
    from .sample import Sample
    from .tape import Cut
    from .traits import Traits

__all__ = ["Course", "Facts", "Failure", "LayerLook", "Look", "ParameterStart", "Start"]


@dataclasses.dataclass
class Look:
    """One look at the network: layers by path, in the order of the model's modules. The last is mostly the output."""

    step: int
    layers: dict[str, LayerLook]


@dataclasses.dataclass
class Facts:
    """What holds for the whole training. None, 0 or "" where it is not known.

    ``loss``, ``optimizer``, ``schedule``: names of classes. ``task``: "classification" (targets are whole numbers, one
    for each sample), "regression" or "". ``batches``: updates in an epoch; ``batch_size``: samples in an update;
    ``samples``: in the training set; ``parameters``: numbers that are learned. ``epochs``, ``steps``: planned.
    ``options``: the optimizer's first group without its parameters. ``has_valid``: whether it is validated.
    ``kinds``: path to class name, for every layer. ``networks``: what the variables that hold the networks are called, the
    largest first; with several, paths begin with them.
    """

    loss: str = ""
    optimizer: str = ""
    schedule: str = ""
    task: str = ""
    classes: int | None = None
    batch_size: int = 0
    batches: int = 0
    samples: int = 0
    epochs: int = 0
    steps: int | None = None
    parameters: int = 0
    has_valid: bool = False
    clip_norm: float | None = None
    accumulate: int = 1
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    kinds: dict[str, str] = dataclasses.field(default_factory=dict)
    networks: tuple[str, ...] = ("model",)


@dataclasses.dataclass
class ParameterStart:
    """A parameter at the start: whether it is learned, whether the optimizer has it, whether all its values are finite, and
    whether the first backward pass reached it (None before that)."""

    learned: bool
    held: bool
    finite: bool
    reached: bool | None = None


@dataclasses.dataclass
class Start:
    """The first batch and what came out of it, before anything was learned; None where it is not known.

    ``inputs`` and ``targets``: the batch; ``outputs``: the network's for its first samples, as many as there are rows;
    ``last``: the primitive that made them ("sigmoid", "softmax", "linear", ...), and ``last_path`` the module that it is
    in; ``loss``: the data loss of the first update; ``parameters``: by name. ``samples``: of "train", "valid" and "test"
    those that are known as arrays: (inputs, targets). ``cut``: where the way to parameters that get no gradient is cut.
    """

    inputs: np.ndarray | None = None
    targets: np.ndarray | None = None
    outputs: np.ndarray | None = None
    last: str = ""
    last_path: str = ""
    loss: float | None = None
    parameters: dict[str, ParameterStart] = dataclasses.field(default_factory=dict)
    samples: dict[str, tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)
    cut: Cut | None = None


@dataclasses.dataclass
class Failure:
    """How a training broke off: after ``step`` finished updates, in words ``what``; ``operation`` is the first one that
    gave a value that is not finite (a primitive's name) and ``module`` the path of the layer that it is in, "" where not
    known; ``part``: "forward", "backward" or "update"."""

    step: int
    what: str
    operation: str = ""
    module: str = ""
    part: str = ""


@dataclasses.dataclass
class Course:
    """Everything seen so far. ``steps[i]`` and ``losses[i]``: the data loss (without penalty) of an update's batch;
    ``rates``: (step, rate) at the first update and wherever the rate changed; ``records``: the reports, as
    ``Trainer.history`` has them (epoch, step, rate, loss, accuracy, valid_loss, ...); ``looks``: in order.
    ``whole``: the training is over, so that what it came to can be judged. ``start``: the first batch; ``traits``: of the
    model before its first update; ``sample``: of some training data; ``practice``: how a hand-written loop goes about it."""

    facts: Facts = dataclasses.field(default_factory=Facts)
    steps: list[int] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    rates: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    records: list[dict[str, float]] = dataclasses.field(default_factory=list)
    looks: list[Look] = dataclasses.field(default_factory=list)
    failure: Failure | None = None
    whole: bool = False
    start: Start | None = None
    traits: Traits | None = None
    sample: Sample | None = None
    practice: Practice | None = None

    @property
    def step(self) -> int:
        """The last update that was seen."""
        return max(self.steps[-1] if self.steps else 0, self.looks[-1].step if self.looks else 0)

    def series(self, path: str, field: str) -> list[list[float]]:
        """Return ``[[step, value], ...]`` of a layer's field over all looks that have it."""
        found = [(look.step, getattr(look.layers[path], field)) for look in self.looks if path in look.layers]
        return [[step, float(value)] for step, value in found if value is not None]

    def loss_series(self, points: int = 60) -> list[list[float]]:
        """Return ``[[step, loss], ...]``: means over at most ``points`` stretches of updates, for a finding's evidence."""
        count = len(self.losses)
        if count <= points:
            return [[s, float(v)] for s, v in zip(self.steps, self.losses, strict=True)]
        edges = np.linspace(0, count, points + 1).astype(int)
        with np.errstate(all="ignore"):
            means = np.add.reduceat(np.asarray(self.losses), edges[:-1]) / np.diff(edges)
        return [[self.steps[b - 1], float(mean)] for b, mean in zip(edges[1:], means, strict=True)]
