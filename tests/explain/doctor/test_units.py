"""Units that are lost: whether a rate that is too high, or the first biases, are named as what took them."""

import pytest

from tapegrad.explain.doctor.detectors import detect
from tapegrad.explain.doctor.doctor import Doctor, diagnose
from tapegrad.explain.doctor.reading import course_of
from tapegrad.lab.build import build
from tapegrad.lab.config import load_config
from tapegrad.train import Statistics

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def told(overrides, form):
    """What is found by a training's own doctor, by the one that reads its folder, or in the full form; in that order."""
    config = load_config("digits", ["training.epochs=8", *overrides])
    assembly = build(config)
    trainer, loaders = assembly.trainer, (assembly.train_loader, assembly.valid_loader)
    if form == "full":
        return diagnose(trainer, *loaders, epochs=8)
    events = []
    log = lambda event, **fields: events.append({"event": event, **fields})  # noqa: E731
    first = []
    doctor = Doctor(budget=0.0, tell=first.append)
    trainer.callbacks = [Statistics(log), doctor]
    trainer.fit(*loaders, epochs=8)
    if form == "training":
        return first
    events += [{"event": "epoch", **record} for record in trainer.history]
    return detect(course_of(events, {"loss": "CrossEntropyLoss", "epochs": 8}))


RATES = {
    "30 times": "optimizer={type: SGD, lr: 3}",
    "100 times": "optimizer={type: SGD, lr: 10}",
    "1000 times": "optimizer={type: SGD, lr: 100}",
    "momentum": "optimizer={type: SGD, lr: 5, momentum: 0.9}",
    "Adam": "optimizer.lr=5",
}
FORMS = ("training", "folder", "full")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_units_that_large_updates_kill_are_a_matter_of_the_rate(rate, form):
    found = told([rate], form)
    assert found[0].fault == "rate-too-high", [(f.fault, f.where) for f in found]
    assert found[0].evidence["ratio"] > 0.01
    for language in ("en", "zh"):
        assert "?" not in found[0].message(language)


@pytest.mark.parametrize("form", FORMS)
def test_saturated_units_are_as_well(form):
    found = told(["optimizer={type: SGD, lr: 100}", "model.activation=Tanh"], form)
    assert found[0].fault == "rate-too-high"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rate", [0.1, 3])
def test_units_that_are_dead_from_the_start_are_their_biases_fault(rate, form):
    biases = 'initial_weights=[{type: constant_, parameters: "fc1.bias", val: -20.0}]'
    finding = told([biases, f"optimizer={{type: SGD, lr: {rate}}}"], form)[0]
    assert (finding.fault, finding.where) == ("dead-units", "act1")
    if form != "folder":  # reports and looks do not tell of biases
        assert finding.evidence["bias"] == -20.0
        assert finding.evidence["layer"] == "fc1"
        assert finding.advice == 'initial_weights: [{type: zeros_, parameters: "fc1.bias"}]'
        assert "-20" in finding.message("en")
        assert "-20" in finding.message("zh")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "optimizer", ["{type: SGD, lr: 0.1}", "{type: SGD, lr: 0.05, momentum: 0.9}", "{type: Adam, lr: 0.01}"]
)
def test_a_usual_rate_throws_nothing(optimizer, form):
    assert told([f"optimizer={optimizer}"], form) == []


@pytest.mark.parametrize("form", FORMS)
def test_weights_that_were_thrown_before_they_decayed_are_a_matter_of_the_rate(form):
    found = told(["optimizer={type: AdamW, lr: 3, weight_decay: 0.05}"], form)
    assert [f.fault for f in found] == ["rate-too-high"]


def test_a_training_that_a_rate_breaks_off_is_a_finding_and_no_error():
    found = told(["optimizer={type: SGD, lr: 1000000}"], "full")
    assert [f.fault for f in found] == ["rate-too-high"]
