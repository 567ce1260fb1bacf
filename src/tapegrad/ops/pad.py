"""Padding and cropping, which are each other's adjoint, and overlapping windows along a dimension."""

from __future__ import annotations

from typing import Any

from ..core import ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import OptionError, ShapeError, UsageError
from .buffers import into, zeros
from .join import cat

__all__ = ["constant_pad", "crop", "fold_windows", "pad", "windows"]


def _inner(shape, padding):
    return tuple(slice(before, n - after) for n, (before, after) in zip(shape, padding, strict=True))


@primitive(
    vjp=(lambda g, padding: ops.crop(g, padding=padding),),
    formula=r"x_{i-b}",
    derivative=r"1",
    onnx="Pad",
    samples=lambda: [
        Sample((2, 3), padding=((1, 2), (0, 1))),
        Sample((3,), padding=((2, 0),), value=1.5),
        Sample((0, 2), padding=((1, 1), (0, 0))),
        Sample((), padding=()),
    ],
    torch="",
)
def constant_pad(xp, input, *, padding, value=0, out=None):
    """Return the input with ``value`` around it: ``padding`` has a (before, after) pair for every dimension."""
    shape = tuple(n + before + after for n, (before, after) in zip(input.shape, padding, strict=True))
    result = zeros(xp, shape, input.dtype, out)
    if value:
        result[...] = value
    result[_inner(shape, padding)] = input
    return result


@primitive(
    view=True,
    vjp=(lambda g, padding: ops.constant_pad(g, padding=padding),),
    formula=r"x_{i+b}",
    derivative=r"1",
    onnx="Slice",
    samples=lambda: [Sample((4, 5), padding=((1, 2), (0, 1))), Sample((3,), padding=((1, 2),)), Sample((), padding=())],
    errors=lambda: [ErrorSample(ShapeError, "cannot take away", (3,), padding=((2, 2),))],
    torch="",
)
def crop(xp, input, *, padding):
    """Return a view without the border that ``padding``, a (before, after) pair for every dimension, would have added."""
    if any(before + after > n for n, (before, after) in zip(input.shape, padding, strict=True)):
        raise ShapeError("crop", f"cannot take away {padding} from shape {input.shape}", "crop less")
    return input[(*_inner(input.shape, padding), ...)]


def _pairs(who: str, input: Tensor, pad: Any) -> list[tuple[int, int]]:
    """Return PyTorch's flat list, which begins with the last dimension, as a pair for every dimension."""
    if isinstance(pad, int):
        raise UsageError(who, f"the padding is {pad}", "give two numbers for each dimension, as in (1, 1)")
    flat = [int(n) for n in pad]
    if len(flat) % 2 or len(flat) > 2 * input.ndim:
        raise ShapeError(
            who,
            f"{len(flat)} numbers of padding for {input.ndim} dimensions",
            "give two for each dimension to be padded, the last dimension first",
        )
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    return [(0, 0)] * (input.ndim - len(pairs)) + pairs[::-1]


