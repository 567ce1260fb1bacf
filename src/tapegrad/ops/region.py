"""The part of a tensor that a view shows, by shape, strides and offset: what in-place writes through views are made of."""

from __future__ import annotations

from ..core import Sample, ops, primitive

__all__: list[str] = []


@primitive(
    vjp=(lambda g, input_shape, size, stride, offset: ops.region_fill(g, input_shape, size, stride, offset),),
    formula=r"y_i = x_{o + s \cdot i}",
    derivative=r"g_i \to x_{o + s \cdot i}",
    samples=lambda: [
        Sample((3, 4), size=(3, 2), stride=(4, 1), offset=1),
        Sample((2, 6), size=(3, 4), stride=(4, 1), offset=0),
        Sample((4,), size=(), stride=(), offset=2),
        Sample((5,), size=(3, 2), stride=(1, 2), offset=0),
    ],
    torch="",
)
def region(xp, input, *, size, stride, offset):
    """Return a copy of the elements at ``offset + stride · index``, counted in rows.

    >>> import tapegrad as tg
    >>> tg.core.ops.region(tg.arange(6.0), size=(2,), stride=(3,), offset=1)
    tensor([1., 4.])
    """
    flat = xp.ascontiguousarray(input).reshape(-1)[offset:]
    return xp.array(xp.lib.stride_tricks.as_strided(flat, size, [s * flat.itemsize for s in stride]))


@primitive(
    vjp=(lambda g, size, stride, offset: ops.region(g, size, stride, offset),),
    formula=r"y_{o + s \cdot i} = x_i",
    derivative=r"g_{o + s \cdot i}",
    samples=lambda: [
        Sample((3, 2), shape=(3, 4), size=(3, 2), stride=(4, 1), offset=1),
        Sample((), shape=(4,), size=(), stride=(), offset=2),
        Sample((3, 2), shape=(5,), size=(3, 2), stride=(1, 2), offset=0),
        Sample((2, 3), shape=(3,), size=(2, 3), stride=(0, 1), offset=0),
    ],
    torch="",
)
def region_fill(xp, input, *, shape, size, stride, offset):
    """Return zeros of a shape with the input added at ``offset + stride · index``, counted in rows.

    >>> import tapegrad as tg
    >>> tg.core.ops.region_fill(tg.ones(2), shape=(4,), size=(2,), stride=(2,), offset=1)
    tensor([0., 1., 0., 1.])
    """
    result = xp.zeros(shape, input.dtype)
    flat = result.reshape(-1)
    if _overlaps(size, stride):
        numbers = xp.arange(flat.size)[offset:]
        places = xp.lib.stride_tricks.as_strided(numbers, size, [s * numbers.itemsize for s in stride])
        xp.add.at(flat, places, input)
    else:
        flat = flat[offset:]
        xp.lib.stride_tricks.as_strided(flat, size, [s * flat.itemsize for s in stride])[...] = input
    return result


def _overlaps(size: tuple, stride: tuple) -> bool:
    """Return whether several indices may name one place."""
    reach = 0
    for step, count in sorted((abs(s), n) for s, n in zip(stride, size, strict=True) if n > 1):
        if step <= reach:
            return True
        reach += step * (count - 1)
    return False


@primitive(
    vjp=(
        lambda g, size, stride, offset: (
            g - ops.region_fill(ops.region(g, size, stride, offset), g.shape, size, stride, offset)
        ),
        lambda g, size, stride, offset: ops.region(g, size, stride, offset),
    ),
    formula=r"y = x,\; y_{o + s \cdot i} = v_i",
    derivative=r"g \text{ without the region},\; g_{o + s \cdot i}",
    samples=lambda: [
        Sample((3, 4), (3, 2), size=(3, 2), stride=(4, 1), offset=1),
        Sample((4,), (), size=(), stride=(), offset=2),
    ],
    torch="",
)
def region_write(xp, input, src, *, size, stride, offset):
    """Return a copy of the input with ``src`` at ``offset + stride · index``, counted in rows.

    >>> import tapegrad as tg
    >>> tg.core.ops.region_write(tg.zeros(4), tg.ones(2), size=(2,), stride=(2,), offset=1)
    tensor([0., 1., 0., 1.])
    """
    result = xp.array(input, order="C")
    flat = result.reshape(-1)[offset:]
    xp.lib.stride_tricks.as_strided(flat, size, [s * flat.itemsize for s in stride])[...] = src
    return result
