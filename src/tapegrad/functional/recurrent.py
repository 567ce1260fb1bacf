"""Stacks of recurrent layers over padded and packed sequences, and their cells: torch.lstm's names.

A packed sequence is cut into pieces in which the number of sequences stays the same. A layer runs over the pieces one after
the other; where sequences end it lets their states go, and running backwards it takes in those that begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..core import Tensor, ops
from ..errors import ArgumentError, ShapeError, UsageError
from .dropout import dropout as drop

__all__ = [
    "gru",
    "gru_cell",
    "lstm",
    "lstm_cell",
    "packed_layers",
    "padded_layers",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
]

State = tuple[Tensor, ...]
# From (time, batch, features) and a state to the outputs and the state after them.
Step = Callable[[Tensor, State], tuple[Tensor, State]]

_PADDED = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
_PACKED = ("data", "batch_sizes", *_PADDED[1:-1])


# -- one layer, one direction -------------------------------------------------------------------------------------------


def _lstm_step(weights: Sequence, x: Tensor, state: State) -> tuple[Tensor, State]:
    y, c, _ = ops.lstm_layer(x, *state, *weights)
    return y, (y[-1], c[-1].mT.contiguous())


def _gru_step(weights: Sequence, x: Tensor, state: State) -> tuple[Tensor, State]:
    y, _ = ops.gru_layer(x, *state, *weights[:4])
    return y, (y[-1],)


def _rnn_step(activation: str, weights: Sequence, x: Tensor, state: State) -> tuple[Tensor, State]:
    y = ops.rnn_layer(x, *state, *weights[:4], activation=activation)
    return y, (y[-1],)


_STEPS: dict[str, Callable] = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "RNN_TANH": partial(_rnn_step, "tanh"),
    "RNN_RELU": partial(_rnn_step, "relu"),
}


def _forwards(step: Step, pieces: list[Tensor], state: State) -> tuple[list[Tensor], State]:
    outputs, ended = [], []
    for x in pieces:
        running = x.shape[1]
        if running < state[0].shape[0]:
            ended.append(tuple(s[running:] for s in state))
            state = tuple(s[:running] for s in state)
        y, state = step(x, state)
        outputs.append(y)
    if ended:
        state = tuple(ops.cat(*parts, dim=0) for parts in zip(state, *reversed(ended), strict=True))
    return outputs, state


def _backwards(step: Step, pieces: list[Tensor], first: State) -> tuple[list[Tensor], State]:
    outputs: list[Tensor] = []
    state = tuple(s[: pieces[-1].shape[1]] for s in first)
    for x in reversed(pieces):
        running, before = x.shape[1], state[0].shape[0]
        if running > before:
            state = tuple(ops.cat(s, f[before:running], dim=0) for s, f in zip(state, first, strict=True))
        y, state = step(ops.flip(x, dims=(0,)), state)
        outputs.append(ops.flip(y, dims=(0,)))
    return outputs[::-1], state


# -- stacks -------------------------------------------------------------------------------------------------------------


def _weights_of(params: Sequence, has_biases: bool, count: int) -> list[list]:
    """Return the weights of each layer and direction: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr; None for missing."""
    each = len(params) // count
    if len(params) != each * count or each - 2 * has_biases not in (2, 3):
        raise ShapeError(
            "rnn",
            f"{len(params)} weights for {count} layers and directions, has_biases is {has_biases}",
            "give weight_ih, weight_hh, then the biases, then weight_hr of each",
        )
    groups = [list(params[i * each : (i + 1) * each]) for i in range(count)]
    if has_biases:
        return [g if len(g) == 5 else [*g, None] for g in groups]
    return [[g[0], g[1], None, None, g[2] if len(g) == 3 else None] for g in groups]


def _stack(
    mode: str,
    pieces: list[Tensor],
    hx: State,
    params: Sequence,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[list[Tensor], State]:
    """Run all layers over pieces (time, batch, features); return the outputs, and the final states (layers, batch, features)."""
    directions = (_forwards, _backwards) if bidirectional else (_forwards,)
    weights = _weights_of(params, has_biases, num_layers * len(directions))
    finals: list[State] = []
    for layer in range(num_layers):
        if layer and dropout and train:
            pieces = [drop(x, dropout, True) for x in pieces]
        sides = []
        for run in directions:
            place = len(finals)
            outputs, final = run(partial(_STEPS[mode], weights[place]), pieces, tuple(h[place] for h in hx))
            sides.append(outputs)
            finals.append(final)
        pieces = [ops.cat(*both, dim=2) for both in zip(*sides, strict=True)] if bidirectional else sides[0]
    return pieces, tuple(ops.stack(*states, dim=0) for states in zip(*finals, strict=True))


def padded_layers(mode: str, input: Tensor, hx: State, params: Sequence, *options: Any) -> tuple[Tensor, State]:
    """Return the outputs and the final states of recurrent layers over a padded batch.

    ``mode``: LSTM, GRU, RNN_TANH or RNN_RELU. ``options``: has_biases, num_layers, dropout, train, bidirectional and
    batch_first. Raises ShapeError for sequences without steps.
    """
    *most, batch_first = options
    x = input.transpose(0, 1) if batch_first else input
    if not x.shape[0]:
        raise ShapeError("rnn", f"input of shape {tuple(input.shape)} has no steps", "give at least one")
    (y,), final = _stack(mode, [x], hx, params, *most)
    return y.transpose(0, 1) if batch_first else y, final


def packed_layers(
    mode: str, data: Tensor, batch_sizes: Tensor, hx: State, params: Sequence, *options: Any
) -> tuple[Tensor, State]:
    """Return the outputs (rows, features) and the final states of recurrent layers over a packed sequence.

    ``options``: has_biases, num_layers, dropout, train and bidirectional.
    """
    pieces, start, sizes = [], 0, batch_sizes.tolist()
    while sizes:
        steps = sizes.count(sizes[0])
        rows = steps * sizes[0]
        pieces.append(ops.reshape(data[start : start + rows], shape=(steps, sizes[0], data.shape[1])))
        start, sizes = start + rows, sizes[steps:]
    outputs, final = _stack(mode, pieces, hx, params, *options)
    flat = [ops.reshape(y, shape=(y.shape[0] * y.shape[1], y.shape[2])) for y in outputs]
    return ops.cat(*flat, dim=0), final


def _call(who: str, mode: str, args: tuple, kwargs: dict) -> tuple[Tensor, State]:
    """Call one of the two, as PyTorch tells them apart: a packed sequence is followed by its batch sizes."""
    second = args[1] if len(args) > 1 else None
    packed = "batch_sizes" in kwargs or (
        isinstance(second, Tensor) and second.ndim == 1 and not second.is_floating_point()
    )
    names = _PACKED if packed else _PADDED
    values = dict(zip(names, args, strict=False)) | kwargs
    if len(args) > len(names) or set(values) != set(names):
        raise UsageError(who, f"got {len(args)} arguments and {sorted(kwargs)}", f"give {', '.join(names)}")
    hx = values["hx"]
    values["hx"] = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    return (packed_layers if packed else padded_layers)(mode, *(values[name] for name in names))


def lstm(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return outputs, hidden and cell states of LSTM layers: what nn.LSTM calls.

    Arguments: ``input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first``, or for a packed
    sequence ``data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional``; ``hx`` is (h, c),
    and ``params`` lists the weights of each layer and direction. Raises UsageError for other arguments.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import tapegrad as tg
    >>> layer = tg.nn.LSTM(2, 3)
    >>> state = tg.zeros(1, 4, 3), tg.zeros(1, 4, 3)
    >>> y, h, c = tg.lstm(tg.ones(5, 4, 2), state, list(layer.parameters()), True, 1, 0.0, False, False, False)
    >>> y.shape
    tapegrad.Size([5, 4, 3])
    """
    y, (h, c) = _call("lstm", "LSTM", args, kwargs)
    return y, h, c


