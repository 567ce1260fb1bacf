"""Sequences of different lengths: padded to one tensor, or packed without padding. torch.nn.utils.rnn's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core import Tensor, ops, wrap
from ...errors import ArgumentError, ContractError, OptionError, ShapeError

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences step by step without padding: ``data`` holds the first step of all, then the second of those that have one.

    ``batch_sizes`` (int64): how many sequences have each step. ``sorted_indices``: which sequence lies at each place of
    a step, the longest first; ``unsorted_indices`` is its inverse; None where they came sorted.
    Made by :func:`pack_padded_sequence` and :func:`pack_sequence`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html

    >>> import tapegrad as tg
    >>> tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])])
    PackedSequence(data=tensor([1, 4, 2, 3]), batch_sizes=tensor([2, 1, 1]), sorted_indices=None, unsorted_indices=None)
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise ContractError("PackedSequence", "there are no batch sizes", "give data and batch_sizes")
            return cls(data[0], data[1], sorted_indices, unsorted_indices)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequence with its data converted, itself where that changes nothing: arguments as of Tensor.to."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequence on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequence on a GPU."""
        return self.to("cuda", *args, **kwargs)

    def double(self) -> PackedSequence:
        """Return the sequence with data in float64."""
        return self.to(np.float64)

    def float(self) -> PackedSequence:
        """Return the sequence with data in float32."""
        return self.to(np.float32)

    def half(self) -> PackedSequence:
        """Return the sequence with data in float16."""
        return self.to(np.float16)

    def long(self) -> PackedSequence:
        """Return the sequence with data in int64."""
        return self.to(np.int64)

    def int(self) -> PackedSequence:
        """Return the sequence with data in int32."""
        return self.to(np.int32)

    def short(self) -> PackedSequence:
        """Return the sequence with data in int16."""
        return self.to(np.int16)

    def char(self) -> PackedSequence:
        """Return the sequence with data in int8."""
        return self.to(np.int8)

    def byte(self) -> PackedSequence:
        """Return the sequence with data in uint8."""
        return self.to(np.uint8)

    def pin_memory(self) -> PackedSequence:
        """Return the sequence: there is no memory to pin."""
        return self

    def is_pinned(self) -> bool:
        """Return False."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether the data lie on a GPU."""
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the permutation that undoes one, None for None.

    >>> import tapegrad as tg
    >>> tg.nn.utils.rnn.invert_permutation(tg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else wrap(np.argsort(permutation.numpy(), kind="stable"))


def _positions(sizes: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the step and the place in it of every row of packed data."""
    steps = np.repeat(np.arange(len(sizes)), sizes)
    return wrap(steps), wrap(np.arange(len(steps)) - np.repeat(np.cumsum(sizes) - sizes, sizes))


def _lengths_of(lengths: Any, enforce_sorted: bool, batch: int, longest: int) -> np.ndarray:
    values = np.asarray(lengths.numpy() if isinstance(lengths, Tensor) else lengths)
    if values.ndim != 1 or len(values) != batch:
        raise ShapeError(
            "pack_padded_sequence", f"lengths has shape {values.shape} for {batch} sequences", f"give {batch} lengths"
        )
    values = values.astype(np.int64)
    if values.min() <= 0 or values.max() > longest:
        raise ShapeError(
            "pack_padded_sequence", f"the lengths are {values.tolist()}, there are {longest} steps", "use 1 up to that"
        )
    if enforce_sorted and (np.diff(values) > 0).any():
        raise ShapeError(
            "pack_padded_sequence",
            f"the lengths {values.tolist()} are not in decreasing order",
            "pass enforce_sorted=False, or sort the batch by length",
        )
    return values


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | list[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return the sequences of a padded batch (time, batch, *) packed, with their first ``lengths`` steps each.

    ``batch_first``: the input is (batch, time, *). ``enforce_sorted``: the lengths must come in decreasing order; without
    it the sequences are sorted here. Raises ShapeError for lengths that do not fit, or for no sequences at all.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html

    >>> import tapegrad as tg
    >>> batch = tg.tensor([[1, 2, 0], [3, 4, 5]])
    >>> packed = tg.nn.utils.rnn.pack_padded_sequence(batch, [2, 3], batch_first=True, enforce_sorted=False)
    >>> packed.data, packed.batch_sizes, packed.sorted_indices
    (tensor([3, 1, 4, 2, 5]), tensor([2, 2, 1]), tensor([1, 0]))
    """
    x = input.transpose(0, 1)  # raises for less than two dimensions, whatever the order
    x = x if batch_first else input
    if not x.numel():
        raise ShapeError("pack_padded_sequence", f"the input has shape {tuple(input.shape)}", "give at least one step")
    values = _lengths_of(lengths, enforce_sorted, x.shape[1], x.shape[0])
    order = None
    if not enforce_sorted:
        order = np.argsort(-values, kind="stable")
        values = values[order]
    sizes = (values[:, None] > np.arange(values[0])).sum(0)
    steps, places = _positions(sizes)
    if order is not None:
        places = wrap(order[places.array])
    data = ops.index(x, steps, places, dims=(0, 1))
    return PackedSequence(data, wrap(sizes), None if order is None else wrap(order))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return a padded batch (time, batch, *) of a packed sequence, and the lengths (int64), in the order before packing.

    ``batch_first``: the batch is (batch, time, *). ``total_length``: pad to that many steps; ArgumentError when there are
    more. Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html

    >>> import tapegrad as tg
    >>> packed = tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])])
    >>> tg.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    data, sizes = sequence.data, sequence.batch_sizes.numpy()
    longest, batch = len(sizes), int(sizes[0])
    if total_length is not None and total_length < longest:
        raise ArgumentError(
            "pad_packed_sequence",
            f"total_length is {total_length}, the longest has {longest} steps",
            "use at least that",
        )
    lengths = (sizes[:, None] > np.arange(batch)).sum(0)
    steps, places = _positions(sizes)
    if sequence.unsorted_indices is not None:
        lengths = lengths[sequence.unsorted_indices.numpy()]
        order = np.argsort(sequence.unsorted_indices.numpy(), kind="stable")
        places = wrap(order[places.array])
    where = (places, steps) if batch_first else (steps, places)
    shape = (batch, total_length or longest) if batch_first else (total_length or longest, batch)
    empty = ops.full(size=(*shape, *data.shape[1:]), fill_value=padding_value, dtype=data.dtype)
    return ops.index_put(empty, data, *where, dims=(0, 1)), wrap(lengths)


