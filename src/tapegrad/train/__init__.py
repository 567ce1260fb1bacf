"""Training: the loop, checkpoints, run folders, the experiments that come with a name, and their pictures."""

from .checkpoint import check_weights, load_checkpoint, load_weights, save_checkpoint
from .environment import environment
from .experiments import EXPERIMENTS, Settings, build, load_data, settings_for
from .hashes import hash_model
from .ledger import HashLedger, Ledger
from .policy import Checkpoints
from .run import Run, list_runs
from .tensorboard import TensorBoard
from .trainer import Averages, Callback, Position, Trainer

__all__ = [
    "EXPERIMENTS",
    "Averages",
    "Callback",
    "Checkpoints",
    "HashLedger",
    "Ledger",
    "Position",
    "Run",
    "Settings",
    "TensorBoard",
    "Trainer",
    "build",
    "check_weights",
    "environment",
    "hash_model",
    "list_runs",
    "load_checkpoint",
    "load_data",
    "load_weights",
    "save_checkpoint",
    "settings_for",
]
