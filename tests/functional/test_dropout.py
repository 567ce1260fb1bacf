"""Dropout: what is dropped, what is kept, and how much; the draws of the generator decide."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, ShapeError, TapegradWarning

ELEMENTS = ["dropout", "alpha_dropout"]
ALL = [*ELEMENTS, "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]
SHAPES = {"dropout1d": (2, 3, 4), "dropout3d": (2, 3, 2, 2, 2)}


def shape_for(name):
    return SHAPES.get(name, (2, 3, 4, 5))


@pytest.mark.parametrize("name", ALL)
def test_without_training_the_input_itself(name):
    x = tg.ones(*shape_for(name))
    assert getattr(F, name)(x, 0.5, training=False) is x
    assert getattr(F, name)(x, 0.0, training=True) is x


@pytest.mark.parametrize("name", ALL)
def test_everything_dropped_is_zero(name):
    x = tg.ones(*shape_for(name), requires_grad=True)
    out = getattr(F, name)(x, 1.0, training=True)
    assert (out == 0).all()
    out.sum().backward()
    assert (x.grad == 0).all()


def test_alpha_dropout_trains_only_when_told():
    x = tg.ones(100)
    assert F.alpha_dropout(x) is x
    assert F.dropout(x) is not x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean(p, dtype):
    x = tg.ones(200, 200, dtype=dtype, requires_grad=True)
    out = F.dropout(x, p)
    assert out.dtype == x.dtype
    values = out.detach().numpy()
    np.testing.assert_allclose(np.unique(values), [0, 1 / (1 - p)], rtol=1e-6)
    assert (values == 0).mean() == pytest.approx(p, abs=0.02)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_dropout_follows_the_generator():
    tg.manual_seed(5)
    first = F.dropout(tg.ones(50))
    second = F.dropout(tg.ones(50))
    tg.manual_seed(5)
    assert (F.dropout(tg.ones(50)) == first).all()
    assert (first != second).any()


def test_dropout_is_one_draw_and_one_multiplication():
    program = tg.trace(F.dropout, tg.ones(3))
    assert [e.primitive.name for e in program.equations] == ["bernoulli_mask", "mul"]


@pytest.mark.parametrize("name", ALL)
def test_in_place(name):
    x = tg.ones(*shape_for(name))
    tg.manual_seed(1)
    expected = getattr(F, name)(x.clone(), 0.5, training=True)
    tg.manual_seed(1)
    assert getattr(F, name)(x, 0.5, training=True, inplace=True) is x
    np.testing.assert_allclose(x.numpy(), expected.numpy())
    assert not (x == 1).all()


@pytest.mark.parametrize(
    ("name", "shape", "channel_dims"),
    [
        ("dropout1d", (20, 10, 4), 2),
        ("dropout1d", (40, 4), 1),
        ("dropout2d", (20, 10, 4, 3), 2),
        ("dropout3d", (20, 10, 2, 2, 3), 2),
        ("dropout3d", (40, 2, 2, 3), 1),
        ("feature_alpha_dropout", (20, 10, 3), 2),
    ],
)
def test_channels_are_dropped_as_a_whole(name, shape, channel_dims):
    out = getattr(F, name)(tg.ones(*shape), 0.4, training=True).numpy()
    rows = out.reshape(int(np.prod(shape[:channel_dims])), -1)
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape))
    assert len(np.unique(rows)) == 2


def test_dropout2d_reads_three_dimensions_as_pytorch_does():
    with pytest.warns(TapegradWarning, match=r"dropout2d: a 3-d input is read as \(N, C, L\)"):
        rows = F.dropout2d(tg.ones(20, 10, 4)).numpy().reshape(200, 4)
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape))
    with pytest.warns(TapegradWarning, match="dropout2d: expected 3 or 4 dimensions, got 2; use dropout"):
        F.dropout2d(tg.ones(20, 10))
    with pytest.warns(TapegradWarning, match="dropout3d: expected 4 or 5 dimensions, got 2; use dropout"):
        F.dropout3d(tg.ones(20, 10))


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(name, p, rng):
    x = rng.standard_normal((500, 200))
    t = tg.tensor(x, requires_grad=True)
    out = getattr(F, name)(t, p, training=True)
    values = out.detach().numpy()
    assert values.mean() == pytest.approx(0, abs=0.02)
    assert values.var() == pytest.approx(1, abs=0.03)
    # By the paper: a (x m + α' (1 - m)) + b with a = ((1-p)(1 + p α'²))^(-1/2) and b = -a p α'.
    floor = -1.7580993408473766
    a = ((1 - p) * (1 + p * floor**2)) ** -0.5
    b = -a * p * floor
    out.sum().backward()
    kept = t.grad.numpy() != 0
    assert kept.mean() == pytest.approx(1 - p, abs=0.02)
    np.testing.assert_allclose(values, a * np.where(kept, x, floor) + b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(name, p):
    with pytest.raises(ArgumentError, match=f"{name}: the probability is {p}; use a number from 0 to 1"):
        getattr(F, name)(tg.ones(*shape_for(name)), p)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.dropout1d(tg.ones(3)), "dropout1d: expected 2 or 3 dimensions, got 1; give (N, C, L) or (C, L), or use dropout"),
        (lambda: F.feature_alpha_dropout(tg.ones(3), training=True), "feature_alpha_dropout: an input of shape (3,) has no channels; use alpha_dropout"),
    ],
)  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ShapeError) as caught:
        call()
    assert str(caught.value) == message
