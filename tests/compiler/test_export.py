"""``tapegrad export``: a file that imports NumPy alone makes the losses of the run that it comes from, bit for bit."""

import ast
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tapegrad.errors import ArgumentError, UsageError
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
    count = export_numpy(run, out, batches=99)
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


def test_a_run_that_was_not_compiled_is_refused_with_the_reason(tmp_path):
    run, _ = trained(tmp_path, RECIPES["accumulated gradients"].replace("accumulate: 2", "compile: false"))
    assert run.compiled == {**run.compiled, "compiled": False, "reason": "compile is off"}
    with pytest.raises(UsageError, match="the updates are not compiled: compile is off"):
        export_numpy(run, tmp_path / "net.py")
    with pytest.raises(ArgumentError, match=r"net\.txt is no name of a Python file"):
        export_numpy(run, tmp_path / "net.txt")
