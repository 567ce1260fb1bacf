"""A report as Markdown, as GitHub, GitLab and editors show it, with its pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

__all__ = ["to_markdown"]


def to_markdown(document: Document, pictures: str = "pictures") -> str:
    """Return the text; ``pictures`` is the folder, beside it, that holds the pictures by their names."""
    parts = [f"# {_text(document.title)}", _text(document.subtitle)]
    parts += [_block(block, pictures) for block in document.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: str) -> str:
    """Return text in which nothing is taken for a mark."""
    text = re.sub(r"([\\`*_{}\[\]<>|$~#])", r"\\\1", " ".join(text.split()))
    return text.replace("&", "&amp;")


def _begun(text: str) -> str:
    """Return a line that is not taken for a list, a heading or a rule because of how it begins."""
    return re.sub(r"^(\d+)([.)])(?=\s)", r"\1\\\2", re.sub(r"^([-+=])", r"\\\1", text))


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def _spans(spans: Spans, in_table: bool = False) -> str:
    return "".join(_span(span, in_table) for span in spans)


def _span(span: object, in_table: bool) -> str:
    if isinstance(span, Math):
        # A bar would end the cell.
        return f"${span.latex.replace('|', chr(92) + 'vert ')}$"
    if isinstance(span, Mono):
        code = _code(span.text)
        return code.replace("|", "\\|") if in_table else code
    if isinstance(span, Strong):
        return f"**{_text(span.text)}**"
    if isinstance(span, Value):
        return f"**{_text(span.text)}**" if span.best else _text(span.text)
    return _inline(str(span))


def _inline(text: str) -> str:
    """Escape a piece of text that may begin or end with a blank."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return text[:start] + _text(text[start:end]) + text[max(end, start) :]


def _block(block: Block, pictures: str) -> str:
    match block:
        case Heading():
            return f"{'#' * (block.level + 1)} {_text(block.text)}"
        case Paragraph():
            return _begun(_spans(block.spans))
        case Note():
            return f"> {_begun(_spans(block.spans))}"
        case Items():
            return "\n".join(f"- {_begun(_spans(line))}" for line in block.lines)
        case Table():
            return _table(block)
        case Formulas():
            return _formulas(block.lines)
        case Picture():
            return f"![{_text(block.alt)}]({pictures}/{block.path.name})\n\n*{_text(block.caption)}*"
        case Code():
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
            return f"{fence}{block.language}\n{block.text}\n{fence}"
        case Folded():
            inside = "\n\n".join(_block(b, pictures) for b in block.blocks)
            return f"<details>\n<summary>{_summary(block.summary)}</summary>\n\n{inside}\n\n</details>"


def _summary(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(table: Table) -> str:
    width = len(table.align)
    header = table.header or ((),) * width
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    lines = [_row(header), "| " + " | ".join(marks[side] for side in table.align) + " |"]
    lines += [_row(row) for row in table.rows]
    caption = f"*{_text(table.caption)}*\n\n" if table.caption else ""
    return caption + "\n".join(lines)


def _row(cells: Sequence[Spans]) -> str:
    return "| " + " | ".join(_spans(cell, in_table=True) for cell in cells) + " |"


def _formulas(lines: Sequence[Line]) -> str:
    r"""Return one displayed block for each layer, as renderers of Markdown have little room for wide ones."""
    groups: list[list[Line]] = []
    for line in lines:
        if not groups or groups[-1][0].layer != line.layer:
            groups.append([])
        groups[-1].append(line)
    parts = []
    for group in groups:
        name = f"{_code(group[0].layer)}:\n\n" if group[0].layer else ""
        rows = " \\\\\n".join(_line(line) for line in group)
        parts.append(f"{name}$$\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n$$")
    return "\n\n".join(parts)


def _line(line: Line) -> str:
    if not line.right:
        return rf"{line.left} &\in {line.shape}"
    size = rf" &&\in {line.shape}" if line.shape else ""
    return f"{line.left} &{line.relation} {line.right}{size}"
