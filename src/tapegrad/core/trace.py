"""Recording a step as a program: a flat list of equations that can be printed and run again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..array import array_module
from ..errors import ShapeError, TraceError, UsageError
from .graph import STATE, user_line
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["WRITE", "Equation", "Program", "TracedNumber", "Tracer", "Variable", "trace"]


class Variable:
    """A value of a program: its name, shape and dtype."""

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, name: str, array: np.ndarray):
        self.name = name
        self.shape = array.shape
        self.dtype = array.dtype

    def __repr__(self) -> str:
        return self.name

    def describe(self) -> str:
        """Return the name with dtype and shape, e.g. ``v3: float32[4,2]``."""
        return f"{self.name}: {self.dtype}[{','.join(map(str, self.shape))}]"


class Equation:
    """One step of a program: ``outputs = primitive(inputs, keywords)``. ``writes``: the output overwrites a variable."""

    __slots__ = ("inputs", "keywords", "outputs", "primitive", "where", "writes")

    def __init__(self, primitive: Any, inputs: list, outputs: list, keywords: dict, writes: bool, where: str):
        self.primitive = primitive
        self.inputs = inputs
        self.outputs = outputs
        self.keywords = keywords
        self.writes = writes
        self.where = where

    def __str__(self) -> str:
        arguments = [repr(x) for x in self.inputs]
        arguments += [f"{k}={v!r}" for k, v in self.keywords.items()]
        left = ", ".join(repr(o) if self.writes else o.describe() for o in self.outputs)
        return f"{left} {'<-' if self.writes else '='} {self.primitive.name}({', '.join(arguments)})"


class Program:
    """What a traced step does: inputs, constants, equations, outputs. Print it to read it; call it to run it again.

    Constants are the arrays that the step found outside (parameters, buffers): they are used, and written to, in place.
    """

    def __init__(
        self, inputs: list[Variable], constants: dict[Variable, np.ndarray], equations: list[Equation], outputs: Any
    ):
        self.inputs = inputs
        self.constants = constants
        self.equations = equations
        self.outputs = outputs

    def __str__(self) -> str:
        lines = [f"program({', '.join(v.describe() for v in self.inputs)})"]
        lines += [f"  const {v.describe()}" for v in self.constants]
        lines += [f"  {e}" for e in self.equations]
        return "\n".join([*lines, f"  return {self.outputs!r}"])

    __repr__ = __str__

    def __call__(self, *inputs: Any) -> Any:
        """Run the equations on new inputs of the same shapes and dtypes; constants are read from, and written to, their arrays.

        Raises ShapeError for other shapes or dtypes, UsageError for another number of inputs.
        """
        if len(inputs) != len(self.inputs):
            raise UsageError("program", f"{len(inputs)} inputs, traced with {len(self.inputs)}", "pass as many as then")
        env: dict[Variable, Any] = dict(self.constants)
        for variable, value in zip(self.inputs, inputs, strict=True):
            array = value.array if isinstance(value, Tensor) else np.asarray(value)
            if array.shape != variable.shape or array.dtype != variable.dtype:
                raise ShapeError(
                    "program",
                    f"{variable.name} is {array.dtype}{list(array.shape)}, traced as {variable.dtype}{list(variable.shape)}",
                    "trace again for the new shape",
                )
            env[variable] = array
        for equation in self.equations:
            self._run(equation, env)
        return _rebuild(self.outputs, lambda v: wrap(np.asarray(env[v])))

    def _run(self, equation: Equation, env: dict) -> None:
        values = [env[x] if isinstance(x, Variable) else x for x in equation.inputs]
        result = equation.primitive.kernel(array_module(*values), *values, **equation.keywords)
        if equation.writes:
            np.copyto(env[equation.outputs[0]], result, casting="same_kind")
            return
        results = result if isinstance(result, tuple) else (result,)
        env.update(zip(equation.outputs, [np.asarray(r) for r in results], strict=True))


class _Pseudo:
    """A step that is no primitive: it only hands an array on."""

    formula = ""
    random = False

    def __init__(self, name: str, kernel: Callable):
        self.name = name
        self.kernel = kernel


WRITE = _Pseudo("write", lambda xp, target, value: value)


class TracedNumber:
    """A Python number whose arithmetic is written down: ``value`` is what it is now, ``variable`` what it is called."""

    __slots__ = ("value", "variable")

    value: Any
    variable: Variable


class Tracer:
    """Gives each array a name, which it has as long as it lives, and writes down what is done to it.

    The engine tells it what a program alone could not show: what is about to be written to, whose gradient is looked at,
    which module is called, which nodes were differentiated. Here nothing is made of that; the compiler needs it.
    One that ``maps`` runs the kernels itself, over a batch. One that ``watches`` looks on at what runs as it would without.
    """

    maps = False
    watches = False

    def __init__(self, names: dict[int, str]):
        self.names = names
        self.variables: dict[int, Variable] = {}
        # An array that nobody holds any longer takes its name along: its memory is free, and its id may be another's.
        self._lives: dict[int, weakref.ref] = {}
        self.constants: dict[Variable, np.ndarray] = {}
        self.equations: list[Equation] = []
        self.count = 0

    def new(self, array: np.ndarray, name: str = "") -> Variable:
        self.count += 1
        variable = Variable(name or f"v{self.count}", array)
        key = id(array)
        self.variables[key] = variable
        self._lives[key] = weakref.ref(array, lambda _: self._dies(key))
        return variable

    def _dies(self, key: int) -> None:
        self.variables.pop(key, None)
        self._lives.pop(key, None)

    def read(self, value: Any) -> Any:
        """Return the variable of an array, made a constant when it comes from outside; other values as they are."""
        array = value.array if isinstance(value, Tensor) else value
        if not isinstance(array, np.ndarray):
            return value.variable if isinstance(value, TracedNumber) else value
        variable = self.variables.get(id(array))
        if variable is None:
            variable = self.new(array, self.names.get(id(array), ""))
            self.constants[variable] = array
        return variable

    def run(self, primitive: Primitive, inputs: tuple, arrays: list, keywords: dict) -> Any:
        """Return a kernel's result, for a tracer that maps."""
        raise NotImplementedError

    def holds(self, array: np.ndarray) -> bool:
        """Return whether an array stands for more than its own values."""
        return True

    def record(self, primitive: Primitive, inputs: tuple, out: Any, keywords: dict) -> None:
        """Write down one call of a primitive."""
        read = [self.read(x) for x in inputs]
        outputs = out if isinstance(out, tuple) else (out,)
        held = self.variables.get(id(outputs[0].array))
        if held is not None and len(outputs) == 1:
            self._append(primitive, read, [held], keywords, held in read)
            return
        self._append(primitive, read, [self.new(o.array) for o in outputs], keywords, False)

    def record_write(self, target: Tensor, result: Tensor) -> None:
        """Write down that a result was copied into a tensor's memory."""
        variable = self.read(target)
        self._append(WRITE, [variable, self.read(result)], [variable], {}, True)

    def _append(self, primitive: Any, inputs: list, outputs: list, keywords: dict, writes: bool) -> None:
        self.equations.append(Equation(primitive, inputs, outputs, keywords, writes, user_line()))

    def refuse(self, who: str, what: str, fix: str) -> None:
        """Something happens that a program cannot repeat. Raises TraceError."""
        raise TraceError(who, what, fix)

    def before_write(self, target: Tensor) -> None:
        """A tensor's memory is about to be written to."""

    def looks_at_gradient(self, leaf: Tensor) -> None:
        """``leaf.grad`` is about to be read, or added to."""

    def replaces_gradient(self, leaf: Tensor) -> None:
        """``leaf.grad`` is about to be set, whatever it was."""

    def enters(self, module: Any) -> None:
        """A module's forward pass begins."""

    def leaves(self, module: Any) -> None:
        """A module's forward pass is over."""

    def differentiates(self, node: Any, g: Any) -> None:
        """A gradient is about to go through a node."""

    def cuts(self, how: str, source: Any, out: Any) -> None:
        """The tensor ``out`` has the values of another, and is on no tape."""

    def walks(self, roots: list) -> None:
        """One that watches: gradients are about to be sent from these pairs of tensor and gradient."""

    def differentiated(self, node: Any, g: Any, grads: list) -> None:
        """One that watches: the gradient of a node's output gave these of its inputs."""

    def updates(self, optimizer: Any) -> bool:
        """An optimizer is about to step; return whether that has been done here."""
        return False

    def postpones(self, call: Callable[[], Any], arguments: tuple) -> bool:
        """A learning-rate schedule is about to step, which is Python's work; return whether it will be called later."""
        return False


