"""Small tables for reports: written as Markdown, LaTeX, CSV and plain text, with mean ± deviation and the best in bold."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import re
import statistics
import unicodedata
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from .visible import visible

__all__ = ["LATEX_SIGNS", "Column", "Spread", "Table", "escape_latex", "escape_markdown"]

# Beyond these, a number is written with an exponent.
_MOST_DECIMALS = 8
_LARGEST = 1e7
_DIGITS = 4


@dataclasses.dataclass(frozen=True)
class Spread:
    """A mean over ``count`` values with their standard deviation (n − 1 in the denominator; None for one value).

    >>> Spread.of([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0, count=3)
    """

    mean: float
    deviation: float | None = None
    count: int = 1

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return mean and standard deviation of ``values``; not a number when one of them is not finite."""
        if not values:
            raise ArgumentError("Spread", "there are no values", "give at least one")
        if not all(map(math.isfinite, values)):
            return cls(math.nan, math.nan if len(values) > 1 else None, len(values))
        # fmean and fsum round once, so that the order of the values does not matter.
        mean = statistics.fmean(values)
        if len(values) == 1:
            return cls(mean)
        return cls(mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)), len(values))


Cell = str | int | float | Spread | None


@dataclasses.dataclass
class Column:
    """A column: its heading, which of its numbers is the best (``"max"``, ``"min"`` or None), and whether it holds
    ``long`` text, which LaTeX breaks into lines."""

    heading: str
    best: str | None = None
    long: bool = False


