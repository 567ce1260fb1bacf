"""Optimizer: parameter groups, the state of each parameter, and one step over all of them."""

from __future__ import annotations

import copy
import functools
import itertools
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..core import STATE, RemovableHandle, Tensor, enable_grad, no_grad, ops, user_line, wrap
from ..core.notes import note
from ..errors import ArgumentError, GradError, MissingMethodError, UsageError, warn
from ..nn.parameter import clear_gradient
from .arithmetic import FOLLOWING, count, into, native, number, on_arrays
from .bundle import LARGEST, Bundle

__all__ = ["Optimizer"]

_next_key = itertools.count().__next__
_UPDATES = ("_start", "_update", "_advance", "_step_parameter")
# Parameters that now have a gradient and now have none make up another bundle each time.
_MOST_BUNDLES = 8


class Optimizer:
    """The base class of all optimizers.

    ``params``: parameters, (name, parameter) pairs, or parameter groups: dicts with ``"params"`` and options that
    differ from ``defaults``. A subclass writes ``_start``, which gives a parameter's first state, and ``_update``,
    which changes a parameter and its state in place; one written for PyTorch, with a ``step`` of its own, works too.
    PyTorch's choices of implementation (``foreach``, ``fused``, ``capturable``) are taken and have no effect.
    ``differentiable``: steps are recorded, so that a loss after them has gradients with respect to what they came from;
    the parameters may then be results of operations.
    Raises ArgumentError for no parameters, for one that is the result of an operation, and for one in two groups.
    Source: https://pytorch.org/docs/stable/optim.html
    """

    # Whether a step is running, and whether there ever was one.
    _stepping = False
    _opt_called = False
    # Whether an update treats each element alone: ours do, what somebody else wrote may look at a whole parameter.
    _elementwise = False
    # Whether complex parameters are taken, as pairs of real numbers.
    _takes_complex = True

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise UsageError(type(self).__name__, "the parameters are one tensor", "put it in a list: [parameter]")
        if not isinstance(params, Iterable):
            raise UsageError(type(self).__name__, f"got a {type(params).__name__}", "pass model.parameters()")
        self.defaults = defaults
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._buffers: dict[tuple[str, np.dtype], np.ndarray] = {}
        self._bundles: dict[tuple[int, ...], Bundle] = {}
        self._pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._post_hooks: OrderedDict[int, Callable] = OrderedDict()
        groups = list(params)
        if not groups:
            raise ArgumentError(type(self).__name__, "there are no parameters", "pass model.parameters() of a model")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, elementwise: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._elementwise = elementwise and all(
            getattr(cls, m).__module__.startswith(f"{__package__}.") for m in _UPDATES
        )
        if "step" in vars(cls):
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    # -- parameters ---------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its options, e.g. layers that are to be trained from now on."""
        who = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise UsageError(who, "a parameter group is a dict with 'params'", "pass {'params': [...], 'lr': ...}")
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, (set, frozenset)):
            raise UsageError(who, "the parameters are a set, which has no order", "use a list")
        group["params"] = [params] if isinstance(params, Tensor) else list(params)
        _split_names(who, group)
        if self.param_groups and ("param_names" in group) != ("param_names" in self.param_groups[0]):
            raise ArgumentError(who, "some groups have named parameters and some not", "use model.named_parameters()")
        self._check_params(group["params"])
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        self.param_groups.append(group)

    def _check_params(self, params: list[Any]) -> None:
        who = type(self).__name__
        held = {id(p) for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise UsageError(
                    who, f"parameter {i} is a {type(p).__name__}", "pass tensors, as in model.parameters()"
                )
            if p.is_sparse:
                raise ArgumentError(who, f"parameter {i} is sparse", "keep it dense; its gradient may be sparse")
            if p.node is not None and not self.defaults.get("differentiable"):
                raise ArgumentError(who, f"can't optimize a non-leaf tensor (parameter {i})", "pass the leaf itself")
            if p.dtype.kind == "c" and not self._takes_complex:
                raise GradError(who, f"parameter {i} is complex", "keep real and imaginary part as two parameters")
            if id(p) in held:
                raise ArgumentError(who, f"parameter {i} is in another group already", "give it to one group")
        if len({id(p) for p in params}) < len(params):
            warn(who, "a parameter group contains a parameter twice", "list each once")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        note("zero_grad", weakref.ref(self))
        at_once = set_to_none and STATE.tracer is None
        for group in self.param_groups:
            for p in group["params"]:
                if at_once:
                    p._grad = None
                else:
                    clear_gradient(p, set_to_none)

    # -- stepping -----------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        ``closure`` computes the loss and its gradients anew, and the loss is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        # Diverging trainings overflow; the loss, not a warning, is where that is looked for.
        if self.defaults.get("differentiable"):
            self._step_on_the_tape()
            return loss
        with no_grad(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            line = user_line()
            for group in self.param_groups:
                settings = {n: number(value) if isinstance(value, Tensor) else value for n, value in group.items()}
                if STATE.tracer is None:
                    stepping = [p for p in group["params"] if p._grad is not None]
                    rest = self._step_together(stepping, settings)
                else:
                    stepping = rest = [p for p in group["params"] if p.grad is not None]
                for p in rest:
                    self._step_parameter(p, settings)
                if STATE.tracer is None:
                    for p in stepping:
                        p.memory.wrote(writer=line)
        return loss

    def _step_on_the_tape(self) -> None:
        """Update every parameter that has a gradient by recorded operations, so that the step has gradients itself."""
        FOLLOWING.on = True
        # Updates write into what they computed before: gradients get copies of it.
        hooks, STATE.saved_hooks = STATE.saved_hooks, ((_copied, _as_it_is),)
        try:
            with enable_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        if p.grad is not None:
                            self._step_parameter(p, group)
        finally:
            FOLLOWING.on, STATE.saved_hooks = False, hooks

    def _step_together(self, params: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
        """Update small parameters in the same state as one; return the others."""
        small = [p for p in params if p.array.size <= LARGEST and p.array.ndim]
        if len(small) < 2 or not self._elementwise or len({p.array.dtype for p in small}) > 1:
            return params
        states = [self.state[p] for p in small]
        # The first step makes each parameter's state.
        if not all(states) and self._start(small[0], group):
            return params
        arrays = [p.array for p in small]
        bundle = self._bundle(arrays)
        together = bundle.gather_states(states) if bundle.possible else None
        if together is None:
            return params
        w = bundle.parameters.gather(arrays)
        g = bundle.gradients.gather([p._grad.array for p in small])  # type: ignore[union-attr]
        self._advance(w, g, together, group)
        bundle.parameters.scatter(arrays)
        bundle.scatter_states(together)
        return [p for p in params if not any(p is q for q in small)] if len(small) < len(params) else []

    def _bundle(self, arrays: list[np.ndarray]) -> Bundle:
        key = tuple(map(id, arrays))
        bundle = self._bundles.get(key)
        if bundle is None:
            if len(self._bundles) >= _MOST_BUNDLES:
                self._bundles.clear()
            bundle = self._bundles[key] = Bundle(arrays)
        return bundle

    def _step_parameter(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state.update(self._start(p, group))
        if p.array.dtype.kind == "c":
            self._advance_complex(p, state, group)
            return
        self._advance(native(p), native(p.grad), {name: native(value) for name, value in state.items()}, group)

    def _advance_complex(self, p: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Step a complex parameter as pairs of real numbers, which its memory holds."""
        if not on_arrays():
            raise GradError(
                type(self).__name__, "a step on complex parameters cannot be recorded", "leave it out of the trace"
            )
        parts = {name: _as_pairs(value.array) if isinstance(value, Tensor) else value for name, value in state.items()}
        self._advance(_as_pairs(p.array), _as_pairs(p.grad.array), parts, group)  # type: ignore[union-attr]

    def _advance(self, w: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change a parameter and its state by one step: all arrays, or all tensors while a trace is running."""
        if group.get("maximize"):
            g = into(self._buffer("gradient", w), ops.neg, g)
        decay = group.get("weight_decay")
        if decay and group.get("decoupled_weight_decay"):
            w *= 1 - group["lr"] * decay
        elif decay:
            g = into(self._buffer("gradient", w), ops.add, g, into(self._buffer("step", w), ops.mul, w, decay))
        values = {**state, "step": count(state["step"])} if "step" in state else state
        self._update(w, g, self._buffer("step", w), values, group)

    def _buffer(self, use: str, array: Any) -> np.ndarray | None:
        """Return memory in a parameter's shape, the same for all parameters and steps; None while a trace is running."""
        if not on_arrays():
            return None
        held = self._buffers.get((use, array.dtype))
        if held is None or held.size < array.size:
            held = self._buffers[use, array.dtype] = np.empty(array.size, array.dtype)
        return held[: array.size].reshape(array.shape)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_buffers": {}, "_bundles": {}}

    def _start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return the state of a parameter before its first step: tensors by name."""
        return {}

    def _update(self, p: Any, g: Any, work: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change ``p`` and the values in ``state`` in place: all arrays, or all tensors while a trace is running.

        ``g``, which stays as it is, has its weight decay already; ``work`` is memory of the same shape for ``into``;
        ``state["step"]``, where there is one, is the number of this step.
        """
        raise MissingMethodError(type(self).__name__, "has no update", "write step() or _update() in the class")

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; a pair that it returns replaces both."""
        return _register(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return _register(self._post_hooks, hook)

    # -- state --------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return ``state`` by the parameters' numbers, and ``param_groups`` with numbers for parameters.

        The layout is PyTorch's. Tensors are shared with the optimizer.
        """
        order = [p for group in self.param_groups for p in group["params"]]
        numbers = {id(p): i for i, p in reversed(list(enumerate(order)))}
        groups = [
            {**{k: v for k, v in group.items() if k != "params"}, "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {numbers.get(id(p), p): value for p, value in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of a state and options, from here or from PyTorch; options that it lacks stay as they are.

        Raises ArgumentError, with nothing loaded, when the groups or the shapes are others.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ArgumentError(
                "load_state_dict", "the state has no 'state' and 'param_groups'", "pass optimizer.state_dict()"
            )
        groups = state_dict["param_groups"]
        sizes = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes[0] != sizes[1]:
            raise ArgumentError(
                "load_state_dict",
                f"the state has parameter groups of {sizes[0]} parameters, the optimizer of {sizes[1]}",
                "make the optimizer with the groups that it was saved with",
            )
        theirs = [number for group in groups for number in group["params"]]
        merged = [
            {**held, **copy.deepcopy({k: v for k, v in given.items() if k != "params"})}
            for held, given in zip(self.param_groups, groups, strict=True)
        ]
        places = [(p, group) for group in merged for p in group["params"]]
        self.state = self._matched_state(state_dict["state"], dict(zip(theirs, places, strict=True)))
        self.param_groups = merged

    def _matched_state(self, given: Mapping[Any, Any], places: dict[Any, tuple[Tensor, dict]]) -> defaultdict[Any, Any]:
        matched: defaultdict[Any, Any] = defaultdict(dict)
        for key, values in given.items():
            if key not in places:
                matched[key] = copy.deepcopy(values)
                continue
            p, group = places[key]
            first = self._start(p, group)
            matched[p] = {name: _fitted(key, name, value, first, p) for name, value in values.items()}
        return matched

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(("\n" if i else "") + f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _copied(value: Tensor) -> Tensor:
    return wrap(np.array(value.array))


def _as_it_is(value: Tensor) -> Tensor:
    return value


def _as_pairs(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "c":
        return array
    return np.ascontiguousarray(array).view(array.real.dtype) if array.ndim else array.reshape(1).view(array.real.dtype)


def _split_names(who: str, group: dict[str, Any]) -> None:
    """Turn (name, parameter) pairs into parameters and their names."""
    named = [isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str) for p in group["params"]]
    if not any(named):
        return
    if not all(named):
        raise ArgumentError(who, "some parameters come with a name and some without", "use model.named_parameters()")
    group["param_names"] = [name for name, _ in group["params"]]
    group["params"] = [p for _, p in group["params"]]


def _fitted(key: Any, name: str, value: Any, first: dict[str, Tensor], p: Tensor) -> Any:
    """Return a copy of a saved value with the dtype that it would have begun with here."""
    if not isinstance(value, (Tensor, np.ndarray)):
        number_here = name in first and isinstance(value, (int, float))
        return wrap(np.array(value, first[name].dtype)) if number_here else copy.deepcopy(value)
    array = value.array if isinstance(value, Tensor) else value
    like = first.get(name, p)
    if array.shape != like.array.shape and name in first:
        raise ArgumentError(
            "load_state_dict",
            f"'{name}' of parameter {key} has shape {array.shape}, here it is {like.array.shape}",
            "load the state of an optimizer of the same model",
        )
    same_kind = array.dtype.kind == like.array.dtype.kind and array.shape == like.array.shape
    return wrap(np.array(array, like.dtype if same_kind else array.dtype))


def _register(hooks: OrderedDict, hook: Callable) -> RemovableHandle:
    key = _next_key()
    hooks[key] = hook
    return RemovableHandle(hooks, key)


def _with_hooks(step: Callable) -> Callable:
    """Return a step that runs the optimizer's hooks; a step that calls its base class's runs them once."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:
            return step(self, *args, **kwargs)
        if STATE.tracer is not None and not args and not kwargs and STATE.tracer.updates(self):
            return None
        self._stepping = True
        try:
            for hook in list(self._pre_hooks.values()):
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            result = step(self, *args, **kwargs)
            self._opt_called = True
            for hook in list(self._post_hooks.values()):
                hook(self, args, kwargs)
            return result
        finally:
            self._stepping = False

    return hooked


Optimizer.step = _with_hooks(Optimizer.step)  # type: ignore[method-assign]
