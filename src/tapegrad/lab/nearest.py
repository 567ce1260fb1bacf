"""The nearest name to one that is not known, and what is known when none is near."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]

_MOST_LISTED = 24

# What people call things elsewhere.
_ELSEWHERE = {
    "learning_rate": "lr",
    "epoch": "epochs",
    "step": "steps",
    "dense": "Linear",
    "fc": "Linear",
    "conv": "Conv2d",
    "cross_entropy": "CrossEntropyLoss",
    "nll": "NLLLoss",
    "mse": "MSELoss",
    "mae": "L1Loss",
    "bce": "BCEWithLogitsLoss",
    "momentum_sgd": "SGD",
    "cosine": "CosineAnnealingLR",
    "l2": "weight_decay",
    "early_stop": "early_stopping",
    "dataset": "set",
    "name": "type",
    "scheduler": "schedule",
    "criterion": "loss",
    "network": "model",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the nearest known name, or the names when none is near.

    Capitals do not count, and a few names of other libraries are known.

    >>> nearest("learning_rate", ["lr", "momentum"])
    "did you mean 'lr'?"
    >>> nearest("KERNELSIZE", ["kernel_size", "stride"])
    "did you mean 'kernel_size'?"
    >>> nearest("zzz", ["lr", "momentum"])
    'known: lr, momentum'
    """
    names = sorted(known)
    elsewhere = _ELSEWHERE.get(word.lower().replace("-", "_"))
    if elsewhere in names:
        return f"did you mean '{elsewhere}'?"
    lowered: dict[str, str] = {}
    for name in names:
        lowered.setdefault(name.lower(), name)
    near = difflib.get_close_matches(word[:100].lower(), lowered, n=1)
    if near:
        return f"did you mean '{lowered[near[0]]}'?"
    if not names:
        return "there is none"
    rest = len(names) - _MOST_LISTED
    return "known: " + ", ".join(names[:_MOST_LISTED]) + (f" and {rest} more (tapegrad schema)" if rest > 0 else "")
