"""The graph of a network: what one forward pass did, operation by operation, with the modules it happened in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core import Tensor, Variable, user_line
from ...nn import Module
from .costs import multiply_adds
from .inputs import check_network, example_inputs, ready, taking
from .recording import Call, Recorder, record

__all__ = ["Graph", "GraphNode", "graph"]


@dataclasses.dataclass(slots=True)
class GraphNode:
    """One value of the network: what made it, in which module, its shape, and what it costs.

    ``kind``: input, parameter, buffer, operation, output or loss. ``module``: the path of the module ("": the network
    itself), ``call``: the place of that call in ``Graph.calls`` (-1: outside of any). ``operations``: multiply-adds.
    """

    id: int
    name: str
    kind: str
    op: str = ""
    formula: str = ""
    module: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    parameters: int = 0
    bytes: int = 0
    operations: int = 0
    where: str = ""
    call: int = -1

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "shape": list(self.shape)}


class Graph:
    """What one forward pass did. Made by :func:`graph`.

    ``nodes``: :class:`GraphNode` in the order in which they were made; ``edges``: pairs (id of the source, id of the
    target); ``modules``: path -> ``{"kind": class, "parameters": number}``; ``calls``: the calls of modules in order.
    ``values`` and ``gradients``, where asked for: id of a node -> array.

    >>> import tapegrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU())
    >>> g = graph(net, tg.zeros(2, 4))
    >>> [(n.op, n.module, n.shape) for n in g.nodes if n.kind == "operation"]
    [('linear', '0', (2, 8)), ('relu', '1', (2, 8))]
    """

    def __init__(self, title: str, nodes: list[GraphNode], edges: list[tuple[int, int]], calls: list[Call]):
        self.title = title
        self.nodes = nodes
        self.edges = edges
        self.calls = calls
        self.modules: dict[str, dict[str, Any]] = {}
        self.values: dict[int, np.ndarray] = {}
        self.gradients: dict[int, np.ndarray] = {}

    def __str__(self) -> str:
        operations = sum(node.kind == "operation" for node in self.nodes)
        return f"graph of {self.title}: {operations} operations in {len(self.modules)} modules"

    def __repr__(self) -> str:
        return f"<{self}>"

    def to_dict(self) -> dict[str, Any]:
        """Return nodes, edges, modules and calls as what JSON can hold."""
        calls = [{"path": c.path, "kind": c.kind, "parent": c.parent, "number": c.number} for c in self.calls]
        return {
            "title": self.title,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [list(edge) for edge in self.edges],
            "modules": {path: dict(facts) for path, facts in self.modules.items()},
            "calls": calls,
        }

    def to_svg(self, values: bool | None = None, *, depth: int | None = None, parameters: bool = False) -> str:
        """Return the picture as the text of an SVG file; see :func:`tapegrad.explain.drawing.svg.draw_svg`."""
        from ..drawing.svg import draw_svg

        return draw_svg(self, values, depth, parameters)

    def to_dot(self, *, depth: int | None = None, parameters: bool = False) -> str:
        """Return the graph in Graphviz's language, with a cluster for each module."""
        from ..drawing.dot import draw_dot

        return draw_dot(self, depth, parameters)

    def to_html(self, values: bool | None = None, *, depth: int | None = None) -> str:
        """Return one page in which the modules fold and unfold; it needs nothing else."""
        from ..drawing.html import draw_html

        return draw_html(self, values, depth)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:640px">{self.to_svg()}</div>'


def graph(
    model: Callable,
    *inputs: Any,
    input_size: Any = None,
    loss: Callable | None = None,
    target: Any = None,
    values: bool = False,
    **keywords: Any,
) -> Graph:
    """Return the :class:`Graph` of a network, from one call of it with the inputs (or zeros of ``input_size``).

    ``loss(output, target)``, or ``loss(output)`` without a target, is drawn with it. ``values``: also keep the value and
    the gradient of each node: that of the loss, else of the sum of the outputs. The network is called in the mode that
    it is in, and left as it was: running statistics, gradients and the stream of random numbers are put back.
    With ``values`` the inputs want gradients too; where the network writes into them, that takes a copy first.
    There is one operation node for each equation that :func:`tapegrad.trace` writes down of the same call.
    Raises ArgumentError when the network does not take the inputs, saying what its first layer expects.

    >>> import tapegrad as tg
    >>> g = graph(tg.nn.Linear(3, 1), input_size=(2, 3))
    >>> [(n.kind, n.name, n.shape) for n in g.nodes]
    [('input', 'input', (2, 3)), ('parameter', 'weight', (1, 3)), ('parameter', 'bias', (1,)), \
('operation', 'linear', (2, 1)), ('output', 'output', (2, 1))]
    """
    check_network("graph", model)
    given = example_inputs("graph", model, inputs, keywords, input_size)
    targets = () if target is None else (target,)
    with taking("graph", model, given):
        ready(model, given, keywords)
    recorder = record(model, given, keywords, loss, targets, values, taking("graph", model, given))
    return _Builder(model, recorder, user_line()).graph()


