"""The chi-squared distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from ..core import Tensor
from . import constraints
from .gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of the squares of ``df`` standard normal numbers: the gamma distribution of the shape df / 2, the rate 1/2.

    Source: https://pytorch.org/docs/stable/distributions.html#chi2

    >>> import tapegrad as tg
    >>> Chi2(tg.tensor([3.0])).mean
    tensor([3.])
    """

    arg_constraints: ClassVar = {"df": constraints.positive}
    _ranks: ClassVar = {"concentration": 0, "rate": 0}

    def __init__(self, df: Any, validate_args: bool | None = None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
