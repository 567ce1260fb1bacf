"""The registry of primitives: one place for an operation's kernel, gradient rule, formula, docstring and samples.

Everything else reads :data:`REGISTRY`: the engine the rules, the compiler the kernels, the docs the formulas, the
tests the samples. Rules and the engine reach operations as attributes of :data:`ops`, so that the files of ``ops/``
need not import each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import MissingAttributeError, UsageError, did_you_mean
from .dispatch import apply
from .parameters import parameters
from .plan import ComplexPlan, Plan, rule_fields

__all__ = ["REGISTRY", "Array", "ErrorSample", "Primitive", "Sample", "ops", "primitive"]

REGISTRY: dict[str, Primitive] = {}

# NumPy's words for PyTorch's arguments, and PyTorch's for one argument that has another name in each of its forms.
ALIASES = {
    "axis": "dim",
    "axes": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "a": "input",
    "A": "input",
    "input": "A",
    "exponent": "other",
    "sections": "indices_or_sections",
    "indices": "indices_or_sections",
    "tensor_indices_or_sections": "indices_or_sections",
    "split_size": "split_size_or_sections",
    "element": "elements",
    "test_element": "test_elements",
}


# The default of a keyword that has none.
MISSING: Any = object()


class _Operations:
    """The primitives as attributes: ``ops.exp(x)``."""

    def __getattr__(self, name: str) -> Primitive:
        raise MissingAttributeError("ops", f"there is no primitive '{name}'", did_you_mean(name, REGISTRY))


ops: Any = _Operations()


class Array:
    """A test input: shape, range and dtype of an array drawn uniformly; ``dtype`` None means the test's own float dtype."""

    def __init__(self, *shape: int, low: float = -2.0, high: float = 2.0, dtype: Any = None, distinct: bool = False):
        self.shape = shape
        self.low = low
        self.high = high
        self.dtype = dtype
        self.distinct = distinct

    def draw(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        """Return the array."""
        if self.dtype is not None and np.dtype(self.dtype).kind in "iu":
            return rng.integers(int(self.low), int(self.high), self.shape).astype(self.dtype)
        if self.dtype is not None and np.dtype(self.dtype).kind == "b":
            return rng.random(self.shape) < 0.5
        if self.dtype is not None and np.dtype(self.dtype).kind == "c":
            parts = rng.uniform(self.low, self.high, (2, *self.shape))
            return np.asarray(parts[0] + 1j * parts[1], dtype=self.dtype)
        if self.distinct:
            values = np.linspace(self.low, self.high, int(np.prod(self.shape)))
            return rng.permutation(values).reshape(self.shape).astype(self.dtype or dtype)
        return np.asarray(rng.uniform(self.low, self.high, self.shape), dtype=self.dtype or dtype)


class Sample:
    """One call to test a primitive with: a tuple stands for an array of that shape, an :class:`Array` for a particular one."""

    def __init__(self, *inputs: Any, **keywords: Any):
        self.inputs = inputs
        self.keywords = keywords

    def draw(self, rng: np.random.Generator, dtype: Any = np.float64) -> list:
        """Return the inputs: arrays, numbers or None."""
        return [_draw(item, rng, dtype) for item in self.inputs]


def _draw(item: Any, rng: np.random.Generator, dtype: Any) -> Any:
    if isinstance(item, tuple):
        item = Array(*item)
    return item.draw(rng, dtype) if isinstance(item, Array) else item


class ErrorSample(Sample):
    """One call that must fail: ``kind`` is the exception, ``match`` a part of its message."""

    def __init__(self, kind: type[Exception], match: str, *inputs: Any, **keywords: Any):
        super().__init__(*inputs, **keywords)
        self.kind = kind
        self.match = match


class Primitive:
    """An operation that the engine knows. Made by the :func:`primitive` decorator; called like the function it wraps."""

    def __init__(
        self,
        kernel: Callable,
        *,
        vjp: Any,
        formula: str,
        derivative: str,
        onnx: str | None,
        samples: Callable[[], Iterable[Sample]],
        errors: Callable[[], Iterable[ErrorSample]],
        elementwise: bool,
        promote: str | None,
        view: bool,
        signature: str | None,
        torch: str | None,
        random: bool,
        fixed: int,
        dynamic: bool,
        holomorphic: bool,
    ):
        self.name = kernel.__name__
        self.kernel = kernel
        self.vjp = vjp
        self.formula = formula
        self.derivative = derivative
        self.onnx = onnx
        self.samples = samples
        self.errors = errors
        self.elementwise = elementwise
        self.promote = promote or ("common" if elementwise else None)
        self.view = view
        self.torch = torch if torch is not None else self.name
        self.random = random
        self.fixed = fixed
        self.dynamic = dynamic
        self.holomorphic = holomorphic
        self._read_signature(kernel, signature)
        self.rules = rule_fields(self)
        self._plans: dict[int, Plan] = {}
        self._complex_plans: dict[tuple[int, int], ComplexPlan] = {}
        self.__name__ = self.__qualname__ = self.name
        self.__module__ = kernel.__module__
        self.__doc__ = kernel.__doc__
        self.__wrapped__ = kernel

    def _read_signature(self, kernel: Callable, signature: str | None) -> None:
        known = parameters(kernel)
        arrays = known.positional[1:]
        self.variadic = known.rest is not None
        self.inputs = (*arrays, known.rest) if known.rest is not None else arrays
        self.optional = {name: known.defaults[name] for name in arrays if name in known.defaults}
        self.takes_out = "out" in known.keywords
        self.keywords = {name: known.defaults.get(name, MISSING) for name in known.keywords if name != "out"}
        self.required = any(default is MISSING for default in self.keywords.values())
        order = [w.strip() for w in signature.split(",")] if signature else [*self.inputs, *self.keywords]
        self.star = order[-1][1:] if order and order[-1].startswith("*") else None
        self.order = [w.lstrip("*") for w in order]
        self.arrays_first = tuple(self.order[: len(self.inputs)]) == self.inputs
        # A rule gives the arrays in the kernel's order, and by name what the signature puts between them.
        self.between = {w for w in self.order if w not in self.inputs}
        self.simple = not self.keywords and not self.variadic and signature is None

    def __repr__(self) -> str:
        return f"<primitive {self.name}({', '.join(self.order)})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or not self.simple or len(args) != len(self.inputs):
            if "out" in kwargs:
                return self._into(kwargs.pop("out"), args, kwargs)
            args, kwargs = self.bind(args, kwargs)
        return apply(self, args, kwargs)

    def _into(self, out: Any, args: tuple, kwargs: dict) -> Any:
        """Call with the result written into the tensors given as ``out``, unless that is None."""
        from .given import write_given

        result = self(*args, **kwargs)
        return result if out is None else write_given(self.name, out, result, (*args, *kwargs.values()))

    def bind(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Return a call's arrays and its keywords, every default filled in.

        Raises UsageError for an unknown, a missing or a doubled argument.
        """
        if self.variadic:
            return self._bind_variadic(args, kwargs)
        if not kwargs and not self.required and len(args) == len(self.inputs) and self.arrays_first:
            return args, dict(self.keywords)
        if len(args) == len(self.inputs) and (
            kwargs.keys() <= self.keywords.keys() if self.arrays_first else self.between <= kwargs.keys()
        ):
            return args, self._fill(kwargs)
        if self.star and len(args) >= len(self.order):
            place = len(self.order) - 1
            rest = args[place:]
            args = (*args[:place], rest[0] if len(rest) == 1 and isinstance(rest[0], (tuple, list)) else rest)
        if len(args) > len(self.order):
            raise UsageError(
                self.name, f"takes {len(self.order)} arguments, got {len(args)}", f"they are {', '.join(self.order)}"
            )
        values = dict(zip(self.order, args, strict=False))
        for name, value in kwargs.items():
            known = str(name if name in self.order else ALIASES.get(name, name))
            if known in values:
                raise UsageError(self.name, f"argument '{known}' is given twice", "give it once")
            values[known] = value
        inputs = []
        for name in self.inputs:
            if name in values:
                inputs.append(values.pop(name))
            elif name in self.optional:
                inputs.append(self.optional[name])
            else:
                raise UsageError(
                    self.name, f"argument '{name}' is missing", f"the arguments are {', '.join(self.order)}"
                )
        return tuple(inputs), self._fill(values)

    def _bind_variadic(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Bind a call whose arrays may come as one list, as in ``cat([a, b], 1)``: keywords follow the list."""
        kwargs = dict(kwargs)
        if len(self.inputs) == 1 and self.inputs[0] in kwargs:
            args = (kwargs.pop(self.inputs[0]), *args)
        if len(self.inputs) == 1 and args and isinstance(args[0], (list, tuple)):
            kwargs.update(zip(self.order[1:], args[1:], strict=False))
            args = tuple(args[0])
        return args, self._fill(kwargs)

    def _fill(self, values: dict) -> dict:
        keywords = dict(self.keywords)
        for given, value in values.items():
            name = given if given in keywords else ALIASES.get(given, given)
            if name not in keywords:
                raise UsageError(self.name, f"there is no argument '{given}'", did_you_mean(given, self.order))
            keywords[name] = tuple(value) if type(value) is list else value
        for name, value in keywords.items() if self.required else ():
            if value is MISSING:
                raise UsageError(
                    self.name, f"argument '{name}' is missing", f"the arguments are {', '.join(self.order)}"
                )
        return keywords

    def plan(self, mask: int) -> Plan:
        """Return what to save and which rules to run when the inputs whose bits are set want gradients."""
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = Plan(self, mask)
        return plan

    def complex_plan(self, mask: int, arrays: Iterable) -> ComplexPlan:
        """Return the plan of a call with complex numbers, which asks as well which inputs are real."""
        real = sum(1 << i for i, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind != "c")
        plan = self._complex_plans.get((mask, real))
        if plan is None:
            plan = self._complex_plans[mask, real] = ComplexPlan(self, mask, real)
        return plan


def _none() -> tuple:
    return ()


def primitive(
    *,
    vjp: Any = None,
    formula: str = "",
    derivative: str = "",
    onnx: str | None = None,
    samples: Callable[[], Iterable[Sample]] = _none,
    errors: Callable[[], Iterable[ErrorSample]] = _none,
    elementwise: bool = False,
    promote: str | None = None,
    view: bool = False,
    signature: str | None = None,
    torch: str | None = None,
    random: bool = False,
    fixed: int = 0,
    dynamic: bool = False,
    holomorphic: bool = True,
    methods: str = "",
    inplace: bool = False,
) -> Callable[[Callable], Primitive]:
    """Register a kernel as a primitive.

    ``vjp``: the gradient rule. Either a tuple with one function per input (None where there is no gradient), each
    returning the gradient of its input, or one function returning the tuple of all. The names of its parameters say
    what is saved: ``g`` (the gradient of the output, always first), an input by name, ``out``, ``<input>_shape``,
    ``<input>_dtype``, a keyword, ``needs`` (which inputs want a gradient), or ``unchanged_out`` (the output, None when it
    was written into since).
    ``elementwise``: inputs broadcast against each other, and the engine undoes that in the gradients.
    ``promote``: ``"common"`` brings the inputs to their common dtype, ``"float"`` makes that a floating one, ``"same"``
    refuses inputs of different dtypes, None takes them as they are.
    ``fixed``: how many leading inputs (a condition, say) keep their dtype and are left out of that.
    ``view``: the output may share memory with the first input.
    ``signature``: the public order of arguments when it is not arrays first; a last ``*name`` takes the rest.
    A kernel without arrays (``full``, ``randn``) makes a Tensor. ``random``: it draws from a ``generator`` keyword.
    ``dynamic``: the shape of the output depends on values, so that no program can be made of it.
    ``holomorphic``: for complex inputs the rule, written as for real ones, multiplies by the derivative, and the engine
    conjugates around it; with False (``abs``, ``real``) the rule gives PyTorch's gradient by itself.
    ``torch``: the dotted name under ``torch`` of the function to compare with; ``""`` when there is none.
    ``methods``: the names under which Tensor gets it as a method, separated by blanks. ``inplace`` adds ``exp_`` for
    ``exp`` and ``__iadd__`` for ``__add__``.
    """

    def register(kernel: Callable) -> Primitive:
        from .methods import install

        new = Primitive(
            kernel,
            vjp=vjp,
            formula=formula,
            derivative=derivative,
            onnx=onnx,
            samples=samples,
            errors=errors,
            elementwise=elementwise,
            promote=promote,
            view=view,
            signature=signature,
            torch=torch,
            random=random,
            fixed=fixed,
            dynamic=dynamic,
            holomorphic=holomorphic,
        )
        if new.name in REGISTRY:
            raise UsageError("primitive", f"'{new.name}' is registered already", "choose another name")
        REGISTRY[new.name] = new
        setattr(ops, new.name, new)
        install(new, methods.split(), inplace)
        return new

    return register
