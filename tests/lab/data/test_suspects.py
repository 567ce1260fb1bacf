"""Suspects: planted wrong labels are found, scores are what the paper says, lists can be excluded."""

import json
import re

import numpy as np
import pytest

from tapegrad.errors import ArgumentError
from tapegrad.lab.build import build
from tapegrad.lab.config import config_of
from tapegrad.lab.data import Part, Sets, load_sets
from tapegrad.lab.data.findings import write_suspects
from tapegrad.lab.data.split import read_exclusions
from tapegrad.lab.data.suspects import Opinions, known_by_heart, opinions_by_folds, opinions_of, rank


def recipe(**changes):
    plain = {
        "data": {"set": "digits", "standardize": True, "batch_size": 32},
        "model": {"layers": [64, 32, 10]},
        "loss": "CrossEntropyLoss",
        "optimizer": {"type": "Adam", "lr": 5e-3},
        "training": {"epochs": 5},
    }
    return config_of(plain | changes)


def plant(sets, count=30, seed=0):
    """Give so many training samples another label, and return their positions."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(sets.train), count, replace=False)
    labels = sets.train.labels.copy()
    labels[rows] = (labels[rows] + rng.integers(1, 10, count)) % 10
    sets.train.labels = sets.train.targets = labels
    return set(sets.train.index[rows].tolist())


def judged(probabilities, labels, **values):
    probabilities, labels = np.array(probabilities, dtype=float), np.array(labels)
    part = Part(np.zeros((len(labels), 1)), labels, labels, np.arange(10, 10 + len(labels)))
    names = [f"c{i}" for i in range(probabilities.shape[1])]
    parts = np.full(len(labels), "train")
    return Opinions(part, parts, probabilities, "classification", names, **values)


def test_planted_labels_are_found_by_folds():
    config = recipe()
    sets = load_sets(config)
    planted = plant(sets)
    told = []
    opinions = opinions_by_folds(config, sets, 5, tell=lambda fold, accuracy: told.append((fold, accuracy)))
    report = rank(opinions, 100)
    top = [entry["index"] for entry in report["suspects"]]
    assert len(planted & set(top[:40])) >= 27
    assert (report["samples"], report["folds"]) == (1442, 5)
    assert 15 <= report["estimated"] <= 60
    assert [fold for fold, _ in told] == [1, 2, 3, 4, 5]
    assert all(0.85 < accuracy < 1 for _, accuracy in told)


def test_planted_labels_are_found_by_the_trained_network():
    config = recipe()
    sets = load_sets(config)
    planted = plant(sets, seed=1)
    assembly = build(config, sets)
    assembly.trainer.fit(assembly.train_loader, epochs=5)
    top = [entry["index"] for entry in rank(opinions_of(assembly.model, sets), 40)["suspects"]]
    assert len(planted & set(top)) >= 26


def test_no_network_judges_what_it_has_learned(monkeypatch):
    """A network that repeats the labels it was trained with would agree with all of them; on unseen ones it cannot."""
    from tapegrad.lab.data import suspects

    config = recipe(training={"epochs": 1})
    sets = load_sets(config)
    seen = []

    def watched(config, others):
        assembly = build(config, others)
        seen.append(others)
        return assembly

    asked = []

    def predict(model, inputs, **options):
        asked.append(inputs)
        return np.full((len(inputs), 10), 0.1)

    monkeypatch.setattr(suspects, "build", watched)
    monkeypatch.setattr(suspects, "predict_all", predict)
    suspects.opinions_by_folds(config, sets, 3)
    every = [*sets.train.index, *sets.valid.index]
    for others, inputs in zip(seen, asked, strict=True):
        assert others.valid is None
        assert len(others.train) + len(inputs) == len(every) == 1442
        both = np.concatenate([others.train.inputs, inputs]).reshape(1442, -1)
        assert len(np.unique(both, axis=0)) == 1442
    assert sum(map(len, asked)) == 1442


def test_folds_are_put_back_in_the_order_of_the_samples(monkeypatch):
    from tapegrad.lab.data import suspects

    config = recipe(training={"epochs": 1})
    sets = load_sets(config)
    marks = sets.train.inputs.reshape(len(sets.train), -1)[:, :10]

    def predict(model, inputs, **options):
        return inputs.reshape(len(inputs), -1)[:, :10]

    monkeypatch.setattr(suspects, "predict_all", predict)
    opinions = suspects.opinions_by_folds(config, sets, 4)
    np.testing.assert_array_equal(opinions.outputs[: len(marks)], marks)
    assert opinions.parts.tolist() == ["train"] * len(sets.train) + ["valid"] * len(sets.valid)


def test_a_published_validation_part_is_not_judged():
    sets = load_sets(recipe())
    network = build(recipe(), sets).model
    assert len(opinions_of(network, sets).samples) == 1442
    sets.held_out = False
    assert len(opinions_of(network, sets).samples) == len(sets.train)


def test_scores_and_confident_learning_by_hand():
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4]]
    report = rank(judged(probabilities, [0, 0, 0, 1, 1]))
    # Thresholds: class 0 (0.9 + 0.8 + 0.3) / 3 = 0.667, class 1 (0.9 + 0.4) / 2 = 0.65.
    first, second = report["suspects"]
    assert first == {
        "index": 12,
        "part": "train",
        "label": 0,
        "predicted": 1,
        "probability": 0.7,
        "own_probability": 0.3,
        "confident": True,
        "score": pytest.approx((0.3 - 0.7 + 1) / 2),
        "label_name": "c0",
        "predicted_name": "c1",
    }
    assert (second["index"], second["confident"], second["score"]) == (14, False, pytest.approx(0.4))
    assert (report["disagreeing"], report["estimated"]) == (2, 1)
    assert len(rank(judged(probabilities, [0, 0, 0, 1, 1]), 1)["suspects"]) == 1
    with pytest.raises(ArgumentError, match="top is 0"):
        rank(judged(probabilities, [0, 0, 0, 1, 1]), 0)


def test_a_network_that_knows_its_samples_by_heart_is_told_apart():
    right = np.eye(2)[[0, 1] * 100]
    assert known_by_heart(judged(right, [0, 1] * 100)) == 1.0
    assert known_by_heart(judged(right, [0, 1] * 98 + [1, 0] * 2)) is None
    assert known_by_heart(judged(right, [0, 1] * 100, folds=5)) is None


def numbers(labels, outputs, classes=None, scale=None):
    labels = np.array(labels)
    part = Part(np.zeros((len(labels), 1)), labels, labels, np.arange(len(labels)))
    return Opinions(part, np.full(len(labels), "train"), np.array(outputs), "regression", classes, scale)


def test_classes_learned_as_numbers_are_judged_by_distance():
    opinions = numbers([0, 1, 2, 2, 9], [[0.01], [0.12], [0.7], [0.31], [2.0]], [str(i) for i in range(10)], 10.0)
    report = rank(opinions)
    assert [(e["index"], e["label"], e["predicted"]) for e in report["suspects"]] == [(2, 2, 7), (3, 2, 3)]
    assert known_by_heart(opinions) is None


def test_values_are_judged_by_distance():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 1))
    outputs = values + 0.1 * rng.standard_normal((200, 1))
    values[17] += 5
    report = rank(numbers(values, outputs))
    assert report["suspects"][0]["index"] == 17
    assert "label_name" not in report["suspects"][0]
    json.dumps(report)


def test_lists_and_sheets(tmp_path, monkeypatch):
    grid = pytest.importorskip("tapegrad.lab.pictures.grid")
    drawn = {}

    def draw(pixels, labels, classes, path, **options):
        drawn.update(pixels=pixels, labels=labels.tolist(), **options)
        return str(path)

    monkeypatch.setattr(grid, "draw_samples", draw)
    opinions = judged([[0.9, 0.1], [0.0001, 0.9999], [0.3, 0.7]], [0, 0, 0])
    opinions.samples.index = np.array([7, 3, 5])
    opinions.samples.images = np.array([70, 30, 50], dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)
    paths = write_suspects(rank(opinions), opinions.samples, opinions.classes, tmp_path)
    assert [path.rpartition("/")[2] for path in paths] == ["suspects.json", "suspects.txt", "suspects.png"]
    assert read_exclusions(tmp_path / "suspects.txt") == read_exclusions(tmp_path / "suspects.json") == [3, 5]
    assert "3       # c0 -> c1 (>99.9%), score 0.0001" in (tmp_path / "suspects.txt").read_text()
    assert drawn["pixels"][:, 0, 0].tolist() == [30, 50]
    assert drawn["captions"] == ["→ c1 (>99.9%)\n3", "→ c1 (70.0%)\n5"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short run of digits."""
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    from tapegrad.cli.main import main

    runs = tmp_path_factory.mktemp("runs")
    assert main(["train", "digits", "--runs", str(runs), "training.epochs=2", "callbacks.statistics=false"]) == 0
    return next(path for path in runs.iterdir() if path.is_dir())


