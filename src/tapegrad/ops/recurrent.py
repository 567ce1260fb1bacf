"""Recurrent layers over a whole sequence, one direction each: LSTM, GRU and the plain one.

The backward pass through time is a linear recurrence: for given gates it maps gradients of outputs to gradients of
pre-activations. It and its transpose, which runs forwards in time, are a pair of primitives: each is the other's rule in what
it is linear in, and the gradients of the coefficients are products of the two solutions. So all orders of derivatives
are loops in kernels.
"""

from __future__ import annotations

from ..core import Sample, ops, primitive
from .recurrent_loops import gated_tangents, lstm_tangents, run_gru, run_lstm, run_rnn, solve_gated, solve_lstm

__all__: list[str] = []


# -- pieces of rules ----------------------------------------------------------------------------------------------------


def _columns(x):
    """(features, time, batch) as a matrix with a row for each feature."""
    return ops.reshape(x, shape=(x.shape[0], x.shape[1] * x.shape[2]))


def _rows(x):
    """(time, batch, features) as a matrix with a column for each feature."""
    return ops.reshape(x, shape=(x.shape[0] * x.shape[1], x.shape[2]))


def _turned(x):
    """(time, features, batch) as (features, time, batch), and back."""
    return ops.permute(x, dims=(1, 0, 2))


def _outer(x, y):
    """The sum of the outer products of (features, time, batch) with (time, features, batch)."""
    return ops.matmul(_columns(x), _rows(y.mT))


def _after(first, rest):
    """The values before each step: ``first``, then those of all steps but the last."""
    return ops.cat(ops.reshape(first, shape=(1, *first.shape)), rest[:-1], dim=0)


def _shifted(x, by):
    """Move values one step later (1) or earlier (-1), with a zero in the place that becomes free."""
    if by > 0:
        return ops.index_place(x[:-1], shape=x.shape, layout=(slice(1, None),))
    return ops.index_place(x[1:], shape=x.shape, layout=(slice(None, -1),))


def _plus(x, y):
    return y if x is None else x if y is None else x + y


def _quarters(gates):
    size = gates.shape[1] // 4
    return ops.split_with_sizes(gates, split_sizes=(size, size, size, size), dim=1)


def _input_gradients(of_inputs, of_states, input, hx, y, weight_ih, needs):
    """The gradients of input, weight_ih, weight_hh, bias_ih and bias_hh from those of the products (features, time, batch)."""
    flat, states = _columns(of_inputs), _columns(of_states)
    return (
        ops.reshape(ops.matmul(flat.mT, weight_ih), shape=input.shape) if needs[0] else None,
        ops.matmul(flat, _rows(input)) if needs[1] else None,
        ops.matmul(states, _rows(_after(hx, y))) if needs[2] else None,
        ops.sum(flat, dim=1) if needs[3] else None,
        ops.sum(states, dim=1) if needs[4] else None,
    )


# -- LSTM ---------------------------------------------------------------------------------------------------------------

_LSTM = r"i, f, o = \sigma(W x + U h' + b), \; g = \tanh(W x + U h' + b), \; c = f c' + i g, \; h = o \tanh c"


def _lstm_slopes(gates):
    """The derivatives of the activations i, f, g, o by their values."""
    i, f, g, o = _quarters(gates)
    return ops.cat(i * (1 - i), f * (1 - f), (1 - g) * (1 + g), o * (1 - o), dim=1)


def _lstm_gradient(g, input, hx, cx, weight_ih, weight_hh, weight_hr, out, needs):
    y, c, gates = out
    g_y, g_c, g_gates = g
    g_z = None if g_gates is None else _turned(_lstm_slopes(gates) * g_gates)
    dz, dc, dh = ops.lstm_backward(g_y, g_c, g_z, gates, c, cx, weight_hh, weight_hr)
    wanted = (needs[0], needs[3], needs[4], needs[5], needs[6])
    of_input, *of_weights = _input_gradients(dz, dz, input, hx, y, weight_ih, wanted)
    of_hx = ops.matmul(dz[:, 0].mT, weight_hh) if needs[1] else None
    of_cx = (_quarters(gates)[1][0] * dc[0]).mT if needs[2] else None
    of_projection = _outer(_turned(dh), _quarters(gates)[3] * ops.tanh(c)) if needs[7] else None
    return (of_input, of_hx, of_cx, *of_weights, of_projection)


