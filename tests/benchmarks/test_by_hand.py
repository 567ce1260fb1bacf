"""The hand-written step computes what tapegrad computes."""

import sys

import numpy as np
import pytest

import tapegrad as tg
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT))
from benchmarks.agreement import difference
from benchmarks.by_hand import Step
from benchmarks.networks import batches, build, mlp, weights
from benchmarks.peers import training_step

NETWORKS = [mlp(2, 64, 3), mlp(1, 20, 20, 1, activation="Tanh", loss="mse_loss"), mlp(30, 20, 7)]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("size", [1, 17])
def test_losses_are_those_of_tapegrad(network, size):
    values, pairs = weights(network), batches(network, size, 3)
    model = build(tg.nn, network)
    with tg.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(tg.from_numpy(value))
    loss_function = getattr(tg.nn.functional, network.loss)
    optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
    step = training_step(lambda x, y: loss_function(model(x), y), optimizer)
    by_hand = Step(network.sizes, network.activation, network.loss, size, values)
    turns = pairs * 4
    expected = np.array([step(tg.from_numpy(x), tg.from_numpy(y)).item() for x, y in turns])
    found = np.array([float(by_hand(x, y)) for x, y in turns])
    assert difference(found, expected, "train") < 1e-4
