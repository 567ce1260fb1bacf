"""The primitives that draw random numbers, when they run: a traced step draws anew each time it is replayed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Array, ErrorSample, Sample, ops, primitive
from ..errors import DTypeError, OptionError, UsageError
from .buffers import into, zeros
from .generator import Generator, current_generator

__all__ = ["bernoulli", "multinomial", "poisson"]


def _stream(who: str, generator: Any) -> np.random.Generator:
    """Return the NumPy generator behind a Generator, or behind the one in use when none is named."""
    if generator is None:
        return current_generator().stream
    if not isinstance(generator, Generator):
        raise UsageError(who, f"generator is a {type(generator).__name__}", "pass a tapegrad.Generator")
    return generator.stream


def _buffer(out: Any, dtype: Any) -> Any:
    """Return ``out`` when numbers of a dtype can be drawn into it one after the other, else None."""
    return out if out is not None and out.dtype == dtype and out.flags.c_contiguous else None


def _unit(stream: np.random.Generator, size: tuple, dtype: Any, out: Any = None) -> np.ndarray:
    """Return numbers spread evenly over [0, 1), in ``out`` if they fit."""
    if dtype == np.float64:
        return np.asarray(stream.random(size, out=_buffer(out, np.float64)))
    values = np.asarray(stream.random(size, dtype=np.float32, out=_buffer(out, np.float32)))
    # Rounding to float16 would reach 1; cutting off to its 11 bits does not.
    return values if dtype == np.float32 else (np.floor(values * 2048) / 2048).astype(dtype)


@primitive(
    random=True,
    formula=r"U(a, b)",
    onnx="RandomUniform",
    samples=lambda: [Sample(size=(2, 3), dtype="float32"), Sample(size=(), low=-1.0, high=2.0, dtype="float64")],
    torch="",
)
def random_uniform(xp, *, size, low=0.0, high=1.0, dtype, generator=None, out=None):
    """Return numbers drawn evenly from [low, high)."""
    values = _unit(_stream("random_uniform", generator), size, xp.dtype(dtype), out)
    if (low, high) != (0.0, 1.0):
        values *= high - low
        values += low
    return values if values is out else into(out, xp.asarray(values))


@primitive(
    random=True,
    formula=r"N(\mu, \sigma^2)",
    onnx="RandomNormal",
    samples=lambda: [Sample(size=(2, 3), dtype="float32"), Sample(size=(), mean=1.0, std=2.0, dtype="float64")],
    torch="",
)
def random_normal(xp, *, size, mean=0.0, std=1.0, dtype, generator=None, out=None):
    """Return numbers drawn from the normal distribution with a mean and a standard deviation."""
    dtype = xp.dtype(dtype)
    stream = _stream("random_normal", generator)
    drawn = xp.float64 if dtype == xp.float64 else xp.float32
    values = xp.asarray(stream.standard_normal(size, dtype=drawn, out=_buffer(out, drawn)))
    if (mean, std) != (0.0, 1.0):
        values *= std
        values += mean
    return values if values is out else into(out, values.astype(dtype, copy=False))


@primitive(
    random=True,
    formula=r"U\{a, \ldots, b - 1\}",
    samples=lambda: [Sample(size=(2, 3), high=5, dtype="int64")],
    errors=lambda: [ErrorSample(OptionError, "low=3 is not below high=3", size=(2,), low=3, high=3, dtype="int64")],
    torch="",
)
def random_integers(xp, *, size, low=0, high, dtype, generator=None):
    """Return integers drawn evenly from [low, high)."""
    if low >= high:
        raise OptionError("random_integers", f"low={low} is not below high={high}", "widen the range")
    unsigned = high > 2**63
    values = _stream("random_integers", generator).integers(low, high, size, dtype=xp.uint64 if unsigned else xp.int64)
    return xp.asarray(values).astype(dtype, copy=False)


@primitive(
    random=True,
    formula=r"\pi \in S_n",
    samples=lambda: [Sample(n=5, dtype="int64"), Sample(n=0, dtype="int64")],
    torch="",
)
def random_permutation(xp, *, n, dtype, generator=None):
    """Return the integers from 0 to n - 1 in random order."""
    return xp.asarray(_stream("random_permutation", generator).permutation(n)).astype(dtype, copy=False)


@primitive(
    random=True,
    formula=r"m \sim \mathrm{Bernoulli}(1 - p) / (1 - p)",
    samples=lambda: [Sample(shape=(2, 3), p=0.3, dtype="float32"), Sample(shape=(2,), p=1.0, dtype="float32")],
    torch="",
)
def bernoulli_mask(xp, *, shape, p, dtype, generator=None, out=None):
    """Return dropout's mask: 0 with probability p, else 1 / (1 - p), so that multiplying by it keeps the mean."""
    if p >= 1:
        return zeros(xp, shape, dtype, out)
    kept = _unit(_stream("bernoulli_mask", generator), shape, xp.dtype(xp.float32), out) >= p
    return xp.multiply(kept, xp.asarray(1 / (1 - p), dtype), dtype=dtype, out=out)