def _lstm_samples():
    for steps, batch, features, hidden, size in ((3, 2, 2, 3, 3), (4, 2, 3, 4, 2), (1, 3, 1, 2, 2)):
        for bias in ((4 * hidden,), None):
            projection = (size, hidden) if size != hidden else None
            shapes = (
                (steps, batch, features),
                (batch, size),
                (batch, hidden),
                (4 * hidden, features),
                (4 * hidden, size),
            )
            yield Sample(*shapes, bias, bias, projection)


@primitive(
    promote="same",
    vjp=_lstm_gradient,
    formula=_LSTM,
    onnx="LSTM",
    samples=_lstm_samples,
    torch="",
)
def lstm_layer(xp, input, hx, cx, weight_ih, weight_hh, bias_ih=None, bias_hh=None, weight_hr=None, *, out=None):
    """Return the outputs (T, B, P), cell states (T, H, B) and gates i, f, g, o (T, 4H, B) of an LSTM layer.

    Shapes: input (T, B, I), hx (B, P), cx (B, H), weight_ih (4H, I), weight_hh (4H, P), biases (4H,). P is H without a
    projection; with one ``weight_hr`` is (P, H), and the outputs are its products with h.
    """
    return run_lstm(xp, input, hx, cx, (weight_ih, weight_hh, weight_hr), (bias_ih, bias_hh), out)


def _lstm_coefficients(d, e, gates, c, cx, weight_hr, needs):
    """The gradients of gates, c, cx, weight_hh and weight_hr of <e, M d>, for the recurrence M d = given.

    ``d``: (dz, dc, dh), the solution backwards in time. ``e``: that of the transpose, forwards in time.
    """
    (dz, dc, dh), (ez, ec, eh) = d, e
    i, f, g, o = _quarters(gates)
    ei, ef, eg, eo = _quarters(_turned(ez))
    tanh, before, carried = ops.tanh(c), _after(cx.mT, c), _shifted(ec, 1)
    dm = dh if weight_hr is None else ops.matmul(weight_hr.mT, dh)
    squash = (1 - tanh) * (1 + tanh)
    si, sf, sg, so = i * (1 - i), f * (1 - f), (1 - g) * (1 + g), o * (1 - o)
    em = o * squash * ec + tanh * so * eo
    of_gates = ops.cat(
        sg * eg * dc + (1 - 2 * i) * ei * g * dc,
        carried * dc + (1 - 2 * f) * ef * before * dc,
        si * ei * dc - 2 * g * eg * i * dc,
        squash * ec * dm + (1 - 2 * o) * eo * tanh * dm,
        dim=1,
    )
    of_before = sf * ef * dc
    of_c = (so * eo - 2 * o * tanh * ec) * dm * squash + _shifted(of_before, -1)
    return (
        of_gates,
        of_c,
        of_before[0].mT,
        _outer(dz[:, 1:], eh[:-1]) if needs[0] else None,
        _outer(_turned(dh), em) if needs[1] else None,
    )


def _lstm_backward_gradient(g, gates, c, cx, weight_hh, weight_hr, out, needs):
    e = ops.lstm_tangent(*g, gates, c, cx, weight_hh, weight_hr)
    ez, ec, eh = e
    of_given = (eh.mT if needs[0] else None, 1 * ec if needs[1] else None, 1 * ez if needs[2] else None)
    return (*of_given, *_lstm_coefficients(out, e, gates, c, cx, weight_hr, needs[6:]))


def _lstm_tangent_gradient(g, gates, c, cx, weight_hh, weight_hr, out, needs):
    g_z, g_c, g_h = g
    d = ops.lstm_backward(None if g_h is None else g_h.mT, g_c, g_z, gates, c, cx, weight_hh, weight_hr)
    of_given = tuple(1 * x if wanted else None for x, wanted in zip(d, needs[:3], strict=True))
    return (*of_given, *_lstm_coefficients(d, out, gates, c, cx, weight_hr, needs[6:]))


def _lstm_backward_samples():
    for outputs, cells, inner, size in ((True, True, True, 3), (True, False, False, 2), (False, True, True, 3)):
        given = (4, 2, size) if outputs else None, (4, 3, 2) if cells else None, (12, 4, 2) if inner else None
        yield Sample(*given, (4, 12, 2), (4, 3, 2), (2, 3), (12, size), (size, 3) if size != 3 else None)


def _lstm_tangent_samples():
    for sample in _lstm_backward_samples():
        outputs, cells, inner, *rest = sample.inputs
        yield Sample(inner, cells, None if outputs is None else (4, outputs[2], 2), *rest)


