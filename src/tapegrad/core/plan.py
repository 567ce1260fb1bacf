"""What a gradient rule wants saved, worked out from the names of its parameters, and how it is run.

A plan belongs to a primitive and a mask (which inputs want a gradient). It saves only what the rules that will run
ask for, so ``add`` keeps nothing alive and ``x * constant`` keeps the constant alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import GradError, UsageError
from .graph import FREED, STATE, Node, Pick
from .parameters import parameters
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["ComplexPlan", "Packed", "Plan", "field_name", "rule_fields"]

INPUT, OUT, SHAPE, DTYPE, KEYWORD, NEEDS, REST, REST_SHAPE, UNCHANGED_OUT = range(9)
_ALL = -1


def rule_fields(primitive: Primitive) -> list[tuple[int, Callable, list[tuple[int, Any]]]]:
    """Return (input position or -1 for all, rule, fields to save) for each rule of a primitive."""
    if primitive.vjp is None:
        return []
    if callable(primitive.vjp):
        return [(_ALL, primitive.vjp, _fields(primitive, primitive.vjp))]
    return [(i, rule, _fields(primitive, rule)) for i, rule in enumerate(primitive.vjp) if rule is not None]


def _fields(primitive: Primitive, rule: Callable) -> list[tuple[int, Any]]:
    names = parameters(rule).names
    if not names or names[0] != "g":
        raise UsageError(
            f"rule of {primitive.name}", "the first parameter is not 'g'", "begin with g, the gradient of the output"
        )
    return [_field(primitive, name) for name in names[1:]]


def _field(primitive: Primitive, name: str) -> tuple[int, Any]:
    inputs = primitive.inputs
    base, _, suffix = name.rpartition("_")
    if primitive.variadic and name == inputs[-1]:
        return REST, len(inputs) - 1
    if primitive.variadic and base == inputs[-1] and suffix == "shape":
        return REST_SHAPE, len(inputs) - 1
    if name in inputs:
        return INPUT, inputs.index(name)
    if name == "out":
        return OUT, None
    if name == "unchanged_out":
        return UNCHANGED_OUT, None
    if name == "needs":
        return NEEDS, None
    if name in primitive.keywords:
        return KEYWORD, name
    if base in inputs and suffix == "shape":
        return SHAPE, inputs.index(base)
    if base in inputs and suffix == "dtype":
        return DTYPE, inputs.index(base)
    raise UsageError(
        f"rule of {primitive.name}",
        f"parameter '{name}' is no input and no keyword",
        "see primitive() for what a rule may ask",
    )


def field_name(primitive: Primitive, field: tuple[int, Any]) -> str:
    """Return the name by which a rule of a primitive asks for a field."""
    kind, key = field
    fixed = {OUT: "out", UNCHANGED_OUT: "unchanged_out", NEEDS: "needs", KEYWORD: key}
    if kind in fixed:
        return fixed[kind]
    suffix = {SHAPE: "_shape", REST_SHAPE: "_shape", DTYPE: "_dtype"}.get(kind, "")
    return primitive.inputs[key] + suffix


class Plan:
    """What to save for, and how to run, the rules of the inputs in a mask."""

    __slots__ = ("fields", "joint", "keeps_arrays", "mask", "name", "rules", "watched")

    def __init__(self, primitive: Primitive, mask: int):
        self.name = primitive.name
        self.mask = mask
        chosen = [r for r in primitive.rules if r[0] == _ALL or mask >> r[0] & 1]
        self.fields = list(dict.fromkeys(field for _, _, fields in chosen for field in fields))
        # The places of arrays among the saved fields: they must be unchanged when they are used.
        self.watched = [i for i, (kind, _) in enumerate(self.fields) if kind in (INPUT, OUT, UNCHANGED_OUT, REST)]
        self.keeps_arrays = bool(self.watched)
        # One rule that gives all gradients takes all fields; others take some of them, in their order, or one only.
        self.joint = chosen[0][1] if chosen and chosen[0][0] == _ALL else None
        self.rules = []
        for place, rule, fields in chosen:
            slots = [self.fields.index(f) for f in fields]
            self.rules.append((place, rule, slots, slots[0] if len(slots) == 1 else None))

    def save(self, inputs: tuple, arrays: list, out: Any, keywords: dict, written: int) -> list:
        """Return the saved fields of one call. ``written`` is 1 when the output is about to be counted as a write."""
        saved = []
        for kind, key in self.fields:
            if kind == INPUT:
                x = inputs[key]
                saved.append((x.array, x.memory, x.memory.version) if isinstance(x, Tensor) else arrays[key])
            elif kind in (OUT, UNCHANGED_OUT):
                if type(out) is tuple:
                    saved.append([(o.array, o.memory, o.memory.version) for o in out])
                else:
                    saved.append((out.array, out.memory, out.memory.version + written))
            elif kind == KEYWORD:
                saved.append(keywords[key])
            elif kind == SHAPE:
                saved.append(getattr(arrays[key], "shape", ()))
            elif kind == NEEDS:
                saved.append(tuple(bool(self.mask >> i & 1) for i in range(len(inputs))))
            elif kind == DTYPE:
                saved.append(getattr(arrays[key], "dtype", None))
            elif kind == REST:
                saved.append([_keep(x, a) for x, a in zip(inputs[key:], arrays[key:], strict=True)])
            else:
                saved.append(tuple(getattr(a, "shape", ()) for a in arrays[key:]))
        if STATE.saved_hooks:
            for place in self.watched:
                saved[place] = _packed(saved[place])
        return saved

    def restore(self, node: Node, as_tensors: bool) -> list:
        """Return the saved fields as arrays, or as Tensors on the graph, checked to be unchanged."""
        if node.saved is FREED:
            raise GradError(
                f"backward through {self.name}",
                "the saved values were freed by an earlier backward()",
                "pass retain_graph=True to the earlier backward(), or compute the forward pass again",
            )
        values = list(node.saved)
        for place in self.watched:
            kept = values[place]
            if type(kept) is tuple and not as_tensors and kept[1].version == kept[2]:
                values[place] = kept[0]
                continue
            kind, key = self.fields[place]
            if kind == INPUT:
                values[place] = self._input(node, key, kept, as_tensors)
            elif kind == OUT:
                values[place] = self._output(node, kept, as_tensors)
            elif kind == UNCHANGED_OUT:
                # The rule computes an output again that was written into since.
                stale = type(kept) is tuple and kept[1].version != kept[2]
                values[place] = None if stale else self._output(node, kept, as_tensors)
            else:
                values[place] = [self._input(node, key + i, item, as_tensors) for i, item in enumerate(kept)]
        return values

    def _input(self, node: Node, index: int, kept: Any, as_tensors: bool) -> Any:
        if type(kept) is Packed:
            edge = node.edges[index]
            if not as_tensors:
                return kept.array()
            return edge if isinstance(edge, Tensor) else wrap(kept.array(), edge)
        if type(kept) is not tuple:
            return kept
        array, storage, version = kept
        if storage.version != version:
            self._changed(f"input {index}", array, storage)
        if not as_tensors:
            return array
        edge = node.edges[index]
        return edge if isinstance(edge, Tensor) else wrap(array, edge, storage)

    def _output(self, node: Node, kept: Any, as_tensors: bool) -> Any:
        if type(kept) is list:
            arrays = [self._checked(item) for item in kept]
            if not as_tensors:
                return tuple(arrays)
            return tuple(wrap(a, Pick(node, i)) if a.dtype.kind in "fc" else wrap(a) for i, a in enumerate(arrays))
        array = self._checked(kept)
        if type(kept) is Packed:
            return wrap(array, node) if as_tensors else array
        return wrap(array, node, kept[1]) if as_tensors else array

    def _checked(self, kept: Any) -> Any:
        if type(kept) is Packed:
            return kept.array()
        array, storage, version = kept
        if storage.version != version:
            self._changed("the output", array, storage)
        return array

    def _changed(self, which: str, array: Any, storage: Any) -> None:
        raise GradError(
            f"backward through {self.name}",
            f"{which} (shape {array.shape}), saved for the gradient, was modified by an inplace operation at {storage.writer}",
            "write out of place there, or clone() the tensor before it is changed",
        )

    def pull(self, node: Node, g: Any, as_tensors: bool) -> list:
        """Run the rules: return the gradients of the inputs, broadcasting undone."""
        values = self.restore(node, as_tensors) if self.keeps_arrays else node.saved
        if self.joint is not None:
            grads: list = list(self.joint(g, *values))
        else:
            grads = [None] * len(node.edges)
            for place, rule, slots, only in self.rules:
                # By number of fields, because building a list of them costs as much as a small rule.
                if only is not None:
                    grads[place] = rule(g, values[only])
                else:
                    grads[place] = rule(g, *[values[s] for s in slots]) if slots else rule(g)
        if node.inputs_shape is not None:
            for i, shape in enumerate(node.inputs_shape):
                if grads[i] is not None and grads[i].shape != shape:
                    grads[i] = _sum_to(grads[i], shape)
        return grads


class ComplexPlan(Plan):
    """A plan for a call that has complex numbers among its inputs or outputs.

    Rules are written as for real numbers: they multiply by the derivative f'. PyTorch's gradient of a real loss is
    the conjugate of that, so for a holomorphic function ``g · conj(f'(z))``, which is ``conj(conj(g) · f'(z))``: the
    rule runs between two conjugations, and real inputs take the real part. ``real``: the inputs that are, as bits.
    Source: https://pytorch.org/docs/stable/notes/autograd.html#autograd-for-complex-numbers
    """

    __slots__ = ("holomorphic", "real")

    def __init__(self, primitive: Primitive, mask: int, real: int):
        super().__init__(primitive, mask)
        self.holomorphic = primitive.holomorphic
        self.real = real

    def pull(self, node: Node, g: Any, as_tensors: bool) -> list:
        from .primitive import ops

        if self.holomorphic:
            g = [_conjugate(part) for part in g] if isinstance(g, (list, tuple)) else _conjugate(g)
        grads = super().pull(node, g, as_tensors)
        for i, result in enumerate(grads):
            if result is None or result.dtype.kind != "c":
                continue
            if self.real >> i & 1:
                grads[i] = ops.real(result)
            elif self.holomorphic:
                grads[i] = ops.conj(result)
        return grads


def _conjugate(g: Any) -> Any:
    from .primitive import ops

    return ops.conj(g) if g is not None and g.dtype.kind == "c" else g


class Packed:
    """A saved value as a user's hook packed it."""

    __slots__ = ("unpack", "value")

    def __init__(self, array: Any):
        pack, self.unpack = STATE.saved_hooks[-1]
        self.value = pack(wrap(array))

    def array(self) -> Any:
        result = self.unpack(self.value)
        if not isinstance(result, Tensor):
            raise UsageError(
                "saved_tensors_hooks", f"unpack returned a {type(result).__name__}", "return the tensor that was packed"
            )
        return result.array


def _packed(kept: Any) -> Any:
    if type(kept) is list:
        return [_packed(item) for item in kept]
    return Packed(kept[0]) if type(kept) is tuple else kept


def _keep(x: Any, array: Any) -> Any:
    return (x.array, x.memory, x.memory.version) if isinstance(x, Tensor) else array


def _sum_to(g: Any, shape: tuple) -> Any:
    from .primitive import ops

    return ops.sum_to(g, shape=shape)