def _border(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    return ops.index_view(x, layout=((slice(None),) * dim + (slice(start, start + length),)))


def _reflect(x: Tensor, dim: int, before: int, after: int) -> list[Tensor]:
    size = x.shape[dim]
    if max(before, after) >= size:
        raise ShapeError(
            "pad", f"reflecting {max(before, after)} elements of dimension {dim}, which has {size}", "pad less"
        )
    left = ops.flip(_border(x, dim, 1, before), dims=(dim,))
    return [left, x, ops.flip(_border(x, dim, size - 1 - after, after), dims=(dim,))]


def _replicate(x: Tensor, dim: int, before: int, after: int) -> list[Tensor]:
    size = x.shape[dim]
    if not size:
        raise ShapeError("pad", f"dimension {dim} has no elements to replicate", "pad with a constant")
    shape = list(x.shape)
    first, last = _border(x, dim, 0, 1), _border(x, dim, size - 1, 1)
    shape[dim] = before
    left = ops.expand(first, shape=tuple(shape))
    shape[dim] = after
    return [left, x, ops.expand(last, shape=tuple(shape))]


def _circular(x: Tensor, dim: int, before: int, after: int) -> list[Tensor]:
    size = x.shape[dim]
    if max(before, after) > size:
        raise ShapeError(
            "pad", f"wrapping {max(before, after)} elements of dimension {dim}, which has {size}", "pad less"
        )
    return [_border(x, dim, size - before, before), x, _border(x, dim, 0, after)]


_MODES = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


@function()
def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Return the input with a border: two numbers for each padded dimension, the last dimension first.

    ``mode``: ``constant`` (``value``, 0 unless given), ``reflect`` (mirrored at the edge element), ``replicate`` (the
    edge element), ``circular`` (the other side). Negative numbers take away. Raises ShapeError when the padding does
    not fit the dimensions, OptionError for an unknown mode.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import tapegrad as tg
    >>> x = tg.tensor([1, 2, 3])
    >>> tg.pad(x, (1, 2)), tg.pad(x, (2, 0), mode="reflect")
    (tensor([0, 1, 2, 3, 0, 0]), tensor([3, 2, 1, 2, 3]))
    """
    pairs = _pairs("pad", input, pad)
    taken = tuple((max(-a, 0), max(-b, 0)) for a, b in pairs)
    added = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    if mode == "constant":
        return ops.constant_pad(_cropped(input, taken), padding=added, value=0 if value is None else value)
    if mode not in _MODES:
        raise OptionError("pad", f"mode is '{mode}'", "use 'constant', 'reflect', 'replicate' or 'circular'")
    if value:
        raise OptionError("pad", f"value={value} with mode '{mode}'", "leave value out, or use mode 'constant'")
    # What is taken away does not come back on the other side, but is still mirrored.
    out = _cropped(input, taken) if mode == "circular" else input
    for dim, (before, after) in enumerate(added):
        if before or after:
            out = cat(*_MODES[mode](out, dim, before, after), dim=dim)
    out = out if mode == "circular" else _cropped(out, taken)
    return ops.clone(out) if out.memory is input.memory else out


def _cropped(input: Tensor, padding: tuple) -> Tensor:
    return ops.crop(input, padding=padding) if any(map(any, padding)) else input


# -- windows ------------------------------------------------------------------------------------------------------------


@primitive(
    vjp=(
        lambda g, input_shape, dimension, step: ops.fold_windows(g, shape=input_shape, dimension=dimension, step=step),
    ),
    formula=r"y_{i,j} = x_{i s + j}",
    derivative=r"1",
    samples=lambda: [
        Sample((5,), dimension=0, size=2, step=1),
        Sample((2, 6), dimension=-1, size=3, step=2),
        Sample((4, 2), dimension=0, size=4, step=3),
        Sample((3, 2), dimension=0, size=1, step=2),
    ],
    errors=lambda: [
        ErrorSample(ShapeError, "3 elements has no window of 4", (3,), dimension=0, size=4, step=1),
        ErrorSample(OptionError, "step 0", (3,), dimension=0, size=1, step=0),
    ],
    torch="Tensor.unfold",
)
def windows(xp, input, *, dimension, size, step, out=None):
    """Return the windows of ``size`` elements, ``step`` apart, along a dimension: their elements are the last dimension."""
    length = input.shape[dimension]
    if not 0 <= size <= length:
        raise ShapeError("unfold", f"dimension {dimension} of {length} elements has no window of {size}", "use less")
    if step < 1:
        raise OptionError("unfold", f"step {step} is not positive", "use at least 1")
    all_windows = xp.lib.stride_tricks.sliding_window_view(input, size, dimension)
    chosen = all_windows[(slice(None),) * (dimension % input.ndim) + (slice(None, None, step),)]
    return xp.array(chosen) if out is None else into(out, chosen)


@primitive(
    vjp=(lambda g, input_shape, dimension, step: ops.windows(g, dimension=dimension, size=input_shape[-1], step=step),),
    formula=r"x_k = \sum_{i s + j = k} y_{i,j}",
    derivative=r"1",
    samples=lambda: [
        Sample((4, 2), shape=(5,), dimension=0, step=1),
        Sample((2, 2, 3), shape=(2, 6), dimension=-1, step=2),
        Sample((1, 2, 4), shape=(4, 2), dimension=0, step=3),
    ],
    torch="",
)
def fold_windows(xp, input, *, shape, dimension, step, out=None):
    """Return the sum of windows laid back to where :func:`windows` took them from."""
    result = zeros(xp, shape, input.dtype, out)
    before = (slice(None),) * (dimension % len(shape))
    count = input.shape[dimension % len(shape)]
    for j in range(input.shape[-1]):
        result[(*before, slice(j, j + (count - 1) * step + 1, step))] += input[..., j]
    return result


@function(methods="unfold")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return the windows of ``size`` elements, ``step`` apart, along a dimension: their elements are a new last dimension.

    Source: https://pytorch.org/docs/stable/generated/torch.Tensor.unfold.html

    >>> import tapegrad as tg
    >>> tg.arange(5).unfold(0, 2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    if input.ndim == 0:
        return unfold(ops.reshape(input, shape=(1,)), dimension, size, step)[0]
    return ops.windows(input, dimension=dimension, size=size, step=step)
