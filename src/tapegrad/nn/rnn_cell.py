"""One step of a recurrent layer, for loops over time that are written by hand."""

from __future__ import annotations

import math
from typing import Any

from ..core import Tensor, ops
from ..errors import ArgumentError, OptionError
from ..functional.recurrent import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from . import init
from .linear import _parameter
from .module import Module

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What cells share. ``num_chunks``: how many gates there are.

    ``weight_ih`` (gates·hidden_size, input_size), ``weight_hh`` (gates·hidden_size, hidden_size), ``bias_ih`` and
    ``bias_hh`` (gates·hidden_size,) or None; all begin uniform in ±1/√hidden_size.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = _parameter((rows, input_size), device, dtype)
        self.weight_hh = _parameter((rows, hidden_size), device, dtype)
        self.register_parameter("bias_ih", _parameter((rows,), device, dtype) if bias else None)
        self.register_parameter("bias_hh", _parameter((rows,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _state(self, input: Tensor, *states: Tensor | None) -> tuple[Tensor, ...]:
        """Return the states, zeros where there are none. Raises ArgumentError for other than one or two dimensions."""
        for name, x in (("input", input), *(("state", s) for s in states)):
            if x is not None and x.ndim not in (1, 2):
                raise ArgumentError(
                    type(self).__name__,
                    f"the {name} has shape {tuple(x.shape)}",
                    "give (batch, features) or (features,)",
                )
        shape = (*input.shape[:-1], self.hidden_size)
        return tuple(ops.full(size=shape, fill_value=0.0, dtype=input.dtype) if s is None else s for s in states)

    def _weights(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def extra_repr(self) -> str:
        shown = [str(self.input_size), str(self.hidden_size)]
        shown += [] if self.bias else [f"bias={self.bias}"]
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return ", ".join(shown if nonlinearity == "tanh" else [*shown, f"nonlinearity={nonlinearity}"])


class RNNCell(RNNCellBase):
    r"""One step of :class:`RNN`: :math:`h' = \phi(W x + b + U h + a)` for (batch, input_size) or (input_size,).

    ``nonlinearity``: 'tanh' or 'relu', or a call raises OptionError. A state that is left out is 0.
    Raises ArgumentError and ShapeError for shapes that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import tapegrad as tg
    >>> tg.nn.RNNCell(10, 20)(tg.zeros(3, 10)).shape
    tapegrad.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        (state,) = self._state(input, hx)
        if self.nonlinearity not in ("tanh", "relu"):
            raise OptionError("RNNCell", f"nonlinearity is {self.nonlinearity!r}", "use 'tanh' or 'relu'")
        cell = rnn_tanh_cell if self.nonlinearity == "tanh" else rnn_relu_cell
        return cell(input, state, *self._weights())


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM` for (batch, input_size) or (input_size,) and a state (h, c): the new h and c.

    A state that is left out is 0. Raises ArgumentError and ShapeError for shapes that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import tapegrad as tg
    >>> cell = tg.nn.LSTMCell(10, 20)
    >>> h, c = cell(tg.zeros(3, 10))
    >>> h, c = cell(tg.zeros(3, 10), (h, c))
    >>> h.shape
    tapegrad.Size([3, 20])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        state = self._state(input, *((None, None) if hx is None else hx))
        return lstm_cell(input, state, *self._weights())


class GRUCell(RNNCellBase):
    """One step of :class:`GRU` for (batch, input_size) or (input_size,).

    A state that is left out is 0. Raises ArgumentError and ShapeError for shapes that do not fit.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import tapegrad as tg
    >>> tg.nn.GRUCell(10, 20)(tg.zeros(3, 10)).shape
    tapegrad.Size([3, 20])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        (state,) = self._state(input, hx)
        return gru_cell(input, state, *self._weights())
