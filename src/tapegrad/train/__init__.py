"""Training: the loop, checkpoints, run folders, the experiments that come with a name, and their pictures."""

from .checkpoint import Checkpoints, load_checkpoint, load_weights, save_checkpoint
from .experiments import EXPERIMENTS, Settings, build, load_data, settings_for
from .run import Run, environment
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
    "load_checkpoint",
    "load_data",
    "load_weights",
    "save_checkpoint",
    "settings_for",
]
