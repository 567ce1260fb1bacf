"""Ratios, geometric means, and the targets with what was reached: all from the raw figures, nothing typed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .peers.columns import BYTES, COMPILED, EAGER, HAND, PRODUCTS
from .workloads import BY_KEY

Row = dict[str, Any]
PEERS = ("PyTorch", "JAX", "scikit-learn", "MyGrad", "autograd", "ONNX Runtime")


def medians(row: Row) -> dict[str, float]:
    """Return the medians of the columns that compute the same as the others."""
    return {name: column["median"] for name, column in row.get("columns", {}).items() if column.get("same", True)}


def best(row: Row, start: str | tuple[str, ...]) -> tuple[str, float] | None:
    """Return the fastest column whose name begins so.

    >>> best({"columns": {"A, x": {"median": 3.0}, "A, y": {"median": 2.0}, "A, z": {"median": 1.0, "same": False}}}, "A")
    ('A, y', 2.0)
    """
    found = [(name, value) for name, value in medians(row).items() if name.startswith(start)]
    return min(found, key=lambda pair: pair[1]) if found else None


def ratio(row: Row, peer: str | tuple[str, ...], ours: str | tuple[str, ...] = COMPILED) -> float | None:
    """Return the peer's fastest time over ours: more than 1 where tapegrad is faster. None where either is missing."""
    theirs, own = best(row, peer), best(row, ours)
    return theirs[1] / own[1] if theirs and own else None


def exactly(row: Row, peer: str, ours: str | tuple[str, ...] = COMPILED) -> float | None:
    """Return the ratio for one column of the peer."""
    theirs, own = medians(row).get(peer), best(row, ours)
    return theirs / own[1] if theirs and own else None


def limit(row: Row) -> float | None:
    """Return the microseconds of the products alone and the bytes alone, one after the other."""
    found = medians(row)
    return found[PRODUCTS] + found[BYTES] if PRODUCTS in found and BYTES in found else None


def geometric_mean(values: Iterable[float]) -> float | None:
    """Return the geometric mean; None for no values.

    >>> geometric_mean([1.0, 4.0]), geometric_mean([])
    (2.0, None)
    """
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


@dataclass
class Target:
    """A line of the issue: what is asked for, what was reached, in which rows not, and which rows are missing."""

    text: str
    asked: float
    values: dict[str, float | None]
    at_most: bool = False
    mean: bool = False

    @property
    def reached(self) -> float | None:
        """The geometric mean where that is asked for, else the worst row."""
        found = [value for value in self.values.values() if value is not None]
        if not found:
            return None
        return geometric_mean(found) if self.mean else (max if self.at_most else min)(found)

    @property
    def missing(self) -> list[str]:
        return [name for name, value in self.values.items() if value is None]

    @property
    def missed(self) -> dict[str, float]:
        found = {name: value for name, value in self.values.items() if value is not None}
        return {name: value for name, value in found.items() if not self._meets(value)}

    @property
    def verdict(self) -> str:
        if self.reached is None:
            return "not measured"
        if not self._meets(self.reached):
            return "missed"
        return "hit so far" if self.missing else "hit"

    def _meets(self, value: float) -> bool:
        return value <= self.asked if self.at_most else value >= self.asked


def targets(results: dict[str, Any]) -> list[Target]:
    rows = {key: results.get("rows", {}).get(key, {}) for key in BY_KEY}

    def of(group: str) -> dict[str, Row]:
        return {BY_KEY[key].title: row for key, row in rows.items() if BY_KEY[key].group == group}

    every = {BY_KEY[key].title: row for key, row in rows.items()}
    five = {BY_KEY[key].title: row for key, row in rows.items() if BY_KEY[key].five}
    cold = results.get("cold", {})
    all_ratios = {title: ratio(row, "PyTorch") for title, row in every.items()}
    all_ratios["cold start"] = ratio(cold, "PyTorch", "tapegrad")
    result = [
        Target("compiled, networks up to 784-30-10, against the best of PyTorch", 2, _each(of("small"), "PyTorch")),
        Target("compiled, larger MLPs, against the best of PyTorch", 1, _each(of("mlp"), "PyTorch")),
        Target(
            "compiled, CNNs, against eager PyTorch", 1, {t: exactly(row, "PyTorch") for t, row in of("cnn").items()}
        ),
        Target("compiled, CNNs, against the best of PyTorch", 0.8, _each(of("cnn"), "PyTorch")),
        Target("compiled, sequences, against the best eager setting of PyTorch", 0.8, _each(of("sequence"), "PyTorch")),
        Target("compiled, all workloads, against the best of PyTorch, geometric mean", 1.5, all_ratios, mean=True),
    ]
    for peer, asked in (("JAX", 1), ("scikit-learn", 3), ("MyGrad", 3), ("autograd", 3)):
        found = {title: value for title, value in _each(every, peer).items() if value is not None}
        result.append(Target(f"compiled, against {peer}, geometric mean", asked, found, mean=True))
    large = rows["784-512-512-10"]
    own, bound = best(large, COMPILED), limit(large)
    result += [
        Target(
            "compiled, over the limit",
            1.5,
            {BY_KEY["784-512-512-10"].title: own[1] / bound if own and bound else None},
            at_most=True,
        ),
        Target("compiled, over the hand-written step, five networks", 1.15, _over_hand(five), at_most=True),
        Target(
            "eager, networks up to 784-30-10, against eager PyTorch",
            1,
            {title: exactly(row, "PyTorch", EAGER) for title, row in of("small").items()},
        ),
        Target("cold start to 97 %, against the best of PyTorch", 3, {"cold start": all_ratios["cold start"]}),
        Target("peak memory, over the least of PyTorch", 1, memory_ratios(results), at_most=True),
    ]
    return result


def _each(rows: dict[str, Row], peer: str) -> dict[str, float | None]:
    return {title: ratio(row, peer) for title, row in rows.items()}


def _over_hand(rows: dict[str, Row]) -> dict[str, float | None]:
    inverse = {title: ratio(row, HAND) for title, row in rows.items()}
    return {title: 1 / value if value else None for title, value in inverse.items()}


def memory_ratios(results: dict[str, Any]) -> dict[str, float | None]:
    """Return our peak, of the target that is fastest in the row, over the least that one of PyTorch's settings takes."""
    ratios: dict[str, float | None] = {}
    for key, workload in BY_KEY.items():
        peaks = {
            name: value["peak"] for name, value in results.get("memory", {}).get(key, {}).items() if "peak" in value
        }
        own = best(results.get("rows", {}).get(key, {}), COMPILED)
        theirs = [value for name, value in peaks.items() if name.startswith("PyTorch")]
        ratios[workload.title] = peaks[own[0]] / min(theirs) if own and own[0] in peaks and theirs else None
    return ratios
