"""Which faults are only what another one leads to: of these the cause alone is told."""

from __future__ import annotations

from collections.abc import Iterable

from .finding import Finding, ranked

__all__ = ["causes_of", "is_led_to"]

# The network says or learns the same whatever comes.
_STILL = {"same-answer", "same-value", "constant-loss", "no-progress", "underfitting", "cannot-overfit"}
# Little of the gradient comes through.
_BLOCKED = {"dead-units", "saturated", "vanishing-gradient"}
# Updates are too large for the weights.
_WILD = {"rate-too-high", "oscillation", "loss-spike", "exploding-gradient", "not-finite", "dead-units", "saturated"}
_START = {"start-loss", "start-saturated", "initial-weights-large"}

_LEADS_TO: dict[str, set[str]] = {
    # -- before the training
    "inputs-scale": _STILL | _BLOCKED | _WILD | _START,
    "inputs-alike": _STILL | _BLOCKED,
    "inputs-not-finite": _STILL | {"batch-not-finite", "not-finite"},
    "weights-not-finite": _STILL | {"not-finite"},
    "start-saturated": _STILL | _BLOCKED | {"start-loss", "initial-weights-large"},
    "double-softmax": _STILL | {"vanishing-gradient"},
    "bounded-scores": _STILL,
    "sigmoid-twice": _STILL,
    "nll-of-scores": _STILL | {"start-loss"},
    "output-range": _STILL | _BLOCKED | {"start-saturated"},
    "not-in-optimizer": _STILL,
    "no-gradient": _STILL,
    "labels-range": {"script-error"},
    "labels-type": {"script-error"},
    "labels-share": {"script-error", "start-loss"},
    "target-shape": _STILL | {"targets-unrelated"},
    "one-class": {"same-answer", "same-value", "classes-unbalanced"},
    "classes-unbalanced": _STILL,
    "sorted-batches": _STILL | {"oscillation", "loss-spike", "rate-too-high"},
    "gradient-wrong": _STILL | {"gradient-scale"},
    # -- layers and losses
    "units-alike": _STILL | _BLOCKED,
    "initial-weights-large": _STILL | _BLOCKED | _WILD | {"start-loss"},
    "exploding-gradient": _STILL | {"not-finite", "loss-spike"},
    "vanishing-gradient": _STILL,
    "dead-units": _STILL,
    "saturated": _STILL,
    "dropout-strong": _STILL,
    "layer-frozen": _STILL,
    "weights-decayed": _STILL | _BLOCKED | {"rate-too-high"},
    "statistics-stale": {"overfitting"},
    "rate-too-high": _STILL | _BLOCKED | {"statistics-stale"} | (_WILD - {"rate-too-high"}),
    "rate-too-low": _STILL,
    "rate-decayed": _STILL,
    "oscillation": _STILL,
    "batch-not-finite": {"not-finite"},
    "targets-scale": _STILL | _WILD,
    "targets-unrelated": _STILL | {"dead-units"},
    # -- loops
    "optimizer-of-others": _STILL | {"not-in-optimizer", "rate-too-low"},
    "no-step": _STILL | {"rate-too-low"},
    "gradients-dropped": _STILL | {"rate-too-low", "no-gradient"},
    "gradients-accumulate": _STILL | _WILD,
    "eval-in-training": _STILL | {"statistics-stale"},
    "gradient-scale": _STILL | {"rate-too-low", "rate-too-high"},
    "softmax-dimension": _STILL | {"nll-of-scores", "double-softmax", "start-loss"},
    "loss-summed": _STILL | _WILD | {"start-loss"},
    "clipped-away": _STILL | {"rate-too-low"},
    "target-kind": {"script-error"},
}


def is_led_to(finding: Finding, found: Iterable[Finding]) -> bool:
    """Return whether one of the findings is at least as grave and leads to this one."""
    return any(
        finding.fault in _LEADS_TO.get(other.fault, ()) and other.severity >= finding.severity for other in found
    )


def causes_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return, by falling severity, the findings that no graver one leads to.

    >>> found = [Finding("not-in-optimizer", severity=0.98), Finding("optimizer-of-others", severity=0.99)]
    >>> [finding.fault for finding in causes_of(found)]
    ['optimizer-of-others']
    """
    found = ranked(findings)
    return [finding for finding in found if not is_led_to(finding, found)]
