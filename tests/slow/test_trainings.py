"""The trainings whose figures docs/results promises, on real data; ``make slow`` runs them and prints the figures."""

import json

import numpy as np
import pytest

from tapegrad.cli.main import main

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _data(data_folder, monkeypatch):
    monkeypatch.setenv("TAPEGRAD_DATA", str(data_folder))


def train(tmp_path, *arguments):
    """Train by the command, and return the run's folder and figures."""
    assert main(["train", *arguments, "--runs", str(tmp_path)]) == 0
    run = next(tmp_path.iterdir())
    return run, json.loads((run / "result.json").read_text())


def mean_over_seeds(tmp_path, recipe, seeds, *figures):
    """Train by one sweep over seeds, and return the means of figures."""
    assert main(["sweep", recipe, "--seeds", str(seeds), "--sweeps", str(tmp_path)]) == 0
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*/trials/*/result.json")]
    assert len(results) == seeds
    return [float(np.mean([result[name] for result in results])) for name in figures]


@pytest.mark.parametrize(
    ("recipe", "bound"),
    [
        ("mnist", 0.985),
        ("mnist-two-layer", 0.985),
        ("fashion-mnist", 0.900),
        ("hanzi", 0.985),
        ("fashion-mnist/best-cnn", 0.925),
    ],
)
def test_images(recipe, bound, tmp_path):
    assert train(tmp_path, recipe)[1]["test_accuracy"] >= bound


def test_the_cnn_of_mnist_is_good_after_one_epoch_and_better_in_the_end(tmp_path):
    run, result = train(tmp_path, "mnist/best-cnn")
    first = json.loads(next(line for line in (run / "events.jsonl").read_text().splitlines() if '"epoch": 1,' in line))
    assert first["valid_accuracy"] >= 0.98
    assert result["test_accuracy"] >= 0.993


def test_spiral(tmp_path):
    (accuracy,) = mean_over_seeds(tmp_path, "spiral", 5, "test_accuracy")
    assert accuracy >= 0.87


def test_spiral_as_reported(tmp_path):
    assert train(tmp_path, "spiral/as-reported")[1]["train_accuracy"] >= 0.90


def test_breast_images(tmp_path):
    accuracy, area = mean_over_seeds(tmp_path, "medmnist", 3, "test_accuracy", "test_auroc")
    assert accuracy >= 0.863
    assert area >= 0.901


def test_sine(tmp_path):
    _, result = train(tmp_path, "sine")
    assert result["test_mae"] <= 0.0005
