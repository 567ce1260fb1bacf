"""``tapegrad sweep`` as a person meets it, on the digits with a tiny network: what it trains, says, writes and refuses."""

import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from sweep_fakes import heed_ctrl_c

for package in ("click", "rich", "matplotlib", "pydantic", "yaml", "threadpoolctl"):
    pytest.importorskip(package)

from tapegrad.cli.main import main  # noqa: E402
from tapegrad.formats.safetensors import load_file  # noqa: E402
from tapegrad.lab.config import load_config  # noqa: E402
from tapegrad.lab.sweep import Sweep  # noqa: E402
from tapegrad.train import Run  # noqa: E402

TABLES = ("table.md", "table.tex", "table.csv", "trials.csv")
TINY = ["digits", "training.epochs=3", "model.layers=[64,8,10]", "callbacks.statistics=false"]
VARY = ["--vary", "optimizer.lr=5e-3,1e-2,1e30", "--vary", "batch: data.batch_size=small=32,large=128", "--seeds", "2"]


def sweep(parent, *arguments, code=0):
    assert main(["sweep", *arguments, "--sweeps", str(parent)]) == code
    return Sweep(next(pathlib.Path(parent).glob("*/sweep.json")).parent)


def tables_of(found):
    return {name: (found.folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A sweep that was never stopped, one job at a time; tests only read it."""
    return sweep(tmp_path_factory.mktemp("sweeps"), *TINY, *VARY, "--jobs", "1")


def said(capsys):
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_a_sweep_leaves_tables_pictures_and_runs(digits):
    plan = digits.plan
    assert [trial.levels for trial in plan.trials[::2]] == [
        {"optimizer.lr": "5e-3", "batch": "small"},
        {"optimizer.lr": "1e-2", "batch": "small"},
        {"optimizer.lr": "1e30", "batch": "small"},
        {"optimizer.lr": "5e-3", "batch": "large"},
    ]
    files = {path.name for path in digits.folder.iterdir()}
    assert files >= {"sweep.json", "recipe.yaml", "trials", "pictures", *TABLES}
    names = {path.name for path in digits.pictures.iterdir()}
    assert {"curves-loss.png", "curves-valid-accuracy.png", "factor-optimizer.lr.png", "factor-batch.png"} <= names
    text = (digits.folder / "table.md").read_text()
    assert "| 0/2  | seeds 0, 1: the loss is nan at step" in text
    rows = list(csv.DictReader(io.StringIO((digits.folder / "trials.csv").read_text())))
    assert [bool(row["failed"]) for row in rows] == [False] * 4 + [True] * 2 + [False] * 2
    assert all(float(row["test_accuracy"]) > 0.3 for row in rows if not row["failed"])
    assert [digits.run(trial).status for trial in plan.trials] == ["finished"] * 4 + ["failed"] * 2 + ["finished"] * 2


def test_the_table_holds_what_the_runs_found(digits):
    rows = list(csv.DictReader(io.StringIO((digits.folder / "table.csv").read_text())))
    for row, (_, trials) in zip(rows, digits.plan.settings(), strict=True):
        found = [result["test_accuracy"] for trial in trials if (result := digits.run(trial).result)]
        assert int(row["finished"]) == len(found)
        assert found == [] or float(row["test_accuracy"]) == pytest.approx(sum(found) / len(found), abs=1e-15)


def test_one_factor_is_varied_from_the_same_initial_weights(digits):
    """Trials of one seed and one network begin with the same bits; those of another seed do not."""
    weights = [
        load_file(digits.run(trial).checkpoints / "initial.safetensors")["model.fc1.weight"].array
        for trial in digits.plan.trials
    ]
    for trial, own in zip(digits.plan.trials, weights, strict=True):
        assert (own == weights[trial.seed]).all()
    assert (weights[0] != weights[1]).any()


def test_each_trial_has_its_own_recipe_with_seed_and_one_thread(digits):
    for trial in digits.plan.trials:
        config = load_config(digits.recipe_of(trial))
        assert (config.seed, config.threads) == (trial.seed, 1)
        assert config.optimizer.lr == float(trial.levels["optimizer.lr"])
        assert config.data.batch_size == {"small": 32, "large": 128}[trial.levels["batch"]]
        assert digits.run(trial).recipe == digits.recipe_of(trial).read_text()
        assert digits.run(trial).environment["threads"] == 1


def test_the_number_of_jobs_changes_no_byte(digits, tmp_path):
    assert tables_of(sweep(tmp_path, *TINY, *VARY, "--jobs", "3")) == tables_of(digits)


def test_a_trial_is_what_a_training_of_its_recipe_is(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    trial = digits.plan.trials[3]
    command = [sys.executable, "-m", "tapegrad", "train", str(digits.recipe_of(trial)), "--runs", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (alone,) = (Run(path) for path in tmp_path.iterdir())
    dropped = {"seconds", "pictures"}
    results = [{k: v for k, v in run.result.items() if k not in dropped} for run in (alone, digits.run(trial))]
    assert results[0] == results[1]


# -- killed and stopped sweeps --------------------------------------------------------------------------------------------


def started(parent, *arguments):
    """Start a sweep in a process group of its own."""
    command = [sys.executable, "-m", "tapegrad", "sweep", *arguments, "--sweeps", str(parent)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, start_new_session=True, preexec_fn=heed_ctrl_c, **pipes)


def wait_until(condition, process, what):
    until = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, f"the sweep ended before {what}: {process.communicate()}"
        assert time.monotonic() < until, what
        time.sleep(0.005)


def epochs(parent, trial):
    """How many epochs a trial has reported."""
    files = list(pathlib.Path(parent).glob(f"*/trials/{trial}/events.jsonl"))
    return sum('"epoch"' in line for line in files[0].read_text().splitlines()) if files else 0


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_a_killed_sweep_goes_on_to_the_identical_table(digits, tmp_path):
    process = started(tmp_path, *TINY, *VARY, "--jobs", "2")
    wait_until(lambda: epochs(tmp_path, "0002") >= 1, process, "the second trial's first epoch")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (found,) = (Sweep(path.parent) for path in tmp_path.glob("*/sweep.json"))
    assert found.unfinished()
    assert not (found.folder / "table.md").exists()
    process = started(tmp_path, "--resume", found.folder.name, "--jobs", "1")
    wait_until(lambda: epochs(tmp_path, "0004") >= 2, process, "the fourth trial's second epoch")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert main(["sweep", "--resume", str(found.folder), "--jobs", "2"]) == 0
    assert tables_of(found) == tables_of(digits)
    assert any(found.run(trial).events("resumed") for trial in found.plan.trials)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_ctrl_c_says_how_to_go_on(digits, tmp_path):
    process = started(tmp_path, *TINY, *VARY, "--jobs", "1")
    wait_until(lambda: epochs(tmp_path, "0003") >= 1, process, "the third trial's first epoch")
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=120)
    (found,) = (Sweep(path.parent) for path in tmp_path.glob("*/sweep.json"))
    assert process.returncode == 130, errors
    assert errors == ""
    assert printed.splitlines()[-1] == f"go on with: tapegrad sweep --resume {found.folder}"
    assert main(["sweep", "--resume", str(found.folder)]) == 0
    assert tables_of(found) == tables_of(digits)


def test_a_damaged_trial_is_run_again_from_its_beginning(digits, tmp_path):
    """A kill between the folder and its recipe leaves a folder that is no run."""
    plan = sweep(tmp_path, *TINY, "--seeds", "2")
    before = tables_of(plan)
    folder = plan.run(plan.plan.trials[1]).folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (folder / "checkpoints").mkdir()
    (folder / "environment.json").write_text("{")
    for name in TABLES:
        (plan.folder / name).unlink()
    assert main(["sweep", "--resume", plan.folder.name, "--sweeps", str(tmp_path)]) == 0
    assert tables_of(plan) == before


def test_a_finished_sweep_can_be_shown_again_by_another_metric(digits, capsys):
    before = tables_of(digits)
    assert main(["sweep", "--resume", str(digits.folder), "--metric", "valid_loss"]) == 0
    out, _ = said(capsys)
    assert "8 of 8 trials are done already" in out
    assert "best by valid loss" in out
    assert main(["sweep", "--resume", str(digits.folder)]) == 0
    assert tables_of(digits) == before


# -- what it says -----------------------------------------------------------------------------------------------------------


def test_a_dry_run_lists_the_trials_and_writes_nothing(tmp_path, capsys):
    assert main(["sweep", *TINY, *VARY, "--sweeps", str(tmp_path / "sweeps"), "--dry-run"]) == 0
    out, _ = said(capsys)
    lines = out.splitlines()
    assert lines[0] == "0001  optimizer.lr 5e-3  batch small  seed 0"
    assert lines[-1] == "8 trials"
    assert len(lines) == 9
    assert not (tmp_path / "sweeps").exists()


def test_piped_output_has_a_line_for_each_trial_and_the_tables(tmp_path, capsys):
    found = sweep(tmp_path, *TINY, "--vary", "optimizer.lr=5e-3,1e30")
    out, err = said(capsys)
    assert err == ""
    assert "1/2  optimizer.lr " in out
    assert "2/2  optimizer.lr " in out
    assert "failed: the loss is nan at step" in out
    assert "lower the learning rate" in out
    assert "best by valid accuracy" in out
    assert "1 of 2 trials failed" in out
    assert f"table: {found.folder}/table.md" in out
    assert f"report: tapegrad report {found.folder}" in out
    assert "\x1b[" not in out


def test_when_every_trial_fails_the_exit_code_says_so(tmp_path, capsys):
    found = sweep(tmp_path, *TINY, "--vary", "optimizer.lr=1e30,1e31", "optimizer.lr=1e29", code=1)
    assert "3 of 3 trials failed" in said(capsys)[0]
    assert (found.folder / "table.md").read_text().count("0/1") == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["RECIPE"]),
        (["digits"], ["nothing varies", "--vary"]),
        (["digts", "--seeds", "2"], ["digts", "digits"]),
        (["digits", "--vary", "optimizer.lrr=1,2"], ["optimizer.lrr=1", "lr"]),
        (["digits", "--vary", "optimizer.lr=fast,slow"], ["optimizer.lr=fast"]),
        (["digits", "--vary", "optimizer.lr=0.1,-1"], ["optimizer.lr=-1"]),
        (["digits", "--vary", "optimizer.lr=0.1,0.2", "optimizer.lrr=3"], ["optimizer.lrr=3"]),
        (["digits", "--vary", "optimizer.lr"], ["KEY=LEVEL"]),
        (["digits", "--vary", "optimizer.lr=log:1e-3..1"], ["--random 20"]),
        (["digits", "--vary", "optimizer.lr=1,2", "--grid", "--random", "2"], ["--grid and --random"]),
        (["digits", "--seeds", "x"], ["--seeds", "0,1,7"]),
        (["digits", "--seeds", "2", "--metric", "test_acuracy"], ["test_acuracy", "test_accuracy"]),
        (["digits", "--seeds", "2", "--jobs", "0"], ["--jobs", "0"]),
        (["--resume", "nowhere"], ["nowhere", "start one first"]),
        (["digits", "--sede", "2"], ["--sede", "--seeds"]),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_runs(tmp_path, capsys, arguments, words):
    assert main(["sweep", *arguments, "--sweeps", str(tmp_path / "sweeps")]) == 2
    out, err = said(capsys)
    assert all(word in err for word in words), err
    assert out == ""
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.parametrize("extra", [["digits"], ["--seeds", "2"], ["--vary", "a=1,2"], ["--grid"], ["--set", "a=1"]])
def test_a_sweep_goes_on_as_it_was_planned(digits, capsys, extra):
    assert main(["sweep", *extra, "--resume", str(digits.folder)]) == 2
    assert "a sweep goes on as it was planned" in said(capsys)[1]


def test_a_damaged_plan_is_one_sentence(digits, tmp_path, capsys):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "sweep.json").write_text("{")
    assert main(["sweep", "--resume", str(tmp_path / "x")]) == 2
    assert "is no plan of a sweep" in said(capsys)[1]


def test_the_command_is_kept_and_gives_the_same_plan(digits, tmp_path, capsys):
    import shlex

    words = shlex.split(digits.plan.command)
    assert words[:2] == ["tapegrad", "sweep"]
    assert main([*words[1:], "--dry-run"]) == 0
    again = [line.split("  ") for line in said(capsys)[0].splitlines()[:-1]]
    assert [line[0] for line in again] == [trial.folder for trial in digits.plan.trials]
    assert json.loads((digits.folder / "sweep.json").read_text())["command"] == digits.plan.command


def test_files_beside_the_recipe_are_found_from_anywhere(tmp_path, monkeypatch):
    """A network of one's own, named relative to the recipe, and another on the command line, relative to the shell."""
    (tmp_path / "here").mkdir()
    net = "from tapegrad import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Flatten(), nn.Linear(64, {}), nn.ReLU(), nn.Linear({}, 10))\n"
    (tmp_path / "here" / "net.py").write_text(net.format(4, 4))
    (tmp_path / "other.py").write_text(net.format(6, 6))
    recipe = tmp_path / "here" / "mine.yaml"
    recipe.write_text(
        "data: {set: digits}\nmodel: {module: net.py:Net}\noptimizer: {type: Adam}\ntraining: {epochs: 1}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = sweep(tmp_path / "sweeps", str(recipe), "--vary", "network: model.module=other=other.py:Net")
    sizes = [found.run(trial).result["parameters"] for trial in found.plan.trials]
    assert sizes == [64 * 4 + 4 + 4 * 10 + 10, 64 * 6 + 6 + 6 * 10 + 10]
    (found.run(found.plan.trials[1]).folder / "result.json").unlink()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["sweep", "--resume", str(found.folder)]) == 0
    assert found.run(found.plan.trials[1]).result["parameters"] == sizes[1]


def test_help_shows_defaults_and_an_example(capsys):
    assert main(["sweep", "--help"]) == 0
    out = " ".join(said(capsys)[0].split())
    assert "Example: tapegrad sweep" in out
    assert "[default: sweeps]" in out
    assert "[default: all processors]" in out
