"""One step of an LSTM without its products, forwards and backwards, for the loop over time in the primitives' kernels.

Gates lie one behind the other in memory, so that each is one long run of numbers. None of these functions is called as it
stands here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import Equation, Variable
from ...ops.recurrent_loops import run_lstm, solve_lstm
from .layout import Layouts

__all__ = [
    "advance_loop",
    "call_backward",
    "call_layer",
    "lstm_fits",
    "retreat_loop",
    "tanh_float32",
]

exp, number = np.exp, np.float32


def tanh_float32(x):
    """The hyperbolic tangent, to within two units in the last place; NaN stays."""
    square = x * x
    near = x * (
        number(1.0) - square * (number(0.33333333) - square * (number(0.13333333) - square * number(0.053968254)))
    )
    far = number(1.0) - number(2.0) / (number(1.0) + exp(number(2.0) * x))
    return near if square < number(0.04) else far


def advance_loop(z, inputs, before, now, output):
    """Gates from products with the state and with the input; the cell state and the output. Sigmoids are given z / 2."""
    hidden, batch = now.shape
    for r in range(4 * hidden):
        for b in range(batch):
            z[r, b] += inputs[r, b]
    count = hidden * batch
    gates, last, c, h = z.reshape(4, count), before.reshape(count), now.reshape(count), output.reshape(count)
    i, f, g, o = gates[0], gates[1], gates[2], gates[3]
    for n in range(count):
        i[n] = number(1.0) / (number(1.0) + exp(number(-2.0) * i[n]))
    for n in range(count):
        f[n] = number(1.0) / (number(1.0) + exp(number(-2.0) * f[n]))
    for n in range(count):
        g[n] = tanh_float32(g[n])
    for n in range(count):
        o[n] = number(1.0) / (number(1.0) + exp(number(-2.0) * o[n]))
    for n in range(count):
        c[n] = f[n] * last[n] + i[n] * g[n]
    for n in range(count):
        h[n] = o[n] * tanh_float32(c[n])


def retreat_loop(gate, c, before, of_output, of_c, z, scratch):
    """The gradient of the cell state, to which that of the output is added, and those of the gates before activation.

    Several loops: LLVM makes vectors of one only when it has few arrays to tell apart.
    """
    hidden, batch = c.shape
    count = hidden * batch
    gates, products = gate.reshape(4, count), z.reshape(4, count)
    i, f, g, o = gates[0], gates[1], gates[2], gates[3]
    cell, last, of_h, of_cell = c.reshape(count), before.reshape(count), of_output.reshape(count), of_c.reshape(count)
    squashed = scratch.reshape(4 * count)
    of_i, of_f, of_g, of_o = products[0], products[1], products[2], products[3]
    for n in range(count):
        squashed[n] = tanh_float32(cell[n])
    for n in range(count):
        of_cell[n] += o[n] * (number(1.0) - squashed[n] * squashed[n]) * of_h[n]
    for n in range(count):
        of_i[n] = of_cell[n] * g[n] * i[n] * (number(1.0) - i[n])
    for n in range(count):
        of_f[n] = of_cell[n] * last[n] * f[n] * (number(1.0) - f[n])
    for n in range(count):
        of_g[n] = of_cell[n] * i[n] * (number(1.0) + g[n]) * (number(1.0) - g[n])
    for n in range(count):
        of_o[n] = of_h[n] * squashed[n] * o[n] * (number(1.0) - o[n])


def lstm_fits(layouts: Layouts, e: Equation) -> bool:
    """Return whether an equation's arrays are float32 and not empty: their memory is the kernel's own."""
    arrays = [x for x in (*e.inputs, *e.outputs) if isinstance(x, Variable)]
    return all(x.dtype == np.float32 and 0 not in x.shape for x in arrays)


def _arguments(program: Any, e: Equation) -> list[str]:
    missing = [None] * (len(e.primitive.inputs) - len(e.inputs))
    return [program._text_of(x) for x in (*e.inputs, *missing)]


def call_layer(writer: Any, e: Equation) -> list[str]:
    """Return the line that calls the kernel of ``lstm_layer`` with :func:`advance_loop`."""
    program = writer.writer
    x, hx, cx, w_ih, w_hh, b_ih, b_hh, w_hr = _arguments(program, e)
    states = f"{x}, {hx}, {cx}, ({w_ih}, {w_hh}, {w_hr}), ({b_ih}, {b_hh})"
    return [f"{program._give('run_lstm', run_lstm)}(np, {states}, {program._left(e.outputs)}, {advance_loop.__name__})"]


def call_backward(writer: Any, e: Equation) -> list[str]:
    """Return the line that calls the kernel of ``lstm_backward`` with :func:`retreat_loop`."""
    program = writer.writer
    g_y, g_c, g_z, gates, c, cx, w_hh, w_hr = _arguments(program, e)
    states = f"({g_y}, {g_c}, {g_z}), {gates}, {c}, {cx}, ({w_hh}, {w_hr})"
    return [
        f"{program._give('solve_lstm', solve_lstm)}(np, {states}, {program._left(e.outputs)}, {retreat_loop.__name__})"
    ]
