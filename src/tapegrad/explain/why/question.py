"""One question about a gradient, and the order in which its possible reasons are looked at."""

from __future__ import annotations

from typing import Any

from ...core import Tensor
from ...core.notes import LOG, Note
from ...nn.parameter import is_lazy
from .explanation import Explanation
from .flow import leading, measure, stale, summed_up, way
from .holders import Holder, holder_of, holds, optimizers
from .reasons import ADVICE
from .trail import Break, block_before, break_of, break_of_step, noted_break, watched_breaks
from .verdict import first_not_finite, judge, state_of, tell_of_step
from .watching import NODES, Step, steps_of

__all__ = ["Question"]


class Question:
    """One tensor, the losses in question, and what is known of them."""

    def __init__(self, tensor: Tensor, loss: Tensor | None):
        self.t = tensor
        self.given = loss is not None
        self.backward = Note._make(LOG["backward"][-1]) if LOG["backward"] else None
        self.roots = [loss] if loss is not None else self._last_roots()
        self._holder: Any = False

    def _last_roots(self) -> list[Tensor]:
        refs = self.backward.extra if self.backward is not None else ()
        held = [ref() for ref in (refs if isinstance(refs, tuple) else (refs,))]
        return [t for t in held if t is not None]

    @property
    def holder(self) -> Holder | None:
        """The module that has the tensor, looked for once."""
        if self._holder is False:
            self._holder = holder_of(self.t)
        return self._holder

    @property
    def subject(self) -> str:
        """What the tensor is called in the answer."""
        if is_lazy(self.t):
            return "the uninitialized parameter"
        if self.holder is not None:
            return f"`{self.holder.path}`, a parameter of shape {tuple(self.t.shape)}"
        return f"the {'' if self.t.node is None else self.t.node.name() + ' '}tensor of shape {tuple(self.t.shape)}"

    def say(
        self, state: str, cause: str, text: str, where: str = "", advice: str = "", words: str = "", **evidence: Any
    ) -> Explanation:
        """Return an answer; ``text`` goes on after the sentence that says what the gradient is, in other ``words`` if given."""
        words = words or {"none": "None", "fine": "as it should be"}.get(state, state)
        subject = self.subject
        comma = "," if ", a parameter of" in subject else ""
        sentence = f"The gradient of {subject}{comma} is {words}: {text}"
        return Explanation(subject, state, cause, sentence, where, advice, evidence)

    # -- the order of questions ----------------------------------------------------------------------------------------

    def answer(self) -> Explanation:
        """Ask what is cheap and certain first."""
        for ask in (self._kind, self._off_the_tape, self._unreached, self._flowing, self._inner, self._missing):
            found = ask()
            if found is not None:
                return found
        return self._present()

    def _kind(self) -> Explanation | None:
        t = self.t
        if is_lazy(t):
            text = "it has no shape yet, as its module was never called"
            return self.say("none", "uninitialized", text, "", "call the module once with an input")
        if t.dtype.kind not in "fc":
            noted = _noted(t)
            if noted is not None:
                return self._broken(noted)
            advice = "make it floating-point, e.g. with .float(), before requires_grad_()"
            return self.say("none", "integer", f"a tensor of dtype {t.dtype} has no derivative", "", advice)
        if t.numel() == 0 and (t.node is not None or t._leaf_grad):
            return self.say(
                "none" if t._grad is None else "fine", "empty", "it has no elements", "", "look at its shape"
            )
        return None

    def _off_the_tape(self) -> Explanation | None:
        t = self.t
        if t.node is not None or t._leaf_grad:
            return None
        noted = _noted(t)
        if noted is not None and noted.cause != "frozen":
            return self._broken(noted)
        where = noted.where if noted is not None else ""
        said = "its requires_grad was set to False" if where else "it does not require a gradient"
        return self.say("none", "frozen", said, where, "call requires_grad_() on it before the forward pass")

    def _broken(self, found: Break, others: list[Break] | None = None) -> Explanation:
        advice = {
            "detached": "leave that out, or take the gradient before it",
            "no-grad": "compute it outside that block",
            "no-derivative": "take a differentiable function in its place, e.g. softmax in place of argmax",
        }[found.cause]
        text = f"what is computed from it {found.text}" if others is not None else f"it {found.text}"
        if not found.certain:
            text += "; that is the likely reason, which explain(tensor, lambda: ...) can make sure of"
        evidence: dict[str, Any] = {"certain": found.certain}
        if others and len(others) > 1:
            evidence["further"] = [f"{b.text} at {b.where}" for b in others[1:]]
        return self.say("none", found.cause, text, found.where, advice, **evidence)

    def _unreached(self) -> Explanation | None:
        t, roots = self.t, self.roots
        if not roots or any(r is t for r in roots) or leading(t, roots):
            return None
        if not self.given and (t._grad is not None or t.node is not None):
            return None
        ends = [r.origin for r in roots if isinstance(getattr(r, "origin", None), Step)]
        used, breaks = watched_breaks(t, ends)
        if breaks:
            return self._broken(breaks[0], breaks)
        if not ends:
            found = noted_break(t, roots)
            if found is not None:
                return self._broken(found, [found])
        if self.given and all(r._leaf_grad for r in roots):
            text = "the loss does not depend on it: it is a leaf, made of numbers and not by operations"
            advice = "compute it from the network's outputs without float(), item() and tensor()"
            return self.say("none", "not-on-path", text, "", advice)
        return self._replaced() or self._cut_before() or self._unused(bool(ends) and not used)

    def _cut_before(self) -> Explanation | None:
        """Its values left the tape somewhere, though nobody knows whether the loss was computed from those."""
        if any(isinstance(getattr(r, "origin", None), Step) for r in self.roots):
            return None
        cuts = [Note._make(n) for n in LOG["cut"] if id(self.t) in n[4]]
        return self._broken(break_of(cuts[-1], False), []) if cuts else None

    def _replaced(self) -> Explanation | None:
        for note in map(Note._make, reversed(LOG["replaced"])):
            old, new = note.extra
            if id(self.t) in old and self.holder is None:
                text = "another parameter has taken its place in the module, and the forward pass uses that one"
                return self.say("none", "replaced", text, note.where, _REMAKE)
            if id(self.t) in new and any(
                id(p) in old for o in optimizers() for g in o.param_groups for p in g["params"]
            ):
                if any(holds(o, self.t) for o in optimizers()):
                    continue
                state = "none" if self.t._grad is None else "fine"
                text = "it took the place of a parameter after the optimizer was made, which still holds the old one"
                return self.say(state, "replaced", text, note.where, _REMAKE)
        return None

    def _unused(self, certain: bool) -> Explanation:
        where = self.backward.where if self.backward is not None and not self.given else ""
        if self.holder is not None and len(self.holder.chain) > 1:
            kind, path = self.holder.kind, self.holder.path.rpartition(".")[0]
            text = f"the loss does not depend on it: the forward pass never calls `{path}` ({kind})"
            advice = f"call self.{path} in forward, or remove it"
            block = None if certain else block_before(self.backward)
            if block is not None:
                text += f", unless under the {block.how} of {block.where}"
                advice = f"call self.{path} in forward, outside of that block, or remove it"
            return self.say("none", "unused-module", text, self.holder.forward or where, advice, certain=certain)
        text = "the loss does not depend on it"
        return self.say("none", "not-on-path", text, where, "use it in the loss", certain=certain)

    # -- gradients that flow -------------------------------------------------------------------------------------------

    def _flowing(self) -> Explanation | None:
        t, roots = self.t, self.roots
        if not roots or (not self.given and self._zeroed() is not None):
            return None
        nodes = leading(t, roots)
        if not nodes:
            return None
        recorded = self._recorded()
        if recorded is not None:
            return self._judged(*recorded) or self._unharmed(recorded[-1], nodes)
        states = [(node, *stale(node)) for node in nodes]
        for node, what, storage in states:
            if what == "overwritten":
                return self._overwritten(node, storage)
        if any(what == "freed" for _, what, _ in states):
            return self._freed() if self.given else None
        record, g = measure(t, roots, nodes, NODES)
        ends = [r.origin for r in roots if isinstance(getattr(r, "origin", None), Step)]
        if record.failed is not None:
            return self._raising(*record.failed)
        if g is None:
            return self._given_none(record)
        stats = summed_up(g)
        if not ends and stats.worst:
            ends = steps_of(roots)
        return self._judged(record, ends, stats) or self._unharmed(stats, nodes)

    def _raising(self, node: Any, error: Exception) -> Explanation:
        text = f"the backward of {node.primitive.name} raises {type(error).__name__}: {error}"
        return self.say("none", "raises", text, node.where or "", "mend that error first", error=repr(error))

    def _given_none(self, record: Any) -> Explanation:
        """Gradients set out for it and none arrived: a custom Function returned None on the way."""
        flow = record.flows[min(record.flows)]
        text = f"the backward of {flow.name} returns None for what leads to it"
        return self.say("none", "custom-backward", text, flow.where, ADVICE["custom-backward"])

    def _judged(self, record: Any, ends: Any, stats: Any) -> Explanation | None:
        return judge(self, record, ends, stats, 0.0 if self.t.is_sparse else summed_up(self.t).largest)

    def _overwritten(self, node: Any, storage: Any) -> Explanation:
        name = node.primitive.name
        text = f"a value that {name} saved for it was overwritten in place, so backward() raises an error"
        advice = "write out of place there, or clone() the tensor before it is changed"
        return self.say("none", "overwritten", text, storage.writer, advice, operation=name)

    def _unharmed(self, stats: Any, nodes: list) -> Explanation | None:
        """The gradient that comes from the loss is as it should be: say what may be amiss after that."""
        t = self.t
        held = None if t._grad is None else summed_up(t._grad)
        hooked = t._hooks or (t.node is not None and t.node.hooks) or any(n.hooks for n in nodes)
        if hooked and held is not None and (held.worst or held.zero):
            text = "the loss sends a good gradient, and a hook changes it"
            return self.say(state_of(held), "hook", text, "", "look at what register_hook() was given")
        if not self.given or t.node is not None:
            return None
        found = self._replaced() or self._bad_loss(stats)
        if found is not None:
            return found
        if t._grad is None:
            return None if self._zeroed() is not None else self._uncalled(stats)
        return self.say("fine", "fine", _described(stats), "", "", **stats._asdict())

    def _bad_loss(self, stats: Any) -> Explanation | None:
        """A loss that is not finite may have a finite gradient, and is what is amiss all the same."""
        if not any(summed_up(r).worst for r in self.roots):
            return None
        ends = [r.origin for r in self.roots if isinstance(getattr(r, "origin", None), Step)] or steps_of(self.roots)
        step = first_not_finite(ends)
        return None if step is None else tell_of_step(self, "fine", step, "finite, but the loss is not")

    def _uncalled(self, stats: Any) -> Explanation:
        text = (
            f"the loss depends on it, and backward() was not called yet; it will give a gradient: {_described(stats)}"
        )
        return self.say("none", "no-backward", text, "", "call loss.backward()", **stats._asdict())

    def _recorded(self) -> Any:
        """Return what a watcher saw of a backward() that reached the tensor, unless a loss is given that it did not see."""
        origin = getattr(self.t, "origin", None)
        watcher = getattr(origin, "watcher", None)
        if watcher is None or self.t._grad is None:
            return None
        numbers = {way(r.node) for r in self.roots if r.node is not None}
        for record, ends in reversed(watcher.records):
            if way(self.t) in record.reached and (not self.given or numbers & set(record.roots)):
                return record, ends, summed_up(self.t._grad)
        return None

    def _freed(self) -> Explanation:
        text = "an earlier backward() freed the saved values, so it cannot be worked out again"
        advice = "pass retain_graph=True to that backward(), or a function: explain(tensor, lambda: loss)"
        where = self.backward.where if self.backward is not None else ""
        return self.say(_state(self.t), "freed", text, where, advice)

    # -- after the fact ------------------------------------------------------------------------------------------------

    def _inner(self) -> Explanation | None:
        t = self.t
        if t.node is None or t._grad is not None:
            return None
        text = f"it is the result of {t.node.primitive.name}, not a leaf, and only leaves keep their gradient"
        return self.say("none", "not-a-leaf", text, t.node.where or "", "call retain_grad() on it before backward()")

    def _zeroed(self) -> Note | None:
        """Return the note of what forgot the gradient after the last backward()."""
        t = self.t
        notes = [Note._make(n) for n in LOG["zeroed"] if n[-1] == id(t)]
        notes += [Note._make(n) for n in LOG["zero_grad"] if holds(n[-1](), t)]
        last = max(notes, key=lambda n: n.time, default=None)
        if last is None or (self.backward is not None and last.time < self.backward.time):
            return None
        return last

    def _missing(self) -> Explanation | None:
        t = self.t
        if t._grad is not None:
            return None
        replaced = self._replaced()
        if replaced is not None:
            return replaced
        zeroed = self._zeroed()
        if self.backward is None or (zeroed is None and self.roots and leading(t, self.roots)):
            return self.say("none", "no-backward", "backward() was not called on a loss that depends on it", "", _CALL)
        if zeroed is not None and any(n[3] < zeroed.time for n in LOG["backward"]):
            text = "it was forgotten after the last backward(), which has not been called since"
            return self.say("none", "zeroed", text, zeroed.where, "look at it between backward() and zero_grad()")
        cut = None if self.roots else self._cut_before()
        if cut is not None:
            return cut
        if self.holder is not None and len(self.holder.chain) > 1:
            return self._unused(False)
        return self.say("none", "no-backward", "no backward() has reached it", self.backward.where, _CALL)

    def _present(self) -> Explanation:
        t = self.t
        stats = summed_up(t._grad)
        recorded = self._recorded()
        judged = None if recorded is None else self._judged(*recorded)
        if judged is not None:
            return judged
        state = _state(t)
        writer = t._grad.memory.writer if t._grad is not None and not t._grad.is_sparse else ""
        zeroed = self._zeroed()
        if state == "zero" and (zeroed is not None or writer):
            where = zeroed.where if zeroed is not None else writer
            return self.say("zero", "zeroed", "it was set to zero there", where, "look at it after backward()")
        if state == "fine":
            return self._replaced() or self.say("fine", "fine", _described(stats), **stats._asdict())
        if t._hooks:
            text = f"{_described(stats)}; a hook changes it, which is the likely reason"
            return self.say(state, "hook", text, "", "look at what register_hook() was given", certain=False)
        text = f"{_described(stats)}; what made it so is gone with the graph"
        advice = "ask with a function, explain(tensor, lambda: loss), or run the step inside `with explain.watch():`"
        return self.say(state, "unknown", text, "", advice, **stats._asdict())


