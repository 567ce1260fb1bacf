"""What can be seen of the network before anything is learned: its outputs for the first batch, its first weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from .begin import targets_are_classes
from .finding import Finding
from .observe import Course, Start
from .traits import LARGE_GAIN

__all__ = ["CHECKS", "LASTING"]

_LN = "CrossEntropyLoss"
_OF_CLASSES = ("CrossEntropyLoss", "NLLLoss")
_OF_VALUES = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")
# Where the outputs of a primitive can lie.
_RANGES = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "log_softmax": (-math.inf, 0.0),
    "logsigmoid": (-math.inf, 0.0),
}
# From this share of an activation's values on its ends, next to no gradient goes through it.
_SATURATED = 0.7


def start_loss(course: Course) -> Iterator[Finding]:
    """Yield a finding where the first loss is far above that of guessing among the classes."""
    start = course.start
    if start is None or start.loss is None or not _scores_classes(course):
        return
    expected = math.log(_classes(start))
    if not (math.isfinite(start.loss) and start.loss > 2 * expected + 0.5):
        return
    gains = _gains(course)
    where = max(gains, key=lambda path: gains[path], default="")
    large = bool(gains) and gains[where] > LARGE_GAIN
    evidence = {"loss": start.loss, "expected": expected, "classes": _classes(start)}
    yield Finding("start-loss", where if large else "", 0, evidence, severity=0.57)


def scores(course: Course) -> Iterator[Finding]:
    """Yield findings where a loss is given something else than what it is made for."""
    start, loss = course.start, course.facts.loss
    if start is None or start.outputs is None or start.outputs.ndim < 2 or start.outputs.shape[1] < 2:
        if start is not None and start.last == "sigmoid" and loss == "BCEWithLogitsLoss":
            yield Finding("sigmoid-twice", start.last_path, 0, {}, severity=0.8)
        return
    outputs = start.outputs
    evidence = {"low": float(outputs.min()), "high": float(outputs.max())}
    probabilities = _sum_to_one(outputs)
    if loss == _LN and (start.last == "softmax" or (probabilities and start.last != "log_softmax")):
        classes = outputs.shape[1]
        evidence |= {"classes": classes, "floor": math.log(math.e + classes - 1) - 1}
        yield Finding("double-softmax", start.last_path, 0, evidence, severity=0.85)
    elif loss == _LN and start.last in ("sigmoid", "tanh"):
        yield Finding("bounded-scores", start.last_path, 0, evidence | {"last": start.last}, severity=0.7)
    elif loss == "NLLLoss" and not _sum_to_one(np.exp(np.minimum(outputs, 50.0))):
        yield Finding("nll-of-scores", start.last_path, 0, evidence, severity=0.95)
    elif loss == "BCEWithLogitsLoss" and start.last == "sigmoid":
        yield Finding("sigmoid-twice", start.last_path, 0, evidence, severity=0.8)


def output_range(course: Course) -> Iterator[Finding]:
    """Yield a finding where the last activation cannot reach the targets."""
    start = course.start
    if start is None or course.facts.loss not in _OF_VALUES or start.last not in _RANGES:
        return
    targets = start.samples["train"][1] if "train" in start.samples else start.targets
    if targets is None or targets.dtype.kind not in "iuf" or not targets.size:
        return
    low, high = _RANGES[start.last]
    least, most = float(targets.min()), float(targets.max())
    reach = max(high - low, 1e-12) if math.isfinite(high - low) else 1.0
    if max(low - least, most - high) <= 0.01 * reach:
        return
    beyond = float(((targets < low) | (targets > high)).mean())
    evidence = {"low": low, "high": high, "least": least, "most": most, "share": beyond, "last": start.last}
    yield Finding("output-range", start.last_path, 0, evidence, severity=0.97)


def classes_as_numbers(course: Course) -> Iterator[Finding]:
    """Yield a finding where a handful of equally spaced values are learned by one output: numbers of classes, it seems."""
    start = course.start
    if start is None or course.facts.loss not in _OF_VALUES or "train" not in start.samples:
        return
    inputs, targets = start.samples["train"]
    if inputs.ndim < 3 and inputs.shape[-1] < 16:  # few inputs may well be counted in whole steps
        return
    if targets.size != len(targets) or len(targets) < 100:
        return
    values = np.unique(targets)
    steps = np.diff(values)
    if 3 <= len(values) <= 30 and np.allclose(steps, steps[0], rtol=1e-3) and len(targets) > 20 * len(values):
        yield Finding("classes-as-numbers", start.last_path, 0, {"classes": len(values)}, severity=0.45)


def start_saturated(course: Course) -> Iterator[Finding]:
    """Yield a finding where an activation lies at its ends already for the first batch: next to no gradient goes through."""
    look = next((look for look in course.looks if look.step == 1), None)
    if look is None:
        return
    gain = max(_gains(course).values(), default=math.nan)
    came = None
    for path, layer in look.layers.items():
        if came is not None and layer.saturated_share is not None and layer.saturated_share > _SATURATED:
            evidence = {
                "share": layer.saturated_share,
                "low": came.low,
                "high": came.high,
                "kind": layer.kind,
                "gain": gain,
            }
            if course.losses:
                evidence |= {"loss": course.losses[0], "now": course.losses[-1], "step": course.step}
                evidence["series"] = course.loss_series()
            yield Finding("start-saturated", path, 0, evidence, severity=0.93)
            return
        came = layer


def weights(course: Course) -> Iterator[Finding]:
    """Yield a finding of first weights that are not finite."""
    start = course.start
    if start is None:
        return
    spoiled = [name for name, p in start.parameters.items() if not p.finite]
    if spoiled:
        yield Finding("weights-not-finite", spoiled[0], 0, {"count": len(spoiled)}, severity=0.99)


def reached(course: Course) -> Iterator[Finding]:
    """Yield findings of parameters that no gradient reaches, or that the optimizer does not have."""
    if course.start is None:
        return
    learned = {name: p for name, p in course.start.parameters.items() if p.learned}
    absent = [name for name, p in learned.items() if not p.held]
    if absent:
        evidence = {"names": _listed(absent), "count": len(absent), "all": len(learned)}
        whole = len(absent) == len(learned)
        yield Finding(
            "not-in-optimizer", "" if whole else _common(absent), 0, evidence, severity=0.98 if whole else 0.88
        )
    unreached = [name for name, p in learned.items() if p.reached is False and p.held]
    if unreached:
        evidence = {"names": _listed(unreached), "count": len(unreached), "all": len(learned)}
        evidence |= _cut(course.start, _common(unreached))
        whole = len(unreached) == len(learned)
        yield Finding("no-gradient", "" if whole else _common(unreached), 0, evidence, severity=0.98 if whole else 0.87)


def _cut(start: Start, where: str) -> dict[str, str]:
    if start.cut is None:
        return {}
    found = {"cause": start.cut.cause, "line": start.cut.line, "code": start.cut.code}
    return found | {"unused": where} if start.cut.cause == "unused-module" else found


# What is seen once, and what is seen at the first update and goes on: its evidence grows with the course.
CHECKS = (start_loss, scores, output_range, classes_as_numbers, weights, reached)
LASTING = (start_saturated,)


def _scores_classes(course: Course) -> bool:
    start = course.start
    return (
        start is not None
        and course.facts.loss in _OF_CLASSES
        and start.outputs is not None
        and start.outputs.ndim >= 2
        and start.outputs.shape[1] > 1
        and targets_are_classes(start.targets)
    )


def _classes(start: Start) -> int:
    return 0 if start.outputs is None else start.outputs.shape[1]


def _sum_to_one(outputs: np.ndarray) -> bool:
    return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-4))


def _gains(course: Course) -> dict[str, float]:
    return {} if course.traits is None else course.traits.gains


def _common(names: Iterable[str]) -> str:
    """Return the path of the module that all these parameters are in; where that is the whole model, the first one's.

    >>> _common(["encoder.0.weight", "encoder.2.bias"]), _common(["fc1.weight"]), _common(["a.weight", "b.weight"])
    ('encoder', 'fc1', 'a')
    """
    modules = [name.rpartition(".")[0].split(".") for name in names]
    shared = list(itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*modules, strict=False)))
    return ".".join(parts[0] for parts in shared) or ".".join(modules[0])


def _listed(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
