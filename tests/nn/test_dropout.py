"""Dropout layers: at work in training alone; printed and built as PyTorch's."""

import inspect

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError

NAMES = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
SHAPES = {"Dropout1d": (20, 10, 4), "Dropout3d": (20, 10, 2, 2, 2)}


def sample(name):
    return tg.ones(*SHAPES.get(name, (20, 10, 4, 4)))


@pytest.mark.parametrize("name", NAMES)
def test_drops_in_training_alone(name):
    layer, x = getattr(nn, name)(0.5), sample(name)
    dropped = layer(x)
    assert (dropped != x).any()
    assert layer.eval()(x) is x
    assert (layer.train()(x) != dropped).any()


@pytest.mark.parametrize("name", NAMES)
def test_whole_channels_for_all_but_two(name):
    out = getattr(nn, name)(0.5)(sample(name)).numpy()
    rows = out.reshape(200, -1)
    whole = (rows == rows[:, :1]).all()
    assert whole == (name not in ("Dropout", "AlphaDropout"))


@pytest.mark.parametrize("name", NAMES)
def test_in_place(name):
    x = sample(name)
    out = getattr(nn, name)(0.5, inplace=True)(x)
    # As in PyTorch the alpha layers take the argument and do not use it.
    assert (out is x) == ("Alpha" not in name)


@pytest.mark.parametrize("name", NAMES)
def test_built_and_printed_as_pytorchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    for arguments in ((), (0.2,), (0.2, True)):
        assert repr(ours(*arguments)) == repr(theirs(*arguments))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_what_is_no_probability_is_refused(name, p):
    with pytest.raises(ArgumentError, match=f"{name}: the probability is {p}; use a number from 0 to 1"):
        getattr(nn, name)(p)


def test_the_gradient_passes_what_was_kept():
    x = tg.ones(100, requires_grad=True)
    out = nn.Dropout(0.25)(x)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), out.detach().numpy())