def trace(
    function: Any = None, *inputs: Tensor, names: dict[str, Tensor] | None = None, input: Tensor | None = None
) -> Any:
    """Run ``function(*inputs)`` once and return what it did as a :class:`Program`: forward, backward and updates alike.

    ``names`` (for instance ``dict(model.named_parameters())``) name the constants. Raises TraceError when the function
    reads a value into Python, which a program could not repeat, and when one tensor is given as two inputs.
    Given a matrix instead of a function (or by the name of ``input``), it returns the sum of the diagonal, as ``torch.trace`` does.

    >>> import tapegrad as tg
    >>> print(tg.trace(lambda x: (x * x).sum(), tg.ones(3)))
    program(x0: float32[3])
      v2: float32[3] = mul(x0, x0)
      v3: float32[] = sum(v2, dim=None, keepdim=False)
      return v3
    """
    function = function if input is None else input
    if isinstance(function, Tensor):
        return function.trace()
    if STATE.tracer is not None:
        raise TraceError("trace", "a trace is running already", "trace the outer function only")
    tracer = Tracer({id(t.array): name for name, t in (names or {}).items()})
    variables = []
    for i, t in enumerate(inputs):
        if id(t.array) in tracer.variables:
            first = tracer.variables[id(t.array)]
            raise TraceError("trace", f"inputs {first} and x{i} are the same tensor", "clone() one of them")
        variables.append(tracer.new(t.array, f"x{i}"))
    STATE.tracer = tracer
    try:
        result = function(*inputs)
        outputs = _rebuild(result, tracer.read)
    finally:
        STATE.tracer = None
    return Program(variables, tracer.constants, tracer.equations, outputs)


def _rebuild(value: Any, leaf: Callable) -> Any:
    if isinstance(value, dict):
        return {k: _rebuild(v, leaf) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        items = [_rebuild(v, leaf) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return leaf(value) if isinstance(value, (Tensor, Variable)) else value
