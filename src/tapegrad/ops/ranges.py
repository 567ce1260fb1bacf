"""PyTorch's older ``range``, in a file of its own because it hides Python's."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, function
from ..errors import OptionError
from .creation import linspace

__all__ = ["range"]


@function()
def range(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return the numbers from ``start`` to ``end``, which is included where it is reached: PyTorch's older ``arange``.

    Raises OptionError for a step of 0 or of the wrong sign.
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) * step < 0:
        raise OptionError("range", f"{end} cannot be reached from {start} in steps of {step}", "turn the step's sign")
    count = int((end - start) / step + 1)
    last = start + (count - 1) * step
    return linspace(start, last, count, dtype=dtype, device=device, requires_grad=requires_grad)
