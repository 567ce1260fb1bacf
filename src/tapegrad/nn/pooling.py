"""Pooling layers, and windows as columns. Pooling to a given size is in ``adaptive``."""

from __future__ import annotations

from typing import Any

from .. import functional as F  # noqa: N812  (the field's name)
from ..core import Tensor
from ..functional.windows import per_dimension
from .described import Described

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Fold",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Unfold",
]


# -- the largest element ------------------------------------------------------------------------------------------------


class _MaxPoolNd(Described):
    dimensions = 0
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"max_pool{self.dimensions}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPoolNd):
    """The largest element of every window of signals (N, C, L): see :func:`tapegrad.nn.functional.max_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.MaxPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    dimensions = 1


class MaxPool2d(_MaxPoolNd):
    """The largest element of every window of images (N, C, H, W): see :func:`tapegrad.nn.functional.max_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> tg.nn.MaxPool2d(2)(tg.zeros(8, 6, 28, 28)).shape
    tapegrad.Size([8, 6, 14, 14])
    """

    dimensions = 2


class MaxPool3d(_MaxPoolNd):
    """The largest element of every window of volumes (N, C, D, H, W): see :func:`tapegrad.nn.functional.max_pool3d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html
    """

    dimensions = 3


class _MaxUnpoolNd(Described):
    dimensions = 0
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        super().__init__()
        who, n = type(self).__name__, self.dimensions
        self.kernel_size = per_dimension(who, "kernel_size", kernel_size, n)
        self.stride = self.kernel_size if stride is None else per_dimension(who, "stride", stride, n)
        self.padding = per_dimension(who, "padding", padding, n, least=0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        unpool = getattr(F, f"max_unpool{self.dimensions}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts elements back where :class:`MaxPool1d` with ``return_indices`` found them, among zeros.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html

    >>> import tapegrad as tg
    >>> values, indices = tg.nn.MaxPool1d(2, return_indices=True)(tg.tensor([[1.0, 5.0, 2.0, 3.0]]))
    >>> tg.nn.MaxUnpool1d(2)(values, indices)
    tensor([[0., 5., 0., 3.]])
    """

    dimensions = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts elements back where :class:`MaxPool2d` with ``return_indices`` found them, among zeros.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html
    """

    dimensions = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts elements back where :class:`MaxPool3d` with ``return_indices`` found them, among zeros.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html
    """

    dimensions = 3


# -- averages -----------------------------------------------------------------------------------------------------------


class AvgPool1d(Described):
    """The average of every window of signals (N, C, L): see :func:`tapegrad.nn.functional.avg_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.AvgPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[3.0000, 2.5000]])
    """

    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__()
        self.kernel_size = per_dimension("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else per_dimension("AvgPool1d", "stride", stride, 1)
        self.padding = per_dimension("AvgPool1d", "padding", padding, 1, least=0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPoolNd(Described):
    dimensions = 0
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"avg_pool{self.dimensions}d")
        return pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPoolNd):
    """The average of every window of images (N, C, H, W): see :func:`tapegrad.nn.functional.avg_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html

    >>> import tapegrad as tg
    >>> tg.nn.AvgPool2d(2)(tg.zeros(8, 6, 28, 28)).shape
    tapegrad.Size([8, 6, 14, 14])
    """

    dimensions = 2


class AvgPool3d(_AvgPoolNd):
    """The average of every window of volumes (N, C, D, H, W): see :func:`tapegrad.nn.functional.avg_pool3d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html
    """

    dimensions = 3


class _LPPoolNd(Described):
    dimensions = 0
    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"lp_pool{self.dimensions}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """The p-norm of every window of signals (N, C, L): see :func:`tapegrad.nn.functional.lp_pool1d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html

    >>> import tapegrad as tg
    >>> tg.nn.LPPool1d(2, 2)(tg.tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """

    dimensions = 1


class LPPool2d(_LPPoolNd):
    """The p-norm of every window of images (N, C, H, W): see :func:`tapegrad.nn.functional.lp_pool2d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html
    """

    dimensions = 2


class LPPool3d(_LPPoolNd):
    """The p-norm of every window of volumes (N, C, D, H, W): see :func:`tapegrad.nn.functional.lp_pool3d`.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html
    """

    dimensions = 3


# -- windows as columns -------------------------------------------------------------------------------------------------


class Unfold(Described):
    """The elements under every window of images as columns: (N, C, H, W) to (N, C · KH · KW, windows).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html

    >>> import tapegrad as tg
    >>> tg.nn.Unfold((2, 3))(tg.zeros(2, 5, 3, 4)).shape
    tapegrad.Size([2, 30, 4])
    """

    shown = ("kernel_size", "dilation", "padding", "stride")

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1):
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Described):
    """Adds columns (N, C · KH · KW, windows) back to where :class:`Unfold` takes them from: (N, C, *output_size).

    Source: https://pytorch.org/docs/stable/generated/torch.nn.Fold.html

    >>> import tapegrad as tg
    >>> tg.nn.Fold((4, 5), (2, 2))(tg.zeros(1, 12, 12)).shape
    tapegrad.Size([1, 3, 4, 5])
    """

    shown = ("output_size", "kernel_size", "dilation", "padding", "stride")

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1):
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
