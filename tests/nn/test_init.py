"""Initial values: exact ones against PyTorch, random ones by their bounds and moments."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import ArgumentError
from tapegrad.nn import init

SHAPES = [(40, 60), (8, 6, 5, 5), (30, 20, 3)]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def drawn(function, *args, shape=(200, 300), dtype="float32", **options):
    t = tg.zeros(*shape, dtype=dtype)
    assert function(t, *args, **options) is t
    assert t.dtype == dtype
    return t.numpy()


# -- exact ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("ones_", (), (2, 3)),
        ("zeros_", (), (2, 3)),
        ("constant_", (2.5,), ()),
        ("eye_", (), (3, 5)),
        ("eye_", (), (5, 3)),
        ("dirac_", (), (4, 2, 3)),
        ("dirac_", (2,), (4, 2, 3, 4)),
        ("dirac_", (), (2, 4, 1, 2, 3)),
        ("dirac_", (3,), (6, 5, 3)),
    ],
)
def test_fixed_values_are_pytorchs(torch, name, args, shape):
    ours, theirs = tg.full(shape, 7.0), torch.full(shape, 7.0)
    getattr(init, name)(ours, *args)
    getattr(torch.nn.init, name)(theirs, *args)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(
    ("name", "param"),
    [("linear", None), ("conv1d", None), ("conv_transpose3d", None), ("sigmoid", None), ("tanh", None), ("relu", None)]
    + [("leaky_relu", None), ("leaky_relu", 0.3), ("leaky_relu", 1), ("selu", None)],
)
def test_gains_are_pytorchs(torch, name, param):
    assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-15)


@pytest.mark.parametrize("shape", [(2, 3), (4, 5, 3), (4, 5, 3, 2), (1, 7, 2, 2, 2)])
def test_fans_are_pytorchs(torch, shape):
    assert init.fans(tg.zeros(*shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(*shape))


# -- random ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_xavier(shape, gain):
    fan_in, fan_out = init.fans(tg.zeros(*shape))
    values = drawn(init.xavier_uniform_, gain, shape=shape)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    assert bound * 0.98 < np.abs(values).max() <= bound
    normal = drawn(init.xavier_normal_, gain, shape=shape)
    assert normal.std() == pytest.approx(gain * math.sqrt(2 / (fan_in + fan_out)), rel=0.06)
    assert np.abs(normal).max() > bound


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("mode", "place"), [("fan_in", 0), ("fan_out", 1)])
@pytest.mark.parametrize(
    ("options", "gain"), [({}, math.sqrt(2)), ({"a": 2}, math.sqrt(0.4)), ({"nonlinearity": "tanh"}, 5 / 3)]
)
def test_kaiming(shape, mode, place, options, gain):
    fan = init.fans(tg.zeros(*shape))[place]
    values = drawn(init.kaiming_uniform_, shape=shape, mode=mode, **options)
    bound = gain * math.sqrt(3 / fan)
    assert bound * 0.98 < np.abs(values).max() <= bound
    normal = drawn(init.kaiming_normal_, shape=shape, mode=mode, **options)
    assert normal.std() == pytest.approx(gain / math.sqrt(fan), rel=0.06)


def test_uniform_and_normal():
    values = drawn(init.uniform_, 2.0, 5.0)
    assert values.min() >= 2
    assert values.max() <= 5
    assert values.mean() == pytest.approx(3.5, abs=0.02)
    values = drawn(init.normal_, 1.0, 3.0)
    assert values.mean() == pytest.approx(1.0, abs=0.05)
    assert values.std() == pytest.approx(3.0, rel=0.02)


TRUNCATED = [
    (0, 1, -2, 2),
    (0, 0.02, -2, 2),
    (1, 2, -0.5, 0.5),
    (0, 1, 3, 8),
    (0, 1, -9, -4),
    (5, 1, -3, 4.9),
    (0, 1, 0.1, 0.11),
]


@pytest.mark.parametrize(("mean", "std", "a", "b"), TRUNCATED)
def test_truncated_normal_follows_its_distribution(mean, std, a, b):
    """Kolmogorov-Smirnov: the largest distance between the distribution functions, at 60,000 draws."""
    values = np.sort(drawn(init.trunc_normal_, mean, std, a, b, dtype="float64").ravel())
    assert values[0] >= a
    assert values[-1] <= b

    def below(x):
        # erfc of the nearer tail keeps its digits far out.
        sign = -1.0 if (a - mean) > 0 else 1.0
        return sign * np.array([math.erfc(-sign * (t - mean) / (std * math.sqrt(2))) / 2 for t in np.atleast_1d(x)])

    low, high = below(a)[0], below(b)[0]
    expected = (below(values[::60]) - low) / (high - low)
    assert np.abs(expected - np.arange(0, values.size, 60) / values.size).max() < 1.95 / math.sqrt(values.size)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3), (9, 2, 2)])
@pytest.mark.parametrize("gain", [1, 1.5])
def test_orthogonal(shape, gain):
    values = drawn(init.orthogonal_, gain, shape=shape, dtype="float64").reshape(shape[0], -1)
    product = values @ values.T if values.shape[0] <= values.shape[1] else values.T @ values
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_are_drawn_evenly():
    """Evenly drawn ones have mean zero everywhere; a factorisation's own signs would leave a pattern."""
    mean = np.mean([drawn(init.orthogonal_, shape=(3, 3), dtype="float64") for _ in range(600)], axis=0)
    assert np.abs(mean).max() < 0.1


