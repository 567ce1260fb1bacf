"""The range test for learning rates."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, DataError
from tapegrad.train import Trainer, find_lr
from tapegrad.utils.data import DataLoader, TensorDataset


def problem(lr=0.1, groups=False):
    """Least squares, whose steps diverge from the rate 2 / largest curvature on, which is returned as well."""
    tg.manual_seed(1)
    x = tg.randn(64, 4)
    data = TensorDataset(x, x @ tg.tensor([[1.0], [2.0], [-1.0], [3.0]]))
    model = nn.Linear(4, 1, bias=False)
    parameters = [{"params": [model.weight]}] if groups else model.parameters()
    curvature = float(np.linalg.eigvalsh(2 * x.array.T @ x.array / 64).max())
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(parameters, lr=lr))
    return trainer, DataLoader(data, batch_size=64), 2 / curvature


def test_the_suggestion_lies_below_where_steps_diverge():
    trainer, loader, limit = problem()
    found = find_lr(trainer, loader, steps=200)
    assert limit / 100 < found.suggestion < limit
    assert found.rates[-1] > limit
    assert found.losses[-1] > 4 * min(found.losses)
    assert len(found.rates) == len(found.losses) < 200


def test_the_suggested_rate_trains():
    trainer, loader, _ = problem()
    rate = find_lr(trainer, loader).suggestion
    before = trainer.evaluate(loader)["loss"]
    trainer.optimizer.param_groups[0]["lr"] = rate
    trainer.fit(loader, epochs=50)
    assert trainer.evaluate(loader)["loss"] < 0.05 * before


def test_rates_grow_by_a_constant_factor_over_the_range():
    trainer, loader, _ = problem()
    found = find_lr(trainer, loader, low=1e-6, high=1e-4, steps=21)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-6, 1e-4, 21))


def test_the_loss_is_smoothed_with_the_bias_corrected():
    trainer, loader, _ = problem()
    raw = find_lr(trainer, loader, low=1e-3, high=0.1, steps=10, smoothing=0.0).losses
    mean, expected = 0.0, []
    for i, loss in enumerate(raw):
        mean = 0.8 * mean + 0.2 * loss
        expected.append(mean / (1 - 0.8 ** (i + 1)))
    found = find_lr(trainer, loader, low=1e-3, high=0.1, steps=10, smoothing=0.8).losses
    np.testing.assert_allclose(found, expected)
    assert raw[0] == pytest.approx(trainer.evaluate(loader)["loss"])


def test_the_first_raw_losses_are_those_of_plain_steps():
    trainer, loader, _ = problem()
    x, y = (np.asarray(part, np.float64) for part in next(iter(loader)))
    w = trainer.model.weight.array.astype(np.float64).T
    expected = []
    for rate in np.geomspace(1e-3, 0.1, 5):
        expected.append(float(((x @ w - y) ** 2).mean()))
        w = w - rate * 2 * x.T @ (x @ w - y) / len(x)
    found = find_lr(trainer, loader, low=1e-3, high=0.1, steps=5, smoothing=0.0).losses
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_it_ends_where_the_loss_is_no_longer_finite():
    trainer, loader, _ = problem()
    with np.errstate(all="ignore"):
        found = find_lr(trainer, loader, low=1e20, high=1e25)
    assert len(found.losses) == 1
    assert math.isfinite(found.losses[0])
    assert found.suggestion is None


def test_groups_keep_the_proportions_of_their_rates():
    trainer, loader, _ = problem()
    extra = nn.Parameter(tg.zeros(1))
    trainer.optimizer.add_param_group({"params": [extra], "lr": 0.02})
    seen = []
    trainer.optimizer.register_step_pre_hook(
        lambda optimizer, args, kwargs: seen.append([group["lr"] for group in optimizer.param_groups])
    )
    find_lr(trainer, loader, steps=5)
    assert [b / a for a, b in seen] == pytest.approx([0.2] * 5)
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.1, 0.02]


def test_short_data_is_gone_through_again_and_schedules_are_left_out():
    trainer, loader, _ = problem()
    trainer.scheduler, trainer.schedule_every = optim.lr_scheduler.StepLR(trainer.optimizer, 1), "step"
    assert len(find_lr(trainer, loader, low=1e-6, high=1e-4, steps=30).rates) == 30
    assert trainer.scheduler.last_epoch == 0


def test_where_nothing_falls_nothing_is_suggested():
    trainer, loader, _ = problem()
    trainer.optimizer = optim.SGD([nn.Parameter(tg.zeros(1))], lr=0.1)
    assert find_lr(trainer, loader).suggestion is None
    trainer, loader, _ = problem()
    assert find_lr(trainer, loader, low=1e-12, high=1e-11).suggestion is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "the range is from 1 to 0.1; use 0 < low < high"),
        ({"low": 0.0}, "the range is from 0 to 10"),
        ({"high": math.inf}, "the range is from 1e-06 to inf"),
        ({"steps": 1}, "steps is 1; use at least 2"),
        ({"smoothing": 1.0}, "smoothing is 1; use a number from 0 to below 1"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    trainer, loader, _ = problem()
    with pytest.raises(ArgumentError, match=f"find_lr: {message}"):
        find_lr(trainer, loader, **options)


def test_no_data_is_an_error():
    trainer, _, _ = problem()
    with pytest.raises(DataError, match="find_lr: the loader gave no batch"):
        find_lr(trainer, [])