@dataclasses.dataclass
class Table:
    """Rows of text and numbers under headings.

    A cell is text, a whole number, a float, a :class:`Spread`, or None for "nothing here". In each column with
    ``best`` set, the best number is written in bold wherever the format can.

    >>> table = Table([Column("rate"), Column("accuracy", "max")])
    >>> table.add("0.1", Spread.of([0.90, 0.92]))
    >>> table.add("0.01", Spread.of([0.95, 0.97]))
    >>> print(table.to_markdown())
    | rate | accuracy          |
    | :--- | ----------------: |
    | 0.1  | 0.910 ± 0.014     |
    | 0.01 | **0.960 ± 0.014** |
    >>> print(table.to_latex())
    \\begin{tabular}{lr}
      \\toprule
      rate & accuracy \\\\
      \\midrule
      0.1 & $0.910 \\pm 0.014$ \\\\
      0.01 & $\\mathbf{0.960 \\pm 0.014}$ \\\\
      \\bottomrule
    \\end{tabular}
    """

    columns: list[Column]
    rows: list[list[Cell]] = dataclasses.field(default_factory=list)
    caption: str = ""

    def add(self, *cells: Cell) -> None:
        """Append a row. Raises ArgumentError when its length is not the number of columns."""
        if len(cells) != len(self.columns):
            raise ArgumentError("Table", f"a row of {len(cells)} cells for {len(self.columns)} columns", "match them")
        self.rows.append(list(cells))

    def texts(self) -> list[list[str]]:
        """Return the cells as plain text: numbers of a column share their number of decimals."""
        columns = [_column_texts([row[i] for row in self.rows]) for i in range(len(self.columns))]
        return [list(row) for row in zip(*columns, strict=True)]

    def best(self) -> set[tuple[int, int]]:
        """Return (row, column) of the cells that are the best of their column; equal ones all count."""
        found = set()
        for j, column in enumerate(self.columns):
            values = {i: v for i, row in enumerate(self.rows) if math.isfinite(v := _value(row[j]))}
            if column.best is None or len(values) < 2:
                continue
            top = (max if column.best == "max" else min)(values.values())
            found |= {(i, j) for i, v in values.items() if v == top}
        return found

    def to_markdown(self) -> str:
        """Return a table of GitHub's Markdown, padded so that its source reads well too."""
        best = self.best()
        body = [
            [f"**{escape_markdown(t)}**" if (i, j) in best else escape_markdown(t) for j, t in enumerate(row)]
            for i, row in enumerate(self.texts())
        ]
        head = [escape_markdown(column.heading) for column in self.columns]
        numeric = self._numeric()
        widths = _widths([head, *body], least=4)
        rule = [
            ("-" * (w - 1) + ":") if right else (":" + "-" * (w - 1)) for w, right in zip(widths, numeric, strict=True)
        ]
        lines = [[_pad(t, w) for t, w in zip(row, widths, strict=True)] for row in (head, rule, *body)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def to_latex(self, booktabs: bool = True) -> str:
        """Return a ``tabular``; with ``booktabs`` for the package of that name, else with plain lines."""
        best, numeric = self.best(), self._numeric()
        top, middle, bottom = ("\\toprule", "\\midrule", "\\bottomrule") if booktabs else ("\\hline",) * 3
        lines = [" & ".join(escape_latex(column.heading) for column in self.columns)]
        for i, texts in enumerate(self.texts()):
            cells = zip(texts, self.rows[i], strict=True)
            lines.append(" & ".join(_latex_cell(t, cell, (i, j) in best) for j, (t, cell) in enumerate(cells)))
        body = [f"  {line} \\\\" for line in lines]
        text = ["p{0.3\\linewidth}" if column.long else "l" for column in self.columns]
        align = "".join("r" if right else left for right, left in zip(numeric, text, strict=True))
        framed = [f"  {top}", body[0], f"  {middle}", *body[1:], f"  {bottom}"]
        return "\n".join([f"\\begin{{tabular}}{{{align}}}", *framed, "\\end{tabular}"])

    def without_long(self) -> tuple[Table, list[str]]:
        """Return the table without its long columns, and what these say, each text after its row's first cell."""
        kept = [j for j, column in enumerate(self.columns) if not column.long]
        narrow = Table([self.columns[j] for j in kept], [[row[j] for j in kept] for row in self.rows], self.caption)
        long = [j for j, column in enumerate(self.columns) if column.long]
        return narrow, [f"{row[0]}: {row[j]}" for row in self.rows for j in long if row[j]]

    def to_csv(self) -> str:
        """Return comma-separated values with every digit; a column of spreads becomes three: mean, ``sd`` and ``n``."""
        spread = [any(isinstance(row[j], Spread) for row in self.rows) for j in range(len(self.columns))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        heads = [
            [c.heading, f"{c.heading} sd", f"{c.heading} n"] if s else [c.heading]
            for c, s in zip(self.columns, spread, strict=True)
        ]
        writer.writerow([h for group in heads for h in group])
        for row in self.rows:
            groups = [_raw_spread(cell) if s else [_raw(cell)] for cell, s in zip(row, spread, strict=True)]
            writer.writerow([value for group in groups for value in group])
        return text.getvalue()

    def to_text(self) -> str:
        """Return the table for a terminal without colours; the best numbers carry a star."""
        best, numeric = self.best(), self._numeric()
        starred = {j for _, j in best}
        body = [
            [t + ("*" if (i, j) in best else " " if j in starred else "") for j, t in enumerate(row)]
            for i, row in enumerate(self.texts())
        ]
        head = [column.heading for column in self.columns]
        widths = _widths([head, *body])
        lines = [[_pad(t, w, right) for t, w, right in zip(row, widths, numeric, strict=True)] for row in (head, *body)]
        return "\n".join(visible("  ".join(line)).rstrip() for line in lines)

    def to_rich(self) -> Any:
        """Return a ``rich.table.Table`` for a terminal with colours."""
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(title=Text(self.caption) if self.caption else None, title_justify="left")
        best = self.best()
        for column, right in zip(self.columns, self._numeric(), strict=True):
            drawn.add_column(Text(visible(column.heading)), justify="right" if right else "left")
        for i, row in enumerate(self.texts()):
            drawn.add_row(*(Text(visible(t), style="bold" if (i, j) in best else "") for j, t in enumerate(row)))
        return drawn

    def _numeric(self) -> list[bool]:
        """Which columns hold numbers, and are set flush right."""
        cells = [[row[j] for row in self.rows if row[j] is not None] for j in range(len(self.columns))]
        return [bool(column) and not any(isinstance(cell, str) for cell in column) for column in cells]


def escape_markdown(text: str) -> str:
    """Return text in which nothing is taken for Markdown, on one line.

    >>> print(escape_markdown("a|b *c* valid_loss"))
    a\\|b \\*c\\* valid_loss
    """
    text = re.sub(r"([\\`*|<~\[\]])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


# What LaTeX would take for commands, or set as other signs.
LATEX_SIGNS = {
    **{c: "\\" + c for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_LATEX = {
    **LATEX_SIGNS,
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "—": "---",
    "–": "--",
}


def escape_latex(text: str) -> str:
    r"""Return text in which nothing is taken for a command of LaTeX, on one line; Chinese stays as it is.

    >>> print(escape_latex("50% of valid_loss ~ 2^3 & 准确率"))
    50\% of valid\_loss \textasciitilde{} 2\textasciicircum{}3 \& 准确率
    """
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def _value(cell: Cell) -> float:
    if isinstance(cell, Spread):
        return cell.mean
    return math.nan if cell is None or isinstance(cell, str) else float(cell)


def _column_texts(cells: list[Cell]) -> list[str]:
    decimals = _decimals([c for c in cells if isinstance(c, (float, Spread))])
    return [_text(cell, decimals) for cell in cells]


def _decimals(cells: list[float | Spread]) -> int | None:
    """Decimals that show two digits of the usual deviation, or four of the usual value; None asks for exponents."""
    means = [abs(m) for m in map(_value, cells) if math.isfinite(m) and m != 0]
    spreads = [c.deviation for c in cells if isinstance(c, Spread) and c.deviation and math.isfinite(c.deviation)]
    if means and max(means) >= _LARGEST:
        return None
    if spreads:
        decimals = 1 - math.floor(math.log10(statistics.median_low(spreads)))
    elif means:
        decimals = _DIGITS - 1 - math.floor(math.log10(statistics.median_low(means)))
    else:
        return 1
    if decimals > _MOST_DECIMALS and means and max(means) < 1e-4:
        return None
    return max(0, min(decimals, _MOST_DECIMALS))


def _text(cell: Cell, decimals: int | None) -> str:
    if cell is None:
        return "—"
    if isinstance(cell, (str, int)):
        return str(cell)
    if isinstance(cell, Spread):
        mean = _number(cell.mean, decimals)
        return mean if cell.deviation is None else f"{mean} ± {_number(cell.deviation, decimals)}"
    return _number(cell, decimals)


def _number(value: float, decimals: int | None) -> str:
    if decimals is None or not math.isfinite(value):
        return f"{value:.{_DIGITS}g}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _latex_cell(text: str, cell: Cell, bold: bool) -> str:
    if isinstance(cell, str) or cell is None or not math.isfinite(_value(cell)):
        return escape_latex(text)
    formula = re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{m[1].strip('+')}{m[2]}}}", text).replace("±", r"\pm")
    return rf"$\mathbf{{{formula}}}$" if bold else f"${formula}$"


def _raw(cell: Cell) -> str:
    if cell is None:
        return ""
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def _raw_spread(cell: Cell) -> list[str]:
    if isinstance(cell, Spread):
        return [_raw(float(cell.mean)), "" if cell.deviation is None else _raw(float(cell.deviation)), str(cell.count)]
    return [_raw(cell), "", ""]


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _widths(rows: list[list[str]], least: int = 0) -> list[int]:
    return [max(least, *map(_width, column)) for column in zip(*rows, strict=True)]


def _pad(text: str, width: int, right: bool = False) -> str:
    gap = " " * (width - _width(text))
    return gap + text if right else text + gap
