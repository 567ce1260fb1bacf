"""Dual numbers: tensors that carry a tangent, and the tangents of what is computed from them.

A tangent is worked out when it is asked for: the product u ↦ uᵀ J with the Jacobian of everything since the duals were
made is linear in u, and its gradient in the direction of their tangents is J v.
Source: https://pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from ..core import Tensor, enable_grad, grad, ops
from ..errors import GradError, ShapeError, UsageError

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """A tensor's values, and its tangent: None where there is none."""

    primal: Tensor
    tangent: Tensor | None


class _Level:
    """The duals made since a level was entered, with their tangents."""

    def __init__(self) -> None:
        self.duals: list[Tensor] = []
        self.tangents: list[Tensor] = []


_levels: list[_Level] = []


def enter_dual_level() -> int:
    """Begin a level of dual numbers and return its number, from 0. Raises GradError inside another one."""
    if _levels:
        raise GradError("enter_dual_level", "a level is open already", "nest derivatives with tapegrad.func.jvp")
    _levels.append(_Level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level of dual numbers. Raises GradError when none is open, or another one is named."""
    if not _levels or level not in (None, len(_levels) - 1):
        raise GradError("exit_dual_level", "no such level is open", "leave it to dual_level()")
    _levels.pop()


@contextlib.contextmanager
def dual_level() -> Iterator[int]:
    """Open a level of dual numbers for a block of code.

    >>> import tapegrad as tg
    >>> from tapegrad.autograd import forward_ad
    >>> with forward_ad.dual_level():
    ...     x = forward_ad.make_dual(tg.tensor(3.0), tg.tensor(1.0))
    ...     forward_ad.unpack_dual(x * x).tangent
    tensor(6.)
    """
    number = enter_dual_level()
    try:
        yield number
    finally:
        exit_dual_level(level=number)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """Return a tensor of the same values that carries a tangent.

    Raises GradError outside :func:`dual_level`, UsageError for integers, ShapeError for a tangent of another shape.
    """
    if not _levels:
        raise GradError("make_dual", "no level is open", "call it inside `with dual_level():`")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise UsageError("make_dual", f"a tensor of dtype {tensor.dtype} has no tangent", "convert it with .float()")
    if tangent.shape != tensor.shape:
        raise ShapeError(
            "make_dual", f"a tangent of shape {tuple(tangent.shape)} for {tuple(tensor.shape)}", "make them equal"
        )
    with enable_grad():
        dual = ops.reshape(tensor, shape=tuple(tensor.shape)) if tensor.requires_grad else tensor.detach()
    if not tensor.requires_grad:
        dual.requires_grad_()
    _levels[-1].duals.append(dual)
    _levels[-1].tangents.append(tangent)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """Return ``(primal, tangent)`` of a tensor computed from duals; the tangent is None where it does not depend on any."""
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    duals, tangents = _levels[-1].duals, _levels[-1].tangents
    for dual, tangent in zip(duals, tangents, strict=True):
        if tensor is dual:
            return UnpackedDualTensor(tensor.detach(), tangent)
    if not duals or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    with enable_grad():
        probe = ops.mul(tensor.detach(), 0).requires_grad_()
        products = grad(tensor, duals, probe, True, True, allow_unused=True)
        pairs = [(g, t) for g, t in zip(products, tangents, strict=True) if g is not None and g.requires_grad]
        if not pairs:
            return UnpackedDualTensor(tensor.detach(), None)
        (result,) = grad([g for g, _ in pairs], [probe], [t for _, t in pairs], True, allow_unused=True)
    if result is None:
        return UnpackedDualTensor(tensor.detach(), None)
    return UnpackedDualTensor(tensor.detach(), result)
