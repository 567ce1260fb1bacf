"""The same training beside PyTorch: same network, weights and batches; differences of loss, gradients and weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError, MissingExtraError
from ..train import Callback, Trainer
from . import twins
from .build import Assembly, build
from .patterns import matching
from .schema import Config

__all__ = ["Comparison", "StepDifference", "verify_against"]


@dataclasses.dataclass
class StepDifference:
    """The largest absolute differences at one step; ``loss`` is tapegrad's."""

    step: int
    loss: float
    loss_difference: float
    gradient_difference: float
    weight_difference: float

    @property
    def largest(self) -> float:
        """The largest of the three; infinite where one of them is not a number."""
        found = max(self.loss_difference, self.gradient_difference, self.weight_difference)
        differences = (self.loss_difference, self.gradient_difference, self.weight_difference)
        return found if all(np.isfinite(differences)) else float("inf")


@dataclasses.dataclass
class Comparison:
    """A training beside PyTorch, step by step."""

    steps: list[StepDifference]
    torch_version: str
    notes: list[str]

    @property
    def largest(self) -> float:
        """The largest difference of all steps."""
        return max(step.largest for step in self.steps)


def verify_against(config: Config, steps: int = 100) -> Comparison:
    """Train ``steps`` updates in float64 here and in PyTorch, from the same weights with the same batches, and compare.

    Dropout is switched off in both, as two libraries never draw the same numbers; gradients are not accumulated.
    Raises MissingExtraError without PyTorch, ArgumentError for a network that PyTorch has no twin of.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("verify", "torch", "torch") from None
    if steps < 1:
        raise ArgumentError("verify", f"steps is {steps}", "use at least 1")
    training = config.training.model_copy(
        update={"steps": steps, "epochs": None, "accumulate": 1, "ema": None, "report_every": 2**31 - 1}
    )
    total = config.training
    config = config.model_copy(update={"dtype": "float64", "training": training})
    assembly = build(config)
    notes = _without_dropout(assembly.model)
    if total.accumulate > 1:
        notes.append("gradients are not accumulated")
    twin = _Twin(torch, assembly)
    loader = _Remembering(assembly.train_loader)
    twin.loader = loader
    assembly.trainer.callbacks = [twin]
    if twin.follows:
        notes.append("the rates of the schedule are ours in both")
    assembly.trainer.metrics = {}
    with np.errstate(all="ignore"):
        assembly.trainer.fit(loader, steps=steps)
    return Comparison(twin.found, torch.__version__, notes)


def _without_dropout(model: Any) -> list[str]:
    found = [layer for layer in model.modules() if "Dropout" in type(layer).__name__]
    for layer in found:
        layer.p = 0.0
    return ["dropout is switched off"] if found else []


class _Remembering:
    """A loader that keeps the batch it gave last."""

    def __init__(self, loader: Any):
        self.loader = loader
        self.batch: tuple[Any, Any] = (None, None)

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for batch in self.loader:
            self.batch = batch
            yield batch


class _Twin(Callback):
    """Does in PyTorch what the trainer has just done, and measures how far the two are apart."""

    loader: _Remembering

    def __init__(self, torch: Any, assembly: Assembly):
        self.torch = torch
        self.assembly = assembly
        self.found: list[StepDifference] = []
        config = assembly.config
        self.model = twins.network(torch, assembly.model)
        self.loss = twins.loss(torch, config, assembly.trainer.loss)
        self.parameters = dict(self.model.named_parameters())
        for name, parameter in assembly.model.named_parameters():
            self.parameters[name].requires_grad_(parameter.requires_grad)
        self.optimizer = twins.optimizer(torch, assembly.trainer.optimizer, assembly.model, self.parameters)
        ours = assembly.trainer.scheduler
        self.schedule = twins.schedule(torch, ours, assembly.schedule_arguments, self.optimizer)
        self.follows = ours is not None and self.schedule is None

    def on_batch_begin(self, trainer: Trainer) -> None:
        if self.follows:
            for theirs, group in zip(self.optimizer.param_groups, trainer.optimizer.param_groups, strict=True):
                theirs["lr"] = group["lr"]

    def on_batch_end(self, trainer: Trainer, batch: dict[str, float]) -> None:
        torch = self.torch
        inputs, target = (torch.tensor(np.asarray(part)) for part in self.loader.batch)
        loss = self.loss(self.model(inputs), target)
        self.optimizer.zero_grad()
        penalty = self._penalty()
        (loss + penalty).backward()
        training = self.assembly.config.training
        chosen = [p for p in self.parameters.values() if p.grad is not None]
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(chosen, training.clip_norm)
        if training.clip_value is not None:
            torch.nn.utils.clip_grad_value_(chosen, training.clip_value)
        self.optimizer.step()
        every = trainer.schedule_every
        end_of_epoch = (trainer.position.step) % len(self.loader) == 0
        if self.schedule is not None and (every == "step" or end_of_epoch):
            self.schedule.step()
        self.found.append(self._difference(trainer, batch["loss"], float(loss.detach())))

    def _penalty(self) -> Any:
        total = 0.0
        for entry in self.assembly.config.optimizer.penalties:
            for name, _ in matching(entry.parameters, self.assembly.model, "optimizer.penalties"):
                parameter = self.parameters[name]
                total = total + entry.l1 * parameter.abs().sum() + entry.l2 * parameter.square().sum()
        return total

    def _difference(self, trainer: Trainer, ours: float, theirs: float) -> StepDifference:
        gradient = weight = 0.0
        state = self.model.state_dict()
        for name, parameter in trainer.model.named_parameters():
            weight = _larger(weight, np.asarray(parameter.detach()), state[name].numpy())
            twin = self.parameters[name].grad
            if parameter.grad is not None and twin is not None:
                gradient = _larger(gradient, np.asarray(parameter.grad), twin.numpy())
        for name, buffer in trainer.model.named_buffers():
            weight = _larger(weight, np.asarray(buffer), state[name].numpy())
        return StepDifference(trainer.position.step, ours, abs(ours - theirs), gradient, weight)


def _larger(so_far: float, ours: np.ndarray, theirs: np.ndarray) -> float:
    found = float(np.abs(ours.astype(np.float64) - theirs).max(initial=0.0))
    return found if np.isnan(found) else max(so_far, found)
