"""One formula of several."""

from __future__ import annotations

import dataclasses

__all__ = ["Line"]


@dataclasses.dataclass(frozen=True)
class Line:
    """One formula, ``left = right``, with the set that ``left`` is in and the layer that it belongs to.

    Without a right side it only says where ``left`` is from. ``operation``: the primitive's name, where one is behind it.
    """

    left: str
    right: str = ""
    shape: str = ""
    layer: str = ""
    relation: str = "="
    operation: str = ""

    @property
    def latex(self) -> str:
        """The formula in one line.

        >>> print(Line("h_1", "x W_1", "S").latex)
        h_1 = x W_1 \\in S
        """
        right = f" {self.relation} {self.right}" if self.right else ""
        return f"{self.left}{right}" + (rf" \in {self.shape}" if self.shape else "")
