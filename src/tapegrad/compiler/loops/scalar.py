"""What an elementwise kernel does to one element, found by running the kernel on symbols.

A kernel names its array module and computes with its arguments alone, so it runs just as well on symbols, which write
down what becomes of them. A kernel that wants to see a value, or the whole array, is none of one element's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .ufuncs import EXPRESSIONS, FUNCTIONS, literal_of

__all__ = ["NotScalar", "Term", "converted", "named_number", "number", "operand", "scalar"]


class NotScalar(Exception):
    """A kernel does not come down to an expression of single elements."""


class Term:
    """An expression: ``template`` with the expressions of its operands put in. ``dtype`` None: a Python number."""

    __slots__ = ("dtype", "operands", "template", "weak")

    def __init__(self, template: str, operands: tuple[Term, ...], dtype: np.dtype | None, weak: Any = None):
        self.template = template
        self.operands = operands
        self.dtype = dtype
        # A Python number's type, or its value where that is known.
        self.weak = weak


def operand(name: str, dtype: np.dtype) -> Term:
    """Return the term of an array's element."""
    return Term(name, (), dtype)


def number(value: Any) -> Term:
    """Return the term of a number: a Python number, whose dtype adapts itself, or one of NumPy's."""
    if isinstance(value, np.generic):
        return Term(literal_of(value, value.dtype), (), value.dtype)
    if not isinstance(value, (bool, int, float)):
        raise NotScalar
    return Term(repr(value), (), None, value)


def named_number(name: str) -> Term:
    """Return the term of a Python number of which only the name is known."""
    return Term(name, (), None, float)


def converted(term: Term, dtype: np.dtype) -> Term:
    """Return a term in another dtype."""
    # To NumPy None is float64.
    if term.dtype is not None and term.dtype == dtype:
        return term
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or dtype == np.float16:
        raise NotScalar
    if term.dtype is None and not isinstance(term.weak, type):
        try:
            return Term(literal_of(term.weak, dtype), (), dtype)
        except (OverflowError, ValueError):
            raise NotScalar from None
    if dtype.kind == "b":
        return Term("{0} != 0", (term,), dtype)
    return Term(f"np.{dtype.name}({{0}})", (term,), dtype)


def _applied(ufunc: np.ufunc, terms: list[Term]) -> Term:
    kinds = [t.dtype if t.dtype is not None else _weak_type(t) for t in terms]
    try:
        *loop, result = ufunc.resolve_dtypes((*kinds, None))  # type: ignore[attr-defined]
    except TypeError:
        raise NotScalar from None
    kind = "i" if loop[0].kind in "iu" else loop[0].kind
    template = FUNCTIONS.get((ufunc.__name__, loop[0].name)) or EXPRESSIONS.get(kind, {}).get(ufunc.__name__)
    if template is None or any(d != loop[0] for d in loop) or loop[0] == np.float16:
        raise NotScalar
    dtype = loop[0]
    constants = {"zero": literal_of(0, dtype), "one": literal_of(1, dtype), "infinity": "np.inf"}
    for name, text in constants.items():
        template = template.replace(f"{{{name}}}", text)
    term = Term(template, tuple(converted(t, dtype) for t in terms), result)
    if result.kind in "iu" and result.itemsize < 8:
        # Numba widens small integers.
        term = Term(f"np.{result.name}({{0}})", (term,), result)
    return term


def _weak_type(term: Term) -> type:
    kind = term.weak if isinstance(term.weak, type) else type(term.weak)
    return int if kind is bool else kind


class Symbol:
    """What stands for an array in a kernel: an element whose term changes when the kernel writes to the array."""

    shape = ()
    ndim = 0
    size = 1
    flags = None
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: Term | None, dtype: np.dtype | None = None):
        self.term = term
        if term is not None and term.dtype is not None:
            dtype = term.dtype
        if dtype is not None:
            # A Python number has no dtype: kernels tell them apart by that.
            self.dtype = dtype
            self.itemsize = dtype.itemsize

    def __getattr__(self, name: str) -> Any:
        if name in ("dtype", "itemsize"):
            raise AttributeError(name)
        raise NotScalar

    def __bool__(self) -> bool:
        raise NotScalar

    __float__ = __int__ = __index__ = __len__ = __iter__ = __getitem__ = __bool__  # type: ignore[assignment]

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        return Symbol(converted(_term(self), np.dtype(dtype)))

    def copy(self) -> Symbol:
        return Symbol(_term(self))

    def clip(self, low: Any, high: Any, out: Any = None) -> Symbol:
        return _call(np.minimum, (_call(np.maximum, (self, low)), high), out)

    def __setitem__(self, place: Any, value: Any) -> None:
        term = converted(_term(value), self.dtype)
        if isinstance(place, Symbol):
            term = Term("{1} if {0} else {2}", (converted(_term(place), np.dtype(bool)), term, _term(self)), self.dtype)
        elif place is not Ellipsis and place != ():
            raise NotScalar
        self.term = term


