"""What is gathered while a script runs: its course, put together from the calls that were seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import STATE, Tensor
from ...nn import Module
from .calls import LOSS_CLASSES, Call, array_of, factor_of, facts_of_loss, is_filled, leads_to, together, why_not_finite
from .gaze import Gaze, is_looked_at
from .leftovers import Leftovers
from .observe import Course, Facts, Failure, Look, ParameterStart, Start
from .practice import Practice
from .records import Records, right_share
from .roots import Roots
from .sample import sample_of
from .tape import Tape
from .traits import traits_of
from .truth import Truth, factor_of_function

__all__ = ["Gathering"]

# Updates whose gradients are compared with the tape's own.
_COMPARED = 3
# Backward passes after which it is known which parameters gradients reach, by whichever of several losses.
_FOLLOWED = 8
# Layers that do something else in training than in evaluation.
_MODAL = ("Dropout", "BatchNorm")


class Gathering:
    """Turns what happens into a :class:`Course`; ``course.practice`` has what only a watched loop shows."""

    def __init__(self) -> None:
        self.course = Course(facts=Facts(), practice=Practice(), start=Start())
        self.practice: Practice = self.course.practice  # type: ignore[assignment]
        self.optimizers: list[Any] = []
        self.loaded = False
        self.roots = Roots()
        self.records = Records()
        self.gaze = Gaze()
        self.truth = Truth()
        self.leftovers = Leftovers()
        self.tape = Tape()
        self._calls: list[Call] = []
        self._last: tuple[Module, tuple, Any] | None = None
        self._makers: dict[str, Tensor] = {}
        self._used: Call | None = None
        self._losses: list[float] = []
        self._fresh = False
        self._reached: set[int] = set()
        # The parameters that networks had while they were called: others may stand in for them (functional_call).
        self._called: dict[int, Any] = {}
        self._clipped = False
        # Whether the rate that is noted is that of the optimizer made first, as none has stepped yet.
        self._presumed = False
        self._first: list[tuple[Any, np.ndarray]] = []
        self._data: list[tuple[np.ndarray, np.ndarray]] = []
        self._functions: set[Any] = set()
        # Layers that were idle in the last training pass, busy and quiet in a pass without gradients.
        self._idle, self._busy, self._quiet = "", "", ""
        self._suspect: Failure | None = None

    @property
    def looking(self) -> bool:
        """Whether the update at hand is looked at."""
        return is_looked_at(self.practice.steps + 1)

    # -- forward ------------------------------------------------------------------------------------------------------

    def enters(self, module: Module, args: tuple) -> None:
        """A network is called."""
        self.roots.meet(module)
        self._flush()
        if self.practice.backwards <= _FOLLOWED:
            self._called |= {id(p): p for p in module.parameters()}
        modal = next(
            (m for m in module.modules() if any(k in type(m).__name__ for k in _MODAL) and getattr(m, "p", 1) != 0),
            None,
        )
        if modal is None:
            return
        path = self.roots.path(modal)
        if not STATE.grad_enabled and self.practice.steps:
            if module.training:
                self._busy = path
            else:
                self._quiet = path
        elif STATE.grad_enabled:
            self._idle = "" if module.training or modal.training else path

    def leaves(self, module: Module, args: tuple, output: Any, outermost: bool) -> None:
        """A module has given its output."""
        if outermost:
            self._last = module, args, output
        self.tape.ran(module)
        if not STATE.grad_enabled:
            return
        value = output[0] if isinstance(output, tuple) else output
        if not any(True for _ in module.children()):
            if isinstance(value, Tensor):
                self._makers[self.roots.path(module)] = value
            if self.looking:
                self.gaze.saw(module, args, output)

    def function(self, cls: Any, apply: Callable, args: tuple) -> None:
        """A function with a backward pass of its own is called."""
        if cls in self._functions or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return
        self._functions.add(cls)
        # What a function that expects other dtypes or shapes raises is not the script's error.
        try:
            factor = factor_of_function(apply, args)
        except Exception:
            return
        if factor is not None and factor != 1.0 and self.practice.factor is None:
            self.practice.factor, self.practice.factor_where = factor, cls.__name__

    # -- losses -------------------------------------------------------------------------------------------------------

    def refused_loss(self, name: str, given: tuple) -> None:
        """A loss did not take what it was given."""
        self.practice.called = facts_of_loss(name, given[0], given[1], "mean")
        self.practice.refused = True
        start, (output, target) = self.course.start, given
        if (
            start is not None
            and self.practice.backwards == 0
            and isinstance(output, Tensor)
            and isinstance(target, Tensor)
        ):
            self.course.facts.loss = LOSS_CLASSES.get(name, name)
            start.targets, start.outputs = np.array(target.array), np.array(output.array)

    def loss(self, name: str, given: tuple, reduction: str, result: Any, repeat: Callable) -> None:
        """A loss was computed."""
        output, target = given
        if not isinstance(output, Tensor) or not isinstance(target, Tensor) or not isinstance(result, Tensor):
            return
        facts = facts_of_loss(name, output, target, reduction)
        facts.module = next((path for path, value in self._makers.items() if value is output), "")
        training = STATE.grad_enabled and (self._last is None or self._last[0].training)
        inputs = () if self._last is None else self._last[1]
        call = Call(result, output, target, repeat, facts, training, inputs)
        if not STATE.grad_enabled:
            self._evaluated(call)
            return
        self._calls.append(call)
        if self.practice.called is None:
            self.practice.called = facts
            self._begin(call)

    def _evaluated(self, call: Call) -> None:
        if call.result.array.size == 1 and self._last is not None:
            value = float(call.result.item())
            size = len(call.target.array) if call.target.array.ndim else 1
            share = value / size if call.facts.reduction == "sum" else value
            right = right_share(call.output.array, call.target.array)
            self.records.evaluated_on(array_of(self._last[1]), np.array(call.target.array), size, share, right)

    def _flush(self) -> None:
        """Count losses of evaluation that were computed with gradients on."""
        for call in self._calls:
            if not call.training:
                self._evaluated(call)
        self._calls = [call for call in self._calls if call.training][-16:]

    def _begin(self, call: Call) -> None:
        """Keep what the first batch shows."""
        facts, start = self.course.facts, self.course.start
        assert start is not None
        facts.loss = LOSS_CLASSES.get(call.facts.name, call.facts.name)
        facts.task = "classification" if call.target.array.dtype.kind in "iu" else "regression"
        facts.batch_size = len(call.target.array) if call.target.array.ndim else 1
        if facts.task == "classification" and call.output.array.ndim > 1:
            facts.classes = int(call.output.array.shape[1])
        start.inputs = None if self._last is None else array_of(self._last[1])
        start.targets = np.array(call.target.array)
        start.outputs = np.array(call.output.array)
        start.last, start.last_path = call.facts.made_by, call.facts.module
        start.loss = float(call.result.array.mean())

    # -- backward -----------------------------------------------------------------------------------------------------

    def before_backward(self, loss: Tensor, by_hand: bool = False) -> bool:
        """Gradients are about to be computed. Return whether there is a sense in it: whether the loss is finite."""
        practice = self.practice
        if self.optimizers and not self.course.rates:
            self._note_rate(self.optimizers[0])
            self._presumed = True
        if not np.isfinite(loss.array).all():
            self._losses.append(float(loss.array.mean()))
            self.course.failure = self._suspect or self._failure()
            self._count()
            return False
        if practice.backwards == 0:
            self._see_model()
        if not by_hand and loss.node is not None:
            own = [p for _, p in self.roots.parameters() if p.requires_grad and id(p) in self._called]
            self.tape.before_backward(loss, None if self._last is None else self._last[2], own)
        if not by_hand:
            learned = self._held() if self.optimizers else [p for _, p in self.roots.parameters()]
            self._note_leftovers(self.leftovers.before_backward(learned, by_hand=not self.optimizers))
        if practice.steps < _COMPARED and (by_hand or not self._is_within_step()):
            leaves = [p for p in self._held() if p.requires_grad and p.node is None]
            if leaves and loss.requires_grad and loss.array.size == 1:
                self.truth.differentiate(loss, leaves)
        if self.looking and loss.node is not None:
            self.gaze.saw_graph(loss.node)
        return True

    def _note_leftovers(self, again: bool) -> None:
        if again:
            self.practice.uncleared += 1
            self.practice.uncleared_since = self.practice.uncleared_since or self.practice.steps

    def _is_within_step(self) -> bool:
        return any(optimizer._stepping for optimizer in self.optimizers)

    def after_backward(self, loss: Tensor) -> None:
        """Gradients were computed."""
        practice = self.practice
        practice.backwards += 1
        if practice.backwards <= _FOLLOWED:
            self._see_reach()
        if len(self._calls) == 1 and practice.called is not None and self._calls[0].result is not loss:
            practice.called.scaled = factor_of(loss, self._calls[0].result)
        for call in self._calls:
            # A loss that was only measured, though with gradients on, is nothing that is learned from.
            if len(self._calls) == 1 or leads_to(call.result, loss):
                self._learned(call)
        if self._calls:
            practice.idle_mode = practice.idle_mode or self._idle
        self._losses.append(float(loss.array.mean()))
        self._used = self._calls[-1] if self._calls else self._used
        self._calls, self._makers = [], {}
        self._fresh = True
        if not self.optimizers:
            self._count()

    def _learned(self, call: Call) -> None:
        size = len(call.target.array) if call.target.array.ndim else 1
        inputs = array_of(call.inputs)
        self.records.close(self.practice.steps) if self.practice.steps else None
        value = float(call.result.array.mean())
        self.records.trained(size, value, right_share(call.output.array, call.target.array))
        new = self.records.learned_from(inputs)
        if inputs is not None and len(new) and len(inputs) == size:
            self._data.append((inputs[new], call.target.array[new]))

    def detached(self, loss: Tensor, line: str) -> None:
        """A loss had no graph to go back through."""
        self.practice.detached = line
        self.practice.detached_after = type(self._last[0]).__name__ if self._last is not None else ""

    # -- updates ------------------------------------------------------------------------------------------------------

    def before_step(self, optimizer: Any) -> None:
        """An optimizer is about to step."""
        practice = self.practice
        if not self._fresh and self._calls and any(is_filled(p) for p in self._held()):
            # Nobody called backward(): the script has computed the gradients itself.
            loss = self._calls[-1].result
            if self.before_backward(loss, by_hand=True):
                self.after_backward(loss)
        gradients = [p._grad for group in optimizer.param_groups for p in group["params"] if p._grad is not None]
        if not gradients and self._fresh:
            practice.emptied += 1
        if self._fresh and self._suspect is None and not all(np.isfinite(g.array).all() for g in gradients):
            self._suspect = self._failure()
        if practice.steps < _COMPARED:
            factor = self.truth.factor()
            if factor is not None and not self._clipped and abs(factor - 1) > 1e-2 and practice.factor is None:
                practice.factor = factor
        if self.looking and self._fresh:
            self.gaze.before_update(self.roots.layers())
        self._clipped = False

    def after_step(self, optimizer: Any) -> None:
        """An optimizer has stepped."""
        self._note_leftovers(self.leftovers.used(p for group in optimizer.param_groups for p in group["params"]))
        if self._fresh:
            self._count()
            if self._presumed:
                self.course.rates.clear()
                self._presumed = False
            self._note_rate(optimizer)

    def _count(self) -> None:
        """End an update: its loss and, where it was looked at, its layers."""
        step = self.practice.steps + 1
        if self._losses:
            self.course.steps.append(step)
            self.course.losses.append(float(np.mean(self._losses)))
        if is_looked_at(step):
            layers = self.gaze.after_update(self.roots.layers())
            if layers:
                self.course.looks.append(Look(step, layers))
        self.practice.steps = step
        self._losses, self._fresh = [], False

    def _note_rate(self, optimizer: Any) -> None:
        group = optimizer.param_groups[0]
        rate = float(group.get("lr", math.nan))
        if not self.course.rates:
            facts = self.course.facts
            facts.optimizer = type(optimizer).__name__
            facts.options = {k: v for k, v in group.items() if k != "params"}
        if not self.course.rates or self.course.rates[-1][1] != rate:
            self.course.rates.append((max(self.practice.steps, 1), rate))

    def clipped(self, norm: float, largest: float) -> None:
        """Gradients were clipped."""
        self._clipped = True
        if is_looked_at(self.practice.steps + 1):
            self.practice.clipped.append((norm, largest))

    # -- the model ----------------------------------------------------------------------------------------------------

    def _see_model(self) -> None:
        model = self.roots.main
        if model is not None:
            self.course.traits = traits_of(model)
            self.course.traits.loaded = self.loaded
        for path, layer in self.roots.layers():
            self.course.facts.kinds[path] = type(layer).__name__
        self.course.facts.networks = self.roots.variables
        self._first = [(p, p.array.copy()) for _, p in self.roots.parameters()]
        self.course.facts.parameters = sum(p.array.size for p, _ in self._first if p.requires_grad)

    def _see_reach(self) -> None:
        held = {id(p) for p in self._held()}
        self._reached |= {id(p) for _, p in self.roots.parameters() if p._grad is not None}
        start = self.course.start
        assert start is not None
        before = {id(p): array for p, array in self._first}
        for name, p in self.roots.parameters():
            if id(p) not in self._called:
                continue
            array = before.get(id(p), p.array)
            start.parameters[name] = ParameterStart(
                learned=p.requires_grad,
                # A loop without an optimizer changes them itself.
                held=not self.optimizers or id(p) in held,
                finite=bool(np.isfinite(np.asarray(array)).all()),
                reached=id(p) in self._reached,
            )

    def _held(self) -> list[Any]:
        return [p for optimizer in self.optimizers for group in optimizer.param_groups for p in group["params"]]

    def _failure(self) -> Failure:
        """Return where a value that is not finite comes from, by running the batch again."""
        step = self.practice.steps
        call = self._calls[-1] if self._calls else self._used
        found = None if self._last is None or call is None else why_not_finite(*self._last, call, step)
        return found or Failure(step, "the loss is not finite", part="forward")

    # -- the end ------------------------------------------------------------------------------------------------------

    def finish(self) -> Course:
        """Return the course, the training being over."""
        practice, course = self.practice, self.course
        self._flush()
        self.tape.end()
        practice.meeting = self.tape.meeting
        if self._losses:
            self._count()
        self.records.finish(practice.steps)
        course.records = self.records.reports
        course.facts.has_valid = any("valid_loss" in record for record in course.records)
        practice.unmoved = (
            practice.backwards > 2 and self._first != [] and all(np.array_equal(p.array, a) for p, a in self._first)
        )
        held = {id(p) for p in self._held()}
        own = {id(p) for _, p in self.roots.parameters()}
        # A script without modules has no other parameters than those.
        practice.held, practice.strangers = len(held), len(held - own) if own else 0
        practice.unheld = [n for n, p in self.roots.parameters() if p.requires_grad and id(p) not in held]
        practice.busy_mode = "" if self._quiet else self._busy
        samples = {"train": together(self._data), "valid": together(self.records.data)}
        assert course.start is not None
        course.start.cut = self.tape.cut
        course.start.samples = {name: both for name, both in samples.items() if both is not None}
        if "train" in course.start.samples:
            course.sample = sample_of(*course.start.samples["train"])
            course.facts.samples = len(course.start.samples["train"][1])
        course.whole = True
        return course
