"""Pooling layers beside PyTorch's: printing, values, gradients."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn

torch = pytest.importorskip("torch")

LAYERS = [
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, (2, 3, 9)),
    ("MaxPool1d", ((2,),), {"dilation": 2, "ceil_mode": True}, (2, 3, 9)),
    ("MaxPool2d", (2,), {}, (2, 3, 8, 7)),
    ("MaxPool2d", ((2, 3), (1, 2)), {}, (3, 8, 7)),
    ("MaxPool2d", (2, 2, 1), {}, (2, 3, 8, 7)),
    ("MaxPool3d", (2,), {"ceil_mode": True}, (1, 2, 5, 4, 5)),
    ("AvgPool1d", (3,), {"count_include_pad": False, "padding": 1}, (2, 3, 9)),
    ("AvgPool2d", (2,), {"ceil_mode": True}, (2, 3, 9, 7)),
    ("AvgPool2d", ((2, 3),), {"stride": 1, "divisor_override": 5}, (2, 3, 8, 7)),
    ("AvgPool3d", (2,), {"padding": 1, "count_include_pad": False}, (1, 2, 5, 4, 5)),
    ("LPPool1d", (2, 3), {}, (2, 3, 9)),
    ("LPPool2d", (3, (2, 3)), {"stride": 2, "ceil_mode": True}, (2, 3, 8, 7)),
    ("LPPool3d", (1.5, 2), {}, (1, 2, 4, 4, 4)),
    ("AdaptiveAvgPool1d", (3,), {}, (2, 3, 8)),
    ("AdaptiveAvgPool2d", ((None, 2),), {}, (2, 3, 5, 5)),
    ("AdaptiveAvgPool3d", (2,), {}, (1, 2, 4, 5, 6)),
    ("AdaptiveMaxPool1d", (3,), {}, (2, 3, 8)),
    ("AdaptiveMaxPool2d", ((3, 2),), {}, (2, 3, 5, 6)),
    ("AdaptiveMaxPool3d", (1,), {}, (1, 2, 4, 5, 6)),
    ("Unfold", (3,), {"dilation": 2, "padding": 1}, (2, 3, 8, 7)),
    ("Fold", ((4, 5), 2), {"stride": 2, "padding": (0, 1)}, (2, 12, 6)),
]


@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_agrees_with_pytorch(name, args, options, shape, rng):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == []
    x = rng.uniform(0.1, 2, shape)
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    u = rng.standard_normal(expected.shape)
    (out * tg.tensor(u)).sum().backward()
    (expected * torch.tensor(u)).sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooling_puts_back_what_pooling_found(n, rng):
    x = rng.standard_normal((2, 3, *(4,) * n))
    pool, unpool = (
        getattr(nn, f"MaxPool{n}d")(2, return_indices=True),
        getattr(nn, f"MaxUnpool{n}d")(2),
    )
    values, indices = pool(tg.tensor(x))
    back = unpool(values, indices).numpy()
    assert np.array_equal(back[back != 0], x[back != 0])
    assert (back != 0).sum() == values.numel()
    assert repr(unpool) == repr(getattr(torch.nn, f"MaxUnpool{n}d")(2))


def test_adaptive_pooling_with_indices(rng):
    x = rng.standard_normal((2, 3, 5, 4))
    ours = nn.AdaptiveMaxPool2d(3, return_indices=True)(tg.tensor(x))
    theirs = torch.nn.AdaptiveMaxPool2d(3, return_indices=True)(torch.tensor(x))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
