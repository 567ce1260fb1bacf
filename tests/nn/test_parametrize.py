"""Parametrizations, beside PyTorch's: what is registered under which names, values, gradients, errors."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.nn.utils import parametrizations, parametrize

torch = pytest.importorskip("torch")
their_parametrize = pytest.importorskip("torch.nn.utils.parametrize")
their_parametrizations = pytest.importorskip("torch.nn.utils.parametrizations")

LIBRARIES = [(tg, parametrize, parametrizations), (torch, their_parametrize, their_parametrizations)]


def both(act):
    """The results of one action with each library."""
    return [act(*library) for library in LIBRARIES]


def linear(lib, rows=4, columns=4, seed=0):
    rng = np.random.default_rng(seed)
    layer = lib.nn.Linear(columns, rows, dtype=lib.float64)
    with lib.no_grad():
        layer.weight.copy_(lib.tensor(rng.standard_normal((rows, columns))))
        layer.bias.copy_(lib.tensor(rng.standard_normal(rows)))
    return layer


def symmetric(lib, inverse=True):
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

    class Invertible(Symmetric):
        def right_inverse(self, x):
            return x.triu()

    return Invertible() if inverse else Symmetric()


def factors(lib):
    class Factors(lib.nn.Module):
        def forward(self, a, b):
            return a @ b

        def right_inverse(self, x):
            return x[:, :2].clone(), x[:2].clone()

    return Factors()


def check(ours, other, columns=4):
    """Assert that names, states, results and gradients agree."""
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in other.named_parameters()]
    assert list(ours.state_dict()) == list(other.state_dict())
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in other.named_modules()]
    assert str(ours).replace("tapegrad", "torch") == str(other)
    x = np.linspace(-1, 1, 2 * columns).reshape(2, columns)
    out, want = ours(tg.tensor(x)), other(torch.tensor(x))
    np.testing.assert_allclose(out.detach().numpy(), want.detach().numpy(), rtol=1e-9, atol=1e-12)
    (out**2).sum().backward()
    (want**2).sum().backward()
    for p, q in zip(ours.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("inverse", [True, False])
def test_one_tensor(inverse):
    def make(lib, module, _):
        layer = linear(lib)
        held = layer.weight
        assert module.register_parametrization(layer, "weight", symmetric(lib, inverse)) is layer
        assert layer.parametrizations.weight.original is held
        assert module.is_parametrized(layer)
        assert module.is_parametrized(layer, "weight")
        assert not module.is_parametrized(layer, "bias")
        assert type(layer).__name__ == "ParametrizedLinear"
        assert module.type_before_parametrizations(layer) is lib.nn.Linear
        return layer

    check(*both(make))


def test_several_of_one_tensor_and_of_others():
    def make(lib, module, _):
        class Twice(lib.nn.Module):
            def forward(self, x):
                return 2 * x

        layer = linear(lib)
        module.register_parametrization(layer, "weight", symmetric(lib, inverse=False))
        module.register_parametrization(layer, "weight", Twice())
        module.register_parametrization(layer, "bias", Twice())
        return layer

    check(*both(make))


def test_a_tensor_of_parts():
    def make(lib, module, _):
        layer = linear(lib)
        return module.register_parametrization(layer, "weight", factors(lib), unsafe=True)

    ours, other = both(make)
    assert ours.parametrizations.weight.ntensors == 2
    check(ours, other)


def test_a_buffer():
    def make(lib, module, _):
        layer = linear(lib)
        layer.register_buffer("scale", lib.ones(3, dtype=lib.float64))
        return module.register_parametrization(layer, "scale", lib.nn.Softplus())

    ours, other = both(make)
    np.testing.assert_allclose(ours.scale.numpy(), other.scale.numpy())
    check(ours, other)


def test_assigning_runs_the_way_back():
    def make(lib, module, _):
        layer = linear(lib)
        module.register_parametrization(layer, "weight", symmetric(lib))
        held = layer.parametrizations.weight.original
        value = lib.tensor(np.arange(16.0).reshape(4, 4))
        layer.weight = value + value.T
        assert layer.parametrizations.weight.original is held
        return layer

    ours, other = both(make)
    np.testing.assert_allclose(ours.weight.detach().numpy(), other.weight.detach().numpy())
    check(ours, other)


@pytest.mark.parametrize("leave", [True, False])
def test_removing(leave):
    def make(lib, module, _):
        layer = linear(lib)
        module.register_parametrization(layer, "weight", symmetric(lib))
        held = layer.parametrizations.weight.original
        assert module.remove_parametrizations(layer, "weight", leave_parametrized=leave) is layer
        assert type(layer) is lib.nn.Linear
        assert layer.weight is held
        assert not hasattr(layer, "parametrizations")
        return layer

    check(*both(make))


def test_removing_one_of_two_and_parts():
    def make(lib, module, _):
        layer = linear(lib)
        module.register_parametrization(layer, "weight", factors(lib), unsafe=True)
        module.register_parametrization(layer, "bias", lib.nn.Softplus())
        module.remove_parametrizations(layer, "weight")
        assert module.is_parametrized(layer, "bias")
        assert not module.is_parametrized(layer, "weight")
        return layer

    check(*both(make))


def test_transferring():
    def make(lib, module, _):
        layer = module.register_parametrization(linear(lib), "weight", symmetric(lib))
        module.transfer_parametrizations_and_params(linear(lib), layer)
        return module.transfer_parametrizations_and_params(layer, linear(lib, seed=3))

    check(*both(make))


def test_cached():
    def count(lib, module, _):
        calls = []

        class Counted(lib.nn.Module):
            def forward(self, x):
                calls.append(0)
                return x + 1

        layer = module.register_parametrization(linear(lib), "weight", Counted())
        first = len(calls)
        with module.cached():
            _ = layer.weight, layer.weight
            with module.cached():
                _ = layer.weight
            _ = layer.weight
        _ = layer.weight, layer.weight
        return len(calls) - first

    assert both(count) == [3, 3]


def test_copies_and_pickles():
    layer = parametrize.register_parametrization(linear(tg), "weight", symmetric(tg))
    twin = copy.deepcopy(layer)
    assert twin.parametrizations.weight.original is not layer.parametrizations.weight.original
    np.testing.assert_array_equal(twin.weight.detach().numpy(), layer.weight.detach().numpy())
    with tg.no_grad():
        twin.parametrizations.weight.original.add_(1)
    assert not np.array_equal(twin.weight.detach().numpy(), layer.weight.detach().numpy())
    with pytest.raises(RuntimeError, match="cannot be pickled"):
        pickle.dumps(layer)


def test_states_load():
    layer = parametrize.register_parametrization(linear(tg), "weight", symmetric(tg))
    twin = parametrize.register_parametrization(linear(tg, seed=1), "weight", symmetric(tg))
    twin.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(twin.weight.detach().numpy(), layer.weight.detach().numpy())


def fails_with(lib, change, inverse=None):
    class Fails(lib.nn.Module):
        def forward(self, *x):
            return change(*x)

    module = Fails()
    if inverse is not None:
        module.right_inverse = inverse
    return module


FAILURES = {
    "unknown name": lambda lib, m, _: m.register_parametrization(linear(lib), "wait", symmetric(lib)),
    "another shape": lambda lib, m, _: m.register_parametrization(linear(lib), "weight", lib.nn.Flatten(0)),
    "another dtype": lambda lib, m, _: m.register_parametrization(
        linear(lib), "weight", fails_with(lib, lambda x: x.float())
    ),
    "no tensor": lambda lib, m, _: m.register_parametrization(linear(lib), "weight", fails_with(lib, lambda x: 3)),
    "way back to no tensor": lambda lib, m, _: m.register_parametrization(
        linear(lib), "weight", fails_with(lib, lambda x: x, lambda x: 3)
    ),
    "way back to another dtype": lambda lib, m, _: m.register_parametrization(
        linear(lib), "weight", fails_with(lib, lambda x: x, lambda x: x.float()), unsafe=True
    ),
    "parts that are no tensors": lambda lib, m, _: m.register_parametrization(
        linear(lib), "weight", fails_with(lib, lambda x: x, lambda x: [x, 3]), unsafe=True
    ),
    "second of another shape": lambda lib, m, _: m.register_parametrization(
        m.register_parametrization(linear(lib), "weight", symmetric(lib)), "weight", lib.nn.Flatten(0)
    ),
    "assigned without a way back": lambda lib, m, _: setattr(
        m.register_parametrization(linear(lib), "weight", symmetric(lib, False)), "weight", lib.zeros(4, 4)
    ),
    "assigned another dtype": lambda lib, m, _: setattr(
        m.register_parametrization(linear(lib), "weight", symmetric(lib)), "weight", lib.zeros(4, 4)
    ),
    "nothing to remove": lambda lib, m, _: m.remove_parametrizations(linear(lib), "weight"),
    "originals of parts": lambda lib, m, _: m.remove_parametrizations(
        m.register_parametrization(linear(lib), "weight", factors(lib), unsafe=True), "weight", False
    ),
    "no modules": lambda lib, m, _: m.ParametrizationList([], lib.zeros(2)),
    "nothing of that name to transfer": lambda lib, m, _: m.transfer_parametrizations_and_params(
        m.register_parametrization(linear(lib), "weight", symmetric(lib)), linear(lib), "bias"
    ),
    "weight_norm of nothing": lambda lib, m, p: p.weight_norm(linear(lib), "wait"),
    "spectral_norm of nothing": lambda lib, m, p: p.spectral_norm(linear(lib), "wait"),
    "spectral_norm without steps": lambda lib, m, p: p.spectral_norm(linear(lib), n_power_iterations=0),
    "spectral_norm along no dim": lambda lib, m, p: p.spectral_norm(linear(lib), dim=2),
    "orthogonal vector": lambda lib, m, p: p.orthogonal(linear(lib), "bias"),
    "orthogonal of nothing": lambda lib, m, p: p.orthogonal(linear(lib), "wait"),
    "orthogonal by no map": lambda lib, m, p: p.orthogonal(linear(lib), orthogonal_map="none"),
    "orthogonal to a map that is not onto": lambda lib, m, p: setattr(
        p.orthogonal(linear(lib), orthogonal_map="cayley", use_trivialization=False),
        "weight",
        lib.eye(4, dtype=lib.float64),
    ),
    "orthogonal of another shape": lambda lib, m, p: setattr(p.orthogonal(linear(lib)), "weight", lib.eye(3)),
}


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
def test_errors_are_of_pytorchs_kinds(fails):
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        fails(*LIBRARIES[1])
    with pytest.raises(wanted.type):
        fails(*LIBRARIES[0])


# -- ready ones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weight_norm(dim):
    def make(lib, _, ready):
        return ready.weight_norm(linear(lib, 3, 4), dim=dim)

    ours, other = both(make)
    check(ours, other)


def test_weight_norm_loads_states_of_the_older_one():
    old = tg.nn.utils.weight_norm(linear(tg))
    new = parametrizations.weight_norm(linear(tg, seed=1))
    new.load_state_dict(old.state_dict())
    np.testing.assert_allclose(new.weight.detach().numpy(), old.weight.detach().numpy())


def conv(lib, kind):
    rng = np.random.default_rng(0)
    layer = getattr(lib.nn, kind)(3, 4, 3, dtype=lib.float64)
    with lib.no_grad():
        layer.weight.copy_(lib.tensor(rng.standard_normal(tuple(layer.weight.shape))))
        layer.bias.zero_()
    return layer


def give_vectors(lib, *vectors):
    rng = np.random.default_rng(5)
    for v in vectors:
        start = rng.standard_normal(tuple(v.shape))
        v.copy_(lib.tensor(start / np.linalg.norm(start)))


@pytest.mark.parametrize("kind", ["Conv1d", "ConvTranspose1d"])
@pytest.mark.parametrize("steps", [1, 3])
def test_spectral_norm(kind, steps):
    def make(lib, _, ready):
        layer = ready.spectral_norm(conv(lib, kind), n_power_iterations=steps)
        norm = layer.parametrizations.weight[0]
        give_vectors(lib, norm._u, norm._v)
        values = []
        for training in (True, True, False):
            layer.train(training)
            x = lib.tensor(np.linspace(-1, 1, 15).reshape(1, 3, 5))
            layer.zero_grad()
            (layer(x) ** 2).sum().backward()
            values += [layer.parametrizations.weight.original.grad.clone(), norm._u.clone(), norm._v.clone()]
        return values

    for a, b in zip(*both(make), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-10)


def test_spectral_norm_of_a_vector_and_its_limit():
    layer = parametrizations.spectral_norm(linear(tg), "bias")
    np.testing.assert_allclose(np.linalg.norm(layer.bias.detach().numpy()), 1)
    layer = parametrizations.spectral_norm(linear(tg), n_power_iterations=200)
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy(), 2), 1)


@pytest.mark.parametrize("way", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("trivialization", [True, False])
def test_orthogonal(way, rows, columns, trivialization):
    rng = np.random.default_rng(3)
    start = rng.standard_normal((rows, columns)) * 0.5
    base = np.linalg.qr(rng.standard_normal((max(rows, columns),) * 2))[0]

    def make(lib, _, ready):
        layer = ready.orthogonal(linear(lib, rows, columns), orthogonal_map=way, use_trivialization=trivialization)
        held = layer.parametrizations.weight
        with lib.no_grad():
            signs = np.sign(np.diagonal(held.original.numpy())) if way in ("householder", None) else None
            values = start.copy()
            if signs is not None:
                np.fill_diagonal(values, signs)
            held.original.copy_(lib.tensor(values))
            if trivialization:
                held[0].base.copy_(lib.tensor(base))
        return layer

    ours, other = both(make)
    q = ours.weight.detach().numpy()
    small = q @ q.T if rows < columns else q.T @ q
    np.testing.assert_allclose(small, np.eye(min(rows, columns)), atol=1e-10)
    check(ours, other, columns)


@pytest.mark.parametrize("way", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (5, 3), (3, 5)])
def test_orthogonal_matrices_can_be_assigned(way, rows, columns):
    layer = parametrizations.orthogonal(linear(tg, rows, columns), orthogonal_map=way)
    big = np.linalg.qr(np.random.default_rng(8).standard_normal((5, 5)))[0]
    wanted = np.linalg.qr(big[:rows, :columns] if rows >= columns else big[:rows, :columns].T)[0]
    wanted = wanted if rows >= columns else wanted.T
    layer.weight = tg.tensor(wanted)
    np.testing.assert_allclose(layer.weight.detach().numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (5, 3), (3, 5)])
def test_reflections_are_found_for_an_orthogonal_matrix(rows, columns):
    def make(lib, _, ready):
        layer = linear(lib, rows, columns)
        lib.nn.init.eye_(layer.weight)
        ready.orthogonal(layer, orthogonal_map="householder", use_trivialization=False)
        wanted = np.linalg.qr(np.random.default_rng(8).standard_normal((max(rows, columns), min(rows, columns))))[0]
        layer.weight = lib.tensor(wanted if rows >= columns else np.ascontiguousarray(wanted.T))
        return layer

    ours, other = both(make)
    np.testing.assert_allclose(ours.weight.detach().numpy(), other.weight.detach().numpy(), atol=1e-12)


def test_complex_weights_become_unitary():
    layer = tg.nn.Linear(3, 3, dtype=tg.complex128)
    parametrizations.orthogonal(layer)
    with tg.no_grad():
        layer.parametrizations.weight.original.copy_(tg.tensor(np.arange(9.0).reshape(3, 3) * (0.1 + 0.2j)))
    q = layer.weight.detach().numpy()
    np.testing.assert_allclose(q.conj().T @ q, np.eye(3), atol=1e-12)
    with pytest.raises(ValueError, match="real tensors only"):
        parametrizations.orthogonal(tg.nn.Linear(3, 3, dtype=tg.complex128), orthogonal_map="householder")