def pad_sequence(
    sequences: Tensor | list[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return sequences (length, *) as one batch (time, batch, *), filled up with ``padding_value`` to the longest.

    ``batch_first``: the batch is (batch, time, *). ``padding_side``: "right" (behind) or "left". Raises ShapeError for
    sequences whose other dimensions differ or for none, OptionError for another side.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html

    >>> import tapegrad as tg
    >>> tg.nn.utils.rnn.pad_sequence([tg.tensor([1, 2]), tg.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if padding_side not in ("left", "right"):
        raise OptionError("pad_sequence", f"padding_side is {padding_side!r}", "use 'left' or 'right'")
    if not hasattr(sequences, "__iter__"):
        raise ShapeError("pad_sequence", f"sequences is a {type(sequences).__name__}", "give a list of tensors")
    parts = list(sequences)
    if not parts or any(p.ndim == 0 or p.shape[1:] != parts[0].shape[1:] for p in parts):
        shapes = [tuple(p.shape) for p in parts]
        raise ShapeError(
            "pad_sequence", f"the shapes are {shapes}", "give (length, *) tensors that differ in length alone"
        )
    longest = max(p.shape[0] for p in parts)
    padded = [_filled(p.to(parts[0].dtype), longest, padding_value, padding_side) for p in parts]
    return ops.stack(*padded, dim=0 if batch_first else 1)


def _filled(x: Tensor, length: int, value: float, side: str) -> Tensor:
    if x.shape[0] == length:
        return x
    more = ops.full(size=(length - x.shape[0], *x.shape[1:]), fill_value=value, dtype=x.dtype)
    return ops.cat(x, more, dim=0) if side == "right" else ops.cat(more, x, dim=0)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Return the sequences of a padded batch (time, batch, *) with their first ``lengths`` steps each.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html

    >>> import tapegrad as tg
    >>> tg.nn.utils.rnn.unpad_sequence(tg.tensor([[1, 2], [3, 0]]), tg.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[: int(n)] for x, n in zip(batch, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences (length, *) packed: :func:`pad_sequence`, then :func:`pack_padded_sequence`, with their errors.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html

    >>> import tapegrad as tg
    >>> tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])]).data
    tensor([1, 4, 2, 3])
    """
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(list(sequences)), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the list of sequences that was packed.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html

    >>> import tapegrad as tg
    >>> rnn = tg.nn.utils.rnn
    >>> rnn.unpack_sequence(rnn.pack_sequence([tg.tensor([1]), tg.tensor([2, 3])], enforce_sorted=False))
    [tensor([1]), tensor([2, 3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
