"""Activations made of straight pieces as layers: each calls the function of its name in ``functional``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F  # noqa: N812  (the field's name)
from ..array import available, get_default_dtype
from ..core import Parameter, Tensor, wrap
from ..errors import ArgumentError, warn
from . import init as initial
from .module import Module

__all__ = [
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU3",
    "ReLU6",
    "Softshrink",
    "Threshold",
]


class InPlace(Module):
    """A layer without parameters that may overwrite its input."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


def listed(layer: Any, *names: str) -> str:
    """Return ``name=value`` of some attributes, and ``inplace=True`` where that is so."""
    shown = [f"{name}={getattr(layer, name)!r}" for name in names]
    return ", ".join([*shown, "inplace=True"] if layer.inplace else shown)


class ReLU(InPlace):
    """max(x, 0) for each element; with ``inplace`` the input is overwritten.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html

    >>> import tapegrad as tg
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class ReLU3(InPlace):
    """max(x, 0)³ for each element: see :func:`tapegrad.functional.relu3`.

    >>> import tapegrad as tg
    >>> tg.nn.ReLU3()(tg.tensor([-1.0, 2.0]))
    tensor([0., 8.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu3(input, self.inplace)


class LeakyReLU(Module):
    """max(x, 0) + a · min(x, 0) for each element, with a = ``negative_slope``.

    >>> import tapegrad as tg
    >>> tg.nn.LeakyReLU(0.25)(tg.tensor([-1.0, 2.0]))
    tensor([-0.2500,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return listed(self, "negative_slope")


class PReLU(Module):
    """max(x, 0) + w · min(x, 0) for each element: the slope w is learned, one for all or one for each channel.

    ``weight`` has shape (num_parameters,) and begins at ``init``. Weight decay should not act on it.
    Source: K. He et al., "Delving Deep into Rectifiers" (2015), https://arxiv.org/abs/1502.01852

    >>> import tapegrad as tg
    >>> tg.nn.PReLU()(tg.tensor([-1.0, 2.0])).detach()
    tensor([-0.2500,  2.0000])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None):
        super().__init__()
        available(device or "cpu")
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(wrap(np.empty(num_parameters, dtype or get_default_dtype())))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope back to ``init``."""
        initial.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """max(x, 0) + a · min(x, 0): a is drawn anew for each element from [lower, upper) in training, else their mean.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html

    >>> import tapegrad as tg
    >>> tg.nn.RReLU(0.25, 0.75).eval()(tg.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return listed(self, "lower", "upper")


class Hardtanh(Module):
    """min(max(x, min_val), max_val) for each element. ``min_value`` and ``max_value`` are deprecated names.

    Raises ArgumentError unless ``max_val`` is above ``min_val``.

    >>> import tapegrad as tg
    >>> tg.nn.Hardtanh()(tg.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ):
        super().__init__()
        if min_value is not None or max_value is not None:
            warn("Hardtanh", "arguments 'min_value' and 'max_value' are deprecated", "use 'min_val' and 'max_val'")
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.max_val > self.min_val:
            raise ArgumentError(
                "Hardtanh", f"max_val={self.max_val} is not above min_val={self.min_val}", "choose a larger max_val"
            )

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return listed(self, "min_val", "max_val")


class ReLU6(Hardtanh):
    """min(max(x, 0), 6) for each element."""

    def __init__(self, inplace: bool = False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return listed(self)


class Hardsigmoid(Module):
    """min(max(x + 3, 0), 6) / 6 for each element."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """x · min(max(x + 3, 0), 6) / 6 for each element.

    Source: A. Howard et al., "Searching for MobileNetV3" (2019), https://arxiv.org/abs/1905.02244
    """

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class Threshold(Module):
    """Each element that is above ``threshold``, and ``value`` in the place of the others.

    >>> import tapegrad as tg
    >>> tg.nn.Threshold(1.0, -1.0)(tg.tensor([0.5, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return listed(self, "threshold", "value")


class Hardshrink(Module):
    """Each element, or 0 where its size is at most ``lambd``."""

    def __init__(self, lambd: float = 0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Module):
    """Each element moved towards 0 by ``lambd``, or 0 where that would pass it."""

    def __init__(self, lambd: float = 0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)
