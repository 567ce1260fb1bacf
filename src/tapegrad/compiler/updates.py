"""An optimizer's step in a captured program: one update of all parameters of a group as one flat vector.

The updates of tapegrad's optimizers treat each element alone, so parameters, gradients and moments that lie one behind
the other in one piece of memory are updated in one pass. ``pack`` says that pieces make up such a vector, ``unpack``
that they are its parts again; where the memory is laid out that way, both cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Tensor, no_grad, wrap
from .numbers import Cell, Number

if TYPE_CHECKING:
    from .capture import Capture

__all__ = ["ADVANCE", "COUNT", "PACK", "UNPACK", "Flat", "capture_update"]

# What schedules and users change from step to step; everything else in a group is a condition of the program.
_READ_EACH_TIME = ("lr", "betas", "momentum", "weight_decay", "eps")


class _Movement:
    """A step of a program that says where memory lies."""

    formula = ""
    random = False

    def __init__(self, name: str):
        self.name = name


PACK = _Movement("pack")
UNPACK = _Movement("unpack")
COUNT = _Movement("count")
ADVANCE = _Movement("advance")


class Flat:
    """One vector of a program that is made of tensors: ``use`` is "parameters", "gradients" or the name of a state.

    ``tensors`` hold the parts between steps; None for gradients, which the program computes.
    """

    def __init__(
        self,
        use: str,
        variable: Any,
        parts: list,
        tensors: list[Tensor] | None,
        optimizer: Any,
        owners: list[Tensor],
        counts: bool = False,
    ):
        self.use = use
        # Whether it holds one number for each parameter, all equal, such as the count of steps.
        self.counts = counts
        self.variable = variable
        self.parts = parts
        self.tensors = tensors
        self.optimizer = optimizer
        # The parameters that the parts belong to; the memory itself, once it is one piece.
        self.owners = owners
        self.array: np.ndarray | None = None


def capture_update(capture: Capture, optimizer: Any) -> bool:
    """Write an optimizer's step down as updates of flat vectors, and make it. False when it must be traced as it is."""
    if optimizer._pre_hooks or optimizer._post_hooks:
        capture.refuse(type(optimizer).__name__, "a hook of the optimizer runs in the step", "remove it before")
        return False
    ours = all(_is_ours(type(optimizer), name) for name in ("step", "_update", "_step_parameter"))
    if not ours or not optimizer._elementwise or optimizer.defaults.get("differentiable"):
        _fix_settings(capture, optimizer)
        return False
    buckets = [(group, bucket) for group in optimizer.param_groups for bucket in _buckets(capture, optimizer, group)]
    if capture.refusal is not None:
        return False
    with no_grad(), np.errstate(all="ignore"):
        for group, bucket in buckets:
            _update_bucket(capture, optimizer, group, bucket)
    optimizer._opt_called = True
    return True


def _is_ours(kind: type, method: str) -> bool:
    return getattr(kind, method).__module__.startswith("tapegrad.")


def _fix_settings(capture: Capture, optimizer: Any) -> None:
    """Make every option of an optimizer that we do not know a condition of the program."""
    for group in optimizer.param_groups:
        for name, value in group.items():
            if name != "params":
                capture.fixed_settings.append((group, name, value))


def _buckets(capture: Capture, optimizer: Any, group: dict) -> list[list[Tensor]]:
    """Return the parameters of a group that have gradients, those together whose states are alike."""
    buckets: dict[tuple, list[Tensor]] = {}
    for p in group["params"]:
        if p.grad is None:
            continue
        state = optimizer.state[p]
        if not state:
            if group.get("momentum") and group.get("dampening"):
                capture.refuse(
                    type(optimizer).__name__,
                    "the first step with dampening differs from all later ones",
                    "nothing: the next step will be compiled",
                    passing=True,
                )
                return []
            state.update(optimizer._start(p, group))
        tensors = ((name, t.array) for name, t in state.items() if isinstance(t, Tensor))
        kinds = tuple((name, None if array.ndim else float(array)) for name, array in tensors)
        buckets.setdefault((p.array.dtype, kinds), []).append(p)
    return list(buckets.values())


