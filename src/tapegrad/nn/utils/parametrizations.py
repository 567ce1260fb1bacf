"""Ready parametrizations: weights with a length of their own, of spectral norm 1, with orthonormal columns."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from ... import functional as F  # noqa: N812  (the field's name)
from ... import linalg
from ...core import Tensor, no_grad, ops
from ...errors import ArgumentError, IndexRangeError, MissingMethodError, did_you_mean
from ...ops.creation import eye
from ...ops.lu import geqrf
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["norm_except", "orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(who: str, module: Module, name: str) -> Tensor:
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        raise ArgumentError(
            who, f"{type(module).__name__} has no parameter or buffer '{name}'", did_you_mean(name, module._parameters)
        )
    return found


# -- weight_norm ------------------------------------------------------------------------------------------------------


def norm_except(v: Tensor, dim: int | None) -> Tensor:
    """Return the norm over all dimensions but one, which are kept; over all, without dimensions, for None and -1.

    >>> import tapegrad as tg
    >>> tg.nn.utils.parametrizations.norm_except(tg.tensor([[3.0, 4.0], [0.0, 2.0]]), 0)
    tensor([[5.],
            [2.]])
    """
    if dim is None or dim == -1:
        return linalg.vector_norm(v)
    others = [d for d in range(v.ndim) if d != dim % v.ndim]
    return linalg.vector_norm(v, dim=others, keepdim=True) if others else ops.abs(v)


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Compute a weight as w = g · v / ‖v‖, with length and direction as parameters ``original0`` and ``original1``.

    One length for each index along ``dim``, or for all when it is None. States of the older
    :func:`tapegrad.nn.utils.weight_norm` load as well.
    Source: T. Salimans, D. Kingma, "Weight normalization" (2016), https://arxiv.org/abs/1602.07868

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    tapegrad.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for number, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{number}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# -- spectral_norm ----------------------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """Divides by the largest singular value, which u and v follow by the power method, one step for each training call."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12):
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexRangeError(
                "spectral_norm", f"dim {dim} of a weight with {weight.ndim}", f"use {-weight.ndim} to {weight.ndim - 1}"
            )
        if n_power_iterations <= 0:
            raise ArgumentError("spectral_norm", f"n_power_iterations is {n_power_iterations}", "use at least 1")
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        self.dim = dim % weight.ndim
        if weight.ndim > 1:
            matrix = self._reshape_weight_to_matrix(weight.detach())
            for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
                start = ops.random_normal(size=(size,), dtype=matrix.dtype, generator=None)
                self.register_buffer(name, F.normalize(start, dim=0, eps=eps))
            # Enough steps to begin near the singular vectors.
            self._power_method(matrix, 15)

    def _reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._reshape_weight_to_matrix(weight)
        if self.training:
            self._power_method(matrix.detach(), self.n_power_iterations)
        # Copies, since later calls write into the buffers.
        u, v = self._u.clone(), self._v.clone()
        return weight / ops.sum(u.conj() * (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Compute a weight as w / σ(w), σ its largest singular value as a matrix whose rows are the indices along ``dim``.

    ``dim`` None means 0, or 1 for transposed convolutions. σ is followed by ``n_power_iterations`` steps of the power
    method whenever the weight is read in training mode.
    Source: T. Miyato et al., "Spectral normalization for GANs" (2018), https://arxiv.org/abs/1802.05957

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.spectral_norm(tg.nn.Linear(4, 4), n_power_iterations=50)
    >>> bool(abs(tg.linalg.matrix_norm(layer.weight, 2) - 1) < 1e-2)
    True
    """
    weight = _tensor_of("spectral_norm", module, name)
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# -- orthogonal -------------------------------------------------------------------------------------------------------


class _OrthMaps(enum.Enum):
    matrix_exp = enum.auto()
    cayley = enum.auto()
    householder = enum.auto()


def _tall(x: Tensor) -> Tensor:
    return x.mT if x.shape[-2] < x.shape[-1] else x


def _make_orthogonal(a: Tensor) -> Tensor:
    """Return Q of the decomposition A = QR in which R has a positive diagonal."""
    compact, tau = geqrf(a)
    q = linalg.householder_product(compact, tau)
    return q * compact.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _is_orthogonal(q: Tensor) -> bool:
    columns = q.shape[-1]
    identity = eye(columns, dtype=q.dtype)
    # As much as rounding may leave of the differences of `columns` products.
    allowed = 10 * q.shape[-2] * float(np.finfo(q.dtype).eps)
    return bool(ops.all(ops.abs(q.mH @ q - identity) <= allowed))


class _Orthogonal(Module):
    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True):
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ArgumentError(
                "orthogonal", "householder takes real tensors only", "use 'matrix_exp' or 'cayley' for complex ones"
            )
        self.shape = tuple(weight.shape)
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        tall = _tall(X)
        q = self._householder(tall) if self.orthogonal_map is _OrthMaps.householder else self._of_skew(tall)
        if self._buffers.get("base") is not None:
            q = self.base @ q
        return q.mT if tall is not X else q

    def _householder(self, x: Tensor) -> Tensor:
        a = x.tril(-1)
        tau = 2.0 / (1.0 + ops.sum(a * a, dim=-2))
        # The signs on the diagonal are constants: an integer type has no gradient.
        signs = x.diagonal(dim1=-2, dim2=-1).int()
        return linalg.householder_product(a, tau) * signs.unsqueeze(-2)

    def _of_skew(self, x: Tensor) -> Tensor:
        """Return the first columns of exp(A), or of (I + A/2)⁻¹(I - A/2), for a skew-symmetric A made of x."""
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = F.pad(x, (0, n - k))
        a = x - x.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = linalg.matrix_exp(a)
        else:
            identity = eye(n, dtype=a.dtype)
            q = linalg.solve(identity - 0.5 * a, identity + 0.5 * a)
        return q[..., :k]

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if tuple(Q.shape) != self.shape:
            raise ArgumentError("orthogonal", f"a tensor of shape {tuple(Q.shape)}", f"use the shape {self.shape}")
        tall = _tall(Q)
        if "base" not in self._buffers:
            return self._reflections(tall) if tall is Q else self._reflections(tall).mT
        n, k = tall.shape[-2:]
        if n != k:
            more = ops.random_normal(size=(*tall.shape[:-1], n - k), dtype=tall.dtype, generator=None)
            tall = _make_orthogonal(ops.cat(tall, more, dim=-1))
        else:
            tall = tall.clone() if _is_orthogonal(tall) else _make_orthogonal(tall)
        self.base = tall
        # Every map takes this to the identity: only a diagonal stands in it, and householder reads its signs twice.
        return -eye(*Q.shape[-2:], dtype=Q.dtype).expand(Q.shape).clone()

    def _reflections(self, q: Tensor) -> Tensor:
        """Return the reflections of which q is the product, with its signs on the diagonal."""
        if self.orthogonal_map is not _OrthMaps.householder:
            raise MissingMethodError(
                "orthogonal",
                f"nothing can be assigned to the map {self.orthogonal_map.name} with use_trivialization=False",
                "use use_trivialization=True, or 'householder'",
            )
        compact, tau = geqrf(q)
        diagonal = compact.diagonal(dim1=-2, dim2=-1).sgn()
        # LAPACK leaves out a reflection with tau exactly 0, where the map has one along the first axis.
        diagonal = ops.where(tau == 0, -diagonal, diagonal)
        return compact.tril(-1) + diagonal.unsqueeze(-2) * eye(*q.shape[-2:], dtype=q.dtype)


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keep a weight (..., m, n) orthogonal or unitary: QᴴQ = I, or QQᴴ = I for more columns than rows.

    ``orthogonal_map``: "matrix_exp" exp(A), "cayley" (I - A/2)⁻¹(I + A/2) with a skew-symmetric A, or "householder", a
    product of reflections; by default the first for square and for complex weights, the last for others.
    ``use_trivialization``: the map's result multiplies a fixed orthogonal matrix, the weight as it was assigned.
    Raises ArgumentError for fewer than 2 dimensions and unknown maps.
    Source: M. Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds" (2019),
    https://arxiv.org/abs/1909.09501

    >>> import tapegrad as tg
    >>> layer = tg.nn.utils.parametrizations.orthogonal(tg.nn.Linear(20, 40))
    >>> bool(tg.allclose(layer.weight.T @ layer.weight, tg.eye(20), atol=1e-5))
    True
    """
    weight = _tensor_of("orthogonal", module, name)
    if weight.ndim < 2:
        raise ArgumentError("orthogonal", f"'{name}' has {weight.ndim} dimension", "use a tensor with 2 or more")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1] or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    known = getattr(_OrthMaps, orthogonal_map, None)
    if known is None:
        names = [m.name for m in _OrthMaps]
        raise ArgumentError("orthogonal", f"there is no map '{orthogonal_map}'", did_you_mean(orthogonal_map, names))
    orth = _Orthogonal(weight, known, use_trivialization=use_trivialization)
    return register_parametrization(module, name, orth, unsafe=True)
