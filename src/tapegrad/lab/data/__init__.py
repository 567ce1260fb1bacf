"""Data sets for experiments: loaded, split, checked, inspected."""

from .load import SETS, load_sets
from .sets import Part, Sets

__all__ = ["SETS", "Part", "Sets", "load_sets"]
