"""Steps of backpropagation as HTML for notebooks: it folds without a script and takes the page's own colours."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ...errors import FileFormatError
from ..formulas.mathml import to_mathml
from .described import array_line

if TYPE_CHECKING:
    from .reader import BackwardStep
    from .steps import Steps

__all__ = ["step_html", "steps_html"]

_STYLE = """<style>
.tapegrad-steps{font:14px/1.5 system-ui,sans-serif;max-width:60em}
.tapegrad-steps details{border-left:2px solid #8886;margin:2px 0;padding:1px 0 1px 10px}
.tapegrad-steps summary{cursor:pointer}
.tapegrad-steps table{border-collapse:collapse;margin:4px 0 8px}
.tapegrad-steps th,.tapegrad-steps td{text-align:left;vertical-align:top;padding:1px 12px 1px 0;background:none;border:0}
.tapegrad-steps th{font-weight:600;white-space:nowrap}
.tapegrad-steps pre{margin:2px 0;overflow-x:auto;font-size:12px;background:none}
.tapegrad-steps small{opacity:.7}
</style>"""


def steps_html(steps: Steps) -> str:
    """Return all steps, each folded to its name, and what the leaves get at the end."""
    rows = "".join(_row(name, _array(g)) for name, g in steps.gradients.items())
    leaves = f"<details><summary>gradients of the leaves</summary><table>{rows}</table></details>"
    body = "".join(_details(step) for step in steps)
    return (
        f'<div class="tapegrad-steps">{_STYLE}<b>{len(steps)} steps back from the loss</b> '
        f"{escape(array_line(steps.loss))}{body}{leaves}</div>"
    )


def step_html(step: BackwardStep) -> str:
    """Return one step, unfolded."""
    return f'<div class="tapegrad-steps">{_STYLE}{_details(step, " open")}</div>'


def _details(step: BackwardStep, state: str = "") -> str:
    goals = ", ".join(dict.fromkeys(product.to for product in step.products))
    module = f" <small>in module {escape(step.module)}</small>" if step.module else ""
    summary = f"{step.index}: <b>{escape(step.name)}</b>{module} <small>→ {escape(goals)}</small>"
    return f"<details{state}><summary>{summary}</summary><table>{_facts(step)}</table></details>"


def _facts(step: BackwardStep) -> str:
    rows = [_row("forward", _formula(step.formula)), _row("derivative", _formula(step.derivative))]
    if step.where:
        rows.append(_row("line", escape(step.where)))
    rows += [_row("with", escape(f"{name} = {value}")) for name, value in step.options.items()]
    rows += [_row(f"saved {name}", _array(array)) for name, array in step.saved.items()]
    several = len(step.outputs) > 1
    hooked = f"<small>after {step.hooks} hook{'s' * (step.hooks > 1)}</small> " if step.hooks else ""
    for i, g in enumerate(step.outputs):
        name = f"came in, g[{i}]" if several else "came in, g"
        rows.append(_row(name, hooked + ("nothing" if g is None else _array(g))))
    rows += [_row(f"locally, d/d {name}", _array(array)) for name, array in step.local.items()]
    for product in step.products:
        rows.append(_row(f"product, {product.input}", _array(product.array)))
        if product.array is product.added_to_total:
            rows.append(_row("", f"goes to <b>{escape(product.to)}</b>"))
        else:
            rows.append(_row("", f"added to <b>{escape(product.to)}</b>, which makes {_array(product.added_to_total)}"))
    return "".join(rows)


def _row(name: str, content: str) -> str:
    return f"<tr><th>{escape(name)}</th><td>{content}</td></tr>" if content else ""


def _formula(latex: str) -> str:
    if not latex:
        return ""
    try:
        return to_mathml(latex)
    except FileFormatError:
        return f"<code>{escape(latex)}</code>"


def _array(array: np.ndarray) -> str:
    line = escape(array_line(array))
    if array.size <= 6:
        return line
    values = escape(np.array2string(array, precision=4, threshold=100, max_line_width=100))
    return f"<details><summary>{line}</summary><pre>{values}</pre></details>"
