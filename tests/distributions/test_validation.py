"""Wrong parameters, values and calls raise the kinds of errors that PyTorch raises, naming the constraint."""

from typing import ClassVar

import pytest

import tapegrad as tg
import tapegrad.distributions as mine

torch = pytest.importorskip("torch")

# What to call with D, the distributions, and t, the library.
WRONG = [
    "D.Uniform(t.tensor([0.0, 1.0]), t.tensor([1.0, 0.5]))",
    "D.Normal(0.0, -1.0)",
    "D.Normal('a', 1.0)",
    "D.Categorical()",
    "D.Categorical(t.ones(2), t.ones(2))",
    "D.Categorical(t.tensor(1.0))",
    "D.Categorical(t.tensor([-1.0, 2.0]))",
    "D.Categorical(t.ones(3)).log_prob(t.tensor(5))",
    "D.Normal(0.0, 1.0).log_prob('x')",
    "D.Normal(0.0, 1.0).log_prob(3.0)",
    "D.Normal(t.zeros(3), 1.0).log_prob(t.zeros(2))",
    "D.Bernoulli(0.3).log_prob(t.tensor(0.5))",
    "D.Independent(D.Normal(t.zeros(3), 1.0), 2)",
    "D.Independent(D.Bernoulli(t.ones(3) / 2), 1).enumerate_support()",
    "D.MultivariateNormal(t.zeros(2))",
    "D.MultivariateNormal(t.zeros(2), -t.eye(2))",
    "D.MultivariateNormal(t.zeros(2), t.eye(2)).log_prob(t.zeros(3))",
    "D.MultivariateNormal(t.tensor(0.0), t.eye(1))",
    "D.Dirichlet(t.tensor(1.0))",
    "D.Beta(t.tensor(-1.0), 1.0)",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), 'x')",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), [3])",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), [D.StickBreakingTransform()])",
    "D.Poisson(-1.0)",
    "D.Poisson(1.0).rsample()",
    "D.Poisson(1.0).entropy()",
    "D.Geometric(0.0)",
    "D.Binomial(3, t.tensor(2.0))",
    "D.Binomial(t.tensor([1, 2]), t.tensor([0.1, 0.2])).enumerate_support()",
    "D.Multinomial(t.tensor(3), t.ones(2))",
    "D.LKJCholesky(1)",
    "D.Wishart(t.tensor(0.5), t.eye(3))",
    "D.VonMises(0.0, 0.0)",
    "D.StudentT(-1.0)",
    "D.Gamma(1.0, t.tensor([0.0, 1.0]))",
    "D.RelaxedBernoulli(t.tensor(1.0))",
    "D.Exponential(t.tensor(2.0)).log_prob(t.tensor(-1.0))",
    "D.Normal(0.0, 1.0).enumerate_support()",
    "D.LowRankMultivariateNormal(t.zeros(2), t.zeros(3, 1), t.ones(2))",
    "D.LowRankMultivariateNormal(t.zeros(2), t.zeros(2, 1), t.ones(3))",
    "D.MixtureSameFamily(D.Categorical(t.ones(2)), D.Normal(t.zeros(3), 1.0))",
    "D.MixtureSameFamily(D.Normal(t.zeros(3), 1.0), D.Normal(t.zeros(3), 1.0))",
    "D.biject_to(D.constraints.boolean)",
    "D.biject_to.register(3, lambda c: c)",
    "D.ExpTransform(cache_size=2)",
    "D.AbsTransform().log_abs_det_jacobian(t.ones(1), t.ones(1))",
    "D.AbsTransform().sign",
    "D.ReshapeTransform((2,), (3,))",
    "D.StickBreakingTransform().forward_shape(())",
    "D.CorrCholeskyTransform().forward_shape((4,))",
    "D.CatTransform([1])",
    "D.StackTransform([D.ExpTransform()])(t.ones(2))",
    "D.constraints.dependent.event_dim",
    "D.constraints.dependent.check(1)",
    "D.constraints.independent(3, 1)",
    "D.constraints.cat([D.constraints.real], lengths=[1, 2])",
    "D.Distribution.set_default_validate_args(3)",
    "D.Distribution(validate_args=False).mean",
    "D.Distribution(validate_args=False).expand((2,))",
    "D.utils.tril_matrix_to_vec(t.eye(2), 3)",
    "D.utils.vec_to_tril_matrix(t.ones(5))",
]


@pytest.mark.parametrize("call", WRONG)
def test_the_kind_of_error(call):
    try:
        eval(call, {"D": torch.distributions, "t": torch})
        kind = AssertionError
    except Exception as error:
        kind = next(k for k in type(error).__mro__ if k.__module__ == "builtins")
    with pytest.raises(kind, match="; ") as own:
        eval(call, {"D": tg.distributions, "t": tg})
    assert isinstance(own.value, tg.errors.TapegradError)


