"""Small pictures of a course of numbers: a line of text, or an SVG drawing."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence

__all__ = ["picture", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(series: Sequence[Sequence[float]], width: int = 40, mark: int | None = None) -> str:
    """Return ``[[step, value], ...]`` as one line of bars; ``×`` stands for what is not finite, ``|`` before step ``mark``.

    >>> sparkline([[1, 0.0], [2, 1.0], [3, 7.0], [4, float("nan")]])
    '▁▂█×'
    >>> sparkline([[1, 0.0], [2, 7.0]], mark=2)
    '▁|█'
    """
    points = _thinned([(float(s), float(v)) for s, v in series], width)
    finite = [v for _, v in points if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    line = ""
    for i, (step, value) in enumerate(points):
        if mark is not None and i and points[i - 1][0] < mark <= step:
            line += "|"
        line += _bar(value, low, high) if math.isfinite(value) else "×"
    return line


def _bar(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]


def _thinned(points: list[tuple[float, float]], width: int) -> list[tuple[float, float]]:
    """Return at most ``width`` points: of each stretch its last, or one that is not finite."""
    if len(points) <= width:
        return points
    edges = [round(i * len(points) / width) for i in range(width + 1)]
    stretches = [points[a:b] for a, b in itertools.pairwise(edges)]
    return [next((p for p in stretch if not math.isfinite(p[1])), stretch[-1]) for stretch in stretches]


def picture(series: Sequence[Sequence[float]], mark: int, title: str, width: int = 360, height: int = 120) -> str:
    """Return ``[[step, value], ...]`` as an SVG line with a dashed line at step ``mark``; "" with less than two points.

    Values that are positive and span more than a factor of 100 are drawn on a logarithmic scale. Colours follow the
    text around the drawing, so that it is good to look at on light and dark pages.
    """
    points = [(float(s), float(v)) for s, v in series if math.isfinite(float(v))]
    if len(points) < 2:
        return ""
    values = [v for _, v in points]
    logarithmic = min(values) > 0 and max(values) > 100 * min(values)
    left, right, top, bottom = 46, 8, 8, 20
    steps = [s for s, _ in points]
    x = _scale(min(steps), max(steps), left, width - right)
    ys = [math.log10(v) if logarithmic else v for v in values]
    y = _scale(min(ys), max(ys), height - bottom, top)
    path = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, ys, strict=True))
    label = 'fill="currentColor" font-size="10" font-family="sans-serif"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{html.escape(title)}</title>',
        f'<path d="M{left},{top}V{height - bottom}H{width - right}" fill="none" stroke="currentColor" opacity="0.4"/>',
        f'<text x="{left - 4}" y="{top + 8}" text-anchor="end" {label}>{max(values):.3g}</text>',
        f'<text x="{left - 4}" y="{height - bottom}" text-anchor="end" {label}>{min(values):.3g}</text>',
        f'<text x="{left}" y="{height - 6}" {label}>{min(steps):,.0f}</text>',
        f'<text x="{width - right}" y="{height - 6}" text-anchor="end" {label}>{max(steps):,.0f}</text>',
    ]
    if min(steps) <= mark <= max(steps):
        parts.append(
            f'<path d="M{x(mark):.1f},{top}V{height - bottom}" stroke="#d1495b" stroke-dasharray="3 3" fill="none"/>'
        )
    parts.append(f'<polyline points="{path}" fill="none" stroke="#2a7fb8" stroke-width="1.5"/></svg>')
    return "".join(parts)


def _scale(low: float, high: float, start: float, end: float):
    span = high - low
    return lambda value: start + (end - start) * ((value - low) / span if span else 0.5)
