"""Stand-ins for configurations and trials, which take no time; worker processes import this file by its name."""

import json
import os
import pathlib
import signal
import time

import yaml

from tapegrad.errors import ArgumentError, DataError
from tapegrad.lab.sweep import Display, Sweep
from tapegrad.train import Run


class FakeConfig:
    """A configuration that holds any keys; two with the same values are equal, however they were written."""

    def __init__(self, values):
        self.values = values
        self.seed = values.get("seed", 0)
        self.metrics = None

    def __eq__(self, other):
        return self.values == other.values

    __hash__ = None

    def model_dump(self, mode="python", exclude_unset=False):
        return json.loads(json.dumps(self.values))


def loader(own, asked=None):
    """Return a loader of configurations around ``own``; rates must be numbers above zero. ``asked`` notes the calls."""

    def load(overrides=()):
        if asked is not None:
            asked.append(list(overrides))
        values = json.loads(json.dumps(own))
        for text in overrides:
            key, _, value = text.partition("=")
            *path, last = key.split(".")
            place = values
            for part in path:
                place = place.setdefault(part, {})
            value = yaml.safe_load(value)
            place[last] = float(value) if last == "lr" else value
        if values.get("optimizer", {}).get("lr", 1) <= 0:
            raise ArgumentError("recipe", f"optimizer.lr is {values['optimizer']['lr']}", "give a number above 0")
        return FakeConfig(values)

    return load


def execute(sweep, trial, callbacks, pictures):
    """A trial whose accuracy is made of its rate and seed; some rates fail, in the ways that trainings do."""
    run = sweep.run(trial)
    run.folder.mkdir(exist_ok=True)
    rate = float(trial.levels.get("optimizer.lr", "0.1"))
    with open(run.folder / "starts.txt", "a") as file:
        file.write(f"{os.getpid()} {os.environ.get('OPENBLAS_NUM_THREADS')} {os.environ.get('OMP_NUM_THREADS')}\n")
    if rate == 10:
        raise DataError("train", f"the loss is nan at step 3 (rate {rate:g})", "lower the learning rate")
    if rate == 11:
        os.kill(os.getpid(), signal.SIGKILL)
    if rate == 12:
        raise ZeroDivisionError(f"in {run.folder}/net.py")
    if rate == 13:
        raise SystemExit(3)
    if rate == 14 and (sweep.folder / "file-is-missing").exists():
        raise ArgumentError("data", "there is no file x.npz", "set TAPEGRAD_DATA")
    if rate == 15:
        print("printed by the trial")
        wait_for_stop(run.folder, callbacks)
    for step in (1, 2):
        run.log("epoch", epoch=step, step=step, loss=rate / step, accuracy=1 - rate / step, seconds=0.5)
    accuracy = 1 - rate / 2 + trial.seed / 1000
    run.write_result({"test_accuracy": accuracy, "train_loss": rate, "steps": 2, "seconds": time.time()})


class FakeTrainer:
    class position:
        epoch, step = 0, 1

    total_steps = 10


def heed_ctrl_c():
    """Undo what shells do to processes in the background: that they do not see Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_stop(folder, callbacks):
    """Train until told to stop, and save the state then, as a training does."""
    (folder / "waiting").touch()
    caught = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append(time.monotonic()))
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for callback in callbacks:
            callback.on_batch_end(FakeTrainer(), {"loss": 1.0})
        if caught and until > caught[0] + 0.5:  # go on a little: a second signal would come now
            until = caught[0] + 0.5
            os.kill(os.getpid(), signal.SIGINT)  # as an impatient person sends it
        time.sleep(0.01)
    (folder / "saved.txt").write_text(str(len(caught)))
    raise KeyboardInterrupt


def new_sweep(parent, plan):
    return Sweep.create(parent, plan, "seed: 0\n")


def finished_run(folder, **result):
    run = Run(pathlib.Path(folder))
    run.folder.mkdir(parents=True)
    run.write_result(result)
    return run


class Noted(Display):
    def __init__(self):
        self.said = []

    def begin(self, total, done):
        self.said.append(("begin", total, done))

    def started(self, trial):
        self.said.append(("started", trial.number))

    def ended(self, trial, outcome, seconds):
        self.said.append(("ended", trial.number, outcome.status))

    def stopping(self):
        self.said.append(("stopping",))

    def end(self):
        self.said.append(("end",))
