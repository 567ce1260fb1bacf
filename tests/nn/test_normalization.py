"""The normalisation layers beside PyTorch's: names, printing, training for several steps, evaluation, errors."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, ShapeError, StateError, TapegradWarning

torch = pytest.importorskip("torch")
TOLERANCE = {"float32": {"rtol": 2e-4, "atol": 2e-5}, "float64": {"rtol": 1e-9, "atol": 1e-10}}

# name, arguments, keywords, input shape
LAYERS = [
    ("BatchNorm1d", (3,), {}, (5, 3)),
    ("BatchNorm1d", (3,), {"momentum": None}, (5, 3, 4)),
    ("BatchNorm1d", (3,), {"momentum": 0.3, "eps": 1e-2, "bias": False}, (5, 3)),
    ("BatchNorm1d", (3,), {"affine": False}, (5, 3)),
    ("BatchNorm1d", (3, 1e-4, 0.2, True, False), {}, (5, 3)),
    ("BatchNorm2d", (3,), {}, (2, 3, 4, 5)),
    ("BatchNorm2d", (3,), {"affine": False, "track_running_stats": False, "momentum": None}, (2, 3, 4, 5)),
    ("BatchNorm3d", (3,), {}, (2, 3, 2, 3, 2)),
    ("InstanceNorm1d", (3,), {}, (2, 3, 4)),
    ("InstanceNorm1d", (3,), {"affine": True, "track_running_stats": True}, (2, 3, 4)),
    ("InstanceNorm1d", (3,), {"track_running_stats": True}, (3, 4)),
    ("InstanceNorm2d", (3,), {"affine": True, "bias": False}, (2, 3, 4, 5)),
    ("InstanceNorm2d", (3,), {"track_running_stats": True, "momentum": 0.5}, (3, 4, 5)),
    ("InstanceNorm3d", (3,), {}, (2, 3, 2, 3, 2)),
    ("LayerNorm", (4,), {}, (2, 3, 4)),
    ("LayerNorm", ((3, 4),), {"eps": 1e-2, "bias": False}, (2, 3, 4)),
    ("LayerNorm", ([4],), {"elementwise_affine": False}, (2, 3, 4)),
    ("GroupNorm", (2, 4), {}, (3, 4, 5)),
    ("GroupNorm", (4, 4), {"bias": False}, (3, 4, 5)),
    ("GroupNorm", (1, 4), {"affine": False, "eps": 0.1}, (3, 4)),
    ("RMSNorm", (4,), {}, (2, 3, 4)),
    ("RMSNorm", ((3, 4),), {"eps": 1e-3, "elementwise_affine": False}, (2, 3, 4)),
    ("LocalResponseNorm", (3,), {}, (2, 5, 4)),
    ("LocalResponseNorm", (2, 0.1, 0.5, 2.0), {}, (2, 5, 4, 3)),
]
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(LAYERS)]
every_layer = pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS, ids=IDS)


def both(name, args, kwargs):
    return getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)


def same_state(ours, theirs, **tolerance):
    ours, theirs = ours.state_dict(), theirs.state_dict()
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert ours[key].shape == tuple(value.shape)
        assert str(ours[key].dtype) == str(value.dtype).removeprefix("torch.")
        np.testing.assert_allclose(ours[key].numpy(), value.numpy(), err_msg=key, **tolerance)


@every_layer
def test_starts_and_prints_as_pytorch_does(name, args, kwargs, shape):
    ours, theirs = both(name, args, kwargs)
    assert repr(ours) == repr(theirs)
    same_state(ours, theirs, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_layer
def test_trains_and_evaluates_as_pytorch_does(name, args, kwargs, shape, dtype, rng):
    """Four steps of gradient descent in training mode, then evaluation: outputs, gradients and buffers stay equal."""
    ours, theirs = both(name, args, kwargs)
    ours, theirs = ours.to(np.dtype(dtype)), theirs.to(getattr(torch, dtype))
    for step in range(5):
        if step == 4:
            ours.eval()
            theirs.eval()
        x, u = (rng.normal(0.5, 2.0, shape).astype(dtype) for _ in range(2))
        results = []
        for module, layer in ((tg, ours), (torch, theirs)):
            a = module.tensor(x, requires_grad=True)
            y = layer(a)
            layer.zero_grad()
            (y * module.tensor(u)).sum().backward()
            with module.no_grad():
                for p in layer.parameters():
                    p -= 0.1 * p.grad
            results.append((y.detach().numpy(), a.grad.numpy()))
        for a, b in zip(*results, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, **TOLERANCE[dtype])
        same_state(ours, theirs, **TOLERANCE[dtype])


@every_layer
def test_survives_copy_and_pickle(name, args, kwargs, shape, rng):
    layer = getattr(nn, name)(*args, **kwargs)
    x = tg.tensor(rng.standard_normal(shape), dtype="float32")
    layer(x)
    layer.eval()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x).detach().numpy(), layer(x).detach().numpy())
        assert repr(twin) == repr(layer)


def test_momentum_none_is_the_average_of_all_batches(rng):
    layer = nn.BatchNorm1d(3, momentum=None).double()
    batches = rng.standard_normal((7, 5, 3))
    for x in batches:
        layer(tg.tensor(x))
    assert layer.num_batches_tracked.item() == 7
    np.testing.assert_allclose(layer.running_mean.numpy(), batches.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), batches.var(1, ddof=1).mean(0), rtol=1e-12)


def test_a_trace_counts_batches_and_averages(rng):
    """The share 1 / n of a batch must not be baked into the program."""
    layer = nn.BatchNorm1d(3, momentum=None).double()
    batches = [tg.tensor(x) for x in rng.standard_normal((4, 5, 3))]
    program = tg.trace(lambda x: layer(x), batches[0])
    for x in batches[1:]:
        program(x)
    assert layer.num_batches_tracked.item() == 4
    wanted = np.mean([x.numpy().mean(0) for x in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.numpy(), wanted, rtol=1e-12)


def test_buffers_keep_their_memory(rng):
    """A state dict and a trace hold the arrays, so an update must write into them."""
    layer = nn.BatchNorm1d(3)
    held = layer.state_dict()
    layer(tg.tensor(rng.standard_normal((5, 3)), dtype="float32"))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        np.testing.assert_array_equal(held[name].numpy(), getattr(layer, name).numpy())
    assert held["num_batches_tracked"].item() == 1


def test_resets(rng):
    layer = nn.BatchNorm1d(3)
    fresh = copy.deepcopy(layer.state_dict())
    layer(tg.tensor(rng.standard_normal((5, 3)), dtype="float32"))
    with tg.no_grad():
        layer.weight.fill_(5.0)
        layer.bias.fill_(5.0)
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0.0] * 3
    assert layer.running_var.tolist() == [1.0] * 3
    assert layer.num_batches_tracked.item() == 0
    assert layer.weight.tolist() == [5.0] * 3
    layer.reset_parameters()
    for key, value in fresh.items():
        assert layer.state_dict()[key].tolist() == value.tolist()


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm"])
def test_reset_of_layers_without_statistics(name):
    layer = getattr(nn, name)(3)
    with tg.no_grad():
        layer.weight.fill_(5.0)
    layer.reset_parameters()
    assert layer.weight.tolist() == [1.0] * 3


def test_pytorch_state_loads(rng):
    theirs = torch.nn.BatchNorm2d(3)
    theirs(torch.tensor(rng.standard_normal((2, 3, 4, 4)), dtype=torch.float32))
    ours = nn.BatchNorm2d(3)
    ours.load_state_dict({k: tg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    same_state(ours, theirs, rtol=0)


def test_a_state_without_the_count_of_batches_loads():
    """PyTorch before 0.4.1 wrote none, and many published weights still have none."""
    layer = nn.BatchNorm1d(2)
    layer.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "num_batches_tracked"})
    assert layer.num_batches_tracked.item() == 0
    with pytest.raises(StateError, match="running_mean"):
        layer.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "running_mean"})


def test_evaluation_without_running_statistics_uses_the_batch(rng):
    layer = nn.BatchNorm1d(3, track_running_stats=False)
    x = tg.tensor(rng.standard_normal((5, 3)), dtype="float32")
    np.testing.assert_array_equal(layer(x).detach().numpy(), layer.eval()(x).detach().numpy())


@pytest.mark.parametrize(
    ("kind", "match", "call"),
    [
        (ArgumentError, r"expected 2D or 3D input \(got 4D", lambda: nn.BatchNorm1d(3)(tg.ones(2, 3, 4, 5))),
        (ArgumentError, r"expected 4D input \(got 3D", lambda: nn.BatchNorm2d(3)(tg.ones(2, 3, 4))),
        (ArgumentError, r"expected 5D input \(got 3D", lambda: nn.BatchNorm3d(3)(tg.ones(2, 3, 4))),
        (ArgumentError, r"expected 3D or 4D input \(got 2D", lambda: nn.InstanceNorm2d(3)(tg.ones(3, 4))),
        (ArgumentError, "more than 1 value per channel", lambda: nn.BatchNorm1d(3)(tg.ones(1, 3))),
        (ShapeError, "should contain 4 elements", lambda: nn.BatchNorm2d(3)(tg.ones(2, 4, 4, 4))),
        (
            ArgumentError,
            r"dim=1 to match num_features \(3\), but got: 4.*InstanceNorm2d\(4\)",
            lambda: nn.InstanceNorm2d(3, affine=True)(tg.ones(2, 4, 4, 4)),
        ),
        (ArgumentError, r"num_channels \(4\).*num_groups \(3\)", lambda: nn.GroupNorm(3, 4)),
        (ArgumentError, r"num_groups \(0\)", lambda: nn.GroupNorm(0, 4)),
        (ShapeError, r"\[\*, 4\]", lambda: nn.LayerNorm(4)(tg.ones(2, 3))),
        (ArgumentError, "num_features is -1", lambda: nn.BatchNorm1d(-1)),
    ],
)
def test_errors(kind, match, call):
    with pytest.raises(kind, match=match):
        call()


def test_a_failed_call_counts_no_batch():
    layer = nn.BatchNorm2d(3)
    with pytest.raises(ArgumentError):
        layer(tg.ones(2, 3))
    assert layer.num_batches_tracked.item() == 0


def test_instances_of_other_channels_warn():
    with pytest.warns(TapegradWarning, match="num_features is 3, the input has 4 channels"):
        nn.InstanceNorm1d(3)(tg.ones(2, 4, 5))
