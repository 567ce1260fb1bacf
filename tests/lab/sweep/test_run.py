"""Running trials in processes: in parallel, each alone, failures that stay rows, stopping and going on."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import sweep_fakes as fakes

from tapegrad.errors import ArgumentError, StateError
from tapegrad.lab.sweep import Failure, Sweep, make_plan, read_summary, run_sweep, write_tables
from tapegrad.train.process import locked

HERE = pathlib.Path(__file__).parent


def sweep_of(tmp_path, rates, seeds="1"):
    load = fakes.loader({"seed": 0, "optimizer": {"lr": float(rates.split(",")[0])}})
    return fakes.new_sweep(tmp_path, make_plan(load, [f"optimizer.lr={rates}"], name="tiny", seeds=seeds))


def starts(sweep):
    """For each trial the lines that its starts wrote: process, threads."""
    files = [sweep.run(trial).folder / "starts.txt" for trial in sweep.plan.trials]
    return [file.read_text().splitlines() if file.is_file() else [] for file in files]


def test_trials_run_in_processes_of_their_own_with_one_thread(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,0.2", seeds="2")
    before = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    os.environ["OPENBLAS_NUM_THREADS"] = "2"
    try:
        display = fakes.Noted()
        run_sweep(sweep, jobs=2, display=display, execute=fakes.execute)
        assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    lines = [line for (line,) in starts(sweep)]
    assert {line.split(" ", 1)[1] for line in lines} == {"1 1"}
    processes = {line.split()[0] for line in lines}
    assert 1 <= len(processes) <= 2
    assert str(os.getpid()) not in processes
    assert sweep.unfinished() == []
    assert display.said[0] == ("begin", 4, 0)
    assert display.said[-1] == ("end",)
    assert sorted(display.said[1:-1]) == sorted(
        [("started", n) for n in range(1, 5)] + [("ended", n, "finished") for n in range(1, 5)]
    )


def test_a_failed_trial_is_a_row_that_says_why_and_the_others_go_on(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,10,11,12,13,0.2")
    run_sweep(sweep, jobs=1, execute=fakes.execute)
    summary = read_summary(sweep)
    rows = dict(summary.of_factor("optimizer.lr"))
    assert {level: row.finished for level, row in rows.items()} == {
        "0.1": 1, "10": 0, "11": 0, "12": 0, "13": 0, "0.2": 1,
    }  # fmt: skip
    assert rows["10"].reasons() == "seed 0: the loss is nan at step 3 (rate 10)"
    assert rows["11"].reasons() == "seed 0: its process was killed from outside; there may have been too little memory"
    assert rows["12"].reasons() == "seed 0: ZeroDivisionError: in trials/0004/net.py"
    assert rows["13"].reasons() == "seed 0: SystemExit: 3"
    failures = {trial.levels["optimizer.lr"]: sweep.failure(trial) for trial in sweep.plan.trials}
    assert failures["10"] == Failure("the loss is nan at step 3 (rate 10)", "lower the learning rate", True)
    assert "ZeroDivisionError" in failures["12"].traceback
    assert failures["0.1"] is None
    write_tables(sweep, summary)
    text = (sweep.folder / "table.md").read_text()
    assert "| 0/1  | seed 0: the loss is nan at step 3 (rate 10)" in text
    assert str(tmp_path) not in text


def test_only_failures_that_would_repeat_themselves_are_kept(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,10,12,14")
    (sweep.folder / "file-is-missing").touch()
    run_sweep(sweep, jobs=1, execute=fakes.execute)
    assert [trial.levels["optimizer.lr"] for trial in sweep.unfinished()] == ["12", "14"]
    (sweep.folder / "file-is-missing").unlink()
    display = fakes.Noted()
    run_sweep(sweep, jobs=1, display=display, execute=fakes.execute)
    assert display.said[0] == ("begin", 4, 2)
    assert [len(lines) for lines in starts(sweep)] == [1, 1, 2, 2]
    assert [row.finished for row in read_summary(sweep).rows] == [1, 0, 0, 1]


def test_finished_trials_are_not_run_again(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,0.2")
    run_sweep(sweep, jobs=1, execute=fakes.execute)
    files = {p: p.stat().st_mtime_ns for p in sweep.folder.rglob("*") if p.is_file()}
    display = fakes.Noted()
    run_sweep(sweep, jobs=1, display=display, execute=fakes.execute)
    assert display.said == [("begin", 2, 2), ("end",)]
    assert {p: p.stat().st_mtime_ns for p in sweep.folder.rglob("*") if p.is_file()} == files


def tables_of(sweep):
    write_tables(sweep, read_summary(sweep))
    return {name: (sweep.folder / name).read_bytes() for name in ("table.md", "table.tex", "table.csv", "trials.csv")}


def test_the_number_of_jobs_and_the_place_change_no_byte_of_the_tables(tmp_path):
    found = []
    for jobs in (1, 3):
        sweep = sweep_of(tmp_path / str(jobs), "0.1,0.3,0.2,10", seeds="2")
        run_sweep(sweep, jobs=jobs, execute=fakes.execute)
        found.append(tables_of(sweep))
    assert found[0] == found[1]


def test_two_processes_cannot_run_one_sweep(tmp_path):
    pytest.importorskip("fcntl")
    sweep = sweep_of(tmp_path, "0.1,0.2")
    with locked(sweep.folder, "sweep"), pytest.raises(StateError, match="in use by another process"):
        run_sweep(sweep, jobs=1, execute=fakes.execute)
    assert starts(sweep) == [[], []]


def test_a_shared_lock_keeps_only_a_lone_one_out(tmp_path):
    pytest.importorskip("fcntl")
    with locked(tmp_path, "sweep", shared=True), locked(tmp_path, "sweep", shared=True):
        began = time.monotonic()
        with pytest.raises(StateError), locked(tmp_path, "sweep", wait=0.2):
            pass
        assert time.monotonic() - began >= 0.2
    with locked(tmp_path, "sweep"):
        pass


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_number_of_jobs_that_is_none(tmp_path, jobs):
    with pytest.raises(ArgumentError, match=f"{jobs} jobs"):
        run_sweep(sweep_of(tmp_path, "0.1,0.2"), jobs=jobs, execute=fakes.execute)


def wait_for(path, seconds=60):
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.02)


SCRIPT = """
import sys
sys.path.append({here!r})
import sweep_fakes as fakes
from tapegrad.lab.sweep import Sweep, run_sweep
if __name__ == "__main__":
    display = fakes.Noted()
    try:
        run_sweep(Sweep(sys.argv[1]), jobs=1, display=display, execute=fakes.execute)
    finally:
        print(display.said)
