"""What the operations and the leaves under a loss are called, and which module ran which operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core import Node, Tensor
from ...core.graph import FunctionNode, Pick, next_id
from ...nn import Module

__all__ = ["ModuleCalls", "Names", "named_leaves"]


class ModuleCalls:
    """Within a block, each call of a module notes which numbers the operations have that are recorded in it."""

    def __init__(self, model: Module):
        self._model = model
        self._handles: list[Any] = []
        self._open: list[tuple[str, int]] = []
        # Path, first and last number of each call, in the order in which they ended: the inner ones first.
        self._calls: list[tuple[str, int, int]] = []

    def __enter__(self) -> ModuleCalls:
        for path, module in self._model.named_modules():

            def begin(module: Module, args: Any, path: str = path) -> None:
                self._open.append((path, next_id()))

            def end(module: Module, args: Any, output: Any) -> None:
                path, first = self._open.pop()
                self._calls.append((path, first, next_id()))

            self._handles.append(module.register_forward_pre_hook(begin))
            self._handles.append(module.register_forward_hook(end, always_call=True))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def module_of(self, node: Node) -> str:
        """Return the path of the innermost module that was running when a node was recorded, or an empty string."""
        return next((path for path, first, last in self._calls if first < node.id < last), "")


def named_leaves(model: Module | Mapping[str, Tensor] | None) -> dict[int, str]:
    """Return the names of tensors by id: of a module's parameters, or those that a mapping gives."""
    if model is None:
        return {}
    pairs = model.named_parameters() if isinstance(model, Module) else model.items()
    return {id(t): name for name, t in pairs}


class Names:
    """The names of everything that a loss depends on: operations counted in the order in which they ran.

    ``relu`` where there is one of the kind, else ``relu_1``, ``relu_2``; leaves as the model calls them, else ``leaf_1``.
    """

    def __init__(self, loss: Tensor, known: dict[int, str], calls: ModuleCalls | None):
        self._operations: dict[Node, str] = {}
        self._leaves = dict(known)
        self._known = known
        self._calls = calls
        order = sorted(_operations_under(loss), key=lambda node: node.id)
        kinds = [_kind(node) for node in order]
        counted: dict[str, int] = {}
        for node, kind in zip(order, kinds, strict=True):
            counted[kind] = counted.get(kind, 0) + 1
            self._operations[node] = kind if kinds.count(kind) == 1 else f"{kind}_{counted[kind]}"
            for edge in node.edges:
                if isinstance(edge, Tensor):
                    self._name_leaf(edge)
        if loss.node is None:
            self._name_leaf(loss)

    def _name_leaf(self, leaf: Tensor) -> None:
        if id(leaf) not in self._leaves:
            self._leaves[id(leaf)] = f"leaf_{len(self._leaves) - len(self._known) + 1}"

    def of(self, edge: Node | Tensor) -> str:
        """Return the name of a node, of one of its outputs (``unbind[0]``), or of a leaf."""
        if isinstance(edge, Tensor):
            return self._leaves[id(edge)]
        if isinstance(edge, Pick):
            return f"{self._operations[edge.edges[0]]}[{edge.index}]"
        return self._operations[edge]

    def kind_of(self, edge: Node | Tensor) -> str:
        """Return ``"operation"``, ``"parameter"`` for a leaf with a name, or ``"leaf"``."""
        if isinstance(edge, Node):
            return "operation"
        return "parameter" if id(edge) in self._known else "leaf"

    def module_of(self, node: Node) -> str:
        """Return the path of the module that ran an operation: as it was seen, else as its parameters' names tell."""
        if self._calls is not None:
            return self._calls.module_of(node)
        owners = {self._known[id(e)].rpartition(".")[0] for e in node.edges if id(e) in self._known}
        return owners.pop() if len(owners) == 1 else ""


def _kind(node: Node) -> str:
    return node.name() if isinstance(node, FunctionNode) else node.primitive.name


def _operations_under(loss: Tensor) -> set[Node]:
    """Return the nodes that a loss depends on, without those that only pick one of several outputs."""
    seen: set[Node] = set()
    stack = [] if loss.node is None else [loss.node]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(edge for edge in node.edges if isinstance(edge, Node))
    return {node for node in seen if not isinstance(node, Pick)}
