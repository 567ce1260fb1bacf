"""The ledger of hashes, and what a run's folder is told."""

import csv
import hashlib
import json
import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import DataError
from tapegrad.train import Callback, HashLedger, Ledger, Run, Trainer, hash_model
from tapegrad.train.hashes import hash_arrays
from tapegrad.train.ledger import read_ledger
from tapegrad.utils.data import DataLoader, TensorDataset


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "x", "", {}, stamp=False)


def problem(*callbacks, **options):
    tg.manual_seed(1)
    inputs = tg.randn(40, 3)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, nn.MSELoss(), sgd, metrics={}, callbacks=callbacks, **options)
    return trainer, DataLoader(TensorDataset(inputs, inputs.sum(dim=1, keepdim=True)), batch_size=8)


# -- hashes ---------------------------------------------------------------------------------------------------------


def test_a_hash_is_of_names_dtypes_shapes_and_bits():
    base = {"a": np.arange(6.0), "b": np.zeros(2, np.float32)}
    assert hash_arrays(base) == hash_arrays(dict(reversed(base.items())))
    assert hash_arrays(base) == hash_arrays({k: tg.tensor(v) for k, v in base.items()})
    assert hash_arrays(base) == hash_arrays({**base, "a": np.arange(12.0)[::2] / 2})
    assert hash_arrays(base) == hash_arrays({**base, "a": np.arange(6.0).astype(">f8")})
    others = [
        {**base, "a": np.nextafter(base["a"], 9)},
        {**base, "a": base["a"].reshape(2, 3)},
        {**base, "a": base["a"].astype(np.float32)},
        {**base, "b": -base["b"]},  # -0.0 is another number in memory
        {"b": base["b"], "c": base["a"]},
        {**base, "c": np.zeros(0)},
    ]
    assert len({hash_arrays(other) for other in [base, *others]}) == 1 + len(others)
    assert hash_arrays(base, "text") != hash_arrays(base)


def test_the_hash_is_the_same_on_every_machine():
    array = np.array([1.0, -2.5], np.float32)
    bytes_of_all = b"w\n<f4\n(2,)\n" + bytes.fromhex("0000803f 000020c0")
    assert hash_arrays({"w": array}) == hashlib.sha256(bytes_of_all).hexdigest()


def test_the_hash_of_a_model_counts_its_buffers():
    model = nn.BatchNorm1d(2)
    before = hash_model(model)
    model(tg.randn(5, 2))
    assert hash_model(model) != before


# -- the ledger -----------------------------------------------------------------------------------------------------


def test_the_ledger_has_the_first_weights_and_those_of_every_epoch(run):
    hashes = []

    class Look(Callback):
        def on_fit_begin(self, trainer):
            hashes.append(hash_model(trainer.model))

        def on_epoch_end(self, trainer, record):
            hashes.append(hash_model(trainer.model))

    trainer, loader = problem(HashLedger(run), Look())
    trainer.fit(loader, epochs=3)
    lines = read_ledger(run)
    assert [(line["epoch"], line["step"]) for line in lines] == [(0, 0), (1, 5), (2, 10), (3, 15)]
    assert [line["sha256"] for line in lines] == hashes
    assert len(set(hashes)) == 4


def test_the_ledger_every_few_steps(run):
    trainer, loader = problem(HashLedger(run, every=2))
    trainer.fit(loader, epochs=2)
    places = [(line["epoch"], line["step"]) for line in read_ledger(run)]
    assert places == [(0, 0), (0, 2), (0, 4), (1, 5), (1, 6), (1, 8), (1, 10), (2, 10)]


def test_a_new_training_in_the_same_folder_begins_a_new_ledger(run):
    for _ in range(2):
        trainer, loader = problem(HashLedger(run))
        trainer.fit(loader, epochs=1)
    assert len(read_ledger(run)) == 2


def test_torn_and_foreign_lines_are_no_hashes(run):
    (run.folder / "ledger.jsonl").write_text('{"step": 1}\n[]\n{"step": 2, "sha256": "aa"}\n{"step": 3, "sha')
    assert read_ledger(run) == [{"step": 2, "sha256": "aa"}]


# -- the folder -----------------------------------------------------------------------------------------------------


def test_events_and_table_tell_the_epochs(run):
    trainer, loader = problem(Ledger(run))
    history = trainer.fit(loader, epochs=3)
    assert [event["event"] for event in run.events()] == ["start", "epoch", "epoch", "epoch"]
    logged = [{k: v for k, v in e.items() if k not in ("event", "time")} for e in run.events("epoch")]
    assert logged == history
    with open(run.folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{k: float(v) for k, v in row.items()} for row in rows] == history


def test_a_run_is_running_while_it_trains(run):
    seen = []

    class Look(Callback):
        def on_epoch_end(self, trainer, record):
            seen.append(run.status)

    trainer, loader = problem(Ledger(run), Look())
    trainer.fit(loader, epochs=1)
    assert seen == ["running"]


def test_ctrl_c_is_noted_with_step_and_time(run):
    class Press(Callback):
        def on_batch_end(self, trainer, batch):
            trainer.stopping = trainer.position.step == 7

    trainer, loader = problem(Ledger(run), Press())
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(loader, epochs=3)
    (event,) = run.events("interrupted")
    assert event["step"] == 7
    assert event["seconds"] > 0
    assert run.status == "interrupted"
    assert (run.folder / "metrics.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(DataError("x", "y", "z"), "failed"), (OSError(28, "full"), "interrupted"), (KeyboardInterrupt(), "interrupted")],
)
def test_how_a_training_ended_is_noted(run, error, status):
    class Fail(Callback):
        def on_batch_end(self, trainer, batch):
            raise error

    trainer, loader = problem(Ledger(run), Fail())
    with pytest.raises(type(error)):
        trainer.fit(loader, epochs=1)
    assert run.status == status
    assert run.events(status)[0]["reason"]


def test_a_disk_too_full_to_note_the_failure_does_not_hide_it(run, monkeypatch):
    class Fail(Callback):
        def on_batch_end(self, trainer, batch):
            monkeypatch.setattr("tapegrad.train.run.append_line", full)
            raise DataError("x", "the loss is nan", "z")

    def full(*_):
        raise OSError(28, "No space left on device")

    trainer, loader = problem(Ledger(run), Fail())
    with pytest.raises(DataError, match="the loss is nan"):
        trainer.fit(loader, epochs=1)


def test_records_that_are_not_finite_stay_valid_json(run):
    class Spoil(Callback):
        def on_epoch_end(self, trainer, record):
            record["score"] = math.nan

    trainer, loader = problem(Spoil(), Ledger(run))
    trainer.fit(loader, epochs=1)
    for line in (run.folder / "events.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    assert math.isnan(run.events("epoch")[0]["score"])