class _Builder:
    """Makes nodes and edges of what was recorded."""

    def __init__(self, model: Any, recorder: Recorder, line: str):
        self.model = model
        # The line that asked for the graph: operations of the library's own layers would all name it.
        self.line = line
        self.recorder = recorder
        self.nodes: list[GraphNode] = []
        self.edges: dict[tuple[int, int], None] = {}
        # The node that made the present value of a variable.
        self.maker: dict[Variable, int] = {}
        self.counts: dict[str, int] = {}
        self.held = _held_names(model, recorder.calls)
        self.values: dict[int, np.ndarray] = {}
        self.gradients: dict[int, np.ndarray] = {}

    def graph(self) -> Graph:
        recorder = self.recorder
        for name, variable in recorder.inputs:
            self._add_value(name, "input", variable)
        for name, variable in recorder.targets:
            self._add_value(name, "input", variable)
        returned = [*reversed(recorder.returned)]
        for place in range(len(recorder.equations) + 1):
            while returned and returned[-1][0] == place:
                _, call, variable = returned.pop()
                recorder.calls[call].node = self._source(variable)
            if place < len(recorder.equations):
                self._add_operation(place)
        for name, variable in recorder.outputs:
            self._add_end(name, "output", variable)
        if recorder.loss is not None:
            self._add_end("loss", "loss", recorder.loss)
        result = Graph(type(self.model).__name__, self.nodes, list(self.edges), recorder.calls)
        result.modules = dict(_modules(self.model, recorder.calls))
        result.values, result.gradients = self.values, self.gradients
        return result

    def _new(self, name: str, kind: str, variable: Variable, key: Any, **facts: Any) -> GraphNode:
        count = self.counts[name] = self.counts.get(name, 0) + 1
        node = GraphNode(
            len(self.nodes),
            name if count == 1 else f"{name}#{count}",
            kind,
            shape=tuple(variable.shape),
            dtype=str(variable.dtype),
            bytes=math.prod(variable.shape) * variable.dtype.itemsize,
            **facts,
        )
        self.nodes.append(node)
        if key in self.recorder.values:
            self.values[node.id] = self.recorder.values[key]
        if key in self.recorder.gradients:
            self.gradients[node.id] = self.recorder.gradients[key]
        return node

    def _add_value(self, name: str, kind: str, variable: Variable, **facts: Any) -> int:
        if variable not in self.maker:
            self.maker[variable] = self._new(name, kind, variable, variable, **facts).id
        return self.maker[variable]

    def _source(self, variable: Variable) -> int:
        """Return the node of a value that an operation reads, made now when it comes from outside."""
        if variable in self.maker:
            return self.maker[variable]
        call, t = self.recorder.found.get(variable, (-1, None))
        if id(t) in self.held:
            kind, name, module = self.held[id(t)]
            count = math.prod(variable.shape) if kind == "parameter" else 0
            return self._add_value(name, kind, variable, module=module, parameters=count, call=call)
        path = self.recorder.calls[call].path if call >= 0 else ""
        kind = "parameter" if isinstance(t, Tensor) and t.requires_grad else "buffer"
        count = math.prod(variable.shape) if kind == "parameter" else 0
        name = f"{path}.constant" if path else "constant"
        return self._add_value(name, kind, variable, module=path, parameters=count, call=call)

    def _add_operation(self, place: int) -> None:
        equation = self.recorder.equations[place]
        call = self.recorder.call_of[place]
        path = self.recorder.calls[call].path if call >= 0 else ""
        sources = [self._source(x) for x in _variables(equation.inputs)]
        op = equation.primitive.name
        held = [self.nodes[s].parameters for s in dict.fromkeys(sources) if self.nodes[s].kind == "parameter"]
        node = self._new(
            f"{path}.{op}" if path else op,
            "operation",
            equation.outputs[0],
            place,
            op=op,
            formula=getattr(equation.primitive, "formula", ""),
            module=path,
            parameters=sum(held),
            operations=multiply_adds(equation),
            where="" if equation.where == self.line else equation.where,
            call=call,
        )
        node.bytes = sum(math.prod(v.shape) * v.dtype.itemsize for v in equation.outputs)
        self.edges.update(dict.fromkeys((source, node.id) for source in sources))
        self.maker.update(dict.fromkeys(equation.outputs, node.id))

    def _add_end(self, name: str, kind: str, variable: Variable) -> None:
        source = self._source(variable)
        node = self._new(name, kind, variable, None)
        self.edges[source, node.id] = None
        for held in (self.values, self.gradients):
            if source in held:
                held[node.id] = held[source]


def _variables(values: Any) -> Iterator[Variable]:
    for value in values:
        if isinstance(value, Variable):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _variables(value)


def _held_names(model: Any, calls: list[Call]) -> dict[int, tuple[str, str, str]]:
    """Return kind, path and module's path of the parameters and buffers of the network, and of a loss, by id."""
    names: dict[int, tuple[str, str, str]] = {}
    roots = [("", model)] + [(c.path, c.module) for c in calls if c.parent < 0 and c.module is not model]
    for prefix, root in roots:
        if not isinstance(root, Module):
            continue
        for kind, held in (("parameter", root.named_parameters()), ("buffer", root.named_buffers())):
            for path, t in held:
                full = f"{prefix}.{path}".strip(".")
                names.setdefault(id(t), (kind, full, full.rpartition(".")[0]))
    return names


def _modules(model: Any, calls: list[Call]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each module's path with its class and number of parameters, those of its submodules included."""
    known: set[str] = set()
    if isinstance(model, Module):
        for path, module in model.named_modules():
            known.add(path)
            yield path, _facts(module)
    for call in calls:
        if call.path not in known:
            known.add(call.path)
            yield call.path, _facts(call.module) | {"kind": call.kind}


def _facts(module: Any) -> dict[str, Any]:
    count = sum(p.array.size for p in module.parameters()) if isinstance(module, Module) else 0
    return {"kind": type(module).__name__, "parameters": count}
