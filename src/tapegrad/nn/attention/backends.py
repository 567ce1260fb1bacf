"""What scripts say about GPU kernels for attention: accepted, checked, without effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from enum import IntEnum

from ...errors import ContractError

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(IntEnum):
    """The ways in which PyTorch computes scaled dot-product attention.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.attention.SDPBackend.html

    >>> import tapegrad as tg
    >>> tg.nn.attention.SDPBackend.MATH.name
    'MATH'
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Run a block in which PyTorch would use the named kernels for attention; here there is one, which serves for all.

    Raises ContractError for what is neither a backend nor a list of them.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.attention.sdpa_kernel.html

    >>> import tapegrad as tg
    >>> with tg.nn.attention.sdpa_kernel(tg.nn.attention.SDPBackend.FLASH_ATTENTION):
    ...     x = tg.nn.functional.scaled_dot_product_attention(*[tg.ones(1, 2)] * 3)
    """
    given = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(given, Iterable) or not all(isinstance(item, SDPBackend) for item in given):
        raise ContractError("sdpa_kernel", f"backends is {backends!r}", "give an SDPBackend, or a list of them")
    yield
