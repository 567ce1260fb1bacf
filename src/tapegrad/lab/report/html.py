"""A report as one HTML file that needs nothing else: style, pictures and formulas are in it."""

from __future__ import annotations

import base64
import mimetypes
import pathlib
from collections.abc import Sequence
from html import escape

from ...explain.formulas.mathml import to_mathml
from .document import (
    Block,
    Code,
    Document,
    Folded,
    Formulas,
    Heading,
    Items,
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
from .style import STYLE

__all__ = ["to_html"]


def to_html(document: Document) -> str:
    """Return the page. Raises OSError for a picture that cannot be read."""
    body = "\n".join(_block(block) for block in document.blocks)
    return f"""<!DOCTYPE html>
<html lang="{escape(document.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tapegrad report">
<title>{escape(document.title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(document.title)}</h1>
<p class="subtitle">{escape(document.subtitle)}</p>
</header>
{_contents(document)}
<main>
{body}
</main>
</body>
</html>
"""


def _contents(document: Document) -> str:
    headings = [block for block in document.blocks if isinstance(block, Heading) and block.level < 3]
    if not headings:
        return ""
    entries = "\n".join(
        f'<li class="level{h.level}"><a href="#{escape(h.anchor)}">{escape(h.text)}</a></li>' for h in headings
    )
    title = escape(document.contents)
    return f'<nav aria-label="{title}">\n<h2>{title}</h2>\n<ul>\n{entries}\n</ul>\n</nav>'


def _spans(spans: Spans) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: object) -> str:
    if isinstance(span, Math):
        return to_mathml(span.latex)
    if isinstance(span, Mono):
        return f"<code>{escape(span.text)}</code>"
    if isinstance(span, Strong):
        return f"<strong>{escape(span.text)}</strong>"
    if isinstance(span, Value):
        source = escape(span.source)
        text = f"<strong>{escape(span.text)}</strong>" if span.best else escape(span.text)
        return f'<span class="value" title="{source}" data-source="{source}">{text}</span>'
    return escape(str(span))


def _block(block: Block) -> str:
    match block:
        case Heading():
            level = block.level + 1
            return f'<h{level} id="{escape(block.anchor)}">{escape(block.text)}</h{level}>'
        case Paragraph():
            return f"<p>{_spans(block.spans)}</p>"
        case Note():
            return f'<p class="note" role="note">{_spans(block.spans)}</p>'
        case Items():
            return "<ul>\n" + "\n".join(f"<li>{_spans(line)}</li>" for line in block.lines) + "\n</ul>"
        case Table():
            return _table(block)
        case Formulas():
            return _formulas(block)
        case Picture():
            return _picture(block)
        case Code():
            return (
                f'<pre tabindex="0"><code class="language-{escape(block.language)}">{escape(block.text)}</code></pre>'
            )
        case Folded():
            inside = "\n".join(_block(b) for b in block.blocks)
            return f"<details>\n<summary>{escape(block.summary)}</summary>\n{inside}\n</details>"


_ALIGN = {"l": "", "r": ' class="number"', "c": ' class="centre"'}


def _table(table: Table) -> str:
    head = _cells(table.header, table.align, "col")
    rows = "\n".join(f"<tr>{_cells(row, table.align, 'row')}</tr>" for row in table.rows)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    header = f"<thead><tr>{head}</tr></thead>\n" if table.header else ""
    return f'<div class="wide" tabindex="0"><table>{caption}\n{header}<tbody>\n{rows}\n</tbody></table></div>'


def _cells(cells: Sequence[Spans], align: str, scope: str) -> str:
    """Return cells: all of a header row, and the first of each other row, are headers of theirs."""
    found = []
    for i, (cell, side) in enumerate(zip(cells, align, strict=True)):
        name = "th" if scope == "col" or i == 0 else "td"
        what = f' scope="{scope}"' if name == "th" else ""
        found.append(f"<{name}{what}{_ALIGN[side]}>{_spans(cell)}</{name}>")
    return "".join(found)


def _formulas(block: Formulas) -> str:
    rows, before = [], None
    for line in block.lines:
        layer = f"<code>{escape(line.layer)}</code>" if line.layer and line.layer != before else ""
        start = ' class="start"' if layer else ""
        before = line.layer
        left = to_mathml(line.left, display=True) if line.left else ""
        if line.right:
            right = to_mathml(rf"{line.relation} {line.right}", display=True)
            size = to_mathml(rf"\in {line.shape}") if line.shape else ""
        else:
            right, size = to_mathml(rf"\in {line.shape}", display=True), ""
        rows.append(
            f'<tr{start}><td class="layer">{layer}</td><td class="left">{left}</td>'
            f'<td class="right">{right}</td><td class="shape">{size}</td></tr>'
        )
    inside = "\n".join(rows)
    return f'<div class="wide" tabindex="0"><table class="formulas" role="presentation">\n{inside}\n</table></div>'


def _picture(picture: Picture) -> str:
    return (
        f'<figure><img src="{_embedded(picture.path)}" alt="{escape(picture.alt)}" '
        f'style="width:{picture.width:.0%}" loading="lazy">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _embedded(path: pathlib.Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
