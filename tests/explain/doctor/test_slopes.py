"""Gradients beside finite differences: wrong ones are found, and right ones are never called wrong."""

import pathlib

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.explain.doctor.doctor import diagnose
from tapegrad.explain.doctor.slopes import slopes_of
from tapegrad.lab.build import build
from tapegrad.lab.config import load_config
from tapegrad.train import Trainer
from tapegrad.utils.data import DataLoader, TensorDataset

CATALOGUE = pathlib.Path(__file__).parent / "catalogue"


def scaled(factor):
    """A layer that lets values through as they are, and multiplies gradients."""

    class Scale(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * factor

    class Layer(nn.Module):
        def forward(self, x):
            return Scale.apply(x)

    return Layer()


def wrong_bias():
    """A layer whose bias alone gets a gradient of the wrong sign."""

    class Shift(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x, b):
            return x + b

        @staticmethod
        def backward(ctx, g):
            return g, -g.sum(0)

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(tg.zeros(3))

        def forward(self, x):
            return Shift.apply(x, self.bias)

    return Layer()


def network(layer, activation=nn.Tanh, spread=1.0):
    model = nn.Sequential(nn.Linear(5, 8), activation(), nn.Linear(8, 6), layer, activation(), nn.Linear(6, 3))
    for p in model.parameters():
        p.data *= spread
    return model


def findings(model):
    inputs = tg.randn(64, 5)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5).long()
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.01))
    found = diagnose(trainer, DataLoader(TensorDataset(inputs, labels), batch_size=64), steps=1)
    return [(finding.fault, finding.where) for finding in found if finding.fault.startswith("gradient")]


SIDES = {"tanh": (nn.Tanh, 1.0), "relu": (nn.ReLU, 1.0), "saturated": (nn.Tanh, 4.0)}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("activation", "spread"), SIDES.values(), ids=SIDES)
def test_wrong_gradients_are_found_with_their_layer(activation, spread, seed):
    tg.manual_seed(seed)
    assert findings(network(scaled(2.0), activation, spread)) == [("gradient-scale", "0")]
    assert findings(network(scaled(-1.0), activation, spread)) == [("gradient-wrong", "0")]
    assert findings(network(scaled(1.0), activation, spread)) == []
    model = nn.Sequential(nn.Linear(5, 8), activation(), nn.Linear(8, 3), wrong_bias())
    assert findings(model) == [("gradient-wrong", "3")]


def test_dropout_and_batch_normalisation_are_no_wrong_gradients():
    for seed in range(5):
        tg.manual_seed(seed)
        model = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
        assert findings(model) == []


def test_a_hook_that_divides_is_seen():
    model = network(nn.Identity())
    model[0].weight.register_hook(lambda g: g / 64)
    model[0].bias.register_hook(lambda g: g / 64)
    assert findings(model) == [("gradient-scale", "0")]


@pytest.mark.parametrize("seed", range(8, 16))
def test_outputs_that_are_saturated_are_no_wrong_gradients(seed):
    config = load_config(CATALOGUE / "digits_as_reported.yaml", [f"seed={seed}", "training.epochs=1"])
    assembly = build(config)
    found = diagnose(assembly.trainer, assembly.train_loader, epochs=1, steps=1)
    assert not [f for f in found if f.fault.startswith("gradient")]


def test_a_model_that_knows_single_precision_only_is_compared_in_it():
    class Single(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layers = network(layer)

        def forward(self, x):
            if self.layers[0].weight.dtype != tg.float32:
                raise TypeError("single precision only")
            return self.layers(x)

    tg.manual_seed(0)
    assert findings(Single(scaled(2.0))) == [("gradient-scale", "layers.0")]
    assert findings(Single(scaled(1.0))) == []


def test_the_model_stays_as_it_is():
    model = network(nn.Identity())
    before = {name: value.array.copy() for name, value in model.state_dict().items()}
    inputs = tg.randn(8, 5)
    found = slopes_of(model, nn.CrossEntropyLoss(), inputs, tg.arange(8) % 3)
    assert set(found) == set(dict(model.named_parameters()))
    assert all(f.factor == pytest.approx(1, abs=1e-3) for f in found.values())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.array, before[name])
        assert value.dtype == tg.float32
