"""Divergences against PyTorch's for every registered pair, and how they are found."""

import itertools

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(3)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _same_numbers_in_every_test():
    RNG.bit_generator.state = START


def positive(*shape):
    return np.asarray(RNG.uniform(0.6, 2.5, shape))


def unit(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def real(*shape):
    return RNG.uniform(-1, 1, shape)


def matrix(*shape):
    a = RNG.normal(size=shape)
    return a @ a.swapaxes(-1, -2) + np.eye(shape[-1])


MAKERS = {
    "Bernoulli": lambda: {"probs": unit(3)},
    "Beta": lambda: {"concentration1": positive(3), "concentration0": positive(3)},
    "Binomial": lambda: {"total_count": 4, "probs": unit(3)},
    "Categorical": lambda: {"probs": unit(3, 4)},
    "Cauchy": lambda: {"loc": real(3), "scale": positive(3)},
    "Chi2": lambda: {"df": positive(3)},
    "ContinuousBernoulli": lambda: {"probs": unit(3)},
    "Dirichlet": lambda: {"concentration": positive(3, 4)},
    "Exponential": lambda: {"rate": positive(3)},
    "Gamma": lambda: {"concentration": positive(3), "rate": positive(3)},
    "Geometric": lambda: {"probs": unit(3)},
    "Gumbel": lambda: {"loc": real(3), "scale": positive(3)},
    "HalfNormal": lambda: {"scale": positive(3)},
    "Laplace": lambda: {"loc": real(3), "scale": positive(3)},
    "LogNormal": lambda: {"loc": real(3), "scale": positive(3)},
    "LogisticNormal": lambda: {"loc": real(3, 3), "scale": positive(3, 3)},
    "LowRankMultivariateNormal": lambda: {
        "loc": real(3, 4),
        "cov_factor": real(3, 4, 2),
        "cov_diag": positive(3, 4),
    },
    "MultivariateNormal": lambda: {"loc": real(3, 4), "covariance_matrix": matrix(3, 4, 4)},
    "Normal": lambda: {"loc": real(3), "scale": positive(3)},
    "OneHotCategorical": lambda: {"logits": real(3, 4)},
    "Pareto": lambda: {"scale": unit(3), "alpha": positive(3) + 2},
    "Poisson": lambda: {"rate": positive(3)},
    "StudentT": lambda: {"df": positive(3)},
    "Uniform": lambda: {"low": unit(3) / 3, "high": unit(3) / 3 + 0.5},
    "Wishart": lambda: {"df": np.asarray(positive() + 4), "covariance_matrix": matrix(3, 3)},
}


def divergence(lib, names, parameters):
    """Return the divergence and its gradients to all parameters, or None where there is none."""
    pair, wanted = [], []
    for name, given in zip(names, parameters, strict=True):
        values = {k: lib.tensor(v, requires_grad=True) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        pair.append(getattr(lib.distributions, name)(**values))
        wanted += [v for v in values.values() if isinstance(v, lib.Tensor)]
    try:
        out = lib.distributions.kl_divergence(*pair)
    except NotImplementedError:
        return None
    gradients = lib.autograd.grad(out.sum(), wanted, allow_unused=True) if out.requires_grad else []
    return out.detach().numpy(), [None if g is None else g.numpy() for g in gradients]


@pytest.mark.parametrize(("p", "q"), list(itertools.product(MAKERS, MAKERS)))
def test_pairs(p, q):
    parameters = MAKERS[p](), MAKERS[q]()
    mine, theirs = (divergence(lib, (p, q), parameters) for lib in (tg, torch))
    assert (mine is None) == (theirs is None)
    if mine is None or theirs is None:
        return
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-8, atol=1e-8)
    if p == "Wishart":
        # PyTorch gives the first of two exponential families no gradient.
        return
    for own, other in zip(mine[1], theirs[1], strict=False):
        if own is not None and other is not None:
            np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-8)


def test_wishart_has_gradients_to_both():
    parameters = MAKERS["Wishart"](), MAKERS["Wishart"]()
    _, gradients = divergence(tg, ("Wishart", "Wishart"), parameters)
    step = 1e-6
    moved = []
    for sign in (1, -1):
        p = {"df": parameters[0]["df"] + sign * step, "covariance_matrix": parameters[0]["covariance_matrix"]}
        moved.append(divergence(tg, ("Wishart", "Wishart"), (p, parameters[1]))[0])
    np.testing.assert_allclose(gradients[0], (moved[0] - moved[1]) / (2 * step), rtol=1e-5)


