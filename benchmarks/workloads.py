"""What is measured: a network, a batch size, and whether it is trained, asked, or fed an epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .networks import Network, batches, mlp, mnist_example, resnet20, vgg_like, weights
from .sequences import encoder, gpt

SINE = mlp(1, 20, 20, 1, activation="Tanh", loss="mse_loss")
TWO_LAYER = mlp(784, 400, 10)
LARGE = mlp(784, 512, 512, 10)
AUTOENCODER = mlp(784, 128, 64, 128, 784, loss="mse_loss", last="Sigmoid")


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    ``kind``: ``train`` (a step: forward, backward, Adam), ``infer`` (forward), or ``epoch`` (MNIST through the data
    loader). ``group``, for the targets: ``small`` (networks up to 784-30-10), ``mlp``, ``cnn``, ``sequence``, ``infer`` or ``epoch``.
    ``five``: one of the five networks that the hand-written step is held against.
    """

    key: str
    network: Network
    batch: int
    group: str
    kind: str = "train"
    five: bool = False

    @property
    def title(self) -> str:
        verb = {"train": "", "infer": "inference, ", "epoch": "an epoch of MNIST, "}[self.kind]
        return (
            f"{verb}{self.network.name}, batch {self.batch:,}"
            if self.batch > 1
            else f"{verb}{self.network.name}, 1 sample"
        )


WORKLOADS = [
    Workload("spiral", mlp(2, 64, 3), 300, "small", five=True),
    Workload("sine", SINE, 200, "small", five=True),
    Workload("784-30-10", mlp(784, 30, 10), 128, "small", five=True),
    Workload("784-500-150-10", mlp(784, 500, 150, 10), 128, "mlp", five=True),
    Workload("784-512-512-10", LARGE, 128, "mlp", five=True),
    Workload("sine-1", SINE, 1, "small"),
    Workload("sine-16", SINE, 16, "small"),
    Workload("two-layer-1", TWO_LAYER, 1, "mlp"),
    Workload("two-layer-16", TWO_LAYER, 16, "mlp"),
    Workload("two-layer-200", TWO_LAYER, 200, "mlp"),
    Workload("autoencoder", AUTOENCODER, 128, "mlp"),
    Workload("mnist-cnn", mnist_example(), 64, "cnn"),
    Workload("vgg", vgg_like(), 32, "cnn"),
    Workload("resnet", resnet20(), 32, "cnn"),
    Workload("gpt", gpt(), 4, "sequence"),
    Workload("encoder", encoder(), 16, "sequence"),
    Workload("infer-1", LARGE, 1, "infer", "infer"),
    Workload("infer-10000", LARGE, 10_000, "infer", "infer"),
    Workload("epoch", LARGE, 128, "epoch", "epoch"),
]
BY_KEY = {workload.key: workload for workload in WORKLOADS}


@dataclass
class Case:
    """What a peer gets: the network, the values that its parameters begin with, batches as NumPy arrays, Adam's rate."""

    network: Network
    kind: str
    batch: int
    weights: list[np.ndarray]
    batches: list[tuple[np.ndarray, np.ndarray]]
    threads: int
    rate: float = 1e-3


def case_of(workload: Workload, threads: int, *, check: bool = False, count: int | None = None) -> Case:
    """Return the case to be timed; or, with ``check``, the one whose losses are compared: without dropout, and CNNs at a
    rate of 1e-5, as at 1e-3 the losses of PyTorch's own settings part within 20 steps.
    """
    network = workload.network.without_dropout() if check else workload.network
    if workload.kind == "epoch":
        from .mnist import training_set

        pairs = [training_set()]
    else:
        pairs = batches(network, workload.batch, count or count_of(workload))
    rate = 1e-5 if check and workload.group == "cnn" else 1e-3
    return Case(network, workload.kind, workload.batch, weights(network), pairs, threads, rate)


def count_of(workload: Workload) -> int:
    """Return how many batches there are: enough that no network knows them by heart before the last round."""
    if workload.batch > 4096:
        return 1
    return 16 if workload.group in ("cnn", "sequence") else 4096 // workload.batch


@dataclass
class Runner:
    """One column of a row, ready to run: ``call(x, y)`` is a step, or ``call(x)`` the forward pass.

    ``number`` makes a float, or an array of outputs, of what a call returned; ``wait`` returns when it is there; ``note``
    tells afterwards what the reader of the figure must know.
    """

    call: Callable[..., Any]
    batches: list[tuple[Any, ...]]
    number: Callable[[Any], Any] = float
    wait: Callable[[Any], Any] = field(default=lambda result: None)
    note: Callable[[], str] = field(default=lambda: "")
