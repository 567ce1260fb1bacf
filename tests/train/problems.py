"""Small trainings for the tests of the trainer, and what they compare."""

import numpy as np

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.train import Callback, Trainer
from tapegrad.utils.data import DataLoader, TensorDataset


def data_of(samples=48):
    tg.manual_seed(1)
    inputs = tg.randn(samples, 3)
    return TensorDataset(inputs, (inputs.sum(dim=1) > 0).long())


def problem(dropout=0.3, samples=48, **options):
    """A trainer whose steps draw random numbers, and a shuffling loader of batches of 8."""
    data = data_of(samples)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))
    loader = DataLoader(data, batch_size=8, shuffle=True, generator=tg.Generator().manual_seed(3))
    adam = optim.Adam(model.parameters(), lr=0.05)
    if options.pop("scheduled", True):
        options.update(scheduler=optim.lr_scheduler.StepLR(adam, 10, gamma=0.5), schedule_every="step")
    return Trainer(model, nn.CrossEntropyLoss(), adam, **options), loader


def plain(**options):
    """A linear model without anything random, its loader in order, for formulas: batches of 4, 4 and 2."""
    tg.manual_seed(2)
    x = tg.randn(10, 3)
    model = nn.Linear(3, 1)
    loader = DataLoader(TensorDataset(x, 2 * x[:, :1] + 1), batch_size=4)
    return Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), **options), loader


class Told(Callback):
    """Notes what it is told."""

    def __init__(self):
        self.events = []
        self.batches = []

    def on_fit_begin(self, trainer):
        self.events.append("fit begin")

    def on_batch_begin(self, trainer):
        self.events.append(f"batch begin {trainer.position.step}")

    def on_batch_end(self, trainer, batch):
        self.events.append(f"batch end {trainer.position.step}")
        self.batches.append(batch)

    def on_epoch_end(self, trainer, record):
        self.events.append(f"epoch end {record['epoch']}")

    def on_interrupt(self, trainer):
        self.events.append("interrupt")

    def on_failure(self, trainer, error):
        self.events.append(f"failure {type(error).__name__}")

    def on_fit_end(self, trainer):
        self.events.append("fit end")


class At(Callback):
    """Does something after a step."""

    def __init__(self, step, act):
        self.step = step
        self.act = act

    def on_batch_end(self, trainer, batch):
        if trainer.position.step == self.step:
            self.act(trainer)


def interrupt(trainer):
    trainer.stopping = True


def weights(trainer):
    return {k: v.array.copy() for k, v in trainer.model.state_dict().items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], err_msg=name)


def timeless(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]
