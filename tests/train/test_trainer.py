"""The training loop: what it measures, how it updates, and how long it goes on."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, StateError
from tapegrad.train import Averages, Callback, Trainer
from tapegrad.train.ema import WeightAverage
from tapegrad.train.metrics import Accuracy
from tapegrad.utils.data import DataLoader
from tests.train.problems import At, Told, data_of, plain, problem, same, timeless, weights

# -- the loop ---------------------------------------------------------------------------------------------------------


def test_three_lines_train_and_report_accuracy():
    data = data_of()
    model = nn.Linear(3, 2)
    history = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.1)).fit(
        DataLoader(data, batch_size=8), epochs=3
    )
    assert [set(r) for r in history] == [{"epoch", "step", "rate", "loss", "accuracy", "seconds"}] * 3
    assert [(r["epoch"], r["step"]) for r in history] == [(1, 6), (2, 12), (3, 18)]
    assert history[-1]["loss"] < history[0]["loss"]


def test_targets_that_are_not_integers_have_no_metric_of_their_own():
    trainer, loader = plain()
    assert set(trainer.fit(loader)[0]) == {"epoch", "step", "rate", "loss", "seconds"}
    assert set(trainer.evaluate(loader)) == {"loss"}


def test_an_epoch_is_the_updates_that_its_formula_says():
    trainer, loader = plain()
    w, b = trainer.model.weight.array.astype(np.float64), trainer.model.bias.array.astype(np.float64)
    losses = []
    for x, y in ((np.asarray(x, np.float64), np.asarray(y, np.float64)) for x, y in loader):
        e = x @ w.T + b - y
        losses.append((float((e**2).mean()), len(x)))
        w, b = w - 0.1 * 2 * (e.T @ x) / len(x), b - 0.1 * 2 * e.mean(axis=0)
    record = trainer.fit(loader)[0]
    np.testing.assert_allclose(trainer.model.weight.array, w, rtol=1e-5)
    np.testing.assert_allclose(trainer.model.bias.array, b, rtol=1e-5)
    assert record["loss"] == pytest.approx(sum(v * n for v, n in losses) / 10, rel=1e-5)


def test_the_record_holds_training_and_validation():
    trainer, loader = problem(metrics=["accuracy", "f1", "confusion_matrix"])
    record = trainer.fit(loader, loader, epochs=1)[0]
    measured = ["loss", "accuracy", "f1"]
    assert list(record) == ["epoch", "step", "rate", *measured, *(f"valid_{m}" for m in measured), "seconds"]
    found = trainer.evaluate(loader)
    assert {k: found[k] for k in measured} == pytest.approx({k: record[f"valid_{k}"] for k in measured}, rel=1e-6)
    assert np.sum(found["confusion_matrix"]) == 48


def test_callbacks_are_told_in_order():
    told = Told()
    trainer, loader = plain(callbacks=[told])
    trainer.fit(loader, epochs=1)
    steps = [f"batch {when} {step + (when == 'end')}" for step in range(3) for when in ("begin", "end")]
    assert told.events == ["fit begin", *steps, "epoch end 1", "fit end"]


def test_a_method_given_to_one_callback_is_heard():
    heard = []
    callback = Callback()
    callback.on_epoch_end = lambda trainer, record: heard.append(record["epoch"])
    trainer, loader = plain(callbacks=[callback])
    trainer.fit(loader, epochs=2)
    assert heard == [1, 2]


def test_the_penalty_is_reported_apart_from_the_data_loss():
    told = Told()
    trainer, loader = problem(dropout=0.0, callbacks=[told])
    trainer.penalty = lambda: nn.utils.penalty(trainer.model[0], l2_weight=0.5)
    expected = 0.5 * float((trainer.model[0].weight.array ** 2).sum())
    history = trainer.fit(loader, epochs=1)
    assert told.batches[0]["penalty"] == pytest.approx(expected, rel=1e-5)
    assert abs(told.batches[0]["loss"] - math.log(2)) < 0.5
    assert history[0]["penalty"] == pytest.approx(np.mean([b["penalty"] for b in told.batches]))


def test_evaluate_leaves_the_mode_and_the_weights_alone():
    trainer, loader = problem()
    before = weights(trainer)
    trainer.model.train()
    result = trainer.evaluate(loader)
    assert trainer.model.training
    same(before, weights(trainer))
    trainer.model.eval()
    assert trainer.evaluate(loader) == pytest.approx(result, rel=1e-6)
    assert not trainer.model.training
    assert set(result) == {"loss", "accuracy"}


def test_evaluating_within_an_epoch_leaves_its_metrics_alone():
    whole, loader = problem()
    expected = timeless(whole.fit(loader, epochs=2))
    trainer, loader = problem(callbacks=[At(3, lambda trainer: trainer.evaluate(loader))])
    assert timeless(trainer.fit(loader, epochs=2)) == expected


def test_averages_weigh_by_size():
    averages = Averages()
    averages.add(1, loss=1.0)
    averages.add(3, loss=5.0)
    assert averages.result() == {"loss": 4.0}


def test_reports_come_every_few_epochs_and_at_the_end():
    trainer, loader = problem(report_every=3)
    assert [r["epoch"] for r in trainer.fit(loader, epochs=7)] == [3, 6, 7]


@pytest.mark.parametrize("report_every", [1, 2])
def test_a_report_is_of_its_own_epoch_alone(report_every):
    told, shares = Told(), []

    def share(output, target):
        shares.append(float((output.array.argmax(axis=1) == target.array).mean()))
        return shares[-1]

    trainer, loader = problem(
        metrics={"share": share, "accuracy": Accuracy}, callbacks=[told], report_every=report_every
    )
    history = trainer.fit(loader, epochs=4)
    assert len(history) == 4 // report_every
    for record in history:
        own = slice(6 * record["epoch"] - 6, 6 * record["epoch"])
        assert record["loss"] == pytest.approx(np.mean([batch["loss"] for batch in told.batches[own]]))
        assert record["share"] == pytest.approx(np.mean(shares[own]))
        assert record["accuracy"] == pytest.approx(record["share"])


# -- how long ---------------------------------------------------------------------------------------------------------


def test_steps_end_within_an_epoch_and_go_on_there():
    whole, loader = problem()
    expected = whole.fit(loader, epochs=3)
    trainer, loader = problem()
    first = [(r["epoch"], r["step"]) for r in trainer.fit(loader, steps=8)]
    assert first == [(1, 6), (2, 8)]
    assert (trainer.position.epoch, trainer.position.batch, trainer.epochs, trainer.total_steps) == (1, 2, 2, 8)
    trainer.fit(loader, steps=9)
    assert (trainer.epochs, trainer.total_steps) == (2, 9)
    history = trainer.fit(loader, epochs=3)
    assert [(r["epoch"], r["step"]) for r in history] == [(1, 6), (2, 8), (2, 9), (2, 12), (3, 18)]
    assert timeless(history[3:]) == timeless(expected[1:])
    same(weights(whole), weights(trainer))


def test_steps_that_fill_epochs_end_with_one():
    trainer, loader = problem()
    assert [(r["epoch"], r["step"]) for r in trainer.fit(loader, steps=12)] == [(1, 6), (2, 12)]
    assert (trainer.position.epoch, trainer.position.batch) == (2, 0)


def test_of_epochs_and_steps_the_first_to_come_ends():
    trainer, loader = problem()
    assert trainer.fit(loader, epochs=1, steps=100)[-1]["step"] == 6
    assert trainer.fit(loader, epochs=9, steps=8)[-1]["step"] == 8
    assert trainer.total_steps == 8


def test_without_either_it_is_one_epoch_and_a_finished_training_stays():
    trainer, loader = problem()
    assert len(trainer.fit(loader)) == 1
    before = weights(trainer)
    assert len(trainer.fit(loader, epochs=1)) == 1
    same(before, weights(trainer))


@pytest.mark.parametrize("given", [{"epochs": 0}, {"steps": 0}, {"epochs": 1.5}, {"steps": True}])
def test_lengths_that_are_none_are_refused(given):
    trainer, loader = problem()
    with pytest.raises(ArgumentError, match="use a positive integer"):
        trainer.fit(loader, **given)


class Passes:
    """Three batches, of which nobody knows how many they are."""

    def __iter__(self):
        return iter(plain()[1])


@pytest.mark.parametrize("steps", [2, 3, 5, 6])
def test_a_loader_of_unknown_length_trains(steps):
    trainer, _ = plain()
    history = trainer.fit(Passes(), steps=steps)
    assert history[-1]["step"] == steps
    assert [r["epoch"] for r in history] == list(range(1, math.ceil(steps / 3) + 1))
    assert trainer.total_steps == steps


def test_a_loader_shorter_than_it_says_ends_its_epochs():
    class Short(list):
        def __len__(self):
            return 5

    trainer, loader = plain()
    history = trainer.fit(Short(loader), epochs=2)
    assert [(r["epoch"], r["step"]) for r in history] == [(1, 3), (2, 6)]


# -- gradients ----------------------------------------------------------------------------------------------------------


def test_accumulated_batches_are_one_batch():
    """Three batches of 4, 4 and 2 give the update of one batch of 10, its loss, and one step of the schedule."""
    apart, loader = plain(accumulate=3)
    together, _ = plain()
    told = Told()
    apart.callbacks.append(told)
    penalty = lambda trainer: lambda: nn.utils.penalty(trainer.model, l2_weight=0.1)  # noqa: E731
    apart.penalty, together.penalty = penalty(apart), penalty(together)
    apart.schedule_every, apart.scheduler = "step", optim.lr_scheduler.StepLR(apart.optimizer, 1, gamma=0.5)
    whole = [tuple(tg.cat(parts) for parts in zip(*loader, strict=True))]
    a, b = apart.fit(loader)[0], together.fit(whole)[0]
    assert (apart.position.epoch, apart.position.step, apart.rate) == (1, 1, 0.05)
    assert a["loss"] == pytest.approx(b["loss"], rel=1e-6)
    assert a["penalty"] == pytest.approx(b["penalty"], rel=1e-6)
    assert len(told.batches) == 1
    for name, value in weights(together).items():
        np.testing.assert_allclose(weights(apart)[name], value, rtol=1e-5)


def test_an_epochs_last_update_takes_the_batches_that_are_left():
    trainer, loader = problem(accumulate=4)
    history = trainer.fit(loader, epochs=2)
    assert [r["step"] for r in history] == [2, 4]
    assert trainer.total_steps == 4


def test_clipping_bounds_what_the_update_uses():
    told = []
    keep = At(1, lambda trainer: told.append({k: p.grad.array.copy() for k, p in trainer.model.named_parameters()}))
    norms = {}
    for name, options in {"none": {}, "norm": {"clip_norm": 0.01}, "value": {"clip_value": 0.002}}.items():
        trainer, loader = plain(callbacks=[keep], **options)
        before = weights(trainer)
        trainer.fit(loader, steps=1)
        gradient = np.concatenate([g.ravel() for g in told.pop().values()])
        change = np.concatenate([(before[k] - v).ravel() for k, v in weights(trainer).items()])
        np.testing.assert_allclose(change, 0.1 * gradient, atol=1e-6)
        norms[name] = float(np.sqrt((gradient**2).sum())), float(np.abs(gradient).max())
    assert norms["none"][0] > 0.1
    assert norms["norm"][0] == pytest.approx(0.01, rel=1e-3)
    assert norms["value"][1] == pytest.approx(0.002)


# -- schedules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("every", "rates"), [("epoch", [0.1, 0.05, 0.025]), ("step", [0.0125, 0.0015625])])
def test_the_schedule_steps_after_epochs_or_updates(every, rates):
    trainer, loader = plain(schedule_every=every)
    trainer.scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, 1, gamma=0.5)
    assert [r["rate"] for r in trainer.fit(loader, epochs=len(rates))] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("mode", "valid", "report_every", "seen"),
    [
        ("min", True, 1, "valid_loss"),
        ("min", False, 1, "loss"),
        ("max", True, 1, "valid_accuracy"),
        ("max", False, 1, "accuracy"),
        ("min", True, 2, "valid_loss"),
    ],
)
def test_a_plateau_is_told_what_it_waits_for(mode, valid, report_every, seen):
    trainer, loader = problem(scheduled=False, report_every=report_every)
    plateau = optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer, mode=mode)
    told = []
    plateau.step = told.append
    trainer.scheduler = plateau
    history = trainer.fit(loader, loader if valid else None, epochs=4)
    assert told == [record[seen] for record in history]


# -- averaged weights -----------------------------------------------------------------------------------------------------


def test_the_average_is_its_formula():
    trainer, loader = plain(ema=0.5)
    mean, n, seen = trainer.model.weight.array.astype(np.float64), 0, []
    trainer.callbacks.append(At(0, None))
    trainer.callbacks[-1].on_batch_end = lambda trainer, batch: seen.append(trainer.model.weight.array.copy())
    trainer.fit(loader, epochs=5)
    for w in seen:
        d = min(0.5, (1 + n) / (10 + n))
        mean, n = d * mean + (1 - d) * w, n + 1
    assert n == 15
    np.testing.assert_allclose(trainer.ema.averages["weight"], mean, rtol=1e-5)
    assert trainer.ema.averages["weight"].dtype == np.float32


def test_validation_uses_the_average_and_training_does_not():
    own, loader = plain()
    own.fit(loader, epochs=3)
    trainer, loader = plain(ema=0.9)
    trainer.fit(loader, loader, epochs=3)
    same(weights(own), weights(trainer))
    with trainer.averaged_weights():
        averaged = weights(trainer)
    assert not np.array_equal(averaged["weight"], trainer.model.weight.array)
    other, _ = plain()
    other.model.load_state_dict(averaged)
    assert trainer.history[-1]["valid_loss"] == other.evaluate(loader)["loss"] == trainer.evaluate(loader)["loss"]


def test_averages_of_another_network_are_refused():
    state = WeightAverage(nn.Linear(2, 1), 0.9).state_dict()
    with pytest.raises(StateError, match="another network"):
        WeightAverage(nn.Linear(3, 1), 0.9).load_state_dict(state)
