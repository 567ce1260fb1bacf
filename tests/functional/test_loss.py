"""Losses of numbers and probabilities: against PyTorch in every option, exact far away, and what they refuse."""

import math

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DataError, TapegradWarning, UsageError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

DIFFERENCES = [
    ("mse_loss", {}),
    ("l1_loss", {}),
    ("smooth_l1_loss", {}),
    ("smooth_l1_loss", {"beta": 0.3}),
    ("smooth_l1_loss", {"beta": 0.0}),
    ("huber_loss", {}),
    ("huber_loss", {"delta": 0.3}),
]


@every_reduction
@every_dtype
@pytest.mark.parametrize(("name", "options"), DIFFERENCES)
@pytest.mark.parametrize("shape", [(4, 3), (5,), (), (0, 2)])
def test_differences(name, options, shape, reduction, dtype, rng):
    x, t = np.asarray(rng.uniform(-2, 2, shape)), np.asarray(rng.uniform(-2, 2, shape))
    agree(name, [x, t], dtype, tracked=(0, 1), reduction=reduction, **options)


@every_reduction
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_elements(name, reduction, rng):
    x, t, w = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3)), rng.uniform(0.5, 2, (4, 3))
    agree(name, [x, t], tracked=(0, 1), reduction=reduction, weight=w)
    with pytest.raises(
        ArgumentError, match=r"loss: weight of shape \(3,\) for input \(4, 3\); give them the same shape"
    ):
        getattr(F, name)(tg.tensor(x), tg.tensor(t), weight=tg.ones(3))


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_shapes_that_broadcast_are_noticed(name):
    with pytest.warns(TapegradWarning, match=r"target of shape \(3, 1\) differs from input of shape \(3,\)") as caught:
        out = getattr(F, name)(tg.zeros(3), tg.ones(3, 1), reduction="none")
    assert out.shape == (3, 3)
    assert caught[0].filename == __file__


def test_gradients_where_the_pieces_meet():
    x, zero = np.array([-1.0, 0.0, 1.0]), np.zeros(3)
    for name in ("l1_loss", "smooth_l1_loss", "huber_loss"):
        agree(name, [x, zero], reduction="sum")


@pytest.mark.parametrize("name", ["smooth_l1_loss", "huber_loss", "l1_loss"])
def test_large_differences_do_not_overflow(name):
    agree(name, [np.array([3e30, -3e30]), np.zeros(2)], np.float32, reduction="none")


@pytest.mark.parametrize(("name", "options"), [d for d in DIFFERENCES if d[0] != "l1_loss" and d[1] != {"beta": 0.0}])
def test_second_derivative_of_differences(name, options, rng):
    x, t = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3))
    assert second_order_error(lambda a, b: getattr(F, name)(a, b, **options), [x, t], (0, 1)) is None


def test_integer_targets_count_as_floats():
    assert F.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1, 4])).item() == 2
    assert F.binary_cross_entropy_with_logits(tg.zeros(2), tg.tensor([0, 1])).item() == pytest.approx(math.log(2))


# -- probabilities ----------------------------------------------------------------------------------------------------


@every_reduction
@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy(weighted, reduction, dtype, rng):
    options = {"weight": rng.uniform(0.5, 2, 3)} if weighted else {}
    x, t = rng.uniform(0.01, 0.99, (4, 3)), rng.uniform(0, 1, (4, 3))
    agree("binary_cross_entropy", [x, t], dtype, tracked=(0, 1), reduction=reduction, **options)


def test_certainty_costs_at_most_100():
    x, t = np.array([0.0, 1.0, 0.0, 1.0, 1e-30]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    # PyTorch's smallest x (1 - x) is a float32 1e-12, in float64 too.
    tolerance = {"rtol": 1e-6, "atol": 1e-7}
    for dtype in (np.float32, np.float64):
        agree("binary_cross_entropy", [x, t], dtype, tolerance=tolerance, reduction="none")


@every_reduction
@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [False, True])
def test_binary_cross_entropy_with_logits(weighted, positive, reduction, dtype, rng):
    options = {"weight": rng.uniform(0.5, 2, (4, 1))} if weighted else {}
    options |= {"pos_weight": rng.uniform(0.5, 2, 3)} if positive else {}
    x, t = rng.uniform(-5, 5, (4, 3)), rng.uniform(0, 1, (4, 3))
    agree("binary_cross_entropy_with_logits", [x, t], dtype, tracked=(0, 1), reduction=reduction, **options)


