"""Whether a step is written as loops for Numba, where nobody has said."""

from __future__ import annotations

import math

from ..program import Step
from .build import has_numba

__all__ = ["choose"]

# Loading Numba and a step's machine code from the disk takes about 0.5 s, compiling it the first time 1 to 4 s. A loop
# saves about 0.1 ns for each element of each operation that it fuses, so from here on a thousand steps repay the former.
_ENOUGH = 4_000_000


def choose(step: Step) -> str:
    """Return the target for a step: ``"numba"`` where it is installed and its elementwise work is large, else ``"numpy"``.

    The answer depends on the step alone, not on how fast anything was: runs on one machine can be repeated bit for bit.
    """
    return "numba" if work_of(step) >= _ENOUGH and has_numba() else "numpy"


def work_of(step: Step) -> int:
    """Return how many elements a step's elementwise operations and poolings write."""
    return sum(
        math.prod(e.outputs[0].shape)
        for e in step.equations
        if getattr(e.primitive, "elementwise", False) or getattr(e.primitive, "name", "").startswith("max_pool")
    )
