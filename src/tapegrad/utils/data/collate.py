"""Making one batch of a list of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core import Tensor, as_array, ops, tensor, wrap
from ...errors import ShapeError, UsageError

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Return one batch of samples, with a new first dimension for the samples.

    Tensors and arrays are stacked; numbers become a tensor (Python floats float64, as in PyTorch); text stays a list;
    dicts, named tuples, tuples and lists are batched entry by entry, a tuple becoming a list.
    Raises ShapeError for samples of unequal shape or length, UsageError for what cannot be batched (images, None).
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate

    >>> default_collate([(0.5, {"label": 1}), (1.5, {"label": 2})])
    [tensor([0.5000, 1.5000], dtype=float64), {'label': tensor([1, 2])}]
    """
    if len(batch) == 0:
        raise UsageError("default_collate", "there are no samples", "leave empty batches out of the batch sampler")
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack(batch)
    if isinstance(first, np.ndarray) and first.dtype.kind in "fiubc":
        return _stack(batch)
    if isinstance(first, np.generic) and first.dtype.kind in "fiubc":
        return wrap(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=np.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _rebuilt(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        return _columns(first, batch)
    raise UsageError("default_collate", f"cannot batch {_kind(first)}", _remedy(first))


def _stack(batch: Sequence[Any]) -> Tensor:
    arrays = [as_array(sample) for sample in batch]
    shape = arrays[0].shape
    for i, array in enumerate(arrays):
        if array.shape != shape:
            raise ShapeError(
                "default_collate",
                f"the first sample has shape {shape}, sample {i} of the batch has {array.shape}",
                "bring them to one shape (crop, resize, pad), or pass a collate_fn",
            )
    if any(isinstance(sample, Tensor) and sample.requires_grad for sample in batch):
        return ops.stack(*batch)
    return wrap(np.stack(arrays))


def _columns(first: Sequence, batch: Sequence[Sequence]) -> Any:
    for i, sample in enumerate(batch):
        if len(sample) != len(first):
            raise ShapeError(
                "default_collate",
                f"the first sample has {len(first)} entries, sample {i} of the batch has {len(sample)}",
                "give samples of one length, or pass a collate_fn",
            )
    columns = [default_collate(column) for column in zip(*batch, strict=True)]
    return type(first)(*columns) if hasattr(first, "_fields") else columns


def default_convert(data: Any) -> Any:
    """Return a sample with its arrays and NumPy numbers as tensors, anything else as it is; nothing is batched.

    >>> default_convert({"x": np.zeros(2), "name": "a"})
    {'x': tensor([0., 0.], dtype=float64), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "fiubc":
        return wrap(np.asarray(data))
    if isinstance(data, Mapping):
        return _rebuilt(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        make: Any = type(data)
        return make(*(default_convert(value) for value in data))
    if isinstance(data, (list, tuple)):
        return [default_convert(value) for value in data]
    return data


def _rebuilt(like: Mapping, entries: dict) -> Any:
    """Return the entries as a mapping of the same type, where that type can be made of a dict."""
    make: Any = type(like)
    try:
        return entries if make is dict else make(entries)
    except TypeError:
        return entries


def _is_image(value: Any) -> bool:
    return hasattr(value, "getbands") and hasattr(value, "tobytes")


def _kind(value: Any) -> str:
    if _is_image(value):
        return f"PIL images (a {value.size[0]}×{value.size[1]} image of mode {value.mode})"
    return f"a {type(value).__name__}"


def _remedy(value: Any) -> str:
    if _is_image(value):
        return "end the dataset's transform with transforms.ToTensor()"
    return "give tensors, arrays, numbers, text, dicts or tuples, or pass a collate_fn"
