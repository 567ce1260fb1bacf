"""Stopped anywhere and resumed, a training leaves the folder of one that was never stopped, to the bit."""

import csv

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.formats import load_file
from tapegrad.optim import lr_scheduler
from tapegrad.train import (
    Callback,
    Checkpoints,
    EarlyStopping,
    HashLedger,
    Ledger,
    Run,
    Statistics,
    Trainer,
    load_checkpoint,
)
from tapegrad.utils.data import DataLoader, TensorDataset

BATCHES = 6


def adam(parameters):
    return optim.Adam(parameters, lr=0.05)


def momentum(parameters):
    return optim.SGD(parameters, lr=0.05, momentum=0.9)


# What a training can be made of: each has a state of its own.
KINDS = {
    "plain": {},
    "momentum and a schedule by steps": {
        "optimizer": momentum,
        "scheduler": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=4 * BATCHES + 1),
        "schedule_every": "step",
    },
    "a schedule by epochs": {"scheduler": lambda o: lr_scheduler.CosineAnnealingLR(o, 4)},
    "a schedule by the loss": {"scheduler": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.5)},
    "averaged weights": {"ema": 0.9},
    "metrics": {"metrics": ["accuracy", "f1", "auroc", "confusion_matrix"]},
    "accumulated and clipped gradients": {"accumulate": 2, "clip_norm": 0.5},
    "a penalty": {"penalty": True},
    "a report every other epoch": {"report_every": 2},
    "early stopping": {"stopping": True},
    "steps": {"steps": 3 * BATCHES - 2},
}


def build(run, *, optimizer=adam, scheduler=None, penalty=False, stopping=False, steps=None, callbacks=(), **options):
    tg.manual_seed(1)
    inputs = tg.randn(45, 3)
    labels = (inputs.sum(dim=1) > 0).long()
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    chosen = optimizer(model.parameters())
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        chosen,
        scheduler=scheduler(chosen) if scheduler else None,
        penalty=(lambda: nn.utils.penalty(model[0], l2_weight=0.1)) if penalty else None,
        **options,
    )
    trainer.callbacks = [
        Ledger(run),
        HashLedger(run, every=1),
        Checkpoints(run.checkpoints, every=1, best="valid_loss", overhead=None, last_steps=2, last_seconds=None),
        Statistics(run.log),
        *([EarlyStopping("valid_loss", patience=1, min_delta=0.05)] if stopping else []),
        *callbacks,
    ]
    generator = tg.Generator()
    generator.manual_seed(3)
    train = DataLoader(TensorDataset(inputs, labels), batch_size=8, shuffle=True, generator=generator)
    valid = DataLoader(TensorDataset(inputs[:20], labels[:20]), batch_size=20)
    return lambda: trainer.fit(train, valid, epochs=None if steps else 4, steps=steps), trainer


class Killed(BaseException):
    pass


class StopAt(Callback):
    """Ends the training at a step: in good order, as Ctrl-C does, or at once, as a kill, or just before its report's state."""

    def __init__(self, step, how):
        self.step = step
        self.how = how

    def on_batch_end(self, trainer, batch):
        if trainer.position.step == self.step:
            if self.how == "kill":
                raise Killed
            trainer.stopping = self.how == "ctrl-c"

    def on_epoch_end(self, trainer, record):
        if trainer.position.step == self.step and self.how == "report":
            raise Killed


def without_clock(record):
    return {k: v for k, v in record.items() if k not in ("time", "seconds")}


def content(run):
    """All of a run's folder that must not depend on interruptions."""
    lives = ("start", "resumed", "interrupted", "failed")
    with open(run.folder / "metrics.csv", newline="") as file:
        table = [without_clock(row) for row in csv.DictReader(file)]
    return {
        "ledger": (run.folder / "ledger.jsonl").read_text().splitlines(),
        "events": [without_clock(e) for e in run.events() if e["event"] not in lives],
        "table": table,
    }


def states(run):
    paths = run.checkpoints.glob("*.safetensors")
    return {path.name: load_file(path) for path in paths if path.name != "last.previous.safetensors"}


def assert_same(run, whole):
    ours, theirs = content(run), content(whole)
    for name, expected in theirs.items():
        assert ours[name] == expected, name
    ours, theirs = states(run), states(whole)
    assert ours.keys() == theirs.keys()
    for name, tensors in theirs.items():
        assert ours[name].keys() == tensors.keys()
        for key, value in tensors.items():
            np.testing.assert_array_equal(ours[name][key].array, value.array, err_msg=f"{name}: {key}")


def resume(run, kind):
    fit, trainer = build(run, **KINDS[kind])
    if run.newest_checkpoint is not None:
        tg.manual_seed(999)
        load_checkpoint(run.newest_checkpoint, trainer)
    fit()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Uninterrupted trainings by kind."""
    runs = {}
    for kind in KINDS:
        runs[kind] = Run.create(tmp_path_factory.mktemp("whole"), "run", "", {}, stamp=False)
        build(runs[kind], **KINDS[kind])[0]()
    return runs


@pytest.mark.parametrize(
    ("step", "how"), [(3, "ctrl-c"), (6, "ctrl-c"), (7, "kill"), (12, "report"), (16, "ctrl-c"), (16, "report")]
)
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_and_resumed_it_is_the_same_training(tmp_path, whole, kind, step, how):
    run = Run.create(tmp_path, "run", "", {}, stamp=False)
    fit, trainer = build(run, **KINDS[kind], callbacks=[StopAt(step, how)])
    try:
        fit()
    except (KeyboardInterrupt, Killed):
        assert trainer.position.step == step
    resume(run, kind)
    assert_same(run, whole[kind])


def test_stopped_again_and_again(tmp_path, whole):
    run = Run.create(tmp_path, "run", "", {}, stamp=False)
    for step in (2, 3, 4, 11, 12, 13, 20):
        fit, trainer = build(run, **KINDS["metrics"], callbacks=[StopAt(step, "kill" if step % 2 else "ctrl-c")])
        if run.newest_checkpoint is not None:
            load_checkpoint(run.newest_checkpoint, trainer)
        with pytest.raises((KeyboardInterrupt, Killed)):
            fit()
    resume(run, "metrics")
    assert_same(run, whole["metrics"])
    assert len(run.events("resumed")) == 7
    assert len(run.events("interrupted")) == 4


def test_events_that_a_power_cut_took_come_back(tmp_path, whole):
    run = Run.create(tmp_path, "run", "", {}, stamp=False)
    fit, _ = build(run, callbacks=[StopAt(2 * BATCHES + 3, "ctrl-c")])
    with pytest.raises(KeyboardInterrupt):
        fit()
    (run.folder / "events.jsonl").write_bytes(b"")
    resume(run, "plain")
    epochs = [without_clock(e) for e in run.events("epoch")]
    assert epochs == [without_clock(e) for e in whole["plain"].events("epoch")]


def test_trained_on_for_more_epochs_the_last_state_is_where_it_begins(tmp_path):
    run = Run.create(tmp_path, "run", "", {}, stamp=False)
    build(run)[0]()
    _, trainer = build(run)
    load_checkpoint(run.newest_checkpoint, trainer)
    assert trainer.position.epoch == 4
    assert len(trainer.history) == 4
