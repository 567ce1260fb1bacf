"""Activation layers: PyTorch's names, arguments, attributes, printing and results."""

import inspect
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, TapegradWarning

torch = pytest.importorskip("torch")

LAYERS = [
    ("ReLU", {}),
    ("ReLU", {"inplace": True}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.2, "inplace": True}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Softmax", {"dim": 1}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("LogSoftmax", {"dim": -1}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.5, "inplace": True}),
    ("SELU", {}),
    ("SELU", {"inplace": True}),
    ("CELU", {"alpha": 2.0}),
    ("CELU", {"inplace": True}),
    ("SiLU", {}),
    ("SiLU", {"inplace": True}),
    ("Mish", {}),
    ("Mish", {"inplace": True}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 3.0}),
    ("Softsign", {}),
    ("Softmin", {"dim": 0}),
    ("Softshrink", {}),
    ("Softshrink", {"lambd": 0.2}),
    ("Hardshrink", {}),
    ("Hardshrink", {"lambd": 0.2}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0, "inplace": True}),
    ("Hardsigmoid", {}),
    ("Hardsigmoid", {"inplace": True}),
    ("Hardswish", {}),
    ("Hardswish", {"inplace": True}),
    ("ReLU6", {}),
    ("ReLU6", {"inplace": True}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 4, "init": 0.1}),
    ("GLU", {}),
    ("GLU", {"dim": 0}),
    ("LogSigmoid", {}),
    ("Tanhshrink", {}),
    ("Threshold", {"threshold": 0.1, "value": 20}),
    ("Threshold", {"threshold": 0.1, "value": 20.0, "inplace": True}),
]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for name, options in LAYERS]
every_layer = pytest.mark.parametrize(("name", "options"), LAYERS, ids=IDS)


@every_layer
def test_forward_and_backward(name, options, rng):
    x = rng.uniform(-4, 4, (2, 4, 6)).astype(np.float32)
    ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a * 1), theirs(b * 1)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=2e-5, atol=2e-6)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=2e-4, atol=2e-5)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=2e-4)


@every_layer
def test_prints_like_pytorch(name, options):
    assert repr(getattr(nn, name)(**options)) == repr(getattr(torch.nn, name)(**options))


NAMES = sorted({name for name, _ in LAYERS} | {"RReLU", "Softmax2d"})


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_pytorchs(name):
    """Names, order and defaults, ``*args`` included."""
    theirs = inspect.signature(getattr(torch.nn, name)).parameters.values()
    ours = list(inspect.signature(getattr(nn, name)).parameters.values())
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@every_layer
def test_attributes_are_pytorchs(name, options):
    theirs, ours = getattr(torch.nn, name)(**options), getattr(nn, name)(**options)
    for key, value in vars(theirs).items():
        if isinstance(value, (int, float, str)) and key != "call_super_init":
            assert getattr(ours, key) == value


@every_layer
def test_survives_a_pickle(name, options, rng):
    layer = getattr(nn, name)(**options)
    again = pickle.loads(pickle.dumps(layer))
    x = tg.tensor(rng.uniform(-2, 2, (2, 4, 6)))
    assert repr(again) == repr(layer)
    if not list(layer.parameters()):
        assert (again(x.clone()) == layer(x.clone())).all()


def test_relu3():
    layer = nn.ReLU3()
    assert repr(layer) == "ReLU3()"
    assert repr(nn.ReLU3(True)) == "ReLU3(inplace=True)"
    assert layer(tg.tensor([-1.0, 0.5])).tolist() == [0.0, 0.125]


def test_rrelu_is_random_in_training_alone():
    layer = nn.RReLU(0.2, 0.4)
    x = -tg.ones(100)
    assert repr(layer) == "RReLU(lower=0.2, upper=0.4)"
    assert len(np.unique(layer(x).numpy())) > 90
    np.testing.assert_allclose(layer.eval()(x).numpy(), -0.3, rtol=1e-6)


def test_softmax2d_works_on_channels(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    for part in (x, x[0]):
        np.testing.assert_allclose(nn.Softmax2d()(tg.tensor(part)).numpy(), torch.nn.Softmax2d()(torch.tensor(part)))
    with pytest.raises(ArgumentError, match=r"Softmax2d: expected 3 or 4 dimensions, got 2; give \(N, C, H, W\)"):
        nn.Softmax2d()(tg.ones(2, 2))


def test_softmax_without_a_dimension_warns():
    with pytest.warns(TapegradWarning, match="implicit dimension choice"):
        nn.Softmax()(tg.ones(2, 2))


def test_hardtanh_bounds():
    with pytest.raises(ArgumentError, match="Hardtanh: max_val=1 is not above min_val=1; choose a larger max_val"):
        nn.Hardtanh(1, 1)
    with pytest.warns(TapegradWarning, match="'min_value' and 'max_value' are deprecated"):
        layer = nn.Hardtanh(min_value=-3.0, max_value=2.0)
    assert (layer.min_val, layer.max_val) == (-3.0, 2.0)


def test_prelu_is_a_parameter():
    layer = nn.PReLU(3, init=0.1, dtype=tg.float64)
    assert {k: (tuple(v.shape), v.dtype) for k, v in layer.state_dict().items()} == {"weight": ((3,), tg.float64)}
    with tg.no_grad():
        layer.weight.fill_(2.0)
    layer.reset_parameters()
    np.testing.assert_allclose(layer.weight.detach().numpy(), 0.1)
