"""Every distribution against PyTorch's: densities, moments, entropies, cumulative functions, with their gradients."""

import inspect
import warnings

import numpy as np
import pytest

import tapegrad as tg

from .examples import CASES, IDS

torch = pytest.importorskip("torch")

# PyTorch approximates Bessel's functions to single precision.
TOLERANCES = {"VonMises": 1e-6}
# What PyTorch gives nan for, or no gradient to, and has a value.
BETTER = {("Kumaraswamy", "mode"), *(("GeneralizedPareto", f) for f in ("log_prob", "expanded", "cdf", "icdf"))}
# PyTorch has no derivative of the incomplete gamma function for its parameter, nor a logarithm of a number.
ONLY_HERE = {("Chi2", "cdf"), ("Gamma", "cdf"), ("InverseGamma", "cdf")}


@pytest.fixture(autouse=True)
def _double_precision_everywhere():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    tg.set_default_dtype(tg.float64)
    yield
    torch.set_default_dtype(before)


def build(lib, name, keywords):
    """Return a distribution and the tensors among its parameters, which want gradients."""
    given = {
        k: lib.tensor(np.array(v), requires_grad=True) if isinstance(v, (np.ndarray, np.floating)) else v
        for k, v in keywords.items()
    }
    return getattr(lib.distributions, name)(**given), [v for v in given.values() if isinstance(v, lib.Tensor)]


def evaluate(lib, name, keywords, f):
    """Return a function's value, its gradients, or the error that it raises."""
    distribution, parameters = build(lib, name, keywords)
    try:
        out = f(lib, distribution)
    except (NotImplementedError, AttributeError) as error:
        return error, []
    if not out.requires_grad or not parameters:
        return out, []
    weights = lib.tensor(np.linspace(0.5, 1.5, out.numel()).reshape(tuple(out.shape)), dtype=out.dtype)
    gradients = lib.autograd.grad((out * weights).sum(), parameters, allow_unused=True)
    return out, [None if g is None else g.detach().numpy() for g in gradients]


def agree(name, keywords, what, f):
    theirs, their_gradients = evaluate(torch, name, keywords, f)
    mine, gradients = evaluate(tg, name, keywords, f)
    if isinstance(theirs, Exception):
        assert isinstance(mine, type(theirs))
        return
    tolerance = TOLERANCES.get(name, 1e-8)
    assert mine.shape == tuple(theirs.shape)
    assert str(mine.dtype) == str(theirs.dtype).removeprefix("torch.")
    if (name, what) == ("Kumaraswamy", "mode"):
        return
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)
    if (name, what) in BETTER:
        return
    for own, other in zip(gradients, their_gradients, strict=False):
        if "scale_tril" in keywords and own is not None and own.ndim > 1:
            # What lies above the diagonal is no parameter.
            own, other = np.tril(own), np.tril(other)
        zero = np.zeros(1)
        np.testing.assert_allclose(
            zero if own is None else own, zero if other is None else other, rtol=tolerance, atol=tolerance
        )


def drawn(name, keywords):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        # PyTorch warns of samples of Wishart that it then draws again.
        warnings.simplefilter("ignore")
        return build(torch, name, keywords)[0].sample((4,)).numpy()


@pytest.mark.parametrize(("name", "keywords"), CASES, ids=IDS)
@pytest.mark.parametrize("what", ["mean", "mode", "variance", "stddev"])
def test_moments(name, keywords, what):
    agree(name, keywords, what, lambda lib, d: getattr(d, what))


@pytest.mark.parametrize(("name", "keywords"), CASES, ids=IDS)
@pytest.mark.parametrize("what", ["entropy", "perplexity", "enumerate_support"])
def test_entropy_and_support(name, keywords, what):
    agree(name, keywords, what, lambda lib, d: getattr(d, what)())


@pytest.mark.parametrize(("name", "keywords"), [c for c in CASES if "temperature" not in c[1] or "probs" in c[1]])
def test_densities(name, keywords):
    value = drawn(name, keywords)
    agree(name, keywords, "log_prob", lambda lib, d: d.log_prob(lib.tensor(value)))


