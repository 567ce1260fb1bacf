"""Random tensors: uniform, normal, integers, permutations, samples from given probabilities; and filling in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..array import get_default_dtype, is_floating
from ..core import Tensor, function, no_grad, ops
from ..core.given import write_given
from ..errors import DTypeError, OptionError, UsageError
from .draw import bernoulli, multinomial, poisson
from .generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
]


# -- new random tensors -------------------------------------------------------------------------------------------------


def _size(shape: tuple, size: Any) -> tuple[int, ...]:
    if size is None:
        size = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    return tuple(int(n) for n in size)


def _float_dtype(who: str, dtype: Any) -> np.dtype:
    dtype = get_default_dtype() if dtype is None else np.dtype(dtype)
    if not is_floating(dtype):
        raise DTypeError(who, f"there are no such numbers of dtype {dtype}", "use a floating-point dtype")
    return dtype


def _finish(out: Tensor, requires_grad: bool) -> Tensor:
    return out.requires_grad_() if requires_grad else out


@function()
def rand(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of a size, filled with numbers drawn evenly from [0, 1).

    ``generator`` None means the one that :func:`manual_seed` seeds. Raises DTypeError for integer dtypes.
    Source: https://pytorch.org/docs/stable/generated/torch.rand.html

    >>> import tapegrad as tg
    >>> tg.rand(2, 3).shape
    tapegrad.Size([2, 3])
    """
    dtype = _float_dtype("rand", dtype)
    return _finish(ops.random_uniform(size=_size(shape, size), dtype=dtype, generator=generator), requires_grad)


