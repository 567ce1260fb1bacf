"""Training again: the ledger is confirmed, or the first step that differs is named with a probable reason."""

import json
import shutil
import sys
import types

import pytest

pytest.importorskip("yaml")
pytest.importorskip("pydantic")

from tapegrad.errors import ArgumentError, FileFormatError
from tapegrad.lab.config import dump_config, load_config
from tapegrad.lab.experiment import run_experiment
from tapegrad.lab.verify import verify_run
from tapegrad.train import Callback, Run
from tapegrad.train.ledger import read_ledger


class PressCtrlC(Callback):
    def on_batch_end(self, trainer, batch):
        trainer.stopping = trainer.position.step == 25


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short training of the digits, with dropout, and one of the same that was interrupted."""
    parent = tmp_path_factory.mktemp("runs")
    small = [
        "model.layers=[64,16,10]",
        "model.dropout=0.2",
        "training.epochs=2",
        "data.limit=320",
        "data.batch_size=16",
    ]
    config = load_config("digits", [*small, "callbacks.ledger_every=5", "training.ema=0.9"])
    whole, part = (Run.create(parent, name, dump_config(config), stamp=False) for name in ("whole", "part"))
    run_experiment(config, whole, pictures=False)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(config, part, callbacks=[PressCtrlC()], pictures=False)
    return whole, part


@pytest.fixture
def run(trained, tmp_path):
    """A copy that a test may spoil."""
    shutil.copytree(trained[0].folder, tmp_path / "whole")
    return Run(tmp_path / "whole")


def write_ledger(run, lines):
    (run.folder / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_same_training_confirms_the_ledger(trained):
    whole, _ = trained
    lines = read_ledger(whole)
    found = verify_run(whole)
    assert found.agrees
    assert found.compared == len(lines) > 5
    assert str(found) == f"all {len(lines)} hashes agree, up to step {lines[-1]['step']}"


def test_an_interrupted_run_is_verified_as_far_as_it_went(trained):
    _, part = trained
    steps = []

    class Count(Callback):
        def on_batch_end(self, trainer, batch):
            steps.append(trainer.position.step)

    found = verify_run(part, [Count()])
    assert found.agrees
    assert found.step == steps[-1] == 25
    assert found.compared == len(read_ledger(part))


def test_verifying_leaves_the_folder_alone(run):
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    verify_run(run)
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before


def test_the_first_step_that_differs_is_named_and_the_training_ends_there(run):
    lines = read_ledger(run)
    lines[3]["sha256"] = "0" * 64
    lines[5]["sha256"] = "1" * 64
    write_ledger(run, lines)
    steps = []

    class Count(Callback):
        def on_batch_end(self, trainer, batch):
            steps.append(trainer.position.step)

    found = verify_run(run, [Count()])
    assert not found.agrees
    assert found.first == lines[3]
    assert found.compared == 3
    assert steps[-1] == lines[3]["step"] == 15
    assert str(found).startswith("step 15 (epoch 0) is the first that differs: 000000000000… in the ledger, ")
    assert "(3 before it agree, up to step 10)" in str(found)
    assert "probable reason: none that the environment shows: look for what is not seeded" in str(found)


def test_another_seed_differs_from_the_first_weights_on(run):
    text = run.recipe
    (run.folder / "recipe.yaml").write_text(
        text + "seed: 7\n" if "seed:" not in text else text.replace("seed: 0", "seed: 7")
    )
    found = verify_run(run)
    assert found.first == read_ledger(run)[0]
    assert found.compared == 0
    assert "step 0 (epoch 0) is the first that differs" in str(found)


def test_what_the_environment_had_otherwise_is_the_probable_reason(run):
    lines = read_ledger(run)
    lines[1]["sha256"] = "0" * 64
    write_ledger(run, lines)
    environment = run.environment
    sources = dict.fromkeys(environment["data"], "0" * 64)
    run.write_environment({**environment, "numpy": "1.0", "threads": 99, "data": sources})
    found = verify_run(run)
    assert f"it was trained with numpy 1.0 instead of {environment['numpy']}, threads 99 instead of" in str(found)
    assert sources
    assert all(f"the file {name} has changed" in str(found) for name in sources)


def test_a_ledger_that_goes_on_longer_is_named(run):
    lines = read_ledger(run)
    write_ledger(run, [*lines, {"epoch": 3, "step": 10**6, "sha256": "0" * 64}])
    found = verify_run(run)
    assert not found.agrees
    assert str(found) == (
        f"the training ended before step 1,000,000 (epoch 3) of the ledger; {len(lines)} hashes before it agree"
    )


def test_half_a_line_of_a_killed_training_is_passed_over(run):
    path = run.folder / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]) + '{"epoch": 2, "st')
    (run.folder / "result.json").unlink(missing_ok=True)
    assert verify_run(run).agrees


def _lines(run):
    return (run.folder / "ledger.jsonl").read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda lines: [*lines[:-1], lines[-1].replace('"sha256"', '"sha25x"')], "of its .* lines cannot be read"),
        (lambda lines: lines[:-3], "ends at step"),
        (lambda lines: [*lines, lines[0].replace('"sha256": "', '"sha256": "0')], "contradicts itself"),
    ],
)
def test_a_ledger_that_was_tampered_with_is_refused(changed, said, run):
    """What a finished run's ledger lacks was not compared, so nothing is confirmed."""
    steps = max(json.loads(line)["step"] for line in _lines(run))
    run.write_result({"steps": steps})
    (run.folder / "ledger.jsonl").write_text("".join(changed(_lines(run))))
    with pytest.raises(FileFormatError, match=said):
        verify_run(run)


