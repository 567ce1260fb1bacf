"""Every distribution with parameters to compare with PyTorch: how to make it, and whether its values are continuous."""

import numpy as np


def _rng():
    return np.random.default_rng(5)


def _positive(*shape):
    return _rng().uniform(0.6, 2.5, shape)


def _real(*shape):
    return _rng().uniform(-1.5, 1.5, shape)


def _unit(*shape):
    return _rng().uniform(0.1, 0.9, shape)


def _matrix(*shape):
    a = _rng().normal(size=shape)
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1])


def _factor(*shape):
    return np.linalg.cholesky(_matrix(*shape))


# name: list of keyword arguments; arrays become tensors of which gradients are asked.
EXAMPLES = {
    "Bernoulli": [{"probs": _unit(3)}, {"logits": _real(2, 3)}],
    "Beta": [{"concentration1": _positive(2, 3), "concentration0": _positive(3) + 0.5}],
    "Binomial": [{"total_count": 5, "probs": _unit(3)}, {"total_count": 4, "logits": _real(2, 3)}],
    "Categorical": [{"probs": _unit(3)}, {"logits": _real(2, 4)}],
    "Cauchy": [{"loc": _real(3), "scale": _positive(2, 3)}],
    "Chi2": [{"df": _positive(3) * 3}],
    "ContinuousBernoulli": [{"probs": np.array([0.2, 0.5, 0.4995, 0.9])}, {"logits": _real(2, 3)}],
    "Dirichlet": [{"concentration": _positive(4)}, {"concentration": _positive(2, 3) + 1}],
    "Exponential": [{"rate": _positive(2, 3)}],
    "FisherSnedecor": [{"df1": _positive(3) + 2.5, "df2": _positive(3) + 4.5}],
    "Gamma": [{"concentration": _positive(2, 3), "rate": _positive(3)}],
    "GeneralizedPareto": [
        {"loc": _real(3), "scale": _positive(3), "concentration": np.array([0.3, -0.4, 0.0])},
    ],
    "Geometric": [{"probs": _unit(3)}, {"logits": _real(2, 3)}],
    "Gumbel": [{"loc": _real(3), "scale": _positive(2, 3)}],
    "HalfCauchy": [{"scale": _positive(3)}],
    "HalfNormal": [{"scale": _positive(3)}],
    "InverseGamma": [{"concentration": _positive(3) + 2, "rate": _positive(2, 3)}],
    "Kumaraswamy": [{"concentration1": _positive(3) + 0.5, "concentration0": _positive(2, 3) + 0.5}],
    "LKJCholesky": [{"dim": 3, "concentration": _positive(2)}, {"dim": 2, "concentration": 0.7}],
    "Laplace": [{"loc": _real(3), "scale": _positive(2, 3)}],
    "LogNormal": [{"loc": _real(3), "scale": _positive(2, 3)}],
    "LogisticNormal": [{"loc": _real(2, 3), "scale": _positive(3)}],
    "LowRankMultivariateNormal": [
        {"loc": _real(2, 4), "cov_factor": _real(4, 2), "cov_diag": _positive(4)},
    ],
    "Multinomial": [{"total_count": 5, "probs": _unit(3)}, {"total_count": 3, "logits": _real(2, 3)}],
    "MultivariateNormal": [
        {"loc": _real(2, 3), "covariance_matrix": _matrix(3, 3)},
        {"loc": _real(3), "precision_matrix": _matrix(2, 3, 3)},
        {"loc": _real(3), "scale_tril": _factor(3, 3)},
    ],
    "NegativeBinomial": [{"total_count": 4.0, "probs": _unit(3)}, {"total_count": 3.0, "logits": _real(2, 3)}],
    "Normal": [{"loc": _real(3), "scale": _positive(2, 3)}, {"loc": 0.5, "scale": 2.0}],
    "OneHotCategorical": [{"probs": _unit(2, 3)}, {"logits": _real(3)}],
    "OneHotCategoricalStraightThrough": [{"probs": _unit(2, 3)}],
    "Pareto": [{"scale": _positive(3), "alpha": _positive(2, 3) + 2}],
    "Poisson": [{"rate": _positive(2, 3)}],
    "RelaxedBernoulli": [{"temperature": _positive(), "probs": _unit(3)}, {"temperature": 0.7, "logits": _real(3)}],
    "RelaxedOneHotCategorical": [{"temperature": _positive(), "probs": _unit(2, 3)}],
    "StudentT": [{"df": _positive(3) + 2, "loc": _real(3), "scale": _positive(2, 3)}],
    "Uniform": [{"low": _real(3), "high": _real(2, 3) + 4}],
    "VonMises": [{"loc": _real(3), "concentration": _positive(2, 3)}],
    "Weibull": [{"scale": _positive(3), "concentration": _positive(2, 3) + 0.5}],
    "Wishart": [
        {"df": _positive(2) + 4, "covariance_matrix": _matrix(3, 3)},
        {"df": np.float64(4.5), "scale_tril": _factor(3, 3)},
    ],
}
CASES = [(name, keywords) for name, cases in EXAMPLES.items() for keywords in cases]
IDS = [f"{name}-{'-'.join(keywords)}" for name, keywords in CASES]
