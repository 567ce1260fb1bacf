"""Do all columns of a row compute the same? The first losses from equal weights on equal batches, or the outputs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .workloads import Runner, Workload

STEPS = 20
# The largest relative difference of a loss within STEPS steps, or of an output relative to the largest. Adam divides by
# the root of the second moment: a rounding error in a gradient near zero is a whole step, in one direction or the other.
TOLERANCE = {"mlp": 2e-4, "small": 2e-4, "cnn": 5e-4, "sequence": 5e-4, "infer": 1e-5}
# Its ε is added to √s before the correction for beginning at zero, so ε is up to 32 times larger in the first steps.
LOOSER = {"scikit-learn": 5e-3}


def figures(runner: Runner, workload: Workload) -> np.ndarray:
    """Return the losses of the first steps, or the outputs for the first batch."""
    if workload.kind == "infer":
        return np.array(runner.number(runner.call(*runner.batches[0])), np.float64)
    turn = itertools.islice(itertools.cycle(runner.batches), STEPS)
    return np.array([runner.number(runner.call(*batch)) for batch in turn], np.float64)


def difference(found: np.ndarray, expected: np.ndarray, kind: str) -> float:
    """Return the largest difference, relative to each loss, or to the largest output; infinite where a value is not finite.

    >>> difference(np.array([1.0, 2.2]), np.array([1.0, 2.0]), "train"), difference(np.array([np.nan]), np.ones(1), "train")
    (0.10000000000000009, inf)
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    scale = np.abs(expected).max() if kind == "infer" else np.abs(expected)
    return float((np.abs(found - expected) / scale).max())


def compare(found: dict[str, np.ndarray], workload: Workload) -> dict[str, dict[str, Any]]:
    """Return for each column the difference from PyTorch (else from the first column), the tolerance, and whether it holds."""
    if not found:
        return {}
    expected = found.get("PyTorch", next(iter(found.values())))
    result = {}
    for name, values in found.items():
        tolerance = LOOSER.get(name, TOLERANCE[workload.group])
        off = difference(values, expected, workload.kind)
        result[name] = {"difference": off, "tolerance": tolerance, "same": off <= tolerance}
    return result
