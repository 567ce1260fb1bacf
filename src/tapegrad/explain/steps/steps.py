"""Backpropagation step by step: what :meth:`backward` does, one operation at a time, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO, overload

import numpy as np

from ...autograd import set_detect_anomaly
from ...core import STATE, Tensor, user_line
from ...core.backward import roots
from ...core.walk import Walk
from ...errors import IndexRangeError, UsageError, an, did_you_mean
from ...nn import Module
from .described import as_plain, to_json
from .names import ModuleCalls, Names, named_leaves
from .reader import BackwardStep, Product, StepReader

__all__ = ["BackwardStep", "Product", "Steps", "step_through"]


def step_through(
    loss: Tensor | Callable[[], Tensor],
    model: Module | Mapping[str, Tensor] | None = None,
    gradient: Any = None,
    retain_graph: bool = False,
) -> Steps:
    """Return the steps of backpropagation from a loss: a sequence with one :class:`BackwardStep` for each operation.

    They come from the walk that ``backward()`` makes, so the numbers are the same, bit for bit. No ``grad`` changes
    before :meth:`Steps.finish`, which does what ``loss.backward(gradient, retain_graph)`` would have done; hooks on
    tensors run here, once.

    ``model`` gives parameters their names: a module, or a mapping from names to tensors. Given a function that computes
    the loss instead of the loss, its operations also know their module and the line that called them; so do those
    recorded in anomaly mode know their line.

    Formula, of each step: for an operation y = f(x_1, ..., x_n) and the gradient g that came in, each input is sent
    the product of g and the derivative of y with respect to x_i, and what reaches one place from several is added up.
    Raises GradError when the loss does not require a gradient or its saved values are gone, ShapeError for a gradient
    of another shape, UsageError when the function returns no tensor.
    Source: https://doi.org/10.1038/323533a0

    >>> import tapegrad as tg
    >>> w = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> steps = tg.explain.step_through((w * w).sum(), {"w": w})
    >>> for product in steps[1].products:
    ...     print(product.to, product.array, product.added_to_total)
    w [1. 2.] [1. 2.]
    w [1. 2.] [2. 4.]
    >>> steps.finish()
    >>> w.grad
    tensor([2., 4.])
    """
    if isinstance(loss, Module):
        raise UsageError("step_through", f"{an(loss)} is no loss", "give a tensor, or a function that computes one")
    if not (model is None or isinstance(model, (Module, Mapping))):
        what = f"{an(model)} names no tensors"
        raise UsageError("step_through", what, "give the model, or a dict of tensors by their names")
    calls, line = None, ""
    if not isinstance(loss, Tensor):
        # Of what this very line leads to there is no line of its own to tell.
        line = user_line()
        loss, calls = _computed(loss, model)
    start = roots("step_through", loss, gradient)
    if STATE.tracer is not None and not STATE.tracer.watches:
        STATE.tracer.refuse("step_through", "a trace is running", "step through the loss outside of it")
    reader = StepReader(Names(loss, named_leaves(model), calls), line)
    walk = Walk(create_graph=False, retain=True, targets=None, reader=reader)
    reader.walk = walk
    walk.run(start)
    return Steps(loss, reader, retain_graph)


def _computed(function: Any, model: Any) -> tuple[Tensor, ModuleCalls | None]:
    """Return the loss that a function computes, and which module ran which operation."""
    if not callable(function):
        raise UsageError("step_through", f"{an(function)} is no loss", "give a tensor, or a function that computes one")
    calls = ModuleCalls(model) if isinstance(model, Module) else None
    with set_detect_anomaly(True, check_nan=False):
        if calls is None:
            loss = function()
        else:
            with calls:
                loss = function()
    if not isinstance(loss, Tensor):
        raise UsageError("step_through", f"the function returned {an(loss)}", "return the loss, a tensor")
    return loss, calls


class Steps(Sequence):
    """The steps of backpropagation, from the loss back. Made by :func:`step_through`.

    ``steps[3]``, ``steps[-1]`` and ``steps["relu_1"]`` give one, a loop gives all; printing gives an overview.
    ``loss`` is the loss's value; ``gradients`` are those of the leaves by name, as they are added to their ``grad``.

    >>> import tapegrad as tg
    >>> x = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> steps = tg.explain.step_through(x.relu().sum(), {"x": x})
    >>> [step.name for step in steps], steps["relu"].derivative, steps.gradients["x"]
    (['sum', 'relu'], '[x > 0]', array([1., 0.], dtype=float32))
    """

    def __init__(self, loss: Tensor, reader: StepReader, retain_graph: bool):
        self.loss = as_plain(loss.detach())
        self._steps = reader.steps
        self._walk: Walk | None = reader.walk
        self._nodes = [] if retain_graph else reader.nodes
        found = reader.walk.leaves.values()
        self.gradients: dict[str, np.ndarray] = {reader.names.of(leaf): as_plain(g) for leaf, g, _ in found}

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int | str) -> BackwardStep: ...
    @overload
    def __getitem__(self, index: slice) -> list[BackwardStep]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            return self._steps[self.find(index)]
        if not isinstance(index, slice) and not -len(self) <= index < len(self):
            raise IndexRangeError("steps", f"there is no step {index}", f"there are {len(self)}, from 0")
        return self._steps[index]

    def __iter__(self) -> Iterator[BackwardStep]:
        return iter(self._steps)

    def find(self, name: str, after: int = -1) -> int:
        """Return the place of a step by its name, its operation or its module: of several the first one after a place.

        Raises IndexRangeError when there is none.
        """
        order = [*range(after + 1, len(self)), *range(after + 1)]
        for fits in (
            lambda step: step.name == name,
            lambda step: step.op == name,
            lambda step: name and (step.module == name or step.module.startswith(f"{name}.")),
        ):
            found = next((i for i in order if fits(self._steps[i])), None)
            if found is not None:
                return found
        known = [n for step in self._steps for n in (step.name, step.module) if n]
        raise IndexRangeError("steps", f"no operation is called '{name}'", did_you_mean(name, dict.fromkeys(known)))

    @property
    def finished(self) -> bool:
        """Whether :meth:`finish` has been called."""
        return self._walk is None

    def finish(self) -> None:
        """Add the gradients to ``grad`` of the leaves and free the saved values, as ``backward()`` does; once only."""
        walk, self._walk = self._walk, None
        if walk is not None:
            walk.deliver()
            for node in self._nodes:
                node.release()
            self._nodes = []

    def run(self, commands: TextIO | None = None, out: TextIO | None = None) -> None:
        """Step through in a terminal: read a command from each line (stdin) and write what it asks for (stdout).

        Enter goes on, ``b`` back, ``g relu_1`` to an operation, ``p W`` shows values, ``h`` lists all commands, ``q`` ends.
        """
        from .terminal import Stepper

        Stepper(self, commands, out).run()

    def __str__(self) -> str:
        from .text import overview

        return overview(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import steps_html

        return steps_html(self)

    def to_dict(self, limit: int = 64) -> dict[str, Any]:
        """Return ``{"loss", "steps", "gradients"}`` as JSON can hold it, each array with at most ``limit`` numbers."""
        return {
            "loss": to_json(self.loss, limit),
            "steps": [step.to_dict(limit) for step in self._steps],
            "gradients": {name: to_json(g, limit) for name, g in self.gradients.items()},
        }
