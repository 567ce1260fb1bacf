"""A network as a table: each layer's output, parameters, multiply-adds, memory and time."""

from __future__ import annotations

import dataclasses
import math
import time as clock
from collections.abc import Iterator
from typing import Any

from ...core import STATE, Tensor, Tracer, no_grad
from ...errors import ArgumentError, UsageError, an
from ...nn import Module
from .costs import multiply_adds, size_text
from .inputs import check_network, example_inputs, in_evaluation, ready, taking
from .recording import Recorder, named_tensors, record, undisturbed

__all__ = ["Row", "Summary", "summary"]

_PASSES = 3


@dataclasses.dataclass
class Row:
    """One call of a layer: its path and class, how deep it lies, the shapes of what it returned, and what it cost by itself.

    ``parameters``: those that no row before has counted; ``shared``: whether there are others. What a module's layers
    cost is in their rows, unless they are not shown. ``seconds``: None where it was not measured.
    """

    path: str
    kind: str
    level: int
    shapes: list[tuple[int, ...]]
    parameters: int = 0
    multiply_adds: int = 0
    bytes: int = 0
    seconds: float | None = None
    shared: bool = False
    called: bool = True


@dataclasses.dataclass
class Summary:
    """What :func:`summary` returns: print it to read the table. ``rows`` hold the layers, the other fields the totals.

    Sizes are in bytes: of the inputs, of all results of one forward pass, and of the parameters.
    """

    rows: list[Row]
    total_params: int = 0
    trainable_params: int = 0
    total_mult_adds: int = 0
    input_bytes: int = 0
    result_bytes: int = 0
    parameter_bytes: int = 0
    seconds: float | None = None

    @property
    def frozen_params(self) -> int:
        """The parameters that are not trained."""
        return self.total_params - self.trainable_params

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the names of the columns, and the cells of each row."""
        columns = ["Layer", "Output shape", "Parameters", "Multiply-adds", "Memory"]
        timed = any(row.seconds is not None for row in self.rows)
        cells = [_cells(row, timed) for row in self.rows]
        return columns + (["Time"] if timed else []), cells

    def totals(self) -> list[tuple[str, str]]:
        """Return the totals as pairs of words."""
        # Without an input nothing went through the layers, and there is nothing to add up.
        ran = any(row.shapes for row in self.rows)
        found = [
            ("Parameters", f"{self.total_params:,}"),
            ("Trainable", f"{self.trainable_params:,}"),
            ("Frozen", f"{self.frozen_params:,}"),
            ("Multiply-adds", f"{self.total_mult_adds:,}" if ran else "—"),
            ("Input", size_text(self.input_bytes) if ran else "—"),
            ("Results of a forward pass", size_text(self.result_bytes) if ran else "—"),
            ("Parameters' memory", size_text(self.parameter_bytes)),
        ]
        return found + ([("Time of a forward pass", _time_text(self.seconds))] if self.seconds is not None else [])

    def __str__(self) -> str:
        columns, cells = self.table()
        labels = _tree(self.rows)
        rows = [columns, *([label, *row[1:]] for label, row in zip(labels, cells, strict=True))]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        lines = [_line(row, widths) for row in rows]
        rule = "─" * max(map(len, lines))
        widest = max(len(name) for name, _ in self.totals())
        totals = [f"{name + ':':<{widest + 2}}{value}" for name, value in self.totals()]
        return "\n".join([lines[0], rule, *lines[1:], rule, *totals])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..html import summary_html

        return summary_html(self)


def summary(
    model: Any,
    input_size: Any = None,
    *,
    input_data: Any = None,
    depth: int | None = None,
    time: bool = False,
    dtypes: Any = None,
) -> Summary:
    """Return a table of a network's layers, from one forward pass in evaluation mode; print it to read it.

    ``input_size``: the input's shape with the batch, or a list of shapes, or a tensor; or ``input_data``: a tensor, or a
    tuple, list or dict of arguments. Without both the table has parameters only. ``depth``: how many levels of modules are shown, with
    what lies deeper added up. ``time``: also the time of each layer, in the fastest of three passes. ``dtypes``: of the inputs.
    Parameters that several layers share are counted once. How multiply-adds are counted: :mod:`tapegrad.explain.network.costs`.
    The network is afterwards as it was before. Raises ArgumentError when it does not take the input, saying what its
    first layer expects; UsageError for what is no module.

    >>> import tapegrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 2))
    >>> print(summary(net, (16, 4)))
    Layer          Output shape  Parameters  Multiply-adds  Memory
    ──────────────────────────────────────────────────────────────
    Sequential     16×2                   —              —       —
    ├─ 0 (Linear)  16×8                  40            512   512 B
    ├─ 1 (ReLU)    16×8                   —            128   512 B
    └─ 2 (Linear)  16×2                  18            256   128 B
    ──────────────────────────────────────────────────────────────
    Parameters:                58
    Trainable:                 58
    Frozen:                    0
    Multiply-adds:             896
    Input:                     256 B
    Results of a forward pass: 1.1 KiB
    Parameters' memory:        232 B
    """
    if not isinstance(model, Module):
        raise UsageError("summary", f"{an(model)} is no module", "give a network made of tapegrad.nn")
    check_network("summary", model)
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ArgumentError("summary", f"depth is {depth!r}", "use a whole number from 0")
    if isinstance(input_size, Tensor) and input_data is None:
        input_size, input_data = None, input_size
    if input_size is None and input_data is None:
        if time:
            raise ArgumentError("summary", "there is no input to measure the time with", "give input_size")
        return _totals(Summary(_limited(list(_rows_without_input(model)), depth)), model)
    inputs, keywords = _arguments(input_data)
    given = example_inputs("summary", model, inputs, keywords, input_size, dtypes)
    with in_evaluation(model), no_grad():
        with taking("summary", model, given):
            ready(model, given, keywords)
        recorder = record(model, given, keywords, guard=taking("summary", model, given))
        times = _times(model, given, keywords) if time else None
    result = Summary(_limited(_rows(model, recorder, times), depth))
    result.input_bytes = sum(t.array.nbytes for t in named_tensors((given, keywords)).values())
    result.seconds = times[0] if times else None
    return _totals(result, model)


def _arguments(data: Any) -> tuple[tuple, dict[str, Any]]:
    if data is None:
        return (), {}
    if isinstance(data, dict):
        return (), data
    return (tuple(data), {}) if isinstance(data, (tuple, list)) else ((data,), {})


def _totals(result: Summary, model: Module) -> Summary:
    parameters = {id(p): p for p in model.parameters()}.values()
    result.total_params = sum(p.array.size for p in parameters)
    result.trainable_params = sum(p.array.size for p in parameters if p.requires_grad)
    result.parameter_bytes = sum(p.array.nbytes for p in parameters)
    result.total_mult_adds = sum(row.multiply_adds for row in result.rows)
    result.result_bytes = sum(row.bytes for row in result.rows)
    return result


# -- rows ---------------------------------------------------------------------------------------------------------------


class _Counter:
    """Counts each parameter where it is met first."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def add(self, row: Row, module: Module) -> Row:
        for parameter in module._parameters.values():
            if parameter is None:
                continue
            row.shared |= id(parameter) in self.seen
            row.parameters += 0 if id(parameter) in self.seen else parameter.array.size
            self.seen.add(id(parameter))
        return row