@pytest.mark.parametrize(("name", "keywords"), [c for c in CASES if (c[0], "cdf") not in ONLY_HERE])
def test_cumulative_functions(name, keywords):
    value = drawn(name, keywords)
    agree(name, keywords, "cdf", lambda lib, d: d.cdf(lib.tensor(value)))
    quantiles = np.random.default_rng(0).uniform(0.05, 0.95, value.shape)
    agree(name, keywords, "icdf", lambda lib, d: d.icdf(lib.tensor(quantiles)))


@pytest.mark.parametrize(("name", "keywords"), [c for c in CASES if "temperature" not in c[1] or "probs" in c[1]])
def test_expansion(name, keywords):
    value = drawn(name, keywords)[0]

    def expanded(lib, d):
        shape = (5, *d.batch_shape)
        wide = d.expand(shape)
        assert tuple(wide.batch_shape) == shape
        assert type(wide) is type(d)
        given = np.broadcast_to(value, (*shape, *d.event_shape))
        assert lib is torch or tuple(wide.sample((2,)).shape) == (2, *shape, *d.event_shape)
        return wide.log_prob(lib.tensor(given.copy()))

    agree(name, keywords, "expanded", expanded)


@pytest.mark.parametrize(("name", "keywords"), CASES, ids=IDS)
def test_attributes(name, keywords):
    mine, theirs = build(tg, name, keywords)[0], build(torch, name, keywords)[0]
    for attribute in ("batch_shape", "event_shape"):
        assert tuple(getattr(mine, attribute)) == tuple(getattr(theirs, attribute))
    for attribute in ("has_rsample", "has_enumerate_support"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert set(mine.arg_constraints) == set(theirs.arg_constraints)
    for key, constraint in theirs.arg_constraints.items():
        assert type(mine.arg_constraints[key]).__name__ == type(constraint).__name__
    assert type(mine.support).__name__ == type(theirs.support).__name__
    assert mine.support.is_discrete == theirs.support.is_discrete
    assert mine.support.event_dim == theirs.support.event_dim
    assert repr(mine).split("(")[0] == repr(theirs).split("(")[0]


@pytest.mark.parametrize("name", [n for n in dir(torch.distributions) if n in torch.distributions.__all__])
def test_signatures(name):
    mine, theirs = (getattr(lib.distributions, name) for lib in (tg, torch))
    if not inspect.isclass(theirs):
        return
    given, wanted = (list(inspect.signature(c).parameters.values()) for c in (mine, theirs))
    assert [(p.name, p.kind) for p in given] == [(p.name, p.kind) for p in wanted]
    for own, other in zip(given, wanted, strict=True):
        assert own.default == other.default or tuple(own.default) == tuple(other.default)


def test_names():
    assert set(torch.distributions.__all__) <= set(tg.distributions.__all__) | {"identity_transform"}
    for room in ("constraints", "transforms"):
        assert set(getattr(torch.distributions, room).__all__) <= set(getattr(tg.distributions, room).__all__)


def test_the_cumulative_function_of_gamma_has_both_gradients():
    a = np.array([0.4, 2.0, 30.0])
    z = np.array([0.3, 2.5, 28.0])
    concentration = tg.tensor(a, requires_grad=True)
    tg.distributions.Gamma(concentration, 1.0).cdf(tg.tensor(z)).sum().backward()
    step = 1e-6
    up, down = (torch.special.gammainc(torch.tensor(a + s), torch.tensor(z)).numpy() for s in (step, -step))
    np.testing.assert_allclose(concentration.grad.numpy(), (up - down) / (2 * step), rtol=1e-6)


def test_the_mode_of_kumaraswamy_is_the_densest_point():
    d = tg.distributions.Kumaraswamy(tg.tensor([2.0, 0.5]), tg.tensor([3.0, 2.0]))
    x = tg.linspace(0.001, 0.999, 999)
    densest = float(x[int(d.log_prob(x.unsqueeze(-1))[:, 0].argmax())])
    assert abs(float(d.mode[0]) - densest) < 2e-3
    assert bool(d.mode[1].isnan())


def test_a_number_as_temperature_has_a_density():
    probs = tg.tensor([0.3, 0.6])
    value = tg.tensor([0.2, 0.9])
    by_number = tg.distributions.RelaxedBernoulli(0.7, probs).log_prob(value)
    by_tensor = tg.distributions.RelaxedBernoulli(tg.tensor(0.7), probs).log_prob(value)
    assert tg.allclose(by_number, by_tensor)
