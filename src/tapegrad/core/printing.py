"""How tensors print: PyTorch's layout, ``tensor([1., 2.])``, with what is not the default named behind."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import get_default_dtype

__all__ = ["format_tensor", "set_printoptions"]

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "suppress": False}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print: digits, elements before summarising, items at the edges, line width.

    ``profile`` is one of ``default``, ``short``, ``full``. ``sci_mode=False`` forbids exponents.
    """
    profiles = {"default": (4, 1000, 3), "short": (2, 1000, 2), "full": (4, 1 << 60, 3)}
    if profile is not None:
        _options.update(zip(("precision", "threshold", "edgeitems"), profiles[profile], strict=True))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({k: v for k, v in given.items() if v is not None})
    if sci_mode is not None:
        _options["suppress"] = not sci_mode


def format_tensor(t: Any) -> str:
    """Return the text that ``print`` shows for a tensor."""
    prefix = "tensor("
    text = np.array2string(t.array, separator=", ", prefix=prefix, **_layout(t.array))
    text = text.replace(", ...,", ",  ...,")
    details = []
    if t.array.size == 0 and t.array.ndim != 1:
        details.append(f"size={tuple(t.array.shape)}")
    if t.array.dtype not in (get_default_dtype(), np.dtype(np.int64), np.dtype(bool)):
        details.append(f"dtype={t.array.dtype}")
    if t.node is not None:
        details.append(f"grad_fn={t.node!r}")
    elif t.requires_grad:
        details.append("requires_grad=True")
    name = "Parameter containing:\n" if type(t).__name__ == "Parameter" else ""
    return f"{name}{prefix}{_append(text, details, len(prefix))})"


def _append(text: str, details: list[str], indent: int) -> str:
    """Put the details behind the text, on a line of their own where the last line would grow too long."""
    width = len(text) - text.rfind("\n") - 1 + (0 if "\n" in text else indent)
    for detail in details:
        if width + len(detail) + 2 > _options["linewidth"]:
            text, width = f"{text},\n{' ' * indent}{detail}", indent + len(detail)
        else:
            text, width = f"{text}, {detail}", width + len(detail) + 2
    return text


def _layout(array: np.ndarray) -> dict:
    layout: dict[str, Any] = {k: _options[k] for k in ("threshold", "edgeitems")}
    layout["max_line_width"] = _options["linewidth"]
    if array.dtype.kind == "f":
        layout["formatter"] = {"float_kind": _float_formatter(array)}
    return layout


def _float_formatter(array: np.ndarray) -> Any:
    """Return how PyTorch writes these numbers: whole, fixed or scientific, decided by those that will be shown."""
    shown = _shown(array)
    values = shown[np.isfinite(shown)]
    size = np.abs(values[values != 0])
    precision = _options["precision"]
    if bool((values == np.trunc(values)).all()) and (size.size == 0 or size.max() < 1e8):
        form = "{:.0f}."
    elif (
        not _options["suppress"]
        and size.size
        and (size.max() / size.min() > 1000 or size.max() > 1e8 or size.min() < 1e-4)
    ):
        form = f"{{:.{precision}e}}"
    else:
        form = f"{{:.{precision}f}}"

    def write(x: float) -> str:
        return form.format(x) if np.isfinite(x) else str(x)

    width = 0 if array.ndim == 0 else max((len(write(x)) for x in shown.tolist()), default=0)
    return lambda x: write(x).rjust(width)


def _shown(array: np.ndarray) -> np.ndarray:
    """Return the elements that will be printed, flat."""
    if array.size > _options["threshold"]:
        edge = _options["edgeitems"]
        for axis, length in enumerate(array.shape):
            if length > 2 * edge:
                array = np.take(array, [*range(edge), *range(-edge, 0)], axis=axis)
    return np.asarray(array, dtype=np.float64).ravel()