def _is_number(t: Tensor, p: Tensor) -> bool:
    """Return whether a tensor of a state is a number: 0-d where the parameter is not, or of another dtype."""
    return t.array.ndim == 0 and (p.array.ndim > 0 or t.array.dtype != p.array.dtype)


def _update_bucket(capture: Capture, optimizer: Any, group: dict, bucket: list[Tensor]) -> None:
    w = _pack(capture, optimizer, "parameters", bucket, bucket)
    # The gradients are what the program has computed by now, or has found.
    g = _pack(capture, optimizer, "gradients", [p._grad for p in bucket], bucket)
    first = optimizer.state[bucket[0]]
    state: dict[str, Any] = {}
    flats: dict[str, Tensor] = {}
    cells: dict[str, tuple[Cell, Any]] = {}
    for name, value in first.items():
        tensors = [optimizer.state[p][name] for p in bucket]
        if not isinstance(value, Tensor):
            state[name] = value
        elif _is_number(value, bucket[0]):
            state[name], counter = _cell(capture, optimizer, name, tensors, bucket)
            cells[name] = state[name], counter
        else:
            state[name] = flats[name] = _pack(capture, optimizer, name, tensors, bucket)
    w._grad = g
    optimizer.state[w] = state
    capture.fakes.add(id(w))
    try:
        optimizer._step_parameter(w, {name: _setting(capture, group, name) for name in group if name != "params"})
    finally:
        del optimizer.state[w]
    _unpack(capture, w, bucket)
    for name, flat in flats.items():
        _unpack(capture, flat, [optimizer.state[p][name] for p in bucket])
    for name, (cell, counter) in cells.items():
        capture.note(ADVANCE, [cell.variable], [counter], writes=True)
        for p in bucket:
            array = optimizer.state[p][name].array
            capture.keep(array)
            array[...] = cell.value


def _pack(capture: Capture, optimizer: Any, use: str, tensors: list, owners: list[Tensor]) -> Tensor:
    parts = [capture.read(t) for t in tensors]
    flat = wrap(np.concatenate([t.array.ravel() for t in tensors]))
    variable = capture.new(flat.array)
    capture.note(PACK, parts, [variable], {"use": use})
    held = None if use == "gradients" else tensors
    capture.flats.append(Flat(use, variable, parts, held, optimizer, owners))
    return flat


def _unpack(capture: Capture, flat: Tensor, tensors: list[Tensor]) -> None:
    capture.note(UNPACK, [capture.read(flat)], [capture.read(t) for t in tensors], writes=True)
    place = 0
    for t in tensors:
        capture.keep(t.array)
        t.array[...] = flat.array[place : place + t.array.size].reshape(t.array.shape)
        place += t.array.size


def _cell(capture: Capture, optimizer: Any, use: str, tensors: list[Tensor], owners: list[Tensor]) -> tuple[Cell, Any]:
    """Return one number for the equal numbers of all parameters, and the vector that they are kept in."""
    key = tuple(map(id, tensors))
    if key in capture.cells:  # a second update in one step goes on from the first
        return capture.cells[key]
    if any(set(key) & set(other) for other in capture.cells):
        capture.refuse(
            type(optimizer).__name__, "two updates in one step are of overlapping parameters", "make them one"
        )
    vector = np.array([float(t.array) for t in tensors])
    counter = capture.new(vector)
    parts = [capture.read(t) for t in tensors]
    capture.flats.append(Flat(use, counter, parts, tensors, optimizer, owners, counts=True))
    variable = capture.new_number(float(vector[0]))
    capture.note(COUNT, [counter], [variable])
    capture.cells[key] = Cell(capture, float(vector[0]), variable), counter
    return capture.cells[key]


def _setting(capture: Capture, group: dict, name: str) -> Any:
    value = group[name]
    if name in _READ_EACH_TIME:
        if isinstance(value, (tuple, list)):
            if all(_is_plain_number(v) for v in value):
                return tuple(capture.setting(group, name, i) for i in range(len(value)))
        elif _is_plain_number(value):
            return capture.setting(group, name, None)
    capture.fixed_settings.append((group, name, value))
    return value


def _is_plain_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, (bool, Number))
