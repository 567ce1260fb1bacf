"""What a gradient is, judged by how it came: zero, not finite, huge or tiny, and which operation made it so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from .explanation import Explanation
from .flow import Flow, Record, Stats, way
from .reasons import ADVICE, MASKS, SATURATING, Reason, why_not_finite
from .watching import Step, ancestors

__all__ = ["first_not_finite", "judge", "state_of", "tell_of_step"]

# A gradient this many times as large as the largest of 1 and the tensor's own values is called huge.
_HUGE = 1e4
_TINY = 1e-7
_MOSTLY = 0.5


def state_of(stats: Stats, size: float = 0.0) -> str:
    """Return what a gradient is, for a tensor whose largest value is ``size``."""
    if stats.worst:
        return stats.worst
    if stats.zero:
        return "zero"
    if stats.largest > _HUGE * max(1.0, size):
        return "huge"
    if stats.largest < _TINY:
        return "tiny"
    return "mostly zero" if stats.zeros >= _MOSTLY else "fine"


def judge(question: Any, record: Record, ends: list[Step], stats: Stats, size: float) -> Explanation | None:
    """Return why a gradient that did flow is bad, or None when it is not."""
    state = state_of(stats, size)
    goal = way(question.t if question.t.node is None else question.t.node)
    ways = record.leading_to(goal)
    passed = [
        (record.flows[n], key, s, why) for n in sorted(ways, reverse=True) for key, s, why in record.flows[n].sent
    ]
    passed = [p for p in passed if p[1] == goal or p[1] in ways]
    if stats.worst:
        return _not_finite(question, state, ends, passed)
    if state == "zero":
        return _zero(question, record, passed)
    if state in ("huge", "tiny"):
        return _out_of_scale(question, state, stats, list(_main_path(record, ways, goal)))
    if state == "mostly zero":
        return _mostly_zero(question, stats, passed)
    return None


def _tell(question: Any, state: str, why: Reason, flow: Flow | None, words: str = "") -> Explanation:
    module = f", in {flow.module}" if flow is not None and flow.module else ""
    where = flow.where if flow is not None else ""
    return question.say(state, why.cause, why.text + module, where, ADVICE.get(why.cause, ""), words, **why.evidence)


# -- zero --------------------------------------------------------------------------------------------------------------


def _zero(question: Any, record: Record, passed: list) -> Explanation:
    ended = [(flow, s, why) for flow, _, s, why in passed if not flow.given.zero and s.zero]
    if ended:
        flow, _, why = next((e for e in ended if e[2] is not None), ended[0])
        why = why or Reason("stationary", f"the derivative of {flow.name} is zero at these values", {})
        found = _tell(question, "zero", why, flow)
        if len({(f.name, f.where) for f, _, _ in ended}) > 1:
            found.evidence["further"] = [f"{f.name} at {f.where}" for f, _, _ in ended[1:8]]
        return found
    flow = next((f for f, _, s, _ in passed if s.size and not s.zero), None)
    if flow is None:
        return _tell(question, "zero", Reason("unknown", "no gradient comes from the loss", {}), None)
    return _tell(question, "zero", Reason("cancelled", "what comes on several ways adds up to zero", {}), flow)


def _mostly_zero(question: Any, stats: Stats, passed: list) -> Explanation | None:
    made = [(s.zeros - flow.given.zeros, flow, why) for flow, _, s, why in passed if why is not None]
    made = [m for m in made if m[2].cause not in ("not-selected", "masked")]
    if not made:
        return None
    _, flow, why = max(made, key=lambda m: m[0])
    return _tell(question, "mostly zero", why, flow, f"zero in {stats.zeros:.0%} of its elements")


# -- not finite --------------------------------------------------------------------------------------------------------


def _not_finite(question: Any, state: str, ends: list[Step], passed: list) -> Explanation:
    if any(e.worst for e in ends):
        step = first_not_finite(ends)
        if step is not None:
            return tell_of_step(question, state, step)
    for flow, _, s, why in passed:
        if s.worst and not flow.given.worst:
            why = why or Reason("not-finite", f"{flow.name} makes it so", {})
            return _tell(question, state, why, flow)
    why = Reason("not-finite-data", "the loss, or the gradient that it is given, is not finite to begin with", {})
    return _tell(question, state, why, None)


def first_not_finite(ends: Iterable[Step]) -> Step | None:
    """Return the step at which values stopped being finite; where infinities turn into nan, the one that made these."""
    seen = ancestors(ends)
    order = sorted(seen, key=lambda s: (s.name != "", s.number))
    broken = next((s for s in order if s.worst == "nan" and all(i.worst != "nan" for i in s.inputs)), None)
    before = ancestors([broken]) if broken is not None else seen
    made = [s for s in order if s in before and s.worst and not any(i.worst for i in s.inputs)]
    # Infinities that a mask puts in on purpose are the fault of what makes nan of them.
    made = [s for s in made if s.worst == "nan" or (s.name not in MASKS and (s.inputs or s.leaf))]
    outside = [s for s in made if s.leaf and s.worst == "nan"]
    inside = [s for s in made if not s.leaf]
    return next(iter(outside or inside), broken)


def tell_of_step(question: Any, state: str, step: Step, words: str = "") -> Explanation:
    """Return the answer that an operation's result was the first that is not finite."""
    if step.leaf:
        kind = "a parameter" if step.tracked else "a tensor of data"
        text = f"{kind} that the loss is computed from has {step.worst} among its values"
        return question.say(
            state, "not-finite-data", text, step.where, "look at the data, or at the last update", words
        )
    given = max((i.worst for i in step.inputs), default="")
    low = min((i.low for i in step.inputs if not math.isnan(i.low)), default=math.nan)
    why = why_not_finite(step.name, step.worst, given, low)
    module = f", in {step.module}" if step.module else ""
    text = f"the first result that is not finite is that of {step.name}{module}: {why.text}"
    return question.say(state, why.cause, text, step.where, ADVICE.get(why.cause, ""), words, **why.evidence)


