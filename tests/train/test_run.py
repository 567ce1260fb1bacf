"""The run folder: what is in it, what survives a kill, and whose it is."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError, DataError, FileFormatError
from tapegrad.train import Run, environment, list_runs
from tapegrad.train.environment import decisive_differences
from tapegrad.train.process import is_running, this_process


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "x", "seed: 0\n", {"numpy": np.__version__}, stamp=False)


# -- the folder -----------------------------------------------------------------------------------------------------


def test_a_new_run_has_recipe_and_environment(tmp_path):
    run = Run.create(tmp_path, "mnist", "title: 手写\n")
    assert run.recipe == "title: 手写\n"
    assert run.environment["numpy"] == np.__version__
    assert run.name.startswith("mnist-2")
    assert run.checkpoints.is_dir()
    assert run.pictures.is_dir()
    assert run.result is None


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    names = [Run.create(tmp_path, "x", "", {}, stamp=False).name for _ in range(3)]
    assert names == ["x", "x-2", "x-3"]


def test_two_runs_in_one_second_get_two_folders(tmp_path):
    assert len({Run.create(tmp_path, "x", "", {}).folder for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist/best", "mnist-best"),
        ("../../etc", "etc"),
        ("a b\n\0c", "a-b-c"),
        ("手写.yaml", "手写.yaml"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("", "run"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_become_folders_directly_under_the_parent(tmp_path, name, folder):
    run = Run.create(tmp_path, name, "", {}, stamp=False)
    assert run.folder == tmp_path / folder


def test_a_parent_that_is_a_file_is_named(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="runs") as caught:
        Run.create(tmp_path / "runs", "x", "", {})
    assert isinstance(caught.value, (NotADirectoryError, FileExistsError))


def test_a_run_is_found_by_path_and_by_name_and_guessed(tmp_path, run):
    assert Run.find(run.folder).folder == run.folder
    assert Run.find("x", tmp_path).folder == run.folder
    Run.create(tmp_path, "spiral", "", {}, stamp=False)
    with pytest.raises(ArgumentError, match="there is no run 'spirl'; did you mean 'spiral'"):
        Run.find("spirl", tmp_path)
    with pytest.raises(ArgumentError, match="train one first"):
        Run.find("x", tmp_path / "none")


def test_runs_are_listed_in_their_order_and_other_folders_are_not(tmp_path):
    for i, name in enumerate("cab"):
        os.utime(Run.create(tmp_path, name, "", {}, stamp=False).folder / "recipe.yaml", (i, i))
    (tmp_path / "other").mkdir()
    (tmp_path / "recipe.yaml").write_text("")
    assert [run.name for run in list_runs(tmp_path)] == ["c", "a", "b"]
    assert list_runs(tmp_path / "none") == []


# -- events ---------------------------------------------------------------------------------------------------------


def append(run, data):
    with open(run.folder / "events.jsonl", "ab") as file:
        file.write(data)


def test_events_come_back_by_kind(run):
    run.log("epoch", epoch=1, loss=np.float32(0.5))
    run.log("statistics", step=3, layers={"fc1": {"mean": np.arange(2.0), "max": tg.tensor(1)}})
    assert [e["loss"] for e in run.events("epoch")] == [0.5]
    assert run.events("statistics")[0]["layers"] == {"fc1": {"mean": [0.0, 1.0], "max": 1}}
    assert [e["event"] for e in run.events()] == ["epoch", "statistics"]


def test_each_event_is_one_write(run, monkeypatch):
    written = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(data) or write(fd, data))
    append(run, b'{"event": "ep')
    run.log("epoch", epoch=1)
    run.log("epoch", epoch=2)
    assert [data.count(b"\n") for data in written] == [2, 1]


def test_an_event_after_a_torn_line_is_not_lost(run):
    run.log("epoch", epoch=1)
    append(run, b'{"event": "epoch", "epo')
    assert [e["epoch"] for e in run.events("epoch")] == [1]
    run.log("epoch", epoch=2)
    run.log("epoch", epoch=3)
    assert [e["epoch"] for e in run.events("epoch")] == [1, 2, 3]
    run.rewind(10, 10)
    assert len((run.folder / "events.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("line", [b"null", b"[]", b"5", b"\xff\xfe", b"{", b'"epoch"', b"[" * 100_000, b"\0"])
def test_lines_that_are_no_events_are_passed_over(run, line):
    append(run, line + b"\n")
    assert run.events("epoch") == run.events() == []
    assert run.status == "interrupted"


def test_numbers_that_are_not_finite_are_valid_json_and_come_back(run):
    values = {"nan": math.nan, "up": math.inf, "deep": [{"down": -math.inf}], "array": np.array([math.nan, 1.0])}
    run.log("epoch", text="fine", **values)

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((run.folder / "events.jsonl").read_text(), parse_constant=refuse)
    (event,) = run.events("epoch")
    assert math.isnan(event["nan"])
    assert math.isnan(event["array"][0])
    assert event["array"][1] == 1.0
    assert event["up"] == math.inf
    assert event["deep"] == [{"down": -math.inf}]
    assert event["text"] == "fine"


def test_a_disk_that_fills_up_inside_a_line_is_named_and_the_next_line_is_whole(run, monkeypatch):
    write = os.write

    def full_after_five(descriptor, data):
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:-10])

    monkeypatch.setattr(os, "write", full_after_five)
    with pytest.raises(OSError, match="No space left") as caught:
        run.log("epoch", epoch=1)
    assert caught.value.filename == str(run.folder / "events.jsonl")
    monkeypatch.undo()
    run.log("epoch", epoch=2)
    assert [e["epoch"] for e in run.events("epoch")] == [2]


def test_rewinding_takes_back_what_comes_after_the_position(run):
    for epoch, step in ((1, 5), (2, 10), (3, 15)):
        run.log("statistics", epoch=epoch - 1, step=step)
        run.log("epoch", epoch=epoch, step=step)
    run.log("interrupted", step=15)
    run.rewind(10, 1)  # all updates of the second epoch are done, and the epoch is not
    assert [(e["event"], e["epoch"]) for e in run.events() if "epoch" in e] == [
        ("statistics", 0),
        ("epoch", 1),
        ("statistics", 1),
    ]
    assert len(run.events("interrupted")) == 1


def test_rewinding_where_nothing_comes_after_leaves_the_file_alone(run):
    run.log("epoch", epoch=1, step=5)
    before = (run.folder / "events.jsonl").stat()
    run.rewind(5, 1)
    after = (run.folder / "events.jsonl").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


# -- the table, the result, the environment -------------------------------------------------------------------------


def test_the_table_has_a_column_for_each_key(run):
    run.write_table([{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "valid_loss": 3.0}])
    assert (run.folder / "metrics.csv").read_text() == "epoch,loss,valid_loss\n1,0.30000000000000004,\n2,,3.0\n"


def test_the_table_is_written_whole_or_not_at_all(run, monkeypatch):
    run.write_table([{"epoch": 1}])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"metrics\.csv"):
        run.write_table([{"epoch": 1}, {"epoch": 2}])
    assert (run.folder / "metrics.csv").read_text() == "epoch\n1\n"


def test_a_result_comes_back_and_finishes_the_run(run):
    assert run.status == "interrupted"
    run.write_result({"test_accuracy": np.float64(0.5), "loss": math.nan})
    assert run.result is not None
    assert run.result["test_accuracy"] == 0.5
    assert math.isnan(run.result["loss"])
    assert run.status == "finished"


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000])
def test_a_damaged_result_is_named(run, content):
    (run.folder / "result.json").write_text(content)
    with pytest.raises(FileFormatError, match=r"result\.json: "):
        _ = run.result


def test_a_recipe_that_is_no_text_is_named(run):
    (run.folder / "recipe.yaml").write_bytes(b"\xff")
    with pytest.raises(FileFormatError, match=r"recipe\.yaml: is no text"):
        _ = run.recipe


def test_data_that_changed_since_the_run_began_is_refused(run):
    run.write_sources({"train.npz": "aa", "test.npz": "bb"})
    assert run.environment["data"] == {"train.npz": "aa", "test.npz": "bb"}
    assert run.environment["threads"] >= 1
    run.write_sources({"train.npz": "aa"})
    with pytest.raises(DataError, match=r"test\.npz: has SHA-256 cc.*bb.* when the run x began; restore"):
        run.write_sources({"test.npz": "cc"})


def test_the_environment_says_what_bits_depend_on():
    found = environment()
    assert found["threads"] >= 1
    assert found["cores"] >= 1
    assert found["blas"]
    json.dumps(found)
    assert decisive_differences(found, found) == {}
    assert decisive_differences(found, {**found, "blas_core": None, "cores": 99}) == {}
    assert decisive_differences(found, {**found, "numpy": "0"}) == {"numpy": (np.__version__, "0")}


@pytest.mark.parametrize("variable", ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"])
def test_threads_are_known_without_threadpoolctl(monkeypatch, variable):
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert environment()["threads"] == environment()["cores"]
    monkeypatch.setenv(variable, "7")
    assert environment()["threads"] == 7
    assert environment()["blas_core"] is None


def test_threads_are_those_that_blas_has():
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    with limits(1):
        assert environment()["threads"] == 1


# -- who trains it --------------------------------------------------------------------------------------------------


BEGIN = "import sys; from tapegrad.train import Run; run = Run(sys.argv[1]); run.begin(); print(run.status, flush=True); input()"


def elsewhere(run):
    command = [sys.executable, "-c", BEGIN, str(run.folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "running"
    return process


def test_a_run_in_another_process_is_running_until_that_is_killed(run):
    with elsewhere(run) as process:
        assert run.status == "running"
        with pytest.raises(ArgumentError, match=f"is being trained by process {process.pid} on .+; wait for it"):
            run.begin()
        process.kill()
    assert run.status == "interrupted"
    run.begin(5, 1)
    assert run.status == "running"
    assert [e["event"] for e in run.events()] == ["start", "resumed"]


def test_a_process_that_ended_and_was_not_waited_for_is_not_alive(run):
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, str(run.folder)], stdin=subprocess.DEVNULL, stderr=-3, stdout=-3
    )
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert run.status == "interrupted"
    process.wait()


def test_the_course_of_a_run(run):
    run.begin()
    assert run.status == "running"
    run.log("interrupted", step=3)
    assert run.status == "interrupted"
    run.begin(3)
    assert run.status == "running"
    run.log("failed", reason="the loss is nan")
    assert run.status == "failed"


def test_a_process_id_that_was_given_again_is_another_process():
    ours = this_process()
    assert is_running(ours)
    if ours["born"] is not None:
        assert not is_running({**ours, "born": ours["born"] - 1})
    assert is_running({**ours, "host": "elsewhere", "pid": 1})
    for pid in (None, "1", -1, 0, True, 2**40):
        assert not is_running({**ours, "pid": pid})


def test_beginning_cleans_up_behind_killed_processes(run):
    (run.folder / "snapshots").mkdir()
    left = [run.folder / f"{place}.metrics.csv.99999999-0.tmp" for place in ("", "checkpoints/", "snapshots/")]
    for path in left:
        path.write_bytes(b"half")
    run.begin()
    assert not any(path.exists() for path in left)


def test_going_on_elsewhere_warns_that_bits_may_differ(run):
    run.write_environment({**environment(), "numpy": "0.1"})
    with pytest.warns(
        tg.errors.TapegradWarning, match=r"resume: x began with numpy 0\.1 instead of .*; the bits may not"
    ):
        run.begin(5, 1)
