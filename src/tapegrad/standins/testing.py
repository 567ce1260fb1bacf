"""``torch.testing``: are two results equal but for rounding?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tapegrad.core import Tensor
from tapegrad.errors import ArgumentError

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

# Relative and absolute tolerances by dtype: https://docs.pytorch.org/docs/stable/testing.html
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Any = None,
) -> None:
    r"""Raise AssertionError unless :math:`|a - e| \le atol + rtol\,|e|` for all elements; lists and dicts are gone through.

    Without tolerances they follow from the dtype: 1.3e-6 and 1e-5 for float32, 1e-7 twice for float64, 0 for integers.

    >>> import tapegrad as tg
    >>> tg.testing.assert_close(tg.tensor([1.0]), tg.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        raise ArgumentError("assert_close", f"rtol is {rtol} and atol is {atol}", "give both or neither")
    tolerances = None if rtol is None or atol is None else (rtol, atol)
    fault = _fault(actual, expected, tolerances, equal_nan, check_dtype, "")
    if fault:
        raise AssertionError(msg(fault) if callable(msg) else msg or fault)


def _fault(actual: Any, expected: Any, tolerances: Any, equal_nan: bool, check_dtype: bool, place: str) -> str:
    """Return what is different, or an empty text."""
    further = (tolerances, equal_nan, check_dtype)
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"the keys are {sorted(map(str, actual))} and {sorted(map(str, expected))}{place}"
        faults = (_fault(actual[key], expected[key], *further, f" at {key!r}{place}") for key in actual)
        return next(filter(None, faults), "")
    if all(isinstance(given, Sequence) and not isinstance(given, str) for given in (actual, expected)):
        if len(actual) != len(expected):
            return f"the lengths are {len(actual)} and {len(expected)}{place}"
        faults = (
            _fault(a, e, *further, f" at {i}{place}") for i, (a, e) in enumerate(zip(actual, expected, strict=True))
        )
        return next(filter(None, faults), "")
    return _different(_array(actual), _array(expected), *further, place)


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _different(
    actual: np.ndarray, expected: np.ndarray, tolerances: Any, equal_nan: bool, check_dtype: bool, place: str
) -> str:
    if actual.shape != expected.shape:
        return f"the shapes are {actual.shape} and {expected.shape}{place}"
    if check_dtype and actual.dtype != expected.dtype:
        return f"the dtypes are {actual.dtype} and {expected.dtype}{place}"
    pair = [_TOLERANCES.get(array.dtype.name, (0.0, 0.0)) for array in (actual, expected)]
    rtol, atol = tolerances or (max(pair[0][0], pair[1][0]), max(pair[0][1], pair[1][1]))
    with np.errstate(all="ignore"):
        close = np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
        if close.all():
            return ""
        distance = np.abs(actual.astype(np.result_type(actual, np.float64)) - expected)
    worst = np.unravel_index(int(np.argmax(np.where(close, -1.0, np.nan_to_num(distance, nan=np.inf)))), close.shape)
    return (
        f"{np.count_nonzero(~close)} of {close.size} elements are not close (rtol {rtol:g}, atol {atol:g}){place}; the "
        f"greatest difference is {distance[worst]:g} at {tuple(map(int, worst))}: {actual[worst]} and {expected[worst]}"
    )


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Raise AssertionError as :func:`assert_close` does, whatever the dtypes are."""
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return a tensor of random numbers from ``low`` (for floats -9) to ``high`` (9), for tests."""
    import tapegrad as tg

    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        out = tg.randint(0, 2, size).to(dtype)
    elif dtype.kind in "iu":
        first = low if low is not None else (0 if dtype.kind == "u" else -9)
        out = tg.randint(int(first), int(10 if high is None else high), size).to(dtype)
    else:
        first, last = -9.0 if low is None else low, 9.0 if high is None else high
        out = (tg.rand(size, dtype=tg.float64) * (last - first) + first).to(dtype)
    if exclude_zero:
        out = tg.where(out == 0, tg.ones_like(out), out)
    if noncontiguous and out.numel() > 1:
        out = tg.repeat_interleave(out, 2, dim=-1)[..., ::2]
    return out.requires_grad_() if requires_grad else out
