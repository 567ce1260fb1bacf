"""Statements about a run: each is made where the facts bear it out, and not elsewhere."""

import json

import pytest
from report_runs import RECIPE, layer, make_run, records

from tapegrad.lab.report.analysis import analyse
from tapegrad.lab.report.facts import Facts
from tapegrad.lab.report.speaker import Speaker
from tapegrad.lab.report.view import RunView


def found(folder, lang="en", **run):
    view = RunView(make_run(folder / "run", **run), Facts())
    say = Speaker(lang)
    return {
        statement.key: "".join(getattr(span, "text", str(span)) for span in statement.sentence(say))
        for statement in analyse(view)
    }


def test_a_usual_run(tmp_path):
    said = found(tmp_path)
    assert said["reported same"] == "Training accuracy: 0.9500, as reported (0.9499)."
    assert said["interval"] == (
        "With 30 samples, the true accuracy lies between 0.6269 and 0.9049 (95 % interval of Wilson)."
    )
    assert said["gap slight"] == (
        "Slight overfitting: accuracy is 0.9500 on the training set and 0.9000 on the validation set, 0.0500 apart."
    )
    assert said["best early"] == (
        "The validation loss was lowest in epoch 4 of 12, with 0.5000; at the end it is 1.1400, 2.28 times as high: "
        "the later epochs did not help."
    )
    assert said["dead none"].startswith("No layer with a ReLU has more than 5.0\u202f% of its units dead")
    assert said["gradient even"].endswith("the norm is 0.5 in fc1 and 0.4 in fc2.")
    assert said["confused"] == (
        "Most often confused on the test set: 50% taken for a<b> (4 of 10), a<b> taken for c_d & e (1 of 10), "
        "a<b> taken for 50% (1 of 10)."
    )
    assert said["weakest"] == "The weakest class is 50%: 60.0\u202f% of its 10 samples are recognised."
    assert "trend falling" in said
    assert not {"stuck", "chance", "update large"} & set(said)


def test_the_same_in_chinese(tmp_path):
    said = found(tmp_path, "zh")
    assert said["gap slight"] == "存在轻微过拟合：训练集上的准确率为 0.9500，验证集上为 0.9000，相差 0.0500。"
    assert said["confused"].startswith("测试集上最容易混淆的类别：“50%”被误认为“a<b>”（10 个中有 4 个）、")


@pytest.mark.parametrize(
    ("result", "key"),
    [
        ({"train_accuracy": 0.99}, "gap clear"),
        ({"train_accuracy": 0.91}, "gap none"),
        ({"train_accuracy": 0.85}, "gap none"),
    ],
)
def test_the_gap(tmp_path, result, key):
    assert key in found(tmp_path, result=result)


def test_reported_figures_are_better_or_worse(tmp_path):
    recipe = "reported: {test_accuracy: 0.7, test_loss: 0.5, train_loss: 0.2, other: text}\n"
    recipe += "\n".join(line for line in RECIPE.splitlines() if not line.startswith("reported")) + "\n"
    view = RunView(make_run(tmp_path / "run", recipe=recipe), Facts())
    say = Speaker("en")
    texts = ["".join(getattr(x, "text", str(x)) for x in s.sentence(say)) for s in analyse(view) if "reported" in s.key]
    assert texts == [
        "Test accuracy: 0.8000, 0.1000 better than the 0.7 that was reported.",
        "Test loss: 0.6000, 0.1000 worse than the 0.5 that was reported.",
        "Training loss: 0.1000, 0.1000 better than the 0.2 that was reported.",
    ]


def test_no_better_than_chance(tmp_path):
    said = found(tmp_path, result={"test_accuracy": 1 / 3, "confusion": [[10, 0, 0], [10, 0, 0], [10, 0, 0]]})
    assert said["chance"].startswith("The accuracy of 0.3333 is no better than naming the most frequent class")


def constant(count=12):
    return [{**record, "loss": 0.285, "accuracy": 0.1} for record in records(count, valid=False)]


def test_a_loss_that_stays_where_it_is_has_its_cause_named(tmp_path):
    layers = {
        "fc1": layer("Linear", norm=0.0, update_ratio=0.0),
        "act1": layer("ReLU", dead_share=1.0),
        "fc2": layer("Linear", norm=0.0, update_ratio=0.0),
    }
    said = found(tmp_path, events=constant(), layers=layers, result={"train_accuracy": 0.1, "test_accuracy": 0.1})
    assert said["stuck"] == "The training got stuck: in the second half the loss stayed between 0.2850 and 0.2850."
    assert said["stuck dead"].startswith("The cause is measured: every unit of act1 gives 0 for the whole batch")
    assert said["stuck gradient"].startswith("The largest gradient norm of any layer at the last report is 0:")
    assert not {"gap none", "trend level", "gradient vanishing", "update small"} & set(said)


