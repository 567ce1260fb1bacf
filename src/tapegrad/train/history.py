"""The reports of a training."""

from __future__ import annotations

from ..core.printing import as_html

__all__ = ["History"]


class History(list[dict[str, float]]):
    """A list of one mapping for each report, which a notebook shows as a table and a curve.

    >>> History([{"epoch": 1, "loss": 0.5}])[-1]["loss"]
    0.5
    """

    def _repr_html_(self) -> str | None:
        return as_html(self)
