r"""Recurrent layers, one line for each quantity of a time step: the gates as PyTorch's documentation has them.

A layer that is operation k computes for t = 1, ..., T, from the state before, (h_k)_0; the way back goes from T to 1,
where what would come from T + 1 is zero. (W)_i is the block of rows of a parameter that belongs to the gate i: PyTorch's
W_{ii} in the weights of the input, W_{hi} in those of the state. \delta^i is the gradient of what is within the gate's
brackets, \delta^h that of the outputs with what comes back from later steps.
"""

from __future__ import annotations

from .call import Call, at, bracketed
from .notation import space

__all__ = ["RECURRENT", "RECURRENT_ELEMENT", "way_back", "way_there"]

_GATES = {"lstm_layer": "ifgo", "gru_layer": "rzn"}
# A line: left side, right side, the set that it is in.
_Lines = list[tuple[str, str, str]]


class _Layer:
    """The symbols of one recurrent layer."""

    def __init__(self, call: Call):
        self.call = call
        _, batch, features = call.shapes["input"] or (0, 0, 0)
        hidden = (call.shapes["weight_hh"] or (0,))[0] // len(_GATES.get(call.name, "h"))
        self.of_input = space(batch, features)
        self.of_cell = space(batch, hidden)
        self.of_state = space(*call.out_shapes[0][1:])

    def at(self, letter: str, time: str = "t") -> str:
        """Return a quantity at a time: (i_5)_{t}."""
        return rf"({letter}_{{{self.call.mark}}})_{{{time}}}"

    def back(self, letter: str, time: str = "t") -> str:
        """Return the gradient of a quantity at a time."""
        return rf"(\delta_{{{self.call.mark}}}^{{{letter}}})_{{{time}}}"

    def output(self, time: str = "t") -> str:
        return at(self.call.out[0], time)

    def _affine(self, x: str, weight: str, bias: str, gate: str) -> str:
        call = self.call
        w = at(call[weight], gate) if gate else bracketed(call[weight])
        b = "" if not call.has(bias) else f" + {at(call[bias], gate) if gate else call[bias]}"
        return rf"{x} \, {w}^{{\top}}{b}"

    def of_x(self, gate: str = "") -> str:
        """Return what the input adds to a gate."""
        return self._affine(at(self.call["input"], "t"), "weight_ih", "bias_ih", gate)

    def of_h(self, gate: str = "") -> str:
        """Return what the state adds to a gate."""
        return self._affine(self.output("t - 1"), "weight_hh", "bias_hh", gate)

    def gate(self, function: str, gate: str) -> tuple[str, str, str]:
        return self.at(gate), rf"{function}\left({self.of_x(gate)} + {self.of_h(gate)}\right)", self.of_cell

    def arriving(self, later: str) -> tuple[str, str, str]:
        """Return the line of the outputs' gradient: what comes from outside, and from the step after."""
        g = [at(self.call.g[0], "t")] if self.call.g[0] is not None else []
        return self.back("h"), " + ".join([*g, later]), self.of_state

    def through_state(self, letter: str) -> str:
        """Return what the step after sends to the state."""
        return rf"{self.back(letter, 't + 1')} \, {self.call['weight_hh']}"

    def parameters(self, of_input: str, of_state: str) -> dict[str, str]:
        """Return the gradients of what the products read, from those of the products with the input and the state."""
        dx, dh = self.back(of_input), self.back(of_state)
        return {
            "input": rf"{dx} \, {self.call['weight_ih']}",
            "weight_ih": rf"\sum_t {dx}^{{\top}} \, {at(self.call['input'], 't')}",
            "weight_hh": rf"\sum_t {dh}^{{\top}} \, {self.output('t - 1')}",
            "bias_ih": rf"\sum_t {dx}^{{\top}} \, \mathbf{{1}}",
            "bias_hh": rf"\sum_t {dh}^{{\top}} \, \mathbf{{1}}",
            "hx": rf"{self.back(of_state, '1')} \, {self.call['weight_hh']}",
        }


# -- LSTM -----------------------------------------------------------------------------------------------------------------


def _lstm(call: Call) -> _Lines:
    s = _Layer(call)
    h = rf"{s.at('o')} \odot \tanh {s.at('c')}"
    projected = rf"\left({h}\right) \, {bracketed(call['weight_hr'])}^{{\top}}" if call.has("weight_hr") else h
    lines = [
        (s.output("0"), call["hx"], s.of_state),
        (s.at("c", "0"), call["cx"], s.of_cell),
        *(s.gate(r"\tanh" if gate == "g" else r"\sigma", gate) for gate in "ifgo"),
        (s.at("c"), rf"{s.at('f')} \odot {s.at('c', 't - 1')} + {s.at('i')} \odot {s.at('g')}", s.of_cell),
        (s.output(), projected, s.of_state),
    ]
    if call.used[1]:
        # The operation hands the cells on with the samples last.
        lines.append((at(call.out[1], "t"), rf"{s.at('c')}^{{\top}}", space(*call.out_shapes[1][1:])))
    return lines


