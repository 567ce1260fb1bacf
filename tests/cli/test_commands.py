"""The command line as a person meets it: what it trains, writes and says, and what it says to mistakes."""

import errno
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

from tapegrad.cli.main import main  # noqa: E402
from tapegrad.formats.safetensors import load_file, read_metadata, save_file  # noqa: E402
from tapegrad.lab.config import load_config  # noqa: E402
from tapegrad.train import Run  # noqa: E402
from tapegrad.train.checkpoint import write_state  # noqa: E402


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    """A short run on the digits, shared by the tests that only read it."""
    parent = tmp_path_factory.mktemp("runs")
    assert main(["train", "digits", "--epochs", "3", "--runs", str(parent)]) == 0
    return next(parent.iterdir())


def said(capsys):
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_a_run_folder_holds_everything(digits_run):
    files = {str(p.relative_to(digits_run)) for p in digits_run.rglob("*") if p.is_file()}
    assert files == {
        "recipe.yaml",
        "environment.json",
        "data.json",
        "events.jsonl",
        "ledger.jsonl",
        "metrics.csv",
        "compiled.json",
        "program.py",
        "result.json",
        *(f"checkpoints/{name}.safetensors" for name in ("initial", "best", "last", "last.previous")),
        *(
            f"pictures/{name}.png"
            for name in (
                "curves",
                "confusion",
                "mistakes",
                "samples",
                "weights",
                "activations",
                "gradients",
                "statistics",
            )
        ),
    }
    assert load_config(digits_run / "recipe.yaml").training.epochs == 3
    assert json.loads((digits_run / "environment.json").read_text())["numpy"] == np.__version__
    epochs = [json.loads(line) for line in (digits_run / "events.jsonl").read_text().splitlines()]
    assert [e["epoch"] for e in epochs if e["event"] == "epoch"] == [1, 2, 3]
    for name in ("curves", "confusion", "mistakes"):
        with Image.open(digits_run / "pictures" / f"{name}.png") as image:
            assert min(image.size) > 300


def test_evaluate_repeats_the_accuracy_of_training(digits_run, capsys):
    assert main(["evaluate", str(digits_run)]) == 0
    out, _ = said(capsys)
    result = json.loads((digits_run / "result.json").read_text())
    assert f"test accuracy {result['test_accuracy']:.4f}" in out
    assert result["test_accuracy"] > 0.8


def test_predict_names_the_class_of_an_image(digits_run, tmp_path, capsys):
    from tapegrad.vision.datasets import Digits

    digits = Digits(train=True)
    images, labels = np.asarray(digits.data), np.asarray(digits.targets)
    paths = []
    for i in range(20):
        path = tmp_path / f"{i}.png"
        Image.fromarray((images[i].astype(np.float64) * 255 / images.max()).round().astype(np.uint8)).save(path)
        paths.append(str(path))
    assert main(["predict", str(digits_run), *paths]) == 0
    out, _ = said(capsys)
    answers = [int(line.split(": ")[1].split()[0]) for line in out.splitlines()]
    assert np.mean(np.array(answers) == labels[:20]) >= 0.8


def test_spiral_draws_its_boundary_and_splits_the_loss(tmp_path, capsys):
    assert main(["train", "spiral/as-reported", "--steps", "200", "--runs", str(tmp_path)]) == 0
    out, _ = said(capsys)
    assert "(data " in out
    assert ", penalty " in out
    run = next(tmp_path.iterdir())
    assert (run / "pictures" / "boundary.png").is_file()
    points = tmp_path / "points.csv"
    points.write_text("0.1,0.2\n-0.5 0.5\n\n")
    assert main(["predict", str(run), str(points)]) == 0
    out, _ = said(capsys)
    assert out.count("points.csv:") == 2


