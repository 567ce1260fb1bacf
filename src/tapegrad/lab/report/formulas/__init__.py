"""The formulas of a network's forward and backward pass, of its loss, its optimizer and its schedule."""

from ....explain.formulas.mathml import to_mathml
from .network import Chain, chain_of
from .optimizers import update_lines
from .schedules import schedule_lines

__all__ = ["Chain", "chain_of", "schedule_lines", "to_mathml", "update_lines"]
