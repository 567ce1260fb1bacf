"""The results page: every figure from the raw ones; what stands between the remarks' marks is kept."""

from __future__ import annotations

import re
from typing import Any

from .clock import BLOCK, RUN_UP, SETTLE
from .machine import describe
from .peers.columns import BYTES, COMPILED, EAGER, HAND, NUMPY, PRODUCTS
from .targets import PEERS, Row, Target, best, exactly, geometric_mean, limit, ratio, targets
from .workloads import BY_KEY

BEGIN = "<!-- remarks: what stands from here on is written by hand, and kept -->"
END = "<!-- end of remarks -->"
METHOD = f"""\
Every row is one process. All columns begin with the same weights and get the same batches; before anything is timed, the
losses of the first 20 steps (for inference the outputs; CNNs without dropout, at a rate of 1e-5) are compared with PyTorch's, and a column that differs by more than the
tolerance stands in the table but counts nowhere. Then come the rounds: in each, every column runs one block of at least {1e3 * BLOCK:.0f} ms, one
column after another, each time beginning with another one. Before its block a column waits {1e3 * SETTLE:.0f} ms, in which the threads of the
others fall asleep, and runs for {1e3 * RUN_UP:.0f} ms that are not timed. The garbage collector is off inside rounds, for all.
Compilation is not timed. A time is the median over the rounds of the time of one call, between the quartiles in brackets.
**A ratio of more than 1 means that tapegrad is faster**; it is the ratio of two medians of one row, the faster compiled target
against the faster of a peer's settings, unless said otherwise. PyTorch's Adam is used with its default loop, `foreach`, and `fused`
(and fused with all that follows); "compile" is `torch.compile` of forward and loss with shapes fixed, "compile with Adam"
compiles the optimizer as well. JAX is one jitted function for the whole step with donated state, images channels-last. scikit-learn is
`partial_fit`; MyGrad (memory guard off) and autograd use Adam in NumPy, in place. Inputs are random numbers; only the epoch and
the cold start read MNIST."""
LIMIT = """\
The limit is what no step in NumPy can do without: *products alone*, the matrix products of forward and backward into memory that
is there already (three for a linear layer, two for the first; convolutions as the products that they are after im2col, without
unfolding), and *bytes alone*, as many bytes as a step must move beside them (per parameter 7 numbers of 4 bytes: gradient, two
moments and value read, moments and value written; per hidden activation 5: a read and a write forward, two reads and a write
backward; per output 3), moved by `a += b` over arrays as large as the step's own together, on one thread or all, whichever is
faster. Both are measured in the same rounds as the steps. A step with fewer operations (Winograd) can go below it."""


def render(results: dict[str, Any], before: str = "") -> str:
    """Return the page; ``before`` is its present text, from which the remarks are taken."""
    parts = [
        "# Beside its peers: times, sizes, memory",
        f"Written by `make bench` on {results.get('date', '?')} (UTC); the figures are the machine's, the text between the "
        "remarks' marks is ours.",
        describe(results),
        "## The targets\n\n" + targets_table(targets(results)),
        f"## Remarks\n\n{BEGIN}\n{remarks(before)}\n{END}",
        "## How it is measured\n\n" + METHOD,
        "## All rows\n\n" + overview(results),
        "## Against the limit and the hand-written step\n\n" + LIMIT + "\n\n" + limits(results),
        "## Cold start\n\n" + cold(results),
        "## Peak memory\n\n" + memory(results),
        "## Installed size and import time\n\n" + footprint(results),
        "## Row by row\n\n" + "\n\n".join(single(key, row) for key, row in rows_of(results).items()),
        "## What failed\n\n" + failures(results),
    ]
    return "\n\n".join(parts) + "\n"


def remarks(before: str) -> str:
    """Return what was written by hand.

    >>> remarks(f"x {BEGIN}\\nBy hand.\\n{END} y"), remarks("")
    ('By hand.', '')
    """
    found = re.search(f"{re.escape(BEGIN)}\n(.*?)\n?{re.escape(END)}", before, re.DOTALL)
    return found[1] if found else ""


def table(head: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines))


def times(value: float | None) -> str:
    """Return a ratio in three digits; a dash for none.

    >>> times(None), times(0.98765), times(12.345), times(123.4)
    ('–', '0.988', '12.3', '123')
    """
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.{2 if value < 10 else 1}f}"


def micro(value: float) -> str:
    """Return microseconds.

    >>> micro(12.34), micro(123456.7)
    ('12.3', '123,457')
    """
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def rows_of(results: dict[str, Any]) -> dict[str, Row]:
    return {key: results["rows"][key] for key in BY_KEY if key in results.get("rows", {})}


def targets_table(found: list[Target]) -> str:
    lines = []
    for target in found:
        bound = f"{'at most' if target.at_most else 'at least'} {target.asked:g}"
        notes = [] if target.mean else [f"{name}: {times(value)}" for name, value in target.missed.items()]
        if target.missing:
            notes.append(f"not measured: {len(target.missing)} of {len(target.values)}")
        lines.append([target.text, bound, times(target.reached), f"**{target.verdict}**", "; ".join(notes)])
    return table(["ratio", "asked", "reached (worst row, or mean)", "", "missed in"], lines)


