"""A report as LaTeX for xelatex, Chinese by ctex, with its pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...explain.formulas.mathml import GREEK
from ..tables import LATEX_SIGNS
from .document import (
    Block,
    Code,
    Document,
    Folded,
    Formulas,
    Heading,
    Items,
    Line,
    Math,
    Mono,
    Note,
    Paragraph,
    Picture,
    Spans,
    Strong,
    Table,
    Value,
)

__all__ = ["to_latex"]

_PREAMBLE = r"""\usepackage[a4paper,margin=24mm]{geometry}
\usepackage{mathtools,amssymb}
\usepackage{booktabs,longtable,array}
\usepackage{graphicx}
\usepackage{xcolor}
\allowdisplaybreaks
\setlength{\emergencystretch}{3em}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\setcounter{tocdepth}{2}
\newcommand{\note}[1]{\par\medskip\noindent\fcolorbox{black!25}{black!4}{\parbox{0.95\linewidth}{#1}}\par\medskip}
"""


def to_latex(document: Document, pictures: str = "pictures") -> str:
    """Return the source; ``pictures`` is the folder, beside it, that holds the pictures by their names."""
    chinese = document.language.startswith("zh")
    first = (
        "\\documentclass[11pt,fontset=fandol]{ctexart}\n"
        if chinese
        else "\\documentclass[11pt]{article}\n\\usepackage[scheme=plain,fontset=fandol]{ctex}\n"
    )
    body = "\n\n".join(_block(block, pictures) for block in document.blocks)
    return (
        f"% xelatex\n{first}{_PREAMBLE}"
        f"\\title{{{_text(document.title)}}}\n\\author{{}}\n\\date{{{_text(document.subtitle)}}}\n"
        f"\\begin{{document}}\n\\maketitle\n\\tableofcontents\n\n{body}\n\n\\end{{document}}\n"
    )


_SPECIAL: dict[str, str] = {
    **LATEX_SIGNS,
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "±": r"\ensuremath{\pm}",
    "→": r"\ensuremath{\to}",
    "≈": r"\ensuremath{\approx}",
    "·": r"\ensuremath{\cdot}",
    "\u202f": r"\,",
    "∞": r"\ensuremath{\infty}",
    "√": r"\ensuremath{\surd}",
    **{sign: rf"\ensuremath{{\{name}}}" for name, sign in GREEK.items()},
}


_TYPEWRITER = str.maketrans(_SPECIAL)
# Quotes in words stay quotes: only a typewriter face needs the straight ones.
_PROSE = str.maketrans({sign: text for sign, text in _SPECIAL.items() if sign != "'"})


def _text(text: str) -> str:
    """Return text in which nothing is taken for a command."""
    return "".join(character for character in text if character >= " ").translate(_PROSE)


def _mono(text: str) -> str:
    """Return text in a typewriter face that may be broken after signs and within long words."""
    pieces = re.findall(r"[A-Za-z0-9]{1,12}[^A-Za-z0-9]?|.", "".join(c for c in text if c >= " "), re.DOTALL)
    return r"\texttt{" + r"\allowbreak{}".join(piece.translate(_TYPEWRITER) for piece in pieces) + "}"


def _spans(spans: Spans) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: object) -> str:
    if isinstance(span, Math):
        return f"${span.latex}$"
    if isinstance(span, Mono):
        return _mono(span.text)
    if isinstance(span, Strong):
        return rf"\textbf{{{_text(span.text)}}}"
    if isinstance(span, Value):
        return rf"\textbf{{{_text(span.text)}}}" if span.best else _text(span.text)
    return _text(str(span))


_SECTIONS = {1: "section", 2: "subsection", 3: "subsubsection"}


def _block(block: Block, pictures: str) -> str:
    match block:
        case Heading():
            return rf"\{_SECTIONS[block.level]}{{{_text(block.text)}}}"
        case Paragraph():
            return _spans(block.spans)
        case Note():
            return rf"\note{{{_spans(block.spans)}}}"
        case Items():
            lines = "\n".join(rf"\item {_guarded(_spans(line))}" for line in block.lines)
            return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"
        case Table():
            return _table(block)
        case Formulas():
            return _formulas(block.lines)
        case Picture():
            return _picture(block, pictures)
        case Code():
            return _listing(block.text)
        case Folded():
            inside = "\n\n".join(_block(b, pictures) for b in block.blocks)
            return f"\\paragraph{{{_text(block.summary)}}}\\mbox{{}}\n\n{inside}"


def _guarded(text: str) -> str:
    """Keep a leading bracket from being taken for an option."""
    return "{}" + text if text.startswith("[") else text


def _picture(picture: Picture, pictures: str) -> str:
    return (
        "\\begin{center}\n"
        rf"\includegraphics[width={picture.width:.2g}\linewidth,height=0.8\textheight,keepaspectratio]"
        rf"{{{pictures}/{picture.path.name}}}"
        f"\n\n{{\\small {_text(picture.caption)}}}\n\\end{{center}}"
    )


def _listing(text: str) -> str:
    lines = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        lines.append(rf"\hspace*{{{indent * 0.5:g}em}}" * bool(indent) + _mono(line.lstrip(" ")) if line else "{}")
    inside = " \\\\\n".join(lines)
    return f"\\begin{{quote}}\\small\\raggedright\n{inside}\n\\end{{quote}}"


def _table(table: Table) -> str:
    columns = _columns(table)
    rows = []
    if table.caption:
        rows.append(rf"\multicolumn{{{len(table.align)}}}{{@{{}}l@{{}}}}{{\small {_text(table.caption)}}} \\*[2pt]")
    rows.append(r"\toprule")
    if table.header:
        rows += [_row(table.header, bold=True), r"\midrule", r"\endhead"]
    rows += [_row(row) for row in table.rows]
    rows.append(r"\bottomrule")
    size = r"\footnotesize\setlength{\tabcolsep}{4pt}" if len(table.align) > 5 else r"\small"
    inside = "\n".join(rows)
    return f"{{{size}\n\\begin{{longtable}}{{{columns}}}\n{inside}\n\\end{{longtable}}}}"


def _columns(table: Table) -> str:
    """Return the columns: those with long texts get a share of the line and break, the others their own width."""
    rows = [table.header, *table.rows] if table.header else list(table.rows)
    lengths = [max((_length(row[i]) for row in rows), default=1) for i in range(len(table.align))]
    room = 78 if len(table.align) > 5 else 70
    if sum(lengths) + 2 * len(lengths) <= room:
        return "@{}" + table.align + "@{}"
    wide = [i for i, length in enumerate(lengths) if length > room / len(lengths)]
    left = max(room - sum(lengths[i] for i in range(len(lengths)) if i not in wide) - 2 * len(lengths), 12 * len(wide))
    total = sum(lengths[i] for i in wide)
    shares = {i: 0.95 * left / room * lengths[i] / total for i in wide}
    spec = ""
    for i, side in enumerate(table.align):
        if i in shares:
            lean = {"l": r"\raggedright", "r": r"\raggedleft", "c": r"\centering"}[side]
            spec += rf">{{{lean}\arraybackslash}}p{{{shares[i]:.3f}\linewidth}}"
        else:
            spec += side
    return f"@{{}}{spec}@{{}}"


def _length(spans: Spans) -> int:
    """Return how many letters a cell is wide; Chinese ones count double."""
    total = 0
    for span in spans:
        text = span.latex if isinstance(span, Math) else getattr(span, "text", str(span))
        width = sum(2 if ord(c) > 0x2E80 else 1 for c in text)
        width = round(1.15 * width) if isinstance(span, Mono) else width
        total += width // 2 if isinstance(span, Math) else width
    return total


def _row(cells: Sequence[Spans], bold: bool = False) -> str:
    texts = [_spans(cell) for cell in cells]
    if bold:
        texts = [rf"\textbf{{{text}}}" if text else "" for text in texts]
    return " & ".join([_guarded(texts[0]), *texts[1:]]) + r" \\"


def _formulas(lines: Sequence[Line]) -> str:
    rows, before = [], None
    for line in lines:
        start = rf"\shortintertext{{{_mono(line.layer)}}}" + "\n" if line.layer and line.layer != before else ""
        before = line.layer
        rows.append(start + _line(line))
    return "{\\small\n\\begin{align*}\n" + _joined(rows) + "\n\\end{align*}}"


def _joined(rows: Sequence[str]) -> str:
    """Join lines by row ends; before a text between lines there must be none."""
    text = rows[0]
    for row in rows[1:]:
        text += ("\n" if row.startswith("\\shortintertext") else " \\\\\n") + row
    return text


def _line(line: Line) -> str:
    if not line.right:
        return rf"{line.left} &\in {line.shape}"
    size = rf" &&\in {line.shape}" if line.shape else ""
    return f"{line.left} &{line.relation} {line.right}{size}"
