"""The training loop: what it measures, when it stops, and that it goes on where it was."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import DataError
from tapegrad.train import Averages, Callback, Trainer, load_checkpoint, save_checkpoint
from tapegrad.utils.data import DataLoader, TensorDataset


def problem(dropout=0.3):
    tg.manual_seed(1)
    inputs = tg.randn(48, 3)
    data = TensorDataset(inputs, (inputs.sum(dim=1) > 0).long())
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))
    generator = tg.Generator()
    generator.manual_seed(3)
    loader = DataLoader(data, batch_size=8, shuffle=True, generator=generator)
    adam = optim.Adam(model.parameters(), lr=0.05)
    schedule = optim.lr_scheduler.StepLR(adam, 10, gamma=0.5)
    return Trainer(model, nn.CrossEntropyLoss(), adam, scheduler=schedule, schedule_every="step"), loader


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, trainer, batch):
        if trainer.position.step == self.step:
            trainer.stopping = True


def weights(trainer):
    return {k: v.array.copy() for k, v in trainer.model.state_dict().items()}


@pytest.mark.parametrize("step", [1, 6, 7, 17])
def test_resumed_in_the_middle_of_an_epoch_it_ends_with_the_same_bits(tmp_path, step):
    whole, loader = problem()
    history = whole.fit(loader, epochs=4)

    stopped, loader = problem()
    stopped.callbacks.append(StopAt(step))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(loader, epochs=4)
    save_checkpoint(tmp_path / "state.safetensors", stopped)

    resumed, loader = problem()
    tg.manual_seed(999)
    load_checkpoint(tmp_path / "state.safetensors", resumed)
    again = resumed.fit(loader, epochs=4)

    for name, value in weights(whole).items():
        np.testing.assert_array_equal(value, weights(resumed)[name], err_msg=name)
    for a, b in zip(history, again, strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}


def test_the_penalty_is_reported_apart_from_the_data_loss():
    trainer, loader = problem(dropout=0.0)
    trainer.penalty = lambda: nn.utils.penalty(trainer.model[0], l2_weight=0.5)
    expected = 0.5 * float((trainer.model[0].weight.array ** 2).sum())
    seen = []

    class First(Callback):
        def on_batch_end(self, trainer, batch):
            seen.append(batch)

    trainer.callbacks.append(First())
    trainer.fit(loader, epochs=1)
    assert seen[0]["penalty"] == pytest.approx(expected, rel=1e-5)
    assert abs(seen[0]["loss"] - math.log(2)) < 0.5


def test_a_loss_that_is_not_finite_stops_the_training():
    trainer, loader = problem()
    trainer.optimizer.param_groups[0]["lr"] = 1e30
    with np.errstate(all="ignore"), pytest.raises(DataError, match="lower the learning rate"):
        trainer.fit(loader, epochs=50)


def test_evaluate_leaves_the_mode_and_the_weights_alone():
    trainer, loader = problem()
    before = weights(trainer)
    trainer.model.train()
    result = trainer.evaluate(loader)
    assert trainer.model.training
    assert all(np.array_equal(before[k], v) for k, v in weights(trainer).items())
    assert set(result) == {"loss", "accuracy"}


def test_averages_weigh_by_size():
    averages = Averages()
    averages.add(1, loss=1.0)
    averages.add(3, loss=5.0)
    assert averages.result() == {"loss": 4.0}


def test_reports_come_every_few_epochs_and_at_the_end():
    trainer, loader = problem()
    trainer.report_every = 3
    assert [r["epoch"] for r in trainer.fit(loader, epochs=7)] == [3, 6, 7]
