"""``torch.nn.utils.stateless``: the older place of :func:`tapegrad.func.functional_call`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core import Tensor
from ...func import functional_call as call

__all__ = ["functional_call"]


def functional_call(
    module: Any,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return what a module gives with other parameters and buffers; see :func:`tapegrad.func.functional_call`.

    >>> import tapegrad as tg
    >>> layer = tg.nn.Linear(1, 1, bias=False)
    >>> tg.nn.utils.stateless.functional_call(layer, {"weight": tg.ones(1, 1)}, tg.tensor([2.0]))
    tensor([2.])
    """
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
