"""Which labels are probably wrong: those that a network, asked about samples it has not learned, is sure to be others.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of
Artificial Intelligence Research 70 (2021), https://arxiv.org/abs/1911.00068
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ..build import build
from ..predict import predict_all
from ..schema import Config
from .sets import Part, Sets
from .split import folds as folds_of

__all__ = ["Opinions", "known_by_heart", "opinions_by_folds", "opinions_of", "rank"]

# From this share of right answers on its own training samples, a network has learned wrong labels too.
_BY_HEART = 0.99
# A value further away than so many standard deviations of all residuals is suspicious.
_FAR = 2.0


@dataclasses.dataclass(eq=False)
class Opinions:
    """What a network says about the samples of the training source.

    ``samples``: those of the training part, then, where it was split off, of the validation part, named in ``parts``.
    ``outputs``: class probabilities (samples, classes), or values (samples, outputs) where values were learned.
    ``folds``: into how many parts the samples were divided so that no network judged what it had learned; 0: they were not.
    """

    samples: Part
    parts: np.ndarray
    outputs: np.ndarray
    task: str
    classes: list[str] | None
    scale: float | None = None
    folds: int = 0


def _pool(sets: Sets) -> tuple[Part, np.ndarray]:
    """Return all samples that positions of the training source name, and which part each is of."""
    train, valid = sets.train, sets.valid if sets.held_out else None
    if valid is None:
        return train, np.full(len(train), "train")
    images = None if train.images is None or valid.images is None else np.concatenate([train.images, valid.images])
    both = Part(
        np.concatenate([train.inputs, valid.inputs]),
        np.concatenate([train.targets, valid.targets]),
        np.concatenate([train.labels, valid.labels]),
        np.concatenate([train.index, valid.index]),
        images,
    )
    return both, np.repeat(["train", "valid"], [len(train), len(valid)])


def opinions_of(model: Any, sets: Sets) -> Opinions:
    """Return what a trained network says about the samples that it was trained with (and those held out from it)."""
    samples, parts = _pool(sets)
    outputs = predict_all(model, samples.inputs, probabilities=sets.task == "classification")
    return _opinions(sets, samples, parts, outputs)


def opinions_by_folds(
    config: Config,
    sets: Sets,
    count: int = 5,
    epochs: int | None = None,
    steps: int | None = None,
    tell: Callable[[int, float | None], None] = lambda fold, accuracy: None,
) -> Opinions:
    """Return what networks say about samples that they have not learned: ``count`` networks, each trained on the others' folds.

    Each is trained by the recipe for ``epochs`` epochs or ``steps`` updates (by default the recipe's), without validation,
    early stopping or a choice of checkpoints. ``tell`` is called after each with its number, from 1, and its accuracy on
    its own fold (None for values). Raises ArgumentError for fewer than 2 folds, DataError when a loss is not finite.
    """
    samples, parts = _pool(sets)
    fold = folds_of(samples.labels, count, config.seed)
    outputs: list[Any] = [None] * count
    epochs = config.training.epochs if epochs is None else epochs
    steps = config.training.steps if steps is None else steps
    for k in range(count):
        rows = np.flatnonzero(fold == k)
        others = dataclasses.replace(sets, train=samples.take(np.flatnonzero(fold != k)), valid=None)
        assembly = build(config, others)
        with np.errstate(all="ignore"):  # a loss that is not finite is reported by the trainer, in one sentence
            assembly.trainer.fit(assembly.train_loader, epochs=epochs, steps=steps)
        with assembly.trainer.averaged_weights():
            outputs[k] = predict_all(assembly.model, samples.inputs[rows], probabilities=sets.task == "classification")
        right = (_said(outputs[k], sets) == samples.labels[rows]).mean() if sets.classes is not None else None
        tell(k + 1, None if right is None else float(right))
    together = np.empty((len(samples), *outputs[0].shape[1:]))
    for k in range(count):
        together[fold == k] = outputs[k]
    return dataclasses.replace(_opinions(sets, samples, parts, together), folds=count)


def _opinions(sets: Sets, samples: Part, parts: np.ndarray, outputs: np.ndarray) -> Opinions:
    scale = sets.statistics.get("target_scale")
    return Opinions(samples, parts, outputs.astype(np.float64), sets.task, sets.classes, scale)


def _said(outputs: np.ndarray, sets: Sets | Opinions) -> np.ndarray:
    """Return the class that each row of outputs names."""
    if sets.task == "classification":
        return outputs.argmax(axis=1)
    scale = sets.statistics["target_scale"] if isinstance(sets, Sets) else sets.scale
    return np.clip(np.rint(outputs[:, 0] * scale), 0, len(sets.classes or ()) - 1).astype(np.int64)


def known_by_heart(opinions: Opinions) -> float | None:
    """Return the share of training samples that the network gets right, when it is so high that wrong labels hide.

    None when it is lower, when the samples were judged by folds, and when values were learned.
    """
    if opinions.folds or opinions.classes is None:
        return None
    mine = opinions.parts == "train"
    right = float((_said(opinions.outputs, opinions) == opinions.samples.labels)[mine].mean())
    return right if right >= _BY_HEART else None


def rank(opinions: Opinions, top: int = 100) -> dict[str, Any]:
    """Return the ``top`` samples whose labels are most probably wrong, the worst first, fit for JSON.

    For classes only samples that the network gives another class are listed, by their normalised margin
    (p(label) - largest p(other) + 1) / 2, the ``score``. ``confident`` marks those that confident learning counts as wrong:
    some other class k has p(k) at least as large as the mean p(k) of the samples labelled k, and it is the likeliest of
    such classes, the label among them; ``estimated`` is their number among all samples. Where classes were learned as
    numbers or values were learned, samples are listed by the distance from the network's value, in standard deviations.
    """
    if top < 1:
        raise ArgumentError("suspects", f"top is {top}", "use 1 or more")
    found = _by_probability(opinions) if opinions.task == "classification" else _by_distance(opinions)
    worst, scores, details, counted = found
    listed = [
        {
            "index": int(opinions.samples.index[row]),
            "part": str(opinions.parts[row]),
            **{key: values[row].item() for key, values in details.items()},
            "score": float(scores[row]),
        }
        for row in worst[:top]
    ]
    if opinions.classes is not None:
        for entry in listed:
            entry["label_name"] = opinions.classes[entry["label"]]
            entry["predicted_name"] = opinions.classes[entry["predicted"]]
    return {"samples": len(opinions.samples), "folds": opinions.folds, **counted, "suspects": listed}


_Found = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[str, Any]]


def _by_probability(opinions: Opinions) -> _Found:
    p, labels = opinions.outputs, opinions.samples.labels
    rows = np.arange(len(labels))
    # The largest of the others is the largest of all wherever the network disagrees, and only there it is used.
    margin = (p[rows, labels] - p.max(axis=1) + 1) / 2
    said = p.argmax(axis=1)
    wrong = _confident(p, labels) != labels
    disagreeing = np.flatnonzero(said != labels)
    worst = disagreeing[np.argsort(margin[disagreeing], kind="stable")]
    details = {"label": labels, "predicted": said, "probability": p.max(axis=1), "own_probability": p[rows, labels]}
    counted = {"disagreeing": len(disagreeing), "estimated": int(wrong.sum())}
    return worst, margin, details | {"confident": wrong}, counted


def _confident(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the class that each sample confidently belongs to; its label where there is none."""
    sums = np.zeros(p.shape[1])
    np.add.at(sums, labels, p[np.arange(len(labels)), labels])
    counts = np.bincount(labels, minlength=p.shape[1])
    threshold = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    passing = np.where(p >= threshold, p, -1.0)
    return np.where(passing.max(axis=1) >= 0, passing.argmax(axis=1), labels)


def _by_distance(opinions: Opinions) -> _Found:
    labels = opinions.samples.labels
    wanted = labels[:, None] if labels.ndim == 1 else labels
    said = opinions.outputs * (opinions.scale or 1.0)
    spread = (said - wanted).std(axis=0)
    far = np.abs((said - wanted) / np.where(spread > 0, spread, 1.0)).max(axis=1)
    if opinions.classes is not None:
        predicted = _said(opinions.outputs, opinions)
        suspicious = np.flatnonzero(predicted != labels)
        details = {"label": labels, "predicted": predicted, "value": said[:, 0]}
    else:
        suspicious = np.flatnonzero(far > _FAR)
        details = {"label": wanted[:, 0], "predicted": said[:, 0]}
    worst = suspicious[np.argsort(-far[suspicious], kind="stable")]
    return worst, -far, details, {"disagreeing": len(suspicious)}