# -- huge and tiny -----------------------------------------------------------------------------------------------------


def _main_path(record: Record, ways: set[int], goal: int) -> Iterator[tuple[Flow, Stats]]:
    """Go from the loss to the tensor along the largest gradients."""
    number = max(ways)
    while number in ways:
        flow = record.flows[number]
        number, stats, _ = max((s for s in flow.sent if s[0] == goal or s[0] in ways), key=lambda s: s[1].largest)
        yield flow, stats


def _out_of_scale(question: Any, state: str, stats: Stats, path: list[tuple[Flow, Stats]]) -> Explanation:
    sign = 1 if state == "huge" else -1
    groups: dict[tuple[str, str, str], list[float]] = {}
    for flow, sent in path:
        if flow.given.mean > 0 and sent.mean > 0:
            growth = math.log10(sent.mean) - math.log10(flow.given.mean)
            groups.setdefault((flow.name, flow.where, flow.module), []).append(growth)
    evidence = {"largest": stats.largest, "operations": len(path)}
    if not groups:
        return question.say(state, "unknown", f"its largest element is {stats.largest:.3g}", **evidence)
    (name, where, module), growths = max(groups.items(), key=lambda item: sign * sum(item[1]))
    factor = 10 ** min(300.0, max(-300.0, sum(growths)))
    cause = "exploding" if state == "huge" else "saturated" if name in SATURATING else "vanishing"
    often = f"{len(growths)} times " if len(growths) > 1 else ""
    text = f"its largest element is {stats.largest:.3g}; on the way from the loss it passes {often}through {name}"
    text += (f", in {module}," if module else "") + f" which changes it by a factor of {factor:.3g}"
    evidence |= {"operation": name, "times": len(growths), "factor": factor}
    return question.say(state, cause, text, where, ADVICE[cause], **evidence)
