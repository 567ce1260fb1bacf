"""``tapegrad export``: a file that imports NumPy alone makes the losses of the run that it comes from, bit for bit."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, DataError
from tapegrad.lab.config import load_config
from tapegrad.lab.experiment import run_experiment
from tapegrad.lab.export import export_numpy
from tapegrad.lab.predict import predict_all
from tapegrad.train import Callback, Run, load_weights

SET = "data: {set: digits, limit: 170, batch_size: 32, split: {valid: 20}, standardize: true}"
RECIPES = {
    "an MLP": """
model: {layers: [64, 24, 16, 10], activation: Tanh}
optimizer: {type: Adam, lr: 0.01, penalties: [{parameters: "fc1.*", l2: 1e-3}]}
schedule: {type: OneCycleLR, every: step}
training: {epochs: 2, clip_norm: 0.5}
""",
    "batch norm and dropout": """
model: {layers: [64, 24, 10], activation: ReLU, batch_norm: true, dropout: 0.3}
optimizer: {type: SGD, lr: 0.05, momentum: 0.9, weight_decay: 1e-4}
schedule: {type: StepLR, step_size: 1, gamma: 0.5}
training: {epochs: 2}
""",
    "a CNN": """
model:
  layers:
    - {type: Conv2d, in_channels: 1, out_channels: 4, kernel_size: 3, padding: 1}
    - {type: ReLU}
    - {type: MaxPool2d, kernel_size: 2}
    - {type: Conv2d, in_channels: 4, out_channels: 6, kernel_size: 3}
    - {type: ReLU}
    - {type: Flatten}
    - {type: Linear, in_features: 24, out_features: 10}
optimizer: {type: AdamW, lr: 0.01}
training: {epochs: 2}
""",
    "accumulated gradients": """
model: {layers: [64, 10]}
optimizer: {type: RMSprop, lr: 0.001}
training: {epochs: 2, accumulate: 2}
""",
}
# Imports the file where tapegrad cannot be imported, trains on the stored batches, and says what it computed.
READER = """
import importlib.util, json, sys
sys.modules["tapegrad"] = None
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
import numpy as np
exported.restore("initial")
losses = []
for i in range(len(exported.stored["losses"])):
    exported.follow_schedule(i)
    batch = [exported.stored[f"batch.{i}.{k}"] for k in range(int(exported.stored["arrays"]))]
    count = len(batch) // 2
    results = exported.train_step(*batch)
    shares = [len(target) / sum(map(len, batch[1::2])) for target in batch[1::2]] if count > 1 else [1.0]
    losses.append(sum(loss.item() * share for loss, share in zip(results[:count], shares)).hex())
exported.restore("trained")
np.save(sys.argv[2], exported.predict(np.load(sys.argv[3])))
foreign = [m for m in sys.modules if m.partition(".")[0] in ("tapegrad", "torch", "ruff") and sys.modules[m]]
print(json.dumps({"losses": losses, "foreign": foreign, "main": exported.main()}))
"""


class Losses(Callback):
    """The loss of each update as the run reports it."""

    def __init__(self):
        self.found = []

    def on_batch_end(self, trainer, batch):
        self.found.append(batch["loss"])


def trained(tmp_path, recipe, **options):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{SET}\n{recipe}")
    config = load_config(path)
    run = Run.create(tmp_path / "runs", "small", path.read_text(), stamp=False)
    losses = Losses()
    run_experiment(config, run, callbacks=[losses], pictures=False, **options)
    return run, losses.found


@pytest.mark.parametrize("name", RECIPES)
def test_it_computes_what_the_run_computed(tmp_path, name):
    run, losses = trained(tmp_path, RECIPES[name])
    assert run.compiled["compiled"], run.compiled
    out = tmp_path / "net.py"
    # Six batches make an epoch, the last is shorter: both programs are tried.
    count, told = export_numpy(run, out, batches=99)
    assert told.startswith("the run's own records agree, bit for bit: the initial weights, the first report's loss, ")
    inputs = np.random.default_rng(0).standard_normal((70, 1, 8, 8), dtype=np.float32)
    np.save(tmp_path / "inputs.npy", inputs)
    arguments = [str(out), str(tmp_path / "outputs.npy"), str(tmp_path / "inputs.npy")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", READER, *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert count == len(told["losses"]) == (3 if "accumulate" in RECIPES[name] else 6)
    with np.load(out.with_suffix(".npz")) as stored:
        shapes = {tuple(stored[key].shape for key in stored if key.startswith(f"batch.{i}.")) for i in range(count)}
    assert len(shapes) == 2
    assert told["losses"] == [loss.hex() for loss in losses[:count]]
    assert told["foreign"] == []
    assert told["main"] == 0
    assert_predicts_like_the_run(run, inputs, np.load(tmp_path / "outputs.npy"))


def assert_predicts_like_the_run(run, inputs, outputs):
    from tapegrad.lab.build import build

    config = load_config(run.folder / "recipe.yaml")
    model = build(config).model
    load_weights(run.checkpoints / "best.safetensors", model)
    expected = predict_all(model, inputs, probabilities=False)
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["batch norm and dropout", "a CNN"])
def test_its_text_is_formatted_and_needs_numpy_alone(tmp_path, name):
    pytest.importorskip("ruff")
    run, _ = trained(tmp_path, RECIPES[name])
    out = tmp_path / "net.py"
    export_numpy(run, out, batches=1)
    text = out.read_text()
    tree = ast.parse(text)
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert {m for m in modules if m not in sys.stdlib_module_names} == {"numpy"}
    assert "xp" not in {
        n.arg for f in tree.body if isinstance(f, ast.FunctionDef) for n in ast.walk(f.args) if isinstance(n, ast.arg)
    }
    assert "xp." not in text.replace("np.exp.", "")
    cnn = ("conv1_weight", "grad_conv1_weight", "maxpool1", "grad_linear1_weight", "relu2")
    dense = ("fc1_weight", "grad_fc1_weight", "norm1_running_mean", "grad_fc2_bias", "act1")
    for word in (*(cnn if "CNN" in name else dense), "predict", "train_step"):
        assert word in text
    assert formatted(text) is True
    assert "\\top" not in text


def formatted(text):
    """Whether a formatter would leave a text as it is."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return done.returncode == 0 or done.stdout


