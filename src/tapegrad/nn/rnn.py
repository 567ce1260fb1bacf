"""Recurrent layers: RNN, LSTM and GRU over padded and packed sequences."""

from __future__ import annotations

import math
from typing import Any

from ..core import Parameter, Tensor, ops
from ..errors import ArgumentError, ShapeError, UsageError, warn
from ..functional.recurrent import packed_layers, padded_layers
from . import init
from .linear import _parameter
from .module import Module
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _permuted(hx: Tensor, permutation: Tensor | None) -> Tensor:
    return hx if permutation is None else hx.index_select(1, permutation)


class RNNBase(Module):
    """What recurrent layers share: weights, their names, checks. ``mode``: LSTM, GRU, RNN_TANH or RNN_RELU.

    Parameters, for layer k, with ``_reverse`` at the end for the direction backwards: ``weight_ih_l{k}`` (G·H, inputs),
    ``weight_hh_l{k}`` (G·H, outputs), ``bias_ih_l{k}`` and ``bias_hh_l{k}`` (G·H,), ``weight_hr_l{k}`` (proj_size, H).
    All begin uniform in ±1/√hidden_size.
    Raises ArgumentError for sizes below 1 and other values that are not allowed, UsageError for sizes that are no integers.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNNBase.html
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        _check_switches(type(self).__name__, bias=bias, batch_first=batch_first)
        _check_arguments(type(self).__name__, mode, input_size, hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                self._make_weights(layer, suffix, device, dtype)
        self._flat_weights_names = [name for names in self._all_weights for name in names]
        self.reset_parameters()

    def _make_weights(self, layer: int, suffix: str, device: Any, dtype: Any) -> None:
        outputs = self.proj_size or self.hidden_size
        inputs = outputs * (1 + self.bidirectional) if layer else self.input_size
        rows = _GATES[self.mode] * self.hidden_size
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, outputs)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        names = [f"{name}_l{layer}{suffix}" for name in shapes]
        for name, shape in zip(names, shapes.values(), strict=True):
            setattr(self, name, _parameter(shape, device, dtype))
        self._all_weights.append(names)

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: on GPUs PyTorch puts all weights into one piece of memory here."""

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    # -- checks -------------------------------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise ArgumentError for another dtype than the weights', ShapeError for a shape that does not fit."""
        who, weight = type(self).__name__, getattr(self, self._flat_weights_names[0])
        if input.dtype != weight.dtype:
            raise ArgumentError(
                who,
                f"the input is {input.dtype}, the weights are {weight.dtype}",
                f"convert it with .to({weight.dtype})",
            )
        wanted = 3 if batch_sizes is None else 2
        if input.ndim != wanted or input.shape[-1] != self.input_size:
            raise ShapeError(
                who,
                f"the input has shape {tuple(input.shape)}",
                f"give {wanted} dimensions, the last of size {self.input_size}",
            )

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Return the shape that a hidden state for an input must have."""
        return self._state_shape(input, batch_sizes, self.proj_size or self.hidden_size)

    def _state_shape(self, input: Tensor, batch_sizes: Tensor | None, features: int) -> tuple[int, int, int]:
        batch = input.shape[0 if self.batch_first else 1] if batch_sizes is None else int(batch_sizes[0])
        return self.num_layers * (1 + self.bidirectional), batch, features

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise ShapeError unless a state has the shape. ``msg``: what to say, with both shapes."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise ShapeError(
                type(self).__name__,
                msg.format(tuple(expected_hidden_size), list(hx.shape)),
                "its dimensions are layers and directions, batch, features",
            )

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise what is wrong with an input and a state."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return a state with the sequences of its batch in another order."""
        return _permuted(hx, permutation)

    # -- running ------------------------------------------------------------------------------------------------------

    def _run(self, input: Tensor | PackedSequence, hx: tuple[Tensor, ...] | None) -> tuple[Any, tuple[Tensor, ...]]:
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx)
        who = type(self).__name__
        if input.ndim not in (2, 3):
            raise ArgumentError(
                who, f"the input has shape {tuple(input.shape)}", "give (time, batch, features), or (time, features)"
            )
        if hx is not None and any(h.ndim != input.ndim for h in hx):
            shapes = ", ".join(str(tuple(h.shape)) for h in hx)
            raise ShapeError(
                who,
                f"the input has shape {tuple(input.shape)}, the state {shapes}",
                "give both with a batch dimension, or both without",
            )
        if input.ndim == 2:
            batched = None if hx is None else tuple(h.unsqueeze(1) for h in hx)
            dim = 0 if self.batch_first else 1
            output, states = self._run(input.unsqueeze(dim), batched)
            return output.squeeze(dim), tuple(s.squeeze(1) for s in states)
        state = self._zeros(input, None) if hx is None else hx
        self._check(input, state, None)
        return padded_layers(self.mode, input, state, self._flat_weights, *self._options(), self.batch_first)

    def _run_packed(self, packed: PackedSequence, hx: tuple[Tensor, ...] | None) -> tuple[Any, tuple[Tensor, ...]]:
        input, sizes, order, back = packed
        state = self._zeros(input, sizes) if hx is None else tuple(_permuted(h, order) for h in hx)
        self._check(input, state, sizes)
        output, states = packed_layers(self.mode, input, sizes, state, self._flat_weights, *self._options())
        return PackedSequence(output, sizes, order, back), tuple(_permuted(s, back) for s in states)

    def _check(self, input: Tensor, state: tuple[Tensor, ...], batch_sizes: Tensor | None) -> None:
        self.check_forward_args(input, state[0], batch_sizes)

    def _options(self) -> tuple[bool, int, float, bool, bool]:
        return self.bias, self.num_layers, self.dropout, self.training, self.bidirectional

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[Tensor, ...]:
        shape = self.get_expected_hidden_size(input, batch_sizes)
        return (ops.full(size=shape, fill_value=0.0, dtype=input.dtype),)

    def extra_repr(self) -> str:
        shown = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        given = [f"{n}={getattr(self, n)}" for n, default in shown.items() if getattr(self, n) != default]
        return ", ".join([str(self.input_size), str(self.hidden_size), *given])