def _term(value: Any) -> Term:
    if isinstance(value, Symbol):
        if value.term is None:
            raise NotScalar
        return value.term
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return number(value)


def _call(ufunc: np.ufunc, args: tuple, out: Any = None, dtype: Any = None) -> Symbol:
    terms = [_term(a) for a in args]
    term = _applied(ufunc, terms if dtype is None else [converted(t, np.dtype(dtype)) for t in terms])
    if out is None:
        return Symbol(term)
    out.term = converted(term, out.dtype)
    return out


def _operator(ufunc: np.ufunc, reflected: bool = False, inplace: bool = False) -> Any:
    def method(self: Symbol, *others: Any) -> Symbol:
        args = (*others, self) if reflected else (self, *others)
        return _call(ufunc, args, self if inplace else None)

    return method


for _name, _ufunc in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "pow": np.power,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}.items():
    setattr(Symbol, f"__{_name}__", _operator(_ufunc))
    setattr(Symbol, f"__r{_name}__", _operator(_ufunc, reflected=True))
    setattr(Symbol, f"__i{_name}__", _operator(_ufunc, inplace=True))
for _name, _ufunc in {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "neg": np.negative,
    "pos": np.positive,
    "abs": np.absolute,
    "invert": np.invert,
}.items():
    setattr(Symbol, f"__{_name}__", _operator(_ufunc))


class _Module:
    """What stands for NumPy in a kernel."""

    __name__ = "symbols"

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        if isinstance(value, np.ufunc):
            return lambda *args, out=None, dtype=None: _call(value, args, out, dtype)
        if isinstance(value, (type, float, type(None))) or name in ("errstate", "dtype"):
            return value
        raise NotScalar

    @staticmethod
    def where(condition: Any, x: Any, y: Any) -> Symbol:
        dtype = _Module.result_type(x, y)
        terms = (converted(_term(condition), np.dtype(bool)), converted(_term(x), dtype), converted(_term(y), dtype))
        return Symbol(Term("{1} if {0} else {2}", terms, dtype))

    @staticmethod
    def result_type(*values: Any) -> np.dtype:
        terms = [_term(v) for v in values if isinstance(v, Symbol) or not isinstance(v, (type, str, np.dtype))]
        known = [v for v in values if not isinstance(v, Symbol) and isinstance(v, (type, str, np.dtype))]
        return np.result_type(*(t.dtype if t.dtype is not None else _weak_type(t)(1) for t in terms), *known)

    @staticmethod
    def asarray(value: Any, dtype: Any = None) -> Any:
        if dtype is None:
            return value if isinstance(value, Symbol) else Symbol(number(np.asarray(value)[()]))
        return Symbol(converted(_term(value), np.dtype(dtype)))

    @staticmethod
    def clip(x: Any, low: Any, high: Any, out: Any = None) -> Symbol:
        return x.clip(low, high, out)

    @staticmethod
    def empty(shape: Any, dtype: Any = float) -> Symbol:
        if shape != ():
            raise NotScalar
        return Symbol(None, np.dtype(dtype))

    @staticmethod
    def empty_like(x: Any, dtype: Any = None) -> Symbol:
        return Symbol(None, np.dtype(dtype or x.dtype))

    @staticmethod
    def full_like(x: Any, value: Any, dtype: Any = None) -> Symbol:
        return Symbol(converted(_term(value), np.dtype(dtype or x.dtype)))

    @staticmethod
    def zeros_like(x: Any, dtype: Any = None) -> Symbol:
        return _Module.full_like(x, 0, dtype)

    @staticmethod
    def ones_like(x: Any, dtype: Any = None) -> Symbol:
        return _Module.full_like(x, 1, dtype)

    @staticmethod
    def broadcast(*values: Any) -> Symbol:
        return Symbol(None)

    @staticmethod
    def copyto(out: Any, value: Any, casting: str = "same_kind") -> None:
        out.term = converted(_term(value), out.dtype)


_MODULE = _Module()


def scalar(kernel: Any, arguments: list[Any], keywords: dict[str, Any]) -> Term:
    """Return the term that a kernel makes of its arguments: terms for arrays, else plain values. Raises NotScalar."""
    symbols = [Symbol(a) if isinstance(a, Term) else a for a in arguments]
    given = {name: Symbol(a) if isinstance(a, Term) else a for name, a in keywords.items()}
    try:
        result = kernel(_MODULE, *symbols, **given)
    except Exception as error:
        # A kernel that expects more of an array than a symbol is fails in ways of its own.
        raise NotScalar from error
    if isinstance(result, Symbol) and result.term is not None and result.term.dtype is not None:
        return result.term
    raise NotScalar
