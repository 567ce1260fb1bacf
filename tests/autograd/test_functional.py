"""vjp, jvp, jacobian, hessian, hvp, vhp against PyTorch."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors
from tapegrad.autograd import functional, grad

torch = pytest.importorskip("torch")
X, Y = np.array([0.5, -1.0, 2.0]), np.array([[1.0, 0.5, -0.5], [2.0, 1.0, 0.0]])


def one(x):
    return (x * x).exp().sum() * x[0]


def vector(x):
    return x.sin() * x.sum()


def two_in(x, y):
    return (y * x).sum(1) ** 2


def two_out(x, y):
    return x * y[0], (x.exp() * y).sum()


def two_in_one_out(x, y):
    return (x * x * y).sum() + (y**3).sum() * x.prod()


def flat(result):
    return [t for r in result for t in flat(r)] if isinstance(result, tuple) else [result]


def structure(result):
    return [structure(r) for r in result] if isinstance(result, tuple) else tuple(result.shape)


def agree(ours, theirs):
    assert structure(ours) == structure(theirs)
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


def both(name, function, inputs, *vectors, **keywords):
    ours = getattr(functional, name)(function, convert(inputs, tg), *[convert(v, tg) for v in vectors], **keywords)
    theirs = getattr(torch.autograd.functional, name)(
        function, convert(inputs, torch), *[convert(v, torch) for v in vectors], **keywords
    )
    agree(ours, theirs)
    return ours


def convert(value, library):
    return tuple(map(library.tensor, value)) if isinstance(value, tuple) else library.tensor(value)


@pytest.mark.parametrize("create_graph", [False, True])
def test_vjp(create_graph):
    keys = {"create_graph": create_graph}
    both("vjp", one, X, **keys)
    both("vjp", vector, X, X + 1, **keys)
    both("vjp", two_in, (X, Y), np.array([1.0, 2.0]), **keys)
    both("vjp", two_out, (X, Y), (X, np.array(2.0)), **keys)


@pytest.mark.parametrize("create_graph", [False, True])
def test_jvp(create_graph):
    keys = {"create_graph": create_graph}
    both("jvp", one, X, X + 1, **keys)
    both("jvp", vector, X, X + 1, **keys)
    both("jvp", two_in, (X, Y), (X, Y), **keys)
    both("jvp", two_out, (X, Y), (X, Y * 2), **keys)


@pytest.mark.parametrize("keys", [{}, {"create_graph": True}, {"vectorize": True}])
def test_jacobian(keys):
    both("jacobian", vector, X, **keys)
    both("jacobian", one, X, **keys)
    both("jacobian", lambda y: y.t() @ y, Y, **keys)
    both("jacobian", two_in, (X, Y), **keys)
    both("jacobian", two_out, (X, Y), **keys)


@pytest.mark.parametrize("keys", [{}, {"create_graph": True}])
def test_hessian(keys):
    both("hessian", one, X, **keys)
    both("hessian", two_in_one_out, (X, X[::-1].copy()), **keys)


@pytest.mark.parametrize("name", ["hvp", "vhp"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_hessian_products(name, create_graph):
    both(name, one, X, X + 1, create_graph=create_graph)
    both(name, two_in_one_out, (X, X + 1), (X, X * 2), create_graph=create_graph)


def test_inputs_that_do_not_matter_give_zeros_or_an_error():
    both("jacobian", lambda x, y: x * 2, (X, X))
    both("vjp", lambda x, y: (x * 2).sum(), (X, X))
    for call in (functional.jacobian, functional.vjp):
        with pytest.raises(errors.GradError, match=r"do not depend on input 1; leave strict at False"):
            call(lambda x, y: (x * 2).sum(), (tg.tensor(X), tg.tensor(X)), strict=True)


def test_a_constant_function():
    assert functional.jacobian(lambda x: tg.ones(2), tg.tensor(X)).tolist() == [[0.0] * 3] * 2
    assert functional.jvp(lambda x: tg.ones(2, dtype=tg.float64), tg.tensor(X), tg.tensor(X))[1].tolist() == [0.0, 0.0]


def test_the_results_can_be_differentiated():
    x = tg.tensor(X, requires_grad=True)
    jacobian = functional.jacobian(vector, x, create_graph=True)
    (g,) = grad((jacobian**2).sum(), x)
    t = torch.tensor(X, requires_grad=True)
    (r,) = torch.autograd.grad((torch.autograd.functional.jacobian(vector, t, create_graph=True) ** 2).sum(), t)
    np.testing.assert_allclose(g.numpy(), r.numpy())


def test_results_are_constants_without_create_graph():
    x = tg.tensor(X, requires_grad=True)
    for result in (
        functional.jacobian(vector, x),
        *functional.vjp(one, x),
        *functional.jvp(vector, x, x),
        functional.hessian(one, x),
    ):
        assert not result.requires_grad
    assert x.grad is None


def test_they_work_under_no_grad():
    with tg.no_grad():
        both("jacobian", vector, X)
        both("hvp", one, X, X)


def test_numbers_of_an_empty_output():
    assert functional.jacobian(lambda x: x[:0], tg.tensor(X)).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda x: functional.vjp(vector, x),
            errors.UsageError,
            r"vjp: v can be left out for the output of one element",
        ),
        (lambda x: functional.jvp(vector, x, x[:2]), errors.ShapeError, r"jvp: v has shape \(2,\), the input \(3,\)"),
        (lambda x: functional.vjp(vector, x, (x, x)), errors.UsageError, r"vjp: v has 2 tensors, the output 1"),
        (
            lambda x: functional.hessian(vector, x),
            errors.ShapeError,
            r"hessian: the function returned \(3,\); return one",
        ),
        (
            lambda x: functional.jacobian(lambda t: 3, x),
            errors.UsageError,
            r"jacobian: the result of the function is a int",
        ),
        (lambda x: functional.jacobian(vector, [1, 2]), errors.UsageError, r"jacobian: the inputs is a list"),
        (lambda x: functional.jacobian(vector, x, strategy="sideways"), errors.ArgumentError, r"strategy='sideways'"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call(tg.tensor(X))
