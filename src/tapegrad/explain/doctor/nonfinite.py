"""Where the first number that is not finite came from: one batch run again, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..network.recording import Recorder, record
from .observe import Failure

__all__ = ["first_nonfinite"]


def first_nonfinite(
    model: Any, inputs: tuple, loss: Callable | None = None, targets: tuple = (), step: int = 0
) -> Failure | None:
    """Return the first operation whose result, or whose gradient, is not finite although all that it was given is.

    The batch goes through the model and the loss once more; the model is afterwards as it was. ``operation`` of what is
    returned is the primitive's name, ``module`` the path of the layer; ``part`` is "data" (the batch itself is not
    finite), "weights" (``module`` then is the parameter), "forward" or "backward". None where everything is finite.

    >>> import tapegrad as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(2, 1, bias=False), tg.nn.Tanh())
    >>> found = first_nonfinite(model, (tg.ones(3, 2),), lambda output: (output * 0).log().sum())
    >>> found.operation, found.module, found.part
    ('log', 'loss', 'forward')
    """
    with np.errstate(all="ignore"):
        if not all(_is_finite(t) for t in (*inputs, *targets)):
            return Failure(step, "the batch holds values that are not finite", part="data")
        for name, parameter in model.named_parameters():
            if not _is_finite(parameter):
                return Failure(step, f"{name} is not finite", module=name, part="weights")
        recorder = record(model, inputs, {}, loss, targets, values=True)
        for place, equation in enumerate(recorder.equations):
            if place in recorder.values and not np.isfinite(recorder.values[place]).all():
                return _failure(recorder, place, step, "forward", equation)
        return _backward(recorder, step)


def _backward(recorder: Recorder, step: int) -> Failure | None:
    """Return the operation, the last in the order of the forward pass, that made a gradient which is not finite."""
    makers = {id(v): place for place, equation in enumerate(recorder.equations) for v in equation.outputs}
    for place in range(len(recorder.equations) - 1, -1, -1):
        equation = recorder.equations[place]
        for variable in equation.inputs:
            place_or_leaf = makers.get(id(variable))
            g = recorder.gradients.get(variable if place_or_leaf is None else place_or_leaf)
            if g is not None and not np.isfinite(g).all():
                return _failure(recorder, place, step, "backward", equation)
    return None


def _failure(recorder: Recorder, place: int, step: int, part: str, equation: Any) -> Failure:
    call = recorder.call_of[place]
    path = recorder.calls[call].path if call >= 0 else ""
    made = "a value" if part == "forward" else "a gradient"
    name = equation.primitive.name
    return Failure(step, f"{name} gave {made} that is not finite", operation=name, module=path, part=part)


def _is_finite(value: Any) -> bool:
    array = getattr(value, "array", None)
    return not isinstance(array, np.ndarray) or array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
