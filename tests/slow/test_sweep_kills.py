"""A sweep killed ten times, workers and all, at random moments, and resumed each time: the table is the same to the byte."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("click")
pytest.importorskip("matplotlib")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups"),
]

KILLS = 10
TABLES = ("table.md", "table.tex", "table.csv", "trials.csv")
SWEEP = [
    "digits", "training.epochs=80", "model={layers: [64, 16, 10], dropout: 0.2}", "--seeds", "2",
    "--vary", "optimizer.lr=5e-3,1e-2,1e30", "--vary", "data.batch_size=32,128",
]  # fmt: skip


def start(*arguments):
    command = [sys.executable, "-m", "tapegrad", "sweep", *arguments, "--jobs", "2"]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def newest(parent):
    """The folder of the last sweep that was begun; None when the kill came before its plan was written."""
    plans = sorted(pathlib.Path(parent).glob("*/sweep.json"), key=lambda path: path.stat().st_mtime_ns)
    return plans[-1].parent if plans else None


def tables_of(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


def size_of(parent):
    """How many bytes the trials have reported."""
    return sum(path.stat().st_size for path in parent.glob("*/trials/*/events.jsonl"))


def killed(process, parent, generator, training):
    """Kill a sweep, workers and all, at a random moment; while it trains when ``training``. False when it ended first."""
    if training:
        before = size_of(parent)
        while size_of(parent) <= before and process.poll() is None:
            time.sleep(0.01)
    try:
        process.communicate(timeout=generator.uniform(0, 1.5) if training else generator.uniform(0.2, 5.0))
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True


def test_ten_kills_leave_the_identical_table(tmp_path):
    process = start(*SWEEP, "--sweeps", str(tmp_path / "whole"))
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    expected = tables_of(newest(tmp_path / "whole"))
    generator = random.Random(0)
    parent, kills, resumed, torn = tmp_path / "killed-0", 0, 0, 0
    finished = False
    while kills < KILLS or not finished:
        folder = newest(parent)
        process = start("--resume", str(folder)) if folder else start(*SWEEP, "--sweeps", str(parent))
        if kills < KILLS and killed(process, parent, generator, training=kills % 3 > 0):
            kills += 1
            torn += sum(1 for _ in parent.rglob("*.tmp"))
            continue
        process.communicate()
        assert process.returncode == 0
        assert tables_of(newest(parent)) == expected
        resumed += sum('"resumed"' in path.read_text() for path in parent.glob("*/trials/*/events.jsonl"))
        finished = kills == KILLS
        parent = tmp_path / f"killed-{kills}"  # it ended before its tenth kill: begin another
    print(f"{kills} kills; {resumed} trials went on from a checkpoint; {torn} half-written files were left behind")
    assert resumed > 0
