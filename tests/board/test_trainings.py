"""Trainings that are started and stopped from the page."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tapegrad.board import trainings
from tapegrad.board.trainings import Trainings
from tapegrad.train import Run

from .conftest import Client, serving

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="processes are looked up in /proc")
SHORT = {"training.epochs": 2, "training.compile": False}


def until(holds, seconds=180):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)
    return found


def status_of(client, number):
    return client.fetch(f"/api/runs/{number}")["status"]


def test_a_training_is_started_from_the_page_and_its_curve_grows(client, runs):
    status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": SHORT})
    assert status == 200, said
    page = client.fetch(f"/api/runs/{said['id']}")
    assert page["config"]["training.epochs"] == 2
    until(lambda: status_of(client, said["id"]) == "finished")
    curve = client.fetch(f"/api/runs/{said['id']}/series?names=loss")["series"]["loss"]
    assert len(curve["step"]) == 2
    run = Run(runs / page["name"])
    assert (run.result or {})["epochs"] == 2
    # When its process has ended there is nothing to stop any more.
    until(lambda: client.board.trainings._processes[said["id"]].poll() is not None)
    assert client.post(f"/api/trainings/{said['id']}/stop", {})[0] == 404


def test_a_training_is_stopped_as_ctrl_c_stops_it(client, runs):
    status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": {"training.epochs": 100_000}})
    assert status == 200, said
    number = said["id"]
    until(lambda: client.fetch(f"/api/runs/{number}/series")["last_step"] > 0)
    assert status_of(client, number) == "running"
    assert client.post(f"/api/trainings/{number}/stop", {}) == (200, {})
    until(lambda: status_of(client, number) == "interrupted")
    run = Run(runs / client.fetch(f"/api/runs/{number}")["name"])
    assert run.events("interrupted")
    assert run.newest_checkpoint is not None


@pytest.mark.parametrize("number", [1, 99])
def test_only_trainings_of_this_board_are_stopped(client, number):
    status, said = client.post(f"/api/trainings/{number}/stop", {})
    assert status == 404
    assert "Ctrl-C" in said["error"]["fix"]


OUTSIDE = [
    {"model.module": "FILE:Net", "model.layers": None}, {"model": {"module": "FILE:Net"}}, {"data.set": "csv", "data.arguments": {"path": "FILE"}},
    {"data": {"set": "csv", "arguments": {"path": "FILE"}}}, {"data.set": "CSV"}, {"data.set": "C S_V"}, {"data.set": "folder"}, {"data.set": "npz"},
    {"data.arguments.path": "FILE"}, {"data.root": "FOLDER"}, {"data.exclude": "FILE"}, {"initial_weights": "FILE"},
    {"data.set": ["csv"]}, {"data.arguments": {"folder": "FOLDER"}},
]  # fmt: skip


@pytest.mark.parametrize("overrides", OUTSIDE, ids=lambda given: ",".join(given))
def test_no_override_reads_a_file_or_runs_one(client, runs, tmp_path, overrides):
    secret = tmp_path / "net.py"
    touched = tmp_path / "touched"
    secret.write_text(f"open({str(touched)!r}, 'w')\nclass Net: pass\n")
    text = json.dumps(overrides).replace("FILE", str(secret)).replace("FOLDER", str(tmp_path))
    before = set(runs.iterdir())
    status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": json.loads(text)})
    assert status == 400
    assert "own files" in said["error"]["what"], said
    assert not touched.exists()
    assert set(runs.iterdir()) == before


WRONG = [
    ("digit", {}), ("../digits", {}), ("/etc/passwd", {}), ("--help", {}), (None, {}), (["digits"], {}), ("digits", []), ("digits", None),
    ("digits", {"--runs": "/tmp"}), ("digits", {"a b": 1}), ("digits", {"": 1}), ("digits", {"training.epochs": "x"}),
    ("digits", {"nothing.like.it": 1}), ("digits", {"training.epochs": 0}), ("digits", {"title": "x" * 20_000}),
    ("digits", {f"a{i}": 1 for i in range(101)}), ("digits", {"optimizer.lr": float("nan")}),
    ("digits", {"training.epochs=3 --runs": 1}), ("digits", {"training.epochs\n": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("recipe", "overrides"), WRONG, ids=lambda value: repr(value)[:30])
def test_what_cannot_be_trained_is_refused_before_anything_starts(client, runs, monkeypatch, recipe, overrides):
    monkeypatch.setattr(Trainings, "_launch", lambda *given: pytest.fail("it was started"))
    status, said = client.post("/api/trainings", {"recipe": recipe, "overrides": overrides})
    assert status == 400
    assert said["error"]["what"]


def test_texts_stay_texts():
    assert trainings._override("title", "no: {yes}") == 'title="no: {yes}"'
    assert trainings._override("model.layers", [64, 10]) == "model.layers=[64, 10]"


def test_a_training_that_ends_before_it_begins_says_why(client, monkeypatch):
    monkeypatch.setattr(
        sys, "executable", _program(client, "echo 'tapegrad: data: there is no such file; look for it'; exit 2")
    )
    status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": {}})
    assert status == 400
    assert said["error"]["what"] == "data: there is no such file; look for it"


def test_only_so_many_run_at_a_time(client, monkeypatch):
    monkeypatch.setattr(trainings, "_MOST", 0)
    assert client.post("/api/trainings", {"recipe": "digits", "overrides": SHORT})[0] == 429


def test_a_training_from_a_board_over_one_run_lies_beside_it(runs):
    with serving(runs / "spiral") as client:
        assert client.fetch("/api/session")["home"] == str(runs)
        status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": SHORT})
        assert status == 200, said
        until(lambda: status_of(client, said["id"]) == "finished")
        name = client.fetch(f"/api/runs/{said['id']}")["name"]
        assert {run["name"] for run in client.fetch("/api/runs")["runs"]} == {"spiral", name}
    assert Run(runs / name).result


def state_of(pid):
    """Return the letter of a process's state, None when there is none of that number."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


