"""How tensors print: PyTorch's layout, ``tensor([1., 2.])``, with what is not the default named behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..array import get_default_dtype
from ..errors import OptionError
from .size import LIBRARY

__all__ = ["as_html", "format_tensor", "paint_with", "set_printoptions"]

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
_PROFILES = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}


# What draws values for notebooks: a room above gives it, as none below may import it (docs/design/0011-in-sight.md).
_painters: list[Callable[[Any], str | None]] = []


def paint_with(painter: Callable[[Any], str | None]) -> None:
    """Let notebooks show what ``painter(value)`` returns: HTML, or None for the text that ``print`` shows."""
    _painters[:] = [painter]


def as_html(value: Any) -> str | None:
    """Return what a notebook shows of a value, None for its text: the answer of an object's ``_repr_html_``."""
    return _painters[0](value) if _painters else None


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print: digits, elements before summarising, items at the edges, line width.

    ``profile`` is one of ``default``, ``short``, ``full``. ``sci_mode`` says whether exponents are written; None lets
    the numbers decide. Raises OptionError for another profile.
    Source: https://pytorch.org/docs/stable/generated/torch.set_printoptions.html

    >>> import tapegrad as tg
    >>> tg.set_printoptions(precision=2)
    >>> tg.tensor([1 / 3])
    tensor([0.33])
    >>> tg.set_printoptions(profile="default")
    """
    names = ("precision", "threshold", "edgeitems", "linewidth")
    if profile is not None:
        if profile not in _PROFILES:
            raise OptionError("set_printoptions", f"the profile is '{profile}'", f"use {', '.join(_PROFILES)}")
        _options.update(zip(names, _PROFILES[profile], strict=True))
    given = dict(zip(names, (precision, threshold, edgeitems, linewidth), strict=True))
    _options.update({k: v for k, v in given.items() if v is not None})
    _options["sci_mode"] = sci_mode


def format_tensor(t: Any) -> str:
    """Return the text that ``print`` shows for a tensor."""
    array, prefix = t.array, "tensor("
    default = get_default_dtype()
    details = []
    if not array.size:
        text = "[]"
        if array.ndim != 1:
            details.append(f"size={tuple(array.shape)}")
        plain = (default,)
    else:
        text = _text(array, len(prefix))
        plain = (default, np.dtype(np.complex128 if default == np.float64 else np.complex64), np.int64, np.bool_)
    if array.dtype not in plain:
        details.append(f"dtype={'torch.' if LIBRARY[0] == 'torch' else ''}{array.dtype}")
    if t.requires_grad:
        details.append("requires_grad=True" if t.node is None else f"grad_fn={t.node!r}")
    name = "Parameter containing:\n" if type(t).__name__ == "Parameter" else ""
    return f"{name}{_append(prefix + text, details, len(prefix))})"


def _append(text: str, details: list[str], indent: int) -> str:
    """Put the details behind the text, on a line of their own where the last line would grow too long."""
    width = len(text) - text.rfind("\n") + 1
    for detail in details:
        if width + len(detail) + 2 > _options["linewidth"]:
            text, width = f"{text},\n{' ' * indent}{detail}", indent + len(detail)
        else:
            text, width = f"{text}, {detail}", width + len(detail) + 2
    return text


# -- layout -------------------------------------------------------------------------------------------------------------


def _text(array: np.ndarray, indent: int) -> str:
    edge = _options["edgeitems"] if array.size > _options["threshold"] else 0
    shown = _shown(array, edge) if edge else array
    write, width = _writer(shown)
    # Every bracket that is open moves the elements by one.
    room = _options["linewidth"] - indent - max(array.ndim - 1, 0)
    return _nested(array, indent, edge, write, max(1, room // (width + 2)))


def _nested(array: np.ndarray, indent: int, edge: int, write: Callable[[Any], str], per_line: int) -> str:
    if array.ndim == 0:
        return write(array.item())
    cut = edge > 0 and len(array) > 2 * edge
    if array.ndim == 1:
        items = [write(x) for x in (array[:edge] if cut else array).tolist()]
        if cut:
            items += [" ...", *(write(x) for x in array[-edge:].tolist())]
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_nested(x, indent + 1, edge, write, per_line) for x in (array[:edge] if cut else array)]
    if cut:
        parts += ["...", *(_nested(x, indent + 1, edge, write, per_line) for x in array[-edge:])]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _shown(array: np.ndarray, edge: int) -> np.ndarray:
    """Return the elements that will be printed."""
    for axis, length in enumerate(array.shape):
        if length > 2 * edge:
            array = np.take(array, [*range(edge), *range(-edge, 0)], axis=axis)
    return array


# -- numbers ------------------------------------------------------------------------------------------------------------


def _writer(shown: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """Return how the elements are written, and how wide."""
    if shown.dtype.kind == "c":
        real, real_width = _float_writer(np.real(shown))
        imag, imag_width = _float_writer(np.imag(shown))

        def write(z: complex) -> str:
            part = imag(z.imag).lstrip()
            return f"{real(z.real)}{'' if part.startswith('-') else '+'}{part}j"

        return write, real_width + imag_width + 1
    if shown.dtype.kind == "f":
        return _float_writer(shown)
    width = max(len(str(x)) for x in shown.ravel().tolist())
    return lambda x: str(x).rjust(width), width


def _float_writer(shown: np.ndarray) -> tuple[Callable[[float], str], int]:
    """Return how floating-point numbers are written: whole, fixed or with an exponent, and how wide the finite ones are."""
    values = shown.astype(np.float64).ravel()
    values = values[np.isfinite(values) & (values != 0)]
    size = np.abs(values)
    whole = bool((values == np.ceil(values)).all())
    precision, exponent = _options["precision"], _options["sci_mode"]
    if exponent is None:
        exponent = values.size > 0 and bool(
            size.max() / size.min() > 1000 or size.max() > 1e8 or (not whole and size.min() < 1e-4)
        )

    def write(x: float) -> str:
        if exponent:
            return f"{x:.{precision}e}"
        if whole:
            return f"{x:.0f}." if math.isfinite(x) else f"{x:.0f}"
        return f"{x:.{precision}f}"

    width = max((len(write(x)) for x in values.tolist()), default=1)
    return lambda x: write(x).rjust(width), width
