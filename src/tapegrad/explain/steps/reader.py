"""The reader of a walk: it writes down each operation that the gradient goes through."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from ...core import Node, Tensor
from ...core.graph import FunctionNode
from ...core.plan import ComplexPlan, Packed, field_name
from ...core.walk import Walk
from .described import as_plain, to_json
from .names import Names

__all__ = ["BackwardStep", "Product", "StepReader"]


class Product(NamedTuple):
    """What a step sends to one input: ``array`` goes ``to`` an earlier operation or a leaf, whose sum it then makes.

    ``added_to_total`` is that sum, this product included. ``input`` is the operation's own name of the input; ``kind``
    says what is at ``to``: an "operation", a "parameter" (a leaf with a name) or a "leaf".
    """

    to: str
    array: np.ndarray
    added_to_total: np.ndarray
    input: str
    kind: str


@dataclasses.dataclass(frozen=True, eq=False)
class BackwardStep:
    """One operation that the gradient goes through, with all that is needed to check it by hand.

    ``formula`` and ``derivative`` are the registry's, in LaTeX. ``saved``: the arrays that the forward pass kept for
    it; ``options``: the other facts that its rule reads. ``incoming``: the gradient of its output, after hooks; a tuple
    where there are several outputs (None where unused). ``local``: of an operation that works element by element, the
    values of its derivative by input. ``products``: what is sent on. ``module`` and ``where`` (file:line of the forward
    pass) are empty where that is not known; ``hooks`` is how often a hook may have changed the gradient.
    """

    index: int
    op: str
    name: str
    formula: str
    derivative: str
    module: str
    where: str
    hooks: int
    saved: dict[str, np.ndarray]
    options: dict[str, Any]
    incoming: Any
    local: dict[str, np.ndarray]
    products: list[Product]

    def __str__(self) -> str:
        from .text import step_text

        return step_text(self)

    def _repr_html_(self) -> str:
        from .html import step_html

        return step_html(self)

    def to_dict(self, limit: int = 64) -> dict[str, Any]:
        """Return the step as JSON can hold it, each array with at most ``limit`` of its numbers.

        An array becomes ``{shape, dtype, values, truncated, mean, std, min, max}``; ``incoming`` of an operation with
        several outputs is a list of such, with None where an output is unused.

        >>> import tapegrad as tg
        >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
        >>> step = tg.explain.step_through((x * x).sum())[1].to_dict()
        >>> step["op"], step["incoming"]["values"], step["products"][1]["added_to_total"]["values"]
        ('mul', [1.0, 1.0], [2.0, 4.0])
        """
        parts = [None if g is None else to_json(g, limit) for g in self.outputs]
        return {
            **{
                f: getattr(self, f)
                for f in ("index", "op", "name", "formula", "derivative", "module", "where", "hooks")
            },
            "saved": {name: to_json(array, limit) for name, array in self.saved.items()},
            "options": {name: _json_option(value) for name, value in self.options.items()},
            "incoming": parts if isinstance(self.incoming, tuple) else parts[0],
            "local": {name: to_json(array, limit) for name, array in self.local.items()},
            "products": [
                {
                    **product._asdict(),
                    "array": to_json(product.array, limit),
                    "added_to_total": to_json(product.added_to_total, limit),
                }
                for product in self.products
            ],
        }

    @property
    def outputs(self) -> tuple:
        """The gradient of each output."""
        return self.incoming if isinstance(self.incoming, tuple) else (self.incoming,)

    def values(self) -> dict[str, np.ndarray]:
        """Return all arrays by the names under which they can be asked for.

        ``g`` (``g[0]``, ... of several outputs), what was saved, ``d/d input``, ``grad input`` and ``total input``.
        """
        several = isinstance(self.incoming, tuple)
        found = {f"g[{i}]" if several else "g": g for i, g in enumerate(self.outputs) if g is not None}
        found |= self.saved
        found |= {f"d/d {name}": array for name, array in self.local.items()}
        for product in self.products:
            found[f"grad {product.input}"] = product.array
            found[f"total {product.input}"] = product.added_to_total
        return found


class StepReader:
    """Makes a step of each node that a walk shows it. Of operations called in ``line`` it tells no line."""

    def __init__(self, names: Names, line: str = ""):
        self.names = names
        self.line = line
        self.steps: list[BackwardStep] = []
        self.nodes: list[Node] = []
        self.walk: Walk

    def __call__(self, node: Node, g: Any, grads: list) -> None:
        primitive = node.primitive
        saved, options = _saved(node)
        self.nodes.append(node)
        self.steps.append(
            BackwardStep(
                index=len(self.steps),
                op=node.name() if isinstance(node, FunctionNode) else primitive.name,
                name=self.names.of(node),
                formula=getattr(primitive, "formula", ""),
                derivative=getattr(primitive, "derivative", ""),
                module=self.names.module_of(node),
                where="" if node.where is None or node.where == self.line else node.where,
                hooks=len(node.hooks or ()),
                saved=saved,
                options=options,
                incoming=tuple(p if p is None else as_plain(p) for p in g) if isinstance(g, list) else as_plain(g),
                local={} if isinstance(g, list) else _local(node, g),
                products=self._products(node, grads),
            )
        )

    def _products(self, node: Node, grads: list) -> list[Product]:
        products, totals = [], {}
        for i, result in enumerate(grads):
            edge = node.edges[i]
            if edge is None or result is None:
                continue
            # One node may send to the same place twice (x * x): the walk has not added the first when this is called.
            held = totals[id(edge)] if id(edge) in totals else self.walk.held(edge)
            totals[id(edge)] = total = result if held is None else held + result
            array = as_plain(result)
            added = array if held is None else as_plain(total)
            products.append(Product(self.names.of(edge), array, added, _input(node, i), self.names.kind_of(edge)))
        return products


def _input(node: Node, i: int) -> str:
    """Return what an operation calls its input number i."""
    if isinstance(node, FunctionNode):
        return f"input {i}"
    names = node.primitive.inputs
    last = len(names) - 1
    return f"{names[last]}[{i - last}]" if node.primitive.variadic and i >= last else names[i]


def _saved(node: Node) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return copies of the arrays that a node kept, and the other facts; what a user's hook packed stays packed.

    Copies, because an optimizer may write into the parameters while the steps are still looked at.
    """
    if isinstance(node, FunctionNode):
        kept = getattr(node.context, "_saved", None) or ()
        arrays = [getattr(item, "array", None) for item in kept]
        return {f"saved {i}": np.array(a) for i, a in enumerate(arrays) if isinstance(a, np.ndarray)}, {}
    saved: dict[str, np.ndarray] = {}
    options: dict[str, Any] = {}
    for field, value in zip(node.plan.fields, node.saved, strict=True):
        name = field_name(node.primitive, field)
        items = value if isinstance(value, list) else [value]
        for i, item in enumerate(items):
            array = item[0] if type(item) is tuple and item and isinstance(item[0], np.ndarray) else item
            key = f"{name}[{i}]" if isinstance(value, list) else name
            if isinstance(array, np.ndarray):
                saved[key] = np.array(array)
            elif type(item) is not Packed and item is not None and name != "needs":
                options[key] = item
    return saved, options


def _local(node: Node, g: Any) -> dict[str, np.ndarray]:
    """Return the derivative, element by element, of an operation that works so: its rule with a gradient of ones."""
    primitive, plan = node.primitive, node.plan
    plain = getattr(primitive, "elementwise", False) and type(plan) is not ComplexPlan and isinstance(g, np.ndarray)
    if not plain or any(type(item) is Packed for item in node.saved):
        return {}
    grads = node.pull(np.ones_like(g), False)
    return {
        _input(node, i): as_plain(d)
        for i, d in enumerate(grads)
        # Of an input that was broadcast the rule gives sums, which are no local derivatives.
        if d is not None and node.edges[i] is not None and d.shape == g.shape and _shape_of(node, i, g) == g.shape
    }


def _shape_of(node: Node, i: int, g: np.ndarray) -> tuple:
    return g.shape if node.inputs_shape is None else node.inputs_shape[i]


def _json_option(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_json_option(item) for item in value]
    return str(value.array.tolist() if isinstance(value, Tensor) else value)
