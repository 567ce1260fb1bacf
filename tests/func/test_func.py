"""torch.func's transformations against PyTorch's."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import errors

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Attempted to insert")
BOTH = (torch, tg)
RNG = np.random.default_rng(3)
A, B, C = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))


def same(ours, theirs):
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for name in theirs:
            same(ours[name], theirs[name])
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    else:
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert ours.requires_grad == theirs.requires_grad
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


MAPPED = {
    "elementwise": lambda t, a, b, c: t.func.vmap(lambda x, y: (x * y).sin() + x[0])(a, b),
    "in_dims": lambda t, a, b, c: t.func.vmap(lambda x, y: x * y.sum(), in_dims=(1, None))(a, b),
    "out_dims": lambda t, a, b, c: t.func.vmap(lambda x: t.outer(x, x), out_dims=1)(a),
    "nested arguments": lambda t, a, b, c: t.func.vmap(lambda d: {"s": d["x"] + d["y"][0]})({"x": a, "y": [b]}),
    "vectors": lambda t, a, b, c: t.func.vmap(t.dot)(a, b),
    "matrix and vector": lambda t, a, b, c: t.func.vmap(lambda x: c @ x)(a),
    "vector and matrix": lambda t, a, b, c: t.func.vmap(lambda x: x @ c.T)(a),
    "matrices": lambda t, a, b, c: t.func.vmap(lambda x, y: t.outer(x, y) @ t.outer(y, x))(a, b),
    "inside out": lambda t, a, b, c: t.func.vmap(t.func.vmap(t.dot, (None, 0)), (0, None))(a, c),
    "reductions": lambda t, a, b, c: t.func.vmap(lambda x: t.stack([x.sum(), x.mean(0), x.max(), x.var()]))(a),
    "softmax": lambda t, a, b, c: t.func.vmap(lambda x: t.softmax(x, -1) * t.logsumexp(x, 0))(a),
    "shapes": lambda t, a, b, c: t.func.vmap(lambda x: x.view(3, 1).expand(3, 2).t().reshape(-1).flip(0))(a),
    "index": lambda t, a, b, c: t.func.vmap(lambda x: x[[2, 0]] + x[1:] - x[None, 1])(a),
    "gather": lambda t, a, b, c: t.func.vmap(lambda x, i: x.gather(0, i))(a, (b > 0).long() * 2),
    "index by batch": lambda t, a, b, c: t.func.vmap(lambda i: c[i])((b[:, 0] > 0).long()),
    "cat": lambda t, a, b, c: t.func.vmap(lambda x: t.cat([x, c[0], x * 2]))(a),
    "linear": lambda t, a, b, c: t.func.vmap(lambda w, x: t.nn.functional.linear(x, w[None], w[:1]))(a, b),
    "sort": lambda t, a, b, c: t.func.vmap(lambda x: t.sort(x)[0])(a),
    "where": lambda t, a, b, c: t.func.vmap(lambda x: t.where(x > 0, x, 0.1 * x).cumsum(0))(a),
    "constant": lambda t, a, b, c: t.func.vmap(lambda x: c.sum())(a),
    "written in place": lambda t, a, b, c: t.func.vmap(lambda x: (x * 1).mul_(x).add_(1))(a),
    "chunks": lambda t, a, b, c: t.func.vmap(lambda x, y: x + y, chunk_size=2)(a, b),
    "layer norm": lambda t, a, b, c: t.func.vmap(lambda x: t.nn.functional.layer_norm(x, (3,)))(a),
    "cross entropy": lambda t, a, b, c: t.func.vmap(lambda x, y: t.nn.functional.cross_entropy(x[None], y[None]))(
        a, (b[:, 0] > 0).long()
    ),
    "one element batch": lambda t, a, b, c: t.func.vmap(lambda x: x * 2)(a[:1]),
    "numbers": lambda t, a, b, c: t.func.vmap(lambda x: x.exp() + 1)(a[:, 0]),
}


@pytest.mark.parametrize("name", MAPPED)
def test_vmap_with_gradients_through_it(name):
    results = []
    for t in BOTH:
        a, b, c = (t.tensor(x, requires_grad=True) for x in (A, B, C))
        out = MAPPED[name](t, a, b, c)
        out = out["s"] if isinstance(out, dict) else out
        grads = t.autograd.grad((out * out.detach().cos()).sum(), (a, b, c), allow_unused=True)
        results.append([out, *(t.zeros(1) if g is None else g for g in grads)])
    same(results[1], results[0])


def network(t):
    model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 2)).double()
    with t.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(t.tensor(np.cos(np.arange(p.numel()) + i)).reshape(p.shape))
    return model


def per_sample(t):
    model = network(t)
    parameters = {k: v.detach() for k, v in model.named_parameters()}

    def loss(parameters, x, y):
        out = t.func.functional_call(model, parameters, (x[None],))
        return t.nn.functional.cross_entropy(out, y[None])

    return t.func.vmap(t.func.grad(loss), in_dims=(None, 0, 0))(parameters, t.tensor(A), t.tensor([0, 1, 1, 0, 1]))


def ensemble(t):
    models = [network(t) for _ in range(3)]
    parameters, buffers = t.func.stack_module_state(models)
    return t.func.vmap(lambda p, b, x: t.func.functional_call(models[0], (p, b), x), (0, 0, None))(
        parameters, buffers, t.tensor(A)
    )


def convolution(t):
    x, w = t.tensor(np.cos(np.arange(5 * 2 * 36.0))).reshape(5, 2, 6, 6), t.tensor(np.sin(np.arange(36.0)))
    w = w.reshape(2, 2, 3, 3)

    def loss(w, x):
        return t.nn.functional.max_pool2d(t.nn.functional.conv2d(x[None], w), 2).pow(2).sum()

    return t.func.vmap(t.func.grad(loss), (None, 0))(w, x)


def f(t):
    return lambda x: t.stack([x.sin().sum(), (x * x).prod()])


TRANSFORMED = {
    "grad": lambda t, a: t.func.grad(lambda x: (x**3).sum())(a),
    "grad of grad": lambda t, a: t.func.grad(lambda x: t.func.grad(lambda y: (y**3 * x).sum())(x).sum())(a),
    "grad and value with aux": lambda t, a: t.func.grad_and_value(lambda x: ((x**2).sum(), x + 1), has_aux=True)(a),
    "two arguments": lambda t, a: t.func.grad(lambda x, y: (x * y**2).sum(), argnums=(0, 1))(a, a + 1),
    "dict": lambda t, a: t.func.grad(lambda d: (d["x"] * d["y"]).sum())({"x": a, "y": a * 2}),
    "vjp": lambda t, a: t.func.vjp(f(t), a)[1](t.tensor([1.0, 2.0]).double()),
    "vjp of two": lambda t, a: t.func.vjp(lambda x, y: (x * y, x + y), a, a)[1]((a, a)),
    "jvp": lambda t, a: t.func.jvp(f(t), (a,), (a * 2,)),
    "linearize": lambda t, a: t.func.linearize(f(t), a)[1](a),
    "jacrev": lambda t, a: t.func.jacrev(f(t))(a),
    "jacfwd": lambda t, a: t.func.jacfwd(f(t))(a),
    "jacrev nested": lambda t, a: t.func.jacrev(lambda d: {"o": d["x"].sum(0), "p": d["y"][0]})({"x": a, "y": a}),
    "jacfwd two": lambda t, a: t.func.jacfwd(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(a, a + 1),
    "jacrev chunks": lambda t, a: t.func.jacrev(lambda x: x.exp(), chunk_size=2)(a[0]),
    "hessian": lambda t, a: t.func.hessian(lambda x: (x.sin() * x.flip(0)).prod())(a),
    "hessian of rows": lambda t, a: t.func.vmap(t.func.hessian(lambda x: x.prod() + (x**3).sum()))(a),
    "jacobian of rows": lambda t, a: t.func.vmap(t.func.jacrev(lambda x: t.outer(x, x).sin()))(a),
    "jvp of rows": lambda t, a: t.func.vmap(lambda x, v: t.func.jvp(t.sin, (x,), (v,))[1])(a, a * 2),
    "jvp of rows and a constant": lambda t, a: t.func.vmap(
        lambda x, v: t.func.jvp(lambda y: t.stack([y, t.ones(3).double()]), (x,), (v,))[1]
    )(a, a * 2),
    "closure": lambda t, a: t.func.grad(lambda x: (x * a).sum())(a),
    "per-sample gradients": lambda t, a: per_sample(t),
    "ensemble": lambda t, a: ensemble(t),
    "convolution": lambda t, a: convolution(t),
    "gradient penalty": lambda t, a: t.func.grad(
        lambda w: (t.func.vmap(t.func.grad(lambda x: (w * x).sin().sum()))(a) ** 2).sum()
    )(a[0]),
}


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.parametrize("outside", [False, True])
def test_transformations(name, outside):
    results = [TRANSFORMED[name](t, t.tensor(A, requires_grad=outside)) for t in BOTH]
    same(results[1], results[0])


def test_random_numbers():
    x = tg.zeros(4, 2)
    with pytest.raises(errors.TraceError, match="is random"):
        tg.func.vmap(lambda row: row + tg.randn(2))(x)
    different = tg.func.vmap(lambda row: row + tg.randn(2), randomness="different")(x)
    assert len({tuple(row) for row in different.tolist()}) == 4
    alike = tg.func.vmap(lambda row: row + tg.randn(2), randomness="same")(x)
    assert len({tuple(row) for row in alike.tolist()}) == 1


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda x: x * x.item(), "a value is read into Python"),
        (lambda x: x if x > 0 else -x, "a value is read into Python"),
        (lambda x: tg.nonzero(x), "read into Python"),
        (lambda x: OUTSIDE.add_(x), "one tensor from outside"),
        (lambda x: x.reshape(1)[0].add_(1), "a view is written to"),
    ],
)
def test_what_cannot_be_mapped(function, match):
    with pytest.raises(errors.TraceError, match=match):
        tg.func.vmap(function)(tg.arange(3.0))
    assert OUTSIDE.tolist() == 0.0


OUTSIDE = tg.zeros(())


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda t: t.func.vmap(lambda x: x, in_dims=2)(t.ones(2, 2)), ValueError),
        (lambda t: t.func.vmap(lambda x: x, in_dims=(0, 0))(t.ones(2, 2)), ValueError),
        (lambda t: t.func.vmap(lambda x, y: x, in_dims=0)(t.ones(2), t.ones(3)), ValueError),
        (lambda t: t.func.vmap(lambda x: x, in_dims=None)(t.ones(2)), ValueError),
        (lambda t: t.func.vmap(lambda x: 3)(t.ones(2)), ValueError),
        (lambda t: t.func.vmap(lambda x: x, randomness="maybe")(t.ones(2)), RuntimeError),
        (lambda t: t.func.grad(lambda x: x)(t.ones(2)), RuntimeError),
        (lambda t: t.func.grad(lambda x: 3)(t.ones(2)), RuntimeError),
        (lambda t: t.func.grad(lambda x: x.sum(), argnums=1)(t.ones(2)), RuntimeError),
        (lambda t: t.func.jvp(lambda x: x, (t.ones(2),), (t.ones(3),)), RuntimeError),
        (lambda t: t.func.stack_module_state([]), RuntimeError),
    ],
)
def test_errors_of_pytorchs_kind(call, kind):
    for t in BOTH:
        with pytest.raises(kind):
            call(t)


def test_the_module_keeps_its_parameters():
    model = network(tg)
    weight = model[0].weight
    with pytest.raises(RuntimeError):
        tg.func.functional_call(model, {"0.weight": tg.zeros(4, 3).double()}, (tg.ones(2, 5).double(),))
    assert model[0].weight is weight
    with pytest.raises(errors.StateError, match="did you mean"):
        tg.func.functional_call(model, {"0.weigth": weight}, (tg.ones(2, 3).double(),))


def test_tied_weights_are_replaced_together():
    model = tg.nn.Sequential(tg.nn.Linear(2, 2, bias=False), tg.nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    x, double = tg.eye(2), {"0.weight": tg.eye(2) * 2}
    assert tg.func.functional_call(model, double, x).tolist() == [[4.0, 0.0], [0.0, 4.0]]
    untied = tg.func.functional_call(model, double, x, tie_weights=False)
    assert untied.tolist() == (2 * model[0].weight.T).tolist()


def test_vmap_inside_a_compiled_step():
    w = tg.tensor(A[0], requires_grad=True)

    def step(x):
        w.grad = None
        loss = tg.func.vmap(lambda row: (row * w).sin().sum())(x).pow(2).sum()
        loss.backward()
        return loss

    x = tg.tensor(B)
    expected = step(x).item(), w.grad.tolist()
    compiled = tg.compile(step)
    for _ in range(2):
        assert np.isclose(compiled(x).item(), expected[0])
        np.testing.assert_allclose(w.grad.tolist(), expected[1], rtol=1e-9)


def test_the_hessian_of_a_number():
    assert tg.func.hessian(lambda x: x**3)(tg.tensor(2.0)).item() == 12.0
    assert tg.func.jacrev(lambda x: x**3)(tg.tensor(2.0)).item() == 12.0
