"""Running sums, products and maxima along a dimension, and differences, which undo sums.

``cumsum`` and ``cumprod`` are the bare primitives: the functions of that name, with their ``dtype``, are in totals.py.

The rules of ``cumprod`` and ``logcumsumexp`` need no division and no exponential that could overflow: both are sums whose
earlier terms decay by a product, and such a sum is its own adjoint, run the other way.
"""

from __future__ import annotations

from ..core import Array, ErrorSample, Sample, Tensor, function, ops, primitive
from ..errors import IndexRangeError, OptionError, ShapeError
from .join import cat
from .pairs import log_sum
from .reduce import accumulator, axis_of, narrowed
from .select import narrow
from .sort import ValuesAndIndices

__all__ = ["cummax", "cummin", "diff", "logcumsumexp"]


def _runs():
    yield Sample((3, 4), dim=1)
    yield Sample((3, 4), dim=0)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=0)


def _bad_runs():
    yield ErrorSample(IndexRangeError, "out of bounds", (2, 3), dim=2)
    yield ErrorSample(IndexRangeError, "dimension 1", (), dim=1)


def _run(xp, who, accumulate, input, dim, reverse=False):
    """Return a NumPy accumulation along a dimension, from its end when ``reverse``; a 0-d input gives itself."""
    if axis_of(who, input.ndim, dim) is None:
        return narrowed(xp, xp.array(input, accumulator(input.dtype)), input.dtype)
    with xp.errstate(over="ignore", invalid="ignore"):
        ordered = xp.flip(input, dim) if reverse else input
        result = accumulate(ordered, axis=dim, dtype=accumulator(input.dtype))
    return narrowed(xp, xp.flip(result, dim) if reverse else result, input.dtype)


# -- sums ---------------------------------------------------------------------------------------------------------------


@primitive(
    vjp=(lambda g, dim, reverse: ops.cumsum(g, dim=dim, reverse=not reverse),),
    formula=r"\sum_{j \le i} x_j",
    derivative=r"[j \le i]",
    onnx="CumSum",
    samples=lambda: [*_runs(), Sample((4,), dim=-1)],
    errors=_bad_runs,
)
def cumsum(xp, input, *, dim, reverse=False):
    """Return the sum of each element and those before it (behind it when ``reverse``). Integers and bool give int64."""
    return _run(xp, "cumsum", xp.cumsum, input, dim, reverse)


def _decayed_gradient(g, input, decay, out, dim, reverse, needs):
    adjoint = ops.decayed_sum(g, decay, dim=dim, reverse=not reverse)
    return (adjoint if needs[0] else None, out * adjoint if needs[1] else None)


@primitive(
    promote="same",
    vjp=_decayed_gradient,
    formula=r"\sum_{j < i} x_j \prod_{j < k < i} d_k",
    derivative=r"\prod_{j < k < i} d_k",
    samples=lambda: [
        Sample((4,), (4,), dim=0),
        Sample((3, 4), (3, 4), dim=-1),
        Sample((3, 4), (3, 4), dim=0, reverse=True),
        Sample((0, 3), (0, 3), dim=0),
    ],
    torch="",
)
def decayed_sum(xp, input, decay, *, dim, reverse=False):
    """Return the sum of the elements before each one, multiplied by the decays between: s' = x + d s, from s = 0."""
    terms, factors = (xp.moveaxis(a, dim, 0)[:: -1 if reverse else 1] for a in (input, decay))
    out = xp.empty_like(terms)
    total = xp.zeros(terms.shape[1:], terms.dtype)
    with xp.errstate(over="ignore", invalid="ignore"):
        for i in range(len(terms)):
            out[i] = total
            total = terms[i] + factors[i] * total
    return xp.array(xp.moveaxis(out[:: -1 if reverse else 1], 0, dim))


# -- products -----------------------------------------------------------------------------------------------------------


def _cumprod_gradient(g, input, dim, exclusive, reverse):
    if input.ndim == 0:
        return ops.copy(g, 0) if exclusive else g
    before = ops.cumprod(input, dim=dim, exclusive=True, reverse=reverse)
    later = ops.decayed_sum(g if exclusive else g * input, input, dim=dim, reverse=not reverse)
    return before * (later if exclusive else g + later)


@primitive(
    vjp=(_cumprod_gradient,),
    formula=r"\prod_{j \le i} x_j",
    derivative=r"\prod_{k \le i, k \ne j} x_k",
    samples=lambda: [*_runs(), Sample((5,), dim=-1)],
    errors=_bad_runs,
)
def cumprod(xp, input, *, dim, exclusive=False, reverse=False):
    """Return the product of each element (unless ``exclusive``) and those before it (behind it when ``reverse``)."""
    if not exclusive:
        return _run(xp, "cumprod", xp.cumprod, input, dim, reverse)
    if axis_of("cumprod", input.ndim, dim) is None:
        return xp.ones_like(input)
    rows = xp.moveaxis(input, dim, 0)[:: -1 if reverse else 1]
    out = xp.ones_like(rows)
    xp.cumprod(rows[:-1], axis=0, out=out[1:])
    return xp.array(xp.moveaxis(out[:: -1 if reverse else 1], 0, dim))


