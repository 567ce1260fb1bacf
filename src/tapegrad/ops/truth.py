"""Whether any element is true, and whether all are."""

from ..core import Array, Sample, primitive
from .buffers import into
from .reduce import axis_of, bad_dimensions

__all__ = ["all", "any"]


def _truths():
    yield Sample(Array(3, 4, dtype="bool"))
    yield Sample(Array(3, 4, dtype="bool"), dim=1)
    yield Sample(Array(2, 3, 2, low=0, high=2, dtype="int64"), dim=(0, 2), keepdim=True)
    yield Sample((), dim=0)
    yield Sample((0, 3), dim=0)


def _truth_axis(who, ndim, dim):
    """Return NumPy's axis; unlike for sums, an empty tuple means that nothing is reduced."""
    return () if dim == () else axis_of(who, ndim, dim)


def _truth(xp, ufunc, who, input, dim, keepdim, out):
    """Return a reduction of truth values: bool, but uint8 of uint8, which PyTorch once used for truth."""
    result = ufunc.reduce(input, _truth_axis(who, input.ndim, dim), None, None, keepdim)
    if input.dtype == "uint8":
        result = xp.asarray(result).astype("uint8")
    return into(out, result)


@primitive(
    formula=r"\bigvee_i x_i",
    samples=_truths,
    errors=bad_dimensions,
    methods="any",
)
def any(xp, input, *, dim=None, keepdim=False, out=None):
    """Return whether any element is true, that is not 0, over one dimension, several, or all.

    >>> import tapegrad as tg
    >>> tg.any(tg.tensor([[True, False], [False, False]]), dim=1)
    tensor([ True, False])
    """
    return _truth(xp, xp.logical_or, "any", input, dim, keepdim, out)


@primitive(
    formula=r"\bigwedge_i x_i",
    samples=_truths,
    errors=bad_dimensions,
    methods="all",
)
def all(xp, input, *, dim=None, keepdim=False, out=None):
    """Return whether all elements are true, that is not 0, over one dimension, several, or all.

    >>> import tapegrad as tg
    >>> tg.all(tg.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(xp, xp.logical_and, "all", input, dim, keepdim, out)
