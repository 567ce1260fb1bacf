"""Why a gradient is None, zero, NaN, infinite or huge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core import Tensor
from ...errors import UsageError, an
from ...sparse import SparseTensor
from .explanation import Explanation
from .question import Question
from .watching import watch

__all__ = ["Explanation", "explain", "watch"]


def explain(tensor: Any, loss: Any = None) -> Explanation:
    """Return why the gradient of a tensor is None, zero, not finite or huge, with the line that made it so.

    With ``loss``, a tensor whose graph is still there, the gradient is worked out anew; nobody's ``grad`` is touched.
    ``loss`` may also be a function that computes the loss: it is called once under :func:`watch`, which gives the
    fullest answer, the line of every operation included. Without it the answer is read off what was noted so far:
    the last ``backward()``, cuts such as ``detach()``, blocks such as ``no_grad``; everything inside :func:`watch`.
    The cause is one of: ``fine``, ``no-backward``, ``zeroed``, ``frozen``, ``integer``, ``not-a-leaf``, ``detached``,
    ``no-grad``, ``no-derivative``, ``not-on-path``, ``unused-module``, ``replaced``, ``overwritten``, ``freed``, ``hook``,
    ``custom-backward``, ``raises``, ``empty``, ``uninitialized``, ``unknown``, or why a gradient ends or goes bad in an operation: ``dead-relu``, ``saturated``,
    ``one-class``, ``clamped``, ``masked``, ``not-selected``, ``multiplied-by-zero``, ``zero-weights``, ``dropout``,
    ``flat``, ``stationary``, ``cancelled``, ``vanishing``, ``exploding``, ``log-of-zero``, ``log-of-negative``,
    ``sqrt-at-zero``, ``sqrt-of-negative``, ``division-by-zero``, ``overflow``, ``inf-minus-inf``, ``zero-times-inf``,
    ``not-finite``, ``not-finite-data``.
    Raises UsageError for what is no tensor.

    >>> import tapegrad as tg
    >>> w = tg.tensor([-1.0, -2.0], requires_grad=True)
    >>> answer = tg.explain(w, lambda: w.relu().sum())
    >>> answer.state, answer.cause
    ('zero', 'dead-relu')
    """
    if not isinstance(tensor, Tensor):
        raise UsageError("explain", f"got {an(tensor)}", "pass the tensor whose gradient is in question")
    if callable(loss) and not isinstance(loss, Tensor):
        loss = _called(loss)
    if loss is not None and not isinstance(loss, Tensor):
        raise UsageError("explain", f"the loss is {an(loss)}", "pass a tensor, or a function returning it")
    # The gradients of a sparse tensor are those of its values.
    tensor, loss = (t._held if isinstance(t, SparseTensor) else t for t in (tensor, loss))
    return Question(tensor, loss).answer()


def _called(function: Callable[[], Any]) -> Tensor:
    with watch():
        loss = function()
    if not isinstance(loss, Tensor):
        raise UsageError("explain", f"the function returned {an(loss)}", "let it return the loss")
    return loss
