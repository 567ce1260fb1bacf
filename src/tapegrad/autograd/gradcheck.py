"""Proof of gradients by finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Tensor, grad, wrap
from ..errors import ArgumentError, GradError

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(GradError):
    """A gradient that does not agree with finite differences."""


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    r"""Return True when the gradients of ``func(*inputs)`` agree with central differences.

    For every output i and input element j: :math:`|a_{ij} - n_{ij}| \le atol + rtol |n_{ij}|` with the analytic a and
    :math:`n = (f(x + \epsilon e_j) - f(x - \epsilon e_j)) / 2 \epsilon`. Inputs that require a gradient should be float64.
    ``fast_mode`` compares one random projection of each Jacobian instead; each output is differentiated alone, so
    that the others' gradients are undefined; ``nondet_tol`` is how far two runs of the gradient may differ.
    Otherwise raises GradcheckError (or returns False without ``raise_exception``), naming the worst position with both
    values. Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([0.5, 1.0], dtype="float64", requires_grad=True)
    >>> tg.autograd.gradcheck(tg.exp, (x,))
    True
    """
    if check_batched_grad or check_batched_forward_grad or check_forward_ad or not check_backward_ad or masked:
        raise ArgumentError(
            "gradcheck",
            "batched, forward-mode and masked checks are not done",
            "leave those arguments at their defaults",
        )
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    tracked = [t for t in arguments if isinstance(t, Tensor) and t.requires_grad]
    _check_inputs(tracked)
    try:
        check = _Check(func, arguments, tracked, eps, atol, rtol)
        for i, t in enumerate(check.outputs):
            check.differentiability(i, t) if not t.requires_grad else check.output(i, t, fast_mode, nondet_tol)
            if check_grad_dtypes:
                check.dtypes(i, t)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_inputs(tracked: list[Tensor]) -> None:
    if not tracked:
        raise ArgumentError("gradcheck", "no input requires a gradient", "make one with requires_grad=True")
    for i, t in enumerate(tracked):
        if t.dtype != np.float64:
            warnings.warn(
                f"gradcheck: tracked input {i} has dtype {t.dtype}, too coarse for finite differences; use float64",
                stacklevel=3,
            )


def _outputs(result: Any) -> list[Tensor]:
    """Return the floating-point tensors of a result."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    return [t for t in results if isinstance(t, Tensor) and t.dtype.kind == "f"]


