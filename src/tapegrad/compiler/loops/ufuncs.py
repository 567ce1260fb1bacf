"""NumPy's universal functions as expressions of scalars that Numba computes to the same bits, and LLVM in vectors."""

from __future__ import annotations

import numpy as np

__all__ = ["EXPRESSIONS", "FUNCTIONS", "literal_of"]

# By name and dtype: functions of kernels.py. Numba's own would call the C library for each element.
FUNCTIONS = {("exp", "float32"): "exp_float32({0})"}

# By kind of the loop's operands: "f" floating point, "i" integers (signed or not), "b" bool. {0}, {1} are operands that
# can be repeated without being computed twice, {zero} and {one} numbers of their dtype.
_COMPARED = {
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
}
_LOGICAL = {
    "logical_and": "({0} != {zero}) & ({1} != {zero})",
    "logical_or": "({0} != {zero}) | ({1} != {zero})",
    "logical_xor": "({0} != {zero}) != ({1} != {zero})",
    "logical_not": "{0} == {zero}",
}
_NUMBERS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    **_COMPARED,
    **_LOGICAL,
}
EXPRESSIONS: dict[str, dict[str, str]] = {
    "f": {
        **_NUMBERS,
        "divide": "{0} / {1}",
        "reciprocal": "{one} / {0}",
        "absolute": "abs({0})",
        "fabs": "abs({0})",
        "sqrt": "np.sqrt({0})",
        "floor": "np.floor({0})",
        "ceil": "np.ceil({0})",
        "trunc": "np.trunc({0})",
        # A comparison with NaN is false: it is what comes out of maximum, and what fmax passes over.
        "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
        "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
        "fmax": "{0} if {0} >= {1} or {1} != {1} else {1}",
        "fmin": "{0} if {0} <= {1} or {1} != {1} else {1}",
        "sign": "{0} if {0} != {0} else ({one} if {0} > {zero} else (-{one} if {0} < {zero} else {zero}))",
        "isnan": "{0} != {0}",
        "isinf": "abs({0}) == {infinity}",
        "isfinite": "abs({0}) < {infinity}",
        "copysign": "np.copysign({0}, {1})",
    },
    "i": {
        **_NUMBERS,
        "absolute": "{0} if {0} >= {zero} else -{0}",
        "maximum": "{0} if {0} >= {1} else {1}",
        "minimum": "{0} if {0} <= {1} else {1}",
        "bitwise_and": "{0} & {1}",
        "bitwise_or": "{0} | {1}",
        "bitwise_xor": "{0} ^ {1}",
        "invert": "~{0}",
    },
    "b": {
        "equal": "{0} == {1}",
        "not_equal": "{0} != {1}",
        "add": "{0} | {1}",
        "multiply": "{0} & {1}",
        "logical_and": "{0} & {1}",
        "logical_or": "{0} | {1}",
        "logical_xor": "{0} != {1}",
        "logical_not": "not {0}",
        "bitwise_and": "{0} & {1}",
        "bitwise_or": "{0} | {1}",
        "bitwise_xor": "{0} != {1}",
        "invert": "not {0}",
        "maximum": "{0} | {1}",
        "minimum": "{0} & {1}",
    },
}


def literal_of(value: object, dtype: np.dtype) -> str:
    """Return a number of a dtype as source that Numba takes to have that dtype."""
    number = dtype.type(value).item()  # type: ignore[call-overload]
    if dtype.kind == "b":
        return repr(number)
    if number != number or number in (float("inf"), -float("inf")):
        text = "np.nan" if number != number else "np.inf" if number > 0 else "-np.inf"
        return f"np.{dtype.name}({text})"
    return f"np.{dtype.name}({dtype.type(number)!s})" if dtype != np.float64 else repr(number)
