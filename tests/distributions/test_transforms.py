"""Transforms and the registries of constraints against PyTorch's: values, inverses, Jacobians, shapes, caches."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(2)
REAL = RNG.normal(size=(2, 3))
MATRIX = RNG.normal(size=(2, 3, 3))


def tensors(lib):
    return lambda x: lib.tensor(np.array(x))


# How to make each, and an input.
MAKERS = {
    "abs": (lambda D, t: D.AbsTransform(), REAL),
    "affine": (lambda D, t: D.AffineTransform(t([1.0, 2.0, 3.0]), t([-0.5, 2.0, 1.0])), REAL),
    "affine-numbers": (lambda D, t: D.AffineTransform(1.0, -2.0), REAL),
    "affine-event": (lambda D, t: D.AffineTransform(t(1.0), t([-0.5, 2.0, 1.0]), event_dim=1), REAL),
    "exp": (lambda D, t: D.ExpTransform(), REAL),
    "sigmoid": (lambda D, t: D.SigmoidTransform(), REAL * 3),
    "tanh": (lambda D, t: D.TanhTransform(), REAL),
    "softplus": (lambda D, t: D.SoftplusTransform(), REAL * 3),
    "power": (lambda D, t: D.PowerTransform(t(-1.5)), np.abs(REAL) + 0.1),
    "softmax": (lambda D, t: D.SoftmaxTransform(), REAL),
    "stick": (lambda D, t: D.StickBreakingTransform(), REAL),
    "lower": (lambda D, t: D.LowerCholeskyTransform(), MATRIX),
    "definite": (lambda D, t: D.PositiveDefiniteTransform(), MATRIX),
    "corr": (lambda D, t: D.CorrCholeskyTransform(), REAL),
    "corr-6": (lambda D, t: D.CorrCholeskyTransform(), RNG.normal(size=(2, 6)) / 2),
    "reshape": (lambda D, t: D.ReshapeTransform((3,), (3, 1)), REAL),
    "independent": (lambda D, t: D.IndependentTransform(D.ExpTransform(), 1), REAL),
    "compose": (lambda D, t: D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.SigmoidTransform()]), REAL),
    "compose-events": (
        lambda D, t: D.ComposeTransform([D.TanhTransform(), D.StickBreakingTransform(), D.ExpTransform()]),
        REAL,
    ),
    "identity": (lambda D, t: D.identity_transform, REAL),
    "cdf": (lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.5), t(2.0))), REAL),
    "cat": (lambda D, t: D.CatTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)], 1, [1, 2]), REAL),
    "cat-last": (lambda D, t: D.CatTransform([D.ExpTransform(), D.TanhTransform()], -1, [1, 2]), REAL),
    "cat-events": (
        lambda D, t: D.CatTransform([D.IndependentTransform(p(), 1) for p in (D.ExpTransform, D.TanhTransform)], 0),
        REAL,
    ),
    "cat-within-events": (
        lambda D, t: D.CatTransform(
            [D.IndependentTransform(p(), 1) for p in (D.ExpTransform, D.TanhTransform)], -1, [1, 2]
        ),
        REAL,
    ),
    "stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)], 0), REAL),
}


def close(mine, theirs, tolerance=1e-8):
    np.testing.assert_allclose(mine.numpy(force=True), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)
    assert tuple(mine.shape) == tuple(theirs.shape)


@pytest.mark.parametrize("name", MAKERS)
def test_values_and_inverses(name):
    make, given = MAKERS[name]
    (mine, x), (theirs, tx) = ((make(lib.distributions, tensors(lib)), lib.tensor(given)) for lib in (tg, torch))
    y, ty = mine(x), theirs(tx)
    close(y, ty)
    close(mine.inv(y), theirs.inv(ty))
    assert mine.bijective == theirs.bijective
    assert mine.inv.inv is mine
    assert tuple(mine.forward_shape(x.shape)) == tuple(theirs.forward_shape(tx.shape))
    assert tuple(mine.inverse_shape(y.shape)) == tuple(theirs.inverse_shape(ty.shape))
    assert repr(mine) == repr(theirs) or name == "cdf"
    for side in ("domain", "codomain"):
        assert getattr(mine, side).event_dim == getattr(theirs, side).event_dim
        assert type(getattr(mine, side)).__name__.strip("_") in repr(type(getattr(theirs, side)))


@pytest.mark.parametrize("name", [n for n in MAKERS if n not in ("abs", "softmax", "lower", "definite")])
def test_jacobians(name):
    make, given = MAKERS[name]
    results = []
    for lib in (tg, torch):
        t = make(lib.distributions, tensors(lib))
        x = lib.tensor(given, requires_grad=True)
        y = t(x)
        log = t.log_abs_det_jacobian(x, y)
        # Not of all transforms does it depend on x.
        gradient = lib.autograd.grad(log.sum() + 0 * x.sum(), [x])[0]
        inverse = t.inv.log_abs_det_jacobian(y, x)
        results.append((log, gradient, inverse))
    for mine, theirs in zip(*results, strict=True):
        close(mine, theirs)


def test_the_jacobian_of_stick_breaking_is_that_of_its_derivatives():
    t = tg.distributions.StickBreakingTransform()
    x = tg.tensor([0.3, -0.2, 0.7], dtype="float64")
    J = tg.autograd.functional.jacobian(lambda x: t(x)[:-1], x)
    np.testing.assert_allclose(
        float(tg.linalg.slogdet(J).logabsdet), float(t.log_abs_det_jacobian(x, t(x))), rtol=1e-10
    )


def test_a_cache_inverts_what_rounding_has_lost():
    y = tg.tensor([50.0])
    cached, plain = tg.distributions.TanhTransform(cache_size=1), tg.distributions.TanhTransform()
    assert cached.inv(cached(y)) is y
    assert not bool(plain.inv(plain(y)).isfinite())
    assert plain.with_cache().inv(plain(y)) is not y
    compose = tg.distributions.ComposeTransform([tg.distributions.ExpTransform()], cache_size=1)
    assert compose.inv(compose(y)) is y


def test_equality():
    D = tg.distributions
    assert D.ExpTransform() == D.ExpTransform()
    assert D.ExpTransform().inv == D.ExpTransform().inv
    assert D.AffineTransform(0.0, 1.0) == D.AffineTransform(0.0, 1.0)
    assert D.AffineTransform(0.0, 1.0) != D.AffineTransform(0.0, 2.0)
    assert D.ComposeTransform([D.ExpTransform()]) == D.ComposeTransform([D.ExpTransform()])
    assert D.PowerTransform(tg.tensor(2.0)) == D.PowerTransform(tg.tensor(2.0))
    assert D.AffineTransform(0.0, -2.0).sign == -1
    assert D.AffineTransform(0.0, tg.tensor([1.0, -1.0])).sign.tolist() == [1.0, -1.0]


CONSTRAINTS = {
    "real": lambda c, t: c.real,
    "real_vector": lambda c, t: c.real_vector,
    "positive": lambda c, t: c.positive,
    "nonnegative": lambda c, t: c.nonnegative,
    "greater_than": lambda c, t: c.greater_than(1.0),
    "less_than": lambda c, t: c.less_than(t([1.0, 2.0, 3.0])),
    "unit_interval": lambda c, t: c.unit_interval,
    "interval": lambda c, t: c.interval(-1.0, 2.0),
    "half_open": lambda c, t: c.half_open_interval(-1.0, 2.0),
    "simplex": lambda c, t: c.simplex,
    "corr_cholesky": lambda c, t: c.corr_cholesky,
    "cat": lambda c, t: c.cat([c.positive, c.real], 1, [1, 2]),
    "stack": lambda c, t: c.stack([c.positive, c.real], 0),
}


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_transforms_reach_what_the_constraint_allows(registry, name):
    results = []
    for lib in (tg, torch):
        constraint = CONSTRAINTS[name](lib.distributions.constraints, tensors(lib))
        t = getattr(lib.distributions, registry)(constraint)
        y = t(lib.tensor(REAL))
        assert bool(constraint.check(y).all())
        results.append((y, repr(t)))
    close(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_constraints_of_matrices_have_transforms():
    c = tg.distributions.constraints
    for constraint in (c.lower_cholesky, c.positive_definite, c.positive_semidefinite):
        assert bool(constraint.check(tg.distributions.transform_to(constraint)(tg.tensor(MATRIX))).all())
    with pytest.raises(NotImplementedError, match="cannot transform"):
        tg.distributions.biject_to(c.lower_cholesky)


def test_registering():
    D = tg.distributions

    class Even(D.constraints.Constraint):
        pass

    @D.biject_to.register(Even)
    def to_even(constraint):
        return D.AffineTransform(0, 2)

    assert isinstance(D.biject_to(Even()), D.AffineTransform)
    with pytest.raises(TypeError, match="as the constraint"):
        D.biject_to.register(3, to_even)


def test_transformed_distributions_keep_events_apart():
    results = []
    value = np.random.default_rng(0).dirichlet(np.ones(4), (5, 2))
    for lib in (tg, torch):
        D = lib.distributions
        base = D.Normal(lib.zeros(2, 3, dtype=lib.float64), lib.ones(3, dtype=lib.float64))
        d = D.TransformedDistribution(base, [D.AffineTransform(0.5, 2.0), D.StickBreakingTransform()])
        assert (tuple(d.batch_shape), tuple(d.event_shape)) == ((2,), (4,))
        assert tuple(d.rsample((5,)).shape) == (5, 2, 4)
        results.append((d.log_prob(lib.tensor(value)), d.expand((5, 2)).log_prob(lib.tensor(value))))
    for mine, theirs in zip(*results, strict=True):
        close(mine, theirs)


def test_a_falling_transform_turns_the_cumulative_function_round():
    results = []
    for lib in (tg, torch):
        D = lib.distributions
        base = D.Normal(lib.tensor([0.0, 1.0], dtype=lib.float64), 2.0)
        d = D.TransformedDistribution(base, [D.AffineTransform(1.0, -2.0), D.ExpTransform()])
        value = lib.tensor([0.3, 0.9], dtype=lib.float64)
        results.append((d.cdf(value), d.icdf(value)))
    for mine, theirs in zip(*results, strict=True):
        close(mine, theirs)
