"""Size: the shape of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LIBRARY", "Size"]

# The name under which shapes, and dtypes of other kinds, are printed: a script that imported torch reads "torch".
LIBRARY = ["tapegrad"]


class Size(tuple):
    """The shape of a tensor, printed as PyTorch prints it.

    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements."""
        return int(np.prod(self, dtype=np.int64))

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if isinstance(index, slice) else part

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: tuple) -> Size:
        return Size((*other, *self))

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"{LIBRARY[0]}.Size([{', '.join(map(str, self))}])"