def test_a_saturated_output_is_a_cause_too(tmp_path):
    layers = {"fc1": layer("Linear", norm=1e-12), "act1": layer("Sigmoid", saturated_share=1.0)}
    said = found(tmp_path, events=constant(), layers=layers, result={"train_accuracy": 0.1})
    assert said["stuck saturated"].startswith("100.0\u202f% of the values of act1 are at the ends of its range")


def test_a_loss_that_stays_low_is_not_stuck(tmp_path):
    events = [{**record, "loss": 1e-4} for record in records()]
    assert "stuck" not in found(tmp_path, events=events, result={"train_accuracy": 1.0})


def test_layers_in_trouble(tmp_path):
    layers = {
        "fc1": layer("Linear", norm=1e-4, update_ratio=0.5),
        "act1": layer("ReLU", dead_share=0.4),
        "act2": layer("Tanh", saturated_share=0.8),
        "fc2": layer("Linear", norm=0.4),
    }
    said = found(tmp_path, layers=layers)
    assert said["dead"] == "Dead units at the last report: 40.0\u202f% of act1."
    assert said["saturated"] == "Saturated values at the last report: 80.0\u202f% of act2."
    assert "0.000250 of that" in said["gradient vanishing"] or "2.5e−4 of that" in said["gradient vanishing"]
    assert said["update large"] == "The last update changed fc1 by 0.5 of its weights' norm, which is much."


def test_dead_units_are_those_of_rectifiers(tmp_path):
    """A dropout or a linear layer whose outputs are 0 by chance has no dead units."""
    layers = {"drop1": layer("Dropout", dead_share=0.9), "fc1": layer("Linear", norm=0.1, dead_share=0.9)}
    said = found(tmp_path, layers=layers)
    assert not {"dead", "dead none"} & set(said)


def test_a_course_that_is_too_short_has_no_trend(tmp_path):
    said = found(tmp_path, events=records(4))
    assert not {"trend falling", "trend level", "trend rising"} & set(said)


@pytest.mark.parametrize(("last", "key"), [(0.2, "trend falling"), (1.0, "trend level"), (2.0, "trend rising")])
def test_the_trend(tmp_path, last, key):
    events = [{**record, "loss": (last if i > 10 else 1.0) + 0.01 * (i % 2)} for i, record in enumerate(records(), 1)]
    assert key in found(tmp_path, events=events)


def test_values_that_are_not_finite_do_no_harm(tmp_path):
    events = [{**record, "loss": "NaN", "valid_loss": "Infinity"} for record in records()]
    said = found(tmp_path, events=events, result={"train_loss": "NaN"})
    assert "best early" not in said


def test_nothing_is_said_of_nothing(tmp_path):
    assert found(tmp_path, result={}, events=[], layers=None, data=None, environment=None) == {}


REGRESSION = """\
data: {set: sine, split: {valid: 0}, batch_size: full}
model: {layers: [1, 4, 1], activation: Tanh}
loss: MSELoss
optimizer: {type: SGD, lr: 0.01}
training: {epochs: 12}
metrics: [mae]
"""


def test_residuals_at_the_ends(tmp_path):
    result = {
        "task": "regression",
        "classes": None,
        "confusion": None,
        "mistakes": None,
        "test_mae": 0.02,
        "train_mae": 0.02,
    }
    result |= dict.fromkeys(["train_accuracy", "valid_accuracy", "test_accuracy"])
    result |= {"worst": [{"index": 3, "target": [0.5], "output": [0.75], "error": 0.25}], "test_loss": 0.3}
    folder = make_run(tmp_path / "run", recipe=REGRESSION, result=result, data=None, events=records(valid=False))
    measured = {"part": "test", "edges": [0.1 * i for i in range(11)], "mae": [0.4] + [0.1] * 9, "mae_ends": 0.25}
    (folder / "measured.json").write_text(json.dumps({**measured, "mae_middle": 0.1}))
    say, view = Speaker("en"), RunView(folder, Facts())
    said = {s.key: "".join(getattr(x, "text", str(x)) for x in s.sentence(say)) for s in analyse(view)}
    assert said["ends worse"].endswith(
        "is 0.2500 in the outermost two tenths of the inputs and 0.1000 between them, 2.50 times as much."
    )
    assert said["worst place"] == "The error is largest for inputs between 0 and 0.1, with a mean of 0.4000."
    assert said["worst sample"] == "The largest error is 0.2500: the network says 0.7500 where 0.5000 is right."
    assert said["gap loss clear"].startswith(
        "Overfitting: the validation loss of 0.5000 is 5.00 times the training loss"
    )
