"""Running a network once and writing down each operation with the call of a module that it happened in."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...autograd import enable_grad, grad
from ...core import STATE, Tensor, Tracer, Variable, wrap
from ...errors import TraceError
from ...nn import Module
from ...nn.global_hooks import register_module_forward_hook
from ...ops.generator import current_generator

__all__ = ["Call", "Recorder", "kind_of", "named_tensors", "record", "undisturbed"]


@dataclasses.dataclass
class Call:
    """One call of a module: its path and class, the call that it happened in (-1: none), which call of this path it is.

    ``own`` says that the module is one of tapegrad's layers, whose inside no user wrote. ``shapes`` are those of what it
    returned; ``node`` is the graph's node that made the first of that (-1: none).
    """

    path: str
    kind: str
    parent: int
    number: int
    own: bool
    module: Any = None
    shapes: list[tuple[int, ...]] = dataclasses.field(default_factory=list)
    node: int = -1


class Recorder(Tracer):
    """A tracer that knows in which call of a module an equation happens, and that refuses nothing: it records one run.

    With ``keeps`` it holds the first result of each equation as it was made, and the gradient that comes back to it.
    What the run writes to outside (running statistics) is put back by :meth:`undo`.
    """

    def __init__(self, model: Any, keeps: bool):
        super().__init__({})
        self.keeps = keeps
        self.calls: list[Call] = []
        # The call of each equation, by its place, and that of each constant, where it was read first, with its tensor.
        self.call_of: list[int] = []
        self.found: dict[Variable, tuple[int, Any]] = {}
        # Of a recorded operation, by its place: which of its inputs gradients go back to.
        self.tracked: dict[int, tuple[bool, ...]] = {}
        self.inputs: list[tuple[str, Variable]] = []
        self.targets: list[tuple[str, Variable]] = []
        self.outputs: list[tuple[str, Variable]] = []
        self.loss: Variable | None = None
        self.measuring = False
        # By the place of an equation or by the variable of an input or constant.
        self.values: dict[int | Variable, np.ndarray] = {}
        self.gradients: dict[int | Variable, np.ndarray] = {}
        # What calls returned, first: (how many equations there were, place of the call, variable).
        self.returned: list[tuple[int, int, Variable]] = []
        self._here = [-1]
        self._paths = _paths(model)
        self._counts: dict[str, int] = {}
        self._inside: dict[int, np.ndarray] = {}
        self._undo: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    # -- calls of modules ----------------------------------------------------------------------------------------------

    def enters(self, module: Any) -> None:
        here = self.calls[self._here[-1]].path if len(self._here) > 1 else ""
        known = self._paths.get(id(module))
        if known is None:
            path = f"{here}.{type(module).__name__}".strip(".") if here or not self.measuring else "loss"
        else:
            path = next((p for p in known if not here or p.startswith(f"{here}.")), known[0])
        self.open(path, module)

    def open(self, path: str, module: Any) -> None:
        """Begin a call; what follows belongs to it until :meth:`leaves`."""
        number = self._counts[path] = self._counts.get(path, 0) + 1
        own = isinstance(module, Module) and type(module).__module__.startswith("tapegrad.nn")
        self.calls.append(Call(path, kind_of(module), self._here[-1], number, own, module))
        self._here.append(len(self.calls) - 1)

    def leaves(self, module: Any) -> None:
        self._here.pop()

    def returns(self, module: Any, inputs: Any, output: Any) -> None:
        """Note what the call at hand returned; the form is that of a forward hook."""
        if STATE.tracer is not self:  # another thread's call
            return
        tensors = list(named_tensors(output).values())
        self.calls[self._here[-1]].shapes = [tuple(t.array.shape) for t in tensors]
        if tensors:
            self.returned.append((len(self.equations), self._here[-1], self.read(tensors[0])))

    # -- equations -----------------------------------------------------------------------------------------------------

    def refuse(self, who: str, what: str, fix: str) -> None:
        """Go on: this record is of one run, and needs no repeating."""

    def begin(self, inputs: dict[str, Tensor]) -> None:
        """Name what the network is given."""
        for name, t in inputs.items():
            variable = self.variables.get(id(t.array)) or self.new(t.array, name)
            self.inputs.append((name, variable))
            if self.keeps:
                self.values[variable] = t.array

    def named(self, name: str, value: Any) -> list[tuple[str, Variable]]:
        """Return the variables of the tensors in a value, with their names."""
        return [(place, self.read(t)) for place, t in named_tensors(value, None, name).items()]

    def read(self, value: Any) -> Any:
        count = len(self.constants)
        variable = super().read(value)
        if len(self.constants) > count:
            self.found[variable] = (self._here[-1], value)
            if self.keeps:
                self.values[variable] = self.constants[variable]
        return variable

    def record(self, primitive: Any, inputs: tuple, out: Any, keywords: dict) -> None:
        super().record(primitive, inputs, out, keywords)
        sources = {id(_root(x.array)) for x in inputs if isinstance(x, Tensor)}
        outputs = out if isinstance(out, tuple) else (out,)
        if any(t.node is not None for t in outputs):
            self.tracked[len(self.equations) - 1] = tuple(isinstance(x, Tensor) and x.requires_grad for x in inputs)
        for t in outputs:
            root = _root(t.array)
            if id(root) not in sources:
                self._inside[id(root)] = root
        if self.keeps:
            self._keep(len(self.equations) - 1, outputs[0])

    def record_write(self, target: Tensor, result: Tensor) -> None:
        super().record_write(target, result)
        if result.requires_grad:
            self.tracked[len(self.equations) - 1] = (False, True)
        if self.keeps:
            self.values[len(self.equations) - 1] = result.array

    def _keep(self, place: int, t: Tensor) -> None:
        self.values[place] = t.array

        def receive(g: Tensor) -> None:
            self.gradients[place] = g.array

        if t.node is not None:
            t.register_hook(receive)

    def _append(self, primitive: Any, inputs: list, outputs: list, keywords: dict, writes: bool) -> None:
        super()._append(primitive, inputs, outputs, keywords, writes)
        self.call_of.append(self._here[-1])

    # -- what the run writes to ----------------------------------------------------------------------------------------

    def before_write(self, target: Tensor) -> None:
        root = _root(target.array)
        if id(root) not in self._inside and id(root) not in self._undo:
            self._undo[id(root)] = (root, root.copy())
        for key, value in self.values.items():
            if _root(value) is root:
                self.values[key] = value.copy()

    def undo(self) -> None:
        """Put back what memory from outside held, and keep no values in such memory."""
        for key, value in self.values.items():
            if id(_root(value)) not in self._inside:
                self.values[key] = value.copy()
        for array, before in self._undo.values():
            array[...] = before


def record(
    model: Callable,
    inputs: tuple,
    keywords: dict[str, Any],
    loss: Callable | None = None,
    targets: tuple = (),
    values: bool = False,
    guard: contextlib.AbstractContextManager | None = None,
) -> Recorder:
    """Call a model, and a loss of its output, and return what happened; the model is afterwards as it was before.

    With ``values`` the results are kept, and their gradients: those of the loss, without one those of the sum of all
    outputs. The model alone is called in ``guard``. Raises TraceError when a trace is running already.
    """
    before = STATE.tracer
    if before is not None and not before.watches:
        raise TraceError("graph", "a trace is running already", "draw the network outside of it")
    recorder = Recorder(model, values)
    named = named_tensors(inputs, _argument_names(model, len(inputs))) | named_tensors(keywords)
    leaves = {id(t): _leaf(t) for t in named.values()} if values else {}
    # Of leaves that want gradients their copies go in, so that the network may write into them.
    twins = {key: leaf.clone() if leaf.requires_grad else leaf for key, leaf in leaves.items()}
    with undisturbed(model), enable_grad() if values else contextlib.nullcontext():
        handle = register_module_forward_hook(recorder.returns)
        try:
            recorder.begin({name: twins.get(id(t), t) for name, t in named.items()})
            STATE.tracer = recorder
            with guard or contextlib.nullcontext():
                output = model(*_with(inputs, twins), **_with(keywords, twins))
            recorder.outputs = recorder.named("output", output)
            if loss is not None:
                recorder.targets = recorder.named("target", targets[0] if len(targets) == 1 else targets)
                output = _measured(recorder, loss, output, targets)
            STATE.tracer = None
            if values:
                _differentiate(recorder, model, output, {name: leaves[id(t)] for name, t in named.items()})
        finally:
            STATE.tracer = before
            handle.remove()
            recorder.undo()
    return recorder


def _measured(recorder: Recorder, loss: Callable, output: Any, targets: tuple) -> Tensor:
    recorder.measuring = True
    if not isinstance(loss, Module):
        recorder.open("loss", loss)
    result = loss(output, *targets)
    recorder.loss = recorder.read(result)
    return result


def _differentiate(recorder: Recorder, model: Any, output: Any, inputs: dict[str, Tensor]) -> None:
    """Send gradients back from what is differentiable in the output, through the recorder's hooks."""
    roots = [t for t in named_tensors(output).values() if t.requires_grad]
    constants = {v: t for v, (_, t) in recorder.found.items() if isinstance(t, Tensor) and t.node is None}
    variables = dict(recorder.inputs)
    asked = [(variables[name], t) for name, t in inputs.items()] + list(constants.items())
    asked = [(variable, t) for variable, t in asked if t.requires_grad]
    if roots and asked:
        ones = [wrap(np.ones_like(t.array)) for t in roots]
        found = grad(roots, [t for _, t in asked], ones, allow_unused=True)
        recorder.gradients |= {v: g.array for (v, _), g in zip(asked, found, strict=True) if g is not None}