@pytest.mark.parametrize("positive", [False, True])
def test_logits_far_away(positive):
    options = {"pos_weight": np.array([3.0])} if positive else {}
    x, t = np.array([-1e4, -50.0, 50.0, 1e4, 1e30]), np.array([0.0, 0.0, 1.0, 0.0, 1.0])
    for dtype in (np.float32, np.float64):
        agree("binary_cross_entropy_with_logits", [x, t], dtype, reduction="none", **options)


def test_a_small_probability_keeps_its_digits():
    x = tg.tensor(np.array([-50.0]), requires_grad=True)
    F.binary_cross_entropy_with_logits(x, tg.zeros(1, dtype=tg.float64)).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(-50.0), rtol=1e-12)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_targets_of_another_shape_are_refused(name):
    with pytest.raises(ArgumentError) as caught:
        getattr(F, name)(tg.zeros(3, 1), tg.zeros(3))
    assert str(caught.value) == (
        f"{name}: target of shape (3,) differs from input of shape (3, 1); give them the same shape, "
        "e.g. with target.unsqueeze(1) or input.squeeze(1)"
    )


@pytest.mark.parametrize(("values", "where"), [([0.5, 1.5, -1.0], "input[1] is 1.5"), (-0.25, "input is -0.25")])
def test_what_is_no_probability_is_refused(values, where):
    x = tg.tensor(values)
    with pytest.raises(DataError) as caught:
        F.binary_cross_entropy(x, tg.zeros_like(x))
    assert str(caught.value) == (
        f"binary_cross_entropy: {where}, and probabilities lie between 0 and 1; "
        "apply sigmoid() first, or use binary_cross_entropy_with_logits, which takes the numbers as they are"
    )


def test_nan_passes_as_it_does_elsewhere():
    assert math.isnan(F.binary_cross_entropy(tg.tensor([float("nan")]), tg.ones(1)).item())


def test_second_derivatives_of_binary_cross_entropy(rng):
    t = rng.uniform(0, 1, (4, 3))
    x, p = rng.uniform(-2, 2, (4, 3)), rng.uniform(0.2, 0.8, (4, 3))
    positive = tg.tensor(rng.uniform(0.5, 2, 3))
    assert second_order_error(F.binary_cross_entropy, [p, t], (0, 1)) is None
    assert second_order_error(F.binary_cross_entropy_with_logits, [x, t], (0, 1)) is None
    weighted = lambda a, b: F.binary_cross_entropy_with_logits(a, b, pos_weight=positive)  # noqa: E731
    assert second_order_error(weighted, [x, t], (0, 1)) is None


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@every_dtype
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.filterwarnings("ignore:.*reduction:UserWarning")
def test_kl_div(log_target, reduction, dtype, rng):
    x, t = np.log(rng.uniform(0.1, 0.9, (4, 3))), rng.uniform(0.1, 0.9, (4, 3))
    t = np.log(t) if log_target else t
    agree("kl_div", [x, t], dtype, tracked=(0, 1), reduction=reduction, log_target=log_target)


def test_kl_div_of_impossible_events_is_zero(rng):
    agree("kl_div", [np.log(rng.uniform(0.1, 0.9, 3)), np.array([0.0, 0.5, 1.0])], reduction="sum")


def test_kl_div_warns_of_its_mean():
    with pytest.warns(TapegradWarning, match="use 'batchmean' for the divergence"):
        F.kl_div(tg.zeros(2), tg.ones(2))
    assert F.kl_div(tg.tensor(0.0), tg.tensor(1.0), reduction="batchmean").item() == 0


@pytest.mark.parametrize("log_target", [False, True])
def test_second_derivative_of_kl_div(log_target, rng):
    x, t = rng.uniform(-2, 0, (4, 3)), rng.uniform(0.1, 0.9, (4, 3))
    call = lambda a, b: F.kl_div(a, b, reduction="batchmean", log_target=log_target)  # noqa: E731
    assert second_order_error(call, [x, t], (0, 1)) is None