@primitive(
    random=True,
    vjp=(lambda g: ops.mul(g, 0.0),),
    formula=r"\mathrm{Bernoulli}(x)",
    derivative=r"0",
    onnx="Bernoulli",
    samples=lambda: [
        Sample(Array(2, 3, low=0.0, high=0.0)),
        Sample(Array(4, low=1.0, high=1.0)),
        Sample((2, 2), p=1.0),
    ],
    errors=lambda: [
        ErrorSample(OptionError, "outside", Array(2, low=2.0, high=3.0)),
        ErrorSample(OptionError, "p is 2", (2,), p=2.0),
        ErrorSample(DTypeError, "int64", Array(2, low=0, high=2, dtype="int64")),
    ],
    methods="bernoulli",
    torch="",
)
def bernoulli(xp, input, *, p=None, generator=None):
    """Return 0 or 1 for each element: 1 with the probability that it gives, or with the probability ``p`` for all.

    The gradient is 0. Raises OptionError for probabilities outside [0, 1], DTypeError for integers.
    Source: https://pytorch.org/docs/stable/generated/torch.bernoulli.html

    >>> import tapegrad as tg
    >>> tg.bernoulli(tg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    stream = _stream("bernoulli", generator)
    if p is not None:
        if not 0 <= p <= 1:
            raise OptionError("bernoulli", f"p is {p}", "use a probability from 0 to 1")
        return (_unit(stream, input.shape, xp.float64) < p).astype(input.dtype)
    if input.dtype.kind != "f":
        raise DTypeError("bernoulli", f"the probabilities have dtype {input.dtype}", "make them floating-point")
    if input.size and not (input.min() >= 0 and input.max() <= 1):
        raise OptionError("bernoulli", f"a probability lies outside [0, 1]: {_extremes(input)}", "clamp them")
    return (_unit(stream, input.shape, input.dtype) < input).astype(input.dtype)


def _extremes(values: Any) -> str:
    return f"they go from {float(values.min()):g} to {float(values.max()):g}"


@primitive(
    random=True,
    vjp=(lambda g: ops.mul(g, 0.0),),
    formula=r"\mathrm{Poisson}(x)",
    derivative=r"0",
    samples=lambda: [Sample(Array(2, 3, low=0.0, high=0.0))],
    errors=lambda: [ErrorSample(OptionError, "negative", Array(2, low=-2.0, high=-1.0))],
    methods="poisson",
    torch="",
)
def poisson(xp, input, *, generator=None):
    """Return numbers drawn from the Poisson distributions whose rates the tensor holds. The gradient is 0.

    Raises OptionError for negative rates.
    """
    if input.size and not input.min() >= 0:
        raise OptionError("poisson", f"a rate is negative or nan: {_extremes(input)}", "use rates of at least 0")
    return xp.asarray(_stream("poisson", generator).poisson(input)).astype(input.dtype)


@primitive(
    random=True,
    formula=r"P(i) = x_i / \sum_j x_j",
    onnx="Multinomial",
    samples=lambda: [
        Sample(Array(4, low=0.1, high=1.0), num_samples=3),
        Sample(Array(2, 4, low=0.1, high=1.0), num_samples=6, replacement=True),
    ],
    errors=lambda: [
        ErrorSample(OptionError, "5 samples without replacement", Array(4, low=0.1, high=1.0), num_samples=5),
        ErrorSample(OptionError, "sum to 0", Array(4, low=0.0, high=0.0), num_samples=1),
        ErrorSample(OptionError, "negative", Array(4, low=-1.0, high=-0.5), num_samples=1),
    ],
    methods="multinomial",
    torch="",
)
def multinomial(xp, input, *, num_samples, replacement=False, generator=None):
    """Return ``num_samples`` indices for each row, drawn with probabilities in proportion to the row's weights.

    ``input``: (categories) or (rows, categories), not negative, not all 0; it need not sum to 1.
    Raises OptionError for more samples than categories without replacement, and for weights that are no weights.
    Source: https://pytorch.org/docs/stable/generated/torch.multinomial.html

    >>> import tapegrad as tg
    >>> tg.multinomial(tg.tensor([0.0, 1.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    _require_weights(xp, input, num_samples, replacement)
    stream = _stream("multinomial", generator)
    if not replacement:
        # The largest of weight / Exp(1) falls on i with the probability of drawing i first, the next on the second ...
        keys = input / xp.maximum(stream.standard_exponential(input.shape), xp.finfo(xp.float64).tiny)
        return xp.argsort(-keys, axis=-1, kind="stable")[..., :num_samples]
    rows = xp.cumsum(input.reshape(-1, input.shape[-1]).astype(xp.float64), axis=-1)
    draws = stream.random((rows.shape[0], num_samples)) * rows[:, -1:]
    found = [xp.searchsorted(row, d, side="right") for row, d in zip(rows, draws, strict=True)]
    return xp.asarray(found, dtype=xp.int64).reshape(*input.shape[:-1], num_samples)


def _require_weights(xp: Any, weights: Any, num_samples: int, replacement: bool) -> None:
    if weights.dtype.kind != "f":
        raise DTypeError("multinomial", f"the weights have dtype {weights.dtype}", "make them floating-point")
    if weights.ndim not in (1, 2):
        raise OptionError("multinomial", f"the weights have shape {weights.shape}", "pass one or two dimensions")
    if weights.shape[-1] > 1 << 24:
        raise OptionError("multinomial", f"there are {weights.shape[-1]} categories", "use at most 2^24")
    if num_samples <= 0:
        raise OptionError("multinomial", f"num_samples is {num_samples}", "draw at least one")
    if not replacement and num_samples > weights.shape[-1]:
        raise OptionError(
            "multinomial",
            f"{num_samples} samples without replacement from {weights.shape[-1]} categories",
            "draw fewer, or pass replacement=True",
        )
    if not xp.isfinite(weights).all() or (weights < 0).any():
        raise OptionError(
            "multinomial", f"a weight is negative, inf or nan: {_extremes(weights)}", "look at what made them"
        )
    if weights.size and not (weights.sum(axis=-1) > 0).all():
        raise OptionError("multinomial", "the weights of a row sum to 0", "give some category a positive weight")