"""


def in_a_group(tmp_path, sweep, script=SCRIPT):
    path = tmp_path / "script.py"
    path.write_text(script.format(here=str(HERE)))
    command = [sys.executable, str(path), str(sweep.folder)]
    return subprocess.Popen(
        command, start_new_session=True, preexec_fn=fakes.heed_ctrl_c, stdout=-1, stderr=-1, text=True
    )


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the parent", "to all, as a terminal does"])
def test_a_ctrl_c_reaches_a_running_trial_once_and_lets_it_save(tmp_path, send):
    sweep = sweep_of(tmp_path, "15,0.1,0.2")
    waiting = sweep.run(sweep.plan.trials[0]).folder
    process = in_a_group(tmp_path, sweep)
    wait_for(waiting / "waiting")
    send(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert (waiting / "saved.txt").read_text() == "1"
    told = [("begin", 3, 0), ("started", 1), ("stopping",), ("ended", 1, "stopped"), ("end",)]
    assert printed == f"{told}\n"
    assert said.count("Traceback") == 1, said
    assert "KeyboardInterrupt" in said
    assert len(sweep.unfinished()) == 3


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_a_worker_ends_with_its_parent(tmp_path):
    """Else it would write into a trial's folder that a resumed sweep has taken up."""
    sweep = sweep_of(tmp_path, "15,0.1")
    waiting = sweep.run(sweep.plan.trials[0]).folder
    process = in_a_group(tmp_path, sweep)
    wait_for(waiting / "waiting")
    worker = int(starts(sweep)[0][0].split()[0])
    process.kill()
    process.communicate()
    until = time.monotonic() + 20
    while alive(worker):
        assert time.monotonic() < until, "the worker outlived its parent"
        time.sleep(0.02)
    assert not (waiting / "saved.txt").exists()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_script_without_a_guard_gets_one_sentence(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,0.2")
    script = SCRIPT.replace('if __name__ == "__main__":', "if True:")
    said = in_a_group(tmp_path, sweep, script).communicate(timeout=60)[1]
    assert "a worker process ended before it began; call it from a file, under if __name__ == '__main__':" in said
    assert all(sweep.failure(trial) is None for trial in sweep.plan.trials)


# -- the folder -----------------------------------------------------------------------------------------------------------


def test_a_sweep_is_found_by_path_and_by_name(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,0.2")
    assert Sweep.find(sweep.folder).folder == sweep.folder
    assert Sweep.find(sweep.folder.name, tmp_path).folder == sweep.folder
    with pytest.raises(ArgumentError, match=f"did you mean '{sweep.folder.name}'"):
        Sweep.find(sweep.folder.name + "x", tmp_path)
    with pytest.raises(ArgumentError, match="there is no sweep under"):
        Sweep.find("x", tmp_path / "nowhere")


def test_two_sweeps_of_one_second_get_two_folders(tmp_path):
    assert sweep_of(tmp_path, "0.1,0.2").folder != sweep_of(tmp_path, "0.1,0.2").folder


def test_a_repeated_report_counts_once_in_the_history(tmp_path):
    sweep = sweep_of(tmp_path, "0.1,0.2")
    trial = sweep.plan.trials[0]
    run = sweep.run(trial)
    run.folder.mkdir()
    for step, loss in ((1, 0.5), (2, 0.4), (2, 0.25), (3, 0.2)):
        run.log("epoch", step=step, loss=loss, seconds=1.0)
    assert sweep.history(trial) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}, {"step": 3, "loss": 0.2}]
