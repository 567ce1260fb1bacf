"""Optimizers around another one: Lookahead averages its steps, SAM makes it descend from the worst point nearby."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import STATE, Tensor, enable_grad, no_grad, wrap
from ...errors import ArgumentError
from ..optimizer import Optimizer

__all__ = ["SAM", "Lookahead"]


class _Around(Optimizer):
    """An optimizer that leaves parameters, options and their state to another one."""

    def __init__(self, optimizer: Optimizer, defaults: dict[str, Any]):
        self.optimizer = optimizer
        super().__init__([dict(group) for group in optimizer.param_groups], {**optimizer.defaults, **defaults})
        # One list for both, so that a schedule that changes one changes the other.
        for inner in optimizer.param_groups:
            for name, value in defaults.items():
                inner.setdefault(name, value)
        self.param_groups = optimizer.param_groups

    def _all(self) -> list[tuple[Tensor, dict[str, Any]]]:
        return [(p, group) for group in self.param_groups for p in group["params"]]

    def _refuse_trace(self) -> None:
        if STATE.tracer is not None:
            STATE.tracer.refuse(type(self).__name__, "its step looks at values", "step outside the compiled step")

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both optimizers: the other's under ``"optimizer"``."""
        return {**super().state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state_dict: Any) -> None:
        """Take over a state that :meth:`state_dict` gave."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "optimizer"})
        self.optimizer.load_state_dict(state_dict["optimizer"])
        self.param_groups = self.optimizer.param_groups


class Lookahead(_Around):
    """Every ``k`` steps of another optimizer: s = s + α (w - s);  w = s, where the slow weights s began as w.

    Raises ArgumentError for ``k`` below 1 and α outside [0, 1].
    Source: M. Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (2019), https://arxiv.org/abs/1907.08610

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.contrib.Lookahead(tg.optim.SGD([w], lr=0.1), k=2)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     w.sum().backward()
    ...     optimizer.step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5):
        if k < 1 or not 0.0 <= alpha <= 1.0:
            raise ArgumentError("Lookahead", f"k={k}, alpha={alpha}", "use k of 1 or more, alpha from 0 to 1")
        super().__init__(optimizer, {})
        self.k, self.alpha = k, alpha
        for p, _ in self._all():
            self.state[p] = {"slow": wrap(np.array(p.array)), "step": 0}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step the other optimizer; each k-th time, go back part of the way."""
        self._refuse_trace()
        loss = self.optimizer.step(closure)
        with no_grad():
            for p, _ in self._all():
                state = self.state[p]
                state["step"] += 1
                if state["step"] % self.k == 0:
                    slow = state["slow"].array
                    slow += self.alpha * (p.array - slow)
                    p.copy_(state["slow"])
        return loss


class SAM(_Around):
    """w = w - step of another optimizer with the gradient at w + ρ g / |g|, where the loss nearby is largest.

    ``step(closure)`` takes a function that computes loss and gradients anew. Or by hand: gradients, ``first_step()``,
    gradients again, ``second_step()``. ``adaptive``: each weight's part of ρ in proportion to its magnitude (ASAM).
    Raises ArgumentError for a negative ρ, and for a step without a closure.
    Source: P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization" (2020),
    https://arxiv.org/abs/2010.01412; J. Kwon et al., "ASAM" (2021), https://arxiv.org/abs/2102.11600

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.contrib.SAM(tg.optim.SGD([w], lr=0.1), rho=0.5)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w * w).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item(), w.tolist()
    (1.0, [0.699999988079071])
    """

    def __init__(self, optimizer: Optimizer, rho: float = 0.05, adaptive: bool = False):
        if not rho >= 0:
            raise ArgumentError("SAM", f"rho is {rho}", "use 0 or more")
        super().__init__(optimizer, {"rho": rho, "adaptive": adaptive})

    def first_step(self, zero_grad: bool = False) -> None:
        """Go to the point nearby where the loss is about largest, remembering the weights."""
        moves = []
        for p, group in self._all():
            if p.grad is not None:
                scale = np.abs(p.array) if group["adaptive"] else 1.0
                moves.append((p, p.grad.array * scale, scale, group["rho"]))
        norm = float(np.sqrt(sum(float(np.sum(g * g)) for _, g, _, _ in moves)))
        with no_grad():
            for p, g, scale, rho in moves:
                self.state[p]["before"] = wrap(np.array(p.array))
                p.add_(wrap(np.asarray(g * scale * (rho / (norm + 1e-12)), dtype=p.array.dtype)))
        if zero_grad:
            self.zero_grad()

    def second_step(self, zero_grad: bool = False) -> None:
        """Go back to the weights that :meth:`first_step` left, and step the other optimizer from there."""
        with no_grad():
            for p, _ in self._all():
                before = self.state[p].pop("before", None)
                if before is not None:
                    p.copy_(before)
        self.optimizer.step()
        if zero_grad:
            self.zero_grad()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make both steps; return the loss at the weights as they were."""
        self._refuse_trace()
        if closure is None:
            raise ArgumentError(
                "SAM", "step() was called without a closure", "pass one, or use first_step and second_step"
            )
        with enable_grad():
            loss = closure()
        self.first_step()
        with enable_grad():
            closure()
        self.second_step()
        return loss
