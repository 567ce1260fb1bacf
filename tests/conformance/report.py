"""The table that docs/results/conformance.md holds."""

from __future__ import annotations

import numpy as np
import torch

import tapegrad as tg

KINDS = {
    "operation": "Operations",
    "own": "Tensors, containers and functions that the database of operations lacks",
    "layer": "Layers and losses",
    "optimizer": "Optimizers",
    "scheduler": "Schedulers",
    "initialisation": "Initialisations",
}


def line(record) -> str:
    """One line for the terminal."""
    state = "absent " if not record.present else "DIFFERS" if record.differing else "ok     "
    return f"{state} {record.name}: {record.agreeing}/{record.cases} in {record.seconds:.1f} s"


def totals(records) -> str:
    present = [r for r in records if r.present]
    cases, agreeing = sum(r.cases for r in present), sum(r.agreeing for r in present)
    meant = sum(len(r.deliberate) for r in present)
    whole = sum(not r.differing for r in present)
    few = sum(r.cases < 5 for r in present)
    share = 100 * agreeing / max(cases, 1)
    return (
        f"{len(present)} names present of {len(records)}, {whole} of them without an unexplained difference; "
        f"{agreeing} of {cases} cases agree ({share:.2f} %), {meant} differ on purpose; {few} names with fewer than 5 cases"
    )


def number(record, *dtypes):
    found = [record.largest[d] for d in dtypes if d in record.largest]
    return f"{max(found):.0e}" if found and max(found) else "0" if found else ""


def document(records) -> str:
    """The whole page, in Markdown."""
    parts = [HEAD.format(torch=torch.__version__, numpy=np.__version__, own=tg.__version__, totals=totals(records))]
    parts.append(
        "| kind | names | present | cases | agreeing | differing on purpose | differing |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    for kind, title in KINDS.items():
        group = [r for r in records if r.kind == kind]
        there = [r for r in group if r.present]
        counts = [sum(r.cases for r in there), sum(r.agreeing for r in there)]
        counts += [sum(len(r.deliberate) for r in there), sum(len(r.differing) for r in there)]
        parts[-1] += f"\n| {title} | {len(group)} | {len(there)} | " + " | ".join(map(str, counts)) + " |"
    parts.append("\n## Differences on purpose\n")
    parts.append(reasons(records))
    parts.append("\n## Differences that are no purpose\n")
    parts.append(oversights(records))
    for kind, title in KINDS.items():
        group = [r for r in records if r.kind == kind and r.present]
        parts.append(f"\n## {title}\n\n| name | cases | agreeing | float64 | float32 |\n|---|--:|--:|--:|--:|")
        parts[-1] += "".join(
            f"\n| `{r.name}` | {r.cases} | {r.agreeing} | {number(r, 'float64', 'complex128')} | {number(r, 'float32', 'complex64')} |"
            for r in group
        )
    absent = [f"`{r.name}`" for r in records if not r.present]
    parts.append(
        f"\n## Absent\n\n{len(absent)} names of the same sources; docs/surface.md gives the reasons.\n\n"
        + ", ".join(absent)
    )
    return "\n".join(parts).rstrip() + "\n"


def reasons(records):
    groups: dict[str, list] = {}
    for r in records:
        for label, wrong, reason in r.deliberate:
            groups.setdefault(reason, []).append((r.name, label, wrong))
    if not groups:
        return "None."
    text = []
    for reason, found in groups.items():
        names = sorted({name for name, *_ in found})
        text.append(f"- {reason} ({len(found)} cases: {', '.join(f'`{n}`' for n in names)})")
    return "\n".join(text)


def oversights(records):
    rows = [(r.name, len(r.differing), *r.differing[0]) for r in records if r.differing]
    if not rows:
        return "None."
    body = [f"| `{n}` | {c} | {cell(wrong)} | {cell(label)} |" for n, c, label, wrong in rows]
    return "\n".join(["| name | cases | what | for example |", "|---|--:|---|---|", *body])


def cell(text):
    return text.replace("|", "\\|")[:150]


HEAD = """# Agreement with PyTorch

`make conformance` runs the same calls in tapegrad {own} (NumPy {numpy}) and PyTorch {torch} on the CPU and compares results,
shapes, dtypes, first and second derivatives, in-place forms, `out=`, and the kind of exception for wrong input.
Inputs come from PyTorch's own databases (operations, modules, optimizers) and from generators of this project.
Two results agree where they differ by at most 1e-7 (float64), 2e-4 (float32) or 1e-2 (float16) of the largest value;
the columns give the largest difference so measured. Where values are drawn, shapes and dtypes are compared, moments elsewhere.

{totals}.
"""
