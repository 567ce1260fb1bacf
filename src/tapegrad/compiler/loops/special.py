"""Which primitives have a loop written by hand, when it fits, and how a program calls it."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable
from typing import Any

from ...core import Equation, Variable
from . import channels, columns, convolution, depthwise, kernels, recurrent, windows, winograd
from .build import DECORATOR
from .layout import Layouts

__all__ = ["SPECIAL", "Special", "exp_text"]

# Products and sums of the polynomial may be one operation: it is more exact, and half the work.
_CONTRACTED = DECORATOR.replace(")", ', fastmath={"contract"})')
_NUMBERS = ("float32", "float64")
# With fewer channels the loops over them are too short for vectors.
_FEWEST = 8


class Special:
    """A loop of a primitive: the functions that make it up, its own last. ``fits`` says for which equations it is written."""

    def __init__(self, functions: list[Callable], fits: Callable[[Layouts, Equation], bool], call: Callable):
        self.functions = functions
        self.name = functions[-1].__name__
        self.fits = fits
        self.call = call

    def text(self, e: Equation) -> str:
        """Return the text of the functions for the dtype of an equation's result."""
        return _text(tuple(self.functions), e.outputs[-1].dtype.name)


@functools.cache
def exp_text() -> str:
    """Return the text of the exponential function of float32."""
    return f"{_CONTRACTED}\n{inspect.getsource(kernels.exp_float32).rstrip()}"


@functools.cache
def _text(functions: tuple[Callable, ...], dtype: str) -> str:
    texts = []
    for f in functions:
        if f is kernels.exp_float32:
            texts += [exp_text()] if dtype == "float32" else []
            continue
        text = re.sub(r"\bnumber\(", f"np.{dtype}(", inspect.getsource(f).rstrip())
        text = re.sub(r"(?<!\.)\bexp\(", "exp_float32(" if dtype == "float32" else "np.exp(", text)
        texts.append(f"{DECORATOR}\n{text}")
    return "\n\n\n".join(texts)


# -- cross entropy ------------------------------------------------------------------------------------------------------


def _labels_fit(layouts: Layouts, e: Equation) -> bool:
    x, target, *weight = e.inputs
    return (
        x.dtype.name in _NUMBERS
        and 0 not in x.shape
        and isinstance(target, Variable)
        and (target.dtype.itemsize < 8 or target.dtype.kind == "i")
        and all(w is None for w in weight)
    )


def _call_cross_entropy(writer: Any, e: Equation) -> list[str]:
    program, (loss, slope) = writer.writer, e.outputs
    options = {"reduction": "mean", "ignore_index": -100} | e.keywords
    reduction = options["reduction"]
    arguments = [
        program.names[e.inputs[0]],
        writer.view_of(e.inputs[1], "{}" if len(e.inputs[1].shape) == 1 else "{}.reshape(-1)"),
        writer.view_of(loss, "{}" if len(loss.shape) == 1 else "{}.reshape(-1)"),
        program.names[slope],
        *(repr(x) for x in (options["ignore_index"], reduction == "mean", reduction == "none")),
    ]
    # A label out of range raises there, and what is not finite takes more care.
    given = ", ".join(program._text_of(x) for x in e.inputs)
    keywords = "".join(f", {name}={value!r}" for name, value in e.keywords.items())
    kernel = program._give(e.primitive.name, e.primitive.kernel)
    out = f"({program.names[loss]}, {program.names[slope]})"
    return [
        f"if not cross_entropy_loop({', '.join(arguments)}):",
        f"    {kernel}(np, {given}{keywords}, out={out})",
    ]


# -- pooling ------------------------------------------------------------------------------------------------------------


def _images_fit(layouts: Layouts, e: Equation) -> bool:
    images = [*e.inputs, *e.outputs]
    return all(isinstance(v, Variable) and len(v.shape) == 4 and v.dtype.name in _NUMBERS for v in images) and (
        len(e.keywords["kernel_size"]) == 2 and 0 not in e.outputs[0].shape and 0 not in e.inputs[0].shape
    )


def _call_pooling(writer: Any, e: Equation) -> list[str]:
    images = [*e.inputs, *e.outputs]
    rows = [writer.layouts.of(v) for v in images]
    plain = all(s is not None and s[3] == 1 and s[0] == s[1] * v.shape[1] for s, v in zip(rows, images, strict=True))
    arguments = []
    for v in images:
        n, c, h, w = v.shape
        arguments.append(
            writer.view_of(v, f"{{}}.reshape({n * c}, {h}, {w}, 1)" if plain else "{}.transpose(0, 2, 3, 1)")
        )
    for name in ("kernel_size", "stride", "padding", "dilation"):
        arguments += map(str, e.keywords[name])
    return [f"{SPECIAL[e.primitive.name][0].name}({', '.join(arguments)})"]


# -- channels -----------------------------------------------------------------------------------------------------------