def _lstm_back(call: Call) -> _Lines:
    s = _Layer(call)
    i, f, g, o, c, dc = (*map(s.at, "ifgoc"), s.back("c"))
    m = s.back("m") if call.has("weight_hr") else s.back("h")
    given = [rf"{at(call.g[1], 't')}^{{\top}}"] if call.g[1] is not None else []
    of_cell = [rf"{m} \odot {o} \odot (1 - \tanh^2 {c})", rf"{s.back('c', 't + 1')} \odot {s.at('f', 't + 1')}"]
    whole = ", ".join(map(s.back, "ifgo"))
    lines = [
        s.arriving(s.through_state("z")),
        (dc, " + ".join([*given, *of_cell]), s.of_cell),
        (s.back("i"), rf"{dc} \odot {g} \odot {i} \odot (1 - {i})", s.of_cell),
        (s.back("f"), rf"{dc} \odot {s.at('c', 't - 1')} \odot {f} \odot (1 - {f})", s.of_cell),
        (s.back("g"), rf"{dc} \odot {i} \odot (1 - {g}^2)", s.of_cell),
        (s.back("o"), rf"{m} \odot \tanh {c} \odot {o} \odot (1 - {o})", s.of_cell),
        (s.back("z"), rf"\left[{whole}\right]", _of_gates(call)),
    ]
    if call.has("weight_hr"):
        lines.insert(1, (m, rf"{s.back('h')} \, {call['weight_hr']}", s.of_cell))
    return lines


def _lstm_gradients(call: Call) -> dict[str, str]:
    s = _Layer(call)
    of_projection = rf"\sum_t {s.back('h')}^{{\top}} \, \left({s.at('o')} \odot \tanh {s.at('c')}\right)"
    of_cx = rf"{s.back('c', '1')} \odot {s.at('f', '1')}"
    return {**s.parameters("z", "z"), "cx": of_cx, "weight_hr": of_projection}


# -- GRU and RNN ----------------------------------------------------------------------------------------------------------


def _gru(call: Call) -> _Lines:
    s = _Layer(call)
    z = s.at("z")
    return [
        (s.output("0"), call["hx"], s.of_state),
        s.gate(r"\sigma", "r"),
        s.gate(r"\sigma", "z"),
        (s.at("q"), s.of_h("n"), s.of_cell),
        (s.at("n"), rf"\tanh\left({s.of_x('n')} + {s.at('r')} \odot {s.at('q')}\right)", s.of_cell),
        (s.output(), rf"(1 - {z}) \odot {s.at('n')} + {z} \odot {s.output('t - 1')}", s.of_state),
    ]


def _gru_back(call: Call) -> _Lines:
    s = _Layer(call)
    r, z, n, q, dh, dn = (*map(s.at, "rznq"), s.back("h"), s.back("n"))
    return [
        s.arriving(rf"{s.back('h', 't + 1')} \odot {s.at('z', 't + 1')} + {s.through_state('v')}"),
        (dn, rf"{dh} \odot (1 - {z}) \odot (1 - {n}^2)", s.of_cell),
        (s.back("z"), rf"{dh} \odot \left({s.output('t - 1')} - {n}\right) \odot {z} \odot (1 - {z})", s.of_cell),
        (s.back("r"), rf"{dn} \odot {q} \odot {r} \odot (1 - {r})", s.of_cell),
        (s.back("u"), rf"\left[{s.back('r')}, {s.back('z')}, {dn}\right]", _of_gates(call)),
        (s.back("v"), rf"\left[{s.back('r')}, {s.back('z')}, {dn} \odot {r}\right]", _of_gates(call)),
    ]


def _gru_gradients(call: Call) -> dict[str, str]:
    s = _Layer(call)
    found = s.parameters("u", "v")
    return {**found, "hx": rf"{s.back('h', '1')} \odot {s.at('z', '1')} + {found['hx']}"}


def _rnn(call: Call) -> _Lines:
    s = _Layer(call)
    inner = f"{s.of_x()} + {s.of_h()}"
    h = rf"\tanh\left({inner}\right)" if _is_tanh(call) else rf"\max({inner}, 0)"
    return [(s.output("0"), call["hx"], s.of_state), (s.output(), h, s.of_state)]


def _rnn_back(call: Call) -> _Lines:
    s = _Layer(call)
    slope = rf"(1 - {s.output()}^2)" if _is_tanh(call) else f"[{s.output()} > 0]"
    return [s.arriving(s.through_state("z")), (s.back("z"), rf"{s.back('h')} \odot {slope}", s.of_cell)]


def _is_tanh(call: Call) -> bool:
    return call.keywords["activation"] == "tanh"


def _rnn_gradients(call: Call) -> dict[str, str]:
    return _Layer(call).parameters("z", "z")


# -- the table ------------------------------------------------------------------------------------------------------------


def _of_gates(call: Call) -> str:
    return space((call.shapes["input"] or (0, 0))[1], (call.shapes["weight_hh"] or (0,))[0])


_LAYERS = {
    "lstm_layer": (_lstm, _lstm_back, _lstm_gradients),
    "gru_layer": (_gru, _gru_back, _gru_gradients),
    "rnn_layer": (_rnn, _rnn_back, _rnn_gradients),
}


def way_there(call: Call) -> _Lines:
    """Return all lines of a recurrent layer in the order of computing; none of another operation."""
    return _LAYERS[call.name][0](call) if call.name in _LAYERS else []


def way_back(call: Call) -> _Lines:
    """Return the lines of the way back through time, which the gradients of inputs and parameters are written with."""
    return _LAYERS[call.name][1](call) if call.name in _LAYERS else []


RECURRENT = {name: functions[2] for name, functions in _LAYERS.items()}
RECURRENT_ELEMENT = {(name, "input"): "t" for name in _LAYERS}
