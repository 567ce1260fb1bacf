"""Training: the loop, metrics, callbacks, checkpoints and run folders."""

from .callbacks import EarlyStopping, Snapshots
from .checkpoint import check_weights, load_checkpoint, load_weights, save_checkpoint
from .environment import environment
from .finder import RateCurve, find_lr
from .hashes import hash_model
from .ledger import HashLedger, Ledger
from .policy import Checkpoints
from .run import Run, list_runs
from .statistics import Statistics
from .tensorboard import TensorBoard
from .trainer import Averages, Callback, Position, Trainer

__all__ = [
    "Averages",
    "Callback",
    "Checkpoints",
    "EarlyStopping",
    "HashLedger",
    "Ledger",
    "Position",
    "RateCurve",
    "Run",
    "Snapshots",
    "Statistics",
    "TensorBoard",
    "Trainer",
    "check_weights",
    "environment",
    "find_lr",
    "hash_model",
    "list_runs",
    "load_checkpoint",
    "load_weights",
    "save_checkpoint",
]
