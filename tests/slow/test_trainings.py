"""The trainings that the README promises, on real data; ``make slow`` runs them and prints their figures."""

import json

import pytest

from tapegrad.cli.main import main

pytestmark = pytest.mark.slow


def train(tmp_path, *arguments):
    assert main(["train", *arguments, "--runs", str(tmp_path)]) == 0
    run = next(tmp_path.iterdir())
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return next(e for e in events if e["event"] == "result")


def test_fashion_mnist_mlp(tmp_path, data_folder):
    assert train(tmp_path, "fashion-mnist", "--data", str(data_folder))["test_accuracy"] >= 0.885


def test_fashion_mnist_cnn(tmp_path, data_folder):
    arguments = ["fashion-mnist", "--model", "cnn", "--epochs", "5", "--data", str(data_folder)]
    assert train(tmp_path, *arguments)["test_accuracy"] >= 0.90


def test_mnist_mlp(tmp_path, data_folder):
    assert train(tmp_path, "mnist", "--data", str(data_folder))["test_accuracy"] >= 0.978


def test_spiral(tmp_path):
    assert train(tmp_path, "spiral")["train_accuracy"] >= 0.92
