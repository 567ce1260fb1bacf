"""Padding, shuffling, upsampling, fractional pooling, adaptive softmax, and other layers against PyTorch's."""

import warnings

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, ShapeError, TapegradWarning

torch = pytest.importorskip("torch")


def agree(name, arguments, shape, rng):
    x = rng.standard_normal(shape)
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert repr(ours) == repr(theirs)
    out, wanted = ours(a), theirs(b)
    np.testing.assert_allclose(out.detach().numpy(), wanted.detach().numpy(), atol=1e-12)
    (out * out).sum().backward()
    (wanted * wanted).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize("kind", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding(kind, n, rng):
    value = (0.5,) if kind == "Constant" else ()
    for padding in (1, tuple(range(1, 1 + n)) + (1,) * n):
        agree(f"{kind}Pad{n}d", (padding, *value), (2, 2, 4, 5, 6)[: 2 + n], rng)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("PixelShuffle", (2,), (1, 4, 2, 3)),
        ("PixelUnshuffle", (2,), (1, 2, 4, 2)),
        ("ChannelShuffle", (2,), (2, 4, 3)),
        ("Upsample", (None, 2), (1, 2, 3)),
        ("Upsample", ((4, 5), None, "bilinear"), (1, 2, 3, 3)),
        ("UpsamplingNearest2d", (None, 2), (1, 2, 3, 3)),
        ("UpsamplingBilinear2d", ((5, 4),), (1, 2, 3, 3)),
        ("SyncBatchNorm", (3,), (4, 3, 2)),
    ],
)
def test_others(name, arguments, shape, rng):
    if name == "SyncBatchNorm":
        layer = nn.SyncBatchNorm(*arguments).double()
        x = tg.tensor(rng.standard_normal(shape))
        same = nn.BatchNorm1d(*arguments).double()
        assert np.array_equal(layer(x).detach().numpy(), same(x).detach().numpy())
        assert np.array_equal(layer.running_var.numpy(), same.running_var.numpy())
        return
    agree(name, arguments, shape, rng)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_normalisation_over_channels(size, rng):
    x = rng.standard_normal((2, 7, 2, 3))
    ours, theirs = nn.CrossMapLRN2d(size, 0.5, 0.75, 2.0), torch.nn.CrossMapLRN2d(size, 0.5, 0.75, 2.0)
    np.testing.assert_allclose(ours(tg.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy(), atol=1e-12)


def test_adaptive_softmax(rng):
    arguments = {"in_features": 8, "n_classes": 20, "cutoffs": [4, 10, 15], "div_value": 2.0, "head_bias": True}
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(**arguments).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(**arguments).double()
    ours.load_state_dict({k: tg.tensor(v.detach().numpy()) for k, v in theirs.state_dict().items()})
    x, labels = rng.standard_normal((7, 8)), np.array([0, 19, 5, 12, 3, 4, 16])
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    result, wanted = ours(a, tg.tensor(labels)), theirs(b, torch.tensor(labels))
    np.testing.assert_allclose(result.output.detach().numpy(), wanted.output.detach().numpy())
    result.loss.backward()
    wanted.loss.backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy())
    np.testing.assert_allclose(ours.log_prob(a).detach().numpy(), theirs.log_prob(b).detach().numpy())
    assert np.array_equal(ours.predict(a).numpy(), theirs.predict(b).numpy())
    assert ours(a[0], tg.tensor(3)).output.shape == ()
    with pytest.raises(ShapeError, match="labels from"):
        ours(a, tg.tensor(labels) + 1)
    with pytest.raises(ArgumentError, match="cutoffs"):
        nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 20])


def test_a_linear_map_with_its_loss(rng):
    loss = nn.LinearCrossEntropyLoss(3, 5, bias=True).double()
    x, labels = tg.tensor(rng.standard_normal((4, 3))), tg.tensor([0, 4, 2, 2])
    wanted = nn.functional.cross_entropy(loss.linear(x), labels)
    assert loss(x, labels).item() == pytest.approx(wanted.item())


def test_conversion_to_synchronised_batch_norm():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3)))
    state = {k: v.clone() for k, v in model.state_dict().items()}
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert isinstance(converted[1][0], nn.SyncBatchNorm)
    assert {k: v.tolist() for k, v in converted.state_dict().items()} == {k: v.tolist() for k, v in state.items()}


def test_gradients_of_convolutions(rng):
    from tapegrad.nn import grad

    x, w, g = (rng.standard_normal(shape) for shape in ((2, 4, 7, 6), (6, 2, 3, 2), (2, 6, 4, 3)))
    where = {"stride": 2, "padding": 1, "groups": 2}
    g = rng.standard_normal(nn.functional.conv2d(tg.tensor(x), tg.tensor(w), **where).shape)
    wanted = torch.nn.grad.conv2d_input(x.shape, torch.tensor(w), torch.tensor(g), **where)
    np.testing.assert_allclose(
        grad.conv2d_input(x.shape, tg.tensor(w), tg.tensor(g), **where).numpy(), wanted, atol=1e-12
    )
    wanted = torch.nn.grad.conv2d_weight(torch.tensor(x), w.shape, torch.tensor(g), **where)
    np.testing.assert_allclose(
        grad.conv2d_weight(tg.tensor(x), w.shape, tg.tensor(g), **where).numpy(), wanted, atol=1e-12
    )


def test_container_warns_of_its_name():
    with pytest.warns(TapegradWarning, match="deprecated"):
        assert [name for name, _ in nn.Container(a=nn.Identity()).named_children()] == ["a"]


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("conv._ConvNd", nn.Conv2d(1, 1, 1)),
        ("batchnorm._BatchNorm", nn.BatchNorm2d(1)),
        ("batchnorm._NormBase", nn.InstanceNorm1d(1)),
        ("dropout._DropoutNd", nn.Dropout2d()),
        ("loss._Loss", nn.MSELoss()),
        ("pooling._AvgPoolNd", nn.AvgPool2d(2)),
        ("padding._ReflectionPadNd", nn.ReflectionPad2d(2)),
    ],
)
def test_base_classes_under_pytorchs_paths(path, layer):
    found = nn.modules
    for part in path.split("."):
        found = getattr(found, part)
    assert isinstance(layer, found)


def test_a_convolution_whose_weight_a_subclass_gives():
    class Doubled(nn.Conv2d):
        def forward(self, input):
            return self._conv_forward(input, self.weight * 2, self.bias)

    layer = Doubled(1, 1, 3, padding=1, padding_mode="reflect", bias=False)
    image = tg.ones(1, 1, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = nn.Conv2d.forward(layer, image)
    np.testing.assert_allclose(layer(image).detach().numpy(), 2 * plain.detach().numpy(), rtol=1e-6)
