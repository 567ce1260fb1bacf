"""Whether a metric is to be small or large."""

from __future__ import annotations

import math

from ...errors import ArgumentError, did_you_mean

__all__ = ["best_is_smallest", "is_better"]

_SMALLER_IS_BETTER = ("loss", "error", "mae", "mse", "rmse", "penalty", "perplexity")
_LARGER_IS_BETTER = ("accuracy", "top_k", "precision", "recall", "f1", "auroc", "auc", "r2", "score", "iou", "dice")


def best_is_smallest(name: str, mode: str | None = None) -> bool:
    """Return whether the best value of a metric is its smallest: by ``mode`` ("min", "max"), else by its name.

    Raises ArgumentError for another mode, and when the name does not tell.

    >>> best_is_smallest("valid_loss"), best_is_smallest("valid_accuracy")
    (True, False)
    """
    if mode is not None:
        if mode not in ("min", "max"):
            raise ArgumentError("mode", f"it is {mode!r}", did_you_mean(str(mode), ("min", "max")))
        return mode == "min"
    known = {**dict.fromkeys(_SMALLER_IS_BETTER, True), **dict.fromkeys(_LARGER_IS_BETTER, False)}
    short = name.removeprefix("valid_")
    for word, smallest in known.items():
        if short == word or short.endswith(f"_{word}") or short.startswith(f"{word}_"):
            return smallest
    raise ArgumentError("mode", f"whether a small {name} is a good one is not known", "say mode: min, or mode: max")


def is_better(value: float, best: float | None, smallest: bool, min_delta: float = 0.0) -> bool:
    """Return whether a value is better than the best by more than ``min_delta``; what is not finite never is.

    >>> is_better(0.5, 0.6, True), is_better(0.5, 0.6, True, min_delta=0.2), is_better(0.5, None, False)
    (True, False, True)
    """
    if not math.isfinite(value):
        return False
    return best is None or (best - value if smallest else value - best) > min_delta
