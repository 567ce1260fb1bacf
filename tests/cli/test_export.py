"""``tapegrad export`` and what the commands say of compiled trainings."""

import subprocess
import sys

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("matplotlib")

from tapegrad.cli.main import main
from tapegrad.train import Run


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    assert main(["train", "digits", "--epochs", "2", "--runs", str(parent)]) == 0
    return next(parent.iterdir())


def test_export_writes_a_program_that_agrees_with_the_run(digits_run, tmp_path, capsys):
    out = tmp_path / "digits.py"
    arguments = ["export", digits_run.name, "--to", "numpy", str(out), "--batches", "3"]
    assert main([*arguments, "--runs", str(digits_run.parent)]) == 0
    assert f"{out}: training step and inference, 3 batches of {digits_run.name}" in capsys.readouterr().out
    done = subprocess.run([sys.executable, str(out)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.rpartition(" as ")[2] for line in done.stdout.splitlines()[:3]] == [
        "computed when this file was written"
    ] * 3


def test_export_refuses_in_one_sentence(digits_run, tmp_path, capsys):
    assert main(["export", str(digits_run), str(tmp_path / "digits.onnx")]) == 2
    assert "digits.onnx is no name of a Python file; end it with .py" in capsys.readouterr().err


def test_training_says_what_compiling_gained(tmp_path, capsys):
    assert main(["train", "digits", "--epochs", "1", "--runs", str(tmp_path)]) == 0
    told = Run(next(tmp_path.iterdir())).compiled
    assert (
        f"compiled: {told['programs']} programs, {told['gain']:.1f} times as fast as eager" in capsys.readouterr().out
    )


def test_training_says_why_it_was_not_compiled(tmp_path, capsys):
    assert main(["train", "digits", "training.compile=false", "--epochs", "1", "--runs", str(tmp_path)]) == 0
    assert "not compiled: compile is off" in capsys.readouterr().out


def test_runs_lists_the_gain_and_filters_by_it(digits_run, capsys):
    told = Run(digits_run).compiled
    assert main(["runs", str(digits_run.parent), "--sort", "gain", "--csv"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split(",")[-1] == "gain"
    assert float(row.split(",")[-1]) == told["gain"]
    assert main(["runs", str(digits_run.parent), "--filter", "compiled=true"]) == 0
    assert digits_run.name in capsys.readouterr().out
