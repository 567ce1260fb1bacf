"""Checks before anything is learned: each names its fault, and none says a word about what is healthy."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.errors import TapegradError
from tapegrad.explain.doctor.doctor import Doctor, diagnose
from tapegrad.train import Trainer
from tapegrad.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.filterwarnings("ignore::tapegrad.errors.TapegradWarning")


def data(samples=96, features=6, classes=3):
    """Points that a network can tell apart, in an order without a pattern."""
    rng = np.random.default_rng(0)
    labels = np.arange(samples) % classes
    rng.shuffle(labels)
    centres = np.random.default_rng(1).standard_normal((classes, features))
    inputs = centres[labels] + 0.5 * rng.standard_normal((samples, features))
    return tg.tensor(inputs.astype(np.float32)), tg.tensor(labels)


def network(*last, outputs=3, inputs=6):
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs), *last)


def found(model, inputs, targets, loss=None, *, mode="cheap", parameters=None, test=None, shuffle=False):
    held = list(model.parameters()) if parameters is None else parameters
    trainer = Trainer(model, loss or nn.CrossEntropyLoss(), optim.SGD(held, lr=0.01))
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=shuffle)
    return diagnose(trainer, loader, steps=2, mode=mode, test=test)


def faults(*details, **options):
    return [(f.fault, f.where) for f in found(*details, **options)]


def test_a_healthy_training_is_not_worth_a_word():
    inputs, labels = data()
    assert faults(network(), inputs, labels, mode="full") == []
    assert faults(network(outputs=1), inputs, inputs.sum(dim=1, keepdim=True), nn.MSELoss(), mode="full") == []
    assert faults(network(nn.LogSoftmax(1)), inputs, labels, nn.NLLLoss(), mode="full") == []
    halves = (labels > 0).float().unsqueeze(1)
    assert faults(network(outputs=1), inputs, halves, nn.BCEWithLogitsLoss(), mode="full") == []
    assert faults(network(nn.Sigmoid(), outputs=1), inputs, halves, nn.MSELoss(), mode="full") == []


@pytest.mark.parametrize(
    ("last", "loss", "fault"),
    [
        (nn.Softmax(1), nn.CrossEntropyLoss(), "double-softmax"),
        (nn.Sigmoid(), nn.CrossEntropyLoss(), "bounded-scores"),
        (nn.Tanh(), nn.CrossEntropyLoss(), "bounded-scores"),
        (nn.Softmax(1), nn.NLLLoss(), "nll-of-scores"),
    ],
)
def test_scores_that_a_loss_is_not_made_for(last, loss, fault):
    inputs, labels = data()
    assert faults(network(last), inputs, labels, loss)[0] == (fault, "3")


def test_raw_scores_in_the_likelihood():
    inputs, labels = data()
    assert faults(network(), inputs, labels, nn.NLLLoss())[0] == ("nll-of-scores", "2")


def test_a_sigmoid_before_a_loss_with_logits():
    inputs, labels = data()
    halves = (labels > 0).float()
    assert faults(network(nn.Sigmoid(), outputs=1), inputs, halves.unsqueeze(1), nn.BCEWithLogitsLoss())[0] == (
        "sigmoid-twice",
        "3",
    )


class InForward(nn.Module):
    """A network whose last activation is no module."""

    def __init__(self):
        super().__init__()
        self.body = network(outputs=1)

    def forward(self, x):
        return tg.sigmoid(self.body(x)).view(-1, 1)


@pytest.mark.parametrize(("model", "where"), [(lambda: network(nn.Sigmoid(), outputs=1), "3"), (InForward, "")])
def test_labels_from_0_to_9_behind_a_sigmoid(model, where):
    inputs, _ = data()
    targets = (tg.arange(96) % 10).float().unsqueeze(1)
    finding = found(model(), inputs, targets, nn.MSELoss())[0]
    assert (finding.fault, finding.where, finding.since) == ("output-range", where, 0)
    assert finding.evidence["least"] == 0
    assert finding.evidence["most"] == 9


def test_the_loss_at_the_start():
    inputs, labels = data()
    model = network()
    with tg.no_grad():
        model[2].weight.mul_(200)
    first = found(model, inputs, labels)[0]
    assert (first.fault, first.where, first.advice) == ("start-loss", "2", "initial_weights: null")
    assert first.evidence["expected"] == pytest.approx(np.log(3))


def test_inputs_that_are_not_standardised():
    inputs, labels = data()
    assert faults(network(), inputs * 60 + 128, labels)[0] == ("inputs-scale", "")
    uneven = inputs.clone()
    uneven[:, 2] *= 1000
    assert ("inputs-scale", "") in faults(network(), uneven, labels)
    uneven[:, 2] /= 130
    uneven[:, :2] /= 200
    uneven[:, 3:] /= 200
    assert ("inputs-uneven", "") in faults(network(), uneven, labels)


def test_inputs_that_are_all_the_same_or_not_finite():
    inputs, labels = data()
    assert faults(network(), tg.ones(96, 6), labels)[0] == ("inputs-alike", "")
    inputs[3, 2] = float("nan")
    assert faults(network(), inputs, labels)[0] == ("inputs-not-finite", "")


def test_labels_beyond_the_classes_are_told_before_the_error():
    inputs, labels = data()
    first = found(network(), inputs, labels + 1)[0]
    assert (first.fault, first.evidence["high"], first.evidence["classes"]) == ("labels-range", 3, 3)


def test_an_error_that_nothing_explains_is_raised():
    inputs, labels = data(features=5)
    with pytest.raises(TapegradError, match="5"):
        found(network(), inputs, labels)


def test_targets_without_the_dimension_of_the_outputs():
    inputs, _ = data()
    assert faults(network(outputs=1), inputs, inputs.sum(dim=1), nn.MSELoss())[0] == ("target-shape", "")


def test_classes_that_are_missing_alone_or_rare():
    inputs, labels = data()
    assert faults(network(), inputs, tg.zeros(96, dtype=tg.int64))[0] == ("one-class", "")
    assert faults(network(outputs=4), inputs, labels)[0] == ("class-missing", "")
    rare = tg.zeros(96, dtype=tg.int64)
    rare[[3, 40, 41]] = tg.tensor([1, 2, 2])
    finding = found(network(), inputs, rare)[0]
    assert (finding.fault, finding.evidence["few"], finding.evidence["many"]) == ("classes-unbalanced", 1, 93)


def test_samples_that_come_sorted():
    inputs, labels = data()
    order = tg.argsort(labels)
    assert faults(network(), inputs[order], labels[order])[0] == ("sorted-batches", "")
    assert faults(network(), inputs[order], labels[order], shuffle=True) == []


def test_samples_that_are_learned_from_and_measured_on():
    inputs, labels = data()
    other, _ = data(samples=60, features=6)
    mixed = tg.cat([other + 5, inputs[:5]])
    finding = found(network(), inputs, labels, test=(mixed, tg.zeros(65)))[0]
    assert (finding.fault, finding.evidence["count"], finding.evidence["part"]) == ("shared-samples", 5, "test")
    assert faults(network(), inputs, labels, test=(other + 5, tg.zeros(60))) == []


def test_inputs_with_few_values_meet_again_by_chance():
    inputs, labels = data()
    bits = (inputs[:, :2] > 0).float()
    model = network(inputs=2)
    assert "shared-samples" not in dict(faults(model, bits, labels, test=(bits[:20], labels[:20])))


def test_parameters_that_the_optimizer_lacks():
    inputs, labels = data()
    model = network()
    assert faults(model, inputs, labels, parameters=list(model[0].parameters()))[0] == ("not-in-optimizer", "2")
    other = network()
    assert faults(model, inputs, labels, parameters=list(other.parameters()))[0] == ("not-in-optimizer", "")


class Cut(nn.Module):
    """A network whose first part is cut off."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.second = nn.Linear(16, 3)

    def forward(self, x):
        return self.second(self.first(x).relu().detach())


