"""Files: safetensors and NumPy archives read strictly, and everything written whole or not at all."""

from .atomic import atomic_file, remove_stale, write_atomically
from .npz import load_npz
from .safetensors import load_file, read_metadata, save_file

__all__ = ["atomic_file", "load_file", "load_npz", "read_metadata", "remove_stale", "save_file", "write_atomically"]