def test_the_command_leaves_lists_in_the_run(trained, capsys):
    from tapegrad.cli.main import main

    assert main(["data", "suspects", str(trained), "--top", "5"]) == 0
    out = capsys.readouterr().out
    assert "1,442 samples; the network disagrees with" in out
    report = json.loads((trained / "suspects" / "suspects.json").read_text())
    assert (len(report["suspects"]), report["set"], report["run"]) == (5, "digits", trained.name)
    assert (trained / "suspects" / "suspects.png").stat().st_size > 1000
    data = {"set": "digits", "exclude": str(trained / "suspects" / "suspects.txt")}
    kept = load_sets(recipe(data=data))
    assert sum(len(part) for _, part in kept.parts()) == 1797 - 5


def test_the_command_judges_by_folds(trained, tmp_path, capsys):
    from tapegrad.cli.main import main

    few = ["--top", "4"]
    arguments = [
        "data",
        "suspects",
        str(trained),
        "--folds",
        "2",
        "--epochs",
        "1",
        "-o",
        str(tmp_path),
        "--lang",
        "zh",
        *few,
    ]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "fold 2/2: accuracy 0." in out
    assert "共 1,442 个样本" in out
    assert json.loads((tmp_path / "suspects.json").read_text())["folds"] == 2


def test_the_command_warns_of_a_network_that_hides_them(trained, tmp_path, capsys, monkeypatch):
    from tapegrad.cli.main import main
    from tapegrad.lab.data import suspects

    monkeypatch.setattr(suspects, "known_by_heart", lambda opinions: 0.9987)
    assert main(["data", "suspects", str(trained), "-o", str(tmp_path), "--top", "4"]) == 0
    warned = capsys.readouterr().err
    assert "gives 99.9% of its training samples the label that they have" in warned
    assert "too little" not in warned
    assert main(["data", "suspects", str(trained), "--folds", "1"]) == 2
    assert "folds: is 1" in capsys.readouterr().err


