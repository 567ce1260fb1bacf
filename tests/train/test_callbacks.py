"""Callbacks: when early stopping stops and what it brings back, what the statistics measure, when snapshots are taken."""

import json
import math
import os

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, ShapeError
from tapegrad.formats import load_file
from tapegrad.train import Callback, EarlyStopping, Snapshots, Statistics, Trainer
from tapegrad.utils.data import DataLoader, TensorDataset


class Claims(Callback):
    """Writes values into the reports, as a validation would."""

    def __init__(self, values, metric="valid_loss"):
        self.values = values
        self.metric = metric

    def on_epoch_end(self, trainer, record):
        record[self.metric] = self.values[record["epoch"] - 1]


def problem(*callbacks, model=None, **options):
    """A trainer and a loader of three batches: 8, 8 and 4 samples of 3 numbers, 2 classes."""
    tg.manual_seed(1)
    inputs = tg.randn(20, 3)
    data = TensorDataset(inputs, (inputs.sum(dim=1) > 0).long())
    model = model or nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    return Trainer(model, nn.CrossEntropyLoss(), sgd, callbacks=callbacks, **options), DataLoader(data, batch_size=8)


def weights(model):
    return {k: v.array.copy() for k, v in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(v, b[k]) for k, v in a.items())


# -- early stopping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "options", "ended", "best"),
    [
        ([5, 4, 3, 3, 3, 1], {"patience": 2}, 5, 3),
        ([5, 4, 3, 3.5, 2, 3, 3, 3], {"patience": 3}, 8, 5),
        ([5, 4.9, 4.8, 4.7, 4.6], {"patience": 3, "min_delta": 0.25}, 5, 4),
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
        ([math.nan, math.nan, 1], {"patience": 2}, 2, 0),
        ([1, 2, 3, 3, 2], {"patience": 2, "metric": "valid_accuracy"}, 5, 3),
        ([1, 2, 3], {"patience": 2, "mode": "max"}, 3, 3),
        ([1, 2, 3], {"patience": 2, "metric": "valid_accuracy", "mode": "min"}, 3, 1),
    ],
)
def test_it_stops_when_nothing_was_better_for_so_many_reports(values, options, ended, best):
    metric = options.setdefault("metric", "valid_loss")
    stopping = EarlyStopping(**options)
    trainer, loader = problem(Claims(values, metric), stopping)
    history = trainer.fit(loader, epochs=len(values))
    assert len(history) == ended
    assert stopping.best_epoch == best
    if ended < len(values):
        assert str(trainer.stopped).startswith(f"{metric} was no better")


def test_the_reason_says_what_was_best():
    trainer, loader = problem(Claims([5, 4, 4.5, 4.25]), EarlyStopping(patience=2))
    trainer.fit(loader, epochs=9)
    assert trainer.stopped == "valid_loss was no better than 4 at epoch 2 in 2 reports"


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_a_resumed_training_stops_at_the_same_report(first):
    values = [5, 4, 4, 4, 4, 4, 4]
    trainer, loader = problem(Claims(values), EarlyStopping(patience=3))
    trainer.fit(loader, epochs=first)
    other, loader = problem(Claims(values), EarlyStopping(patience=3))
    other.load_state_dict(trainer.state_dict())
    assert len(other.fit(loader, epochs=7)) == 5


def test_a_training_that_was_stopped_stays_stopped():
    values = [5, 5, 5, 1, 1]
    trainer, loader = problem(Claims(values), EarlyStopping(patience=2))
    assert len(trainer.fit(loader, epochs=5)) == 3
    assert len(trainer.fit(loader, epochs=5)) == 3
    assert trainer.stopped is not None


def test_fitting_on_counts_each_report_once():
    trainer, loader = problem(Claims([5, 4, 4, 4, 4, 4]), EarlyStopping(patience=3))
    assert [len(trainer.fit(loader, epochs=epochs)) for epochs in (2, 3, 4, 6)] == [2, 3, 4, 5]
    assert trainer.callbacks[1].waited == 3


def test_the_best_weights_come_back():
    seen = []
    keep = Callback()
    keep.on_epoch_end = lambda trainer, record: seen.append(weights(trainer.model))
    trainer, loader = problem(Claims([5, 4, 4.5, 5]), EarlyStopping(patience=2, restore_best=True), keep)
    trainer.fit(loader, epochs=9)
    assert len(seen) == 4
    assert same(weights(trainer.model), seen[1])
    trainer, loader = problem(Claims([5, 4, 4.5, 5]), EarlyStopping(patience=2))
    trainer.fit(loader, epochs=9)
    assert same(weights(trainer.model), seen[3])


def test_the_best_weights_are_averaged_ones_and_come_back_after_resuming():
    seen = []
    keep = Callback()

    def on_epoch_end(trainer, record):
        with trainer.averaged_weights():
            seen.append(weights(trainer.model))

    keep.on_epoch_end = on_epoch_end
    values = [5, 4, 4.5, 5]
    trainer, loader = problem(Claims(values), EarlyStopping(patience=2, restore_best=True), keep, ema=0.9)
    stopping = trainer.callbacks[1]
    stopping.on_fit_end = lambda trainer: None
    trainer.fit(loader, epochs=3)
    other, loader = problem(Claims(values), EarlyStopping(patience=2, restore_best=True), ema=0.9)
    other.load_state_dict(trainer.state_dict())
    other.fit(loader, epochs=9)
    assert same(weights(other.model), seen[1])


