"""Faults of a loop that somebody wrote: what it forgets, what it does twice, what it does in the wrong order or mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..finding import Finding
from ..observe import Course
from .levels import learns

__all__ = ["DETECTORS"]

# Of a loop that adds up the gradients of some batches on purpose, none is used twice.
_FEWEST = 3
# A sum over that many samples is as if the rate were so many times larger.
_LARGE_BATCH = 8
# A gradient cut to a thousandth: what is left of it depends on nothing but its direction.
_CUT = 1000.0
_KINDS = {"b": "bool", "f": "float", "i": "int", "u": "int"}


def ended_by_error(course: Course) -> Iterator[Finding]:
    """Yield a finding of the error that ended the script: a known mistake by its name, others by their line."""
    practice = course.practice
    if practice is None or not practice.error or practice.detached:
        return
    evidence: dict[str, Any] = {"error": practice.error, "line": practice.error_where, "kind": practice.error_kind}
    called = practice.called
    text = practice.error.lower()
    if "batch" in text and "norm" in text and ("one value" in text or "more than 1" in text or "single" in text):
        yield Finding("batch-of-one", _norm_path(course, text), practice.steps, evidence, severity=1.0)
    elif called is not None and called.name in ("cross_entropy", "nll_loss") and called.target_shape == called.shape:
        evidence["given"] = _KINDS.get(called.target_kind, called.target_kind)
        yield Finding("target-kind", "", practice.steps, evidence, severity=1.0)
    else:
        # Of labels out of range and the like there are findings that say more.
        severity = 0.9 if practice.refused else 1.0
        yield Finding("script-error", practice.error_where, practice.steps, evidence, severity=severity)


def _norm_path(course: Course, text: str) -> str:
    norms = [path for path, kind in course.facts.kinds.items() if "Norm" in kind]
    return next((path for path in norms if path in text), norms[0] if norms else "")


def detached(course: Course) -> Iterator[Finding]:
    """Yield a finding of a loss that has no graph, so that no gradient can be computed."""
    if course.practice is not None and course.practice.detached:
        evidence: dict[str, Any] = {"line": course.practice.detached, "after": course.practice.detached_after}
        yield Finding("loss-detached", "", course.practice.steps, evidence, severity=1.0)


def no_update(course: Course) -> Iterator[Finding]:
    """Yield a finding where gradients are computed, and no parameter ever changes."""
    practice = course.practice
    if practice is None or practice.backwards < _FEWEST:
        return
    evidence: dict[str, Any] = {"backwards": practice.backwards, "steps": practice.steps}
    if practice.strangers and practice.strangers == practice.held:
        yield Finding("optimizer-of-others", "", 0, evidence | {"held": practice.held}, severity=0.99)
    elif practice.emptied >= _FEWEST and _are_reached(course):
        yield Finding("gradients-dropped", "", 1, evidence | {"count": practice.emptied}, severity=0.99)
    elif practice.unmoved and (practice.steps <= 1 or not course.rates):
        yield Finding("no-step", "", 0, evidence, severity=0.99)
    elif practice.unmoved and max((rate for _, rate in course.rates), default=0.0) == 0.0:
        yield Finding("rate-too-low", "", 0, {"rate": 0.0, "ratio": 0.0}, severity=0.98)


def _are_reached(course: Course) -> bool:
    """Return whether gradients were there after the first backward passes; those that never were are another fault."""
    start = course.start
    return start is None or any(p.reached is not False for p in start.parameters.values())


def uncleared(course: Course) -> Iterator[Finding]:
    """Yield a finding where each update uses the gradients of all updates before it once more."""
    practice = course.practice
    if practice is not None and practice.uncleared >= _FEWEST and 2 * practice.uncleared > practice.steps:
        evidence: dict[str, Any] = {
            "count": practice.uncleared,
            "steps": practice.steps,
            "series": course.loss_series(),
        }
        yield Finding("gradients-accumulate", "", practice.uncleared_since, evidence, severity=0.97)


def mode(course: Course) -> Iterator[Finding]:
    """Yield findings of layers that run in evaluation mode in training, or the other way round."""
    practice = course.practice
    if practice is None:
        return
    if practice.idle_mode:
        yield Finding(
            "eval-in-training", practice.idle_mode, 1, {"kind": _kind(course, practice.idle_mode)}, severity=0.9
        )
    if practice.busy_mode:
        kind = _kind(course, practice.busy_mode)
        yield Finding("train-in-evaluation", practice.busy_mode, 1, {"kind": kind}, severity=0.83)


def _kind(course: Course, path: str) -> str:
    return course.facts.kinds.get(path, path)


def gradient_scale(course: Course) -> Iterator[Finding]:
    """Yield a finding where the gradients used are a constant times the loss's, as after dividing twice by the batch size."""
    practice, called = course.practice, None if course.practice is None else course.practice.called
    if practice is None:
        return
    factor, size = practice.factor, course.facts.batch_size
    if factor is None and called is not None and called.reduction == "mean" and size > 1:
        # A loss made smaller by the batch size is a mean that was divided again; other numbers are weights of a sum.
        factor = called.scaled if abs(called.scaled * size - 1) < 1e-3 else None
    if factor is not None:
        evidence: dict[str, Any] = {
            "factor": factor,
            "times": 1 / factor,
            "batch": size,
            "function": practice.factor_where or "-",
        }
        yield Finding("gradient-scale", practice.factor_where, 1, evidence, severity=0.94)


def loss_call(course: Course) -> Iterator[Finding]:
    """Yield findings of a loss that is computed of something else than was meant."""
    called = None if course.practice is None else course.practice.called
    if called is None:
        return
    classes = called.name in ("cross_entropy", "nll_loss")
    # Along the batch: where both sum to 1 (one row per class, by chance) nothing can be said.
    if classes and called.made_by in ("softmax", "log_softmax") and called.sums_to_one == (0,):
        yield Finding(
            "softmax-dimension", called.module, 1, {"rows": called.shape[0], "classes": called.shape[1]}, severity=0.98
        )
    if called.reduction == "sum" and course.facts.batch_size >= _LARGE_BATCH and not learns(course, 0.5):
        evidence: dict[str, Any] = {"batch": course.facts.batch_size, "series": course.loss_series()}
        yield Finding("loss-summed", "", 1, evidence, severity=0.9)


def meeting(course: Course) -> Iterator[Finding]:
    """Yield a finding where a loss that is written out compares each output with all targets."""
    practice = course.practice
    met, called = (None, None) if practice is None else (practice.meeting, practice.called)
    # Of a loss that was called with both there is a finding already.
    if met is not None and (called is None or (called.shape, called.target_shape) != (met.outputs, met.targets)):
        evidence = {name: " × ".join(map(str, getattr(met, name))) for name in ("outputs", "targets")}
        yield Finding("target-shape", "", 0, evidence | ({"line": met.line} if met.line else {}), severity=0.95)


def clipping(course: Course) -> Iterator[Finding]:
    """Yield a finding where clipping leaves next to nothing of the gradient."""
    clipped = [] if course.practice is None else course.practice.clipped
    if len(clipped) < _FEWEST or learns(course, 0.5):
        return
    cut = sorted(norm / most for norm, most in clipped if most > 0)
    if cut and cut[len(cut) // 2] > _CUT:
        evidence: dict[str, Any] = {"norm": clipped[0][0], "most": clipped[0][1], "cut": cut[len(cut) // 2]}
        yield Finding("clipped-away", "", 1, evidence, severity=0.88)


DETECTORS = (ended_by_error, detached, no_update, uncleared, mode, gradient_scale, loss_call, meeting, clipping)