# -- what a new user does ---------------------------------------------------------------------------------------------

TINY = """
model: {layers: [64, 10]}
optimizer: {type: SGD, lr: 0.1}
training: {epochs: 1}
"""


def loaded(path):
    """The exported file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    run, _ = trained(folder, TINY)
    export_numpy(run, folder / "net.py", batches=2)
    return run, folder / "net.py"


def test_a_network_with_gelu(tmp_path):
    run, _ = trained(tmp_path, TINY.replace("[64, 10]", "[64, 16, 10], activation: GELU"))
    export_numpy(run, tmp_path / "net.py", batches=3)
    assert "ops." not in (tmp_path / "net.py").read_text()
    exported = loaded(tmp_path / "net.py")
    assert exported.main() == 0
    exported.restore("trained")
    inputs = np.random.default_rng(0).standard_normal((3, 1, 8, 8), dtype=np.float32)
    assert_predicts_like_the_run(run, inputs, exported.predict(inputs))


def test_a_run_whose_first_report_comes_after_several_epochs(tmp_path):
    run, _ = trained(tmp_path, TINY.replace("epochs: 1", "epochs: 2, report_every: 2"))
    count, told = export_numpy(run, tmp_path / "net.py", batches=9)
    assert (count, told.rpartition(", ")[2]) == (9, "the weights after update 12")


def test_a_run_that_was_not_compiled_is_compiled_for_the_file(tmp_path):
    run, _ = trained(tmp_path, TINY.replace("epochs: 1", "epochs: 1, compile: false"))
    assert run.compiled == {**run.compiled, "compiled": False, "reason": "compile is off"}
    _, told = export_numpy(run, tmp_path / "net.py")
    assert told == (
        "the run's own records agree, up to rounding, as it was not compiled: the initial weights, the first report's loss"
    )
    assert loaded(tmp_path / "net.py").main() == 0


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("training:", "seed: 5\ntraining:", "the first report's loss is .* in events.jsonl"),
        ("{epochs: 1}", "{epochs: 1, clip_norm: 0.1}", "the first report's loss is .* in events.jsonl"),
        ("batch_size: 32", "batch_size: 32, shuffle: false", "the first report's loss is"),
    ],
)
def test_a_run_whose_recipe_was_edited_is_refused(tmp_path, before, after, what):
    run, _ = trained(tmp_path, TINY)
    recipe = run.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(before, after))
    with pytest.raises(DataError, match=f"is not what its recipe gives: {what}"):
        export_numpy(run, tmp_path / "net.py")
    assert not (tmp_path / "net.py").exists()


def test_rates_that_the_schedule_does_not_give_are_refused(tmp_path):
    run, _ = trained(tmp_path, RECIPES["batch norm and dropout"])
    events = run.folder / "events.jsonl"
    text = events.read_text()
    assert text.count('"rate": 0.025') == 1
    events.write_text(text.replace('"rate": 0.025', '"rate": 0.035'))
    with pytest.raises(DataError, match=r"the rate at step 12 is 0\.035 in events\.jsonl, 0\.025 by its schedule"):
        export_numpy(run, tmp_path / "net.py")


def test_weights_that_are_not_the_ledgers_are_refused(tmp_path):
    run, _ = trained(tmp_path, TINY)
    ledger = run.folder / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    lines[0]["sha256"] = "0" * 64
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match=r"the initial weights are 000000000000… in ledger\.jsonl"):
        export_numpy(run, tmp_path / "net.py")


def test_without_records_it_says_that_nothing_was_compared(tmp_path):
    run, _ = trained(tmp_path, TINY)
    for name in ("events.jsonl", "ledger.jsonl"):
        (run.folder / name).unlink()
    count, told = export_numpy(run, tmp_path / "net.py", batches=2)
    assert (count, told) == (2, "they could not be compared with the run, which has no record of them")
    assert "could not be compared with the run" in " ".join((tmp_path / "net.py").read_text().split())


def test_a_run_that_diverged_gives_the_batches_that_it_made(tmp_path, capsys):
    with pytest.raises(DataError, match="the loss is") as told:
        trained(tmp_path, TINY.replace("lr: 0.1", "lr: 1e38"))
    made = int(re.search(r"at step (\d+)", str(told.value))[1]) + 1
    assert made < 6
    run = Run(tmp_path / "runs" / "small")
    count, _ = export_numpy(run, tmp_path / "net.py", batches=99)
    assert count == made
    exported = loaded(tmp_path / "net.py")
    assert not np.isfinite(exported.stored["losses"][-1]).all()
    exported.stored["losses"][0] = 0.5
    capsys.readouterr()
    assert exported.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" but 0.5 when this file was written")
    assert all(line.endswith(" as computed when this file was written") for line in lines[1:made])


def test_the_module_in_the_hands_of_a_new_user(tiny, tmp_path):
    run, path = tiny
    exported = loaded(path)
    assert 'until restore("trained")' in exported.__doc__
    with pytest.raises(ValueError, match="restore: there is nothing of 'best'; known are initial, trained"):
        exported.restore("best")
    before = exported.predict(np.zeros((1, 1, 8, 8)))
    exported.restore("trained")
    assert not np.array_equal(exported.predict(np.zeros((1, 1, 8, 8))), before)
    assert exported.predict(np.zeros((0, 1, 8, 8), np.float32)).shape == (0, 10)
    from tapegrad.lab.build import build

    config = load_config(run.folder / "recipe.yaml")
    standardized = build(config).sets.train.inputs[:5]
    config.data.standardize = False
    plain = build(config).sets.train.inputs[:5]
    np.testing.assert_allclose(exported.prepare(plain), standardized, rtol=1e-5, atol=1e-6)
    assert exported.prepare(plain).dtype == np.float32
    lone = tmp_path / "alone.py"
    lone.write_text(path.read_text())
    with pytest.raises(FileNotFoundError, match=r"alone\.npz is missing: it belongs beside alone\.py"):
        loaded(lone)
    done = subprocess.run([sys.executable, str(lone)], capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_names_that_cannot_be_are_refused_before_anything_is_trained(tiny, tmp_path):
    run, _ = tiny
    for name, told in (
        ("net.txt", r"net\.txt is no name of a Python file"),
        ("numpy.py", "would be imported in place of Python's numpy"),
        ("nodir/x.py", "there is no folder .*nodir"),
    ):
        with pytest.raises(ArgumentError, match=told):
            export_numpy(run, tmp_path / name)


@pytest.mark.parametrize("suffix", [".py", ".npz"])
def test_files_of_others_are_overwritten_by_force_alone(tiny, tmp_path, suffix):
    run, _ = tiny
    out, other = tmp_path / "net.py", (tmp_path / "net.py").with_suffix(suffix)
    other.write_bytes(b"mine")
    with pytest.raises(ArgumentError, match=rf"net\{suffix} is there already, and was not written by export"):
        export_numpy(run, out)
    assert other.read_bytes() == b"mine"
    export_numpy(run, out, batches=1, force=True)
    export_numpy(run, out, batches=2)  # its own
    assert len(loaded(out).stored["losses"]) == 2