def overview(results: dict[str, Any]) -> str:
    """Return the ratios of all rows against each peer, and their geometric means."""
    head = [
        "",
        "compiled, µs",
        "PyTorch eager",
        *(f"best of {p}" if p == "PyTorch" else p for p in PEERS),
        "eager / PyTorch eager",
    ]
    lines, means = [], [[] for _ in head[2:]]
    for key, row in rows_of(results).items():
        own = best(row, COMPILED)
        values = [exactly(row, "PyTorch"), *(ratio(row, peer) for peer in PEERS), exactly(row, "PyTorch", EAGER)]
        for column, value in zip(means, values, strict=True):
            column += [] if value is None else [value]
        shown = f"{micro(own[1])} ({own[0].rpartition('(')[2].rstrip(')')})" if own else "–"
        lines.append([BY_KEY[key].title, shown, *map(times, values)])
    lines.append(["**geometric mean**", "", *(f"**{times(geometric_mean(column))}**" for column in means)])
    return table(head, lines)


def limits(results: dict[str, Any]) -> str:
    lines = []
    for key, row in rows_of(results).items():
        own, bound, hand = best(row, COMPILED), limit(row), best(row, HAND)
        if bound is None and hand is None:
            continue
        found = {name: column["median"] for name, column in row["columns"].items()}
        cells = [micro(found[name]) if name in found else "–" for name in (PRODUCTS, BYTES, HAND)]
        over = [own[1] / value if own and value else None for value in (bound, hand[1] if hand else None)]
        numpy = found[NUMPY] / hand[1] if NUMPY in found and hand else None
        by_hand = hand[1] / bound if hand and bound else None
        lines.append([BY_KEY[key].title, *cells, micro(own[1]) if own else "–", *map(times, (*over, numpy, by_hand))])
    head = [
        "",
        PRODUCTS + ", µs",
        BYTES + ", µs",
        HAND + ", µs",
        "compiled, µs",
        "compiled / limit",
        "compiled / by hand",
    ]
    return table([*head, "compiled (NumPy) / by hand", "by hand / limit"], lines)


def cold(results: dict[str, Any]) -> str:
    found = results.get("cold")
    if not found:
        return "Not measured."
    own = best(found, "tapegrad")
    lines = [
        [
            name,
            f"{c['median'] / 1e6:.2f}",
            f"{c['low'] / 1e6:.2f}–{c['high'] / 1e6:.2f}",
            f"{100 * c['accuracy']:.2f} %",
            str(c["epochs"]),
            times(c["median"] / own[1] if own else None),
        ]
        for name, c in found["columns"].items()
    ]
    text = "`python script.py` in a new process until 97 % of the test digits are right, tested after each epoch: seconds on the clock."
    text += " The scripts, equal in design, are in `benchmarks/cold_start/`; the disk cache is warm."
    return text + "\n\n" + table(["", "seconds", "quartiles", "accuracy", "epochs", "ratio"], lines)


def memory(results: dict[str, Any]) -> str:
    lines = []
    for key, columns in results.get("memory", {}).items():
        for name, value in columns.items():
            if "crash" in value:
                cells = [value["crash"], "", ""]
            else:
                cells = [
                    f"{n / 2**20:,.0f}" for n in (value["peak"], value["imported"], value["peak"] - value["imported"])
                ]
            lines.append([BY_KEY[key].title, name, *cells])
    text = "The most memory a process held, alone with one column and two batches: in all, after its imports, and the difference (MiB)."
    return text + "\n\n" + table(["", "", "peak", "after import", "on top"], lines) if lines else "Not measured."


def footprint(results: dict[str, Any]) -> str:
    found = results.get("footprint")
    if not found:
        return "Not measured."
    bare = found["imports"]["python"]
    lines = []
    for name, size in found["sizes"].items():
        taken = found["imports"][name] - bare
        lines.append(
            [
                name,
                f"{size['own'] / 1e6:,.1f}",
                f"{size['all'] / 1e6:,.1f}",
                f"{1e3 * taken:,.0f}",
                ", ".join(size["packages"]),
            ]
        )
    text = (
        "Megabytes of the package's files and of all that it requires (without Python's compiled files), and the median time that a "
        f"process takes to import it, less the {1e3 * bare:.0f} ms that one takes that imports nothing "
        f"(NumPy alone: {1e3 * (found['imports']['NumPy'] - bare):.0f} ms)."
    )
    return text + "\n\n" + table(["", "itself, MB", "with what it requires, MB", "import, ms", "requires"], lines)


def single(key: str, row: Row) -> str:
    title = f"### {BY_KEY[key].title}\n\n"
    if "crash" in row:
        return title + f"The whole row failed: {row['crash']}"
    own = best(row, COMPILED)
    lines = []
    for name, column in row["columns"].items():
        notes = [column["note"]] if "note" in column else []
        if not column["same"]:
            notes.append(f"**computes something else** (tolerance {column['tolerance']:g}): counts nowhere")
        off = f"{column['difference']:.1e}" if "difference" in column else ""
        spread = f"[{micro(column['low'])}, {micro(column['high'])}]"
        share = times(column["median"] / own[1]) if own and name not in (PRODUCTS, BYTES) else ""
        lines.append([name, micro(column["median"]), spread, str(column["rounds"]), share, off, "; ".join(notes)])
    about = f"Measured {row['date']}, load before {row['load']}."
    return title + about + "\n\n" + table(["", "µs", "quartiles", "rounds", "ratio", "difference", ""], lines)


def failures(results: dict[str, Any]) -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for key, row in rows_of(results).items():
        for name, reason in row.get("failures", {}).items():
            found.setdefault((name, reason), []).append(BY_KEY[key].title)
        for name, column in row.get("columns", {}).items():
            if not column["same"]:
                found.setdefault((name, "its figures differ from the others'"), []).append(BY_KEY[key].title)
    for name, reason in results.get("cold", {}).get("failures", {}).items():
        found.setdefault((name, reason), []).append("cold start")
    return "\n".join(f"- {name} ({'; '.join(rows)}): {reason}" for (name, reason), rows in found.items()) or "Nothing."