def test_the_constraint_and_the_values_are_named():
    with pytest.raises(ValueError, match=r"parameter scale .*GreaterThan\(lower_bound=0.0\)[\s\S]*-1"):
        mine.Normal(0.0, tg.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"support \(Boolean\(\)\)[\s\S]*0.5"):
        mine.Bernoulli(0.3).log_prob(tg.tensor(0.5))


def test_validation_can_be_turned_off():
    d = mine.Normal(0.0, -1.0, validate_args=False)
    assert bool(d.log_prob(tg.tensor(0.0)).isnan())
    before = mine.Distribution._validate_args
    mine.Distribution.set_default_validate_args(False)
    try:
        assert mine.Bernoulli(0.3).log_prob(tg.tensor(0.5)).shape == ()
        with pytest.raises(ValueError, match="scale"):
            mine.Normal(0.0, -1.0, validate_args=True)
    finally:
        mine.Distribution.set_default_validate_args(before)
    assert mine.Bernoulli(0.3, validate_args=False).expand((2,))._validate_args is False


def test_a_distribution_of_ones_own():
    class Half(mine.Distribution):
        arg_constraints: ClassVar = {}
        support = mine.constraints.real

        def rsample(self, sample_shape=()):
            return tg.full(tuple(self._extended_shape(sample_shape)), 0.5)

    d = Half(tg.Size([2]))
    assert d.sample((3,)).shape == (3, 2)
    assert repr(d) == "Half()"
    with pytest.warns(UserWarning, match="arg_constraints"):
        mine.Distribution()
    with pytest.warns(FutureWarning, match="sample_n"):
        assert d.sample_n(4).shape == (4, 2)


def test_a_subclass_with_its_own_arguments_says_how_it_expands():
    class Shifted(mine.Normal):
        def __init__(self, shift):
            super().__init__(shift + 1.0, 1.0)

    with pytest.raises(NotImplementedError, match="expand"):
        Shifted(tg.zeros(2)).expand((3, 2))

    class Expanding(Shifted):
        def expand(self, batch_shape, _instance=None):
            return super().expand(batch_shape, self._get_checked_instance(Expanding, _instance))

    wide = Expanding(tg.zeros(2)).expand((3, 2))
    assert type(wide) is Expanding
    assert wide.mean.shape == (3, 2)


def test_names_lie_where_pytorch_has_them():
    import importlib

    for module, name in {
        "normal": "Normal",
        "categorical": "Categorical",
        "studentT": "StudentT",
        "kl": "kl_divergence",
        "transforms": "TanhTransform",
        "transformed_distribution": "TransformedDistribution",
        "relaxed_bernoulli": "LogitRelaxedBernoulli",
        "relaxed_categorical": "ExpRelaxedCategorical",
        "utils": "broadcast_all",
        "exp_family": "ExponentialFamily",
        "constraint_registry": "biject_to",
        "lowrank_multivariate_normal": "LowRankMultivariateNormal",
    }.items():
        assert hasattr(importlib.import_module(f"tapegrad.distributions.{module}"), name)
        assert hasattr(importlib.import_module(f"torch.distributions.{module}"), name)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("boolean", 1.0, 0.5),
        ("real", 1.0, float("nan")),
        ("positive", 1.0, 0.0),
        ("nonnegative", 0.0, -1.0),
        ("nonnegative_integer", 0.0, 0.5),
        ("positive_integer", 1.0, 0.0),
        ("unit_interval", 1.0, 1.5),
        ("one_hot", [0.0, 1.0], [1.0, 1.0]),
        ("simplex", [0.5, 0.5], [1.5, -0.5]),
        ("real_vector", [0.5, 0.5], [0.5, float("nan")]),
        ("lower_triangular", [[0.0, 0.0], [1.0, -1.0]], [[1.0, 1.0], [0.0, 1.0]]),
        ("lower_cholesky", [[1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, -1.0]]),
        ("corr_cholesky", [[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.6]]),
        ("square", [[1.0, 2.0], [0.6, 0.8]], [[1.0, 2.0]]),
        ("symmetric", [[1.0, 2.0], [2.0, 0.8]], [[1.0, 2.0], [1.0, 0.0]]),
        ("positive_semidefinite", [[1.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]),
        ("positive_definite", [[1.0, 0.5], [0.5, 1.0]], [[1.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_constraints(name, good, bad):
    for lib in (tg, torch):
        constraint = getattr(lib.distributions.constraints, name)
        for value, wanted in ((good, True), (bad, False)):
            checked = constraint.check(lib.tensor(value))
            assert checked.shape == ()
            assert bool(checked) is wanted
    own, other = (getattr(lib.distributions.constraints, name) for lib in (tg, torch))
    assert repr(own) == repr(other)
    assert (own.is_discrete, own.event_dim) == (other.is_discrete, other.event_dim)
