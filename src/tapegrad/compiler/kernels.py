"""A kernel's source as lines of a program: arguments put in, what is known beforehand worked out.

A kernel says what an operation does for all shapes and dtypes. In a program these are known, so the branches that they
decide are gone, and what is left of most kernels is one line of NumPy.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import math
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Binding", "Fact", "NotInlinable", "NumberFact", "inline", "literal", "literal_text"]


class NotInlinable(Exception):
    """The kernel has control flow that is not known beforehand: it must be called."""


class Unknown(Exception):
    """An expression depends on values that are not known beforehand."""


class _Untold:
    """Something whose value is not known beforehand: to ask for it raises Unknown."""

    def __bool__(self) -> bool:
        raise Unknown

    def __eq__(self, other: object) -> bool:
        raise Unknown

    __hash__ = object.__hash__


class Fact(_Untold):
    """What is known of an array beforehand."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)
        self.size = math.prod(shape)
        self.itemsize = dtype.itemsize
        self.nbytes = self.size * dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]


class NumberFact(_Untold):
    """What is known of a Python number beforehand: that it is one."""


class Binding:
    """An argument: its source text, and its value or what is known of it."""

    def __init__(self, text: str, fact: Any):
        self.text = text
        self.fact = fact


def _type(value: Any) -> type:
    return np.ndarray if isinstance(value, Fact) else float if isinstance(value, NumberFact) else type(value)


_SAFE = {**vars(builtins), "type": _type, "isinstance": lambda value, kinds: issubclass(_type(value), kinds)}


def literal(value: Any) -> ast.expr:
    """Return a value as source. Raises Unknown for what has none."""
    return ast.parse(literal_text(value), mode="eval").body


