"""Watching a loop that somebody else wrote: modules, losses, backward passes and optimizer steps, from outside."""

from __future__ import annotations

import functools
import importlib
import math
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ...core import STATE, Tensor
from ...core.graph import user_line
from ...errors import GradError
from ...nn import Module
from ...nn.global_hooks import register_module_forward_hook, register_module_forward_pre_hook
from ...nn.reduction import Loss
from ...optim import Optimizer
from ...utils.data import DataLoader
from .gathering import Gathering

__all__ = ["Enough", "Watcher"]

LOSSES = (
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cross_entropy", "nll_loss", "binary_cross_entropy"),
    *("binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_loss"),
)
_HOMES = ("tapegrad.functional", "tapegrad.nn.functional")
_CLIPS = ("tapegrad.nn.utils", "tapegrad.nn.utils.clip_grad")


class Enough(BaseException):
    """As many updates as were asked for are done; no script catches it by accident."""


class Watcher:
    """Watches everything within a ``with`` block, and gathers it in ``gathering``.

    Raises Enough within the block after ``steps`` updates or ``seconds`` seconds, and as soon as a loss is not finite.
    ``resisted`` is called instead the second time: what watches over a loop that catches everything can end the process.
    """

    def __init__(
        self,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        resisted: Callable[[Gathering], None] | None = None,
    ):
        self.gathering = Gathering()
        self.steps = steps
        self.seconds = seconds
        self.resisted = resisted
        self._ended = False
        self._undo: list[Callable[[], Any]] = []
        self._depth = 0
        self._measuring = False
        self._began = 0.0

    # -- putting the hooks in place -----------------------------------------------------------------------------------

    def __enter__(self) -> Watcher:
        self._began = time.monotonic()
        handles = [
            register_module_forward_pre_hook(self._enters),
            register_module_forward_hook(self._leaves, always_call=True),
        ]
        self._undo += [handle.remove for handle in handles]
        for home in _HOMES:
            for name in LOSSES:
                self._replace(importlib.import_module(home), name, self._loss)
        for home in _CLIPS:
            self._replace(importlib.import_module(home), "clip_grad_norm_", self._clip)
        self._replace(Tensor, "backward", self._backward)
        self._replace(Optimizer, "__init__", self._optimizer)
        self._replace(Module, "load_state_dict", self._loading)
        self._replace(DataLoader, "__iter__", self._pass)
        self._function()
        return self

    def __exit__(self, *exc: object) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo = []

    def _replace(self, owner: Any, name: str, make: Callable[[Any, str], Any]) -> None:
        original = getattr(owner, name, None)
        if original is None:
            return
        setattr(owner, name, functools.wraps(original)(make(original, name)))
        self._undo.append(lambda: setattr(owner, name, original))

    def _function(self) -> None:
        from ...autograd import Function

        original = vars(Function)["apply"]

        def apply(cls: Any, *args: Any) -> Any:
            if STATE.tracer is None and not self._measuring:
                self._measuring = True
                try:
                    self._see(self.gathering.function, cls, functools.partial(original.__func__, cls), args)
                finally:
                    self._measuring = False
            return original.__func__(cls, *args)

        Function.apply = classmethod(apply)  # type: ignore[method-assign, assignment]
        self._undo.append(lambda: setattr(Function, "apply", original))

    def _see(self, look: Callable[..., Any], *details: Any, **more: Any) -> Any:
        """Call what gathers; what it cannot look at must not end the script that is looked at."""
        try:
            return look(*details, **more)
        except Exception as error:
            self.gathering.practice.unseen = self.gathering.practice.unseen or f"{type(error).__name__}: {error}"
            return None

    # -- modules ------------------------------------------------------------------------------------------------------

    def _enters(self, module: Module, args: tuple) -> None:
        if STATE.tracer is not None or self._measuring:
            return
        if self._depth == 0 and not isinstance(module, Loss):
            self._see(self.gathering.enters, module, args)
        self._depth += 1

    def _leaves(self, module: Module, args: tuple, output: Any) -> None:
        if STATE.tracer is not None or self._measuring:
            return
        self._depth = max(self._depth - 1, 0)
        if isinstance(module, Loss) or output is None:
            return
        self._see(self.gathering.leaves, module, args, output, outermost=self._depth == 0)

    # -- losses -------------------------------------------------------------------------------------------------------

    def _loss(self, original: Callable, name: str) -> Callable:
        def loss(*args: Any, **kwargs: Any) -> Any:
            if STATE.tracer is not None or self._measuring:
                return original(*args, **kwargs)
            self._measuring = True
            try:
                result = original(*args, **kwargs)
            except Exception:
                self._see(self.gathering.refused_loss, name, _given(args, kwargs))
                raise
            finally:
                self._measuring = False
            call = functools.partial(original, **{k: v for k, v in kwargs.items() if k not in ("input", "target")})
            self._see(self.gathering.loss, name, _given(args, kwargs), kwargs.get("reduction", "mean"), result, call)
            return result

        return loss

    def _clip(self, original: Callable, name: str) -> Callable:
        def clip(parameters: Any, max_norm: float, *args: Any, **kwargs: Any) -> Any:
            parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
            norm = original(parameters, max_norm, *args, **kwargs)
            self.gathering.clipped(float(norm), float(max_norm))
            return norm

        return clip

    def _backward(self, original: Callable, name: str) -> Callable:
        def backward(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            if STATE.tracer is not None or self._measuring:
                return original(loss, *args, **kwargs)
            self._measuring = True
            try:
                if self._see(self.gathering.before_backward, loss) is False:
                    self._end()
                try:
                    original(loss, *args, **kwargs)
                except GradError:
                    self.gathering.detached(loss, user_line())
                    raise
                self._see(self.gathering.after_backward, loss)
            finally:
                self._measuring = False
            return None

        return backward

    # -- optimizers ---------------------------------------------------------------------------------------------------

    def _optimizer(self, original: Callable, name: str) -> Callable:
        def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self.adopt(optimizer)

        return init

    def adopt(self, optimizer: Any) -> list[Any]:
        """Watch an optimizer; return the handles of the hooks."""
        self.gathering.optimizers.append(optimizer)
        before = optimizer.register_step_pre_hook(self._before_step)
        return [before, optimizer.register_step_post_hook(self._after_step)]

    def _before_step(self, optimizer: Any, args: tuple, kwargs: dict) -> None:
        if STATE.tracer is None:
            self._see(self.gathering.before_step, optimizer)

    def _after_step(self, optimizer: Any, args: tuple, kwargs: dict) -> None:
        if STATE.tracer is not None:
            return
        self._see(self.gathering.after_step, optimizer)
        done = self.gathering.course.practice.steps  # type: ignore[union-attr]
        late = self.seconds is not None and time.monotonic() - self._began > self.seconds
        if late or (self.steps is not None and done >= self.steps):
            self._end()

    def _end(self) -> NoReturn:
        if self._ended and self.resisted is not None:
            self.resisted(self.gathering)
        self._ended = True
        raise Enough

    def _loading(self, original: Callable, name: str) -> Callable:
        def load(module: Module, *args: Any, **kwargs: Any) -> Any:
            self.gathering.loaded = True
            return original(module, *args, **kwargs)

        return load

    def _pass(self, original: Callable, name: str) -> Callable:
        def iterate(loader: Any) -> Any:
            self.gathering.records.begins(loader.dataset)
            return original(loader)

        return iterate


def _given(args: tuple, kwargs: dict) -> tuple[Any, Any]:
    """Return a loss's input and target."""
    both = [*args[:2], *(kwargs[key] for key in ("input", "target") if key in kwargs)]
    return (both[0] if both else None), (both[1] if len(both) > 1 else None)


def is_finite(values: Any) -> bool:
    """Return whether a number, or all of an array, is finite."""
    return math.isfinite(values) if isinstance(values, float) else bool(np.isfinite(values).all())
