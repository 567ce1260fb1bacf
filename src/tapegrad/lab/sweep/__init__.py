"""Sweeps: many trainings of one recipe, with levels of factors and seeds, and the tables of what they came to."""

from .files import draw_pictures, markdown_of, write_tables
from .folder import Failure, Sweep
from .levels import Factor, Level, Range, parse_factor, parse_seeds
from .plan import Plan, Trial, make_plan, trial_recipes
from .result import Row, Summary, check_metric, read_summary
from .run import Display, run_sweep
from .worker import Outcome

__all__ = [
    "Display",
    "Factor",
    "Failure",
    "Level",
    "Outcome",
    "Plan",
    "Range",
    "Row",
    "Summary",
    "Sweep",
    "Trial",
    "check_metric",
    "draw_pictures",
    "make_plan",
    "markdown_of",
    "parse_factor",
    "parse_seeds",
    "read_summary",
    "run_sweep",
    "trial_recipes",
    "write_tables",
]