_REMAKE = "make the optimizer after all changes to the model, or add_param_group the new parameter"
_CALL = "call loss.backward() first, or pass the loss: explain(tensor, loss)"


def _noted(t: Tensor) -> Break | None:
    """Return how a tensor itself came off the tape, or was frozen."""
    origin = getattr(t, "origin", None)
    if isinstance(origin, Step):
        if origin.leaf and origin.cut == "frozen":
            return Break("frozen", "", origin.where, True)
        if origin.leaf or not origin.wanted or origin.tracked:
            return None
        return break_of_step(origin)
    if not isinstance(origin, tuple):
        return None
    return Break("frozen", "", Note._make(origin).where, True) if origin[0] == "frozen" else break_of(origin)


def _state(t: Tensor) -> str:
    if t._grad is None:
        return "none"
    state = state_of(summed_up(t._grad), summed_up(t).largest)
    return "fine" if state in ("tiny", "mostly zero") else state


def _described(stats: Any) -> str:
    if stats.size == 1 and not stats.worst:
        return f"its absolute value is {stats.largest:.4g}"
    largest = "largest finite element" if stats.worst else "largest element"
    share = f"{stats.zeros:.0%} of {stats.size} are zero" if stats.zeros else f"none of {stats.size} is zero"
    return f"its {largest} is {stats.largest:.4g}, {share}"