@primitive(
    promote="same",
    vjp=_lstm_backward_gradient,
    formula=r"\bar h = g_h + U^\top \bar z^+, \; \bar c = g_c + f^+ \bar c^+ + o (1 - \tanh^2 c) \bar h, \; \bar z = g_z + s (g \bar c, c' \bar c, i \bar c, \bar h \tanh c)",
    samples=_lstm_backward_samples,
    torch="",
)
def lstm_backward(xp, g_y, g_c, g_z, gates, c, cx, weight_hh, weight_hr=None, *, out=None):
    """Return the gradients of an LSTM's pre-activations (4H, T, B), cell states (T, H, B) and outputs (T, P, B).

    ``g_y`` (T, B, P), ``g_c`` (T, H, B) and ``g_z`` (4H, T, B) are what comes from outside, or None; the others as in
    :func:`lstm_layer`. Linear in the first three.
    """
    return solve_lstm(xp, (g_y, g_c, g_z), gates, c, cx, (weight_hh, weight_hr), out)


@primitive(
    promote="same",
    vjp=_lstm_tangent_gradient,
    formula=r"\dot z = g_z + U \dot h', \; \dot c = g_c + f \dot c' + \sum s \dot z (g, c', i), \; \dot h = g_h + o (1 - \tanh^2 c) \dot c + s \dot z_o \tanh c",
    samples=_lstm_tangent_samples,
    torch="",
)
def lstm_tangent(xp, g_z, g_c, g_h, gates, c, cx, weight_hh, weight_hr=None, *, out=None):
    """Return the transpose of :func:`lstm_backward`: (4H, T, B), (T, H, B) and (T, P, B), from three of these or None."""
    return lstm_tangents(xp, (g_z, g_c, g_h), gates, c, cx, (weight_hh, weight_hr), out)


# -- RNN and GRU --------------------------------------------------------------------------------------------------------


def _rnn_gradient(g, input, hx, weight_ih, weight_hh, out, activation, needs):
    slopes = ((1 - out) * (1 + out)).mT if activation == "tanh" else ops.where(out > 0, 0 * out + 1, 0 * out).mT
    dv, _ = ops.gated_backward(g, None, slopes, None, weight_hh)
    of_input, *of_weights = _input_gradients(dv, dv, input, hx, out, weight_ih, (needs[0], *needs[2:]))
    return (of_input, ops.matmul(dv[:, 0].mT, weight_hh) if needs[1] else None, *of_weights)


def _rnn_samples():
    for activation in ("tanh", "relu"):
        for bias in ((3,), None):
            yield Sample((4, 2, 2), (2, 3), (3, 2), (3, 3), bias, bias, activation=activation)


@primitive(
    promote="same",
    vjp=_rnn_gradient,
    formula=r"h = \phi(W x + U h' + b)",
    onnx="RNN",
    samples=_rnn_samples,
    torch="",
)
def rnn_layer(xp, input, hx, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, activation="tanh", out=None):
    """Return the outputs (T, B, H) of a plain recurrent layer with ``activation`` "tanh" or "relu".

    Shapes: input (T, B, I), hx (B, H), weight_ih (H, I), weight_hh (H, H), biases (H,).
    """
    return run_rnn(xp, input, hx, (weight_ih, weight_hh), (bias_ih, bias_hh), activation, out)


def _gru_gradient(g, input, hx, weight_ih, weight_hh, out, needs):
    y, gates = out
    g_y, g_gates = g
    r, z, n, q = _quarters(gates)
    before, squash, sr, sz = _after(hx, y).mT, (1 - n) * (1 + n), r * (1 - r), z * (1 - z)
    of_new = (1 - z) * squash
    slopes = ops.cat(of_new * q * sr, (before - n) * sz, of_new * r, dim=1)
    g_v = g_new = None
    if g_gates is not None:
        g_r, g_update, g_n, g_q = _quarters(g_gates)
        g_new = g_n * squash
        g_v = _turned(ops.cat((g_new * q + g_r) * sr, g_update * sz, g_new * r + g_q, dim=1))
    dv, dh = ops.gated_backward(g_y, g_v, slopes, z, weight_hh)
    new = _turned(_plus(g_new, of_new * dh))
    of_inputs = ops.cat(dv[: 2 * len(new)], new, dim=0)
    of_input, *of_weights = _input_gradients(of_inputs, dv, input, hx, y, weight_ih, (needs[0], *needs[2:]))
    of_hx = ops.matmul(dv[:, 0].mT, weight_hh) + (z[0] * dh[0]).mT if needs[1] else None
    return (of_input, of_hx, *of_weights)


