"""What notebooks show of tensors, modules, histories, runs and summaries: small pieces of HTML, all text escaped.

The objects' own ``_repr_html_`` ask for it by way of :mod:`tapegrad.core.printing`, and this file is read when a
notebook asks for the first time. Styles stand in the elements, as a notebook's page has its own.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Tensor
from ..nn import Module
from ..train import Run
from ..train.history import History
from .drawing.labels import escaped, shortened

__all__ = ["as_html", "history_html", "module_html", "run_html", "summary_html", "table", "tensor_html"]

_ROWS, _COLUMNS, _RECORDS = 8, 10, 12
_LARGEST_PICTURE = 1_000_000
_BOX = "overflow:auto;font-family:system-ui,sans-serif;font-size:12px;line-height:1.4"
_TABLE = "border-collapse:collapse;font:inherit;color:inherit;white-space:nowrap"
_SOFT = "opacity:.7"
_CELL = "padding:1px 6px;text-align:right;border:1px solid rgba(128,128,128,.25);font-variant-numeric:tabular-nums"


def as_html(value: Any) -> str | None:
    """Return what a notebook shows of a tensor, a module, a history or a run; None for anything else.

    >>> import tapegrad as tg
    >>> as_html(tg.tensor([1.0, -2.0])).count("<td")
    2
    """
    painters: dict[type, Callable] = {Tensor: tensor_html, Module: module_html, History: history_html, Run: run_html}
    return next((painter(value) for kind, painter in painters.items() if isinstance(value, kind)), None)


# -- tensors --------------------------------------------------------------------------------------------------------------


def tensor_html(t: Tensor) -> str | None:
    """Return a tensor as a table, its cells coloured by value: red above zero, blue below; and its gradient, if any.

    Large ones are cut, of more than two dimensions the first matrix is shown. None for a sparse tensor.
    """
    if t.is_sparse:
        return None
    facts = [type(t).__name__, _sizes(t.array.shape), str(t.array.dtype)]
    if t.requires_grad:
        facts.append("requires grad" if t.node is None else t.node.name())
    parts = [f"<div>{escaped(' · '.join(facts))}</div>", _values(t.array)]
    gradient = t._grad
    if gradient is not None and not gradient.is_sparse:
        parts += [f'<div style="margin-top:4px;{_SOFT}">gradient</div>', _values(gradient.array)]
    return _boxed(parts)


def _values(array: np.ndarray) -> str:
    """Return the values of an array as a table, the first matrix of one with more dimensions."""
    if not array.size:
        return f'<div style="{_SOFT}">no elements</div>'
    above = array.ndim - 2
    matrix = array[(0,) * above] if above > 0 else np.atleast_2d(array)
    rows, columns = _chosen(matrix.shape[0], _ROWS), _chosen(matrix.shape[1], _COLUMNS)
    shown = matrix[np.ix_([r for r in rows if r >= 0], [c for c in columns if c >= 0])]
    with np.errstate(all="ignore"):
        sizes = np.abs(shown[np.isfinite(shown)].astype(np.float64)) if shown.dtype.kind in "iuf" else np.zeros(0)
    largest = float(sizes.max(initial=0.0))
    lines = []
    for r in rows:
        cells = [_cell(matrix[r, c], largest) if r >= 0 and c >= 0 else f'<td style="{_CELL}">…</td>' for c in columns]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    place = f'<div style="{_SOFT}">[{"0, " * above}:, :]</div>' if above > 0 else ""
    return f'{place}<table style="{_TABLE}">{"".join(lines)}</table>'


def _chosen(length: int, most: int) -> list[int]:
    """Return the indices that are shown, with -1 where some are left out."""
    half = most // 2
    return list(range(length)) if length <= most else [*range(half), -1, *range(length - half, length)]


def _cell(value: Any, largest: float) -> str:
    text = _number(value)
    color = ""
    if isinstance(value, (np.floating, np.integer)) and largest > 0:
        if not math.isfinite(value):
            color = ";background:rgba(230,160,0,.6)"
        elif value:
            rgb = "205,75,60" if value > 0 else "55,110,200"
            color = f";background:rgba({rgb},{0.08 + 0.5 * min(abs(float(value)) / largest, 1.0):.2f})"
    return f'<td style="{_CELL}{color}">{escaped(text)}</td>'


def _number(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.4g}"
    return f"{value:.3g}" if isinstance(value, (complex, np.complexfloating)) else str(value)


# -- modules --------------------------------------------------------------------------------------------------------------


def module_html(module: Module) -> str:
    """Return a module as a tree that folds: its settings, its parameters with shapes, its submodules."""
    return _boxed([_branch("", module, True, ())])


def _branch(name: str, module: Module, opened: bool, above: tuple[Module, ...]) -> str:
    count = sum(p.array.size for p in module.parameters())
    head = f"<b>{escaped(shortened(type(module).__name__))}</b>"
    head += f' <span style="{_SOFT}">{escaped(shortened(name, 60))}</span>' if name else ""
    if any(module is other for other in above):
        return (
            f'<div style="margin-left:14px">{head} <span style="{_SOFT}">the module that it is inside of</span></div>'
        )
    settings = shortened(" ".join(module.extra_repr().split()), 160)
    head += f" <code>{escaped(settings)}</code>" if settings else ""
    head += f' <span style="{_SOFT}">{count:,} parameters</span>' if count else ""
    rows = [
        [path, _sizes(t.array.shape), str(t.array.dtype), f"{t.array.size:,}", _role(t, kind)]
        for kind, held in (("parameter", module._parameters), ("buffer", module._buffers))
        for path, t in held.items()
        if t is not None
    ]
    inner = table(["name", "shape", "dtype", "values", ""], rows) if rows else ""
    inner += "".join(
        _branch(path, child, False, (*above, module)) for path, child in module._modules.items() if child is not None
    )
    if not inner:
        return f'<div style="margin-left:14px">{head}</div>'
    return (
        f'<details style="margin-left:14px"{" open" if opened else ""}><summary style="cursor:pointer">{head}</summary>'
        f'<div style="margin:2px 0 4px 10px">{inner}</div></details>'
    )


def _role(t: Tensor, kind: str) -> str:
    return kind if kind == "buffer" or t.requires_grad else "frozen"


# -- trainings ------------------------------------------------------------------------------------------------------------


def history_html(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the reports of a training as a table, the first and the last where there are many, below a curve of the losses."""
    records = list(history)
    if not records:
        return _boxed([f'<div style="{_SOFT}">History: no reports yet</div>'])
    columns = list(dict.fromkeys(name for record in records for name in record))
    chosen = _chosen(len(records), _RECORDS)
    rows = [[_field(records[i].get(name)) for name in columns] if i >= 0 else ["…"] * len(columns) for i in chosen]
    curves = [(name, [record.get(name) for record in records]) for name in ("loss", "valid_loss") if name in columns]
    return _boxed([f"<div>History · {len(records)} reports</div>", _curves(curves), table(columns, rows)])


