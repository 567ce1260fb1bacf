"""The names of ``torch.autograd.graph``: what ``Tensor.grad_fn`` is."""

from ..core import Node

__all__ = ["Node"]