def test_parameters_that_no_gradient_reaches():
    inputs, labels = data()
    assert faults(Cut(), inputs, labels)[0] == ("no-gradient", "first")


def test_frozen_parameters_are_a_choice():
    inputs, labels = data()
    model = network()
    model[0].requires_grad_(False)
    names = dict(faults(model, inputs, labels, parameters=list(model[2].parameters())))
    assert "no-gradient" not in names
    assert "not-in-optimizer" not in names


def test_weights_that_are_not_finite():
    inputs, labels = data()
    model = network()
    model[0].bias.data[2] = float("inf")
    assert faults(model, inputs, labels)[0] == ("weights-not-finite", "0.bias")


def test_an_activation_that_is_saturated_from_the_start():
    inputs, _ = data()
    model = network(nn.Sigmoid(), outputs=1)
    with tg.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.mul_(30)
    finding = found(model, inputs, tg.rand(96, 1), nn.MSELoss())[0]
    assert (finding.fault, finding.where, finding.advice) == ("start-saturated", "3", "initial_weights: null")


class Halved(tg.autograd.Function):
    """The identity, whose backward pass divides by the batch size once more."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g / len(g)


class Divided(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = network()

    def forward(self, x):
        return Halved.apply(self.body(x))


def test_the_full_form_finds_gradients_that_are_divided_twice():
    inputs, labels = data()
    assert "gradient-scale" not in dict(faults(Divided(), inputs, labels))
    finding = found(Divided(), inputs, labels, mode="full")[0]
    assert finding.fault == "gradient-scale"
    assert finding.evidence["times"] == pytest.approx(32, rel=0.1)


def test_the_full_form_tries_to_learn_a_batch_by_heart():
    _, labels = data()
    # Two different samples only, under three labels that were drawn.
    inputs = (2.0 * (tg.arange(96) % 2).float() - 1.0).reshape(96, 1).expand(96, 6).contiguous()
    assert "cannot-overfit" in dict(faults(network(), inputs, labels, mode="full"))


def test_the_mode_is_checked():
    with pytest.raises(TapegradError, match="Doctor: mode is 'quick'"):
        Doctor(mode="quick")
