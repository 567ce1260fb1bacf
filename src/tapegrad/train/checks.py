"""What can be found out before a training: does all run through, and does the network learn a few samples by heart."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DataError
from ..ops.random import get_rng_state, set_rng_state
from .compiling import Compiling
from .position import Averages, Position

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Overfit", "dry_run", "first_batch", "overfit_one_batch", "set_rates", "unchanged"]


@contextlib.contextmanager
def unchanged(trainer: Trainer, *loaders: Any) -> Iterator[None]:
    """Give back, after the ``with`` block, the model, optimizer, schedule, averages and generators as they were.

    Schedule and averaged weights are left out within the block, and metrics begin anew.
    """
    model, optimizer = trainer.model, trainer.optimizer
    generators = [g for g in (getattr(loader, "generator", None) for loader in loaders) if g is not None]
    states, random = [g.get_state() for g in generators], get_rng_state()
    weights = {name: value.array.copy() for name, value in model.state_dict().items()}
    gradients = [(p, p.grad) for p in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    moments = copy.deepcopy(optimizer.state_dict())
    held = {
        name: getattr(trainer, name) for name in ("scheduler", "ema", "compiling", "position", "averages", "metrics")
    }
    undecided = trainer.undecided
    trainer.scheduler = trainer.ema = None
    trainer.position, trainer.averages = Position(), Averages()
    trainer.compiling = Compiling(trainer.compiling.wanted)
    trainer.metrics = {name: metric.fresh() for name, metric in trainer.metrics.items()}
    for p, _ in gradients:
        p.grad = None
    try:
        yield
    finally:
        for name, value in held.items():
            setattr(trainer, name, value)
        trainer.undecided = undecided
        model.load_state_dict(weights)
        optimizer.load_state_dict(moments)
        for p, gradient in gradients:
            p.grad = gradient
        for module, mode in modes:
            module.training = mode
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        set_rng_state(random)


def dry_run(trainer: Trainer, train: Iterable, valid: Iterable | None = None) -> dict[str, float]:
    """Take one training update and one validation batch through everything, undo it, and return what was measured."""
    with unchanged(trainer, train, valid):
        trainer.model.train()
        batches = list(itertools.islice(train, trainer.accumulate))
        if not batches:
            raise DataError("dry run", "the loader gave no batch", "give it data, or set drop_last=False")
        measured = trainer._update(batches)
        measured.update({name: metric.compute() for name, metric in trainer.metrics.items()})
        if valid is not None:
            found = trainer.evaluate(itertools.islice(valid, 1))
            measured.update({f"valid_{name}": value for name, value in found.items()})
    return {name: value for name, value in measured.items() if isinstance(value, (int, float))}


@dataclasses.dataclass
class Overfit:
    """The losses of a training on a few samples, and whether they were learned."""

    losses: list[float]
    learned: bool


def overfit_one_batch(
    trainer: Trainer, train: Iterable, steps: int = 500, *, samples: int = 32, share: float = 0.02
) -> Overfit:
    """Train on the first ``samples`` of one batch until the loss is at most ``share`` of the first, or for ``steps``.

    A network that cannot learn a few samples by heart has a fault: in its layers, its loss, its rate or the labels.
    The rate stays where it is (at the peak, for a schedule that has one), and penalties are left out.
    Afterwards all is as it was. A loss that cannot reach 0, as with smoothed labels, is never learned.
    """
    if steps < 1:
        raise ArgumentError("overfit_one_batch", f"steps is {steps}", "use at least 1")
    losses: list[float] = []
    penalty, trainer.penalty = trainer.penalty, None
    try:
        with unchanged(trainer, train):
            inputs, target = first_batch(train)
            batch = inputs[:samples], target[:samples]
            set_rates(trainer.optimizer, [group.get("max_lr", group["lr"]) for group in trainer.optimizer.param_groups])
            trainer.model.train()
            while len(losses) < steps and (len(losses) < 2 or losses[-1] > share * losses[0]):
                losses.append(trainer._update([batch])["loss"])
    finally:
        trainer.penalty = penalty
    return Overfit(losses, losses[-1] <= share * losses[0])


def first_batch(loader: Iterable) -> Any:
    """Return a loader's first batch. Raises DataError when there is none."""
    for batch in loader:
        return batch
    raise DataError("train", "the loader gave no batch", "give it data, or set drop_last=False")


def set_rates(optimizer: Any, rates: Iterable[Any]) -> None:
    """Give each parameter group its learning rate."""
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