def _plain(name: str, mode: str) -> Callable:
    def layers(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        y, (h,) = _call(name, mode, args, kwargs)
        return y, h

    layers.__name__ = layers.__qualname__ = name
    layers.__doc__ = (
        f"""Return outputs and final states of {mode} layers. Arguments as in :func:`lstm`; ``hx`` is a tensor."""
    )
    return layers


gru = _plain("gru", "GRU")
rnn_tanh = _plain("rnn_tanh", "RNN_TANH")
rnn_relu = _plain("rnn_relu", "RNN_RELU")


# -- cells --------------------------------------------------------------------------------------------------------------


def _cell(mode: str, who: str, input: Tensor, state: State, weights: tuple) -> State:
    """Take one step of one layer: a sequence of length 1."""
    _check_cell(who, input, state, weights[0], weights[1])
    if input.ndim == 1:
        return tuple(s[0] for s in _cell(mode, who, input.unsqueeze(0), tuple(s.unsqueeze(0) for s in state), weights))
    return _STEPS[mode]((*weights, None), input.unsqueeze(0), state)[1]


def _check_cell(who: str, input: Tensor, state: State, w_ih: Tensor, w_hh: Tensor) -> None:
    if input.ndim not in (1, 2) or any(s.ndim != input.ndim for s in state):
        shapes = ", ".join(str(tuple(x.shape)) for x in (input, *state))
        raise ArgumentError(
            who, f"input and state have shapes {shapes}", "give (batch, features) or (features,) for all"
        )
    if input.shape[-1] != w_ih.shape[1]:
        raise ShapeError(
            who, f"input of shape {tuple(input.shape)}, weight wants {w_ih.shape[1]} features", "make them equal"
        )
    for s in state:
        if s.shape[:-1] != input.shape[:-1] or s.shape[-1] != w_hh.shape[1]:
            wanted = (*input.shape[:-1], w_hh.shape[1])
            raise ShapeError(who, f"a state has shape {tuple(s.shape)}", f"it should be {tuple(wanted)}")


def lstm_cell(
    input: Tensor, hx: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Return the states (h, c) of an LSTM after one input (batch, features).

    Formula: i, f, g, o are the quarters of :math:`W x + b + U h + a`, then :math:`c' = \sigma(f) c + \sigma(i) \tanh(g)`
    and :math:`h' = \sigma(o) \tanh(c')`. ``hx`` is (h, c). Raises ShapeError for sizes that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import tapegrad as tg
    >>> h, c = tg.lstm_cell(tg.zeros(1, 2), (tg.zeros(1, 1), tg.ones(1, 1)), tg.zeros(4, 2), tg.zeros(4, 1))
    >>> h, c
    (tensor([[0.2311]]), tensor([[0.5000]]))
    """
    h, c = _cell("LSTM", "lstm_cell", input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))
    return h, c


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    r"""Return the state of a GRU after one input (batch, features).

    Formula: :math:`r, z = \sigma(W x + b + U h + a)`, :math:`n = \tanh(W x + b + r (U h + a))`,
    :math:`h' = (1 - z) n + z h`, each with its third of the weights. Raises ShapeError for sizes that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import tapegrad as tg
    >>> tg.gru_cell(tg.zeros(1, 2), tg.ones(1, 1), tg.zeros(3, 2), tg.zeros(3, 1))
    tensor([[0.5000]])
    """
    return _cell("GRU", "gru_cell", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Return tanh(W x + b + U h + a) for one input (batch, features). Raises ShapeError for sizes that do not fit.

    >>> import tapegrad as tg
    >>> tg.rnn_tanh_cell(tg.ones(1, 2), tg.ones(1, 1), tg.ones(1, 2), tg.ones(1, 1))
    tensor([[0.9951]])
    """
    return _cell("RNN_TANH", "rnn_tanh_cell", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Return max(0, W x + b + U h + a) for one input (batch, features). Raises ShapeError for sizes that do not fit.

    >>> import tapegrad as tg
    >>> tg.rnn_relu_cell(tg.ones(1, 2), tg.ones(1, 1), tg.ones(1, 2), tg.ones(1, 1))
    tensor([[3.]])
    """
    return _cell("RNN_RELU", "rnn_relu_cell", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]
