"""The doctor's advice in a recipe's own form."""

import pytest

pytest.importorskip("pydantic")

from tapegrad.explain.doctor.finding import Finding
from tapegrad.lab.advice import fitted, log_of
from tapegrad.lab.config import config_of
from tapegrad.lab.diagnosis import diagnose_recipe
from tapegrad.lab.yaml import read_yaml, write_yaml
from tapegrad.train import Run

LINEAR = {"type": "Linear", "in_features": 64, "out_features": 10}
LAYERS = [
    "Flatten",
    {**LINEAR, "out_features": 64},
    {"type": "Sigmoid", "name": "act"},
    {"type": "BatchNorm1d", "num_features": 64},
    LINEAR,
    "Sigmoid",
]


def recipe(model):
    return {
        "data": {"set": "digits", "batch_size": 64},
        "model": model,
        "optimizer": {"type": "SGD", "lr": 0.1},
        "training": {"steps": 40},
    }


def advice(line, model, where="", fault="dead-units", **evidence):
    return fitted(Finding(fault, where, 0, evidence, line), config_of(recipe(model))).advice


@pytest.mark.parametrize(
    "line", ["", "training: {clip_norm: 1.0}", "model: {activation: ReLU}", "a: b: c", "model: 3", "[1]"]
)
def test_other_lines_stay(line):
    assert advice(line, {"layers": [64, 10]}) == line


@pytest.mark.parametrize(
    ("line", "where", "kinds"),
    [
        ("model: {output_activation: null}", "5", "Flatten Linear Sigmoid BatchNorm1d Linear"),
        ("model: {activation: ReLU, batch_norm: true}", "1", "Flatten Linear ReLU BatchNorm1d Linear Sigmoid"),
        ("model: {activation: LeakyReLU}", "act", "Flatten Linear LeakyReLU BatchNorm1d Linear Sigmoid"),
        ("model: {batch_norm: false}", "3", "Flatten Linear Sigmoid Linear Sigmoid"),
    ],
)
def test_layers_are_written_out(line, where, kinds):
    found = read_yaml(advice(line, {"layers": LAYERS}, where)).data
    assert [entry if isinstance(entry, str) else entry["type"] for entry in found["model"]["layers"]] == kinds.split()
    assert [e["name"] for e in found["model"]["layers"] if "name" in e] == ["act"]
    config_of(recipe(found["model"]))


def test_of_a_network_in_python_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("from tapegrad.nn import Linear as Net\n")
    assert advice("model: {activation: ReLU}", {"module": "net.py:Net"}) == ""
    assert advice("training: {clip_norm: 1.0}", {"module": "net.py:Net"}) == "training: {clip_norm: 1.0}"


def test_classes_get_an_output_each():
    line = "{data: {target_scale: null}, loss: CrossEntropyLoss}"
    found = advice(line, {"layers": [64, 16, 1]}, "act2", "classes-as-numbers", classes=10)
    assert read_yaml(found).data["model"] == {"layers": [64, 16, 10], "output_activation": None}


@pytest.fixture
def written(tmp_path):
    def write(model):
        (tmp_path / "recipe.yaml").write_text(write_yaml(recipe(model)))
        return str(tmp_path / "recipe.yaml")

    return write


@pytest.mark.filterwarnings("ignore:cross_entropy. logits expected")
def test_what_is_advised_helps(written):
    """A softmax in a list of layers, counted in steps: with the advised line nothing is found any more."""
    sick = [
        "Flatten",
        {**LINEAR, "out_features": 32},
        "ReLU",
        {**LINEAR, "in_features": 32},
        {"type": "Softmax", "dim": 1},
    ]
    _, found = diagnose_recipe(written({"layers": sick}))
    assert [finding.fault for finding in found] == ["double-softmax"]
    _, found = diagnose_recipe(written(read_yaml(found[0].advice).data["model"]))
    assert found == []


def test_a_run_writes_what_fits(tmp_path):
    run = Run.prepare(tmp_path / "run", "")
    finding = Finding("double-softmax", "5", 0, {"low": 0.0, "high": 1.0}, "model: {output_activation: null}")
    log_of(run, config_of(recipe({"layers": LAYERS})))("finding", step=1, **finding.to_dict())
    event = run.events("finding")[0]
    assert event["advice"].startswith("model: {layers: [Flatten, ")
    assert event["evidence"] == finding.evidence
