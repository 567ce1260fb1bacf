"""The formulas of exactly one network: what it computes, and the chain rule back to each of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd import enable_grad
from ...core import Tensor, wrap
from ...errors import ArgumentError
from ...nn import CrossEntropyLoss, Linear, Module, MultiMarginLoss, NLLLoss
from ..network.inputs import check_network, example_inputs, ready, taking
from ..network.recording import named_tensors, record
from .lines import Derivation, Deriver

__all__ = ["Derivation", "derive"]

_BATCH = 7
_FOR_LABELS = (CrossEntropyLoss, NLLLoss, MultiMarginLoss)


def derive(
    model: Callable,
    inputs: Tensor | Sequence | Mapping[str, Any] | None = None,
    loss: Callable | None = None,
    targets: Tensor | None = None,
) -> Derivation:
    r"""Return the forward and backward formulas of a network as LaTeX: one line for each operation, and the chain rule.

    ``inputs``: a tensor, several, a dict of arguments by name, or the shape of one with the batch; it may be left out
    where the first layer is a Linear. ``loss`` is called with the output and ``targets`` (zeros where none are given), or with the output alone;
    without one L stands for any function of the output. The network runs once, in the mode that it is in, and is
    afterwards as it was.

    The symbols: x is the input, h_k the result of operation k, W_l and b_l (\gamma_l and \beta_l of a normalisation) the
    parameters of the l-th layer that has any, t the targets, N the batch's size. Operations work element by element
    where \odot stands; rows(A) are the rows of what has more than two dimensions, **1** is a vector of ones, A_{[0, 1:3]}
    is what Python's A[0, 1:3] is, and place_{[0, 1:3]}(A) puts that back among zeros. A convolution is written for
    one element, a recurrent layer for one time step t: see formulas/windows.py and formulas/recurrent.py for their letters.

    Formula: the chain rule, dL/dx = (dy/dx)^T dL/dy for each operation y = f(x), summed over the uses of x.
    Raises ArgumentError when the inputs do not fit or no gradient reaches a parameter, and for writes into views, which
    formulas cannot follow. Source: https://arxiv.org/abs/1502.05767

    >>> import tapegrad as tg
    >>> found = tg.explain.derive(tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU()))
    >>> for line in [*found.forward, *found.backward]:
    ...     print(line.latex)
    h_1 = x \, W_1^{\top} + b_1 \in \mathbb{R}^{N \times 2}
    h_2 = \max(h_1, 0) \in \mathbb{R}^{N \times 2}
    \frac{\partial L}{\partial h_2} \in \mathbb{R}^{N \times 2}
    \frac{\partial L}{\partial h_1} = \frac{\partial L}{\partial h_2} \odot [h_1 > 0] \in \mathbb{R}^{N \times 2}
    \frac{\partial L}{\partial W_1} = \left(\frac{\partial L}{\partial h_1}\right)^{\top} \, x \in \mathbb{R}^{2 \times 3}
    \frac{\partial L}{\partial b_1} = \left(\frac{\partial L}{\partial h_1}\right)^{\top} \, \mathbf{1} \in \mathbb{R}^{2}
    """
    check_network("derive", model)
    given, keywords = _inputs(model, inputs)
    with taking("derive", model, (given, keywords)), enable_grad():
        ready(model, given, keywords)
        recorder = record(model, given, keywords, _loss(loss, targets))
    return Deriver(recorder, model).derivation()


def _inputs(model: Any, inputs: Any) -> tuple[tuple, dict[str, Any]]:
    """Return the arguments of the network's call, in order and by name."""
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if inputs is None:
        first = next((m for m in _layers(model) if m._parameters), None)
        if not isinstance(first, Linear):
            raise ArgumentError(
                "derive",
                "the shape of the input is not known: the first layer is no Linear",
                "give inputs, or their shape: derive(model, (8, 1, 28, 28))",
            )
        return example_inputs("derive", model, (), {}, (_BATCH, first.in_features)), {}
    if isinstance(inputs, (list, tuple)) and named_tensors(inputs):
        return tuple(inputs), {}
    return example_inputs("derive", model, (), {}, inputs), {}


def _layers(model: Any) -> list[Module]:
    return list(model.modules()) if isinstance(model, Module) else []


def _loss(loss: Callable | None, targets: Tensor | None) -> Callable | None:
    """Return the loss as a function of the output, with targets of its own where it wants some."""
    if loss is None:
        return None

    def measure(output: Any) -> Any:
        if targets is not None:
            return loss(output, targets)
        return loss(output, _targets(loss, output)) if _wants_targets(loss) else loss(output)

    return measure


def _wants_targets(loss: Any) -> bool:
    signature = inspect.signature(getattr(loss, "forward", loss))
    needed = [
        p
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) > 1


def _targets(loss: Any, output: Tensor) -> Tensor:
    if isinstance(loss, _FOR_LABELS):
        return wrap(np.zeros(output.shape[:1] + output.shape[2:], np.int64))
    return wrap(np.zeros_like(output.array))
