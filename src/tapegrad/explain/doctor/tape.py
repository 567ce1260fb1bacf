"""What the graph of a loss shows: where the way to a parameter is cut, and outputs that meet targets of another shape."""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ...core import STATE, Node, Tensor
from ...core.graph import next_id
from ...core.notes import LOG, Note
from ...train.inside import unseen
from ..why.explain import explain
from ..why.flow import behind
from ..why.trail import break_of, certainty

__all__ = ["Cut", "Meeting", "Tape", "cut_in"]

_CUTS = ("detached", "no-grad", "no-derivative", "replaced", "custom-backward", "overwritten")
# So many parameters are asked for, the last first: those before a cut all have it behind them.
_ASKED = 3


class Cut(NamedTuple):
    """Why no gradient comes to a parameter, as :func:`~tapegrad.explain.explain` names it, the line (``file:line``), and what
    stands there."""

    cause: str
    line: str
    code: str


class Meeting(NamedTuple):
    """Outputs (n, 1) and targets (n), or the other way round, in an operation that compares all with all; its ``file:line``,
    "" where nobody has noted it."""

    outputs: tuple[int, ...]
    targets: tuple[int, ...]
    line: str


def _unreached(loss: Tensor, parameters: Iterable[Any]) -> list[Any]:
    """Return the parameters that a loss's graph does not lead to."""
    met = {id(edge) for node in behind([loss]) for edge in node.edges if isinstance(edge, Tensor)}
    return [p for p in parameters if id(p) not in met]


def _cut_before(
    parameters: list[Any], loss: Tensor | Callable[[], Tensor], is_called: Callable[[Any], bool], begun: int
) -> Cut | None:
    """Return where the way from some parameters to a loss is cut, None where that cannot be told.

    ``loss`` may be a function that computes it, which tells most; ``is_called``: whether a parameter's module was called;
    ``begun``: what is noted of an earlier time is another computation's.
    """
    for p in reversed(parameters[-_ASKED:]):
        found = explain(p, loss)
        if found.cause in _CUTS and found.where and found.evidence.get("certain", True):
            return _cut(found.cause, found.where)
        if is_called(p):
            value = loss.array if isinstance(loss, Tensor) else None
            return _likely_cut(p, begun, value)
        if found.cause == "unused-module":
            return _cut(found.cause, found.where)
    return None


def _likely_cut(p: Any, begun: int, value: Any) -> Cut | None:
    """Return the last place at which values that may have come from a parameter were taken off the tape."""
    notes = [Note._make(n) for n in LOG["cut"]] + [Note._make(n) for n in LOG["block"] if n[-1]]
    # The loss itself is read to be printed.
    ranked = [
        (certainty(note, p), note.time, note)
        for note in notes
        if note.time > begun and not (isinstance(note.extra, float) and value is not None and note.extra == value)
    ]
    last = max((entry for entry in ranked if entry[0] > 0), key=lambda entry: entry[:2], default=None)
    if last is None:
        return None
    found = break_of(last[2])
    return _cut(found.cause, found.where)


def _cut(cause: str, where: str) -> Cut:
    file, _, number = where.rpartition(":")
    code = linecache.getline(file, int(number)).strip() if number.isdigit() else ""
    return Cut(cause, f"{os.path.basename(file)}:{number}", code)


def _meeting(loss: Tensor, output: Any) -> Meeting | None:
    """Return where a network's outputs, one for each sample, meet numbers that are on no tape so that all meet all."""
    shape = tuple(output.array.shape) if isinstance(output, Tensor) else ()
    n = shape[0] if shape else 0
    if n < 2 or shape not in ((n, 1), (n,)):
        return None
    for node in behind([loss]):
        shapes = node.inputs_shape
        if shapes is None or len(shapes) != 2 or set(shapes) != {(n, 1), (n,)}:
            continue
        tracked = [isinstance(edge, Node) for edge in node.edges]
        if tracked in ([True, False], [False, True]):
            own = tracked.index(True)
            file, _, number = (node.where or "").rpartition(":")
            return Meeting(shapes[own], shapes[1 - own], f"{os.path.basename(file)}:{number}" if file else "")
    return None


def cut_in(model: Any, loss: Callable, inputs: Any, target: Any, parameters: list[Any]) -> Cut | None:
    """Return where the way from some of a model's parameters is cut, by computing a batch's loss again; the model stays."""
    ran: set[int] = set()

    def notes(module: Any, args: tuple, output: Any) -> None:
        ran.update(id(p) for p in module._parameters.values())

    begun = next_id()
    hooks = [module.register_forward_hook(notes) for module in model.modules()]
    try:
        with unseen(model):
            return _cut_before(parameters, lambda: loss(model(inputs), target), lambda p: id(p) in ran, begun)
    finally:
        for hook in hooks:
            hook.remove()


class Tape:
    """Looks at the graph of a script's first loss; for the line of what is found there, at the second one's as well."""

    def __init__(self) -> None:
        self.cut: Cut | None = None
        self.meeting: Meeting | None = None
        # The parameters of modules that were called, and the modes to go back to when lines were noted.
        self._ran: dict[int, Any] = {}
        self._before: tuple[bool, bool] | None = None
        self._passes = 0
        self._begun = next_id()

    def ran(self, module: Any) -> None:
        """A module was called."""
        if not self._passes:
            self._ran |= {id(p): p for p in module._parameters.values()}

    def before_backward(self, loss: Tensor, output: Any, parameters: Iterable[Any]) -> None:
        """Gradients are about to be computed; ``output``: the network's, ``parameters``: those of it that are to be learned."""
        self._passes += 1
        if self._passes == 1:
            missing = _unreached(loss, parameters)
            self.cut = _cut_before(missing, loss, lambda p: id(p) in self._ran, self._begun) if missing else None
            self.meeting = _meeting(loss, output)
            if self.meeting is not None and not self.meeting.line:
                self._before, (STATE.anomaly, STATE.check_nan) = (STATE.anomaly, STATE.check_nan), (True, False)
        elif self._before is not None:
            self.meeting = _meeting(loss, output) or self.meeting
            self.end()

    def end(self) -> None:
        """Note no more lines."""
        if self._before is not None:
            (STATE.anomaly, STATE.check_nan), self._before = self._before, None
