"""Pictures for reports: raw arrays and records in, the path of a PNG out; labels in English or Chinese."""

from .boundary import animate_boundary, draw_boundary
from .confusion import confusion_matrix, draw_confusion
from .curves import draw_comparison, draw_curves
from .distributions import draw_distributions, draw_statistics
from .factors import draw_factor
from .function import draw_function
from .grid import draw_mistakes, draw_samples
from .network import draw_network
from .rate import draw_rate_finder
from .weights import draw_first_layer

__all__ = [
    "animate_boundary",
    "confusion_matrix",
    "draw_boundary",
    "draw_comparison",
    "draw_confusion",
    "draw_curves",
    "draw_distributions",
    "draw_factor",
    "draw_first_layer",
    "draw_function",
    "draw_mistakes",
    "draw_network",
    "draw_rate_finder",
    "draw_samples",
    "draw_statistics",
]
