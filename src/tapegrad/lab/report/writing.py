"""What sections write with: a language, the depth of their headings, and the blocks so far."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from .document import Block, Formulas, Heading, Line, Note, Paragraph, Picture, Spans, Table
from .speaker import Speaker

__all__ = ["Writing"]


class Writing:
    """Collects the blocks of one part of a report. ``depth`` is the level of its sections, ``anchor`` begins their ids."""

    def __init__(self, say: Speaker, depth: int = 1, anchor: str = ""):
        self.say = say
        self.depth = depth
        self.anchor = anchor
        self.blocks: list[Block] = []

    def heading(self, key: str, below: int = 0, **places: Any) -> None:
        """Begin a section, or one ``below`` it."""
        slug = self.anchor + "-".join([key, *(str(v) for v in places.values() if isinstance(v, str))])
        level = min(self.depth + below, 3)
        self.blocks.append(Heading(level, self.say.text(key, **places), _slug(slug, len(self.blocks))))

    def sentences(self, *sentences: Spans | None) -> None:
        """Write a paragraph of sentences; of no sentences, nothing."""
        gap = " " if self.say.lang == "en" else ""
        spans: list[Any] = []
        for sentence in sentences:
            if sentence:
                spans += [gap] if spans and gap else []
                spans += sentence
        if spans:
            self.blocks.append(Paragraph(tuple(spans)))

    def note(self, key: str, **places: Any) -> None:
        """Write what is left out, or what to be careful with."""
        self.blocks.append(Note(self.say(key, **places)))

    def table(
        self, header: Sequence[Spans | str], rows: Sequence[Sequence[Any]], align: str, caption: str = ""
    ) -> None:
        """Write a table, if there are rows; cells are text, one span, or several."""
        if rows:
            cells = tuple(tuple(_cell(cell) for cell in row) for row in rows)
            self.blocks.append(Table(tuple(_cell(cell) for cell in header), cells, align, self._title(caption)))

    def formulas(self, lines: Sequence[Line]) -> None:
        """Write formulas, if there are any."""
        if lines:
            self.blocks.append(Formulas(tuple(lines)))

    def picture(self, path: pathlib.Path | None, key: str, **places: Any) -> None:
        """Show a picture, if it is there."""
        if path is not None:
            caption = self._title(self.say.text(key, **places))
            self.blocks.append(Picture(path, caption, caption, _width(path)))

    def _title(self, text: str) -> str:
        # A Chinese caption may begin with a setting's name, which stays as it is.
        return text[:1].upper() + text[1:] if self.say.lang == "en" else text


# As wide as a picture that fills a page, in pixels; and how much of the page is too high to fill.
_FULL, _TALL = 1040, 1.1


def _width(path: pathlib.Path) -> float:
    """Return the share of the page's width at which the letters in a PNG picture have the size that they were drawn for."""
    with path.open("rb") as file:
        head = file.read(24)
    width, height = (int.from_bytes(head[i : i + 4], "big") for i in (16, 20))
    share = min(max(width / _FULL, 0.2), 1.0)
    return round(0.7 * share if height > _TALL * width else 0.95 * share, 3)


def _cell(cell: Any) -> Spans:
    if isinstance(cell, tuple):
        return cell
    return () if cell == "" else (cell,)


def _slug(text: str, number: int) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in text) + f"-{number}"