def test_a_metric_that_no_report_has_is_guessed():
    trainer, loader = problem(EarlyStopping("valid_los", mode="min"))
    with pytest.raises(
        ArgumentError, match="EarlyStopping: the reports have no 'valid_los'; did you mean 'valid_loss'"
    ):
        trainer.fit(loader, loader)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match="mode: it is 'maximum'"):
        EarlyStopping(mode="maximum")
    with pytest.raises(ArgumentError, match="patience is 0"):
        EarlyStopping(patience=0)
    with pytest.raises(ArgumentError, match="whether a small valid_surprise is a good one is not known"):
        EarlyStopping("valid_surprise")
    with pytest.raises(ArgumentError, match="every is 0"):
        Snapshots("x", every=0)
    with pytest.raises(ArgumentError, match="bins is 0"):
        Statistics(print, bins=0)


# -- statistics -----------------------------------------------------------------------------------------------------------


class Log(list):
    def __call__(self, kind, **values):
        self.append({"event": kind, **values})

    def layers(self, index=-1):
        return self[index]["layers"]


def test_they_are_taken_at_the_first_update_and_before_each_report():
    log = Log()
    trainer, loader = problem(Statistics(log), report_every=2)
    trainer.fit(loader, epochs=5)
    assert [(e["event"], e["step"]) for e in log] == [("statistics", s) for s in (1, 6, 12, 15)]
    assert [r["step"] for r in trainer.history] == [6, 12, 15]


@pytest.mark.parametrize(("accumulate", "steps"), [(2, [1, 2, 4]), (3, [1, 2])])
def test_they_know_updates_of_several_batches(accumulate, steps):
    log = Log()
    trainer, loader = problem(Statistics(log), accumulate=accumulate)
    trainer.fit(loader, epochs=2)
    assert [e["step"] for e in log] == steps


def test_they_are_taken_at_the_last_step_of_all():
    log = Log()
    trainer, loader = problem(Statistics(log))
    trainer.fit(loader, steps=5)
    assert [e["step"] for e in log] == [1, 3, 5]


def test_batches_go_through_the_model_once_more_before_updates_that_are_measured():
    calls, hooks = [], []
    watch = Callback()
    watch.on_batch_end = lambda trainer, batch: hooks.append(any(m._forward_hooks for m in trainer.model[:2]))
    trainer, loader = problem(Statistics(Log()), watch, compile=False)
    first = trainer.model[0]
    forward = first.forward
    first.forward = lambda x: calls.append(trainer.position.step) or forward(x)
    trainer.fit(loader, epochs=2)
    assert [calls.count(step) for step in range(6)] == [2, 1, 2, 1, 1, 2]
    assert not any(hooks)
    assert not any(m._forward_hooks for m in trainer.model.modules())


def test_they_change_nothing():
    plain, loader = problem()
    watched, _ = problem(Statistics(Log()))
    plain.fit(loader, epochs=3)
    watched.fit(loader, epochs=3)
    assert same(weights(plain.model), weights(watched.model))


def test_they_are_what_a_plain_restatement_gives():
    log = Log()
    trainer, loader = problem(Statistics(log, bins=4), clip_norm=0.01)
    before = {}
    watch = Callback()
    watch.on_batch_begin = lambda trainer: before.update(weights(trainer.model))
    trainer.callbacks.insert(0, watch)
    x, _ = next(iter(loader))
    output = {}
    for i, layer in enumerate(trainer.model):
        x = layer(x)
        output[str(i)] = x.array.astype(np.float64)
    trainer.fit(loader, steps=1)
    layers = log.layers()
    assert [(path, layer["kind"]) for path, layer in layers.items()] == [
        ("0", "Linear"),
        ("1", "Tanh"),
        ("2", "Linear"),
    ]
    for path, values in output.items():
        found = layers[path]["activation"]
        for name in ("mean", "std", "min", "max"):
            assert found[name] == pytest.approx(getattr(values, name)(), rel=1e-5)
        histogram = found["histogram"]
        counts, edges = np.histogram(values, bins=4)
        assert histogram["counts"] == counts.tolist()
        assert (histogram["low"], histogram["high"]) == pytest.approx((edges[0], edges[-1]))
    after = weights(trainer.model)
    for path in ("0", "2"):
        old = np.concatenate([before[f"{path}.{name}"].ravel() for name in ("weight", "bias")])
        new = np.concatenate([after[f"{path}.{name}"].ravel() for name in ("weight", "bias")])
        found = layers[path]
        assert found["weight"]["norm"] == pytest.approx(np.linalg.norm(old), rel=1e-5)
        assert found["gradient"]["norm"] == pytest.approx(np.linalg.norm(new - old) / 0.1, rel=1e-3)
        assert found["update_ratio"] == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), rel=1e-4)
        assert sum(found["gradient"]["histogram"]["counts"]) == old.size
    assert math.hypot(*(layers[path]["gradient"]["norm"] for path in "02")) == pytest.approx(0.01, rel=1e-3)
    assert set(layers["1"]) == {"kind", "activation"}


