"""The transforms: of numbers, of vectors and of matrices, each with its inverse and ln |dy/dx|.

Source: https://pytorch.org/docs/stable/distributions.html#module-torch.distributions.transforms
"""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..core import Tensor
from ..functional import logsigmoid
from ..ops.convert import finfo
from ..ops.fused import softmax
from . import constraints
from .joined import CatTransform, StackTransform
from .matrices import CorrCholeskyTransform, LowerCholeskyTransform, PositiveDefiniteTransform
from .transform import (
    ComposeTransform,
    IndependentTransform,
    ReshapeTransform,
    Transform,
    identity_transform,
    require_dims,
)
from .utils import _size, _softplus, _sum_rightmost

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CatTransform",
    "ComposeTransform",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "TanhTransform",
    "Transform",
    "identity_transform",
]


class _Simple(Transform):
    """A growing function of numbers without parameters: transforms of one class are equal."""

    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = None  # type: ignore[assignment]


class ExpTransform(_Simple):
    """y = eˣ.

    >>> import tapegrad as tg
    >>> ExpTransform().inv(tg.ones(2))
    tensor([0., 0.])
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return ops.exp(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.log(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class SigmoidTransform(_Simple):
    """y = 1 / (1 + e⁻ˣ), kept away from 0 and 1 by the dtype's rounding.

    >>> import tapegrad as tg
    >>> SigmoidTransform()(tg.zeros(1))
    tensor([0.5000])
    """

    domain = constraints.real
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        limits = finfo(x.dtype)
        return ops.clamp(ops.sigmoid(x), limits.tiny, 1 - limits.eps)

    def _inverse(self, y: Tensor) -> Tensor:
        limits = finfo(y.dtype)
        y = ops.clamp(y, limits.tiny, 1 - limits.eps)
        return ops.log(y) - ops.log1p(-y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return logsigmoid(x) + logsigmoid(-x)


class SoftplusTransform(_Simple):
    """y = ln(1 + eˣ).

    >>> import tapegrad as tg
    >>> SoftplusTransform()(tg.zeros(1))
    tensor([0.6931])
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return _softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.log(-ops.expm1(-y)) + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return logsigmoid(x)