class _Check:
    """One function at one point, with its tolerances."""

    def __init__(self, func: Callable, arguments: list, tracked: list[Tensor], eps: float, atol: float, rtol: float):
        self.func = func
        self.arguments = arguments
        self.tracked = tracked
        self.eps = eps
        self.atol = atol
        self.rtol = rtol
        self.outputs = _outputs(func(*arguments))

    def values(self) -> list[np.ndarray]:
        return [t.array.astype(np.float64) for t in _outputs(self.func(*self.arguments))]

    def difference(self, x: Tensor, move: np.ndarray, i: int) -> np.ndarray:
        """Return the central difference of output i when x moves in a direction."""
        start = x.array.copy()
        sides = []
        for sign in (1, -1):
            x.array[...] = start + sign * self.eps * move
            sides.append(self.values()[i])
        x.array[...] = start
        return (sides[0] - sides[1]) / (2 * self.eps)

    def numeric(self, x: Tensor, i: int) -> np.ndarray:
        """Return the Jacobian of output i for an input, shape (elements of x, elements of the output)."""
        rows = []
        for position in np.ndindex(x.array.shape):
            move = np.zeros(x.array.shape)
            move[position] = 1.0
            rows.append(self.difference(x, move, i).reshape(-1))
        return np.array(rows).reshape(x.array.size, self.outputs[i].array.size)

    def gradients(self, out: Tensor, weight: np.ndarray) -> list[np.ndarray]:
        g = wrap(weight.astype(out.dtype).reshape(out.array.shape))
        results = grad(out, self.tracked, g, retain_graph=True, materialize_grads=True)
        return [r.array for r in results]

    def analytic(self, out: Tensor) -> list[np.ndarray]:
        """Return the Jacobians of an output for all inputs, from one backward pass per element."""
        columns = [self.gradients(out, unit) for unit in np.eye(out.array.size)]
        return [
            np.array([c[k].reshape(-1) for c in columns]).reshape(out.array.size, x.array.size).T
            for k, x in enumerate(self.tracked)
        ]

    def output(self, i: int, out: Tensor, fast: bool, nondet_tol: float) -> None:
        self.repeated(i, out, nondet_tol)
        if fast:
            self.projected(i, out)
            return
        for k, (x, a) in enumerate(zip(self.tracked, self.analytic(out), strict=True)):
            self.compare(a, self.numeric(x, i), i, k, x.array.shape, out.array.shape)

    def projected(self, i: int, out: Tensor) -> None:
        rng = np.random.default_rng(0)
        weight = rng.standard_normal(out.array.shape)
        for k, (x, g) in enumerate(zip(self.tracked, self.gradients(out, weight), strict=True)):
            move = rng.standard_normal(x.array.shape)
            a, n = (g * move).sum(), (self.difference(x, move, i) * weight).sum()
            self.compare(np.array([[a]]), np.array([[n]]), i, k, (1,), (1,))

    def repeated(self, i: int, out: Tensor, tolerance: float) -> None:
        first, second = (self.gradients(out, np.ones(out.array.shape)) for _ in range(2))
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            if a.size and not np.abs(a - b).max() <= tolerance:
                raise GradcheckError(
                    "gradcheck",
                    f"the gradient of output {i} for tracked input {k} differs by {np.abs(a - b).max():g} between two runs",
                    "make backward deterministic, or raise nondet_tol",
                )

    def compare(self, a: np.ndarray, n: np.ndarray, i: int, k: int, x_shape: tuple, out_shape: tuple) -> None:
        excess = np.abs(a - n) - (self.atol + self.rtol * np.abs(n))
        wrong = ~(excess <= 0) & ~((a == n) | (np.isnan(a) & np.isnan(n)))
        if not wrong.any():
            return
        worst = np.where(wrong, np.where(np.isnan(excess), np.inf, excess), -np.inf).argmax()
        row, column = np.unravel_index(worst, a.shape)
        at, of = (tuple(map(int, np.unravel_index(p, s))) for p, s in ((row, x_shape), (column, out_shape)))
        raise GradcheckError(
            "gradcheck",
            f"Jacobian mismatch for output {i} with respect to tracked input {k}, at output position {of}, input position {at}: "
            f"numerical {n[row, column]:.9g}, analytical {a[row, column]:.9g} ({int(wrong.sum())} of {a.size} entries differ)",
            "look at the rule's term for that input, or whether the point lies on a kink",
        )

    def differentiability(self, i: int, out: Tensor) -> None:
        """Refuse an output that depends on an input, but not through the graph."""
        for k, x in enumerate(self.tracked):
            n = self.numeric(x, i)
            if n.size and np.abs(n).max() > self.atol:
                raise GradcheckError(
                    "gradcheck",
                    f"output {i} does not require a gradient, but changes with tracked input {k} (by {np.abs(n).max():g})",
                    "compute it from the input by recorded operations",
                )

    def dtypes(self, i: int, out: Tensor) -> None:
        if not out.requires_grad:
            return
        for k, (x, g) in enumerate(zip(self.tracked, self.gradients(out, np.ones(out.array.shape)), strict=True)):
            if g.dtype != x.dtype:
                raise GradcheckError(
                    "gradcheck",
                    f"the gradient of output {i} for tracked input {k} has dtype {g.dtype}, the input {x.dtype}",
                    "cast it",
                )


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Return True when the gradients of the gradients of ``func(*inputs)`` agree with central differences.

    ``grad_outputs`` are where the first gradient is taken: random when None. Everything else as in :func:`gradcheck`.
    Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
    """
    if check_fwd_over_rev or not check_rev_over_rev:
        raise ArgumentError("gradgradcheck", "forward mode is not checked", "leave those arguments at their defaults")
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    weights = _weights(func, arguments, grad_outputs, gen_non_contig_grad_outputs)
    count = len(arguments)

    def gradients(*values: Any) -> tuple:
        outputs = [t for t in _outputs(func(*values[:count])) if t.requires_grad]
        tracked = [t for t in values[:count] if isinstance(t, Tensor) and t.requires_grad]
        return grad(outputs, tracked, values[count:], create_graph=True, materialize_grads=True)

    return gradcheck(
        gradients,
        [*arguments, *weights],
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _weights(func: Callable, arguments: Sequence, given: Any, strided: bool) -> list[Tensor]:
    if given is not None:
        return [given] if isinstance(given, Tensor) else list(given)
    rng = np.random.default_rng(0)
    weights = []
    for out in _outputs(func(*arguments)):
        if out.requires_grad:
            array = rng.standard_normal((*out.array.shape, 2) if strided else out.array.shape).astype(out.dtype)
            weights.append(wrap(array[..., 0] if strided else array).requires_grad_())
    return weights
