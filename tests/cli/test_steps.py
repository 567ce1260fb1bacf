"""``tapegrad steps``: what it tells of a recipe's first batch, which commands it reads, what it says to mistakes."""

import io
import json
import re
import shutil

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import tapegrad as tg
from tapegrad.cli.main import main
from tapegrad.lab.build import build
from tapegrad.lab.config import load_config
from tapegrad.train import load_weights
from tapegrad.train.checks import first_batch


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(
        "data: {set: spiral, batch_size: 8}\n"
        "model: {layers: [2, 4, 3]}\n"
        "loss: {type: CrossEntropyLoss}\n"
        "optimizer: {type: SGD, lr: 0.1, penalties: [{parameters: '*.weight', l2: 0.01}]}\n"
        "training: {epochs: 1}\n"
    )
    return str(path)


def said(capsys, *arguments, commands=None, monkeypatch=None):
    if commands is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(commands))
    code = main(["steps", *arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def test_a_recipe_has_no_checkpoint_to_begin_from(recipe, capsys):
    code, _, err = said(capsys, recipe, "--checkpoint", "best", "--list")
    assert (code, err) == (2, f"tapegrad: steps: {recipe} is a recipe and has no checkpoint; leave --checkpoint out\n")


def test_the_gradients_are_those_of_the_first_update(recipe, capsys):
    code, out, _ = said(capsys, recipe, "--samples", "5", "--json", "--limit", "100")
    assert code == 0
    told = json.loads(out)
    assembly = build(load_config(recipe))
    inputs, target = (part[:5] for part in first_batch(assembly.train_loader))
    trainer = assembly.trainer
    (trainer.loss(assembly.model(inputs), target) + trainer.penalty()).backward()
    assert set(told["gradients"]) == {name for name, _ in assembly.model.named_parameters()}
    for name, p in assembly.model.named_parameters():
        assert np.array_equal(np.float32(told["gradients"][name]["values"]), p.grad.numpy())
    modules = {step["name"]: step["module"] for step in told["steps"]}
    assert modules["linear_1"] == "fc1"
    assert not any(step["where"] for step in told["steps"])


def test_commands_are_read_from_the_input(recipe, capsys, monkeypatch):
    code, out, _ = said(capsys, recipe, commands="n\ng fc1\np nothing\nq\n", monkeypatch=monkeypatch)
    assert code == 0
    assert "linear_1 in module fc1" in out
    assert "steps: this step has no value 'nothing'" in out


def test_a_list_on_request(recipe, capsys):
    _, out, _ = said(capsys, recipe, "--list")
    assert "steps back from the loss" in out
    assert "fc2.bias.grad += float32[3]" in out


def test_settings_can_be_changed(recipe, capsys):
    _, out, _ = said(capsys, recipe, "model.layers=[2, 5, 3]", "--list")
    assert "fc1.bias.grad += float32[5]" in out


def test_a_run_is_taken_with_its_weights(recipe, tmp_path, capsys):
    runs = tmp_path / "runs"
    assert main(["train", recipe, "--runs", str(runs)]) == 0
    capsys.readouterr()
    (folder,) = runs.iterdir()
    _, out, _ = said(capsys, folder.name, "--runs", str(runs), "--json", "--limit", "100")
    found = json.loads(out)["steps"]
    config = load_config(folder / "recipe.yaml")
    model = build(config).model
    load_weights(folder / "checkpoints" / "best.safetensors", model)
    saved = next(step for step in found if step["name"] == "linear_2")["saved"]["weight"]["values"]
    assert np.array_equal(np.float32(saved), model.fc2.weight.numpy(force=True))
    code, _, error = said(capsys, str(folder), "seed=3")
    assert (code, error) == (
        2,
        "tapegrad: steps: seed=3 cannot change a run; leave it out, or name the recipe\n",
    )
    shutil.rmtree(folder / "checkpoints")
    code, _, error = said(capsys, str(folder))
    assert code == 2
    assert "there is no file" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digitss"], "tapegrad: recipe: there is no recipe and no file 'digitss'; did you mean 'digits'?\n"),
        (
            ["train.py"],
            "tapegrad: steps: train.py is a script; name a recipe or a run, or write "
            "tg.explain.step_through(loss, model).run() into it\n",
        ),
        (
            ["digits", "--samples", "0"],
            "tapegrad: steps: 0 samples; take at least one; batch normalisation wants two\n",
        ),
    ],
)
def test_mistakes(arguments, message, capsys):
    code, _, error = said(capsys, *arguments)
    assert (code, error) == (2, message)
    assert tg.get_default_dtype() == np.float32


def test_the_example_of_the_help_works(capsys, monkeypatch):
    from tapegrad.cli.steps import steps

    first, *commands = re.findall("`([^`]+)`", steps.epilog)
    words = re.search(r"tapegrad steps (.+?), then", steps.epilog)[1].split()
    code, out, err = said(capsys, *words, commands="\n".join([first, *commands]) + "\n", monkeypatch=monkeypatch)
    assert (code, err) == (0, "")
    assert "step 1: linear_2" in out
    assert "step 2: relu" in out
    assert "steps: " not in out
