"""Exponential families: densities of the form exp(⟨t(x), θ⟩ - A(θ) + k(x))."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, enable_grad, grad
from ..errors import MissingMethodError
from .distribution import Distribution
from .utils import _sum_rightmost

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """The base of the distributions whose log-normaliser A of natural parameters θ is known.

    The entropy is A(θ) - ⟨θ, ∇A(θ)⟩ - E[k(x)], and the divergence of two of a class follows from A as well.
    Source: F. Nielsen and R. Nock, "Entropies and cross-entropies of exponential families" (2010).

    >>> import tapegrad as tg
    >>> issubclass(tg.distributions.Normal, ExponentialFamily)
    True
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise MissingMethodError(type(self).__name__, "it has no _natural_params", "write it")

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise MissingMethodError(type(self).__name__, "it has no _log_normalizer", "write it")

    def _no_carrier(self) -> float:
        raise MissingMethodError(type(self).__name__, "it has no _mean_carrier_measure", "write it")

    _mean_carrier_measure: Any = property(_no_carrier)

    def _with_gradients(self) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...]]:
        """Return the natural parameters, the log-normaliser, and its gradients, which have gradients themselves."""
        with enable_grad():
            given = self._natural_params
            natural = [p if p.requires_grad else p.detach().requires_grad_() for p in given]
            normalizer = self._log_normalizer(*natural)
            gradients = grad(normalizer.sum(), natural, create_graph=True)
        values = (*natural, normalizer, *(g for g in gradients if g is not None))
        if not any(p.requires_grad for p in given):
            values = tuple(v.detach() for v in values)
        n = len(natural)
        return list(values[:n]), values[n], values[n + 1 :]

    def entropy(self) -> Tensor:
        carrier = self._mean_carrier_measure
        natural, result, gradients = self._with_gradients()
        for parameter, gradient in zip(natural, gradients, strict=True):
            result = result - _sum_rightmost(parameter * gradient, parameter.ndim - len(self._batch_shape))
        return result - carrier
