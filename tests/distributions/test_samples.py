"""Samples follow their distributions: Kolmogorov and Smirnov's distance, moments, and gradients of expectations."""

import numpy as np
import pytest

import tapegrad as tg

from .examples import EXAMPLES

D = tg.distributions


def build(name, keywords):
    return getattr(D, name)(
        **{k: tg.tensor(np.array(v)) if isinstance(v, (np.ndarray, np.floating)) else v for k, v in keywords.items()}
    )


def distance(values, cdf):
    """Return the largest distance of the share of values below x from the cumulative function at x."""
    values = np.sort(values)
    below = cdf(values)
    n = len(values)
    return max(np.abs(np.arange(1, n + 1) / n - below).max(), np.abs(np.arange(n) / n - below).max())


WITH_CDF = [
    *("Cauchy", "Chi2", "ContinuousBernoulli", "Exponential", "Gamma", "GeneralizedPareto", "Gumbel", "HalfCauchy"),
    *("HalfNormal", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "Normal", "Pareto", "Uniform", "Weibull"),
]


@pytest.mark.parametrize("name", WITH_CDF)
def test_samples_are_spread_as_the_cumulative_function_says(name):
    tg.manual_seed(1)
    d = build(name, EXAMPLES[name][0])
    values = d.sample((4000,))
    cumulated = np.sort(d.cdf(values).numpy().reshape(4000, -1), axis=0)
    for column in cumulated.T:
        # 1.95 / sqrt(n) is exceeded once in a thousand times.
        assert distance(column, lambda x: x) < 1.95 / np.sqrt(4000)


def density(name, d, low, high, count=20001):
    """Return points and the cumulative function there, by adding up the density."""
    x = np.linspace(low, high, count)
    p = np.exp(d.log_prob(tg.tensor(x)).numpy())
    return x, np.concatenate([[0], np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(x))])


@pytest.mark.parametrize(
    ("d", "low", "high"),
    [
        (lambda: D.Beta(tg.tensor(2.0).double(), 0.8), 1e-9, 1 - 1e-9),
        (lambda: D.StudentT(tg.tensor(3.0).double(), 1.0, 2.0), -400, 400),
        (lambda: D.FisherSnedecor(tg.tensor(5.0).double(), 7.0), 1e-9, 200),
        (lambda: D.VonMises(tg.tensor(1.0).double(), 2.0), -np.pi, np.pi),
        (lambda: D.RelaxedBernoulli(tg.tensor(0.8).double(), tg.tensor(0.3).double()), 1e-6, 1 - 1e-6),
        (
            lambda: D.MixtureSameFamily(
                D.Categorical(tg.tensor([0.3, 0.7]).double()), D.Normal(tg.tensor([-1.0, 2.0]).double(), 0.5)
            ),
            -10,
            10,
        ),
    ],
)
def test_samples_are_spread_as_the_density_says(d, low, high):
    tg.manual_seed(2)
    made = d()
    values = made.sample((4000,)).numpy()
    x, cumulated = density("", made, low, high, 200001)
    assert distance(values, lambda v: np.interp(v, x, cumulated)) < 1.95 / np.sqrt(4000) + 5e-3


@pytest.mark.parametrize(
    "name",
    [
        *("Bernoulli", "Beta", "Binomial", "Dirichlet", "FisherSnedecor", "Geometric", "LowRankMultivariateNormal"),
        *("Multinomial", "MultivariateNormal", "NegativeBinomial", "OneHotCategorical", "Poisson", "StudentT"),
        *("Wishart", "OneHotCategoricalStraightThrough"),
    ],
)
def test_means_and_variances(name):
    tg.manual_seed(3)
    for keywords in EXAMPLES[name]:
        d = build(name, keywords)
        values = d.sample((20000,)).numpy()
        spread = d.variance.numpy()
        error = np.sqrt(spread / 20000)
        assert (np.abs(values.mean(0) - d.mean.numpy()) < 5 * error + 1e-12).all()
        if name not in ("StudentT", "FisherSnedecor"):
            np.testing.assert_allclose(values.var(0), spread, rtol=0.15)


def test_categories_come_up_as_often_as_they_should():
    tg.manual_seed(4)
    for probs in (tg.tensor([0.1, 0.0, 0.6, 0.3]), tg.tensor([[0.1, 0.0, 0.6, 0.3], [0.25, 0.25, 0.5, 0.0]])):
        drawn = D.Categorical(probs).sample((20000,))
        for i in range(4):
            share = (drawn == i).double().mean(0)
            np.testing.assert_allclose(share.numpy(), probs[..., i].numpy(), atol=0.015)
            assert bool((share[probs[..., i] == 0] == 0).all())
    assert D.Categorical(tg.ones(3)).sample((0,)).shape == (0,)
    assert D.Categorical(tg.ones(3)).sample().shape == ()


def test_correlations_of_normal_vectors():
    tg.manual_seed(5)
    covariance = tg.tensor([[2.0, 0.8], [0.8, 1.0]]).double()
    for d in (
        D.MultivariateNormal(tg.zeros(2).double(), covariance),
        D.MultivariateNormal(tg.zeros(2).double(), precision_matrix=tg.linalg.inv(covariance)),
        D.LowRankMultivariateNormal(
            tg.zeros(2).double(), tg.tensor([[1.0], [0.8]]).double(), tg.tensor([1.0, 0.36]).double()
        ),
    ):
        np.testing.assert_allclose(np.cov(d.sample((20000,)).numpy().T), covariance.numpy(), atol=0.07)


