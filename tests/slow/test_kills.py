"""Killed at any moment and resumed, a training ends with the bits of one that never was."""

import csv
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tapegrad.formats import load_file
from tapegrad.train import Run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")

SCRIPT = pathlib.Path(__file__).with_name("short_training.py")
KINDS = ("write", "fsync", "link", "replace", "append")


def start(run, *arguments):
    # One bit differs when another number of threads sums a product.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(run.folder), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(run):
    process = start(run)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors == ""


def kill_after(run, seconds):
    """Start the training and kill it after a time; return whether it was killed before its end."""
    process = start(run)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0)
    return process.returncode != 0


def kill_in(run, kind, count):
    """Start the training, which kills itself at the count-th operation; return whether it came to that."""
    process = start(run, kind, count)
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGKILL, 0), errors
    return process.returncode != 0


def new_run(parent, name="run"):
    return Run.create(parent, name, "", {}, stamp=False)


def course(run):
    """The events that must be those of a training that never stopped, without the clock's."""
    kept = [e for e in run.events() if e["event"] not in ("start", "resumed")]
    return [{k: v for k, v in e.items() if k not in ("time", "seconds")} for e in kept]


def table(run):
    with open(run.folder / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def states(run):
    paths = run.folder.glob("*/*.safetensors")
    return {path.name: load_file(path) for path in paths if path.name != "last.previous.safetensors"}


def assert_same(run, whole):
    assert run.result == whole.result
    assert (run.folder / "ledger.jsonl").read_bytes() == (whole.folder / "ledger.jsonl").read_bytes()
    assert course(run) == course(whole)
    assert table(run) == table(whole)
    ours, theirs = states(run), states(whole)
    assert ours.keys() == theirs.keys()
    for name, tensors in theirs.items():
        assert ours[name].keys() == tensors.keys()
        for key, value in tensors.items():
            np.testing.assert_array_equal(ours[name][key].array, value.array, err_msg=f"{name}: {key}")
    assert [p.name for p in run.folder.rglob("*.tmp")] == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that was left alone, and how long it took."""
    run = new_run(tmp_path_factory.mktemp("whole"))
    started = time.perf_counter()
    finish(run)
    return run, time.perf_counter() - started


def test_the_training_is_worth_being_killed(whole):
    run, _ = whole
    names = {"initial", "last", "best", "epoch-0003", "epoch-0006", *(f"step-{n:06d}" for n in (0, 38, 76, 114, 152))}
    assert set(states(run)) == {f"{name}.safetensors" for name in names}
    assert len(run.events("epoch")) == len(table(run)) == 8
    assert len(run.events("statistics")) == 1 + 8
    hashes = (run.folder / "ledger.jsonl").read_text().splitlines()
    assert len(hashes) == len(set(hashes)) == 1 + 8 + 8 * 19 // 5


@pytest.mark.parametrize(("kind", "count"), [("write", 40), ("link", 5), ("replace", 15), ("append", 20)])
def test_killed_once_while_it_writes(tmp_path, whole, kind, count):
    run = new_run(tmp_path)
    assert kill_in(run, kind, count)
    assert run.status == "interrupted"
    finish(run)
    assert_same(run, whole[0])
    assert run.status == "finished"


def test_killed_at_a_moment_and_again_while_it_begins(tmp_path, whole):
    run = new_run(tmp_path)
    kill_after(run, whole[1] * 0.7)  # or it was at its end already: the next assertions hold all the same
    assert kill_in(run, "append", 1)
    assert kill_in(run, "fsync", 2)
    finish(run)
    assert_same(run, whole[0])


@pytest.mark.slow
def test_a_hundred_kills(tmp_path, whole):
    uninterrupted, seconds = whole
    chance = random.Random(20261121)
    kills = dict.fromkeys(("moment", *KINDS), 0)
    resumed = 0
    while sum(kills.values()) < 100:
        run = new_run(tmp_path)
        for _ in range(chance.randint(1, 6)):
            kind = chance.choice(["moment", "moment", "moment", *KINDS])
            if kind == "moment":
                killed = kill_after(run, chance.uniform(0.4, 1.0) * seconds)
            else:
                killed = kill_in(run, kind, chance.randint(1, 60))
            kills[kind] += killed
        finish(run)
        assert_same(run, uninterrupted)
        resumed += len(run.events("resumed"))
    print(f"{sum(kills.values())} kills ({kills}), {resumed} times resumed, every time the same bits")
