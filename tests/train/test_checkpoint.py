"""Checkpoints: what is kept and when, what damage and a full disk leave, and what is the best."""

import errno
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import ArgumentError, DataError, FileFormatError, StorageError, TapegradWarning
from tapegrad.formats import load_file, read_metadata, save_file
from tapegrad.train import (
    Callback,
    Checkpoints,
    Trainer,
    check_weights,
    hash_model,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from tapegrad.utils.data import DataLoader, TensorDataset


def problem(*callbacks, width=8):
    tg.manual_seed(1)
    inputs = tg.randn(48, 3)
    data = TensorDataset(inputs, (inputs.sum(dim=1) > 0).long())
    model = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, 2))
    adam = optim.Adam(model.parameters(), lr=0.05)
    trainer = Trainer(model, nn.CrossEntropyLoss(), adam, callbacks=callbacks)
    generator = tg.Generator()
    generator.manual_seed(3)
    return trainer, DataLoader(data, batch_size=8, shuffle=True, generator=generator)


def always(folder, **options):
    """Checkpoints that are written at every occasion, however long that takes."""
    return Checkpoints(folder, **{"best": "loss", "overhead": None, "last_seconds": None, **options})


def names(folder):
    return {name.removesuffix(".safetensors") for name in os.listdir(folder)}


def step_of(path):
    return json.loads(read_metadata(path)["tapegrad"])["position"]["step"]


@pytest.fixture
def saved(tmp_path):
    trainer, loader = problem()
    trainer.fit(loader, epochs=1)
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, trainer)
    return path


# -- damage ---------------------------------------------------------------------------------------------------------


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_any_damaged_byte_is_noticed(saved, rng):
    whole = saved.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    places = [*rng.integers(8, len(whole), 150).tolist(), len(whole) - 1, 8 + length]
    for place in places:
        flip(saved, place)
        trainer, _ = problem()
        if whole[place] == 0x20 and 8 + length > place:  # between the JSON's words a space may be anything empty
            continue
        with pytest.raises(FileFormatError, match=r"last\.safetensors"):
            load_checkpoint(saved, trainer)
        saved.write_bytes(whole)


def test_a_changed_weight_is_named_as_damage(saved):
    flip(saved, -1)
    with pytest.raises(FileFormatError, match="is damaged: its content has another SHA-256 than it was written with"):
        load_weights(saved, problem()[0].model)


def test_a_checkpoint_cut_short_is_damage(saved):
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match="is truncated"):
        load_checkpoint(saved, problem()[0])


def test_another_networks_checkpoint_is_told_from_damage(saved):
    with pytest.raises(FileFormatError, match="is a checkpoint of another network"):
        load_checkpoint(saved, problem(width=9)[0])


def test_plain_weights_can_be_loaded_and_not_resumed(tmp_path):
    source, target = problem()[0], problem()[0]
    source.model[0].weight.data.fill_(7.0)
    path = tmp_path / "weights.safetensors"
    save_file(source.model.state_dict(), path)
    load_weights(path, target.model)
    assert hash_model(target.model) == hash_model(source.model)
    with pytest.raises(FileFormatError, match="has no training state"):
        load_checkpoint(path, target)


def test_averaged_weights_are_evaluated_and_the_others_resumed(tmp_path):
    trainer, loader = problem()
    trainer = Trainer(trainer.model, trainer.loss, trainer.optimizer, ema=0.9)
    trainer.fit(loader, epochs=2)
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, trainer)
    other = problem()[0].model
    load_weights(path, other)
    with trainer.averaged_weights():
        assert hash_model(other) == hash_model(trainer.model)
    assert hash_model(other) != hash_model(trainer.model)
    fresh = problem()[0]
    fresh = Trainer(fresh.model, fresh.loss, fresh.optimizer, ema=0.9)
    load_checkpoint(path, fresh)
    assert hash_model(fresh.model) == hash_model(trainer.model)
    in_order = DataLoader(loader.dataset, batch_size=8)
    assert fresh.evaluate(in_order) == trainer.evaluate(in_order)


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing", "empty"])
@pytest.mark.parametrize("loading", [load_checkpoint, lambda path, trainer: load_weights(path, trainer.model)])
def test_a_damaged_last_state_falls_back_to_the_one_before_and_says_so(tmp_path, damage, loading):
    trainer, loader = problem(always(tmp_path))
    trainer.fit(loader, epochs=3)
    expected = load_file(tmp_path / "last.previous.safetensors")
    last = tmp_path / "last.safetensors"
    if damage == "missing":
        last.unlink()
    elif damage == "flipped":
        flip(last, -1)
    else:
        last.write_bytes(last.read_bytes()[: 0 if damage == "empty" else -5])
    other, _ = problem()
    with pytest.warns(
        TapegradWarning, match=r"checkpoint: .*last\.safetensors .*; using the one before it, .*previous"
    ):
        loading(last, other)
    for name, value in other.model.state_dict().items():
        np.testing.assert_array_equal(value.array, expected[f"model.{name}"].array)


