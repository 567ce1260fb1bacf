"""The parameters of a function, read from its code: hundreds are read at import, and ``inspect`` takes twenty times as long."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Parameters", "parameters"]


class Parameters(NamedTuple):
    """Names of what a function takes by position and by keyword alone, ``*rest``'s and ``**more``'s, and the defaults."""

    positional: tuple[str, ...]
    keywords: tuple[str, ...]
    rest: str | None
    more: str | None
    defaults: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they are written."""
        return (*self.positional, *filter(None, [self.rest]), *self.keywords, *filter(None, [self.more]))


def parameters(function: Callable) -> Parameters:
    """Return the parameters of a function that ``def`` or ``lambda`` made, or that :func:`functools.wraps` put around one.

    >>> parameters(lambda a, *b, c=1: 0)
    Parameters(positional=('a',), keywords=('c',), rest='b', more=None, defaults={'c': 1})
    """
    plain: Any = function
    while hasattr(plain, "__wrapped__"):
        if "__signature__" in vars(plain):
            return _of_signature(plain.__signature__)
        plain = plain.__wrapped__
    code = plain.__code__
    last = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames
    positional = names[: code.co_argcount]
    others = list(names[last : last + 2])
    rest = others.pop(0) if code.co_flags & inspect.CO_VARARGS else None
    more = others[0] if code.co_flags & inspect.CO_VARKEYWORDS else None
    values = plain.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    return Parameters(positional, names[code.co_argcount : last], rest, more, defaults | (plain.__kwdefaults__ or {}))


def _of_signature(signature: inspect.Signature) -> Parameters:
    """Return the parameters that a function says of itself."""

    def of_kind(*kinds: Any) -> list[str]:
        return [p.name for p in signature.parameters.values() if p.kind in kinds]

    kind = inspect.Parameter
    return Parameters(
        tuple(of_kind(kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)),
        tuple(of_kind(kind.KEYWORD_ONLY)),
        next(iter(of_kind(kind.VAR_POSITIONAL)), None),
        next(iter(of_kind(kind.VAR_KEYWORD)), None),
        {p.name: p.default for p in signature.parameters.values() if p.default is not p.empty},
    )