@contextlib.contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Put back, afterwards, the buffers that a model holds, and the place in the stream of random numbers."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    held = [(module, dict(module._buffers)) for module in modules]
    generator = current_generator()
    state = generator.get_state()
    try:
        yield
    finally:
        generator.set_state(state)
        for module, buffers in held:
            for name, buffer in buffers.items():
                if module._buffers.get(name) is not buffer:
                    module._buffers[name] = buffer


# -- tensors and their names --------------------------------------------------------------------------------------------


def named_tensors(value: Any, names: list[str] | None = None, name: str = "") -> dict[str, Tensor]:
    """Return the tensors in nested lists, tuples and mappings, each under its place: ``x``, ``states[0]``, ``out.key``.

    >>> import tapegrad as tg
    >>> list(named_tensors({"a": tg.ones(1), "b": [tg.ones(1), 3]}))
    ['a', 'b[0]']
    """
    if isinstance(value, Tensor):
        return {name: value}
    found: dict[str, Tensor] = {}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= named_tensors(item, None, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            found |= named_tensors(item, None, names[i] if names else f"{name}[{i}]")
    return found


def kind_of(module: Any) -> str:
    """Return the name of a module's class, or of a function."""
    if isinstance(module, Module) or not hasattr(module, "__name__"):
        return type(module).__name__
    return module.__name__


def _with(value: Any, twins: dict[int, Tensor]) -> Any:
    """Return nested values with tensors replaced by their twins."""
    if isinstance(value, Tensor):
        return twins.get(id(value), value)
    if isinstance(value, dict):
        return {key: _with(item, twins) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_with(item, twins) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _leaf(t: Tensor) -> Tensor:
    leaf = wrap(t.array)
    leaf.requires_grad = t.array.dtype.kind in "fc"
    return leaf


def _argument_names(model: Any, count: int) -> list[str]:
    """Return what the model's function calls its arguments."""
    try:
        parameters = list(inspect.signature(getattr(model, "forward", model)).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"input{i}" for i in range(count)]


def _paths(model: Any) -> dict[int, list[str]]:
    """Return the paths under which a model holds each module, by id."""
    paths: dict[int, list[str]] = {}
    if isinstance(model, Module):
        for path, module in model.named_modules(remove_duplicate=False):
            paths.setdefault(id(module), []).append(path)
    return paths


def _root(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory this is a view of."""
    return array.base if isinstance(array.base, np.ndarray) else array
