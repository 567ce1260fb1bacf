"""What can be seen of the data before anything is learned: scale, labels, balance, order, shared samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .finding import Finding
from .observe import Course

__all__ = ["CHECKS"]

# So many numbers of the inputs are looked at, spread over the samples.
_MOST = 2_000_000
# Probabilities that were written down with two digits, or computed in float16, add up to 1 but for that.
_ROUNDED = 0.05


def inputs(course: Course) -> Iterator[Finding]:
    """Yield findings of inputs that are not finite, all alike, or of a scale that no first weights are made for."""
    if course.start is None or course.start.inputs is None or course.start.inputs.dtype.kind != "f":
        return
    values = course.start.inputs
    if not values.size or any(kind.startswith("Embedding") for kind in list(course.facts.kinds.values())[:1]):
        return
    broken = float((~np.isfinite(values)).mean())
    if broken:
        yield Finding("inputs-not-finite", "", 0, {"share": broken}, severity=0.99)
        return
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    evidence = {"mean": mean, "std": std, "low": float(values.min()), "high": float(values.max())}
    if len(values) > 1 and (values == values[:1]).all():
        yield Finding("inputs-alike", "", 0, evidence | {"samples": len(values)}, severity=0.96)
    elif abs(mean) + 3 * std > 30 or std < 1e-3:
        yield Finding("inputs-scale", "", 0, evidence, severity=0.94 if std > 30 else 0.6)
    elif values.ndim == 2 and 2 <= values.shape[1] <= 1000 and len(values) > 8:
        spread = values.std(axis=0, dtype=np.float64)
        alive = spread[spread > 0]
        if len(alive) > 1 and alive.max() > 100 * np.median(alive) and alive.max() > 3:
            column = int(spread.argmax())
            found = {"column": column, "largest": float(alive.max()), "median": float(np.median(alive))}
            yield Finding("inputs-uneven", "", 0, found, severity=0.55)


def labels(course: Course) -> Iterator[Finding]:
    """Yield findings of targets that the loss cannot mean: out of range, of another type or shape."""
    start, loss = course.start, course.facts.loss
    if start is None or start.targets is None or start.outputs is None:
        return
    targets, outputs = start.targets, start.outputs
    if loss in ("CrossEntropyLoss", "NLLLoss") and outputs.ndim >= 2:
        yield from _class_labels(targets, outputs)
    elif loss in ("BCELoss", "BCEWithLogitsLoss") and targets.dtype.kind in "iuf" and targets.size:
        low, high = float(targets.min()), float(targets.max())
        if low < 0 or high > 1:
            yield Finding("labels-range", "", 0, {"low": low, "high": high, "classes": 2, "last": 1}, severity=0.99)
    elif loss in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss") and outputs.shape[1:] != targets.shape[1:]:
        evidence = {"outputs": _shape(outputs), "targets": _shape(targets)}
        yield Finding("target-shape", "", 0, evidence, severity=0.95)


def _class_labels(targets: np.ndarray, outputs: np.ndarray) -> Iterator[Finding]:
    classes = outputs.shape[1]
    if targets.dtype.kind in "iu" and targets.size:
        low, high = int(targets.min()), int(targets.max())
        ignored = (targets == -100).mean() if low == -100 else 0.0
        if (low < 0 and not ignored) or high >= classes:
            evidence = {"low": low, "high": high, "classes": classes, "last": classes - 1}
            yield Finding("labels-range", "", 0, evidence, severity=0.99)
    elif targets.dtype.kind == "f" and targets.shape != (len(targets), *outputs.shape[1:]):
        yield Finding("labels-type", "", 0, {"dtype": str(targets.dtype), "targets": _shape(targets)}, severity=0.97)
    elif targets.dtype.kind == "f" and targets.size:
        sums = targets.sum(axis=1, dtype=np.float64)
        if targets.min() < 0 or abs(sums - 1).max() > _ROUNDED:
            evidence = {"low": float(targets.min()), "least": float(sums.min()), "most": float(sums.max())}
            yield Finding("labels-share", "", 0, evidence, severity=0.95)


def balance(course: Course) -> Iterator[Finding]:
    """Yield findings of classes that are missing or rare among the training samples."""
    start = course.start
    if start is None or start.outputs is None or "train" not in start.samples:
        return
    targets = _as_labels(start.samples["train"][1])
    classes = start.outputs.shape[1] if start.outputs.ndim == 2 else 0
    if course.facts.loss not in ("CrossEntropyLoss", "NLLLoss") or targets.dtype.kind not in "iu" or targets.ndim != 1:
        return
    if classes < 2 or targets.min() < 0 or targets.max() >= classes:
        return
    counts = np.bincount(targets, minlength=classes)
    most, least = int(counts.argmax()), int(counts.argmin())
    evidence = {"most": most, "least": least, "many": int(counts[most]), "few": int(counts[least]), "classes": classes}
    evidence["share"] = float(counts[most] / counts.sum())
    if (counts > 0).sum() == 1:
        yield Finding("one-class", "", 0, evidence, severity=0.98)
    elif counts[least] == 0 and classes <= 1000 and len(targets) >= 20 * classes:
        missing = int((counts == 0).sum())
        yield Finding("class-missing", "", 0, evidence | {"missing": missing}, severity=0.5)
    elif counts[most] > 20 * counts[least] or evidence["share"] > 0.9:
        yield Finding("classes-unbalanced", "", 0, evidence | {"counts": counts.tolist()}, severity=0.52)


def _as_labels(targets: np.ndarray) -> np.ndarray:
    """Return the classes of one-hot targets, and other targets as they are."""
    shares = targets.dtype.kind == "f" and targets.ndim == 2 and targets.shape[1] > 1
    sure = shares and np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all()
    return targets.argmax(axis=1) if sure else targets


def order(course: Course) -> Iterator[Finding]:
    """Yield a finding where the first batch holds one class of several: the samples come sorted."""
    start = course.start
    if start is None or start.targets is None or "train" not in start.samples:
        return
    batch, targets = start.targets, start.samples["train"][1]
    if batch.dtype.kind not in "iu" or batch.ndim != 1 or targets.ndim != 1 or len(targets) <= len(batch):
        return
    common = float((targets == batch[0]).mean())
    if (batch == batch[0]).all() and common < 1 and common ** len(batch) < 1e-4:
        evidence = {"label": int(batch[0]), "samples": len(batch), "share": common}
        yield Finding("sorted-batches", "", 0, evidence, severity=0.86)


def duplicates(course: Course) -> Iterator[Finding]:
    """Yield a finding where samples of the test or validation set are among those that are learned from."""
    samples = {} if course.start is None else course.start.samples
    if "train" not in samples:
        return
    train = _fingerprints(samples["train"][0])
    own = 1 - len(np.unique(train)) / len(train)
    for name in ("test", "valid"):
        if name not in samples or samples[name][0].shape[1:] != samples["train"][0].shape[1:]:
            continue
        shared = float(np.isin(_fingerprints(samples[name][0]), train).mean())
        # Where samples repeat within one part already, they have few values, and meeting again says nothing.
        count = round(shared * len(samples[name][0]))
        # One or two may well have been measured twice.
        if count > 2 and shared > 0.02 and shared > 3 * own:
            evidence = {"share": shared, "count": count, "part": name, "all": len(samples[name][0])}
            yield Finding("shared-samples", "", 0, evidence, severity=0.66)
            return


def _fingerprints(samples: np.ndarray) -> np.ndarray:
    """Return a number for each sample: the same for the same values, and hardly ever for others."""
    flat = samples.reshape(len(samples), -1)
    flat = flat[: max(1, 50 * _MOST // max(flat.shape[1], 1))]
    flat = flat if flat.dtype.kind == "f" else flat.astype(np.float64)
    direction = np.random.default_rng(0).standard_normal(flat.shape[1]).astype(flat.dtype)
    # A matrix product may add in another order for another number of rows; this adds each row by itself.
    with np.errstate(all="ignore"):
        return np.einsum("ij,j->i", flat, direction, optimize=False)


def _shape(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape)) or "()"


CHECKS = (inputs, labels, balance, order, duplicates)
