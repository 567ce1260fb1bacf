"""Shuffles, fractional pooling, linear cross entropy, pairwise distances, and losses beyond PyTorch's."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import OptionError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "shape", "factor"),
    [
        ("pixel_shuffle", (2, 8, 3, 2), 2),
        ("pixel_unshuffle", (2, 2, 4, 6), 2),
        ("channel_shuffle", (2, 6, 3, 2), 3),
        ("pixel_shuffle", (9, 1, 1), 3),
    ],
)
def test_shuffles(name, shape, factor, rng):
    agree(name, [rng.standard_normal(shape), factor])


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_pooling_at_given_places(n, rng):
    for _ in range(8):
        kernel = tuple(int(k) for k in rng.integers(1, 4, n))
        size = tuple(int(s) for s in rng.integers(5, 9, n))
        target = tuple(int(rng.integers(1, s - k + 1)) for s, k in zip(size, kernel, strict=True))
        x, u = rng.standard_normal((2, 3, *size)), rng.random((2, 3, n))
        name = f"fractional_max_pool{n}d_with_indices"
        a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        ours = getattr(F, name)(a, kernel, target, _random_samples=tg.tensor(u))
        theirs = getattr(torch.nn.functional, name)(b, kernel, target, _random_samples=torch.tensor(u))
        assert np.array_equal(ours[0].detach().numpy(), theirs[0].detach().numpy())
        assert np.array_equal(ours[1].numpy(), theirs[1].numpy())
        (ours[0] * ours[0]).sum().backward()
        (theirs[0] * theirs[0]).sum().backward()
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy())


def test_fractional_pooling_draws_from_the_generator(rng):
    image = tg.tensor(rng.standard_normal((1, 1, 20, 20)))
    tg.manual_seed(1)
    first = F.fractional_max_pool2d(image, 2, output_ratio=0.6)
    second = F.fractional_max_pool2d(image, 2, output_ratio=0.6)
    tg.manual_seed(1)
    assert first.shape == (1, 1, 12, 12)
    assert np.array_equal(first.numpy(), F.fractional_max_pool2d(image, 2, output_ratio=0.6).numpy())
    assert not np.array_equal(first.numpy(), second.numpy())


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 3.0, float("inf")])
def test_pairwise_distances(p, rng):
    agree("pdist", [rng.standard_normal((5, 3))], p=p)


def test_windows_larger_than_the_input_with_ceil_mode(rng):
    agree("max_pool2d", [rng.standard_normal((1, 2, 3, 3)), 4], stride=2, ceil_mode=True)
    agree("avg_pool2d", [rng.standard_normal((1, 2, 3, 3)), 4], stride=2, ceil_mode=True)
    with pytest.raises(ShapeError, match="do not fit"):
        F.max_pool2d(tg.zeros(1, 2, 3, 3), 4, 2)


def test_cosines_of_inputs_that_broadcast(rng):
    agree("cosine_similarity", [rng.standard_normal((1, 2, 3)), rng.standard_normal((2, 1, 3))], tracked=(0, 1), dim=-2)


def test_a_batch_of_nothing_leaves_running_statistics(rng):
    mean, var = tg.zeros(3), tg.ones(3)
    assert F.batch_norm(tg.zeros(0, 3), mean, var, training=True).shape == (0, 3)
    assert var.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("weight_shape", [(5, 4), (5, 2, 4)])
def test_linear_cross_entropy(weight_shape, rng):
    x, w = rng.standard_normal((3, 4)), rng.standard_normal(weight_shape)
    target = rng.integers(0, 5, (3, *weight_shape[1:-1]))
    agree("linear_cross_entropy", [x, w, target], tracked=(0, 1), linear_bias=rng.standard_normal(weight_shape[:-1]))


def test_grouped_products(rng):
    a, b, offs = tg.tensor(rng.standard_normal((5, 2))), tg.tensor(rng.standard_normal((3, 2, 4))), tg.tensor([2, 2, 5])
    wanted = np.concatenate([a.numpy()[:2] @ b.numpy()[0], a.numpy()[2:] @ b.numpy()[2]])
    np.testing.assert_allclose(F.grouped_mm(a, b, offs=offs).numpy(), wanted)


# -- losses beyond PyTorch's ----------------------------------------------------------------------------------------------


def test_focal_loss_is_weighted_cross_entropy(rng):
    x, t = rng.standard_normal(6), np.array([0.0, 1, 1, 0, 1, 0])
    p = 1 / (1 + np.exp(-x))
    right = np.where(t == 1, p, 1 - p)
    wanted = np.where(t == 1, 0.25, 0.75) * (1 - right) ** 2 * -np.log(right)
    np.testing.assert_allclose(F.sigmoid_focal_loss(tg.tensor(x), tg.tensor(t)).numpy(), wanted)


def test_tversky_and_dice_by_counting():
    p, t = tg.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]]), tg.tensor([[1.0, 1.0, 0.0, 1.0, 0.0]])
    assert F.dice_loss(p, t, smooth=0.0).item() == pytest.approx(1 - 2 * 2 / (3 + 3))
    assert F.tversky_loss(p, t, 0.3, 0.7, 0.0).item() == pytest.approx(1 - 2 / (2 + 0.3 + 0.7))


def test_generalised_cross_entropy_between_two_losses(rng):
    x, t = tg.tensor(rng.standard_normal((4, 3))), tg.tensor([0, 2, 1, 1])
    small = F.generalized_cross_entropy(x, t, q=1e-6).item()
    assert small == pytest.approx(F.cross_entropy(x, t).item(), abs=1e-4)
    with pytest.raises(OptionError, match="q is 0"):
        F.generalized_cross_entropy(x, t, q=0)


def test_contrastive_losses_prefer_classes_that_lie_together(rng):
    labels = tg.tensor([0, 0, 1, 1])
    apart = tg.tensor([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, -0.1]])
    mixed = tg.tensor([[1.0, 0.1], [-1.0, -0.1], [1.0, -0.1], [-1.0, 0.1]])
    for loss in (F.nt_xent_loss, F.circle_loss):
        assert loss(apart, labels).item() < loss(mixed, labels).item()
    with pytest.raises(ShapeError, match="no two"):
        F.nt_xent_loss(apart, tg.tensor([0, 1, 2, 3]))


@pytest.mark.parametrize("name", ["sigmoid_focal_loss", "log_cosh_loss", "tversky_loss"])
def test_their_second_derivatives(name, rng):
    t = tg.tensor(np.array([[0.0, 1, 1, 0]]))
    x = rng.uniform(0.2, 0.8, (1, 4))
    assert second_order_error(lambda a: getattr(F, name)(a, t, reduction="sum"), [x]) is None
