"""What the probing process can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..planes import boundary
from ..refusal import Refusal
from . import samples, values
from .subject import Subject, subject_of

__all__ = ["METHODS"]

_SIZE = 80


def _boundary(subject: Subject) -> dict[str, Any]:
    with np.errstate(all="ignore"):
        found = boundary(subject.model, subject.sets, _SIZE)
    if found is None:
        shape = list(subject.sets.train.inputs.shape[1:])
        raise Refusal(
            404, "boundary", f"inputs of the shape {shape} are no line and no plane", "look at samples instead"
        )
    return found


def _on(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(run: Mapping[str, Any], **arguments: Any) -> Any:
        return function(subject_of(run["folder"], run["checkpoint"], run["trusted"]), **arguments)

    return method


METHODS: dict[str, Callable[..., Any]] = {
    "graph": _on(values.graph_of),
    "node": _on(values.node_of),
    "steps": _on(values.steps_of),
    "weights": _on(values.weights_of),
    "samples": _on(samples.samples_of),
    "predict": _on(samples.predicted),
    "boundary": _on(_boundary),
}
