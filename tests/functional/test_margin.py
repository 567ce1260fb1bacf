"""Losses of margins and distances: against PyTorch in every option, and what they refuse."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_reduction
@every_dtype
@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_hinge_embedding(margin, reduction, dtype, rng):
    x, t = rng.uniform(0, 2, (4, 3)), rng.choice([-1.0, 1.0], (4, 3))
    agree("hinge_embedding_loss", [x, t], dtype, margin=margin, reduction=reduction)
    agree("hinge_embedding_loss", [x, t.astype(np.int64)], dtype, margin=margin, reduction=reduction)


@every_reduction
@every_dtype
@pytest.mark.parametrize("margin", [0, 0.5])
def test_margin_ranking(margin, reduction, dtype, rng):
    x, y, t = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3)), rng.choice([-1.0, 1.0], (4, 3))
    agree("margin_ranking_loss", [x, y, t], dtype, tracked=(0, 1), margin=margin, reduction=reduction)


@every_reduction
@every_dtype
def test_soft_margin(reduction, dtype, rng):
    x, t = rng.uniform(-3, 3, (4, 3)), rng.choice([-1.0, 1.0], (4, 3))
    agree("soft_margin_loss", [x, t], dtype, reduction=reduction)


def test_soft_margin_is_exact_far_away():
    out = F.soft_margin_loss(tg.tensor([-1e4, 1e4]), tg.ones(2), reduction="none")
    assert out.tolist() == [1e4, 0.0]


@every_reduction
@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (3,)])
def test_multilabel_soft_margin(shape, weighted, reduction, dtype, rng):
    options = {"weight": rng.uniform(0.5, 2, 3)} if weighted else {}
    x, t = rng.uniform(-3, 3, shape), rng.choice([0.0, 1.0], shape)
    agree("multilabel_soft_margin_loss", [x, t], dtype, reduction=reduction, **options)


@every_reduction
@pytest.mark.parametrize("labels", [[[3, 0, -1, 1], [1, -1, 0, 0], [-1, 2, 0, 3], [0, 1, 2, 3]], [3, 0, -1, 1]])
def test_multilabel_margin(labels, reduction, rng):
    labels = np.array(labels)
    agree("multilabel_margin_loss", [rng.uniform(-1, 1, labels.shape), labels], reduction=reduction)


@every_reduction
@every_dtype
@pytest.mark.parametrize("margin", [0, 0.3])
@pytest.mark.parametrize("shape", [(4, 3), (3,)])
def test_cosine_embedding(shape, margin, reduction, dtype, rng):
    x, y = rng.uniform(-2, 2, shape), rng.uniform(-2, 2, shape)
    t = np.asarray(rng.choice([-1, 1], shape[:-1]))
    agree("cosine_embedding_loss", [x, y, t], dtype, tracked=(0, 1), margin=margin, reduction=reduction)


def test_cosine_embedding_of_zeros():
    # PyTorch adds a float32 1e-12, in float64 too.
    tolerance = {"rtol": 1e-8, "atol": 1e-10}
    agree("cosine_embedding_loss", [np.zeros((1, 3)), np.ones((1, 3)), np.array([1])], np.float64, (0, 1), tolerance)


@every_reduction
@every_dtype
@pytest.mark.parametrize("options", [{}, {"margin": 0.5, "p": 1}, {"p": 3, "swap": True}, {"swap": True, "eps": 1e-3}])
@pytest.mark.parametrize("shape", [(4, 3), (3,)])
def test_triplet_margin(shape, options, reduction, dtype, rng):
    triple = [rng.uniform(-1, 1, shape) for _ in range(3)]
    agree("triplet_margin_loss", triple, dtype, tracked=(0, 1, 2), reduction=reduction, **options)


@every_reduction
@pytest.mark.parametrize("swap", [False, True])
def test_triplet_margin_with_distance(swap, reduction, rng):
    triple = [rng.uniform(-1, 1, (4, 3)) for _ in range(3)]
    agree("triplet_margin_with_distance_loss", triple, tracked=(0, 1, 2), swap=swap, reduction=reduction)
    inputs = [tg.tensor(a) for a in triple]
    far = lambda a, b: (a - b).abs().amax(-1)  # noqa: E731
    ours = F.triplet_margin_with_distance_loss(*inputs, distance_function=far, swap=swap, reduction=reduction)
    references = [torch.tensor(a) for a in triple]
    expected = torch.nn.functional.triplet_margin_with_distance_loss(
        *references, distance_function=far, swap=swap, reduction=reduction
    )
    np.testing.assert_allclose(ours.numpy(), expected.numpy())


@every_reduction
@every_dtype
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (3,)])
def test_multi_margin(shape, weighted, p, reduction, dtype, rng):
    options = {"weight": rng.uniform(0.5, 2, 3)} if weighted else {}
    x, labels = rng.uniform(-1, 1, shape), np.asarray(rng.integers(0, 3, shape[:-1]))
    agree("multi_margin_loss", [x, labels], dtype, p=p, margin=0.7, reduction=reduction, **options)


SMOOTH = {
    "hinge_embedding_loss": lambda x: F.hinge_embedding_loss(x, tg.ones(4, 3)),
    "soft_margin_loss": lambda x: F.soft_margin_loss(x, tg.ones(4, 3)),
    "multilabel_soft_margin_loss": lambda x: F.multilabel_soft_margin_loss(x, tg.ones(4, 3)),
    "multi_margin_loss": lambda x: F.multi_margin_loss(x, tg.tensor([0, 1, 2, 1]), p=2),
    "cosine_embedding_loss": lambda x: F.cosine_embedding_loss(x, x.flip(0), tg.tensor([1, -1, 1, -1])),
    "triplet_margin_loss": lambda x: F.triplet_margin_loss(x, x.flip(0), x.flip(1)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivative(name, rng):
    assert second_order_error(SMOOTH[name], [rng.uniform(-2, 2, (4, 3))]) is None


# -- hinge loss, ours -----------------------------------------------------------------------------------------------------


def crammer_singer(x, labels):
    """scikit-learn's multi-class hinge loss, by its definition."""
    losses = []
    for row, t in zip(x, labels, strict=True):
        losses.append(max(0.0, 1 - (row[t] - max(np.delete(row, t)))))
    return np.array(losses)