def _rows(model: Module, recorder: Recorder, times: list[float] | None) -> list[Row]:
    """Return a row for each call, with what happened in it and in no call in it, and one for modules that were not called."""
    counter = _Counter()
    rows: list[Row] = []
    for i, call in enumerate(recorder.calls):
        level = rows[call.parent].level + 1 if call.parent >= 0 else 0
        row = counter.add(Row(call.path, call.kind, level, call.shapes), call.module)
        row.seconds = times[i] if times is not None else None
        rows.append(row)
    if times is not None:
        for i, call in enumerate(recorder.calls):
            if call.parent >= 0:
                rows[call.parent].seconds = (rows[call.parent].seconds or 0.0) - times[i]
    for equation, call in zip(recorder.equations, recorder.call_of, strict=True):
        rows[call].multiply_adds += multiply_adds(equation)
        if not (equation.writes or getattr(equation.primitive, "view", False)):
            rows[call].bytes += sum(math.prod(v.shape) * v.dtype.itemsize for v in equation.outputs)
    met = {id(call.module) for call in recorder.calls}
    for path, module in model.named_modules():
        if id(module) not in met and any(
            p is not None and id(p) not in counter.seen for p in module._parameters.values()
        ):
            rows.append(counter.add(Row(path, type(module).__name__, 1, [], called=False), module))
    return rows


