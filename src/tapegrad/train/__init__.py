"""Training: the loop, checkpoints, run folders, the experiments that come with a name, and their pictures."""

from .checkpoint import Checkpoints, load_checkpoint, load_weights, save_checkpoint
from .environment import environment
from .experiments import EXPERIMENTS, Settings, build, load_data, settings_for
from .run import Run, list_runs
from .trainer import Averages, Callback, Position, Trainer

__all__ = [
    "EXPERIMENTS",
    "Averages",
    "Callback",
    "Checkpoints",
    "Position",
    "Run",
    "Settings",
    "Trainer",
    "build",
    "environment",
    "list_runs",
    "load_checkpoint",
    "load_data",
    "load_weights",
    "save_checkpoint",
    "settings_for",
]