class TanhTransform(_Simple):
    """y = tanh x. With ``cache_size=1`` the inverse of an output just computed is exact even where it is rounded to 1.

    >>> import tapegrad as tg
    >>> TanhTransform()(tg.zeros(1))
    tensor([0.])
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return ops.tanh(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.atanh(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # 1 - tanh² x = 4 / (eˣ + e⁻ˣ)², without the difference of nearly equal numbers.
        return 2 * (math.log(2) - x + logsigmoid(2 * x))


class AbsTransform(Transform):
    """y = |x|, whose pseudoinverse is y itself.

    >>> import tapegrad as tg
    >>> AbsTransform()(tg.tensor([-2.0]))
    tensor([2.])
    """

    domain = constraints.real
    codomain = constraints.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return ops.abs(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y


def _same(a: Any, b: Any) -> bool:
    """Return whether two parameters, tensors or numbers, are equal."""
    equal = a == b
    return bool(equal.all()) if isinstance(equal, Tensor) else bool(equal)


class PowerTransform(Transform):
    """y = x ^ ``exponent`` for positive x.

    >>> import tapegrad as tg
    >>> PowerTransform(tg.tensor(2.0))(tg.tensor([3.0]))
    tensor([9.])
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.exponent = exponent

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self if self._cache_size == cache_size else PowerTransform(self.exponent, cache_size=cache_size)

    @property
    def sign(self) -> Any:
        return _sign(self.exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _same(self.exponent, other.exponent)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.log(ops.abs(self.exponent * y / x))

    def forward_shape(self, shape: Any) -> Any:
        return _size(ops.broadcast_shapes(tuple(shape), tuple(getattr(self.exponent, "shape", ()))))

    inverse_shape = forward_shape


class AffineTransform(Transform):
    """y = ``loc`` + ``scale`` x, of events of ``event_dim`` dimensions.

    >>> import tapegrad as tg
    >>> AffineTransform(1.0, 2.0)(tg.tensor([3.0]))
    tensor([7.])
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:  # type: ignore[override]
        return constraints.independent(constraints.real, self._event_dim) if self._event_dim else constraints.real

    codomain = domain

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return AffineTransform(self.loc, self.scale, self._event_dim, cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _same(self.loc, other.loc) and _same(self.scale, other.scale)

    __hash__ = None  # type: ignore[assignment]

    @property
    def sign(self) -> Any:
        return _sign(self.scale)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.scale, Tensor):
            logs = ops.log(ops.abs(self.scale)).to(x.dtype)
        else:
            logs = ops.full((), math.log(abs(self.scale)), dtype=x.dtype)
        return _sum_rightmost(logs.expand(ops.broadcast_shapes(tuple(logs.shape), tuple(x.shape))), self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        parameters = (tuple(getattr(p, "shape", ())) for p in (self.loc, self.scale))
        return _size(ops.broadcast_shapes(tuple(shape), *parameters))

    inverse_shape = forward_shape


class SoftmaxTransform(Transform):
    """From any vectors to the simplex by softmax of the last dimension; ln y is a pseudoinverse.

    >>> import tapegrad as tg
    >>> SoftmaxTransform()(tg.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftmaxTransform)

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Tensor) -> Tensor:
        return softmax(x, dim=-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.log(y)

    def forward_shape(self, shape: Any) -> Any:
        require_dims("SoftmaxTransform", shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Transform):
    """From vectors of n - 1 numbers to the simplex of n: each breaks off a share of what is left of a stick.

    The shares are sigmoids, moved so that 0 stands for equal parts.

    >>> import tapegrad as tg
    >>> StickBreakingTransform()(tg.zeros(1))
    tensor([0.5000, 0.5000])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StickBreakingTransform)

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def _offset(x: Tensor) -> Tensor:
        """Return the logarithms of how many parts are left after each one."""
        return ops.log(ops.arange(x.shape[-1], 0, -1, dtype=x.dtype))

    @staticmethod
    def _end(x: Tensor, value: float) -> Tensor:
        return ops.full((*x.shape[:-1], 1), value, dtype=x.dtype)

    def _call(self, x: Tensor) -> Tensor:
        limits = finfo(x.dtype)
        share = ops.clamp(ops.sigmoid(x - self._offset(x)), limits.tiny, 1 - limits.eps)
        left = ops.cumprod(1 - share, -1)
        return ops.cat([share, self._end(x, 1.0)], -1) * ops.cat([self._end(x, 1.0), left], -1)

    def _inverse(self, y: Tensor) -> Tensor:
        parts = y[..., :-1]
        left = ops.clamp(1 - ops.cumsum(parts, -1), min=finfo(y.dtype).tiny)
        return ops.log(parts) - ops.log(left) + self._offset(parts)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._offset(x)
        return (-x + logsigmoid(x) + ops.log(y[..., :-1])).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        require_dims("StickBreakingTransform", shape, 1)
        return _size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        require_dims("StickBreakingTransform", shape, 1)
        return _size((*shape[:-1], shape[-1] - 1))


class CumulativeDistributionTransform(Transform):
    """y = the cumulative function of a distribution of numbers at x: its samples come out spread evenly over [0, 1].

    >>> import tapegrad as tg
    >>> CumulativeDistributionTransform(tg.distributions.Normal(0.0, 1.0))(tg.zeros(1))
    tensor([0.5000])
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return CumulativeDistributionTransform(self.distribution, cache_size=cache_size)


def _sign(value: Any) -> Any:
    return ops.sign(value) if isinstance(value, Tensor) else (value > 0) - (value < 0)
