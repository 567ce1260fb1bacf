"""Files: PyTorch's and safetensors, NumPy archives, all read strictly, and everything written whole or not at all."""

from .allowed import SAFE_GLOBALS
from .atomic import atomic_file, remove_stale, write_atomically
from .lazy import safe_open
from .machine import CheckpointError
from .npz import load_npz, save_npz
from .safetensors import load_file, read_metadata, save_file
from .serialization import load, save
from .sharded import load_sharded, save_sharded

__all__ = [
    "SAFE_GLOBALS",
    "CheckpointError",
    "atomic_file",
    "load",
    "load_file",
    "load_npz",
    "load_sharded",
    "read_metadata",
    "remove_stale",
    "safe_open",
    "save",
    "save_file",
    "save_npz",
    "save_sharded",
    "write_atomically",
]
