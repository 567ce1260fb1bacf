"""The door to the compiler: it is loaded when something is first compiled, not when tapegrad is imported."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["compile"]


def compile(
    model: Callable | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
    target: str | None = None,
    verify: int | None = None,
) -> Any:
    """Return a function that does what the given one does, from its first call on as a program of plain NumPy.

    Give it a whole training step: forward, ``backward()``, clipping, ``optimizer.step()``, a schedule's ``step()``. The first
    call with arguments of a kind (shapes, dtypes, plain values) is run once to write down what it does, and undone; the
    program that comes of it makes that step and all later ones. Its text is in ``source``; ``programs`` counts them.
    A module given instead comes back as one whose forward pass is compiled wherever no gradient is recorded.

    The program reads learning rates, momenta and weight decays anew in each call. It holds as long as Python would do the
    same again: the same parameters and modes, equal attributes, globals and free variables; else another one is made. What
    cannot be written down (a value read into Python, a hook, printing, NumPy's own functions) runs eagerly and warns
    once; ``refusals`` says why. Results agree with the eager ones up to the order of additions.

    ``target``: "numpy", or "numba" (needs tapegrad[fast]), by default whichever is faster for the step; ``compiled.target``
    says which it was. ``verify=k`` runs the first and every k-th call eagerly as well, and raises TraceError naming the
    first operation that differs. ``disable`` returns the function as it is; PyTorch's other options have no effect.
    Raises UsageError for what cannot be called. Source: https://pytorch.org/docs/stable/generated/torch.compile.html

    >>> import tapegrad as tg
    >>> model = tg.nn.Linear(2, 1)
    >>> optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> @tg.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = tg.nn.functional.mse_loss(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> losses = [step(tg.ones(4, 2), tg.zeros(4, 1)).item() for _ in range(20)]
    >>> losses[-1] < losses[0], step.programs
    (True, 1)
    """
    if model is None:
        return functools.partial(compile, disable=disable, target=target, verify=verify)
    if disable:
        return model
    from .compiled import Compiled
    from .modules import compiled_module

    return compiled_module(model, target, verify) if hasattr(model, "_parameters") else Compiled(model, target, verify)
