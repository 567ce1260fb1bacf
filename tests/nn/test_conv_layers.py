"""Convolution layers beside PyTorch's: state, printing, values, gradients, how they begin, what they refuse."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, ShapeError

torch = pytest.importorskip("torch")
CLOSE = {"float32": {"rtol": 1e-4, "atol": 1e-5}, "float64": {"rtol": 1e-10, "atol": 1e-12}}

LAYERS = [
    ("Conv1d", (3, 4, 3), {}, (2, 3, 9)),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2, "padding_mode": "circular"}, (2, 4, 9)),
    ("Conv2d", (3, 4, 3), {}, (2, 3, 8, 7)),
    ("Conv2d", (3, 4, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "bias": False}, (2, 3, 8, 7)),
    ("Conv2d", (3, 4, 3), {"padding": "same", "dilation": 2}, (2, 3, 8, 7)),
    ("Conv2d", (3, 4, (2, 3)), {"padding": "same", "padding_mode": "reflect"}, (3, 8, 7)),
    ("Conv2d", (3, 4, 3), {"padding": "valid", "padding_mode": "replicate"}, (2, 3, 8, 7)),
    ("Conv2d", (3, 4, 3), {"padding": (2, 1), "padding_mode": "replicate"}, (2, 3, 8, 7)),
    ("Conv2d", (4, 8, 3), {"groups": 4, "dilation": (1, 2)}, (2, 4, 8, 7)),
    ("Conv3d", (2, 3, 2), {"padding": 1, "padding_mode": "circular"}, (1, 2, 3, 4, 3)),
    ("ConvTranspose1d", (3, 4, 3), {"stride": 3, "output_padding": 2}, (2, 3, 5)),
    ("ConvTranspose2d", (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (4, 6, (2, 3)), {"groups": 2, "dilation": 2, "bias": False}, (4, 4, 5)),
    ("ConvTranspose3d", (2, 3, 2), {"stride": 2}, (1, 2, 2, 3, 2)),
]


def paired(name, args, options, dtype="float64"):
    """Our layer and PyTorch's, with PyTorch's values."""
    ours = getattr(nn, name)(*args, **options, dtype=dtype)
    theirs = getattr(torch.nn, name)(*args, **options, dtype=getattr(torch, dtype))
    ours.load_state_dict({k: tg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_pytorch(name, args, options, shape, dtype, rng):
    ours, theirs = paired(name, args, options, dtype)
    assert repr(ours) == repr(theirs)
    x = rng.standard_normal(shape).astype(dtype)
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    u = rng.standard_normal(expected.shape).astype(dtype)
    (out * tg.tensor(u)).sum().backward()
    (expected * torch.tensor(u)).sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), **CLOSE[dtype])
    for p, q in [(a, b), *zip(ours.parameters(), theirs.parameters(), strict=True)]:
        assert p.grad.dtype == dtype
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), **CLOSE[dtype])


@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_state_goes_both_ways(name, args, options, shape):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for k, v in theirs.state_dict().items():
        assert tuple(v.shape) == tuple(ours.state_dict()[k].shape)
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert repr(twin) == repr(ours)
        assert all(np.array_equal(v.numpy(), twin.state_dict()[k].numpy()) for k, v in ours.state_dict().items())


@pytest.mark.parametrize("attribute", ["kernel_size", "stride", "padding", "dilation", "output_padding", "groups"])
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_attributes_are_pytorchs(name, args, options, shape, attribute):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.transposed == theirs.transposed


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda: nn.Conv2d(16, 64, 5, groups=2), 8 * 25),
        (lambda: nn.ConvTranspose2d(64, 16, 5, groups=2), 8 * 25),
        (lambda: nn.Conv1d(64, 200, 3), 64 * 3),
    ],
)
def test_begins_uniform_within_pytorchs_bound(layer, fan_in):
    tg.manual_seed(3)
    made = layer()
    bound = 1 / np.sqrt(fan_in)
    weight, bias = made.weight.detach().numpy(), made.bias.detach().numpy()
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert 0.7 * bound < np.abs(bias).max() <= bound
    np.testing.assert_allclose(weight.std(), bound / np.sqrt(3), rtol=0.05)
    before = weight.copy()
    made.reset_parameters()
    assert not np.array_equal(made.weight.detach().numpy(), before)


@pytest.mark.parametrize("output_size", [(8, 9), (7, 10), (2, 4, 8, 10)])
def test_output_size_of_a_transpose(output_size, rng):
    ours, theirs = paired("ConvTranspose2d", (3, 4, 3), {"stride": 2, "padding": 1})
    x = rng.standard_normal((2, 3, 4, 5))
    out = ours(tg.tensor(x), output_size=output_size)
    expected = theirs(torch.tensor(x), output_size=output_size)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), atol=1e-12)


def test_output_size_out_of_reach_is_refused():
    with pytest.raises(ShapeError) as caught:
        nn.ConvTranspose1d(3, 4, 3, stride=2)(tg.zeros(1, 3, 4), output_size=(11,))
    assert str(caught.value) == (
        "ConvTranspose1d: output_size (11,) from an input of shape (1, 3, 4); use sizes from (9,) to (10,)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "Conv2d: in_channels=3 with groups=2; use a multiple of the groups"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), "Conv2d: out_channels=3 with groups=2; use a multiple of the groups"),
        (lambda: nn.Conv1d(4, 3, 3, groups=0), "Conv1d: groups is 0; use at least 1"),
        (lambda: nn.Conv1d(4, 3, 3, padding="full"), "Conv1d: padding is 'full'; use 'same', 'valid' or numbers"),
        (
            lambda: nn.Conv1d(4, 3, 3, padding="same", stride=2),
            "Conv1d: padding='same' with stride (2,); use stride 1, or numbers of padding",
        ),
        (
            lambda: nn.Conv1d(4, 3, 3, padding_mode="reflekt"),
            "Conv1d: padding_mode is 'reflekt'; did you mean 'reflect'?",
        ),
        (
            lambda: nn.ConvTranspose1d(4, 3, 3, padding_mode="reflect"),
            "ConvTranspose1d: padding=0 with padding_mode='reflect'; use a number and padding_mode 'zeros'",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


def test_the_error_names_the_place_in_the_model():
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(3, 16, 5))
    with pytest.raises(ShapeError, match=r"has 6 channels, .* wants 3; .* in_channels=6"):
        net(tg.zeros(1, 1, 28, 28))
