"""One update of a training: forward pass, loss, penalty, backward pass, clipping, the optimizer's step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core import Tensor
from ..nn.utils import clip_grad_norm_, clip_grad_value_

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Update"]


class Update:
    """The update as a function of its batches, one after the other: (inputs, target, inputs, target, ...).

    It takes the mean gradient over the batches' samples, and returns (losses..., penalty where there is one, outputs...).
    ``check`` is given the losses and penalties so far, before each backward pass; a program makes no such stop.
    """

    def __init__(self, trainer: Trainer):
        self.settings = self._settings_of(trainer)
        self.model, self.loss, self.optimizer, self.penalty, self.clip_norm, self.clip_value = self.settings

    @staticmethod
    def _settings_of(trainer: Trainer) -> tuple:
        held = trainer.model, trainer.loss, trainer.optimizer, trainer.penalty
        return (*held, trainer.clip_norm, trainer.clip_value)

    def is_of(self, trainer: Trainer) -> bool:
        """Return whether it is what the trainer would do now."""
        return all(a is b for a, b in zip(self.settings, self._settings_of(trainer), strict=True))

    def __call__(self, inputs: Any, target: Tensor, *more: Any) -> tuple:
        return self.make((inputs, target, *more))

    def make(self, tensors: tuple, check: Callable[[list[Tensor], list[Tensor]], None] | None = None) -> tuple:
        """Make the update."""
        batches = list(zip(tensors[::2], tensors[1::2], strict=True))
        size = sum(len(target) for _, target in batches)
        losses: list[Tensor] = []
        penalties: list[Tensor] = []
        outputs: list[Any] = []
        self.optimizer.zero_grad()
        for inputs, target in batches:
            output = self.model(inputs)
            loss = self.loss(output, target)
            losses.append(loss.detach())
            outputs.append(output.detach() if isinstance(output, Tensor) else output)
            if len(batches) > 1:
                loss = loss * (len(target) / size)
            if self.penalty is not None and not penalties:
                penalty = self.penalty()
                penalties.append(penalty.detach())
                loss = loss + penalty
            if check is not None:
                check(losses, penalties)
            loss.backward()
        self._clip()
        self.optimizer.step()
        return (*losses, *penalties, *outputs)

    def _clip(self) -> None:
        if self.clip_norm is None and self.clip_value is None:
            return
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.clip_norm is not None:
            clip_grad_norm_(parameters, self.clip_norm)
        if self.clip_value is not None:
            clip_grad_value_(parameters, self.clip_value)