@pytest.mark.parametrize("content", [None, "", "[]\n", '{"step": 1}\n'])
def test_a_run_without_a_ledger(run, content):
    path = run.folder / "ledger.jsonl"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArgumentError, match="whole has no ledger of weight hashes; train again"):
        verify_run(run)


# -- the command ----------------------------------------------------------------------------------------------------


def main(*arguments):
    pytest.importorskip("click")
    pytest.importorskip("rich")
    from tapegrad.cli.main import main

    return main(["verify", *map(str, arguments)])


def test_the_command_says_whether_it_agrees(run, capsys):
    assert main(run.folder) == 0
    assert "hashes agree, up to step" in capsys.readouterr().out
    lines = read_ledger(run)
    lines[0]["sha256"] = "0" * 64
    write_ledger(run, lines)
    assert main("whole", "--runs", run.folder.parent) == 1
    assert "is the first that differs" in capsys.readouterr().out
    assert main("hole", "--runs", run.folder.parent) == 2
    assert "did you mean 'whole'?" in capsys.readouterr().err


def test_the_command_compares_with_pytorch(monkeypatch, capsys):
    asked = []

    def verify_against(config, steps):
        asked.append((config.data.set, steps))
        step = types.SimpleNamespace(
            step=1, loss=0.5, loss_difference=1e-16, gradient_difference=2e-12, weight_difference=0.0
        )
        return types.SimpleNamespace(
            steps=[step], largest=2e-12, torch_version="2.13", notes=["dropout is switched off"]
        )

    module = types.ModuleType("against")
    module.verify_against = verify_against  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tapegrad.lab.against", module)
    assert main("digits", "--against", "torch", "--steps", "7") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].split() == ["1", "0.5", "1.00e-16", "2.00e-12", "0.00e+00"]
    assert (
        "digits: largest difference 2.00e-12 over 1 steps against PyTorch 2.13, within 1e-09; dropout is switched off"
        in out
    )
    assert main("digits", "--against", "torch", "--tolerance", "1e-13") == 1
    assert "more than 1e-13" in capsys.readouterr().out
    assert asked == [("digits", 7), ("digits", 100)]


def test_a_run_can_be_compared_with_pytorch_too(run, capsys):
    pytest.importorskip("torch")
    assert main(run.folder, "--against", "torch", "--steps", "3") == 0
    assert "over 3 steps against PyTorch" in capsys.readouterr().out
