"""Compiling: a training step, or a network's forward pass, as straight-line NumPy source over planned memory."""

from .entry import compile
from .pytorch import (
    allow_in_graph,
    assume_constant_result,
    cudagraph_mark_step_begin,
    disable,
    is_compiling,
    is_dynamo_compiling,
    is_exporting,
    list_backends,
    nested_compile_region,
    reset,
    set_stance,
    wrap_numpy,
)

# What tapegrad itself takes over; the rest is PyTorch's ``torch.compiler``.
__all__ = ["compile"]