def test_two_damaged_generations_are_an_error(tmp_path):
    trainer, loader = problem(always(tmp_path))
    trainer.fit(loader, epochs=2)
    for name in ("last", "last.previous"):
        flip(tmp_path / f"{name}.safetensors", -1)
    with pytest.raises(FileFormatError, match=r"last\.safetensors: is damaged"):
        load_checkpoint(tmp_path / "last.safetensors", trainer)


def test_a_damaged_last_state_never_takes_the_place_of_a_good_one(tmp_path):
    trainer, loader = problem(always(tmp_path))
    trainer.fit(loader, epochs=2)
    flip(tmp_path / "last.safetensors", -1)
    good = (tmp_path / "last.previous.safetensors").read_bytes()
    resumed, loader = problem(always(tmp_path))
    with pytest.warns(TapegradWarning):
        load_checkpoint(tmp_path / "last.safetensors", resumed)
    seen = []

    class Look(Callback):
        def on_batch_end(self, trainer, batch):
            if not seen:
                trainer.callbacks[-1]._keep_last(trainer)
                seen.append((tmp_path / "last.previous.safetensors").read_bytes())

    resumed.callbacks.append(Look())
    resumed.fit(loader, epochs=3)
    assert seen == [good]


# -- what is kept ---------------------------------------------------------------------------------------------------


def test_the_states_of_a_training(tmp_path):
    trainer, loader = problem(always(tmp_path, every=2))
    trainer.fit(loader, epochs=5)
    assert names(tmp_path) == {"initial", "last", "last.previous", "best", "epoch-0002", "epoch-0004"}
    assert step_of(tmp_path / "initial.safetensors") == 0
    assert step_of(tmp_path / "epoch-0002.safetensors") == 12
    assert step_of(tmp_path / "last.safetensors") == 30
    resumed, _ = problem()
    assert load_checkpoint(tmp_path / "last.safetensors", resumed) == str(tmp_path / "last.safetensors")
    assert hash_model(resumed.model) == hash_model(trainer.model)


def test_an_end_within_an_epoch_leaves_the_state_of_the_epoch_before_it(tmp_path):
    trainer, loader = problem(always(tmp_path, every=1))
    trainer.fit(loader, steps=8)
    assert [name for name in sorted(names(tmp_path)) if name.startswith("epoch")] == ["epoch-0001"]
    assert step_of(tmp_path / "epoch-0001.safetensors") == 6