def literal_text(value: Any) -> str:
    """Return the source text of a number, a name, a dtype, or a tuple of such. Raises Unknown for anything else."""
    if isinstance(value, np.dtype):
        return f"np.{value.name if value.kind != 'b' else 'bool_'}" if value.kind in "fiubc" else _unknown()
    if isinstance(value, type) and issubclass(value, np.generic):
        return literal_text(np.dtype(value))
    if isinstance(value, np.bool_):
        return repr(bool(value))
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({literal_text(value.item())})"
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, str)):
        return "..." if value is Ellipsis else repr(value)
    if isinstance(value, slice):
        return f"slice({', '.join(literal_text(v) for v in (value.start, value.stop, value.step))})"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(literal_text(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    return _unknown()


def _unknown() -> str:
    raise Unknown


@functools.cache
def _body(kernel: Any) -> tuple[list[ast.stmt], list[str]]:
    function = ast.parse(textwrap.dedent(inspect.getsource(kernel))).body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    names = [a.arg for a in (*arguments.args, *arguments.kwonlyargs)]
    if arguments.vararg:
        names.append(arguments.vararg.arg)
    return function.body, names


def inline(
    kernel: Any, bindings: dict[str, Binding], local: Callable[[str], str], helper: Callable[[str, Any], str]
) -> tuple[list[str], str]:
    """Return lines that do what a kernel does, and the expression of its result.

    ``bindings``: the arguments by name, ``out`` among them where the result is to be written somewhere. ``local``
    names variables of the kernel's own; ``helper`` is told of functions that it calls, and names them.
    Raises NotInlinable.
    """
    body, names = _body(kernel)
    if not set(names) - {"xp"} <= set(bindings):
        raise NotInlinable("arguments are missing")
    inliner = _Inliner(kernel.__globals__, bindings, local, helper)
    result = inliner.block(body)
    if result is None:
        raise NotInlinable("the kernel returns nothing")
    return inliner.lines, ast.unparse(ast.fix_missing_locations(result))


_UFUNCS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "true_divide",
    ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or",
    ast.BitXor: "bitwise_xor",
}


class _Inliner:
    def __init__(self, namespace: dict[str, Any], bindings: dict[str, Binding], local: Any, helper: Any):
        self.namespace = namespace
        self.local = local
        self.helper = helper
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {"xp": np, **{name: b.fact for name, b in bindings.items()}}
        self.names: dict[str, ast.expr] = {name: ast.parse(b.text, mode="eval").body for name, b in bindings.items()}
        self.given = {node.id for node in self.names.values() if isinstance(node, ast.Name)}
        self.names["xp"] = ast.Name("np")
        self.count = 0

    # -- statements ----------------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt]) -> ast.expr | None:
        """Write the statements; return the expression of the first return that is reached."""
        for statement in body:
            method = getattr(self, "_" + type(statement).__name__.lower(), None)
            if method is None:
                raise NotInlinable(type(statement).__name__)
            result = method(statement)
            if result is not None:
                return result
        return None

    def _return(self, statement: ast.Return) -> ast.expr:
        if statement.value is None:
            raise NotInlinable("a bare return")
        return self.simplify(statement.value)

    def _pass(self, statement: ast.Pass) -> None:
        pass

    def _expr(self, statement: ast.Expr) -> None:
        value = statement.value
        if isinstance(value, ast.Constant):
            return
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id.startswith("_check_"):
            return
        self._write(self.simplify(value))

    def _if(self, statement: ast.If) -> ast.expr | None:
        try:
            answer = bool(self.static(statement.test))
        except Unknown:
            raise NotInlinable("a branch on values") from None
        return self.block(statement.body if answer else statement.orelse)

    def _with(self, statement: ast.With) -> ast.expr | None:
        for item in statement.items:
            call = item.context_expr
            if not (
                isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "errstate"
            ):
                raise NotInlinable("a with statement")
        return self.block(statement.body)

    def _try(self, statement: ast.Try) -> ast.expr | None:
        if statement.orelse or statement.finalbody:
            raise NotInlinable("a try statement")
        return self.block(statement.body)

    def _assign(self, statement: ast.Assign) -> None:
        if len(statement.targets) != 1:
            raise NotInlinable("several targets")
        self._set(statement.targets[0], statement.value)

    def _annassign(self, statement: ast.AnnAssign) -> None:
        if statement.value is not None:
            self._set(statement.target, statement.value)

    def _set(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._set_name(target.id, value)
        elif isinstance(target, ast.Tuple) and all(isinstance(t, ast.Name) for t in target.elts):
            self._set_names([t.id for t in target.elts if isinstance(t, ast.Name)], value)
        elif isinstance(target, ast.Subscript):
            place = ast.Subscript(self.simplify(target.value), self.simplify(target.slice), ast.Store())
            self._write(ast.Assign([place], self.simplify(value), lineno=0))
        else:
            raise NotInlinable("a target")

    def _set_name(self, name: str, value: ast.expr) -> None:
        try:
            known = self.static(value)
            self.names[name] = literal(known)
            self.facts[name] = known
            return
        except Unknown:
            pass
        new = self.simplify(value)
        fact = self._fact_of(value)
        if isinstance(new, ast.Name):
            self.names[name] = new
        else:
            self.names[name] = self._fresh(name)
            self._write(ast.Assign([self.names[name]], new, lineno=0))
        self._learn(name, fact)

    def _set_names(self, names: list[str], value: ast.expr) -> None:
        if isinstance(value, ast.Tuple) and len(value.elts) == len(names):
            if any(name in self.names for name in names):
                raise NotInlinable("names are exchanged")
            for name, element in zip(names, value.elts, strict=True):
                self._set_name(name, element)
            return
        try:
            known = self.static(value)
            literals = [literal(v) for v in known]
        except Unknown:
            new = self.simplify(value)
            fresh = [self._fresh(name) for name in names]
            self._write(ast.Assign([ast.Tuple(list(fresh), ast.Store())], new, lineno=0))
            for name, variable in zip(names, fresh, strict=True):
                self.names[name] = variable
                self.facts.pop(name, None)
            return
        for name, text, fact in zip(names, literals, known, strict=True):
            self.names[name], self.facts[name] = text, fact

    def _augassign(self, statement: ast.AugAssign) -> None:
        target = statement.target
        if isinstance(target, ast.Name):
            if target.id in self.facts and not isinstance(self.facts[target.id], (Fact, NumberFact)):
                self._set_name(target.id, ast.BinOp(ast.Name(target.id), statement.op, statement.value))
                return
            place: Any = self.names.get(target.id)
        elif isinstance(target, ast.Subscript):
            place = ast.Subscript(self.simplify(target.value), self.simplify(target.slice), ast.Store())
        else:
            place = None
        if place is None:
            raise NotInlinable("an augmented assignment")
        if isinstance(place, ast.Name) and place.id in self.given:
            # To Python an assignment would make it a name of the step's own.
            self._write_into(place, statement)
            return
        self._write(ast.AugAssign(place, statement.op, self.simplify(statement.value)))

    def _write_into(self, place: ast.Name, statement: ast.AugAssign) -> None:
        ufunc = _UFUNCS.get(type(statement.op))
        if ufunc is None:
            raise NotInlinable("an augmented assignment")
        function = ast.Attribute(ast.Name("np"), ufunc)
        self._write(ast.Call(function, [place, self.simplify(statement.value)], [ast.keyword("out", place)]))

    def _write(self, node: Any) -> None:
        statement = ast.Expr(node) if isinstance(node, ast.expr) else node
        self.lines.append(ast.unparse(ast.fix_missing_locations(statement)))

    def _fresh(self, name: str) -> ast.Name:
        self.count += 1
        return ast.Name(self.local(name.strip("_")))

    # -- what is known -------------------------------------------------------------------------------------------------

    def static(self, node: ast.expr) -> Any:
        """Return an expression's value where that is known beforehand. Raises Unknown."""
        local = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if any(n in self.names and n not in self.facts for n in local):
            raise Unknown
        try:
            expression = ast.Expression(copy.deepcopy(node))
            code = compile(ast.fix_missing_locations(expression), "<kernel>", "eval")
            value = eval(code, {**self.namespace, "__builtins__": _SAFE, **self.facts})
        except Exception:
            raise Unknown from None
        literal_text(value)
        return value

    def _fact_of(self, node: ast.expr) -> Fact | None:
        """Return what is known of the array that an expression gives, for the few forms that say so."""
        if isinstance(node, ast.Name):
            fact = self.facts.get(node.id)
            return fact if isinstance(fact, Fact) else None
        if isinstance(node, ast.IfExp):
            try:
                return self._fact_of(node.body if self.static(node.test) else node.orelse)
            except Unknown:
                return None
        if isinstance(node, ast.Call) and self._keeps(node):
            assert isinstance(node.func, ast.Attribute)
            return self._fact_of(node.func.value)
        return None

    def _learn(self, name: str, fact: Fact | None) -> None:
        if fact is None:
            self.facts.pop(name, None)
        else:
            self.facts[name] = fact

    def _keeps(self, node: ast.Call) -> bool:
        """Return whether a call is ``x.astype(dtype, copy=False)`` or ``x.reshape(shape)`` that changes nothing."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("astype", "reshape") or not node.args:
            return False
        fact = self._fact_of(node.func.value)
        if fact is None:
            return False
        try:
            if node.func.attr == "astype":
                return bool(node.keywords) and np.dtype(self.static(node.args[0])) == fact.dtype
            sizes = [self.static(a) for a in node.args if not isinstance(a, ast.Starred)]
            sizes += [n for a in node.args if isinstance(a, ast.Starred) for n in self.static(a.value)]
            return tuple(sizes[0] if isinstance(sizes[0], tuple) else sizes) == fact.shape
        except Unknown:
            return False

    # -- expressions ---------------------------------------------------------------------------------------------------

    def simplify(self, node: ast.expr) -> ast.expr:
        """Return an expression with arguments put in and what is known worked out."""
        try:
            return literal(self.static(node))
        except Unknown:
            pass
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.IfExp):
            try:
                return self.simplify(node.body if self.static(node.test) else node.orelse)
            except Unknown:
                pass
        if isinstance(node, ast.Call) and self._keeps(node):
            assert isinstance(node.func, ast.Attribute)
            return self.simplify(node.func.value)
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.NamedExpr)):
            raise NotInlinable(type(node).__name__)
        constant = self._constant_call(node)
        return self._rebuilt(node) if constant is None else constant

    def _constant_call(self, node: ast.expr) -> ast.expr | None:
        """Return the name of what a call of a function that is marked as constant gives, when its arguments are known."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords):
            return None
        function: Any = self.namespace.get(node.func.id)
        if node.func.id in self.names or not getattr(function, "is_constant", False):
            return None
        try:
            values = [np if isinstance(a, ast.Name) and a.id == "xp" else self.static(a) for a in node.args]
        except Unknown:
            return None
        return ast.Name(
            self.helper(
                f"{node.func.id}_{'_'.join(str(v) for v in values[1:] if isinstance(v, int))}", function(*values)
            )
        )

    def _name(self, node: ast.Name) -> ast.expr:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.namespace:
            value = self.namespace[node.id]
            return ast.Name("np" if value is np else self.helper(node.id, value))
        return ast.Name(node.id)

    def _rebuilt(self, node: Any) -> Any:
        fields = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                fields[name] = [self._part(v) for v in value]
            else:
                fields[name] = self._part(value)
        if isinstance(node, ast.Call):
            # An argument that is None is the default: leave ``out=None`` out of what people read.
            fields["keywords"] = [
                k for k in fields["keywords"] if not (k.arg == "out" and isinstance(k.value, ast.Constant))
            ]
        return type(node)(**fields)

    def _part(self, value: Any) -> Any:
        if isinstance(value, ast.expr) and not isinstance(value, ast.Starred):
            return self.simplify(value)
        return self._rebuilt(value) if isinstance(value, (ast.keyword, ast.Starred)) else value
