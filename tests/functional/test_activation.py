"""Activations against PyTorch: values, gradients, options, extreme inputs, in place; second derivatives."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, GradError, IndexRangeError, ShapeError, TapegradWarning

from .compare import agree, ours, second_order_error

torch = pytest.importorskip("torch")

CASES = [
    ("relu", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("leaky_relu", {"negative_slope": 0.0}),
    ("leaky_relu", {"negative_slope": 1.7}),
    ("leaky_relu", {"negative_slope": -0.4}),
    ("elu", {}),
    ("elu", {"alpha": 0.4}),
    ("elu", {"alpha": -0.4}),
    ("selu", {}),
    ("celu", {}),
    ("celu", {"alpha": 2.5}),
    ("celu", {"alpha": -2.5}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("mish", {}),
    ("softplus", {}),
    ("softplus", {"beta": 2.0, "threshold": 1.5}),
    ("softplus", {"beta": 0.5}),
    ("softsign", {}),
    ("softmin", {"dim": 1}),
    ("softmax", {"dim": 0}),
    ("softmax", {"dim": -1}),
    ("log_softmax", {"dim": 0}),
    ("log_softmax", {"dim": -1}),
    ("hardtanh", {}),
    ("hardtanh", {"min_val": -0.5, "max_val": 1.5}),
    ("relu6", {}),
    ("hardsigmoid", {}),
    ("hardswish", {}),
    ("softshrink", {}),
    ("softshrink", {"lambd": 0.2}),
    ("hardshrink", {}),
    ("hardshrink", {"lambd": 0.2}),
    ("tanhshrink", {}),
    ("threshold", {"threshold": 0.3, "value": 2.0}),
    ("rrelu", {}),
    ("rrelu", {"lower": 0.2, "upper": 0.6}),
    ("logsigmoid", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("glu", {}),
    ("glu", {"dim": 1}),
]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for name, options in CASES]
every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)

# Where the pieces of a piecewise function meet: there PyTorch chooses a side for the gradient.
KINKS = {
    "relu": [0.0],
    "leaky_relu": [0.0],
    "elu": [0.0],
    "selu": [0.0],
    "celu": [0.0],
    "hardtanh": [-1.0, 1.0],
    "relu6": [0.0, 6.0],
    "hardsigmoid": [-3.0, 3.0],
    "softshrink": [-0.5, 0.5],
    "hardshrink": [-0.5, 0.5],
    "rrelu": [0.0],
}
IN_PLACE = [
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "relu6",
    "hardsigmoid",
    "hardswish",
]
IN_PLACE += ["threshold", "rrelu"]


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients(name, options, dtype, rng):
    # PyTorch multiplies by a float32 1/6 here, in float64 too.
    tolerance = {"rtol": 1e-7, "atol": 1e-7} if name == "hardsigmoid" else None
    agree(name, [rng.uniform(-8, 8, (4, 6))], dtype, tolerance=tolerance, **options)
    agree(name, [rng.uniform(-1, 1, (2, 2, 2))], dtype, tolerance=tolerance, **options)


@every_case
def test_second_derivative(name, options, rng):
    x = rng.uniform(-2, 2, (4, 6))
    assert second_order_error(lambda t: getattr(F, name)(t, **options), [x]) is None


@pytest.mark.parametrize("name", KINKS)
def test_gradient_where_the_pieces_meet(name):
    agree(name, [np.array(KINKS[name])], tolerance={"rtol": 1e-7, "atol": 1e-12})


# Without glu, for which one number is too few, and celu with a negative alpha, which grows exponentially.
BOUNDED = [case for case in CASES if case[0] != "glu" and case != ("celu", {"alpha": -2.5})]


@pytest.mark.parametrize(("name", "options"), BOUNDED, ids=map(str, BOUNDED))
@pytest.mark.parametrize("size", [30.0, 100.0, 1e4, 1e15, 1e30])
def test_far_away_nothing_overflows(name, options, size):
    """Warnings are errors in these tests, so that an overflow on the way would show."""
    x = np.array([[-size, -1.0, 0.5, size]])
    for dtype in (np.float32, np.float64):
        out = agree(name, [x], dtype, tracked=(), **options)
        t = tg.tensor(x.astype(dtype), requires_grad=True)
        getattr(F, name)(t, **options).sum().backward()
        assert np.isfinite(out.numpy()).all()
        assert np.isfinite(t.grad.numpy()).all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "gelu", "softplus", "hardtanh", "logsigmoid"])
def test_infinities_and_nan(name):
    with np.errstate(invalid="ignore"):
        agree(name, [np.array([np.inf, np.nan])], tracked=())


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name, rng):
    options = {"threshold": 0.1, "value": 1.0} if name == "threshold" else {}
    x = rng.uniform(-2, 2, (3, 4))
    leaf, other = ours([x, x], (0, 1))
    expected = getattr(F, name)(other, **options)
    base = leaf * 1
    out = getattr(F, name)(base, **options, inplace=True)
    assert out is base
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy())
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), other.grad.numpy())


@pytest.mark.parametrize("name", ["relu", "silu"])
def test_in_place_on_a_leaf_is_refused(name):
    with pytest.raises(GradError, match="a leaf Variable that requires grad"):
        getattr(F, name)(tg.ones(2, requires_grad=True), inplace=True)


@pytest.mark.parametrize("name", ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_", "rrelu_"])
def test_functions_with_an_underscore(name, rng):
    x = rng.uniform(-2, 2, (3, 4))
    (t,) = ours([x])
    assert getattr(F, name)(t) is t
    np.testing.assert_allclose(t.numpy(), getattr(torch.nn.functional, name)(torch.tensor(x)).numpy())


def test_threshold_in_place(rng):
    t = tg.tensor([0.5, 2.0])
    assert F.threshold_(t, 1.0, -1.0) is t
    assert t.tolist() == [-1.0, 2.0]


# -- those with something of their own ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4, 2), (3,), ()])
@pytest.mark.parametrize("per_channel", [False, True])
def test_prelu(shape, per_channel, rng):
    channels = shape[1] if len(shape) > 1 else 1
    weight = rng.uniform(0.1, 0.9, channels if per_channel else 1)
    x = np.asarray(rng.uniform(-2, 2, shape))
    agree("prelu", [x, weight], tracked=(0, 1))
    assert second_order_error(F.prelu, [x, weight], (0, 1)) is None


def test_prelu_wants_one_weight_or_one_for_each_channel():
    with pytest.raises(
        ShapeError, match=r"prelu: 2 weights for an input of shape \(4, 3\), which has 3 channels; use 1"
    ):
        F.prelu(tg.ones(4, 3), tg.ones(2))


def test_relu3_is_the_cube_of_relu(rng):
    x = rng.uniform(-2, 2, (3, 4))
    t = tg.tensor(x, requires_grad=True)
    out = F.relu3(t)
    np.testing.assert_allclose(out.detach().numpy(), np.maximum(x, 0) ** 3)
    out.sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), 3 * np.maximum(x, 0) ** 2)
    assert second_order_error(F.relu3, [x]) is None


def test_rrelu_draws_slopes_between_its_bounds():
    t = tg.tensor(-np.ones(2000), requires_grad=True)
    out = F.rrelu(t, 0.2, 0.6, training=True)
    slopes = -out.detach().numpy()
    assert 0.2 <= slopes.min() < 0.22
    assert 0.58 < slopes.max() < 0.6
    out.sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), slopes)
    assert F.rrelu(tg.ones(3), training=True).tolist() == [1.0, 1.0, 1.0]


def test_softmax_of_minus_infinity_everywhere_is_nan_as_in_pytorch():
    agree("softmax", [np.array([[-np.inf, -np.inf], [-np.inf, 0.0]])], tracked=(), dim=1)
    agree("log_softmax", [np.array([[-np.inf, -np.inf], [-np.inf, 0.0]])], tracked=(), dim=1)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_a_dimension_left_out_is_chosen_as_before_with_a_warning(name, shape, rng):
    x = rng.standard_normal(shape)
    with pytest.warns(TapegradWarning, match="implicit dimension choice has been deprecated") as caught:
        out = getattr(F, name)(tg.tensor(x))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        expected = getattr(torch.nn.functional, name)(torch.tensor(x))
    np.testing.assert_allclose(out.numpy(), expected.numpy())


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_converts_first(name):
    out = getattr(F, name)(tg.tensor([0, 1, 2]), dim=0, dtype=tg.float64)
    expected = getattr(torch.nn.functional, name)(torch.tensor([0, 1, 2]), dim=0, dtype=torch.float64)
    np.testing.assert_allclose(out.numpy(), expected.numpy())
    x = tg.ones(3, requires_grad=True)
    getattr(F, name)(x, dim=0, dtype=tg.float64)[0].backward()
    assert x.grad.dtype == tg.float32


def test_softmax_of_half_precision_computes_in_single(rng):
    # In half precision the sum would be infinite.
    assert F.softmax(tg.zeros(70000, dtype="float16"), 0)[0].item() == pytest.approx(1 / 70000, rel=0.01)
    x = rng.uniform(-3, 3, (5, 2000)).astype(np.float16)
    np.testing.assert_allclose(
        F.softmax(tg.tensor(x), 1).numpy(), torch.softmax(torch.tensor(x), 1).numpy(), rtol=2e-3, atol=1e-7
    )


def test_softmax_is_a_method_and_a_function(rng):
    x = tg.tensor(rng.standard_normal((2, 3)))
    assert (x.softmax(-1) == tg.softmax(x, dim=-1)).all()
    assert (x.log_softmax(axis=-1) == tg.log_softmax(x, -1)).all()


def test_gumbel_softmax_draws_in_proportion():
    logits = tg.tensor(np.log(np.array([0.1, 0.2, 0.7]))).expand(4000, 3)
    hard = F.gumbel_softmax(logits, hard=True)
    assert set(np.unique(hard.numpy()).round(12)) == {0.0, 1.0}
    np.testing.assert_allclose(hard.numpy().mean(0), [0.1, 0.2, 0.7], atol=0.03)
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(soft.numpy().sum(-1), 1)
    assert ((soft.numpy() > 0) & (soft.numpy() < 1)).any()


def test_hard_gumbel_softmax_has_the_soft_gradient():
    x = tg.tensor(np.zeros((5, 3)), requires_grad=True)
    tg.manual_seed(3)
    F.gumbel_softmax(x, hard=True)[:, 0].sum().backward()
    y = tg.tensor(np.zeros((5, 3)), requires_grad=True)
    tg.manual_seed(3)
    F.gumbel_softmax(y)[:, 0].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())
    assert (x.grad != 0).any()


def test_gumbel_softmax_warns_of_eps():
    with pytest.warns(TapegradWarning, match="'eps' is deprecated"):
        F.gumbel_softmax(tg.zeros(2), eps=1e-3)


# -- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.glu(tg.ones(3)), ShapeError, "glu: dimension -1 of shape (3,) is odd; make it even"),
        (
            lambda: F.glu(tg.tensor(1.0)),
            ShapeError,
            "glu: a 0-d tensor cannot be halved; give it a dimension of even size",
        ),
        (lambda: F.softshrink(tg.ones(1), -1.0), ArgumentError, "softshrink: lambd is -1.0; use at least 0"),
        (lambda: F.hardtanh(tg.ones(1), 1, -1), ArgumentError, "hardtanh: min_val=1 is above max_val=-1; swap them"),
        (
            lambda: F.celu(tg.ones(1), 0),
            ArgumentError,
            "celu: alpha is 0, and x is divided by it; use a positive number",
        ),
        (lambda: F.gelu(tg.ones(1), "both"), ArgumentError, "gelu: approximate is 'both'; use 'none' or 'tanh'"),
        (lambda: F.rrelu(tg.ones(1), 0.5, 0.2), ArgumentError, "rrelu: lower=0.5 is above upper=0.2; swap them"),
        (
            lambda: F.softmax(tg.ones(2, 2), dim=5),
            IndexRangeError,
            "softmax: dimension 5 is out of range for shape (2, 2); use -2 to 1",
        ),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


HALVES = np.concatenate([np.linspace(-40, 40, 161), [1000, -1000, 60000, -60000]]).astype(np.float16)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(("softplus", options) for options in ({}, {"beta": 2}, {"beta": 0.5, "threshold": 5})),
        *((name, {}) for name in ("logsigmoid", "silu", "mish", "gelu", "elu", "selu", "sigmoid", "tanh", "hardswish")),
        *((name, {"dim": 0}) for name in ("softmax", "log_softmax", "softmin")),
        *((name, {}) for name in ("hardsigmoid", "softsign", "tanhshrink", "softshrink", "hardshrink", "relu6")),
        ("celu", {"alpha": 0.5}),
        ("gelu", {"approximate": "tanh"}),
    ],
    ids=str,
)
def test_half_precision_does_not_overflow_where_pytorchs_does_not(name, options):
    torch = pytest.importorskip("torch")
    found = []
    for module in (torch, tg):
        x = module.tensor(HALVES.tolist(), dtype=module.float16, requires_grad=True)
        y = getattr(module.nn.functional, name)(x, **options)
        y.sum().backward()
        found.append(np.stack([np.asarray(y.detach()), np.asarray(x.grad)]).astype(float))
    np.testing.assert_allclose(found[1], found[0], rtol=0.02, atol=0.02)
