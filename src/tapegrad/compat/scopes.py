"""Reading a script's syntax: what its names stand for, and where names of PyTorch are used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .names import FAMILY

__all__ = ["Reader", "Use"]

_OURS = ("torch", "torchvision", *FAMILY)
_FORGIVING = {"ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "Exception", "BaseException"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Use(NamedTuple):
    """A name of PyTorch at a line.

    ``method``: of a tensor, as far as the name can tell; ``module``: what is imported as one; ``keyword``: the argument
    that is given by name; ``guarded``: within a ``try`` that goes on when the name is missing.
    """

    name: str
    line: int
    guarded: bool
    method: bool = False
    module: bool = False
    keyword: str | None = None


class Reader(ast.NodeVisitor):
    """Goes through a syntax tree and collects ``uses``."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self._names: dict[str, str] = {}
        self._imported: set[str] = set()
        self._hidden: list[dict[str, int]] = []
        self._guards = 0

    def visit_Module(self, node: ast.Module) -> None:
        # A name that is assigned at the top stands for something else from there on.
        self._hidden.append(dict(_assigned(node)))
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            bound = alias.asname or root
            self._imported.add(bound)
            if root in _OURS:
                self._use(alias.name, node, module=True)
                self._names[bound] = alias.name if alias.asname else root

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        ours = node.level == 0 and module.partition(".")[0] in _OURS
        if ours:
            self._use(module, node, module=True)
        for alias in node.names:
            self._imported.add(alias.asname or alias.name)
            if ours and alias.name != "*":
                self._use(f"{module}.{alias.name}", node)
                self._names[alias.asname or alias.name] = f"{module}.{alias.name}"

    def visit_Try(self, node: ast.Try) -> None:
        guarded = any(_forgives(handler) for handler in node.handlers)
        self._guards += guarded
        for statement in node.body:
            self.visit(statement)
        self._guards -= guarded
        for statement in [*node.handlers, *node.orelse, *node.finalbody]:
            self.visit(statement)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        for part in [*getattr(node, "decorator_list", []), *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(part)
        self._hidden.append(dict.fromkeys([*_parameters(node.args), *(name for name, _ in _assigned(node))], 0))
        for part in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(part)
        self._hidden.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is not None:
            self._use(name, node)
            return
        root = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        if not (isinstance(root, ast.Name) and root.id in self._imported):
            self._use(f"torch.Tensor.{node.attr}", node, method=True)
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._dotted(node.func)
        for keyword in node.keywords:
            if name is not None and keyword.arg is not None:
                self._use(name, keyword.value, keyword=keyword.arg)
        self.generic_visit(node)

    def _dotted(self, node: ast.AST) -> str | None:
        """Return the name of PyTorch that an expression stands for, or None."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._names:
            return None
        if any(node.id in hidden and node.lineno >= hidden[node.id] for hidden in self._hidden):
            return None
        return ".".join([self._names[node.id], *reversed(parts)])

    def _use(self, name: str, node: ast.AST, **kind: object) -> None:
        line = getattr(node, "lineno", 1)
        self.uses.append(Use(name, line, self._guards > 0, **kind))  # type: ignore[arg-type]


def _forgives(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _FORGIVING for kind in kinds)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if one is not None:
            yield one.arg


def _assigned(scope: ast.AST) -> list[tuple[str, int]]:
    """Return the names that are assigned in a module or function, not in the functions within, with the first line."""
    found: dict[str, int] = {}
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            # What is computed from a name before it is assigned still is the old one: ``model = model.Net()``.
            found[node.id] = min(found.get(node.id, node.lineno + 1), node.lineno + 1)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            if not isinstance(node, ast.Lambda):
                found.setdefault(node.name, node.lineno + 1)
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return list(found.items())
