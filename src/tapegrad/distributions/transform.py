"""The base of transforms, their inverses, chains of them, and transforms of events of more dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core import Size, Tensor
from ..errors import ArgumentError, ContractError, MissingMethodError
from . import constraints
from .utils import _sum_rightmost

__all__ = ["ComposeTransform", "IndependentTransform", "Transform", "identity_transform"]


class Transform:
    """A function of tensors whose logarithm of the Jacobian's determinant is known, and mostly its inverse.

    ``cache_size`` 1 keeps the last pair of input and output, so that inverting an output that has just been computed
    is exact and costs nothing. A subclass writes ``_call`` or ``_inverse`` or both, and ``log_abs_det_jacobian``
    if it is ``bijective``. Raises ArgumentError (a ValueError) for another ``cache_size``.
    Source: https://pytorch.org/docs/stable/distributions.html#module-torch.distributions.transforms

    >>> import tapegrad as tg
    >>> t = tg.distributions.ExpTransform()
    >>> t(tg.zeros(2)), t.inv(tg.ones(2))
    (tensor([1., 1.]), tensor([0., 0.]))
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0):
        if cache_size not in (0, 1):
            raise ArgumentError(type(self).__name__, f"cache_size is {cache_size}", "cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._inv: Any = None
        self._cached_x_y: tuple[Any, Any] = (None, None)

    def __getstate__(self) -> dict:
        return vars(self) | {"_inv": None, "_cached_x_y": (None, None)}

    @property
    def event_dim(self) -> int:
        """How many dimensions on the right make up one point. Raises ArgumentError if that changes on the way."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ArgumentError(
                type(self).__name__,
                "its two sides have unlike event_dim",
                "use .domain.event_dim or .codomain.event_dim",
            )
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse transform; its own inverse is this one."""
        if self._inv is None:
            self._inv = _InverseTransform(self)
        return self._inv

    def _no_sign(self) -> Any:
        """1 where the transform of numbers grows, -1 where it falls."""
        raise MissingMethodError(type(self).__name__, "it has no sign", "it is not monotonic")

    # Subclasses put plain numbers in its place.
    sign: Any = property(_no_sign)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return the transform with a cache of a size."""
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is Transform.__init__:
            return type(self)(cache_size=cache_size)
        raise MissingMethodError(type(self).__name__, "it has no with_cache", "write with_cache(cache_size)")

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        if self._cache_size and x is self._cached_x_y[0]:
            return self._cached_x_y[1]
        return self._keep(x, self._call(x))[1]

    def _inv_call(self, y: Any) -> Any:
        if self._cache_size and y is self._cached_x_y[1]:
            return self._cached_x_y[0]
        return self._keep(self._inverse(y), y)[0]

    def _keep(self, x: Any, y: Any) -> tuple[Any, Any]:
        if self._cache_size:
            self._cached_x_y = x, y
        return x, y

    def _call(self, x: Tensor) -> Tensor:
        raise MissingMethodError(type(self).__name__, "it has no forward direction", "write _call(x)")

    def _inverse(self, y: Tensor) -> Tensor:
        raise MissingMethodError(type(self).__name__, "it has no inverse", "write _inverse(y)")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ln |dy/dx| of an input and its output."""
        raise MissingMethodError(type(self).__name__, "it has no log_abs_det_jacobian", "it is not bijective")

    def forward_shape(self, shape: Any) -> Any:
        """Return the shape of the output for an input of a shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """Return the shape of the input for an output of a shape."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _InverseTransform(Transform):
    def __init__(self, transform: Transform):
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:  # type: ignore[override]
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:  # type: ignore[override]
        return self._inv.domain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._inv.with_cache(cache_size).inv

    def __getstate__(self) -> dict:
        return dict(vars(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._inv == other._inv

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inv!r})"


def _widest(start: int, steps: Sequence[tuple[int, int]]) -> int:
    """Return the event dimensions after steps from one side's to the other's, each of which needs its own."""
    for before, after in steps:
        start = max(start + after - before, after)
    return start


def _raised(constraint: Any, event_dim: int) -> Any:
    """Return a constraint as one of events of so many dimensions."""
    extra = event_dim - constraint.event_dim
    return constraints.independent(constraint, extra) if extra else constraint


class ComposeTransform(Transform):
    """Transforms one after the other.

    >>> import tapegrad as tg
    >>> D = tg.distributions
    >>> ComposeTransform([D.AffineTransform(0.0, 2.0), D.ExpTransform()])(tg.zeros(1))
    tensor([1.])
    """

    def __init__(self, parts: list[Transform], cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:  # type: ignore[override]
        if not self.parts:
            return constraints.real
        steps = [(part.codomain.event_dim, part.domain.event_dim) for part in reversed(self.parts)]
        return _raised(self.parts[0].domain, _widest(self.parts[-1].codomain.event_dim, steps))

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:  # type: ignore[override]
        if not self.parts:
            return constraints.real
        steps = [(part.domain.event_dim, part.codomain.event_dim) for part in self.parts]
        return _raised(self.parts[-1].codomain, _widest(self.parts[0].domain.event_dim, steps))

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self) -> Transform:
        if self._inv is None:
            self._inv = ComposeTransform([part.inv for part in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size=cache_size)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return ops.zeros_like(x)
        total: Any = 0
        event_dim = self.domain.event_dim
        for i, part in enumerate(self.parts):
            after = part(x) if i + 1 < len(self.parts) else y
            total = total + _sum_rightmost(part.log_abs_det_jacobian(x, after), event_dim - part.domain.event_dim)
            event_dim += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return "ComposeTransform(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform that counts more dimensions on the right as those of one point: its ln |J| is summed over them.

    >>> import tapegrad as tg
    >>> t = IndependentTransform(tg.distributions.ExpTransform(), 1)
    >>> t.log_abs_det_jacobian(tg.ones(3), tg.ones(3))
    tensor(3.)
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size=cache_size)

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:  # type: ignore[override]
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:  # type: ignore[override]
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _require(self, value: Tensor, side: Any) -> Tensor:
        if value.ndim < side.event_dim:
            raise ArgumentError(
                "IndependentTransform", f"a value of {value.ndim} dimensions", f"pass at least {side.event_dim}"
            )
        return value

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(self._require(x, self.domain))

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform.inv(self._require(y, self.codomain))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return _sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


def require_dims(who: str, shape: Any, count: int) -> None:
    """Raise ArgumentError for a shape of fewer dimensions."""
    if len(shape) < count:
        raise ArgumentError(who, f"too few dimensions in the shape {tuple(shape)}", f"pass at least {count}")


class ReshapeTransform(Transform):
    """A reshaping of the dimensions on the right, with a Jacobian of determinant 1.

    Raises ArgumentError (a ValueError) for shapes of unlike numbers of elements.

    >>> import tapegrad as tg
    >>> ReshapeTransform((4,), (2, 2))(tg.arange(4))
    tensor([[0, 1],
            [2, 3]])
    """

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0):
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ArgumentError(
                "ReshapeTransform", f"{tuple(in_shape)} and {tuple(out_shape)} differ in size", "make them equal"
            )
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:  # type: ignore[override]
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:  # type: ignore[override]
        return constraints.independent(constraints.real, len(self.out_shape))

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size=cache_size)

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(tuple(self.forward_shape(x.shape)))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(tuple(self.inverse_shape(y.shape)))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.zeros(tuple(x.shape[: x.ndim - len(self.in_shape)]), dtype=x.dtype)

    def _exchanged(self, shape: Any, old: Size, new: Size) -> Size:
        require_dims("ReshapeTransform", shape, len(old))
        cut = len(shape) - len(old)
        if tuple(shape[cut:]) != tuple(old):
            raise ArgumentError("ReshapeTransform", f"the shape {tuple(shape)}", f"end it in {tuple(old)}")
        return Size(tuple(shape[:cut]) + tuple(new))

    def forward_shape(self, shape: Any) -> Any:
        return self._exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._exchanged(shape, self.out_shape, self.in_shape)


def require_length(who: str, given: int, wanted: int) -> None:
    """Raise ContractError unless two lengths agree."""
    if given != wanted:
        raise ContractError(who, f"a size of {given} where the parts have {wanted}", "make them equal")
