"""Averages of weights over a training: SWA and EMA, as in torch.optim.swa_utils."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

from ..core import Tensor, no_grad, tensor
from ..errors import ArgumentError, UsageError
from ..nn import Module
from .lr_scheduler import LRScheduler
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """Return the average of one parameter that forgets: decay · average + (1 - decay) · parameter.

    Raises ArgumentError for a decay outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Callable:
    """Return the average of one parameter that counts each alike: average + (parameter - average) / (n + 1)."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """Return :func:`get_ema_avg_fn` for lists of parameters, in place."""
    return _in_place(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable:
    """Return :func:`get_swa_avg_fn` for lists of parameters, in place."""
    return _in_place(get_swa_avg_fn())


def _in_place(average: Callable) -> Callable:
    @no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], num_averaged: Any) -> None:
        for mean, value in zip(averaged, current, strict=True):
            mean.copy_(average(mean, value, num_averaged) if mean.is_floating_point() else value)

    return update


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ArgumentError("get_ema_avg_fn", f"decay is {decay}", "use 0 to 1")


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's over time.

    ``update_parameters(model)`` adds the model's present parameters: the mean of all, or what ``avg_fn(average,
    parameter, n)`` returns, or what ``multi_avg_fn(averages, parameters, n)`` writes. ``use_buffers`` averages buffers
    as well; otherwise they are copied. Call :func:`update_bn` before it is used with batch norm.
    Raises UsageError when both functions are given.
    Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018),
    https://arxiv.org/abs/1803.05407

    >>> import tapegrad as tg
    >>> model = tg.nn.Linear(1, 1, bias=False)
    >>> average = tg.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0):
    ...     _ = tg.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average(tg.ones(1)).tolist()
    [1.5]
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise UsageError("AveragedModel", "avg_fn and multi_avg_fn are both given", "give one of them")
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Add the model's parameters to the averages; the first time they are copied."""
        averaged, current = self._pairs(model)
        with no_grad():
            if int(self.n_averaged) == 0:
                for mean, value in zip(averaged, current, strict=True):
                    mean.copy_(value)
            elif self.multi_avg_fn is not None:
                self.multi_avg_fn(averaged, current, self.n_averaged)
            else:
                average = self.avg_fn or get_swa_avg_fn()
                for mean, value in zip(averaged, current, strict=True):
                    mean.copy_(average(mean, value, self.n_averaged))
            if not self.use_buffers:
                for mean, value in zip(self.module.buffers(), model.buffers(), strict=True):
                    mean.copy_(value)
            self.n_averaged.add_(1)

    def _pairs(self, model: Module) -> tuple[list[Tensor], list[Tensor]]:
        def parts(of: Module) -> list[Tensor]:
            return [p.detach() for p in (*of.parameters(), *(of.buffers() if self.use_buffers else ()))]

        return parts(self.module), parts(model)


def update_bn(loader: Iterable, model: Module, device: Any = None) -> None:
    """Work out the running statistics of a model's batch norms anew, over the batches of a loader.

    Batches may be tensors, or lists and tuples whose first item is the input. The model's mode stays as it was.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.swa_utils.update_bn.html

    >>> import tapegrad as tg
    >>> model = tg.nn.BatchNorm1d(1)
    >>> tg.optim.swa_utils.update_bn([tg.tensor([[1.0], [3.0]])], model)
    >>> model.running_mean
    tensor([2.])
    """
    momenta = {}
    for module in model.modules():
        if hasattr(module, "running_mean") and hasattr(module, "momentum"):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    try:
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for module, momentum in momenta.items():
            module.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """γ goes from what it is to ``swa_lr`` within ``anneal_epochs`` steps, along a cosine or a line, and stays there.

    ``swa_lr`` is a number, or one for each group. Raises ArgumentError for another ``anneal_strategy`` or a negative
    ``anneal_epochs``. Source: https://pytorch.org/docs/stable/generated/torch.optim.swa_utils.SWALR.html

    >>> import tapegrad as tg
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=1.0)
    >>> schedule = tg.optim.swa_utils.SWALR(optimizer, swa_lr=0.0, anneal_epochs=2, anneal_strategy="linear")
    >>> optimizer.step(); schedule.step()
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ):
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError("SWALR", f"anneal_strategy={anneal_strategy!r}", "use 'cos' or 'linear'")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ArgumentError("SWALR", f"anneal_epochs={anneal_epochs!r}", "use a whole number, 0 or more")
        rates = swa_lr if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(optimizer.param_groups)
        if len(rates) != len(optimizer.param_groups):
            raise ArgumentError(
                "SWALR", f"{len(rates)} rates for {len(optimizer.param_groups)} groups", "give one, or one for each"
            )
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self.anneal_epochs = anneal_epochs
        self.anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, t: int) -> float:
        """Return how much of the way is gone after t steps."""
        share = min(1.0, max(0.0, t / max(1, self.anneal_epochs)))
        return share if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * share)) / 2

    def get_lr(self) -> list[float]:
        """Return the rates of this step: the part of the way beyond the last step's, from where the rate is now."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before = self._share(max(0, step - 1))
        now = self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            start = group["swa_lr"] if before == 1 else (group["lr"] - before * group["swa_lr"]) / (1 - before)
            rates.append(group["swa_lr"] * now + start * (1 - now))
        return rates