MISTAKES = {
    "unknown recipe": (["train", "digit"], "did you mean 'digits'?"),
    "unknown command": (["trian"], "No such command"),
    "unknown option": (["train", "digits", "--epoch", "3"], "No such option"),
    "a word for a number": (["train", "digits", "--epochs", "three"], "training.epochs"),
    "no epochs": (["train", "digits", "--epochs", "0"], "training.epochs"),
    "epochs and steps": (["train", "digits", "--epochs", "1", "--steps", "2"], "--epochs and --steps are both given"),
    "negative rate": (["train", "digits", "--lr", "-1"], "optimizer.lr"),
    "rate is nan": (["train", "digits", "--lr", "nan"], "optimizer.lr"),
    "unknown key": (["train", "digits", "optimzer.lr=3"], "did you mean 'optimizer'?"),
    "no run": (["evaluate", "nothing"], "there is no run 'nothing'"),
    "nothing to resume": (["resume", "nothing"], "there is no run 'nothing'"),
    "negative seed": (["train", "digits", "--seed", "-1"], "seed"),
    "huge seed": (["train", "spiral", "--seed", str(2**64)], "seed"),
    "huge batch": (["train", "digits", "--batch-size", str(2**70)], "data.batch_size"),
    "no data": (["train", "mnist", "--data", "/nonexistent"], "/nonexistent"),
    "two checks": (["train", "digits", "--dry-run", "--find-lr"], "several of the checks"),
    "pattern without a match": (["train", "digits", "freeze=[fc9.*]"], "no parameter matches 'fc9.*'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_one_sentence_and_exit_code_2(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, expected = MISTAKES[name]
    assert main(arguments) == 2
    _, err = said(capsys)
    assert expected in err
    assert list(tmp_path.iterdir()) == []


def test_predict_refuses_what_is_no_image(digits_run, tmp_path, capsys):
    text = tmp_path / "text.png"
    text.write_text("no image")
    assert main(["predict", str(digits_run), str(text)]) == 2
    assert "is no image that can be read" in said(capsys)[1]
    picture = tmp_path / "cut.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(picture)
    picture.write_bytes(picture.read_bytes()[:200])
    assert main(["predict", str(digits_run), str(picture)]) == 2
    assert "damaged image" in said(capsys)[1]
    assert main(["predict", str(digits_run), str(tmp_path / "missing.png")]) == 2
    assert "missing.png" in said(capsys)[1]


def test_a_damaged_checkpoint_is_named(digits_run, tmp_path, capsys):
    whole = (digits_run / "checkpoints" / "best.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    assert main(["evaluate", str(digits_run), "--checkpoint", str(cut)]) == 2
    assert "cut.safetensors" in said(capsys)[1]


def test_a_checkpoint_of_another_network_is_refused(digits_run, tmp_path, capsys):
    tensors = load_file(digits_run / "checkpoints" / "best.safetensors")
    name = next(n for n in tensors if n.startswith("model.") and n.endswith("weight"))
    tensors[name] = tensors[name][:, :-1].contiguous()
    other = tmp_path / "other.safetensors"
    save_file(tensors, other)
    assert main(["evaluate", str(digits_run), "--checkpoint", str(other)]) == 2
    assert "is a checkpoint of another network" in said(capsys)[1]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch, capsys):
    from tapegrad.train import policy

    calls = []
    write = policy.write_state

    def fills_up(path, *details, **options):
        calls.append(path)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, *details, **options)

    monkeypatch.setattr(policy, "write_state", fills_up)
    assert main(["train", "digits", "--epochs", "50", "--runs", str(tmp_path)]) == 2
    err = said(capsys)[1]
    assert "no space left on device" in err
    assert "is still good" in err
    run = next(tmp_path.iterdir())
    monkeypatch.setattr(policy, "write_state", write)
    assert main(["resume", str(run)]) == 0
    assert load_file(run / "checkpoints" / "last.safetensors")


def start_training(runs, *arguments):
    command = [sys.executable, "-m", "tapegrad", "train", *arguments, "--runs", str(runs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_epoch(runs, process):
    for _ in range(600):
        if any("epoch" in p.read_text() for p in pathlib.Path(runs).glob("*/events.jsonl")):
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError("no epoch within a minute")


def test_ctrl_c_keeps_a_checkpoint_and_resume_ends_with_the_same_bits(tmp_path, capsys):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    arguments = ["digits", "--epochs", "40"]
    assert main(["train", *arguments, "--runs", str(straight)]) == 0
    process = start_training(stopped, *arguments)
    wait_for_epoch(stopped, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    run = next(stopped.iterdir())
    assert f"go on with: tapegrad resume {run}" in out
    assert main(["resume", str(run)]) == 0
    ours = load_file(run / "checkpoints" / "last.safetensors")
    theirs = load_file(next(straight.iterdir()) / "checkpoints" / "last.safetensors")
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value.array, theirs[name].array, err_msg=name)
    capsys.readouterr()
    assert main(["resume", str(run)]) == 2
    assert "is finished" in said(capsys)[1]


def test_help_names_the_commands(capsys):
    assert main(["--help"]) == 0
    out, _ = said(capsys)
    assert all(word in out for word in ("train", "resume", "sweep", "report", "verify", "data"))


def test_a_training_that_diverges_is_one_sentence(tmp_path, capsys):
    assert main(["train", "digits", "--lr", "1e30", "--epochs", "3", "--runs", str(tmp_path)]) == 2
    err = said(capsys)[1]
    assert err.startswith("tapegrad: train: the loss is ")
    assert len(err.splitlines()) == 1


@pytest.fixture
def stopped_run(digits_run, tmp_path):
    """A copy of a run that has not come to its end."""
    run = tmp_path / "stopped"
    shutil.copytree(digits_run, run)
    (run / "result.json").unlink()
    return run


CONFIGURATIONS = {
    "nested too deep": b"[" * 100_000,
    "seed is text": b"seed: x",
    "nothing": b"",
    "not text": b"\xff\xfe\x00",
    "rate beyond all numbers": b"optimizer: {type: Adam, lr: 1" + b"0" * 400 + b"}",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_a_damaged_recipe_is_named(command, name, stopped_run, capsys):
    (stopped_run / "recipe.yaml").write_bytes(CONFIGURATIONS[name])
    assert main([command, str(stopped_run)]) == 2
    assert "recipe.yaml" in said(capsys)[1]


@pytest.mark.parametrize("text", ["", "[]", '{"input_shape": 3}', "[" * 100_000])
def test_damaged_notes_about_the_data_are_named(text, stopped_run, tmp_path, capsys):
    (stopped_run / "data.json").write_text(text)
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    assert main(["predict", str(stopped_run), str(tmp_path / "x.png")]) == 2
    assert "data.json: is missing or damaged" in said(capsys)[1]


STATES = {
    "null": None,
    "empty": {},
    "no position": {"position": None},
    "negative position": {"position": {"epoch": -1, "batch": 0, "step": 0}},
    "position of text": {"position": {"epoch": "a", "batch": 0, "step": 0}},
    "unknown field": {"position": {"epoch": 0, "place": 0}},
    "history of text": {"history": "x"},
    "history of numbers": {"history": [1]},
    "no averages": {"averages": None},
    "no optimizer": {"optimizer": None},
    "schedule of text": {"scheduler": "x"},
}


@pytest.mark.parametrize("name", STATES)
def test_a_damaged_training_state_is_named(name, stopped_run, capsys):
    path = stopped_run / "checkpoints" / "last.safetensors"
    details = json.loads(read_metadata(path)["tapegrad"])
    changed = {**details, **STATES[name]} if STATES[name] else STATES[name]
    write_state(path, load_file(path), json.dumps(changed))
    assert main(["resume", str(stopped_run)]) == 2
    err = said(capsys)[1]
    assert "last.safetensors: has a damaged training state (" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["generator", "optimizer.x", "optimizer.x.y"])
def test_a_checkpoint_with_a_wrong_tensor_is_named(name, stopped_run, capsys):
    path = stopped_run / "checkpoints" / "last.safetensors"
    tensors, state = load_file(path), read_metadata(path)["tapegrad"]
    tensors[name] = tensors["generator"] * 0 + 255
    write_state(path, tensors, state)
    assert main(["resume", str(stopped_run)]) == 2
    assert "last.safetensors: has a damaged training state (" in said(capsys)[1]


@pytest.mark.parametrize("line", [b"null", b"[]", b"5", b"\xff\xfe", b"{"])
def test_events_that_are_none_are_passed_over(line, stopped_run):
    (stopped_run / "events.jsonl").write_bytes(line + b"\n")
    assert Run(stopped_run).events("result") == []


def test_a_run_without_its_pictures_is_not_finished(tmp_path, monkeypatch, capsys):
    from tapegrad.lab import pictures

    def stop(*details, **options):
        raise KeyboardInterrupt

    draw = pictures.draw_curves
    monkeypatch.setattr(pictures, "draw_curves", stop)
    assert main(["train", "digits", "--epochs", "1", "--runs", str(tmp_path)]) == 130
    run = next(tmp_path.iterdir())
    assert not list((run / "pictures").iterdir())
    monkeypatch.setattr(pictures, "draw_curves", draw)
    assert main(["resume", str(run)]) == 0
    assert (run / "pictures" / "curves.png").is_file()
    said(capsys)


def test_points_that_are_none(tmp_path, capsys):
    assert main(["train", "spiral", "--steps", "2", "--runs", str(tmp_path / "runs")]) == 0
    run, points = next((tmp_path / "runs").iterdir()), tmp_path / "points.csv"
    for text in ("nan,1", "1,inf", "1e300,0"):
        points.write_text(f"0,0\n{text}\n")
        capsys.readouterr()
        assert main(["predict", str(run), str(points)]) == 2
        assert f"points.csv:2: '{text}' is too far out, or no number" in said(capsys)[1]
    points.write_bytes(b"\xef\xbb\xbf1,2\n")
    assert main(["predict", str(run), str(points)]) == 0


def test_evaluate_measures_the_averaged_weights_of_the_checkpoint(tmp_path, capsys):
    assert main(["train", "digits", "training.ema=0.9", "--epochs", "3", "--runs", str(tmp_path)]) == 0
    run = next(tmp_path.iterdir())
    result = json.loads((run / "result.json").read_text())
    said(capsys)
    assert main(["evaluate", str(run)]) == 0
    assert result["test_accuracy"] > 0.8
    assert f"test accuracy {result['test_accuracy']:.4f}" in said(capsys)[0]
    assert result["measured"]["checkpoint"] == "best"
    assert 1 <= result["measured"]["epoch"] <= 3


def test_a_run_that_is_held_by_another_process_is_not_resumed(stopped_run, capsys):
    from tapegrad.train.process import locked

    before = (stopped_run / "events.jsonl").read_bytes()
    with locked(stopped_run, "run"):
        assert main(["resume", str(stopped_run)]) == 2
    assert "is in use by another process" in said(capsys)[1]
    assert (stopped_run / "events.jsonl").read_bytes() == before


def test_a_run_that_was_killed_at_once_is_resumed_from_its_first_state(stopped_run, capsys):
    for name in ("last", "last.previous", "best"):
        (stopped_run / "checkpoints" / f"{name}.safetensors").unlink()
    assert main(["resume", str(stopped_run)]) == 0
    assert "test accuracy" in said(capsys)[0]


def test_values_of_a_table_can_be_scaled(tmp_path, capsys):
    """With classes a scale makes numbers of them; prices stay prices, and need no confusion matrix."""
    rows = [f"{x},{x * 1000 + 500}" for x in range(60)]
    (tmp_path / "prices.csv").write_text("size,price\n" + "\n".join(rows) + "\n")
    (tmp_path / "prices.yaml").write_text(
        "data: {set: csv, arguments: {path: prices.csv, target: price, task: regression, test: 0.2}, standardize: true,"
        " target_scale: 10000, batch_size: 8}\n"
        "model: {layers: [1, 8, 1]}\nloss: MSELoss\noptimizer: {type: Adam, lr: 0.01}\ntraining: {epochs: 2}\n"
    )
    assert main(["train", str(tmp_path / "prices.yaml"), "--runs", str(tmp_path / "runs")]) == 0
    result = json.loads(next((tmp_path / "runs").glob("*/result.json")).read_text())
    assert result["test_mae"] > 0
    assert "confusion" not in result
    (tmp_path / "new.csv").write_text("30\n")
    for dtype in ("float32", "float64"):
        runs = tmp_path / dtype
        assert main(["train", str(tmp_path / "prices.yaml"), f"dtype={dtype}", "--runs", str(runs)]) == 0
        assert main(["predict", str(next(runs.iterdir())), str(tmp_path / "new.csv")]) == 0
    said(capsys)


def test_sums_over_batches_are_refused(tmp_path, capsys):
    loss = "loss={type: CrossEntropyLoss, reduction: sum}"
    assert main(["train", "digits", loss, "--runs", str(tmp_path)]) == 2
    assert "loss.reduction: 'sum' makes losses of batches of different sizes" in said(capsys)[1]


def test_a_closed_stdout_is_no_error(tmp_path):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m tapegrad recipes >&-"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