def fixed(layer, values):
    """The statistics of a layer that is given these values."""
    log = Log()
    model = nn.Sequential(nn.Identity(), layer)
    values = tg.tensor(values)
    scale = nn.Parameter(tg.ones(1))
    trainer = Trainer(model, lambda output, target: scale.sum(), optim.SGD([scale], lr=0.0), metrics={})
    trainer.callbacks.append(Statistics(log))
    trainer.fit([(values, tg.zeros(len(values)))])
    return log.layers()["1"]["activation"]


def test_a_unit_is_dead_when_it_is_0_for_the_whole_batch():
    assert fixed(nn.ReLU(), [[1.0, -1.0, -2.0, 0.0], [-1.0, -3.0, 2.0, -1.0]])["dead_share"] == 0.5
    pictures = -np.ones((2, 4, 3, 3), np.float32)
    pictures[1, 2, 0, 0] = 1.0
    assert fixed(nn.ReLU(), pictures)["dead_share"] == 0.75


@pytest.mark.parametrize(("layer", "share"), [(nn.Tanh(), 0.25), (nn.Sigmoid(), 0.5), (nn.ReLU(), None)])
def test_a_value_is_saturated_near_its_bounds(layer, share):
    """tanh(2) = 0.964, tanh(4) = 0.9993; sigmoid(4.7) = 0.991, sigmoid(-4.7) = 0.009, sigmoid(4) = 0.982."""
    values = [[2.0, 4.0, -2.0, 0.0]] if share == 0.25 else [[4.7, -4.7, 4.0, 0.0]]
    assert fixed(layer, values).get("saturated_share") == share


@pytest.mark.parametrize("values", [[[math.nan, 1.0], [2.0, math.inf]], [[math.nan] * 2] * 2, [[3.0, 3.0]]])
def test_values_that_are_not_finite_or_all_the_same_have_a_histogram(values):
    found = fixed(nn.Identity(), values)["histogram"]
    assert sum(found["counts"]) == np.isfinite(values).sum()
    assert len(found["counts"]) == 30
    json.dumps(found, allow_nan=False)


def test_they_are_plain_json_and_know_a_model_of_one_layer():
    log = Log()
    trainer, loader = problem(Statistics(log), model=nn.Linear(3, 2))
    trainer.fit(loader, steps=1)
    assert list(log.layers()) == ["Linear"]
    assert json.loads(json.dumps(log)) == log


def test_layers_with_several_outputs_and_frozen_ones_are_known():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 4)
            self.unit = nn.LSTM(4, 5, batch_first=True) if hasattr(nn, "LSTM") else Pair()
            self.last = nn.Linear(5, 2)

        def forward(self, x):
            return self.last(self.unit(self.first(x)[:, None])[0].reshape(len(x), -1))

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(tg.ones(4, 5))

        def forward(self, x):
            return x @ self.weight, None

    log = Log()
    model = Net()
    model.first.requires_grad_(False)
    trainer, loader = problem(Statistics(log), model=model)
    trainer.fit(loader, steps=1)
    layers = log.layers()
    assert "activation" in layers["unit"]
    assert layers["first"]["gradient"]["norm"] == 0.0
    assert layers["first"]["update_ratio"] == 0.0


def test_an_error_in_a_measured_batch_leaves_no_hooks():
    trainer, loader = problem(Statistics(Log()))
    trainer.model.append(nn.Linear(7, 2))
    with pytest.raises(ShapeError):
        trainer.fit(loader)
    assert not any(m._forward_hooks for m in trainer.model.modules())


# -- snapshots ------------------------------------------------------------------------------------------------------------


def test_snapshots_are_taken_at_the_start_and_every_few_reports(tmp_path):
    seen = {}
    keep = Callback()
    keep.on_batch_end = lambda trainer, batch: seen.update({trainer.position.step: weights(trainer.model)})
    trainer, loader = problem(keep, Snapshots(tmp_path / "snapshots", every=2), report_every=2)
    seen[0] = weights(trainer.model)
    trainer.fit(loader, epochs=9)
    names = sorted(os.listdir(tmp_path / "snapshots"))
    assert names == [f"step-{step:06d}.safetensors" for step in (0, 12, 24)]
    for name in names:
        loaded = {k: v.array for k, v in load_file(tmp_path / "snapshots" / name).items()}
        assert same(loaded, seen[int(name[5:11])])


def test_a_resumed_training_takes_the_same_snapshots(tmp_path):
    trainer, loader = problem(Snapshots(tmp_path, every=2))
    trainer.fit(loader, epochs=3)
    other, loader = problem(Snapshots(tmp_path, every=2))
    other.load_state_dict(trainer.state_dict())
    os.remove(tmp_path / "step-000000.safetensors")
    other.fit(loader, epochs=4)
    assert sorted(os.listdir(tmp_path)) == ["step-000006.safetensors", "step-000012.safetensors"]