def test_the_command_warns_of_a_network_that_knows_too_little(trained, tmp_path, capsys, monkeypatch):
    from tapegrad.cli.main import main
    from tapegrad.lab.data import suspects

    guess = judged([[0.4, 0.6], [0.6, 0.4], [0.4, 0.6]], [0, 1, 1])
    monkeypatch.setattr(suspects, "opinions_of", lambda model, sets: guess)
    assert main(["data", "suspects", str(trained), "-o", str(tmp_path)]) == 0
    assert "disagrees with 67% of all labels: it has learned too little" in capsys.readouterr().err


def test_folds_train_as_long_as_asked_or_as_the_run_did(trained, tmp_path, monkeypatch):
    from tapegrad.cli.main import main
    from tapegrad.lab.data import suspects
    from tapegrad.train import Run

    called = []

    def by_folds(config, sets, count, epochs=None, steps=None, tell=None):
        called.append((config.training.epochs, epochs, steps, config.data.set))
        return judged([[0.9, 0.1], [0.2, 0.8]], [0, 1])

    monkeypatch.setattr(suspects, "opinions_by_folds", by_folds)
    arguments = ["data", "suspects", str(trained), "--folds", "2", "-o", str(tmp_path)]
    assert main(arguments) == 0
    assert main([*arguments, "--epochs", "9"]) == 0
    assert called == [(2, None, None, "digits"), (9, None, None, "digits")]
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    wanted = "callbacks: {early_stopping: {patience: 3}}"
    text = re.sub(r"(?m)^callbacks:.*(\n[ ]+.*)*", wanted, Run(trained).recipe)
    (stopped / "recipe.yaml").write_text(text)
    (stopped / "events.jsonl").write_bytes((trained / "events.jsonl").read_bytes())
    assert main([*arguments[:2], str(stopped), *arguments[3:]]) == 0
    last = Run(trained).events("epoch")[-1]
    assert called[-1] == (2, last["epoch"], last["step"], "digits")


def test_sets_say_whether_validation_was_split_off():
    assert load_sets(recipe()).held_out
    assert not load_sets(recipe(data={"set": "digits", "split": {"valid": 0}})).held_out
    assert not Sets("x", "classification", judged([[1.0]], [0]).samples, None, None, None).held_out
