"""Transforms side by side along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core import Tensor
from ..errors import ContractError
from . import constraints
from .transform import Transform, require_length
from .utils import _sum_rightmost

__all__ = ["CatTransform", "StackTransform"]


class _Joined(Transform):
    """The parts of a value along ``dim``, each with its own transform."""

    transforms: list[Transform]
    dim: int

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int):
        for t in tseq:
            if not isinstance(t, Transform):
                raise ContractError(type(self).__name__, f"got a {type(t).__name__}", "pass transforms")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    def _parts(self, value: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def _split(self, value: Tensor) -> list[Tensor]:
        if not -value.ndim <= self.dim < value.ndim:
            raise ContractError(type(self).__name__, f"dim {self.dim} of shape {tuple(value.shape)}", "add one")
        return self._parts(value)


class CatTransform(_Joined):
    """Transforms of the parts of a value along a dimension, of ``lengths`` each (1 by default), as ``cat`` joins them.

    >>> import tapegrad as tg
    >>> D = tg.distributions
    >>> CatTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)], lengths=[1, 2])(tg.zeros(3))
    tensor([1., 0., 0.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        require_length("CatTransform", len(self.lengths), len(self.transforms))

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """The size of the dimension."""
        return sum(self.lengths)

    @constraints.dependent_property
    def domain(self) -> Any:  # type: ignore[override]
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:  # type: ignore[override]
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def with_cache(self, cache_size: int = 1) -> Transform:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, value: Tensor) -> list[Tensor]:
        require_length("CatTransform", value.shape[self.dim], self.length)
        starts = [sum(self.lengths[:i]) for i in range(len(self.lengths))]
        return [value.narrow(self.dim, s, n) for s, n in zip(starts, self.lengths, strict=True)]

    def _call(self, x: Tensor) -> Tensor:
        return ops.cat([t(v) for t, v in zip(self.transforms, self._split(x), strict=True)], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.cat([t.inv(v) for t, v in zip(self.transforms, self._split(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        terms = []
        for t, a, b in zip(self.transforms, self._split(x), self._split(y), strict=True):
            terms.append(_sum_rightmost(t.log_abs_det_jacobian(a, b), self.event_dim - t.domain.event_dim))
        dim = self.dim - x.ndim if self.dim >= 0 else self.dim
        dim += self.event_dim
        if dim < 0:
            return ops.cat(terms, dim)
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class StackTransform(_Joined):
    """Transforms of the slices of a value along a dimension, as ``stack`` joins them.

    >>> import tapegrad as tg
    >>> D = tg.distributions
    >>> StackTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)])(tg.zeros(2, 1))
    tensor([[1.],
            [0.]])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0):
        super().__init__(tseq, dim, cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:  # type: ignore[override]
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:  # type: ignore[override]
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _parts(self, value: Tensor) -> list[Tensor]:
        require_length("StackTransform", value.shape[self.dim], len(self.transforms))
        return [value.select(self.dim, i) for i in range(value.shape[self.dim])]

    def _call(self, x: Tensor) -> Tensor:
        return ops.stack([t(v) for t, v in zip(self.transforms, self._split(x), strict=True)], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return ops.stack([t.inv(v) for t, v in zip(self.transforms, self._split(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        pairs = zip(self.transforms, self._split(x), self._split(y), strict=True)
        return ops.stack([t.log_abs_det_jacobian(a, b) for t, a, b in pairs], self.dim)