def test_the_general_formula_of_exponential_families():
    D = tg.distributions
    general = D.kl._KL_REGISTRY[D.ExponentialFamily, D.ExponentialFamily]
    for name in ("Bernoulli", "Beta", "ContinuousBernoulli", "Dirichlet", "Exponential", "Gamma", "Normal", "Poisson"):
        p, q = (getattr(D, name)(**{k: tg.tensor(v) for k, v in MAKERS[name]().items()}) for _ in range(2))
        # The log-normaliser of ContinuousBernoulli is a series below 1e-3 alone.
        np.testing.assert_allclose(general(p, q).numpy(), D.kl_divergence(p, q).numpy(), rtol=1e-7, err_msg=name)
        if name not in ("Beta", "Dirichlet", "Poisson"):
            entropy = D.ExponentialFamily.entropy(p)
            np.testing.assert_allclose(entropy.numpy(), p.entropy().numpy(), rtol=1e-7, err_msg=name)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (("Uniform", -1.0, 2.0), ("Uniform", 0.0, 1.0)),
        (("Uniform", -1.0, 2.0), ("Exponential", 1.0)),
        (("Uniform", -1.0, 2.0), ("Gamma", 1.0, 1.0)),
        (("Uniform", 0.5, 2.0), ("Beta", 1.0, 1.0)),
        (("Uniform", 0.5, 2.0), ("Pareto", 1.0, 1.0)),
        (("Pareto", 0.5, 1.0), ("Pareto", 1.0, 1.0)),
        (("Pareto", 0.5, 1.0), ("Exponential", 1.0)),
        (("Pareto", 0.5, 2.0), ("Normal", 1.0, 1.0)),
        (("Beta", 2.0, 1.0), ("Uniform", 0.2, 1.0)),
        (("Bernoulli", 0.5), ("Bernoulli", 0.0)),
        (("Bernoulli", 0.5), ("Bernoulli", 1.0)),
        (("Poisson", 1.0), ("Binomial", 3, 0.5)),
    ],
)
def test_what_lies_outside_of_the_support_is_infinitely_far(p, q):
    results = []
    for lib in (tg, torch):
        tensors = [
            getattr(lib.distributions, name)(*(lib.tensor(v) if isinstance(v, float) else v for v in values))
            for name, *values in (p, q)
        ]
        results.append(float(lib.distributions.kl_divergence(*tensors)))
    assert results == [np.inf, np.inf]


def test_certain_outcomes_are_no_nan():
    D = tg.distributions
    certain, half = D.Bernoulli(tg.tensor([0.0, 1.0])), D.Bernoulli(tg.tensor(0.5))
    np.testing.assert_allclose(D.kl_divergence(certain, half).numpy(), np.log(2) * np.ones(2), rtol=1e-5)
    p, q = D.Categorical(tg.tensor([0.0, 1.0])), D.Categorical(tg.tensor([0.5, 0.5]))
    np.testing.assert_allclose(float(D.kl_divergence(p, q)), np.log(2), rtol=1e-5)
    assert float(D.kl_divergence(q, p)) == np.inf


def test_independent_sums_over_its_dimensions():
    D = tg.distributions
    p, q = D.Normal(tg.zeros(2, 3), 1.0), D.Normal(tg.ones(2, 3), 2.0)
    whole = D.kl_divergence(D.Independent(p, 1), D.Independent(q, 1))
    assert tg.allclose(whole, D.kl_divergence(p, q).sum(-1))
    with pytest.raises(NotImplementedError, match="reinterpreted_batch_ndims"):
        D.kl_divergence(D.Independent(p, 1), D.Independent(q, 2))


def test_the_nearest_classes_are_called():
    D = tg.distributions

    class Mine(D.Normal):
        pass

    class More(Mine):
        pass

    @D.register_kl(Mine, D.Normal)
    def first(p, q):
        return "first"

    normal = D.Normal(0.0, 1.0)
    assert D.kl_divergence(More(0.0, 1.0), normal) == "first"
    assert float(D.kl_divergence(normal, Mine(0.0, 1.0))) == 0.0

    @D.register_kl(D.Normal, Mine)
    def second(p, q):
        return "second"

    with pytest.warns(RuntimeWarning, match="Ambiguous"):
        assert D.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0)) == "first"
    with pytest.raises(NotImplementedError, match="No KL"):
        D.kl_divergence(normal, D.StudentT(2.0))
    with pytest.raises(TypeError, match="subclasses"):
        D.register_kl(int, D.Normal)
