"""Batch normalisation in evaluation folded into the layer before it: one layer instead of two."""

from __future__ import annotations

import copy
from typing import TypeVar

from ...core import Parameter, Tensor, ops
from ...errors import ContractError
from ..linear import Linear
from ..module import Module

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

Layer = TypeVar("Layer", bound=Module)


def _fused(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    var: Tensor,
    eps: float,
    gain: Tensor | None,
    shift: Tensor | None,
    shape: list[int],
) -> tuple[Parameter, Parameter]:
    """Return w · s and (b - mean) · s + shift with s = gain / √(var + eps), both parameters."""
    scale = ops.rsqrt(var + eps) if gain is None else gain * ops.rsqrt(var + eps)
    offset = -mean * scale if bias is None else (bias - mean) * scale
    if shift is not None:
        offset = offset + shift
    new_weight = (weight * scale.reshape(*shape)).to(weight.dtype)
    new_bias = offset.to(weight.dtype if bias is None else bias.dtype)
    return (
        Parameter(new_weight.detach(), weight.requires_grad),
        Parameter(new_bias.detach(), bias is not None and bias.requires_grad),
    )


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return the weight and bias of a convolution that includes a batch normalisation by its running mean and variance.

    ``transpose``: the convolution is a transposed one, whose weight has its output channels second.

    >>> import tapegrad as tg
    >>> ones = tg.ones(1)
    >>> w, b = tg.nn.utils.fuse_conv_bn_weights(tg.ones(1, 1, 1), None, ones, ones, 0.0, 2 * ones, ones)
    >>> w.item(), b.item()
    (2.0, -1.0)
    """
    shape = [1, -1] + [1] * (conv_w.ndim - 2) if transpose else [-1] + [1] * (conv_w.ndim - 1)
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """Return the weight and bias of a Linear layer that includes a batch normalisation by its running mean and variance.

    >>> import tapegrad as tg
    >>> ones = tg.ones(1)
    >>> w, b = tg.nn.utils.fuse_linear_bn_weights(tg.ones(1, 1), None, ones, ones, 0.0, 2 * ones, ones)
    >>> w.item(), b.item()
    (2.0, -1.0)
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _check_modes(who: str, *modules: Module) -> None:
    if any(m.training for m in modules):
        raise ContractError(who, "a layer is in training mode", "call eval() on both first")


def fuse_conv_bn_eval(conv: Layer, bn: Module, transpose: bool = False) -> Layer:
    """Return a copy of a convolution that computes what it and the batch normalisation after it do in evaluation.

    Raises ContractError in training mode.

    >>> import tapegrad as tg
    >>> conv, bn = tg.nn.Conv2d(1, 2, 3).eval(), tg.nn.BatchNorm2d(2).eval()
    >>> x = tg.randn(1, 1, 5, 5)
    >>> bool(tg.allclose(tg.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-5))
    True
    """
    _check_modes("fuse_conv_bn_eval", conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Linear, bn: Module) -> Linear:
    """Return a copy of a Linear layer that computes what it and the batch normalisation after it do in evaluation.

    Raises ContractError in training mode, and for sizes that do not fit.

    >>> import tapegrad as tg
    >>> linear, bn = tg.nn.Linear(3, 2).eval(), tg.nn.BatchNorm1d(2).eval()
    >>> x = tg.randn(4, 3)
    >>> bool(tg.allclose(tg.nn.utils.fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)), atol=1e-5))
    True
    """
    _check_modes("fuse_linear_bn_eval", linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise ContractError(
            "fuse_linear_bn_eval", f"{linear.out_features} outputs, {bn.num_features} normalised", "make them equal"
        )
    fused = copy.deepcopy(linear)
    fused.weight, bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    fused._parameters["bias"] = bias
    return fused
