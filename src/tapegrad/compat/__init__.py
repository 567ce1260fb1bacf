"""Scripts that import ``torch`` and ``torchvision``, run and read as they are."""

from .aliases import install
from .check import check_file, check_source
from .runner import run_script

__all__ = ["check_file", "check_source", "install", "run_script"]
