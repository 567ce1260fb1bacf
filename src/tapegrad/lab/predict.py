"""What a network says about many inputs, a batch at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import no_grad, tensor

__all__ = ["predict_all", "to_probabilities"]


def predict_all(model: Any, inputs: np.ndarray, batch: int = 1024, *, probabilities: bool = False) -> np.ndarray:
    """Return the outputs (samples, ...) of a model in evaluation mode, computed without gradients.

    ``batch`` bounds how many samples are in the memory at once. With ``probabilities`` the outputs become class
    probabilities, see :func:`to_probabilities`. The model's mode is as before afterwards.

    >>> import tapegrad as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Dropout(0.5))
    >>> predict_all(model, np.zeros((5, 2), np.float32)).shape
    (5, 3)
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            # A batch of nothing still tells the shape and dtype of the outputs.
            starts = range(0, max(len(inputs), 1), batch)
            outputs = np.concatenate([np.asarray(model(tensor(inputs[i : i + batch])).array) for i in starts])
    finally:
        for module, training in modes:
            module.training = training
    return to_probabilities(outputs) if probabilities else outputs


def to_probabilities(outputs: np.ndarray) -> np.ndarray:
    """Return class probabilities (samples, classes) for a classifier's outputs.

    Logits and logarithms of probabilities go through the softmax, one logit alone (samples, 1) through the sigmoid,
    which gives the second of two classes; rows that are probabilities already stay as they are.

    >>> to_probabilities(np.array([[0.0, 0.0], [np.log(3.0), 0.0]]))
    array([[0.5 , 0.5 ],
           [0.75, 0.25]])
    >>> to_probabilities(np.array([[0.0]]))
    array([[0.5, 0.5]])
    """
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if outputs.shape[1] == 1:
        return _softmax(np.concatenate([np.zeros_like(outputs), outputs], axis=1))
    if len(outputs) and (outputs >= 0).all() and (abs(outputs.sum(axis=1) - 1) < 1e-3).all():
        return outputs
    return _softmax(outputs)


def _softmax(logits: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
