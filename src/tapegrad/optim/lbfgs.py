"""L-BFGS: Newton steps with a Hessian remembered as its last few changes; for full batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import STATE, Tensor, enable_grad, no_grad, wrap
from ..errors import ArgumentError, TraceError
from .arithmetic import check_rate, number
from .optimizer import Optimizer
from .wolfe import strong_wolfe

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """w = w - t H g, where H, the inverse Hessian, is built of the last ``history_size`` changes of w and g.

    A step evaluates the closure, which computes the loss and its gradients anew, up to ``max_eval`` times (1.25
    ``max_iter`` by default) in up to ``max_iter`` iterations, and ends early when the largest gradient is at most
    ``tolerance_grad``, or the largest change, or that of the loss, at most ``tolerance_change``. t is ``lr``, or what
    ``line_search_fn="strong_wolfe"`` finds. One group of parameters only.
    Raises ArgumentError for more groups, a negative ``lr``, or an unknown line search.
    Source: J. Nocedal, S. Wright, "Numerical optimization" (2006), algorithms 7.4 and 3.5;
    https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html

    >>> import tapegrad as tg
    >>> w = tg.nn.Parameter(tg.tensor([3.0, -2.0]))
    >>> optimizer = tg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item(), round(closure().item(), 6)
    (13.0, 0.0)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        check_rate("LBFGS", lr)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ArgumentError("LBFGS", f"line_search_fn={line_search_fn!r}", "use 'strong_wolfe' or None")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ArgumentError(
                "LBFGS", f"{len(self.param_groups)} parameter groups", "pass the parameters as one group"
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to ``max_iter`` iterations; return the loss as it was before them."""
        if closure is None:
            raise ArgumentError("LBFGS", "step() was called without a closure", "pass a function that returns the loss")
        if STATE.tracer is not None:
            STATE.tracer.refuse("LBFGS", "the number of its iterations depends on values", "step outside")
            if STATE.tracer.maps:
                raise TraceError("LBFGS", "a step inside vmap", "step outside")
        with no_grad(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return _Step(self, closure).run()

    # -- parameters as one vector -------------------------------------------------------------------------------------

    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]

    def _gathered(self) -> np.ndarray:
        parts = [np.zeros(p.array.size, p.array.dtype) if p._grad is None else p._grad.array for p in self._params()]
        return np.concatenate([part.reshape(-1) for part in parts])

    def _weights(self) -> np.ndarray:
        return np.concatenate([p.array.reshape(-1) for p in self._params()])

    def _set_weights(self, flat: np.ndarray) -> None:
        start = 0
        for p in self._params():
            p.array[...] = flat[start : start + p.array.size].reshape(p.array.shape)
            p.memory.wrote()
            start += p.array.size


class _Step:
    """One call of ``step``: its iterations."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]):
        self.optimizer = optimizer
        self.closure = closure
        self.group = optimizer.param_groups[0]
        self.state = optimizer.state[optimizer._params()[0]]
        self.memory = {name: _as_arrays(value) for name, value in self.state.items()}
        self.memory.setdefault("func_evals", 0)
        self.memory.setdefault("n_iter", 0)

    def evaluate(self) -> tuple[Any, float, np.ndarray]:
        """Return the loss, as it came and as a number, and the gradient."""
        with enable_grad():
            loss = self.closure()
        return loss, float(loss), self.optimizer._gathered()

    def at(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return loss and gradient at other weights."""
        self.optimizer._set_weights(weights)
        return self.evaluate()[1:]

    def run(self) -> Any:
        """Return the loss before the first iteration, with everything remembered in the optimizer's state."""
        try:
            return self.iterate()
        finally:
            self.state.update({name: _as_tensors(value) for name, value in self.memory.items()})

    def iterate(self) -> Any:
        group, memory = self.group, self.memory
        first, loss, g = self.evaluate()
        evaluations = 1
        memory["func_evals"] += 1
        if np.abs(g).max(initial=0) <= group["tolerance_grad"]:
            return first
        d, t = memory.get("d"), memory.get("t")
        before_g, before_loss = memory.get("prev_flat_grad"), memory.get("prev_loss")
        for iteration in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            d = self.direction(g, before_g, d, t)
            before_g, before_loss = g.copy(), loss
            lr = number(group["lr"])
            t = min(1.0, 1.0 / np.abs(g).sum()) * lr if memory["n_iter"] == 1 else lr
            slope = float(g @ d)
            if slope > -group["tolerance_change"]:
                break
            start = self.optimizer._weights()
            tried = 0
            if group["line_search_fn"] is not None:
                loss, g, t, tried = strong_wolfe(
                    lambda s, w=start, d=d: self.at(w + d.dtype.type(s) * d), t, d, loss, g, slope
                )
                self.optimizer._set_weights(start + d.dtype.type(t) * d)
            else:
                self.optimizer._set_weights(start + d.dtype.type(t) * d)
                if iteration != group["max_iter"]:
                    _, loss, g = self.evaluate()
                    tried = 1
            evaluations += tried
            memory["func_evals"] += tried
            if iteration == group["max_iter"] or evaluations >= group["max_eval"]:
                break
            if np.abs(g).max(initial=0) <= group["tolerance_grad"]:
                break
            if np.abs(d * t).max() <= group["tolerance_change"] or abs(loss - before_loss) < group["tolerance_change"]:
                break
        memory.update(d=d, t=t, prev_flat_grad=before_g, prev_loss=before_loss)
        return first

    def direction(self, g: np.ndarray, before: Any, d: Any, t: Any) -> np.ndarray:
        """Return -H g, after the last change of weights and gradient went into H."""
        memory = self.memory
        if memory["n_iter"] == 1:
            memory.update(
                old_dirs=[], old_stps=[], ro=[], H_diag=np.ones((), g.dtype), al=[None] * self.group["history_size"]
            )
            return -g
        change, moved = g - before, d * t
        product = float(change @ moved)
        if product > 1e-10:
            if len(memory["old_dirs"]) == self.group["history_size"]:
                for name in ("old_dirs", "old_stps", "ro"):
                    memory[name].pop(0)
            memory["old_dirs"].append(change)
            memory["old_stps"].append(moved)
            memory["ro"].append(np.asarray(1.0 / product, change.dtype))
            memory["H_diag"] = np.asarray(product / float(change @ change), change.dtype)
        # The two loops of algorithm 7.4.
        pairs = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
        q = -g
        shares = []
        for change, moved, ro in reversed(pairs):
            shares.append(q.dtype.type((moved @ q) * ro))
            q = q - shares[-1] * change
        r = q * q.dtype.type(memory["H_diag"])
        for (change, moved, ro), share in zip(pairs, reversed(shares), strict=True):
            r = r + moved * (share - r.dtype.type((change @ r) * ro))
        return r


def _as_arrays(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_arrays(item) for item in value]
    return value.array if isinstance(value, Tensor) else value


def _as_tensors(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_tensors(item) for item in value]
    return wrap(value) if isinstance(value, np.ndarray) else value
