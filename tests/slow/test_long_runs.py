"""What must hold over many steps: memory that does not grow, chains that do not recurse."""

import gc
import resource

import pytest

import tapegrad as tg
from tapegrad import nn, optim

pytestmark = pytest.mark.slow


def test_ten_thousand_steps_without_the_collector_leave_memory_flat():
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Dropout(0.1), nn.Linear(64, 5))
    adam = optim.Adam(model.parameters())
    inputs, labels = tg.randn(32, 20), tg.randint(0, 5, (32,))
    loss_function = nn.CrossEntropyLoss()

    def steps(number):
        for _ in range(number):
            loss = loss_function(model(inputs), labels)
            adam.zero_grad()
            loss.backward()
            adam.step()

    gc.collect()
    gc.disable()
    try:
        steps(500)
        before, objects = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(gc.get_objects())
        steps(10_000)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 2048, f"{grown} KiB more after 10,000 steps"
        assert len(gc.get_objects()) - objects < 100
    finally:
        gc.enable()
