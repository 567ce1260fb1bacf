"""Makes the package ``tapegrad.explain`` something that can be called, whose names are loaded when they are first used."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ..errors import did_you_mean

__all__ = ["NAMES", "ExplainPackage"]

# Each public name and the file that has it.
NAMES = {
    "BackwardStep": "steps.steps",
    "Doctor": "doctor.doctor",
    "Explanation": "why.explain",
    "Finding": "doctor.finding",
    "Graph": "network.graph",
    "Summary": "network.summary",
    "derive": "deriving.derive",
    "diagnose": "doctor.doctor",
    "explain": "why.explain",
    "graph": "network.graph",
    "step_through": "steps.steps",
    "summary": "network.summary",
    "watch": "why.explain",
}


class ExplainPackage(ModuleType):
    """The kind of module that ``tapegrad.explain`` is: calling it calls :func:`tapegrad.explain.explain`."""

    def __call__(self, tensor: Any, loss: Any = None) -> Any:
        """Return why the gradient of a tensor is what it is: see :func:`tapegrad.explain.explain`."""
        return self.explain(tensor, loss)

    def __getattr__(self, name: str) -> Any:
        if name not in NAMES:
            hint = did_you_mean(name, NAMES)
            raise AttributeError(
                f"module '{self.__name__}' has no attribute '{name}'"
                + (f"; {hint}" if hint.startswith("did you mean") else "")
            )
        value = getattr(importlib.import_module(f"{self.__name__}.{NAMES[name]}"), name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *NAMES})