def _field(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _curves(curves: Iterable[tuple[str, list]], width: int = 320, height: int = 80) -> str:
    """Return small curves in one picture, drawn between their least and greatest values."""
    known = [(name, [v for v in values if isinstance(v, (int, float)) and math.isfinite(v)]) for name, values in curves]
    known = [(name, values) for name, values in known if len(values) > 1]
    if not known:
        return ""
    low, high = min(min(v) for _, v in known), max(max(v) for _, v in known)
    lines, legend = [], []
    for (name, values), color in zip(known, ("#3f78c4", "#cf7a3c"), strict=False):
        step = (width - 8) / (len(values) - 1)
        ys = [4 + (height - 8) * (1 - (v - low) / ((high - low) or 1.0)) for v in values]
        points = " ".join(f"{4 + i * step:.1f},{y:.1f}" for i, y in enumerate(ys))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        legend.append(f'<span style="color:{color}">{escaped(name)}</span>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" aria-label="losses" '
        f'style="border:1px solid rgba(128,128,128,.25)">{"".join(lines)}</svg>'
        f'<div>{" · ".join(legend)} <span style="{_SOFT}">from {low:.4g} to {high:.4g}</span></div>'
    )


def run_html(run: Run) -> str:
    """Return a run's name and status, the numbers of its last report, and its curves where they were drawn."""
    epochs = run.events("epoch")
    parts = [f"<div><b>{escaped(run.name)}</b> · {escaped(run.status)}</div>"]
    if epochs:
        last = {name: value for name, value in epochs[-1].items() if name not in ("event", "time")}
        parts.append(table(list(last), [[_field(value) for value in last.values()]]))
    else:
        parts.append(f'<div style="{_SOFT}">no epoch is over yet</div>')
    picture = _picture(run)
    return _boxed(parts + ([picture] if picture else []))


def _picture(run: Run) -> str:
    paths = [run.pictures / "curves.png", *sorted(run.pictures.glob("*.png"))]
    path = next((p for p in paths if p.is_file() and p.stat().st_size <= _LARGEST_PICTURE), None)
    if path is None:
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escaped(path.stem)}" style="max-width:480px" src="data:image/png;base64,{data}">'


# -- tables ---------------------------------------------------------------------------------------------------------------


def summary_html(summary: Any) -> str:
    """Return a :class:`tapegrad.explain.Summary` as a table, the layers moved in by their depth."""
    columns, cells = summary.table()
    head = "".join(f'<th style="{_CELL}">{escaped(name)}</th>' for name in columns)
    lines = []
    for row, texts in zip(summary.rows, cells, strict=True):
        first = f'<td style="{_CELL};text-align:left;padding-left:{6 + 14 * row.level}px">{escaped(texts[0])}</td>'
        others = [f'<td style="{_CELL}">{escaped(text)}</td>' for text in texts[1:]]
        lines.append(f"<tr>{first}{''.join(others)}</tr>")
    totals = "".join(f"<div>{escaped(name)}: {escaped(value)}</div>" for name, value in summary.totals())
    return _boxed([f'<table style="{_TABLE}"><tr>{head}</tr>{"".join(lines)}</table>', totals])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts.

    >>> "&lt;b&gt;" in table(["a"], [["<b>"]])
    True
    """
    head = "".join(f'<th style="{_CELL}">{escaped(name)}</th>' for name in columns)
    lines = ["".join(f'<td style="{_CELL}">{escaped(text)}</td>' for text in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table style="{_TABLE}"><tr>{head}</tr>{body}</table>'


def _sizes(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _boxed(parts: Iterable[str]) -> str:
    return f'<div style="{_BOX}">{"".join(parts)}</div>'