def _check_switches(who: str, **switches: Any) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise UsageError(who, f"{name} is {value!r}", "use True or False")


def _check_arguments(
    who: str, mode: str, input_size: Any, hidden_size: Any, num_layers: int, dropout: Any, proj_size: int
) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ArgumentError(who, f"dropout is {dropout!r}", "use a number from 0 to 1")
    if mode not in _GATES:
        raise ArgumentError(who, f"the mode is {mode!r}", f"use one of {', '.join(_GATES)}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise UsageError(who, f"{name} is {size!r}", "use an integer")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size < 1:
            raise ArgumentError(who, f"{name} is {size}", "use at least 1")
    if not 0 <= proj_size < hidden_size:
        raise ArgumentError(
            who, f"proj_size is {proj_size}", f"use 0 for none, or less than hidden_size, {hidden_size}"
        )
    if dropout > 0 and num_layers == 1:
        warn(who, f"dropout is {dropout}, and it lies between layers, of which there is one", "use more, or nn.Dropout")


class _Plain(RNNBase):
    """A layer with one state."""

    def __init__(self, mode: str, *args: Any, **kwargs: Any):
        if kwargs.get("proj_size", 0):
            raise ArgumentError(type(self).__name__, "proj_size is given", "only nn.LSTM has projections")
        super().__init__(mode, *args, **kwargs)

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        output, (h,) = self._run(input, None if hx is None else (hx,))
        return output, h


class RNN(_Plain):
    r"""Plain recurrent layers: :math:`h_t = \phi(W x_t + b + U h_{t-1} + a)`, with tanh or relu as φ.

    Arguments: ``input_size, hidden_size, num_layers=1, nonlinearity='tanh', bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None``. ``num_layers`` run one on the outputs of the other, with dropout
    between them in training; ``bidirectional``: each has a second half that runs backwards, and their outputs are joined.
    A call takes (time, batch, input_size), with ``batch_first`` (batch, time, input_size), without a batch (time,
    input_size), or a PackedSequence, and a state (layers·directions, batch, hidden_size) that is 0 when left out; it
    returns the outputs of the last layer for all steps and the states after the last one.
    Raises ArgumentError, UsageError and ShapeError as :class:`RNNBase`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import tapegrad as tg
    >>> output, state = tg.nn.RNN(10, 20, 2)(tg.zeros(5, 3, 10))
    >>> output.shape, state.shape
    (tapegrad.Size([5, 3, 20]), tapegrad.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any):
        nonlinearity = args[3] if len(args) > 3 else kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError("RNN", f"nonlinearity is {nonlinearity!r}", "use 'tanh' or 'relu'")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args[:3], *args[4:], **kwargs)
        self.nonlinearity = nonlinearity


class GRU(_Plain):
    r"""Gated recurrent units: :math:`h_t = (1 - z) n + z h_{t-1}`.

    Formula: :math:`r, z = \sigma(W x_t + b + U h_{t-1} + a)` and :math:`n = \tanh(W x_t + b + r (U h_{t-1} + a))`, each with
    its third of the weights. Arguments, shapes and errors as of :class:`RNN`, without ``nonlinearity``.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRU.html

    >>> import tapegrad as tg
    >>> output, state = tg.nn.GRU(10, 20, bidirectional=True)(tg.zeros(5, 3, 10))
    >>> output.shape, state.shape
    (tapegrad.Size([5, 3, 40]), tapegrad.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("GRU", *args, **kwargs)


class LSTM(RNNBase):
    r"""Long short-term memory: :math:`c_t = f c_{t-1} + i g`, :math:`h_t = o \tanh c_t`.

    Formula: :math:`i, f, o = \sigma(W x_t + b + U h_{t-1} + a)` and :math:`g = \tanh(W x_t + b + U h_{t-1} + a)`, each with
    its quarter of the weights, in the order i, f, g, o. Arguments, shapes and errors as of :class:`RNN`, without
    ``nonlinearity``; the state is (h, c). ``proj_size``: h is multiplied by (proj_size, hidden_size) before it is used.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import tapegrad as tg
    >>> output, (h, c) = tg.nn.LSTM(10, 20, batch_first=True, proj_size=5)(tg.zeros(3, 4, 10))
    >>> output.shape, h.shape, c.shape
    (tapegrad.Size([3, 4, 5]), tapegrad.Size([1, 3, 5]), tapegrad.Size([1, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Return the shape that a cell state for an input must have."""
        return self._state_shape(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise what is wrong with an input and a state (h, c)."""
        self.check_input(input, batch_sizes)
        expected = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        for i, (state, shape) in enumerate(zip(hidden, expected, strict=True)):
            self.check_hidden_size(state, shape, f"Expected hidden[{i}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return a state (h, c) with the sequences of its batch in another order."""
        return _permuted(hx[0], permutation), _permuted(hx[1], permutation)

    def _check(self, input: Tensor, state: tuple[Tensor, ...], batch_sizes: Tensor | None) -> None:
        self.check_forward_args(input, state, batch_sizes)

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[Tensor, ...]:
        cell = self.get_expected_cell_size(input, batch_sizes)
        return (*super()._zeros(input, batch_sizes), ops.full(size=cell, fill_value=0.0, dtype=input.dtype))

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        output, (h, c) = self._run(input, None if hx is None else (hx[0], hx[1]))
        return output, (h, c)