class Kept(Callback):
    """Notes the steps of the last and the previous state after each batch."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = []

    def on_batch_end(self, trainer, batch):
        paths = [self.folder / f"{name}.safetensors" for name in ("last", "last.previous")]
        self.seen.append(tuple(step_of(path) if path.is_file() else None for path in paths))


def test_the_last_state_is_kept_every_few_epochs_with_the_one_before_it(tmp_path):
    kept = Kept(tmp_path)
    trainer, loader = problem(always(tmp_path, last_every=2), kept)
    trainer.fit(loader, epochs=6)
    none, first, second = (None, None), (12, None), (24, 12)
    assert kept.seen == [none] * 12 + [first] * 12 + [second] * 12
    assert step_of(tmp_path / "last.safetensors") == 36


def test_a_resumed_training_keeps_the_state_that_it_began_with(tmp_path):
    trainer, loader = problem(always(tmp_path))
    trainer.fit(loader, epochs=2)
    (tmp_path / "last.previous.safetensors").unlink()
    kept = Kept(tmp_path)
    resumed, loader = problem(always(tmp_path), kept)
    load_checkpoint(tmp_path / "last.safetensors", resumed)
    resumed.fit(loader, epochs=4)
    assert kept.seen == [(12, None)] * 6 + [(18, 12)] * 6


def test_the_last_state_is_kept_every_few_steps_within_an_epoch(tmp_path):
    kept = Kept(tmp_path)
    trainer, loader = problem(always(tmp_path, last_steps=4), kept)
    trainer.fit(loader, epochs=2)
    # It is told after the others, so each state is seen a step later. Six steps are an epoch, which has its own.
    assert [last for last, _ in kept.seen] == [None] * 4 + [4, 4] + [6] * 4 + [10, 10]


def test_the_last_state_is_kept_every_few_seconds(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tapegrad.train.policy.time.perf_counter", lambda: now[0])

    class Clock(Callback):
        def on_batch_end(self, trainer, batch):
            now[0] += 10.0

    kept = Kept(tmp_path)
    trainer, loader = problem(always(tmp_path, last_seconds=25), Clock(), kept)
    trainer.fit(loader, epochs=1)
    assert [last for last, _ in kept.seen] == [None, None, None, 3, 3, 3]


def test_states_that_would_cost_too_much_time_wait(tmp_path, monkeypatch):
    """An epoch takes a second, and so does a write, for which a tenth of the time may be used."""
    now = [0.0]
    monkeypatch.setattr("tapegrad.train.policy.time.perf_counter", lambda: now[0])
    written = []

    class Slow(Checkpoints):
        def on_epoch_end(self, trainer, record):
            now[0] += 1.0
            super().on_epoch_end(trainer, record)

        def _write(self, name, trainer, state=None, previous=None):
            now[0] += 1.0
            written.append((name, trainer.position.epoch))
            super()._write(name, trainer, state, previous)

    trainer, loader = problem(Slow(tmp_path, best="epoch", mode="max", last_seconds=None))
    trainer.fit(loader, epochs=30)
    # Before the last state comes the best: a resumed training takes the best so far for written.
    assert written == [("initial", 0), *((name, epoch) for epoch in (1, 11, 21, 30) for name in ("best", "last"))]
    assert load_file(tmp_path / "best.safetensors")["model.0.weight"].tolist() == trainer.model[0].weight.tolist()


def test_a_best_state_that_waits_keeps_its_weights(tmp_path):
    """The best is known at the second epoch and written in the end; meanwhile the weights change."""

    class Waiting(Checkpoints):
        def on_epoch_end(self, trainer, record):
            self._cost, self.overhead = 1e9, 0.1
            record = {**record, "loss": abs(record["epoch"] - 2)}
            super().on_epoch_end(trainer, record)
            if record["epoch"] == 2:
                self.expected = hash_model(trainer.model)

    policy = Waiting(tmp_path, best="loss", last_seconds=None)
    trainer, loader = problem(policy)
    trainer.fit(loader, epochs=6)
    model = problem()[0].model
    load_weights(policy.best_path, model)
    assert hash_model(model) == policy.expected != hash_model(trainer.model)


def test_other_callbacks_are_heard_before_the_state_is_written(tmp_path):
    order = []

    class Hears(Callback):
        def on_epoch_end(self, trainer, record):
            order.append("other")

    class Writes(Checkpoints):
        def on_epoch_end(self, trainer, record):
            order.append("checkpoints")

    trainer, loader = problem(Writes(tmp_path, best=None), Hears(), Hears())
    trainer.fit(loader, epochs=1)
    assert order == ["other", "other", "checkpoints"]


def test_temporaries_of_killed_processes_are_removed(tmp_path):
    left = tmp_path / ".last.safetensors.99999999-3.tmp"
    left.write_bytes(b"half")
    trainer, loader = problem(always(tmp_path))
    trainer.fit(loader, epochs=1)
    assert not left.exists()


# -- the best -------------------------------------------------------------------------------------------------------


class Claims(Callback):
    """Puts values of one's own into the records."""

    def __init__(self, values):
        self.values = list(values)

    def on_epoch_end(self, trainer, record):
        record["valid_score"] = self.values[int(record["epoch"]) - 1]


@pytest.mark.parametrize(
    ("mode", "values", "epoch"),
    [
        ("max", [1.0, 3.0, 2.0], 2),
        ("min", [2.0, 3.0, 1.0, 4.0], 3),
        (None, [1.0, 3.0, 2.0], 2),
        ("max", [3.0, 3.0, 1.0], 1),
        ("max", [math.nan, 1.0, math.nan], 2),
        ("min", [math.nan, math.nan, 5.0], 3),
        ("max", [-math.inf, -1.0], 2),
    ],
)
def test_the_best_state_is_that_of_the_best_epoch(tmp_path, mode, values, epoch):
    trainer, loader = problem(always(tmp_path, best="valid_score", mode=mode), Claims(values))
    trainer.fit(loader, epochs=len(values))
    assert step_of(tmp_path / "best.safetensors") == 6 * epoch


def test_the_best_so_far_is_known_to_a_resumed_training(tmp_path):
    values = [1.0, 5.0, 2.0, 4.0]
    trainer, loader = problem(always(tmp_path, best="valid_score"), Claims(values))
    trainer.fit(loader, epochs=3)
    resumed, loader = problem(always(tmp_path, best="valid_score"), Claims(values))
    load_checkpoint(tmp_path / "last.safetensors", resumed)
    resumed.fit(loader, epochs=4)
    assert step_of(tmp_path / "best.safetensors") == 12


