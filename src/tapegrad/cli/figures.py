"""How a number is shown on a terminal."""

from __future__ import annotations

__all__ = ["figure"]

_SMALL = 1e-3


def figure(value: float) -> str:
    """Return a loss or a metric with four decimals; a small one with three digits that say something.

    >>> figure(0.98765), figure(0.000312), figure(0.0)
    ('0.9877', '0.000312', '0.0000')
    """
    return f"{value:.3g}" if 0 < abs(value) < _SMALL else f"{value:.4f}"
