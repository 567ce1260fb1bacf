"""LU factors, reflections, attempts, low ranks and complex matrices, against PyTorch."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import DTypeError, LinAlgError, OptionError, ShapeError

torch = pytest.importorskip("torch")

SHAPES = [(3, 3), (5, 3), (3, 5), (2, 4, 3), (2, 0, 3, 3), (0, 0)]
DTYPES = [np.float64, np.complex128]


def draw(rng, shape, dtype=np.float64):
    x = rng.standard_normal(shape)
    return x if dtype == np.float64 else x + 1j * rng.standard_normal(shape)


def flat(x):
    return [x] if isinstance(x, (tg.Tensor, torch.Tensor)) else [y for z in x for y in flat(z)]


def agree(call, *arrays, atol=1e-9):
    """The same values, dtypes and gradients of a random real function of what is differentiable."""
    found = []
    for module, make in ((tg, tg.tensor), (torch, torch.tensor)):
        inputs = [make(x, requires_grad=x.dtype.kind in "fc") for x in arrays]
        outs = flat(call(module, *inputs))
        rng = np.random.default_rng(1)
        weights = [draw(rng, tuple(o.shape), np.complex128 if "complex" in str(o.dtype) else np.float64) for o in outs]
        total = sum((make(w) * o).real.sum() for w, o in zip(weights, outs, strict=True) if o.requires_grad)
        total.backward()
        found.append([*(o.detach() for o in outs), *(t.grad for t in inputs if t.requires_grad)])
    for ours, theirs in zip(*found, strict=True):
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(ours.numpy(), theirs.resolve_conj().numpy(), atol=atol)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_lu(shape, dtype, rng):
    A = draw(rng, shape, dtype)
    agree(lambda m, a: m.linalg.lu(a)[1:], A)
    agree(lambda m, a: m.linalg.lu_factor_ex(a), A)
    ours, theirs = tg.linalg.lu(tg.tensor(A)), torch.linalg.lu(torch.tensor(A))
    np.testing.assert_array_equal(ours.P.numpy(), theirs.P.numpy())
    np.testing.assert_allclose((ours.P @ ours.L @ ours.U).numpy(), A, atol=1e-12)


def test_lu_has_a_second_derivative(rng):
    A = tg.tensor(draw(rng, (3, 3)) + 3 * np.eye(3), requires_grad=True)
    assert tg.autograd.gradgradcheck(lambda a: tg.linalg.lu_factor(a).LU, (A,))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve(dtype, left, adjoint, rng):
    A, B = draw(rng, (2, 3, 3), dtype), draw(rng, (2, 3, 3), dtype)

    def call(m, a, b):
        LU, pivots = m.linalg.lu_factor(a)
        return m.linalg.lu_solve(LU, pivots, b, left=left, adjoint=adjoint)

    agree(call, A, B)


@pytest.mark.filterwarnings("ignore:torch.lu_solve is deprecated")
def test_older_names_of_lu(rng):
    A, B = draw(rng, (4, 4)), draw(rng, (4, 2))
    agree(lambda m, a, b: m.lu_solve(b, *m.linalg.lu_factor(a)), A, B)
    agree(lambda m, a, b: b.lu_solve(*m.linalg.lu_factor(a)), A, B)
    agree(lambda m, a: m.lu_unpack(*m.linalg.lu_factor(a))[1:], A)
    LU, pivots, info = tg.lu(tg.tensor(A), get_infos=True)
    P, L, U = tg.lu_unpack(LU, pivots)
    np.testing.assert_allclose((P @ L @ U).numpy(), A, atol=1e-12)
    assert tg.lu_unpack(LU, pivots, unpack_data=False).L.shape == (0,)
    assert int(info) == 0
    assert len(tg.tensor(A).lu()) == 2


def test_singular_matrices_are_told():
    A = tg.ones(2, 2)
    assert int(tg.linalg.lu_factor_ex(A).info) == 2
    with pytest.raises(LinAlgError, match=r"U\[2, 2\] is 0"):
        tg.linalg.lu_factor(A)
    with pytest.raises(LinAlgError):
        tg.linalg.lu_factor_ex(A, check_errors=True)


def test_attempts_report_where_they_fail():
    good, bad = np.array([[4.0, 2.0], [2.0, 5.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])
    A = tg.tensor(np.stack([good, bad]))
    for upper in (False, True):
        L, info = tg.linalg.cholesky_ex(A, upper=upper)
        assert info.tolist() == [0, 2]
        assert info.dtype == tg.int32
        np.testing.assert_allclose(L[0].numpy(), torch.linalg.cholesky(torch.tensor(good), upper=upper).numpy())
        assert L[1].isnan().all()
    alone = tg.linalg.cholesky_ex(A[1])
    assert int(alone.info) == 2
    assert alone.L.isnan().all()
    singular = tg.tensor(np.stack([good, np.ones((2, 2))]))
    inverse, info = tg.linalg.inv_ex(singular)
    assert info.tolist() == [0, 2]
    np.testing.assert_allclose(inverse[0].numpy(), np.linalg.inv(good))
    result, info = tg.linalg.solve_ex(singular, tg.ones(2, 2, 1, dtype=tg.float64))
    assert info.tolist() == [0, 2]
    np.testing.assert_allclose(result[0].numpy(), np.linalg.solve(good, np.ones((2, 1))))
    for name in ("cholesky_ex", "inv_ex"):
        with pytest.raises(LinAlgError):
            getattr(tg.linalg, name)(singular - 1 if name == "cholesky_ex" else singular, check_errors=True)
    with pytest.raises(LinAlgError):
        tg.linalg.solve_ex(singular, tg.ones(2, 2, 1, dtype=tg.float64), check_errors=True)


def test_attempts_that_succeed_are_pytorchs(rng):
    A = draw(rng, (2, 3, 3))
    agree(lambda m, a: m.linalg.inv_ex(a), A)
    agree(lambda m, a, b: m.linalg.solve_ex(a, b), A, draw(rng, (2, 3, 2)))
    agree(lambda m, a: m.linalg.cholesky_ex(a @ a.mT, upper=True), A)


@pytest.mark.parametrize("hermitian", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_ldl(hermitian, dtype, rng):
    for n in (1, 2, 5, 9):
        A = draw(rng, (3, n, n), dtype)
        A = A + (A.conj() if hermitian else A).swapaxes(-1, -2)
        # A small diagonal makes pivots of two rows.
        A[1:] *= 1 - 0.99 * np.eye(n)
        ours = tg.linalg.ldl_factor_ex(tg.tensor(A), hermitian=hermitian)
        theirs = torch.linalg.ldl_factor_ex(torch.tensor(A), hermitian=hermitian)
        np.testing.assert_array_equal(ours.pivots.numpy(), theirs.pivots.numpy())
        np.testing.assert_allclose(ours.LD.numpy(), theirs.LD.numpy(), atol=1e-8)
        B = draw(rng, (3, n, 2), dtype)
        X = tg.linalg.ldl_solve(ours.LD, ours.pivots, tg.tensor(B), hermitian=hermitian)
        np.testing.assert_allclose(A @ X.numpy(), B, atol=1e-8)
    assert (ours.pivots < 0).any()


def test_ldl_of_a_singular_matrix():
    assert int(tg.linalg.ldl_factor_ex(tg.zeros(2, 2)).info) == 1
    with pytest.raises(LinAlgError, match=r"D\[1, 1\] is 0"):
        tg.linalg.ldl_factor(tg.zeros(2, 2))


def test_ldl_solve_has_a_gradient(rng):
    A = draw(rng, (3, 3), np.complex128)
    A = A + A.T
    for hermitian in (False, True):
        A = A.real + 1j * (A.imag if not hermitian else np.triu(A.imag, 1) - np.triu(A.imag, 1).T)
        LD, pivots = tg.linalg.ldl_factor(tg.tensor(A), hermitian=hermitian)
        b = tg.tensor(draw(rng, (3, 2), np.complex128), requires_grad=True)
        (ours,) = tg.autograd.grad(tg.linalg.ldl_solve(LD, pivots, b, hermitian=hermitian).abs().sum(), b)
        (other,) = tg.autograd.grad(tg.linalg.solve(tg.tensor(A), b).abs().sum(), b)
        np.testing.assert_allclose(ours.numpy(), other.numpy(), atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3), (3, 3), (2, 5, 2)])
def test_reflections(dtype, shape, rng):
    A = draw(rng, shape, dtype)
    a, tau = (t.numpy() for t in tg.geqrf(tg.tensor(A)))
    theirs = torch.geqrf(torch.tensor(A))
    np.testing.assert_allclose(a, theirs.a.numpy(), atol=1e-12)
    np.testing.assert_allclose(tau, theirs.tau.numpy(), atol=1e-12)
    agree(lambda m, a, t: m.linalg.householder_product(a, t), a, tau)
    agree(lambda m, a, t: m.orgqr(a, t), a, tau)
    for left in (True, False):
        for transpose in (True, False):
            C = draw(rng, (*shape[:-2], shape[-2], shape[-2]), dtype)
            agree(lambda m, a, t, c, le=left, tr=transpose: m.ormqr(a, t, c, le, tr), a, tau, C)


@pytest.mark.filterwarnings("ignore:torch.triangular_solve is deprecated")
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("unitriangular", [True, False])
def test_triangular_solve(upper, transpose, unitriangular, rng):
    A, b = draw(rng, (3, 3)) + 3 * np.eye(3), draw(rng, (3, 2))
    ours = tg.triangular_solve(tg.tensor(b), tg.tensor(A), upper, transpose, unitriangular)
    theirs = torch.triangular_solve(torch.tensor(b), torch.tensor(A), upper, transpose, unitriangular)
    np.testing.assert_allclose(ours.solution.numpy(), theirs.solution.numpy(), atol=1e-12)
    np.testing.assert_array_equal(ours.cloned_coefficient.numpy(), A)


def test_low_rank(rng):
    A = draw(rng, (2, 20, 3)) @ draw(rng, (2, 3, 12))
    for name, matrix in (("svd_lowrank", A), ("svd_lowrank", A.swapaxes(-1, -2)), ("pca_lowrank", A)):
        U, S, V = getattr(tg, name)(tg.tensor(matrix), q=4)
        expected = matrix - matrix.mean(-2, keepdims=True) if name == "pca_lowrank" else matrix
        np.testing.assert_allclose(((U * S[..., None, :]) @ V.mH).numpy(), expected, atol=1e-9)
        np.testing.assert_allclose((U.mT @ U).numpy(), np.broadcast_to(np.eye(4), (2, 4, 4)), atol=1e-9)
    U, S, V = tg.svd_lowrank(tg.tensor(A), 3, M=tg.tensor(A.mean(-2, keepdims=True)))
    assert tuple(S.shape) == (2, 3)
    with pytest.raises(OptionError, match="q is 20"):
        tg.pca_lowrank(tg.ones(3, 4), 20)


def test_lobpcg(rng):
    A = draw(rng, (9, 9))
    A, B = A @ A.T + np.eye(9), np.diag(np.arange(1.0, 10.0))
    for b in (None, B):
        for largest in (True, False):
            values, vectors = tg.lobpcg(tg.tensor(A), 2, None if b is None else tg.tensor(b), largest=largest)
            theirs, _ = torch.lobpcg(torch.tensor(A), 2, None if b is None else torch.tensor(b), largest=largest)
            np.testing.assert_allclose(values.numpy(), theirs.numpy(), rtol=1e-5)
            right = vectors.numpy() if b is None else b @ vectors.numpy()
            np.testing.assert_allclose(A @ vectors.numpy(), right * values.numpy(), atol=1e-9)


# -- complex matrices -----------------------------------------------------------------------------------------------------

HERMITIAN = {
    "cholesky": lambda m, a: m.linalg.cholesky(a @ a.mH),
    "cholesky upper": lambda m, a: m.linalg.cholesky(a @ a.mH, upper=True),
    "eigvalsh": lambda m, a: m.linalg.eigvalsh(a + a.mH),
    "eigh": lambda m, a: abs(m.linalg.eigh(a + a.mH)[1]),
    "eigvals": lambda m, a: abs(m.linalg.eigvals(a)).pow(2).sum(),
    "eig": lambda m, a: abs(m.linalg.eig(a)[1]).pow(3).sum(),
    "svdvals": lambda m, a: m.linalg.svdvals(a),
    "svd": lambda m, a: (lambda U, S, V: (U * S[..., None, :] ** 2) @ V)(*m.linalg.svd(a, full_matrices=False)),
    "qr": lambda m, a: m.linalg.qr(a),
    "det": lambda m, a: m.linalg.det(a),
    "slogdet": lambda m, a: m.linalg.slogdet(a),
    "inv": lambda m, a: m.linalg.inv(a),
    "pinv": lambda m, a: m.linalg.pinv(a[..., :2]),
    "pinv hermitian": lambda m, a: m.linalg.pinv(a + a.mH, hermitian=True),
    "matrix_exp": lambda m, a: m.linalg.matrix_exp(a),
    "matrix_power": lambda m, a: m.linalg.matrix_power(a, -3),
    "norms": lambda m, a: [m.linalg.matrix_norm(a, o) for o in ("fro", "nuc", 2, -2, 1, -1)],
    "vector norms": lambda m, a: [m.linalg.vector_norm(a, o, -1) for o in (1, 2, 3.5, float("inf"))],
    "cond": lambda m, a: m.linalg.cond(a),
    "vecdot": lambda m, a: m.linalg.vecdot(a, a * 2j),
}


@pytest.mark.parametrize("name", HERMITIAN)
def test_complex_matrices(name, rng):
    agree(HERMITIAN[name], draw(rng, (3, 3), np.complex128), atol=1e-8)


@pytest.mark.parametrize("name", ["eigvals", "eig"])
def test_eigenvalues_of_real_matrices_have_real_gradients(name, rng):
    agree(HERMITIAN[name], draw(rng, (4, 4)), atol=1e-8)


@pytest.mark.parametrize("driver", ["gelsy", "gels", "gelsd", "gelss"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 5, 2)])
def test_lstsq(driver, dtype, shape, rng):
    A, B = draw(rng, shape, dtype), draw(rng, (*shape[:-1], 2), dtype)
    agree(lambda m, a, b: m.linalg.lstsq(a, b, driver=driver).solution, A, B)
    ours = tg.linalg.lstsq(tg.tensor(A), tg.tensor(B), driver=driver)
    theirs = torch.linalg.lstsq(torch.tensor(A), torch.tensor(B), driver=driver)
    for a, b in zip(ours, theirs, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-9)


def test_tolerances_may_be_tensors():
    A = np.diag([3.0, 1.0, 0.1])
    for options in ({"atol": 0.5}, {"rtol": 0.5}, {"atol": np.array(2.0)}, {"rtol": np.array(0.01), "hermitian": True}):
        ours = {k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        for name in ("pinv", "matrix_rank"):
            got = getattr(tg.linalg, name)(tg.tensor(A), **ours)
            np.testing.assert_allclose(got.numpy(), getattr(torch.linalg, name)(torch.tensor(A), **theirs).numpy())


ERRORS = [
    (DTypeError, lambda: tg.lu_unpack(tg.eye(2), tg.tensor([1, 2]))),
    (DTypeError, lambda: tg.linalg.lu_solve(tg.eye(2), tg.tensor([1, 2]), tg.eye(2))),
    (ShapeError, lambda: tg.linalg.lu_solve(tg.eye(2), tg.tensor([1, 2]).int(), tg.ones(3, 2))),
    (ShapeError, lambda: tg.linalg.lu_solve(tg.eye(2), tg.tensor([1]).int(), tg.ones(2, 2))),
    (OptionError, lambda: tg.linalg.lu(tg.eye(2), pivot=False)),
    (ShapeError, lambda: tg.linalg.householder_product(tg.ones(2, 3), tg.ones(2))),
    (ShapeError, lambda: tg.linalg.householder_product(tg.ones(3, 2), tg.ones(3))),
    (DTypeError, lambda: tg.linalg.householder_product(tg.ones(3, 2), tg.ones(2).double())),
    (ShapeError, lambda: tg.ormqr(tg.ones(3, 2), tg.ones(2), tg.ones(2, 2))),
    (ShapeError, lambda: tg.linalg.ldl_solve(tg.eye(2), tg.tensor([1, 2]).int(), tg.ones(3, 2))),
    (DTypeError, lambda: tg.linalg.ldl_solve(tg.eye(2), tg.tensor([1.0, 2.0]), tg.ones(2, 2))),
    (OptionError, lambda: tg.lobpcg(tg.eye(2), 3)),
    (ShapeError, lambda: tg.lobpcg(tg.eye(2), 1, tg.eye(3))),
    (OptionError, lambda: tg.linalg.lstsq(tg.eye(2), tg.eye(2), driver="fast")),
    (ShapeError, lambda: tg.linalg.lstsq(tg.eye(2), tg.ones(3, 2))),
    (DTypeError, lambda: tg.linalg.lstsq(tg.eye(2), tg.ones(2, 2).double())),
]


@pytest.mark.parametrize(("kind", "call"), ERRORS)
def test_errors(kind, call):
    with pytest.raises(kind, match=r"\w+: .+; .+"):
        call()
