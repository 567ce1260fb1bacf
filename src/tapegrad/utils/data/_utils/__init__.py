"""The names of PyTorch's module that scripts import from: how samples become batches, and what a worker knows."""

from . import collate, worker

__all__ = ["MP_STATUS_CHECK_INTERVAL", "collate", "worker"]

# Seconds between two looks at workers in PyTorch; threads need no look.
MP_STATUS_CHECK_INTERVAL = 5.0