# -- distributions ----------------------------------------------------------------------------------------------------


@every_reduction
@every_dtype
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("log_input", [False, True])
def test_poisson(log_input, full, reduction, dtype, rng):
    x, t = rng.uniform(0.1, 2, (4, 3)), np.array([[0.0, 1.0, 2.0]] * 4)
    agree("poisson_nll_loss", [x, t], dtype, log_input=log_input, full=full, reduction=reduction)
    t = rng.uniform(1.5, 4, (4, 3))
    agree("poisson_nll_loss", [x, t], dtype, (0, 1), log_input=log_input, full=full, reduction=reduction)


@pytest.mark.parametrize("log_input", [False, True])
def test_second_derivative_of_poisson(log_input, rng):
    x, t = rng.uniform(0.3, 2, (4, 3)), rng.uniform(1.5, 4, (4, 3))
    call = lambda a, b: F.poisson_nll_loss(a, b, log_input=log_input, full=True)  # noqa: E731
    assert second_order_error(call, [x, t], (0, 1)) is None


@every_reduction
@every_dtype
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (4,), (4, 1), (1, 3)])
def test_gaussian(shape, full, reduction, dtype, rng):
    x, t, v = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3)), rng.uniform(0.2, 2, shape)
    agree("gaussian_nll_loss", [x, t, v], dtype, tracked=(0, 1, 2), full=full, reduction=reduction)


def test_a_gaussian_of_no_variance_has_eps_instead(rng):
    x, t = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3))
    agree("gaussian_nll_loss", [x, t, np.zeros((4, 3))], tracked=(0, 1, 2), eps=0.1)
    agree("gaussian_nll_loss", [x, t, 0.5])


def test_gaussian_leaves_the_variances_alone():
    v = tg.zeros(3)
    F.gaussian_nll_loss(tg.ones(3), tg.ones(3), v)
    assert v.tolist() == [0.0] * 3


def test_second_derivative_of_gaussian(rng):
    x, t, v = rng.uniform(-2, 2, (4, 3)), rng.uniform(-2, 2, (4, 3)), rng.uniform(0.5, 2, (4, 3))
    assert second_order_error(F.gaussian_nll_loss, [x, t, v], (0, 1, 2)) is None


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.smooth_l1_loss(tg.ones(1), tg.ones(1), beta=-1.0), ArgumentError, "smooth_l1_loss: beta is -1.0; use at least 0"),
        (lambda: F.huber_loss(tg.ones(1), tg.ones(1), delta=0.0), ArgumentError, "huber_loss: delta is 0.0; use a positive number"),
        (lambda: F.mse_loss(tg.ones(1), tg.ones(1), reduction="x"), ArgumentError, "loss: 'x' is not a valid value for reduction; use none, mean, sum"),
        (lambda: F.gaussian_nll_loss(tg.ones(2), tg.ones(2), tg.tensor([1.0, -1.0])), DataError, "gaussian_nll_loss: var has negative entries; use variances, e.g. exp() of a network's output"),
        (lambda: F.gaussian_nll_loss(tg.ones(2), tg.ones(2), -1.0), DataError, "gaussian_nll_loss: var has negative entries; use variances, e.g. exp() of a network's output"),
        (lambda: F.gaussian_nll_loss(tg.ones(4, 3), tg.ones(4, 3), tg.ones(3, 1)), ArgumentError, "gaussian_nll_loss: var of shape (3, 1) does not fit input of shape (4, 3); give it the input's shape, that without the last dimension, or with 1 in one dimension"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
     "cross_entropy", "nll_loss"],
)  # fmt: skip
@pytest.mark.parametrize("target", [np.ones(2), [1.0, 1.0], None], ids=["array", "list", "None"])
def test_a_target_that_is_no_tensor(name, target):
    with pytest.raises(UsageError) as caught:
        getattr(F, name)(tg.full((2,), 0.5), target)
    kind = type(target).__name__
    assert str(caught.value) == f"{name}: argument 'target' is a {kind}; wrap it in tapegrad.tensor(...)"
