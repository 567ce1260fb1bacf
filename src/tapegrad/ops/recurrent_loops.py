"""The loops over time of recurrent layers, on arrays.

All input products are one product of matrices; a loop then works on (features, batch) matrices, in which each gate is one
piece of memory. Sequences come and go as (time, batch, features).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .buffers import into
from .threads import one_thread
from .workspace import workspace

__all__: list[str] = []

# A step's product of fewer multiplications runs in one thread.
_SHARED = 1 << 21


def room(xp: Any, out: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return memory that products can be written into: ``out`` where that is contiguous."""
    return out if out is not None and out.flags.c_contiguous else xp.empty(shape, dtype)


def handed(results: tuple, out: tuple | None) -> tuple:
    """Return results from :func:`room` in the memory that was asked for."""
    if out is None:
        return results
    return tuple(r if r is o else into(o, r) for r, o in zip(results, out, strict=True))


def input_products(xp: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Return W x + b for all steps, as (features, time, batch), in memory that is valid until the next call."""
    steps, batch, features = x.shape
    result = workspace(xp, "recurrent inputs", (len(weight), steps * batch), x.dtype)
    xp.matmul(weight, x.reshape(steps * batch, features).T, out=result)
    if bias is not None:
        result += bias[:, None]
    return result.reshape(len(weight), steps, batch)


def added(first: Any, second: Any) -> Any:
    """Return the sum of two biases, each of which may be None."""
    return second if first is None else first if second is None else first + second


def halved(xp: Any, gates: int, tangent: int | None, hidden: int, dtype: Any) -> Any:
    """Return ½ for the rows of sigmoid gates, 1 for those of the gate that is no sigmoid: σ(z) = ½ + ½ tanh(z / 2)."""
    scale = xp.full((gates, hidden), 0.5, dtype)
    if tangent is not None:
        scale[tangent] = 1
    return scale.reshape(gates * hidden)


def as_sigmoid(halves: Any) -> None:
    """Turn tanh(z / 2) into σ(z), in place."""
    halves *= 0.5
    halves += 0.5


# -- LSTM ---------------------------------------------------------------------------------------------------------------


def run_lstm(
    xp: Any,
    input: Any,
    hx: Any,
    cx: Any,
    weights: tuple,
    biases: tuple,
    out: tuple | None,
    advance: Callable | None = None,
) -> tuple:
    """Return outputs (T, B, P), cell states (T, H, B) and gates i, f, g, o (T, 4H, B) of an LSTM.

    ``advance`` takes the place of :func:`_advance`, which is one step without its products.
    """
    weight_ih, weight_hh, weight_hr = weights
    steps, batch = input.shape[:2]
    hidden = len(weight_hh) // 4
    y_out, c_out, gates_out = out or (None, None, None)
    y = xp.empty((steps, batch, hx.shape[1]), input.dtype) if y_out is None else y_out
    c = room(xp, c_out, (steps, hidden, batch), input.dtype)
    gates = room(xp, gates_out, (steps, 4 * hidden, batch), input.dtype)
    scale = halved(xp, 4, 2, hidden, input.dtype)
    bias = added(*biases)
    inputs = input_products(xp, input, weight_ih * scale[:, None], None if bias is None else bias * scale)
    weight = weight_hh * scale[:, None]
    state, before = xp.array(hx.T, order="C"), xp.array(cx.T, order="C")
    through = state if weight_hr is None else xp.empty((hidden, batch), input.dtype)
    advance = advance or partial(_advance, xp)
    with one_thread(xp, weight.size * batch < _SHARED):
        for t in range(steps):
            z = gates[t]
            xp.dot(weight, state, out=z)
            advance(z, inputs[:, t], before, c[t], through)
            if weight_hr is not None:
                xp.dot(weight_hr, through, out=state)
            y[t] = state.T
            before = c[t]
    return handed((y, c, gates), out)


def _advance(xp: Any, z: Any, inputs: Any, before: Any, now: Any, output: Any) -> None:
    """Turn products with the state into gates, and write the cell state and the output.

    Pre-activations of sigmoid gates are halves: see :func:`halved`.
    """
    hidden = len(now)
    z += inputs
    xp.tanh(z, out=z)
    as_sigmoid(z[: 2 * hidden])
    as_sigmoid(z[3 * hidden :])
    xp.multiply(z[hidden : 2 * hidden], before, out=now)
    xp.multiply(z[:hidden], z[2 * hidden : 3 * hidden], out=output)
    now += output
    xp.tanh(now, out=output)
    output *= z[3 * hidden :]


def solve_lstm(
    xp: Any,
    given: tuple,
    gates: Any,
    c: Any,
    cx: Any,
    weights: tuple,
    out: tuple | None,
    retreat: Callable | None = None,
) -> tuple:
    """Return gradients of pre-activations (4H, T, B), cell states (T, H, B) and outputs (T, P, B), from the last step on.

    ``given``: what comes to them from outside, of outputs (T, B, P), of cell states and of pre-activations; or None.
    ``retreat`` takes the place of :func:`_retreat`, which is one step without its products.
    """
    g_y, g_c, g_z = given
    weight_hh, weight_hr = weights
    steps, hidden, batch = c.shape
    dz, dc, dh = lstm_room(xp, c, weight_hh, out)
    z, scratch = xp.empty((2, 4 * hidden, batch), c.dtype)
    through = None if weight_hr is None else xp.empty((hidden, batch), c.dtype)
    retreat = retreat or partial(_retreat, xp)
    with one_thread(xp, weight_hh.size * batch < _SHARED):
        for t in reversed(range(steps)):
            of_h, of_c = dh[t], dc[t]
            if t == steps - 1:
                of_c[...] = 0
                of_h[...] = 0 if g_y is None else g_y[t].T
            else:
                xp.multiply(gates[t + 1, hidden : 2 * hidden], dc[t + 1], out=of_c)
                xp.dot(weight_hh.T, z, out=of_h)
                if g_y is not None:
                    of_h += g_y[t].T
            if g_c is not None:
                of_c += g_c[t]
            of_m = of_h if weight_hr is None else xp.dot(weight_hr.T, of_h, out=through)
            retreat(gates[t], c[t], c[t - 1] if t else xp.array(cx.T, order="C"), of_m, of_c, z, scratch)
            if g_z is not None:
                z += g_z[:, t]
            dz[:, t] = z
    return handed((dz, dc, dh), out)


def _retreat(xp: Any, gate: Any, c: Any, before: Any, of_output: Any, of_c: Any, z: Any, scratch: Any) -> None:
    """Complete the gradient of the cell state, and write that of the pre-activations."""
    hidden = len(c)
    i, g, o = gate[:hidden], gate[2 * hidden : 3 * hidden], gate[3 * hidden :]
    squashed, slope = scratch[:hidden], z[:hidden]
    # h = o tanh(c)
    xp.tanh(c, out=squashed)
    xp.multiply(squashed, of_output, out=z[3 * hidden :])
    xp.multiply(squashed, squashed, out=slope)
    xp.subtract(1, slope, out=slope)
    slope *= o
    slope *= of_output
    of_c += slope
    # c = f c' + i g
    xp.multiply(g, of_c, out=z[:hidden])
    xp.multiply(before, of_c, out=z[hidden : 2 * hidden])
    xp.multiply(i, of_c, out=z[2 * hidden : 3 * hidden])
    z *= _slopes(xp, gate, hidden, scratch)


def _slopes(xp: Any, gate: Any, hidden: int, out: Any) -> Any:
    """Return the derivatives of the activations by their values: s (1 - s), and (1 + g) (1 - g) for tanh."""
    xp.subtract(1, gate, out=out)
    out[: 2 * hidden] *= gate[: 2 * hidden]
    out[3 * hidden :] *= gate[3 * hidden :]
    out[2 * hidden : 3 * hidden] *= gate[2 * hidden : 3 * hidden] + 1
    return out


def lstm_room(xp: Any, c: Any, weight_hh: Any, out: tuple | None) -> tuple:
    """Return memory for (dz, dc, dh)."""
    steps, hidden, batch = c.shape
    dz_out, dc_out, dh_out = out or (None, None, None)
    dz = xp.empty((4 * hidden, steps, batch), c.dtype) if dz_out is None else dz_out
    return dz, room(xp, dc_out, c.shape, c.dtype), room(xp, dh_out, (steps, weight_hh.shape[1], batch), c.dtype)


def lstm_tangents(xp: Any, given: tuple, gates: Any, c: Any, cx: Any, weights: tuple, out: tuple | None) -> tuple:
    """Return the transpose of :func:`solve_lstm`, from the first step on; ``given`` is of (dz, dc, dh), each may be None."""
    g_z, g_c, g_h = given
    weight_hh, weight_hr = weights
    steps, hidden, batch = c.shape
    dz, dc, dh = lstm_room(xp, c, weight_hh, out)
    z, slopes = xp.empty((2, 4 * hidden, batch), c.dtype)
    i, f, g, o = (slice(k * hidden, (k + 1) * hidden) for k in range(4))
    for t in range(steps):
        gate, of_c, of_h = gates[t], dc[t], dh[t]
        if t:
            xp.dot(weight_hh, dh[t - 1], out=z)
        else:
            z[...] = 0
        if g_z is not None:
            z += g_z[:, t]
        dz[:, t] = z
        moved = _slopes(xp, gate, hidden, slopes)
        moved *= z
        xp.multiply(gate[g], moved[i], out=of_c)
        of_c += (c[t - 1] if t else cx.T) * moved[f]
        of_c += gate[i] * moved[g]
        if t:
            of_c += gate[f] * dc[t - 1]
        if g_c is not None:
            of_c += g_c[t]
        squashed = xp.tanh(c[t])
        of_m = gate[o] * (1 - squashed * squashed) * of_c + squashed * moved[o]
        if weight_hr is None:
            of_h[...] = of_m
        else:
            xp.dot(weight_hr, of_m, out=of_h)
        if g_h is not None:
            of_h += g_h[t]
    return handed((dz, dc, dh), out)


# -- RNN and GRU --------------------------------------------------------------------------------------------------------


def run_rnn(xp: Any, x: Any, hx: Any, weights: tuple, biases: tuple, activation: str, out: Any) -> Any:
    """Return the outputs (T, B, H) of a plain recurrent layer."""
    weight_ih, weight_hh = weights
    y = xp.empty((*x.shape[:2], len(weight_hh)), x.dtype) if out is None else out
    inputs = input_products(xp, x, weight_ih, added(*biases))
    state = xp.array(hx.T, order="C")
    z = xp.empty_like(state)
    with one_thread(xp, weight_hh.size * x.shape[1] < _SHARED):
        for t in range(len(x)):
            xp.dot(weight_hh, state, out=z)
            z += inputs[:, t]
            if activation == "tanh":
                xp.tanh(z, out=state)
            else:
                xp.maximum(z, 0, out=state)
            y[t] = state.T
    return y


def run_gru(xp: Any, x: Any, hx: Any, weights: tuple, biases: tuple, out: tuple | None) -> tuple:
    """Return outputs (T, B, H) and r, z, n and the new gate's product with the state (T, 4H, B)."""
    weight_ih, weight_hh = weights
    bias_ih, bias_hh = biases
    hidden = len(weight_hh) // 3
    both = 2 * hidden
    y_out, gates_out = out or (None, None)
    y = xp.empty((*x.shape[:2], hidden), x.dtype) if y_out is None else y_out
    gates = room(xp, gates_out, (len(x), 4 * hidden, x.shape[1]), x.dtype)
    scale = halved(xp, 3, 2, hidden, x.dtype)
    inputs = input_products(xp, x, weight_ih * scale[:, None], None if bias_ih is None else bias_ih * scale)
    weight, bias = weight_hh * scale[:, None], None if bias_hh is None else (bias_hh * scale)[:, None]
    state = xp.array(hx.T, order="C")
    products = xp.empty((3 * hidden, x.shape[1]), x.dtype)
    with one_thread(xp, weight_hh.size * x.shape[1] < _SHARED):
        for t in range(len(x)):
            gate = gates[t]
            sigmoids, new, product = gate[:both], gate[both : 3 * hidden], gate[3 * hidden :]
            xp.dot(weight, state, out=products)
            if bias is not None:
                products += bias
            xp.add(products[:both], inputs[:both, t], out=sigmoids)
            xp.tanh(sigmoids, out=sigmoids)
            as_sigmoid(sigmoids)
            product[...] = products[both:]
            xp.multiply(sigmoids[:hidden], product, out=new)
            new += inputs[both:, t]
            xp.tanh(new, out=new)
            state -= new
            state *= sigmoids[hidden:]
            state += new
            y[t] = state.T
    return handed((y, gates), out)


def gated_room(xp: Any, slopes: Any, weight_hh: Any, out: tuple | None) -> tuple:
    """Return memory for (dv, dh)."""
    steps, _, batch = slopes.shape
    gates, hidden = weight_hh.shape
    dv_out, dh_out = out or (None, None)
    dv = xp.empty((gates, steps, batch), slopes.dtype) if dv_out is None else dv_out
    return dv, room(xp, dh_out, (steps, hidden, batch), slopes.dtype)


def solve_gated(xp: Any, given: tuple, slopes: Any, carry: Any, weight_hh: Any, out: tuple | None) -> tuple:
    """Return the gradients of the state's products (GH, T, B) and of the outputs (T, H, B), from the last step on."""
    g_y, g_v = given
    dv, dh = gated_room(xp, slopes, weight_hh, out)
    steps, hidden, batch = dh.shape
    v = xp.empty((len(weight_hh) // (hidden or 1), hidden, batch), dh.dtype)
    flat = v.reshape(len(weight_hh), batch)
    with one_thread(xp, weight_hh.size * batch < _SHARED):
        for t in reversed(range(steps)):
            of_h = dh[t]
            if t == steps - 1:
                of_h[...] = 0
            else:
                xp.dot(weight_hh.T, flat, out=of_h)
                if carry is not None:
                    of_h += carry[t + 1] * dh[t + 1]
            if g_y is not None:
                of_h += g_y[t].T
            xp.multiply(slopes[t].reshape(v.shape), of_h, out=v)
            if g_v is not None:
                flat += g_v[:, t]
            dv[:, t] = flat
    return handed((dv, dh), out)


def gated_tangents(xp: Any, given: tuple, slopes: Any, carry: Any, weight_hh: Any, out: tuple | None) -> tuple:
    """Return the transpose of :func:`solve_gated`, from the first step on; ``given`` is of (dv, dh), each may be None."""
    g_v, g_h = given
    dv, dh = gated_room(xp, slopes, weight_hh, out)
    steps, hidden, batch = dh.shape
    v = xp.empty((len(weight_hh) // (hidden or 1), hidden, batch), dh.dtype)
    flat = v.reshape(len(weight_hh), batch)
    for t in range(steps):
        of_h = dh[t]
        if t:
            xp.dot(weight_hh, dh[t - 1], out=flat)
        else:
            flat[...] = 0
        if g_v is not None:
            flat += g_v[:, t]
        dv[:, t] = flat
        xp.add.reduce(slopes[t].reshape(v.shape) * v, 0, out=of_h)
        if t and carry is not None:
            of_h += carry[t] * dh[t - 1]
        if g_h is not None:
            of_h += g_h[t]
    return handed((dv, dh), out)
