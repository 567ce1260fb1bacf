"""Making one batch of a list of samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...core import Tensor, as_array, ops, tensor, wrap
from ...errors import IndexRangeError, ShapeError, UsageError

__all__ = [
    "collate",
    "collate_float_fn",
    "collate_int_fn",
    "collate_numpy_array_fn",
    "collate_numpy_scalar_fn",
    "collate_str_fn",
    "collate_tensor_fn",
    "default_collate",
    "default_collate_fn_map",
    "default_convert",
]


def default_collate(batch: Sequence[Any]) -> Any:
    """Return one batch of samples, with a new first dimension for the samples.

    Tensors and arrays are stacked; numbers become a tensor (Python floats float64, as in PyTorch); text stays a list;
    dicts, named tuples, tuples and lists are batched entry by entry, a tuple becoming a list. Functions for types of
    one's own can be put into ``default_collate_fn_map`` (see :func:`collate`).
    Raises ShapeError for samples of unequal shape or length, UsageError for what cannot be batched (images, None),
    IndexRangeError for no samples.
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate

    >>> default_collate([(0.5, {"label": 1}), (1.5, {"label": 2})])
    [tensor([0.5000, 1.5000], dtype=float64), {'label': tensor([1, 2])}]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: dict[Any, Callable] | None = None) -> Any:
    """Return one batch of samples, made by the functions of a map from types, or tuples of types, to functions.

    A function is called as ``function(samples, collate_fn_map=map)``. The type of the first sample decides: an entry of
    its own type goes before one of a base. Containers whose type is not in the map are batched entry by entry.
    Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
    """
    if len(batch) == 0:
        raise IndexRangeError("default_collate", "there are no samples", "leave empty batches out of the batch sampler")
    first = batch[0]
    kind = type(first)
    known = collate_fn_map or {}
    if kind in known:
        return known[kind](batch, collate_fn_map=collate_fn_map)
    for wanted, function in known.items():
        if isinstance(first, wanted):
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        entries = {key: collate([s[key] for s in batch], collate_fn_map=collate_fn_map) for key in first}
        return _rebuilt(first, entries)
    if isinstance(first, Sequence):
        return _columns(first, batch, collate_fn_map)
    raise UsageError("default_collate", f"cannot batch {_kind(first)}", _remedy(first))


def collate_tensor_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Tensor:
    """Return tensors stacked. Raises ShapeError for samples of unequal shape."""
    return _stack(batch)


def collate_numpy_array_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Return arrays stacked into a tensor. Raises UsageError for arrays of text or objects."""
    if batch[0].dtype.kind not in "fiubc":
        raise UsageError(
            "default_collate", f"cannot batch arrays of dtype {batch[0].dtype}", "give numbers, or pass a collate_fn"
        )
    return _stack(batch)


def collate_numpy_scalar_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Tensor:
    """Return NumPy's numbers as a tensor."""
    return wrap(np.array(batch))


def collate_float_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Tensor:
    """Return Python's floats as a float64 tensor."""
    return tensor(batch, dtype=np.float64)


def collate_int_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Tensor:
    """Return integers, or booleans, as a tensor."""
    return tensor(batch)


def collate_str_fn(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Return text as it is."""
    return batch


# Which function batches samples of a type; entries may be added, and hold for ``default_collate`` everywhere.
default_collate_fn_map: dict[Any, Callable] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


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
    if any(array.dtype != arrays[0].dtype for array in arrays):
        return ops.stack(*map(wrap, arrays))
    return wrap(np.stack(arrays))


def _columns(first: Sequence, batch: Sequence[Sequence], collate_fn_map: Any) -> Any:
    for i, sample in enumerate(batch):
        if len(sample) != len(first):
            raise ShapeError(
                "default_collate",
                f"the first sample has {len(first)} entries, sample {i} of the batch has {len(sample)}",
                "give samples of one length, or pass a collate_fn",
            )
    columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)]
    return type(first)(*columns) if hasattr(first, "_fields") else _like(first, columns)


def _like(first: Sequence, columns: list) -> Any:
    """Return the columns as a sequence of the samples' own type, where that can be written to; a list otherwise."""
    if type(first) in (tuple, list):
        return columns
    try:
        if isinstance(first, MutableSequence):
            made = copy.copy(first)
            made[:] = columns
            return made
        return type(first)(columns)  # type: ignore[call-arg]
    except TypeError:
        return columns


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
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(value) for value in data])
    return data


def _rebuilt(like: Mapping, entries: dict) -> Any:
    """Return the entries as a mapping of the same type, where that type can be made of a dict."""
    make: Any = type(like)
    if make is dict:
        return entries
    try:
        if isinstance(like, MutableMapping):
            made = copy.copy(like)
            made.update(entries)
            return made
        return make(entries)
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