def _gru_samples():
    for steps, bias in ((4, (9,)), (3, None), (1, (9,))):
        yield Sample((steps, 2, 2), (2, 3), (9, 2), (9, 3), bias, bias)


@primitive(
    promote="same",
    vjp=_gru_gradient,
    formula=r"r, z = \sigma(W x + b + U h' + a), \; n = \tanh(W x + b + r (U h' + a)), \; h = (1 - z) n + z h'",
    onnx="GRU",
    samples=_gru_samples,
    torch="",
)
def gru_layer(xp, input, hx, weight_ih, weight_hh, bias_ih=None, bias_hh=None, *, out=None):
    """Return the outputs (T, B, H) of a GRU layer, and its gates r, z, n with n's product with the state (T, 4H, B).

    Shapes: input (T, B, I), hx (B, H), weight_ih (3H, I), weight_hh (3H, H), biases (3H,).
    """
    return run_gru(xp, input, hx, (weight_ih, weight_hh), (bias_ih, bias_hh), out)


def _gated_coefficients(d, e, slopes, needs):
    """The gradients of slopes, carry and weight_hh of <e, M d>, as in ``_lstm_coefficients``."""
    (dv, dh), (ev, eh) = d, e
    turned = _turned(ev)
    blocks = (turned.shape[0], turned.shape[1] // dh.shape[1], *dh.shape[1:])
    each = ops.reshape(turned, shape=blocks) * ops.reshape(dh, shape=(blocks[0], 1, *dh.shape[1:]))
    return (
        ops.reshape(each, shape=slopes.shape),
        _shifted(eh, 1) * dh if needs[1] else None,
        _outer(dv[:, 1:], eh[:-1]) if needs[2] else None,
    )


def _gated_backward_gradient(g, slopes, carry, weight_hh, out, needs):
    ev, eh = e = ops.gated_tangent(*g, slopes, carry, weight_hh)
    of_given = (eh.mT if needs[0] else None, 1 * ev if needs[1] else None)
    return (*of_given, *_gated_coefficients(out, e, slopes, needs[2:]))


def _gated_tangent_gradient(g, slopes, carry, weight_hh, out, needs):
    g_v, g_h = g
    d = ops.gated_backward(None if g_h is None else g_h.mT, g_v, slopes, carry, weight_hh)
    of_given = tuple(1 * x if wanted else None for x, wanted in zip(d, needs[:2], strict=True))
    return (*of_given, *_gated_coefficients(d, out, slopes, needs[2:]))


def _gated_samples():
    yield Sample((4, 2, 3), (9, 4, 2), (4, 9, 2), (4, 3, 2), (9, 3))
    yield Sample((4, 2, 3), None, (4, 3, 2), None, (3, 3))
    yield Sample(None, (3, 4, 2), (4, 3, 2), (4, 3, 2), (3, 3))


def _gated_tangent_samples():
    for sample in _gated_samples():
        outputs, inner, *rest = sample.inputs
        yield Sample(inner, None if outputs is None else (4, 3, 2), *rest)


@primitive(
    promote="same",
    vjp=_gated_backward_gradient,
    formula=r"\bar h = g_h + z^+ \bar h^+ + U^\top \bar v^+, \; \bar v = g_v + s \bar h",
    samples=_gated_samples,
    torch="",
)
def gated_backward(xp, g_y, g_v, slopes, carry, weight_hh, *, out=None):
    """Return the gradients of the products with the state (GH, T, B) and of the outputs (T, H, B) of an RNN or a GRU.

    ``g_y`` (T, B, H) and ``g_v`` (GH, T, B) are what comes from outside, or None. ``slopes`` (T, GH, B): how much of an
    output's gradient goes into each product; ``carry`` (T, H, B): how much of it goes straight to the state before.
    """
    return solve_gated(xp, (g_y, g_v), slopes, carry, weight_hh, out)


@primitive(
    promote="same",
    vjp=_gated_tangent_gradient,
    formula=r"\dot v = g_v + U \dot h', \; \dot h = g_h + z \dot h' + \sum s \dot v",
    samples=_gated_tangent_samples,
    torch="",
)
def gated_tangent(xp, g_v, g_h, slopes, carry, weight_hh, *, out=None):
    """Return the transpose of :func:`gated_backward`: (GH, T, B) and (T, H, B), from two of these or None."""
    return gated_tangents(xp, (g_v, g_h), slopes, carry, weight_hh, out)
