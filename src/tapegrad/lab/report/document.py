"""A report as a tree of blocks, which the writers turn into HTML, Markdown and LaTeX."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator

from ...explain.formulas.line import Line

__all__ = [
    "Block",
    "Code",
    "Document",
    "Folded",
    "Formulas",
    "Heading",
    "Items",
    "Line",
    "Math",
    "Mono",
    "Note",
    "Paragraph",
    "Picture",
    "Span",
    "Spans",
    "Strong",
    "Table",
    "Value",
]


# -- spans: what a line of text is made of ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Math:
    """A formula within a line, in the subset of LaTeX that :mod:`tapegrad.explain.formulas.mathml` reads."""

    latex: str


@dataclasses.dataclass(frozen=True)
class Mono:
    """A name, a path or a command within a line."""

    text: str


@dataclasses.dataclass(frozen=True)
class Strong:
    """Text that stands out."""

    text: str


@dataclasses.dataclass(frozen=True)
class Value:
    """A number with where it comes from; ``best`` makes it stand out in a table."""

    text: str
    source: str
    best: bool = False


Span = str | Math | Mono | Strong | Value
Spans = tuple[Span, ...]


# -- blocks -------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading of level 1 (a run), 2 (a section) or 3."""

    level: int
    text: str
    anchor: str


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    spans: Spans


@dataclasses.dataclass(frozen=True)
class Note:
    """A sentence about what is left out, or to be careful with."""

    spans: Spans


@dataclasses.dataclass(frozen=True)
class Items:
    """A list with a bullet for each line."""

    lines: tuple[Spans, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under a header; ``align`` has one of l, r or c for each column; the first column names the row."""

    header: tuple[Spans, ...]
    rows: tuple[tuple[Spans, ...], ...]
    align: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Formulas:
    """Formulas below each other, aligned at their equality signs."""

    lines: tuple[Line, ...]


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture file, what it shows for those who cannot see it, and its caption. ``width`` is a share of the page's."""

    path: pathlib.Path
    alt: str
    caption: str
    width: float = 0.8


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines to be typed."""

    text: str
    language: str = "sh"


@dataclasses.dataclass(frozen=True)
class Folded:
    """Blocks that a page shows when asked to, and paper always."""

    summary: str
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Note | Items | Table | Formulas | Picture | Code | Folded


@dataclasses.dataclass(frozen=True)
class Document:
    """A report: ``language`` as HTML names it, ``contents`` the heading of the table of contents."""

    title: str
    subtitle: str
    language: str
    contents: str
    blocks: tuple[Block, ...]

    def walk(self) -> Iterator[Block]:
        """Yield every block, those within others too."""
        yield from _walk(self.blocks)

    def pictures(self) -> list[Picture]:
        """Return the pictures in their order."""
        return [block for block in self.walk() if isinstance(block, Picture)]


def _walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Folded):
            yield from _walk(block.blocks)
