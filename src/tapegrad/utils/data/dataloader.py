"""``torch.utils.data.dataloader``: the names of PyTorch's module of the loader."""

from . import _utils
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .loader import DataLoader, _DatasetKind
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from .workers import get_worker_info

__all__ = [
    "BatchSampler",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "_DatasetKind",
    "_utils",
    "default_collate",
    "default_convert",
    "get_worker_info",
]
