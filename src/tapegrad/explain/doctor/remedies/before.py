"""What to try against what is wrong before anything is learned."""

from __future__ import annotations

import math

from ..traits import LARGE_GAIN
from .case import Case, short
from .lines import (
    BARE,
    OWN_WEIGHTS,
    STANDARDIZE,
    Remedy,
    drawn_again,
    last_linear,
    loader,
    look_at_labels,
    standardized,
    why,
    without_last,
)

__all__ = ["FINITE", "REMEDIES"]

# Weights of more classes are too long for a line of YAML.
_MOST_WEIGHTS = 12
FINITE = "keep = inputs.isfinite().flatten(1).all(1); inputs, targets = inputs[keep], targets[keep]"


def _start_loss(case: Case) -> tuple[str, str]:
    return (OWN_WEIGHTS, drawn_again(case)) if case.finding.where else (STANDARDIZE, standardized(case))


def _start_saturated(case: Case) -> tuple[str, str]:
    gains = {} if case.course.traits is None else case.course.traits.gains
    if case.number("gain", 0.0) <= LARGE_GAIN or not gains:
        return STANDARDIZE, standardized(case)
    return OWN_WEIGHTS, f"{case.at(max(gains, key=lambda path: gains[path]))}.reset_parameters()"


def _sigmoid_twice(case: Case) -> str:
    return without_last(case) if case.finding.where else "criterion = nn.BCELoss()"


def _classes_as_numbers(case: Case) -> str:
    last, classes = last_linear(case), int(case.number("classes", 10))
    return f"{last}, criterion = nn.Linear({last}.in_features, {classes}), nn.CrossEntropyLoss()"


def _weights_not_finite(case: Case) -> str:
    return f"{case.at(case.finding.where.rpartition('.')[0])}.reset_parameters()"


def _no_gradient(case: Case) -> str:
    return why(case, case.text("names").split(", ")[0])


def _labels_range(case: Case) -> tuple[str, str]:
    low, high, last = (case.number(name, 0.0) for name in ("low", "high", "last"))
    if case.facts.loss in ("BCELoss", "BCEWithLogitsLoss"):
        highest = short(max(high, 1.0))
        code = {(-1.0, 1.0): "targets = (targets + 1) / 2", (1.0, 2.0): "targets = targets - 1"}
        return f"data: {{target_scale: {highest}}}", code.get((low, high), f"targets = targets / {highest}")
    if low >= 1 and high == last + 1:
        return "", "targets = targets - 1"
    if low < 0:
        return "", "keep = targets >= 0; inputs, targets = inputs[keep], targets[keep]"
    return "", f"{last_linear(case)} = nn.Linear({last_linear(case)}.in_features, {high + 1:.0f})"


def _target_shape(case: Case) -> tuple[str, str]:
    outputs, targets = ([n for n in case.text(name).split(" × ") if n.isdigit()] for name in ("outputs", "targets"))
    if math.prod(map(int, outputs)) == math.prod(map(int, targets)):
        return "data: {target_scale: 1}", "targets = targets.reshape(outputs.shape)"
    if len(outputs) == 2 and len(targets) == 1:
        return "loss: CrossEntropyLoss", "criterion = nn.CrossEntropyLoss()"
    return "data: {target_scale: 1}", "print(outputs.shape, targets.shape)"


def _classes_unbalanced(case: Case) -> tuple[str, str]:
    loss = case.facts.loss if case.facts.loss in ("CrossEntropyLoss", "NLLLoss") else "CrossEntropyLoss"
    counts = case.finding.evidence.get("counts") or []
    weights = f"len(train_targets) / ({max(len(counts), 2)} * train_targets.bincount())"
    code = f"criterion = nn.{loss}(weight={weights})"
    if not 0 < len(counts) <= _MOST_WEIGHTS:
        return "metrics: [accuracy, f1]", code
    shares = (sum(counts) / (len(counts) * max(count, 1)) for count in counts)
    return f"loss: {{type: {loss}, weight: [{', '.join(map(short, shares))}]}}", code


def _shared_samples(case: Case) -> tuple[str, str]:
    others = "test" if case.text("part") == "test" else "valid"
    # The list that an inspection leaves: of samples that the test part has as well, or of copies within the training part.
    listed = "in-test.txt" if others == "test" else "duplicates.txt"
    own = f"[i for i, (x, _) in enumerate(train) if not any(bool((x == y).all()) for y, _ in {others})]"
    return f"data: {{exclude: {listed}}}  # tapegrad data inspect", f"train = Subset(train, {own})"


REMEDIES: dict[str, Remedy] = {
    "start-loss": _start_loss,
    "start-saturated": _start_saturated,
    "double-softmax": (BARE, without_last),
    "bounded-scores": (BARE, without_last),
    "nll-of-scores": ("loss: CrossEntropyLoss", "criterion = nn.CrossEntropyLoss()"),
    "sigmoid-twice": (BARE, _sigmoid_twice),
    "output-range": (BARE, without_last),
    "classes-as-numbers": ("{data: {target_scale: null}, loss: CrossEntropyLoss}", _classes_as_numbers),
    "weights-not-finite": (OWN_WEIGHTS, _weights_not_finite),
    "not-in-optimizer": ("optimizer: {groups: []}", lambda case: case.optimizer()),
    "no-gradient": ("", _no_gradient),
    "inputs-not-finite": ("", FINITE),
    "inputs-alike": ("", "print(inputs[:2], targets[:2])"),
    "inputs-scale": (STANDARDIZE, standardized),
    "inputs-uneven": (
        STANDARDIZE,
        "mean, std = train_inputs.mean(0), train_inputs.std(0) + 1e-8; inputs = (inputs - mean) / std",
    ),
    "labels-range": _labels_range,
    "labels-type": ("data: {target_scale: null}", "targets = targets.long().flatten()"),
    "labels-share": ("", "targets = targets.argmax(dim=1)"),
    "target-shape": _target_shape,
    "one-class": ("data: {limit: null}", look_at_labels),
    "class-missing": ("data: {limit: null}", look_at_labels),
    "classes-unbalanced": _classes_unbalanced,
    "sorted-batches": ("data: {shuffle: true}", loader),
    "shared-samples": _shared_samples,
    "cannot-overfit": ("model: {activation: ReLU, batch_norm: true, output_activation: null}", why),
    "gradient-wrong": (
        "",
        lambda case: f"autograd.gradcheck({case.module}.double(), (inputs.double().requires_grad_(),))",
    ),
}