def _rows_without_input(model: Module) -> Iterator[Row]:
    counter = _Counter()
    for path, module in model.named_modules():
        level = path.count(".") + 1 if path else 0
        yield counter.add(Row(path, type(module).__name__, level, []), module)


def _limited(rows: list[Row], depth: int | None) -> list[Row]:
    """Return the rows down to a depth, with what lies deeper added to the row above it."""
    kept: list[Row] = []
    for row in rows:
        if depth is None or row.level <= depth:
            kept.append(row)
            continue
        above = kept[-1]
        above.parameters += row.parameters
        above.multiply_adds += row.multiply_adds
        above.bytes += row.bytes
        if above.seconds is not None:
            above.seconds += row.seconds or 0.0
    return kept


class _Stopwatch(Tracer):
    """Measures how long each call takes, those in it included."""

    def __init__(self) -> None:
        super().__init__({})
        self.seconds: list[float] = []
        self._running: list[tuple[int, float]] = []

    def refuse(self, who: str, what: str, fix: str) -> None:
        """Go on: nothing is to be repeated."""

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        """Leave the operation alone."""

    def record_write(self, target: Tensor, result: Tensor) -> None:
        """Leave the write alone."""

    def enters(self, module: Any) -> None:
        self._running.append((len(self.seconds), clock.perf_counter()))
        self.seconds.append(0.0)

    def leaves(self, module: Any) -> None:
        place, began = self._running.pop()
        self.seconds[place] = clock.perf_counter() - began


def _times(model: Module, inputs: tuple, keywords: dict[str, Any]) -> list[float]:
    """Return the time of each call, in the order of the calls, in the fastest of some passes."""
    passes, before = [], STATE.tracer
    for _ in range(_PASSES):
        watch = _Stopwatch()
        with undisturbed(model):
            STATE.tracer = watch
            try:
                model(*inputs, **keywords)
            finally:
                STATE.tracer = before
        passes.append(watch.seconds)
    return min(passes, key=lambda seconds: seconds[0])


# -- text ---------------------------------------------------------------------------------------------------------------


def _cells(row: Row, timed: bool) -> list[str]:
    name = row.path.rpartition(".")[2] if row.level else ""
    shapes = ", ".join("×".join(map(str, shape)) or "scalar" for shape in row.shapes[:2]) + (
        ", …" if len(row.shapes) > 2 else ""
    )
    count = f"{row.parameters:,}" if row.parameters else "shared" if row.shared else "—"
    cells = [
        f"{name} ({row.kind})" if name else row.kind,
        shapes if row.called else "not called",
        count,
        f"{row.multiply_adds:,}" if row.multiply_adds else "—",
        size_text(row.bytes) if row.bytes else "—",
    ]
    return cells + ([_time_text(row.seconds)] if timed else [])


def _tree(rows: list[Row]) -> list[str]:
    """Return the rows' names with the branches of a tree before them; rows of one path differ in what it is called in."""
    labels = []
    for i, row in enumerate(rows):
        branches = ""
        for level in range(1, row.level + 1):
            later = next((r.level for r in rows[i + 1 :] if r.level <= level), 0)
            ends = later < level
            if level == row.level:
                branches += "└─ " if ends else "├─ "
            else:
                branches += "   " if ends else "│  "
        labels.append(branches + _cells(row, False)[0])
    return labels


def _line(cells: list[str], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(["  ".join(left), *right]).rstrip()


def _time_text(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms"
