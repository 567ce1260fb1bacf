"""``torch.backends.cuda``: switches of kernels that are not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

__all__ = ["cufft_plan_cache", "is_built", "matmul", "preferred_linalg_library", "sdp_kernel"]
__all__ += [f"{verb}_{kind}_sdp" for verb in ("enable", "can_use") for kind in ("flash", "mem_efficient")]
__all__ += [f"{kind}_sdp_enabled" for kind in ("flash", "mem_efficient", "math", "cudnn")]
__all__ += ["enable_cudnn_sdp", "enable_math_sdp"]

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    fp32_precision="none",
)
cufft_plan_cache = SimpleNamespace(max_size=0, size=0, clear=lambda: None)


def is_built() -> bool:
    """Return False."""
    return False


def preferred_linalg_library(backend: Any = None) -> Any:
    """Return what is given."""
    return backend


def enable_flash_sdp(enabled: bool) -> None:
    """Do nothing: attention is computed in one way."""


enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = enable_flash_sdp


def can_use_flash_sdp(*params: Any, **options: Any) -> bool:
    """Return False."""
    return False


can_use_efficient_sdp = can_use_mem_efficient_sdp = can_use_flash_sdp


def math_sdp_enabled() -> bool:
    """Return True: attention is computed from its formula."""
    return True


def flash_sdp_enabled() -> bool:
    """Return False."""
    return False


mem_efficient_sdp_enabled = cudnn_sdp_enabled = flash_sdp_enabled


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """Change nothing within the block."""
    yield
