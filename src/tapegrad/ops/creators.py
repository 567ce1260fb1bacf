"""What every function that makes a tensor accepts besides its own arguments: ``out``, ``layout``, ``pin_memory``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..core.given import write_given
from ..errors import UsageError

_DEFAULTS = {"out": None, "layout": None, "pin_memory": False}


def creator(*added: str) -> Callable[[Callable], Callable]:
    """Let a function that makes a tensor take the keywords named: ``out``, ``layout``, ``pin_memory``.

    ``out`` is the tensor to write into, whose dtype counts unless another is named; memory has one layout and is never
    pinned, so the other two change nothing, but a layout that is not strided is refused.
    """

    def decorate(plain: Callable) -> Callable:
        signature = inspect.signature(plain)
        more = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[n]) for n in added]

        @functools.wraps(plain)
        def create(*args: Any, **kwargs: Any) -> Any:
            given = {n: kwargs.pop(n) for n in added if n in kwargs} if kwargs else {}
            if not given:
                return plain(*args, **kwargs)
            if str(given.get("layout") or "strided").split(".")[-1] != "strided":
                raise UsageError(plain.__name__, f"the layout is {given['layout']}", "leave it out: memory is strided")
            out = given.get("out")
            if out is None:
                return plain(*args, **kwargs)
            if kwargs.get("dtype") is None:
                kwargs["dtype"] = out.dtype
            return write_given(plain.__name__, out, plain(*args, **kwargs))

        create.__dict__["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), *more])
        return create

    return decorate