def _by_channels(layouts: Layouts, v: Any, like: Variable) -> str:
    """Return the view of a value that is (samples, channels) or (channels,); empty where its memory is not so."""
    channels = like.shape[1]
    if not isinstance(v, Variable) or v.dtype.name not in _NUMBERS or 0 in v.shape:
        return ""
    # Its dimensions are the last ones of what it broadcasts with.
    before = 1 - (len(like.shape) - len(v.shape))
    if before >= 0 and v.shape[before] == channels == math.prod(v.shape):
        return f"{{}}.reshape({channels})"
    strides = layouts.of(v)
    if len(v.shape) == 2 and strides == (channels, 1):
        return "{}"
    if len(v.shape) == 4 and strides is not None and strides == _channels_last(v.shape):
        return f"{{}}.transpose(0, 2, 3, 1).reshape({math.prod(v.shape) // channels}, {channels})"
    return ""


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    _, c, h, w = shape
    return h * w * c, 1, w * c, c


def _channels_fit(layouts: Layouts, e: Equation) -> bool:
    x = e.inputs[0]
    if not isinstance(x, Variable) or len(x.shape) not in (2, 4) or x.shape[1] < _FEWEST:
        return False
    samples = [d for d in range(len(x.shape)) if d != 1]
    dims = e.keywords.get("dim")
    if dims is not None and sorted(d % len(x.shape) for d in dims) != samples:
        return False
    values = [*e.inputs, *e.outputs]
    large = [v for v in values if isinstance(v, Variable) and v.shape == x.shape]
    views = [_by_channels(layouts, v, x) for v in values]
    return all(views) and len({v.dtype for v in values}) == 1 and len(large) >= 2


def _call_by_channels(writer: Any, e: Equation) -> list[str]:
    values = [*e.inputs, *e.outputs]
    arguments = [writer.view_of(v, _by_channels(writer.layouts, v, e.inputs[0])) for v in values]
    if e.primitive.name == "standardize":
        arguments.append(repr(e.keywords.get("eps", 1e-5)))
    return [f"{SPECIAL[e.primitive.name][0].name}({', '.join(arguments)})"]


def _sums_fit(layouts: Layouts, e: Equation) -> bool:
    x, out = e.inputs[0], e.outputs[0]
    if not isinstance(x, Variable) or len(x.shape) != 4 or x.shape[1] < _FEWEST or out.dtype != x.dtype:
        return False
    if "transpose" not in _by_channels(layouts, x, x):
        return False
    if e.primitive.name == "sum_to":
        return bool(_by_channels(layouts, out, x))
    dims = e.keywords.get("dim")
    return dims is not None and sorted(d % 4 for d in (dims if isinstance(dims, tuple) else (dims,))) == [0, 2, 3]


def _call_sums(writer: Any, e: Equation) -> list[str]:
    x, out = e.inputs[0], e.outputs[0]
    rows = writer.view_of(x, _by_channels(writer.layouts, x, x))
    sums = writer.view_of(out, "{}" if len(out.shape) == 1 else f"{{}}.reshape({x.shape[1]})")
    return [f"sum_loop({rows}, {sums})"]


_COLUMNS = Special([columns.spread_loop, columns.columns_loop], windows.columns_fit, windows.call_columns)
_TILES = Special(
    [
        winograd.winograd_input_loop,
        winograd.winograd_gradient_loop,
        winograd.winograd_back_loop,
        winograd.winograd_output_loop,
    ],
    convolution.tiles_fit,
    convolution.call_tiles,
)

_DEPTHWISE = Special(
    [depthwise.channels_gradient_loop, depthwise.channels_loop], depthwise.channels_fit, depthwise.call_channels
)

_ADVANCE = Special(
    [kernels.exp_float32, recurrent.tanh_float32, recurrent.advance_loop], recurrent.lstm_fits, recurrent.call_layer
)
_RETREAT = Special(
    [kernels.exp_float32, recurrent.tanh_float32, recurrent.retreat_loop], recurrent.lstm_fits, recurrent.call_backward
)

# For each primitive the loops that may compute it: the first that fits does.
SPECIAL: dict[str, tuple[Special, ...]] = {
    "conv": (_TILES, _COLUMNS, _DEPTHWISE),
    "conv_transpose": (_COLUMNS,),
    "conv_weight": (_TILES, _COLUMNS),
    "conv_gradients": (_TILES, _COLUMNS, _DEPTHWISE),
    "sum": (Special([channels.sum_loop], _sums_fit, _call_sums),),
    "sum_to": (Special([channels.sum_loop], _sums_fit, _call_sums),),
    "standardize": (Special([channels.standardize_loop], _channels_fit, _call_by_channels),),
    "standardize_gradient": (Special([channels.standardize_gradient_loop], _channels_fit, _call_by_channels),),
    "sum_products": (Special([channels.sum_products_loop], _channels_fit, _call_by_channels),),
    "softmax_cross_entropy": (
        Special([kernels.exp_float32, kernels.cross_entropy_loop], _labels_fit, _call_cross_entropy),
    ),
    "lstm_layer": (_ADVANCE,),
    "lstm_backward": (_RETREAT,),
    "max_pool": (Special([kernels.max_pool_loop], _images_fit, _call_pooling),),
    "max_pool_gradient": (Special([kernels.at_last_nan, kernels.max_pool_gradient_loop], _images_fit, _call_pooling),),
}
