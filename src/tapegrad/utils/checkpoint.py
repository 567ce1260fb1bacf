"""``torch.utils.checkpoint``: trading time for memory, accepted and not done.

PyTorch throws away what a block saved for backward and computes it again. Here the block is called, and keeps what it
saved: results and gradients are the same, and so is the memory of a network without checkpoints.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..nn import Sequential

__all__ = ["checkpoint", "checkpoint_sequential", "noop_context_fn", "set_checkpoint_debug_enabled"]


def noop_context_fn() -> tuple[Any, Any]:
    """Return two contexts that change nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)``.

    >>> import tapegrad as tg
    >>> from tapegrad.utils.checkpoint import checkpoint
    >>> checkpoint(tg.square, tg.tensor([3.0]), use_reentrant=False)
    tensor([9.])
    """
    with context_fn()[0]:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Sequential | Iterable[Callable],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Return what the functions make of the input, one after the other."""
    for function in functions:
        input = function(input)
    return input


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Change nothing within the block."""
    yield