@function()
def randn(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of a size, filled with numbers from the normal distribution of mean 0 and variance 1.

    Arguments as in :func:`rand`. Source: https://pytorch.org/docs/stable/generated/torch.randn.html

    >>> import tapegrad as tg
    >>> tg.randn(2, 3, dtype="float64").dtype
    dtype('float64')
    """
    dtype = _float_dtype("randn", dtype)
    return _finish(ops.random_normal(size=_size(shape, size), dtype=dtype, generator=generator), requires_grad)


@function()
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor of a size, filled with integers drawn evenly from [low, high), or [0, high): int64 unless named.

    Called as ``randint(high, size)`` or ``randint(low, high, size)``. Raises OptionError when the range is empty.
    Source: https://pytorch.org/docs/stable/generated/torch.randint.html

    >>> import tapegrad as tg
    >>> tg.randint(1, (2,)), tg.randint(3, 4, (2,))
    (tensor([0, 0]), tensor([3, 3]))
    """
    if isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise UsageError("randint", "there is no size", "call randint(high, size) or randint(low, high, size)")
    dtype = np.dtype(np.int64 if dtype is None else dtype)
    out = ops.random_integers(size=_size((), size), low=int(low), high=int(high), dtype=dtype, generator=generator)
    return _finish(out, requires_grad)


@function()
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return the integers from 0 to n - 1 in random order, as int64 unless another dtype is named.

    >>> import tapegrad as tg
    >>> tg.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    if n < 0:
        raise OptionError("randperm", f"n is {n}", "use at least 0")
    out = ops.random_permutation(n=int(n), dtype=np.dtype(np.int64 if dtype is None else dtype), generator=generator)
    return _finish(out, requires_grad)


@function()
def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return :func:`rand` of the size and dtype of a tensor; ``generator``, ``device`` as there.

    >>> import tapegrad as tg
    >>> tg.rand_like(tg.zeros(2, 3)).shape
    tapegrad.Size([2, 3])
    """
    options.pop("memory_format", None)
    return rand(size=input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


@function()
def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return :func:`randn` of the size and dtype of a tensor; ``generator``, ``device`` as there.

    >>> import tapegrad as tg
    >>> tg.randn_like(tg.zeros(2, 3)).shape
    tapegrad.Size([2, 3])
    """
    options.pop("memory_format", None)
    return randn(size=input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


@function()
def randint_like(
    input: Tensor,
    low: int = 0,
    high: int | None = None,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return :func:`randint` of the size and dtype of a tensor; ``generator``, ``device`` as there."""
    options.pop("memory_format", None)
    if high is None:
        low, high = 0, low
    return randint(low, high, input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def _check_std(who: str, lowest: float) -> None:
    if not lowest >= 0:
        raise OptionError(who, f"the standard deviation is {lowest:g}", "use at least 0")


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Tensor:
    """Return numbers drawn from normal distributions, each with its own mean and standard deviation.

    ``mean``, ``std``: tensors that broadcast against each other, or numbers, with ``size`` when both are. No gradient
    flows to them. Raises OptionError for a negative ``std``.
    Source: https://pytorch.org/docs/stable/generated/torch.normal.html

    >>> import tapegrad as tg
    >>> tg.normal(tg.tensor([1.0, 2.0]), 0.0)
    tensor([1., 2.])
    """
    if out is not None:
        drawn = normal(mean, std, size, generator=generator, dtype=dtype)
        return write_given("normal", out, drawn, (mean, std))
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    if not tensors:
        if size is None:
            raise UsageError("normal", "there is no size", "pass a size, or a tensor as mean or std")
        _check_std("normal", std)
        dtype = _float_dtype("normal", dtype)
        out = ops.random_normal(
            size=_size((), size), mean=float(mean), std=float(std), dtype=dtype, generator=generator
        )
        return _finish(out, requires_grad)
    _check_std("normal", float(std.array.min(initial=0.0)) if isinstance(std, Tensor) else std)
    dtype = _float_dtype("normal", tensors[0].dtype)
    shape = np.broadcast_shapes(*(t.shape for t in tensors))
    with no_grad():
        drawn = ops.random_normal(size=shape, dtype=dtype, generator=generator) * std + mean
    return drawn.to(dtype)


# -- filling a tensor in place ----------------------------------------------------------------------------------------
# Each function returns what its in-place method writes: Tensor.uniform_, Tensor.normal_ and so on.


@function(inplace=True, name="bernoulli")
def _bernoulli(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    if isinstance(p, Tensor):
        return bernoulli(p.expand(self.shape), generator=generator).to(self.dtype)
    return bernoulli(self, p, generator=generator)


@function(inplace=True, name="uniform")
def _uniform(self: Tensor, *bounds: float, generator: Generator | None = None, **named: float) -> Tensor:
    low, high = _bounds("uniform_", bounds, named, (0.0, 1.0))
    if not low <= high:
        raise OptionError("uniform_", f"from={low} is above to={high}", "swap them")
    dtype = _float_dtype("uniform_", self.dtype)
    return ops.random_uniform(size=self.shape, low=float(low), high=float(high), dtype=dtype, generator=generator)


def _bounds(who: str, bounds: tuple, named: dict, defaults: tuple) -> tuple:
    """Return the arguments ``from`` (a word that Python keeps for itself) and ``to``."""
    given = dict(zip(("from", "to"), bounds, strict=False)) | named
    if len(bounds) > 2 or set(given) - {"from", "to"}:
        raise UsageError(who, f"arguments {(*bounds, *named)}", "the arguments are from, to and generator")
    return given.get("from", defaults[0]), given.get("to", defaults[1])


@function(inplace=True, name="normal")
def _normal(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    _check_std("normal_", std)
    dtype = _float_dtype("normal_", self.dtype)
    return ops.random_normal(size=self.shape, mean=float(mean), std=float(std), dtype=dtype, generator=generator)


@function(inplace=True, name="log_normal")
def _log_normal(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    return ops.exp(_normal(self, mean, std, generator=generator))


@function(inplace=True, name="exponential")
def _exponential(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    if not lambd > 0:
        raise OptionError("exponential_", f"lambd is {lambd}", "use a rate above 0")
    return -ops.log1p(-_uniform(self, generator=generator)) / lambd


@function(inplace=True, name="cauchy")
def _cauchy(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    if not sigma > 0:
        raise OptionError("cauchy_", f"sigma is {sigma}", "use a width above 0")
    return ops.tan((_uniform(self, generator=generator) - 0.5) * math.pi) * sigma + median


@function(inplace=True, name="geometric")
def _geometric(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    if not 0 < p < 1:
        raise OptionError("geometric_", f"p is {p}", "use a probability between 0 and 1")
    drawn = ops.random_uniform(size=self.shape, dtype=np.dtype(np.float64), generator=generator)
    trials = ops.log1p(-drawn) / math.log1p(-p)
    return ops.add(ops.floor(trials), 1.0).to(self.dtype)


@function(inplace=True, name="random")
def _random(self: Tensor, *bounds: int, generator: Generator | None = None, **named: int) -> Tensor:
    if len(bounds) == 1 and not named:
        bounds = (0, bounds[0])
    low, high = _bounds("random_", bounds, named, (0, None))
    high = _largest(self.dtype) + 1 if high is None else high
    return ops.random_integers(size=self.shape, low=int(low), high=int(high), dtype=self.dtype, generator=generator)


def _largest(dtype: np.dtype) -> int:
    """Return the largest integer up to which a dtype holds all."""
    if dtype.kind == "b":
        return 1
    return 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else int(np.iinfo(dtype).max)
