"""Blocks of layers that models are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...core import Tensor
from ...errors import ArgumentError

__all__ = ["MLP", "Conv2dNormActivation", "FrozenBatchNorm2d", "Permute", "SqueezeExcitation"]


class Conv2dNormActivation(nn.Sequential):
    """A convolution, a normalisation and an activation, each of the last two unless its layer is None.

    ``padding=None`` keeps height and width for odd kernels and stride 1; ``bias=None`` means a bias where no normalisation
    follows.
    Source: https://pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html

    >>> import tapegrad as tg
    >>> Conv2dNormActivation(3, 8, stride=2)(tg.zeros(1, 3, 6, 6)).shape
    tapegrad.Size([1, 8, 3, 3])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Callable[..., nn.Module] | None = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
        dilation: int | tuple[int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ):
        if padding is None:
            padding = _kept(kernel_size, dilation)
        layers: list[nn.Module] = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding,
                dilation=dilation,
                groups=groups,
                bias=norm_layer is None if bias is None else bias,
            )
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


def _kept(kernel_size: int | Sequence[int], dilation: int | Sequence[int]) -> Any:
    """Return the padding with which an odd kernel keeps height and width."""
    if isinstance(kernel_size, int) and isinstance(dilation, int):
        return (kernel_size - 1) // 2 * dilation
    sizes = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
    steps = (dilation,) * len(sizes) if isinstance(dilation, int) else dilation
    return tuple((k - 1) // 2 * d for k, d in zip(sizes, steps, strict=True))


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation whose statistics and affine parameters are buffers, which training does not change.

    Source: https://pytorch.org/vision/stable/generated/torchvision.ops.FrozenBatchNorm2d.html

    >>> FrozenBatchNorm2d(4)
    FrozenBatchNorm2d(4, eps=1e-05)
    """

    def __init__(self, num_features: int, eps: float = 1e-5):
        super().__init__()
        from ...ops.creation import ones, zeros

        self.eps = eps
        self.weight: Tensor
        self.bias: Tensor
        self.running_mean: Tensor
        self.running_var: Tensor
        for name, value in (("weight", ones), ("bias", zeros), ("running_mean", zeros), ("running_var", ones)):
            self.register_buffer(name, value(num_features))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        # Weights of an ordinary BatchNorm2d count batches as well.
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.weight.shape[0]}, eps={self.eps})"


class SqueezeExcitation(nn.Module):
    """Channels scaled by gates that are computed from their means.

    Source: J. Hu et al., "Squeeze-and-Excitation Networks" (2018), arXiv:1709.01507

    >>> import tapegrad as tg
    >>> SqueezeExcitation(8, 2)(tg.zeros(1, 8, 3, 3)).shape
    tapegrad.Size([1, 8, 3, 3])
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Callable[..., nn.Module] = nn.ReLU,
        scale_activation: Callable[..., nn.Module] = nn.Sigmoid,
    ):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        return input * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input)))))


class MLP(nn.Sequential):
    """Linear layers of ``hidden_channels`` features, each with a normalisation (or none), an activation and dropout.

    The last has only the dropout.
    Source: https://pytorch.org/vision/stable/generated/torchvision.ops.MLP.html

    >>> [type(layer).__name__ for layer in MLP(4, [8, 2])]
    ['Linear', 'ReLU', 'Dropout', 'Linear', 'Dropout']
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: list[int],
        norm_layer: Callable[..., nn.Module] | None = None,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ):
        if not hidden_channels:
            raise ArgumentError("MLP", "hidden_channels is empty", "give the features of at least one layer")
        options = {} if inplace is None else {"inplace": inplace}
        layers: list[nn.Module] = []
        features = in_channels
        for width in hidden_channels[:-1]:
            layers.append(nn.Linear(features, width, bias=bias))
            layers += [norm_layer(width)] if norm_layer is not None else []
            layers += [activation_layer(**options)] if activation_layer is not None else []
            layers.append(nn.Dropout(dropout, **options))
            features = width
        layers += [nn.Linear(features, hidden_channels[-1], bias=bias), nn.Dropout(dropout, **options)]
        super().__init__(*layers)


class Permute(nn.Module):
    """A tensor with its dimensions in the order ``dims``.

    >>> import tapegrad as tg
    >>> Permute([1, 0])(tg.zeros(2, 3)).shape
    tapegrad.Size([3, 2])
    """

    def __init__(self, dims: list[int]):
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.dims)
