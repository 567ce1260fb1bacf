"""Run folders for tests: files as a training would leave them, without the training."""

import json
import pathlib

RECIPE = """\
title: {en: "Letters <&> _", zh: 字母 <&> _}
description: {en: "50% of $5 & more", zh: 百分之五十}
reported: {test_accuracy: 0.8, train_accuracy: 0.9499}
data: {set: digits, batch_size: 16, split: {valid: 0.1}}
model: {layers: [4, 8, 3], activation: ReLU}
optimizer: {type: Adam, lr: 0.01}
training: {epochs: 12}
metrics: [accuracy]
"""
CLASSES = ["a<b>", "c_d & e", "50%"]


def layer(kind, **entries):
    histogram = {"low": -1.0, "high": 1.0, "counts": [1, 2, 3]}
    activation = {"mean": 0.1, "std": 0.5, "min": -1.0, "max": 1.0, "histogram": histogram}
    activation |= {key: entries.pop(key) for key in ("dead_share", "saturated_share") if key in entries}
    learning = {}
    if "norm" in entries:
        learning = {
            "gradient": {"norm": entries.pop("norm"), "histogram": histogram},
            "weight": {"norm": 2.0},
            "update_ratio": entries.pop("update_ratio", 1e-3),
        }
    return {"kind": kind, "activation": activation, **learning}


LAYERS = {"fc1": layer("Linear", norm=0.5), "act1": layer("ReLU", dead_share=0.05), "fc2": layer("Linear", norm=0.4)}


def records(count=12, valid=True):
    found = []
    for i in range(1, count + 1):
        record = {"event": "epoch", "epoch": i, "step": 10 * i, "rate": 0.01, "loss": 1.0 / i, "accuracy": 1 - 0.5 / i}
        if valid:
            record |= {"valid_loss": 0.5 + 0.01 * (i - 4) ** 2, "valid_accuracy": 0.9 - 0.001 * (i - 4) ** 2}
        found.append({**record, "seconds": 0.25})
    return found


RESULT = {
    "task": "classification",
    "samples": {"train": 90, "valid": 10, "test": 30},
    "parameters": 67,
    "epochs": 12,
    "steps": 120,
    "stopped": None,
    "train_loss": 0.1,
    "train_accuracy": 0.95,
    "valid_loss": 0.5,
    "valid_accuracy": 0.9,
    "test_loss": 0.6,
    "test_accuracy": 0.8,
    "network": [
        {"name": "fc1", "type": "Linear", "input_shape": [4], "output_shape": [8], "parameters": 40},
        {"name": "act1", "type": "ReLU", "input_shape": [8], "output_shape": [8], "parameters": 0},
        {"name": "fc2", "type": "Linear", "input_shape": [8], "output_shape": [3], "parameters": 27},
    ],
    "classes": CLASSES,
    "confusion": [[8, 1, 1], [0, 10, 0], [4, 0, 6]],
    "mistakes": [{"index": 7, "label": 2, "predicted": 0, "confidence": 0.99}],
    "seconds": 3.5,
}
DATA = {
    "set": "digits",
    "task": "classification",
    "classes": CLASSES,
    "input_shape": [4],
    "statistics": {},
    "samples": RESULT["samples"],
    "sources": {"digits/data_1.npz": "ab" * 32},
    "counts": {"train": [30, 30, 30], "valid": [4, 3, 3], "test": [10, 10, 10]},
}
ENVIRONMENT = {"tapegrad": "0.1.0", "numpy": "2.3.0", "python": "3.12.1", "threads": 1, "cpu": "A&B_1"}


def make_run(folder, *, recipe=RECIPE, result=None, data=DATA, events=None, layers=LAYERS, environment=ENVIRONMENT):
    """Write a run; ``result={}`` leaves it unfinished, other entries replace those of :data:`RESULT`."""
    folder = pathlib.Path(folder)
    (folder / "pictures").mkdir(parents=True)
    (folder / "checkpoints").mkdir()
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    events = records() if events is None else events
    if layers:
        events = [*events, *({"event": "statistics", "step": step, "layers": layers} for step in (1, 120))]
    text = "".join(json.dumps(event) + "\n" for event in [{"event": "start", "step": 0}, *events])
    (folder / "events.jsonl").write_text(text)
    files = {"data.json": data, "environment.json": environment}
    if result != {}:
        files["result.json"] = {**RESULT, **(result or {})}
    for name, content in files.items():
        if content is not None:
            (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder
