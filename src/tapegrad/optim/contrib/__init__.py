"""Optimizers that torch.optim has not: Lion, LAMB, LARS, and two that wrap another one, Lookahead and SAM."""

from .layerwise import LAMB, LARS
from .lion import Lion
from .wrappers import SAM, Lookahead

__all__ = ["LAMB", "LARS", "SAM", "Lion", "Lookahead"]