@needs_proc
def test_a_training_that_is_killed_is_interrupted_and_leaves_no_zombie(client):
    status, said = client.post("/api/trainings", {"recipe": "digits", "overrides": {"training.epochs": 100_000}})
    assert status == 200, said
    number = said["id"]
    until(lambda: client.fetch(f"/api/runs/{number}/series")["last_step"] > 0)
    process = client.board.trainings._processes[number]
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: status_of(client, number) == "interrupted")
    until(lambda: state_of(process.pid) is None)


def children_of(pid):
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def a_process_of_its_own(folder):
    """Give a client of `tapegrad board` in a process of its own, and the process."""
    command = [sys.executable, "-m", "tapegrad", "board", str(folder), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().decode().strip().rstrip("/").rpartition(":")[2])
            yield Client("127.0.0.1", port, None), process
        finally:
            process.kill()


@needs_proc
def test_a_board_that_is_killed_leaves_its_trainings_and_nothing_else(runs, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    training = None
    try:
        with a_process_of_its_own(runs) as (client, board):
            assert client.post("/api/playground", {"spec": {"points": 60}})[0] == 200
            client.fetch(f"/api/runs/{client.number_of('spiral')}/graph")
            workers = children_of(board.pid)
            assert len(workers) == 2
            _, said = client.post("/api/trainings", {"recipe": "digits", "overrides": {"training.epochs": 100_000}})
            run = Run(runs / client.fetch(f"/api/runs/{said['id']}")["name"])
            (training,) = set(children_of(board.pid)) - set(workers)
            board.kill()
        # Whoever takes in the orphans may not clear them away: then they are zombies.
        until(lambda: all(state_of(pid) in (None, "Z") for pid in workers))
        until(lambda: not list((tmp_path / "scratch").iterdir()))
        before = len(run.events("epoch"))
        until(lambda: len(run.events("epoch")) > before)
        with serving(runs) as client:
            number = client.number_of(run.name)
            assert status_of(client, number) == "running"
            os.kill(training, signal.SIGKILL)
            until(lambda: status_of(client, number) == "interrupted")
    finally:
        if training is not None and state_of(training) not in (None, "Z"):
            os.kill(training, signal.SIGKILL)


def test_trainings_go_on_when_the_board_ends(runs):
    with serving(runs) as client:
        _, said = client.post("/api/trainings", {"recipe": "digits", "overrides": {"training.epochs": 3000}})
        name = client.fetch(f"/api/runs/{said['id']}")["name"]
        process = client.board.trainings._processes[said["id"]]
    try:
        assert process.poll() is None
        # Ctrl-C in the board's terminal is not for it.
        assert os.getsid(process.pid) == process.pid
        run = Run(runs / name)
        before = len(run.events("epoch"))
        until(lambda: len(run.events("epoch")) > before + 5)
    finally:
        process.kill()
        process.wait()


def _program(client, text):
    path = pathlib.Path(client.board.library.home).parent / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)
    return str(path)
