"""Running a step once to write down what it does, with everything that a replay must know beside the equations.

The run is the real thing. When something happens that a program cannot repeat, the capture is refused and the run goes
on as if nobody had watched. When the capture holds, what the run has changed is put back, and the program makes the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import STATE, Equation, Node, Tensor, Tracer, Variable, user_line
from ..core.graph import Pick
from ..ops.generator import current_generator
from .numbers import Number
from .snapshots import ModuleSnapshot

__all__ = ["Capture", "Gradient", "Refusal"]


class Refusal:
    """Why a step runs eagerly: who refused, what happened, what to do; ``passing`` when the next call may go well.

    ``where``: the user's line, where it is known.
    """

    def __init__(self, who: str, what: str, fix: str, passing: bool = False, where: str = ""):
        self.who = who
        self.what = what
        self.fix = fix
        self.passing = passing
        self.where = where

    def __repr__(self) -> str:
        return f"<refused by {self.who}: {self.what}{f' ({self.where})' if self.where else ''}; {self.fix}>"


class Gradient:
    """What the step did with the gradient of one leaf: ``before`` is the one it found, None where it did not look."""

    def __init__(self, leaf: Tensor, looked: bool):
        self.leaf = leaf
        self.looked = looked
        self.before = leaf._grad
        self.variable: Variable | None = None


class Capture(Tracer):
    """A tracer that refuses instead of raising, and remembers how to undo the run."""

    def __init__(self, inputs: list[Tensor]):
        super().__init__({})
        self.refusal: Refusal | None = None
        # The tensors behind the constants: a program holds for these and their present memory alone.
        self.owners: dict[Variable, Tensor | None] = {}
        self.numbers: set[Variable] = set()
        # Where each number of an optimizer's group is read: (group, name, place in a pair or None).
        self.settings: dict[Variable, tuple[dict, str, int | None]] = {}
        self.fixed_settings: list[tuple[dict, str, Any]] = []
        self.gradients: dict[int, Gradient] = {}
        self.modules: list[tuple[Any, ModuleSnapshot]] = []
        self.postponed: list[tuple[int, Callable[[], Any]]] = []
        self.flats: list[Any] = []
        # Whether the user's code reads an optimizer's options by itself.
        self.reads_options = False
        # What an optimizer's numbers (counts of steps) are by now, by the tensors that hold them.
        self.cells: dict[tuple[int, ...], tuple[Any, Variable]] = {}
        # Stand-ins for all parameters of a group together: no leaves of the user's.
        self.fakes: set[int] = set()
        self.outside: set[int] = set()
        self._given: set[int] = set()
        self.equation_modules: list[Any] = []
        self.gradient_of: dict[Variable, Variable] = {}
        self._undone = False
        self._undo: list[tuple[np.ndarray, np.ndarray]] = []
        self._seen_writes: set[int] = set()
        self._path: list[Any] = []
        self._seen_modules: set[int] = set()
        self._passed: set[int] = set()
        self._nodes: dict[int, tuple[Node, Variable]] = {}
        # What values tell of their memory: results that lie in that of an input, and the order of dimensions.
        self.views: set[Variable] = set()
        self.order: dict[Variable, tuple[int, ...]] = {}
        self.input_strides = [t.array.strides for t in inputs]
        self._generator = current_generator()
        self._random_state = self._generator.get_state()
        self.inputs = [self._input(t, i) for i, t in enumerate(inputs)]

    def _input(self, t: Tensor, i: int) -> Variable:
        self.outside.add(id(t.array))
        self._given.add(id(t.array))
        held = self.variables.get(id(t.array))
        return held if held is not None else self.new(t.array, f"x{i}")

    # -- what a tracer does --------------------------------------------------------------------------------------------

    def new(self, array: np.ndarray, name: str = "") -> Variable:
        variable = super().new(array, name)
        order = order_of(array)
        if order is not None:
            self.order[variable] = order
        return variable

    def read(self, value: Any) -> Any:
        known = len(self.constants)
        variable = super().read(value)
        if len(self.constants) > known:
            if isinstance(value, Tensor) and value.node is not None and id(value.node) not in self._nodes:
                self.refuse("compile", "a tensor from outside the step has a tape", "pass value.detach()")
            self.owners[variable] = value if isinstance(value, Tensor) else None
            self.outside.add(id(self.constants[variable]))
        return variable

    def note(
        self, operation: Any, inputs: list, outputs: list, keywords: dict | None = None, writes: bool = False
    ) -> None:
        """Write down a step that is no call of a primitive."""
        self._append(operation, inputs, outputs, keywords or {}, writes)

    def _append(self, primitive: Any, inputs: list, outputs: list, keywords: dict, writes: bool) -> None:
        self.equations.append(Equation(primitive, inputs, outputs, keywords, writes, user_line()))
        self.equation_modules.append(self._path[-1] if self._path else None)

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        if primitive.dynamic:
            self.refuse(primitive.name, "the shape of its result depends on values", "keep the shape, as where() does")
        if keywords.get("generator") is not None:
            self.refuse(primitive.name, "it draws from a generator of its own", "use the default generator")
        super().record(primitive, inputs, out, keywords)
        source = inputs[0].array if primitive.view and isinstance(inputs[0], Tensor) else None
        for o in out if isinstance(out, tuple) else (out,):
            if source is not None and np.may_share_memory(o.array, source):
                self.views.add(self.variables[id(o.array)])
            if o.node is not None:
                self._nodes[id(o.node)] = (o.node, self.variables[id(o.array)])

    def refuse(self, who: str, what: str, fix: str, passing: bool = False) -> None:
        if self.refusal is None:
            self.refusal = Refusal(who, what, fix, passing, user_line())
            self.call_postponed()

    def before_write(self, target: Tensor) -> None:
        self.keep(target.array)

    def keep(self, array: np.ndarray) -> None:
        """Remember the values of memory from outside, which is about to be written to."""
        owner = array if array.base is None else array.base
        if id(array) in self._seen_writes or (id(owner) in self.variables and id(owner) not in self.outside):
            return
        self._seen_writes.add(id(array))
        self._undo.append((array, array.copy()))

    def judge(self, given: list[Tensor]) -> None:
        """Refuse when a gradient keeps its tape, and when memory is shared in a way that a program could not follow."""
        if any(g.leaf._grad is not None and g.leaf._grad.node is not None for g in self.gradients.values()):
            self.refuse(
                "compile",
                "a gradient that was made with create_graph=True could still be differentiated",
                "use autograd.grad(..., create_graph=True) inside the step",
            )
        self._judge_memory(given)

    def _judge_memory(self, given: list[Tensor]) -> None:
        """Refuse when an argument lies in memory that the step finds by itself, or is written to and shares it with another."""
        owners = [*self.constants.values(), *(t.array for f in self.flats for t in f.tensors or ())]
        owners += [g.before.array for g in self.gradients.values() if g.before is not None]
        roots = {id(a if a.base is None else a.base) for a in owners}
        arrays = list({id(t.array): t.array for t in given}.values())
        if any(id(a if a.base is None else a.base) in roots for a in arrays):
            self.refuse(
                "compile", "an argument shares memory with what the step finds by itself", "clone() it", passing=True
            )
        written = [w for w, _ in self._undo]
        for i, a in enumerate(arrays):
            for b in arrays[:i]:
                if np.may_share_memory(a, b) and any(np.may_share_memory(a, w) for w in written):
                    self.refuse("compile", "two arguments share memory that is written to", "clone() one", passing=True)

    # -- gradients -----------------------------------------------------------------------------------------------------

    def looks_at_gradient(self, leaf: Tensor) -> None:
        self._note_gradient(leaf, True)

    def replaces_gradient(self, leaf: Tensor) -> None:
        self._note_gradient(leaf, False)

    def _note_gradient(self, leaf: Tensor, looked: bool) -> None:
        if (
            id(leaf) in self.gradients
            or id(leaf) in self.fakes
            or id(leaf.array) in self._given
            or (id(leaf.array) in self.variables and id(leaf.array) not in self.outside)
        ):
            return
        gradient = self.gradients[id(leaf)] = Gradient(leaf, looked)
        if looked and gradient.before is not None:
            gradient.variable = self.new(gradient.before.array)
            self.outside.add(id(gradient.before.array))

    def differentiates(self, node: Node, g: Any) -> None:
        self._passed.add(id(node))
        held = self._nodes.get(id(node))
        if held is not None and isinstance(g, Tensor):
            variable = self.variables.get(id(g.array))
            if variable is not None:
                self.gradient_of.setdefault(variable, held[1])

    def has_tape(self, t: Tensor) -> bool:
        """Return whether a result could still be differentiated: the program's could not."""
        node = t.node
        while isinstance(node, Pick):
            node = node.edges[0]
        return node is not None and id(node) not in self._passed

    # -- Python's part -------------------------------------------------------------------------------------------------

    def enters(self, module: Any) -> None:
        self._path.append(module)
        if id(module) not in self._seen_modules:
            self._seen_modules.add(id(module))
            self.modules.append((module, ModuleSnapshot(module)))

    def leaves(self, module: Any) -> None:
        self._path.pop()

    def postpones(self, call: Callable[[], Any], arguments: tuple) -> bool:
        if self.refusal is not None or any(isinstance(a, Tensor) for a in arguments):
            return False
        if self.reads_options:
            self.refuse(
                "compile", "a schedule steps where Python code reads or sets options", "step it outside the step"
            )
            return False
        self.postponed.append((len(self.equations), call))
        return True

    def call_postponed(self) -> None:
        """Make up for what was left to be called later."""
        calls, self.postponed = self.postponed, []
        tracer, STATE.tracer = STATE.tracer, None
        try:
            for _, call in calls:
                call()
        finally:
            STATE.tracer = tracer

    def updates(self, optimizer: Any) -> bool:
        from .updates import capture_update

        return self.refusal is None and capture_update(self, optimizer)

    # -- numbers -------------------------------------------------------------------------------------------------------

    def new_number(self, value: Any) -> Variable:
        """Return the variable of a Python number."""
        self.count += 1
        variable = Variable(f"n{self.count}", np.asarray(value))
        self.numbers.add(variable)
        return variable

    def setting(self, group: dict, name: str, place: int | None) -> Number:
        """Return a number of an optimizer's group, which the program will read anew each time."""
        for variable, source in self.settings.items():
            if source[0] is group and source[1:] == (name, place):
                return Number(self, self._setting_value(source), variable)
        variable = self.new_number(self._setting_value((group, name, place)))
        self.settings[variable] = (group, name, place)
        return Number(self, self._setting_value((group, name, place)), variable)

    @staticmethod
    def _setting_value(source: tuple[dict, str, int | None]) -> Any:
        group, name, place = source
        return group[name] if place is None else group[name][place]

    def forget(self) -> None:
        """Let go of the arrays of the run."""
        self.constants.clear()
        self._undo.clear()
        self._nodes.clear()

    # -- undoing -------------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Put back, once, what the run has changed: memory, gradients, and the place in the stream of random numbers."""
        if self._undone:
            return
        self._undone = True
        for array, before in reversed(self._undo):
            array[...] = before
        for gradient in self.gradients.values():
            gradient.leaf._grad = gradient.before
        self._generator.set_state(self._random_state)


def order_of(array: np.ndarray) -> tuple[int, ...] | None:
    """Return the order of dimensions in which an array is contiguous; None for row-major, and where there is none."""
    if array.flags.c_contiguous:
        return None
    order = tuple(int(d) for d in np.argsort([-abs(s) for s in array.strides], kind="stable"))
    return order if array.transpose(order).flags.c_contiguous else None
