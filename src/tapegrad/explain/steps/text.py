"""Steps of backpropagation as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.formulas import in_plain_text
from .described import array_line

if TYPE_CHECKING:
    from .reader import BackwardStep
    from .steps import Steps

__all__ = ["overview", "step_text", "title"]

_MARGIN = 12


def title(step: BackwardStep) -> str:
    """Return a step's number and name, and where the operation was."""
    module = f" in module {step.module}" if step.module else ""
    where = f" at {step.where}" if step.where else ""
    return f"step {step.index}: {step.name}{module}{where}"


def step_text(step: BackwardStep) -> str:
    """Return all that is known of a step, one fact on each line."""
    rows = [("forward", in_plain_text(step.formula)), ("derivative", in_plain_text(step.derivative))]
    rows += [("with", f"{name} = {value}") for name, value in step.options.items()]
    rows += [("saved", f"{name}: {array_line(array)}") for name, array in step.saved.items()]
    several = len(step.outputs) > 1
    hooked = f" (after {step.hooks} hook{'s' * (step.hooks > 1)})" if step.hooks else ""
    for i, g in enumerate(step.outputs):
        name = f"g[{i}]" if several else "g"
        rows.append(("came in", f"{name}: {'nothing' if g is None else array_line(g)}{hooked}"))
    rows += [("locally", f"d/d {name}: {array_line(array)}") for name, array in step.local.items()]
    for product in step.products:
        rows.append(("product", f"{product.input}: {array_line(product.array)}"))
        first = product.array is product.added_to_total
        total = "" if first else f", which makes {array_line(product.added_to_total)}"
        rows.append(("", f"{'goes' if first else 'added'} to {product.to}{total}"))
    lines, before = [title(step)], ""
    for label, text in rows:
        if text:
            lines.append(f"  {'' if label == before else label:{_MARGIN}}{text}")
            before = label or before
    return "\n".join(lines)


def overview(steps: Steps) -> str:
    """Return one line for each step, and what the leaves get."""
    names = [step.name for step in steps]
    width = max(map(len, names), default=0)
    modules = max((len(step.module) for step in steps), default=0)
    lines = [f"{len(steps)} steps back from the loss, {array_line(steps.loss)}"]
    for step in steps:
        goals = ", ".join(dict.fromkeys(product.to for product in step.products)) or "nothing"
        module = f"  {step.module:{modules}}" if modules else ""
        lines.append(f"{step.index:4}  {step.name:{width}}{module}  -> {goals}")
    lines += [f"      {name}.grad += {array_line(g)}" for name, g in steps.gradients.items()]
    return "\n".join(lines)