# -- logarithms of sums -------------------------------------------------------------------------------------------------


def _complex_run(xp, input, dim):
    """Return the logarithms of running sums of complex exponentials, for which NumPy has no function."""
    rows = xp.moveaxis(input, dim, 0)
    out = xp.array(rows)
    for i in range(1, len(rows)):
        out[i] = log_sum(xp, out[i - 1], rows[i])
    return xp.array(xp.moveaxis(out, 0, dim))


def _logcumsumexp_gradient(g, input, out, dim):
    if input.ndim == 0:
        return g
    own = ops.exp(input - out)
    rest = 1 - own
    return own * (g + ops.decayed_sum(g * rest, rest, dim=dim, reverse=True))


@primitive(
    promote="float",
    vjp=(_logcumsumexp_gradient,),
    formula=r"\ln \sum_{j \le i} e^{x_j}",
    derivative=r"[j \le i] e^{x_j} / \sum_{k \le i} e^{x_k}",
    samples=_runs,
    errors=_bad_runs,
    methods="logcumsumexp",
)
def logcumsumexp(xp, input, *, dim):
    """Return the logarithm of the sum of the exponentials of each element and those before it, without overflow.

    Source: https://pytorch.org/docs/stable/generated/torch.logcumsumexp.html

    >>> import tapegrad as tg
    >>> tg.logcumsumexp(tg.tensor([1000.0, 1000.0]), dim=0)
    tensor([1000.0000, 1000.6932])
    """
    if input.dtype.kind == "c" and input.ndim:
        return _complex_run(xp, input, dim)
    return _run(xp, "logcumsumexp", xp.logaddexp.accumulate, input, dim)


# -- maxima -------------------------------------------------------------------------------------------------------------


@primitive(
    formula=r"\arg\max_{j \le i} x_j",
    samples=lambda: [
        Sample(Array(3, 4, distinct=True), dim=1),
        Sample(Array(3, 4, distinct=True), dim=0, smallest=True),
        Sample(Array(5, low=0, high=3, dtype="int64"), dim=-1),
        Sample((), dim=0),
    ],
    errors=_bad_runs,
    torch="",
)
def running_argmax(xp, input, *, dim, smallest=False):
    """Return where the largest (smallest) of each element and those before it is: the last of equal ones."""
    if axis_of("running_argmax", input.ndim, dim) is None:
        return xp.zeros((), xp.int64)
    rows = xp.moveaxis(input, dim, 0)
    best = (xp.minimum if smallest else xp.maximum).accumulate(rows, axis=0)
    reached = (rows == best) | (rows != rows)
    own = xp.arange(len(rows)).reshape(-1, *[1] * (rows.ndim - 1))
    return xp.array(xp.moveaxis(xp.maximum.accumulate(xp.where(reached, own, 0), axis=0), 0, dim))


def _running(input: Tensor, dim: int, smallest: bool) -> ValuesAndIndices:
    indices = ops.running_argmax(input, dim=dim, smallest=smallest)
    return ValuesAndIndices(ops.gather(input, indices, dim=dim), indices)


@function(methods="cummax")
def cummax(input: Tensor, dim: int) -> ValuesAndIndices:
    """Return the largest of each element and those before it along a dimension, and where it is (the last of equal ones).

    Source: https://pytorch.org/docs/stable/generated/torch.cummax.html

    >>> import tapegrad as tg
    >>> tg.cummax(tg.tensor([1, 3, 2]), dim=0).values
    tensor([1, 3, 3])
    """
    return _running(input, dim, False)


@function(methods="cummin")
def cummin(input: Tensor, dim: int) -> ValuesAndIndices:
    """Return the smallest of each element and those before it along a dimension, and where it is (the last of equal ones).

    Source: https://pytorch.org/docs/stable/generated/torch.cummin.html

    >>> import tapegrad as tg
    >>> tg.cummin(tg.tensor([3, 1, 2]), dim=0).values
    tensor([3, 1, 1])
    """
    return _running(input, dim, True)


# -- differences --------------------------------------------------------------------------------------------------------


@function(methods="diff")
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the ``n``-th differences of neighbours along a dimension; of bool, whether they differ.

    ``prepend`` and ``append`` are put before and behind the input first. Raises ShapeError for a 0-d tensor,
    OptionError for a negative ``n``. Source: https://pytorch.org/docs/stable/generated/torch.diff.html

    >>> import tapegrad as tg
    >>> tg.diff(tg.tensor([1, 3, 6]))
    tensor([2, 3])
    """
    if input.ndim == 0:
        raise ShapeError("diff", "a 0-d tensor has no neighbours", "give at least one dimension")
    if n < 0:
        raise OptionError("diff", f"n = {n}", "use 0 or more")
    if n == 0:
        return ops.clone(input)
    parts = [t for t in (prepend, input, append) if t is not None]
    out = cat(parts, dim) if len(parts) > 1 else input
    difference = ops.ne if input.dtype.kind == "b" else ops.sub
    for _ in range(min(n, out.shape[dim])):
        rest = max(out.shape[dim] - 1, 0)
        out = difference(narrow(out, dim, out.shape[dim] - rest, rest), narrow(out, dim, 0, rest))
    return out