def test_weights_that_are_not_finite_are_never_the_best_nor_the_last_within_a_training(tmp_path):
    class Spoils(Callback):
        def on_epoch_end(self, trainer, record):
            record["valid_score"] = record["epoch"]
            if record["epoch"] == 3:
                trainer.model[0].weight.data[0, 0] = math.nan

    trainer, loader = problem(always(tmp_path, best="valid_score"), Spoils())
    with pytest.raises(DataError, match="the loss is nan"):
        trainer.fit(loader, epochs=5)
    assert step_of(tmp_path / "best.safetensors") == 12
    assert step_of(tmp_path / "last.safetensors") == 12
    with pytest.raises(
        DataError, match=r"weights: 24 of the 24 values of 0\.weight are not finite: the training diverged"
    ):
        check_weights(trainer.model)


def test_weights_that_are_not_finite_are_not_evaluated(tmp_path):
    trainer, _ = problem()
    trainer.model[0].weight.data.fill_(math.inf)
    save_checkpoint(tmp_path / "last.safetensors", trainer)
    with pytest.raises(DataError, match=r"last\.safetensors: 24 of the 24 values .* use an earlier checkpoint"):
        load_weights(tmp_path / "last.safetensors", problem()[0].model)
    load_checkpoint(tmp_path / "last.safetensors", problem()[0])


def test_a_name_that_does_not_tell_wants_a_mode(tmp_path):
    with pytest.raises(ArgumentError, match="whether a small valid_beauty is a good one is not known; say mode: min"):
        Checkpoints(tmp_path, best="valid_beauty")
    with pytest.raises(ArgumentError, match="mode: it is 'least'"):
        Checkpoints(tmp_path, best="loss", mode="least")


def test_a_metric_that_no_epoch_has_is_guessed(tmp_path):
    trainer, loader = problem(always(tmp_path, best="acuracy", mode="max"))
    with pytest.raises(
        ArgumentError, match=r"checkpoints\.best: there is no metric 'acuracy'; did you mean 'accuracy'"
    ):
        trainer.fit(loader, epochs=1)


def test_without_validation_the_best_by_validation_is_the_last(tmp_path):
    trainer, loader = problem(Checkpoints(tmp_path))
    trainer.fit(loader, epochs=2)
    assert step_of(tmp_path / "best.safetensors") == 12


# -- a full disk ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
@pytest.mark.parametrize("step", [6, 12])
def test_a_full_disk_ends_the_training_and_names_the_good_state(tmp_path, monkeypatch, code, step):
    sync = os.fsync

    def full(descriptor):
        if trainer.position.step > step:
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    trainer, loader = problem(always(tmp_path))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        trainer.fit(loader, epochs=5)
    last = tmp_path / "last.safetensors"
    assert str(caught.value).startswith(f"checkpoint: {os.strerror(code).lower()} for {tmp_path}")
    assert str(caught.value).endswith(f"; the state of step {step} in {last} is still good; free some space and resume")
    monkeypatch.undo()
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
    resumed, loader = problem(always(tmp_path))
    load_checkpoint(last, resumed)
    assert resumed.position.step == step
    resumed.fit(loader, epochs=5)
    whole, loader = problem()
    whole.fit(loader, epochs=5)
    assert hash_model(resumed.model) == hash_model(whole.model)


def test_a_disk_that_is_full_from_the_start(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    trainer, loader = problem(always(tmp_path))
    with pytest.raises(StorageError, match="nothing was stored yet; free some space and train again"):
        trainer.fit(loader, epochs=1)


def test_other_troubles_of_writing_stay_what_they_are(tmp_path, monkeypatch):
    def broken(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    trainer, loader = problem(always(tmp_path))
    with pytest.raises(OSError, match="Input/output error"):
        trainer.fit(loader, epochs=1)


LIMITED = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from test_checkpoint import always, problem
from tapegrad.errors import StorageError
from tapegrad.train import Callback

class Shrink(Callback):
    def on_epoch_end(self, trainer, record):
        if record["epoch"] == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trainer, loader = problem(Shrink(), always(sys.argv[1]))
try:
    trainer.fit(loader, epochs=5)
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_real_limit_on_real_files(tmp_path):
    command = [sys.executable, "-c", LIMITED, str(tmp_path), os.path.dirname(__file__)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = tmp_path / "last.safetensors"
    assert done.stdout.startswith("checkpoint: file too large for ")
    assert f"the state of step 12 in {last} is still good" in done.stdout
    trainer, _ = problem()
    load_checkpoint(last, trainer)
    assert trainer.position.step == 12
