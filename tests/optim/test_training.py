"""A whole training step: traced and replayed it ends at the same weights, and it learns."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "SGD classic": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, classic=True, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.05, weight_decay=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.05, amsgrad=True),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Rprop": lambda p: optim.Rprop(p, lr=0.01),
}


def problem(make, batches):
    """A model, a step that trains it, and its data: y = x₀ x₁, which no linear map can be."""
    tg.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    optimizer = make(model.parameters())

    def step(x, y):
        loss = ((model(x) - y) ** 2).mean()
        total = loss + nn.utils.penalty(model, l2_weight=1e-4, l1_bias=1e-4)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(32, 2)) for _ in range(batches)]
    return model, step, [(tg.tensor(x), tg.tensor(x[:, :1] * x[:, 1:])) for x in inputs]


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_replayed_training_step_ends_at_the_same_weights(make):
    model, step, data = problem(make, 8)
    losses = [step(x, y).item() for x, y in data]
    replayed, other, data = problem(make, 8)
    program = tg.trace(other, *data[0], names=dict(replayed.named_parameters()))
    again = [program(x, y).item() for x, y in data[1:]]
    np.testing.assert_allclose(again, losses[1:], rtol=1e-12)
    for p, q in zip(model.parameters(), replayed.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_learns(make):
    _, step, data = problem(make, 1)
    losses = [step(*data[0]).item() for _ in range(300)]
    assert losses[-1] < 0.1 * losses[0]
