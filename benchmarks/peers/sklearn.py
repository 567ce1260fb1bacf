"""scikit-learn: ``partial_fit`` of its multilayer perceptron, the same batch, the same Adam but for where ε is added.

Its regressor minimises half the squared error; Adam does not see a factor of the gradient, and the loss shown is doubled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..workloads import Case, Runner, Workload

ACTIVATIONS = {"ReLU": "relu", "Tanh": "tanh"}


def columns(workload: Workload) -> dict[str, Callable[[Case], Runner]]:
    network = workload.network
    # Its outputs are the identity for a regression: an autoencoder that ends in a sigmoid is another network there.
    if not network.is_mlp or network.layers[-1][0] != "Linear":
        return {}
    return {"scikit-learn": train if workload.kind == "train" else infer}


def fill(model: Any, case: Case) -> None:
    """Overwrite the first values in place, and let the next call make Adam's state anew for them."""
    for weight, bias, coefs, intercepts in zip(
        case.weights[::2], case.weights[1::2], model.coefs_, model.intercepts_, strict=True
    ):
        coefs[...], intercepts[...] = weight.T, bias
    vars(model).pop("_optimizer", None)


def train(case: Case) -> Runner:
    settings: dict[str, Any] = {
        "hidden_layer_sizes": case.network.sizes[1:-1],
        "activation": ACTIVATIONS[case.network.activation],
        "alpha": 0.0,
        "batch_size": case.batch,
        "shuffle": False,
    }
    x, y = case.batches[0]
    if case.network.loss == "cross_entropy":
        model, factor = MLPClassifier(**settings), 1.0
        model.partial_fit(x, y, classes=np.arange(case.network.sizes[-1]))
        pairs = case.batches
    else:
        model, factor = MLPRegressor(**settings), 2.0
        pairs = [(x, y[:, 0] if y.shape[1] == 1 else y) for x, y in case.batches]
        model.partial_fit(*pairs[0])
    fill(model, case)
    return Runner(lambda x, y: model.partial_fit(x, y), pairs, lambda fitted: factor * float(fitted.loss_))


def infer(case: Case) -> Runner:
    """A regressor: its outputs are the logits, without the softmax that a classifier adds."""
    model = MLPRegressor(
        hidden_layer_sizes=case.network.sizes[1:-1], activation=ACTIVATIONS[case.network.activation], batch_size=1
    )
    x, _y = case.batches[0]
    model.partial_fit(x[:1], np.zeros((1, case.network.sizes[-1]), np.float32))
    fill(model, case)
    return Runner(model.predict, [(x,) for x, _ in case.batches], np.asarray)
