"""The same training in PyTorch, step by step."""

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("torch")

from tapegrad import errors
from tapegrad.lab import against
from tapegrad.lab.against import verify_against
from tapegrad.lab.schema import Config


def config(**changes):
    plain = {
        "data": {"set": "digits", "batch_size": 32, "standardize": True},
        "model": {"layers": [64, 16, 10]},
        "optimizer": {"type": "SGD", "lr": 0.1},
        "training": {"epochs": 2},
    }
    return Config.model_validate({**plain, **changes})


CASES = {
    "momentum, schedule after each epoch": {
        "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3},
        "schedule": {"type": "StepLR", "step_size": 1, "gamma": 0.5},
    },
    "one cycle, dropout, clipping, averages": {
        "model": {"layers": [64, 16, 10], "dropout": 0.5},
        "optimizer": {"type": "Adam", "lr": 1e-2},
        "schedule": {"type": "OneCycleLR", "every": "step"},
        "training": {"epochs": 2, "clip_norm": 0.5, "ema": 0.9},
    },
    "penalties, groups, inverse time decay, frozen": {
        "optimizer": {
            "type": "RMSprop",
            "lr": 1e-3,
            "groups": [{"parameters": "*.bias", "lr": 1e-4}],
            "penalties": [{"parameters": "*.weight", "l1": 1e-4, "l2": 1e-3}],
        },
        "schedule": {"type": "InverseTimeLR", "decay": 0.1, "every": "step"},
        "freeze": ["fc1.bias"],
    },
    "convolutions with normalisation": {
        "model": {
            "layers": [
                {"type": "Conv2d", "in_channels": 1, "out_channels": 4, "kernel_size": 3, "bias": False},
                {"type": "BatchNorm2d", "num_features": 4},
                "ReLU",
                {"type": "MaxPool2d", "kernel_size": 2},
                "Flatten",
                {"type": "Linear", "in_features": 36, "out_features": 10},
            ]
        },
        "optimizer": {"type": "AdamW", "lr": 1e-3},
        "loss": {"type": "CrossEntropyLoss", "label_smoothing": 0.1},
    },
    "cubed units, squared error": {
        "data": {"set": "digits", "target_scale": 10},
        "model": {"layers": [64, 8, 1], "activation": "ReLU3", "output_activation": "Sigmoid"},
        "loss": "MSELoss",
    },
}


@pytest.mark.parametrize("name", CASES)
def test_the_two_stay_together(name):
    found = verify_against(config(**CASES[name]), steps=60)
    assert len(found.steps) == 60
    assert found.largest < 1e-9
    assert found.steps[0].loss > 0


def test_a_fault_is_seen_at_its_step(monkeypatch):
    """Planted: our rate is a little higher than it says, from the third update on."""
    real = against._Twin.on_batch_end

    def tampered(self, trainer, batch):
        if trainer.position.step == 3:
            trainer.model.fc1.weight.array[0, 0] += 1e-4
        real(self, trainer, batch)

    monkeypatch.setattr(against._Twin, "on_batch_end", tampered)
    found = verify_against(config(), steps=5)
    assert [step.largest > 1e-6 for step in found.steps] == [False, False, True, True, True]


def test_dropout_is_said_to_be_off():
    found = verify_against(config(model={"layers": [64, 16, 10], "dropout": 0.5}), steps=1)
    assert found.notes == ["dropout is switched off"]


def test_no_steps_are_refused():
    with pytest.raises(errors.ArgumentError, match="steps is 0"):
        verify_against(config(), steps=0)


@pytest.mark.parametrize(
    "schedule",
    [
        {"type": "ReduceLROnPlateau", "patience": 0},
        {
            "type": "SequentialLR",
            "milestones": [1],
            "schedulers": [{"type": "ConstantLR", "factor": 0.5}, {"type": "ExponentialLR", "gamma": 0.5}],
        },
    ],
    ids=lambda schedule: schedule["type"],
)
def test_schedules_without_a_twin_are_followed(schedule):
    found = verify_against(config(schedule=schedule, training={"epochs": 3}), steps=90)
    assert found.notes == ["the rates of the schedule are ours in both"]
    assert found.largest < 1e-9


def test_class_weights_reach_the_twin():
    loss = {"type": "CrossEntropyLoss", "weight": [1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]}
    assert verify_against(config(loss=loss), steps=3).largest < 1e-9
