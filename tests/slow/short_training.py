"""A short training of the digits in a run's folder, which may be killed and started again at any moment.

``short_training.py FOLDER [KIND COUNT]``: with KIND and COUNT the process kills itself at the COUNT-th ``write`` (half way
through it), ``fsync``, ``link`` or ``replace`` of a checkpoint, or after the ``append`` of half a line.
"""

import os
import signal
import sys

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.formats import atomic
from tapegrad.train import (
    Checkpoints,
    EarlyStopping,
    HashLedger,
    Ledger,
    Run,
    Snapshots,
    Statistics,
    Trainer,
    hash_model,
    lines,
    load_checkpoint,
)
from tapegrad.utils.data import DataLoader, TensorDataset
from tapegrad.vision import datasets

EPOCHS = 8


def build(run):
    tg.manual_seed(5)
    images, labels = datasets.Digits(train=True).tensors()
    generator = tg.Generator()
    generator.manual_seed(7)
    train = TensorDataset(images[:300], labels[:300])
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 10)
    )
    adam = optim.Adam(model.parameters(), lr=0.01)
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        adam,
        scheduler=optim.lr_scheduler.OneCycleLR(adam, 0.02, total_steps=EPOCHS * 19 + 1),
        schedule_every="step",
        metrics=["accuracy", "auroc"],
        clip_norm=1.0,
        ema=0.95,
        callbacks=[
            Checkpoints(run.checkpoints, every=3, best="valid_loss", last_steps=4, last_seconds=None, overhead=None),
            Ledger(run),
            HashLedger(run, every=5),
            Statistics(run.log),
            Snapshots(run.folder / "snapshots", every=2),
            EarlyStopping("valid_loss", patience=5),
        ],
    )
    loader = DataLoader(train, batch_size=16, shuffle=True, generator=generator)
    return trainer, loader, DataLoader(TensorDataset(images[300:400], labels[300:400]), batch_size=100)


def die_at(kind, count):
    left = [count]

    def dying(function, work=None):
        def wrapped(*arguments):
            left[0] -= 1
            if left[0] == 0:
                if work is not None:
                    work(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return wrapped

    if kind == "append":
        half = lambda descriptor, data: os.write(descriptor, data[: len(data) // 2])  # noqa: E731
        lines.write_all = dying(lines.write_all, half)
    elif kind == "write":
        open_file = os.fdopen

        class Dying:
            def __init__(self, file):
                self.file = file
                self.write = dying(file.write, self.half)

            def half(self, data):
                self.file.write(bytes(data)[: len(data) // 2])
                self.file.flush()

            def __getattr__(self, name):
                return getattr(self.file, name)

            def __enter__(self):
                return self

            def __exit__(self, *details):
                return self.file.__exit__(*details)

        atomic.os.fdopen = lambda *arguments: Dying(open_file(*arguments))
    else:
        setattr(atomic.os, kind, dying(getattr(os, kind)))


def main(folder, kind=None, count="0"):
    run = Run(folder)
    trainer, train, valid = build(run)
    if kind is not None:
        die_at(kind, int(count))
    if run.newest_checkpoint is not None:
        load_checkpoint(run.newest_checkpoint, trainer)
    trainer.fit(train, valid, epochs=EPOCHS)
    run.write_result({"sha256": hash_model(trainer.model), "valid": trainer.evaluate(valid)})


if __name__ == "__main__":
    main(*sys.argv[1:])
