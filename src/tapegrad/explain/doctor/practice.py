"""How a hand-written training loop goes about it: what only shows when its calls are watched."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tape import Meeting

__all__ = ["LossCall", "Practice"]


@dataclasses.dataclass
class LossCall:
    """What a loss function was called with: its name, its ``reduction``, the shapes and kinds of input and target.

    ``made_by``: the operation that the input is the result of, and ``module`` the path of the layer where it is one.
    ``sums_to_one``: along which dimensions the input's numbers (or their exponentials) sum to 1; ``low`` and ``high``: the
    input's extremes. ``scaled``: by what the loss was multiplied before the backward pass.
    """

    name: str
    reduction: str = "mean"
    shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    target_kind: str = ""
    made_by: str = ""
    module: str = ""
    sums_to_one: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0
    scaled: float = 1.0


@dataclasses.dataclass
class Practice:
    """Counts are of events; places are ``file:line`` or dotted paths, "" where nothing was seen.

    ``backwards``, ``steps``: passes and updates; ``uncleared``: backward passes that added to gradients which an update had
    used already; ``emptied``: updates without any gradient although there was a backward pass before; ``unmoved``:
    whether no parameter changed. ``detached``: where a loss was that has no graph, ``detached_after`` the layer it
    was computed from. ``unheld``: parameters with a gradient that no optimizer has; ``strangers``: how many tensors the
    optimizers hold that are no parameters of the model, of ``held`` in all. ``idle_mode``: the layer (dropout, batch
    normalisation) that ran in evaluation mode in training passes; ``busy_mode``: the one that ran in training mode in
    every pass without gradients. ``factor``: of a gradient as it was used, the share of the true one; ``factor_where``.
    ``clipped``: (norm before, largest norm allowed) of calls of clip_grad_norm_, the mean of each. ``unseen``: what kept a look from being
    taken. ``error``: what ended the script, with ``error_where``, and
    ``error_kind`` the class. ``called``: the loss's first call, ``refused``: whether it did not take what it was
    given. ``meeting``: where outputs meet targets of another shape in an operation that is no loss's.
    """

    backwards: int = 0
    steps: int = 0
    uncleared: int = 0
    uncleared_since: int = 0
    emptied: int = 0
    unmoved: bool = False
    detached: str = ""
    detached_after: str = ""
    unheld: list[str] = dataclasses.field(default_factory=list)
    strangers: int = 0
    held: int = 0
    idle_mode: str = ""
    busy_mode: str = ""
    factor: float | None = None
    factor_where: str = ""
    clipped: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    refused: bool = False
    unseen: str = ""
    error: str = ""
    error_where: str = ""
    error_kind: str = ""
    called: LossCall | None = None
    meeting: Meeting | None = None
