"""Explanations: why a gradient is what it is, backpropagation step by step, the graph, and a doctor for trainings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .calling import ExplainPackage

if TYPE_CHECKING:
    from .deriving.derive import derive
    from .doctor.doctor import Doctor, diagnose
    from .doctor.finding import Finding
    from .network.graph import Graph, graph
    from .network.summary import Summary, summary
    from .steps.steps import BackwardStep, step_through
    from .why.explain import Explanation, explain, watch

__all__ = [
    "BackwardStep",
    "Doctor",
    "Explanation",
    "Finding",
    "Graph",
    "Summary",
    "derive",
    "diagnose",
    "explain",
    "graph",
    "step_through",
    "summary",
    "watch",
]

sys.modules[__name__].__class__ = ExplainPackage
