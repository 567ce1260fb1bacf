"""Values of a file against the parameter of a class or function that they are meant for."""

from __future__ import annotations

import enum
import inspect
import math
import re
from typing import Any

__all__ = ["CHOICES", "RANGES", "Mismatch", "argument", "inner_of", "options", "show"]

# Parameters whose annotation says too little. The ones of sizes take one whole number or one for each dimension.
SIZES = {"kernel_size", "stride", "padding", "dilation", "output_size", "output_padding", "size"}
_WORDS = {"padding": ("same", "valid"), "value": ("random",)}
CHOICES = {
    "reduction": ("mean", "sum"),
    "approximate": ("none", "tanh"),
    "anneal_strategy": ("cos", "linear"),
}
_COUNTS = {
    "in_features", "out_features", "in_channels", "out_channels", "num_features", "num_groups", "num_channels", "groups",
    "num_embeddings", "embedding_dim", "kernel_size", "stride", "dilation", "output_size", "size", "step_size", "T_max",
    "T_0", "T_mult", "total_iters", "total_steps", "steps_per_epoch", "epochs",
}  # fmt: skip
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(_COUNTS, (1, 2**31 - 1)),
    "label_smoothing": (0, 1),
    "lr": (0, math.inf),
    "momentum": (0, math.inf),
    "weight_decay": (0, math.inf),
    "p": (0, math.inf),
    "eps": (0, math.inf),
    "std": (0, math.inf),
    "milestones": (0, 2**31 - 1),
}


class Mismatch(Exception):
    """A value that does not fit; the text says what is wrong, ``wanted`` what would be right, if that is known."""

    def __init__(self, what: str, fix: str = ""):
        super().__init__(what)
        self.what, self.fix = what, fix


def show(value: Any) -> str:
    """Return a value as a message shows it.

    >>> show("fast"), show(None), show(True), show([1, "x"]), show({})
    ("'fast'", 'null', 'true', "[1, 'x']", 'a mapping')
    """
    if isinstance(value, (list, tuple)):
        short = len(value) <= 8 and not any(isinstance(v, (list, tuple, dict)) for v in value)
        text = f"[{', '.join(map(show, value))}]" if short else ""
        return text if 0 < len(text) <= 60 else "a list"
    if isinstance(value, dict):
        return "a mapping"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def argument(value: Any, name: str, parameter: inspect.Parameter) -> Any:
    """Return a value as the parameter takes it: lists as tuples, whole numbers as floats where floats are wanted.

    Raises Mismatch for a value of another type, outside the range, or not among the choices.
    """
    for kind in options(name, parameter):
        taken, result = _take(value, kind, name)
        if taken:
            _check_range(value, name)
            return result
    words = [_wanted(kind, name) for kind in options(name, parameter) if kind != "None"]
    raise Mismatch(f"{show(value)} where {' or '.join(dict.fromkeys(words))} is expected", _quotes(value, words))


def _quotes(value: Any, words: list[str]) -> str:
    if isinstance(value, str) and "text" not in words and re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", value, re.I):
        return "leave out the quotes"
    return ""


def options(name: str, parameter: inspect.Parameter) -> list[str]:
    """Return the kinds of values that a parameter takes: its annotation, with ``Any`` narrowed by name and default."""
    annotation, default = parameter.annotation, parameter.default
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    found = [kind.strip() for kind in re.split(r"\|(?![^\[]*\])", text.replace("typing.", ""))]
    if "Any" in found or annotation is parameter.empty:
        found.remove("Any") if "Any" in found else found.clear()
        found += _narrowed(name, default)
    if default is None and "None" not in found:
        found.append("None")
    if name in _WORDS:
        found.append("word")
    return found


def _narrowed(name: str, default: Any) -> list[str]:
    if name in SIZES:
        return ["int", "Sequence[int | None]" if name == "output_size" else "Sequence[int]"]
    if isinstance(default, enum.Enum):
        # PIL numbers its interpolations; the constructor knows which numbers there are.
        return ["enum:" + ",".join(member.value for member in type(default)), "int"]
    if isinstance(default, (bool, str)):
        return [type(default).__name__]
    return ["number", "Sequence[number]"]


def inner_of(kind: str) -> tuple[list[str], int | None] | None:
    """Return the kinds of a sequence's items and, for a tuple of so many, their number; None for what is no sequence."""
    found = re.fullmatch(r"(?:[\w.]+\.)?(tuple|Tuple|list|List|Sequence|Iterable)(?:\[(.*)\])?", kind)
    if found is None:
        return None
    items = [item.strip() for item in (found[2] or "number").split(",")]
    if found[1].lower() == "tuple" and items[-1] != "...":
        return [items[0]], len(items)
    return [kind.strip() for kind in items[0].split("|")], None


def _take(value: Any, kind: str, name: str) -> tuple[bool, Any]:
    """Return whether a value is of a kind, and the value as it is handed over."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in ("int", "float", "number"):
        if not number or (kind == "int" and not float(value).is_integer() if _finite(value) else kind == "int"):
            return False, None
        return True, {"int": int, "float": float, "number": lambda v: v}[kind](value)
    if kind in ("bool", "None", "str"):
        return isinstance(value, {"bool": bool, "None": type(None), "str": str}[kind]), value
    if kind == "word":
        return isinstance(value, str) and value in _WORDS[name], value
    if kind.startswith("enum:"):
        return isinstance(value, str) and value in kind[5:].split(","), value
    if kind.endswith("Tensor"):
        kind = "Sequence[number]"
    inner = inner_of(kind)
    if inner is None or not isinstance(value, (list, tuple)) or not value:
        return False, None
    kinds, length = inner
    if length is not None and len(value) != length:
        return False, None
    taken = [next((r for ok, r in (_take(v, k, name) for k in kinds) if ok), _NOTHING) for v in value]
    return not any(v is _NOTHING for v in taken), tuple(taken)


_NOTHING = object()


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _wanted(kind: str, name: str) -> str:
    simple = {
        "int": "a whole number",
        "float": "a number",
        "number": "a number",
        "bool": "true or false",
        "str": "text",
    }
    if kind in simple:
        return simple[kind]
    if kind == "word":
        return " or ".join(f"'{word}'" for word in _WORDS[name])
    if kind.startswith("enum:"):
        return "one of " + ", ".join(kind[5:].split(","))
    inner = inner_of("Sequence[number]" if kind.endswith("Tensor") else kind)
    if inner is None:
        return "something that only Python can give"
    items = "whole numbers" if inner[0][0] == "int" else "texts" if inner[0][0] == "str" else "numbers"
    return f"a list of {inner[1]} {items}" if inner[1] else f"a list of {items}"


def _check_range(value: Any, name: str) -> None:
    choices = CHOICES.get(name)
    if choices and isinstance(value, str) and value not in choices:
        raise Mismatch(f"{show(value)} is not one of {', '.join(choices)}")
    low, high = RANGES.get(name, (-math.inf, math.inf))
    for number in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            if math.isnan(number):
                raise Mismatch("nan where a number is expected")
            if number < low:
                raise Mismatch(f"{show(number)} is less than {low}")
            if number > high:
                raise Mismatch(f"{show(number)} is more than {high}")
