"""What the board answers with: JSON without NaN, and errors as a sentence in three parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import TapegradError
from ..train.lines import dump
from .refusal import Refusal, told
from .web import Request, Response

__all__ = ["answer", "checkpoint_of", "choice", "number", "problem", "read_object", "whole"]

_MOST_DIGITS = 18


def answer(value: Any, status: int = 200) -> Response:
    """Return a value as a JSON response; NaN and infinity are texts, bytes are JSON already."""
    body = value if isinstance(value, bytes) else dump(value).encode("utf-8", "replace")
    return Response(body, status, {"cache-control": "no-store"}, media_type="application/json")


def problem(error: TapegradError) -> Response:
    """Return an error as a JSON response."""
    what = "\n".join([error.what, *getattr(error, "more", ())])
    status = error.status if isinstance(error, Refusal) else 400
    return answer({"error": told(error.who, what, error.fix)}, status)


def whole(text: str | None, who: str, low: int, high: int, default: int | None = None) -> int:
    """Return the whole number of a text. Raises Refusal for another text and a number that is out of bounds."""
    if text is None and default is not None:
        return default
    digits = (text or "").removeprefix("-")
    fits = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    if not fits or not low <= int(text or "") <= high:
        raise Refusal(400, who, f"is {_shown(text)}", f"use a whole number from {low:,} to {high:,}")
    return int(text or "")


def number(text: str | None, who: str) -> float | None:
    """Return the finite number of a text, None of no text. Raises Refusal for another text."""
    if text is None or text == "":
        return None
    try:
        value = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refusal(400, who, f"is {_shown(text)}", "use a number")
    return value


def choice(text: str | None, who: str, known: tuple[str, ...]) -> str:
    """Return one of the known words, the first for no text. Raises Refusal for another."""
    if text is None:
        return known[0]
    if text not in known:
        raise Refusal(400, who, f"is {_shown(text)}", "use " + ", ".join(known))
    return text


def checkpoint_of(request: Request) -> int | None:
    """Return the number of the checkpoint that a request asks for, None where it leaves the choice to the board."""
    text = request.query_params.get("checkpoint")
    return None if text in (None, "") else whole(text, "checkpoint", 0, 10**9)


async def read_object(request: Request) -> Mapping[str, Any]:
    """Return the JSON object that a request sent. Raises Refusal for anything else."""
    import json

    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refusal(400, "request", "its body is no JSON", "send a JSON object") from None
    if not isinstance(value, dict):
        raise Refusal(400, "request", f"its body is a JSON {type(value).__name__}", "send a JSON object")
    return value


def _shown(text: str | None) -> str:
    return "missing" if text is None else repr(text if len(text) <= 60 else text[:57] + "...")