def test_correlation_matrices_have_the_spread_that_lkj_says():
    tg.manual_seed(6)
    n, eta = 4, 1.5
    d = D.LKJCholesky(n, tg.tensor(eta).double())
    L = d.sample((20000,))
    assert bool(d.support.check(L).all())
    entries = (L @ L.mT).numpy()
    # Each correlation is beta distributed on (-1, 1) with both parameters eta - 1 + n / 2.
    variance = 1 / (2 * (eta - 1 + n / 2) + 1)
    for i in range(1, n):
        for j in range(i):
            np.testing.assert_allclose(entries[:, i, j].mean(), 0, atol=0.015)
            np.testing.assert_allclose(entries[:, i, j].var(), variance, rtol=0.06)


@pytest.mark.parametrize(
    ("make", "start", "function", "wanted"),
    [
        # The derivative of E[f(x)] with respect to the parameter, in closed form.
        (lambda a: D.Gamma(a, 2.0), 1.5, lambda x: x, 0.5),
        (lambda a: D.Gamma(a, 2.0), 0.3, lambda x: x, 0.5),
        (lambda a: D.Gamma(3.0, a), 1.5, lambda x: x, -3.0 / 1.5**2),
        (lambda a: D.Beta(a, 2.0), 1.5, lambda x: x, 2.0 / 3.5**2),
        (lambda a: D.Beta(2.0, a), 0.5, lambda x: x, -2.0 / 2.5**2),
        (lambda a: D.Chi2(a), 3.0, lambda x: x, 1.0),
        (lambda a: D.Normal(0.0, a), 1.5, lambda x: x * x, 3.0),
        (lambda a: D.Exponential(a), 2.0, lambda x: x, -0.25),
        (lambda a: D.Laplace(0.0, a), 2.0, lambda x: x * x, 8.0),
        (lambda a: D.LogNormal(a, 0.5), 0.1, lambda x: x, np.exp(0.1 + 0.125)),
        (lambda a: D.Weibull(a, 2.0), 1.0, lambda x: x, 0.886227),
        (lambda a: D.ContinuousBernoulli(a), 0.3, lambda x: x, None),
        (lambda a: D.InverseGamma(a, 1.0), 6.0, lambda x: x, -1 / 25.0),
        (lambda a: D.StudentT(a), 9.0, lambda x: x * x, -2.0 / 49.0),
    ],
)
def test_gradients_of_expectations(make, start, function, wanted):
    tg.manual_seed(7)
    parameter = tg.tensor(start, dtype="float64", requires_grad=True)
    d = make(parameter)
    if wanted is None:
        (exact,) = tg.autograd.grad(d.mean, [parameter])
        wanted = float(exact)
        d = make(parameter)
    x = d.rsample((60000,))
    assert bool(d.support.check(x.detach()).all())
    (slope,) = tg.autograd.grad(function(x).mean(), [parameter])
    np.testing.assert_allclose(float(slope), wanted, rtol=0.08)


def test_gradients_of_dirichlet_expectations():
    tg.manual_seed(8)
    a = tg.tensor([0.4, 1.5, 3.0], dtype="float64", requires_grad=True)
    x = D.Dirichlet(a).rsample((60000,))
    np.testing.assert_allclose(x.detach().sum(-1).numpy(), 1, rtol=1e-12)
    total = 4.9
    for j in range(3):
        (slope,) = tg.autograd.grad(x[:, j].mean(), [a], retain_graph=True)
        wanted = (np.eye(3)[j] * total - a.detach().numpy()[j]) / total**2
        np.testing.assert_allclose(slope.numpy(), wanted, atol=4e-3)


def test_straight_through_samples_have_the_gradient_of_the_probabilities():
    logits = tg.tensor([0.3, -0.2], requires_grad=True)
    d = D.OneHotCategoricalStraightThrough(logits=logits)
    x = d.rsample()
    assert sorted(x.detach().round().tolist()) == [0.0, 1.0]
    weights = tg.tensor([1.0, 3.0])
    (mine,) = tg.autograd.grad((x * weights).sum(), [logits], retain_graph=True)
    (wanted,) = tg.autograd.grad((d.probs * weights).sum(), [logits])
    assert tg.allclose(mine, wanted)


def test_samples_have_no_gradient_and_the_parameters_dtype():
    loc = tg.zeros(3, requires_grad=True)
    d = D.Normal(loc, 1.0)
    assert not d.sample((2,)).requires_grad
    assert d.rsample((2,)).requires_grad
    for name, cases in EXAMPLES.items():
        keywords = {
            k: tg.tensor(np.array(v, np.float32)) if isinstance(v, (np.ndarray, np.floating)) else v
            for k, v in cases[0].items()
        }
        drawn = getattr(D, name)(**keywords).sample((2,))
        assert drawn.dtype == (np.int64 if name == "Categorical" else np.float32), name


def test_the_same_seed_gives_the_same_samples():
    for name, cases in EXAMPLES.items():
        d = build(name, cases[0])
        tg.manual_seed(11)
        first = d.sample((2,))
        tg.manual_seed(11)
        assert tg.equal(first, d.sample((2,))), name


def test_tiny_concentrations_stay_inside_of_the_support():
    tg.manual_seed(9)
    a = tg.full((200, 3), 1e-3, requires_grad=True)
    x = D.Dirichlet(a).rsample()
    (slope,) = tg.autograd.grad((x * tg.tensor([1.0, 2.0, 3.0])).sum(), [a])
    assert bool(x.isfinite().all())
    assert bool(slope.isfinite().all())
    assert bool((D.Gamma(tg.full((200,), 1e-3), 1.0).sample() > 0).all())
    b = D.Beta(tg.full((200,), 1e-3), 1e-3).sample()
    assert bool(((b > 0) & (b < 1)).all())
