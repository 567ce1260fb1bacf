"""What an array looks like: in one line of text, and as numbers for a page."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core import Tensor

__all__ = ["array_line", "as_plain", "json_number", "to_json"]

_FEW = 6


def as_plain(value: Any) -> np.ndarray:
    """Return a gradient or a saved value as an array; a sparse tensor as the dense one that it stands for."""
    if isinstance(value, Tensor):
        return value.to_dense().array if value.is_sparse else value.array
    return np.asarray(value)


def array_line(array: np.ndarray) -> str:
    """Return dtype, shape and values of a small array, of a larger one its mean, spread and range.

    >>> array_line(np.array([1.0, 2.5])), array_line(np.arange(100))
    ('float64[2]  [1, 2.5]', 'int64[100]  mean 49.5, spread 28.87, from 0 to 99')
    """
    kind = f"{array.dtype}[{', '.join(map(str, array.shape))}]"
    if array.size <= _FEW:
        return f"{kind}  {_nested(array.tolist())}"
    if array.dtype.kind == "b":
        return f"{kind}  {int(array.sum())} of {array.size} true"
    if array.dtype.kind == "c":
        return f"{kind}  mean size {_short(np.abs(array).mean())}"
    facts = _facts(array)
    return (
        f"{kind}  mean {_short(facts['mean'])}, spread {_short(facts['std'])}, "
        f"from {_short(facts['min'])} to {_short(facts['max'])}"
    )


def to_json(array: np.ndarray, limit: int) -> dict[str, Any]:
    """Return shape, dtype, values, mean, std, min and max as JSON can hold them; not a number and infinities as words.

    ``values`` are nested lists of at most ``limit`` numbers: the first along the first dimensions; ``truncated`` tells
    whether that leaves any out. Complex numbers count by their size.

    >>> to_json(np.array([1.0, np.inf]), 2)["values"], to_json(np.ones((5, 2)), 4)["values"]
    ([1.0, 'Infinity'], [[1.0, 1.0], [1.0, 1.0]])
    """
    if array.dtype.kind == "c":
        array = np.abs(array)
    shown = _first(array, limit)
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "values": _json(shown.tolist()),
        "truncated": shown.size < array.size,
        **{key: json_number(value) for key, value in _facts(array).items()},
    }


def json_number(value: Any) -> Any:
    """Return a number as JSON can hold it: ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` as words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _facts(array: np.ndarray) -> dict[str, float | None]:
    if not array.size or array.dtype.kind not in "biuf":
        return dict.fromkeys(("mean", "std", "min", "max"))
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64, copy=False)
        return {
            "mean": float(wide.mean()),
            "std": float(wide.std()),
            "min": float(wide.min()),
            "max": float(wide.max()),
        }


def _first(array: np.ndarray, limit: int) -> np.ndarray:
    """Return the part with the first indices of the first dimensions that has at most ``limit`` elements."""
    for dimension, size in enumerate(array.shape):
        if array.size <= limit:
            break
        each = max(array.size // size, 1)
        array = array[(slice(None),) * dimension + (slice(max(limit // each, 1)),)]
    return array if array.size <= limit else array[..., :0]


def _json(value: Any) -> Any:
    return [_json(item) for item in value] if isinstance(value, list) else json_number(value)


def _nested(value: Any) -> str:
    return f"[{', '.join(map(_nested, value))}]" if isinstance(value, list) else _short(value)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, complex, np.floating)) else str(value)