@pytest.mark.parametrize(("sparsity", "rows", "zeros"), [(0.1, 10, 1), (0.35, 10, 4), (0.0, 10, 0), (1.0, 7, 7)])
def test_sparse_columns_have_their_share_of_zeros(sparsity, rows, zeros):
    values = drawn(init.sparse_, sparsity, 0.5, shape=(rows, 400), dtype="float64")
    assert ((values == 0).sum(axis=0) == zeros).all()
    if zeros < rows:
        assert values[values != 0].std() == pytest.approx(0.5, rel=0.1)
    if 0 < zeros < rows:
        assert len(np.unique((values == 0).argmax(axis=0))) > 3


# -- all of them --------------------------------------------------------------------------------------------------------

RANDOM = [
    ("uniform_", {}),
    ("normal_", {}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"a": 3.0, "b": 4.0}),
    ("xavier_uniform_", {}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {}),
    ("kaiming_normal_", {}),
    ("orthogonal_", {}),
    ("sparse_", {"sparsity": 0.2}),
]


@pytest.mark.parametrize(("name", "options"), RANDOM)
def test_a_generator_decides(name, options):
    function = getattr(init, name)

    def values(seed):
        return function(tg.zeros(4, 5), **options, generator=tg.Generator().manual_seed(seed)).tolist()

    assert values(1) == values(1)
    assert values(1) != values(2)
    tg.manual_seed(5)
    first = function(tg.zeros(4, 5), **options).tolist()
    tg.manual_seed(5)
    values(1)
    assert function(tg.zeros(4, 5), **options).tolist() == first


@pytest.mark.parametrize(("name", "options"), [*RANDOM, ("zeros_", {}), ("eye_", {}), ("constant_", {"val": 2.0})])
def test_parameters_are_written_in_place_off_the_tape(name, options):
    p = tg.nn.Parameter(tg.zeros(4, 5))
    memory, version = p.array, p._version
    assert getattr(init, name)(p, **options) is p
    assert p.array is memory
    assert p.is_leaf
    assert p.requires_grad
    assert p._version > version


OLD = ["constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal", "sparse", "uniform"]


@pytest.mark.parametrize("name", [*OLD, "xavier_normal", "xavier_uniform"])
def test_old_names_do_the_same_and_warn(torch, name):
    arguments = {"constant": (2.0,), "sparse": (0.5,)}.get(name, ())
    shape = (3, 3, 3) if name == "dirac" else (3, 3)
    for lib in (tg, torch):
        lib.manual_seed(0)
        new = getattr(lib.nn.init, name + "_")(lib.zeros(shape), *arguments)
        lib.manual_seed(0)
        with pytest.warns(FutureWarning, match=f"init.{name}_"):
            old = getattr(lib.nn.init, name)(lib.zeros(shape), *arguments)
        assert (old == new).all()


def test_fans_under_pytorchs_own_names(torch):
    for shape in ((4, 3), (8, 3, 5, 5)):
        for lib in (tg, torch):
            assert lib.nn.init._calculate_fan_in_and_fan_out(lib.zeros(shape)) == init.fans(tg.zeros(shape))
            assert lib.nn.init._calculate_correct_fan(lib.zeros(shape), "fan_out") == init.fans(tg.zeros(shape))[1]


def test_every_name_is_there(torch):
    theirs = {n for n in vars(torch.nn.init) if not n.startswith("_") and n.rstrip("_") + "_" in vars(torch.nn.init)}
    assert theirs - set(init.__all__) == set()


def test_empty_tensors_stay_as_they_are():
    assert init.orthogonal_(tg.zeros(0, 3)).shape == (0, 3)
    for function in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="no elements"):
            assert function(tg.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: init.xavier_uniform_(tg.ones(3)), r"fans: a tensor of shape \(3,\) has no fan_in .*; use 2 or more"),
        (lambda: init.eye_(tg.ones(3)), r"eye_: the tensor has 1 dimensions \(shape \(3,\)\); use 2"),
        (lambda: init.sparse_(tg.ones(3), 0.1), "sparse_: the tensor has 1 dimensions"),
        (lambda: init.dirac_(tg.ones(3, 3)), "dirac_: the tensor has 2 dimensions .*; use 3, 4 or 5"),
        (lambda: init.dirac_(tg.ones(3, 3, 3), 2), "dirac_: 3 output channels in 2 groups; use a divisor"),
        (lambda: init.orthogonal_(tg.ones(3)), "orthogonal_: the tensor has 1 dimensions"),
        (lambda: init.calculate_gain("rellu"), r"calculate_gain: there is no gain for 'rellu'; did you mean 'relu'\?"),
        (lambda: init.calculate_gain("leaky_relu", True), "calculate_gain: the negative slope is True; use a number"),
        (lambda: init.kaiming_normal_(tg.ones(2, 2), mode="fanin"), "there is no mode 'fanin'; did you mean 'fan_in'"),
        (lambda: init.trunc_normal_(tg.ones(2), a=1.0, b=0.0), "trunc_normal_: a=1.0, b=0.0, std=1.0; use a < b"),
    ],
)
def test_misuse_is_explained(use, message):
    with pytest.raises(ArgumentError, match=message):
        use()