def test_multi_class_hinge(rng):
    x, labels = rng.uniform(-2, 2, (20, 4)), rng.integers(0, 4, 20)
    expected = crammer_singer(x, labels)
    assert (expected == 0).any()
    assert (expected > 0).any()
    out = F.hinge_loss(tg.tensor(x), tg.tensor(labels), reduction="none")
    np.testing.assert_allclose(out.numpy(), expected)
    assert F.hinge_loss(tg.tensor(x), tg.tensor(labels)).item() == pytest.approx(expected.mean())
    assert F.hinge_loss(tg.tensor(x), tg.tensor(labels), reduction="sum").item() == pytest.approx(expected.sum())


def test_multi_class_hinge_pushes_the_label_up_and_the_next_best_down():
    x = tg.tensor([[2.0, 1.5, 0.0], [5.0, 0.0, 0.0]], requires_grad=True)
    F.hinge_loss(x, tg.tensor([0, 0]), reduction="sum").backward()
    assert x.grad.tolist() == [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("negative", [-1, 0])
def test_binary_hinge(negative, rng):
    x, sign = rng.uniform(-2, 2, 20), rng.choice([-1, 1], 20)
    target = np.where(sign == 1, 1, negative)
    expected = np.maximum(0, 1 - x * sign)
    assert F.hinge_loss(tg.tensor(x), tg.tensor(target)).item() == pytest.approx(expected.mean())
    np.testing.assert_allclose(F.hinge_loss(tg.tensor(x), tg.tensor(target * 1.0), reduction="none").numpy(), expected)


def test_hinge_with_another_margin():
    assert F.hinge_loss(tg.tensor([0.5]), tg.tensor([1.0]), margin=2.0).item() == 1.5


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.hinge_loss(tg.ones(2, 3), tg.tensor([0, 3])), IndexRangeError, "hinge_loss: target[1] is 3, and there are 3 classes; labels go from 0 to 2"),
        (lambda: F.hinge_loss(tg.ones(2, 3), tg.tensor([0.0, 1.0])), DTypeError, "hinge_loss: argument 'target' has dtype float32, class labels are integers; convert it with .long()"),
        (lambda: F.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 5])), IndexRangeError, "multi_margin_loss: target[1] is 5, and there are 3 classes; labels go from 0 to 2"),
        (lambda: F.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 1]), p=3), ArgumentError, "multi_margin_loss: p is 3; use 1 or 2"),
        (lambda: F.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 1, 2])), ArgumentError, "multi_margin_loss: input of shape (2, 3) does not fit target of shape (3,); the target should have shape (2,)"),
        (lambda: F.margin_ranking_loss(tg.ones(4, 3), tg.ones(3), tg.ones(4, 3)), ShapeError, "margin_ranking_loss: the shapes are (4, 3), (3,), (4, 3); give all the same number of dimensions"),
        (lambda: F.triplet_margin_loss(tg.ones(3), tg.ones(3), tg.ones(3), margin=-1), ArgumentError, "triplet_margin_loss: margin must be greater than 0, got -1; use a positive number"),
        (lambda: F.triplet_margin_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(3)), ShapeError, "triplet_margin_loss: anchor, positive and negative have 2, 2 and 1 dimensions; give all the same number"),
        (lambda: F.cosine_embedding_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(1, 2)), ShapeError, "cosine_embedding_loss: the inputs have shapes (2, 3) and (2, 3), the target (1, 2); give (N, D), (N, D) and (N)"),
        (lambda: F.multilabel_margin_loss(tg.ones(2, 3), tg.ones(2, 2).long()), ShapeError, "multilabel_margin_loss: input of shape (2, 3) does not fit target of shape (2, 2); give both (N, C) or (C)"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
