"""Linear algebra against PyTorch: values, gradients, shapes, and the errors that name the number that would fit."""

import math

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.linalg as la
from tapegrad import errors
from tapegrad.autograd import gradgradcheck
from tests.ops.beside import agree, definite, flat, normal, symmetric

torch = pytest.importorskip("torch")


# -- determinants, inverses, systems ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 3, 3), (2, 2, 4, 4)])
@pytest.mark.parametrize("name", ["det", "slogdet", "logdet", "inverse", "cholesky", "pinverse"])
def test_functions_of_square_matrices_agree_with_torch(name, shape, rng):
    a = definite(rng, *shape)
    reference = torch.linalg.cholesky if name == "cholesky" else getattr(torch, name)
    agree(getattr(tg, name), reference, a, rng=rng, rtol=1e-8, atol=1e-9)
    t = tg.tensor(a[..., :3, :3] if len(shape) < 4 else a[0, 0], requires_grad=True)
    assert gradgradcheck(lambda x: next(o for o in flat(getattr(tg, name)((x + x.mT) / 2)) if o.requires_grad), (t,))


def test_gradient_of_the_determinant_of_singular_matrices():
    """It is the matrix of cofactors, which exists where the inverse does not."""
    for rows in (
        [[1.0, 2.0], [2.0, 4.0]],
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
        [[0.0, 0.0], [0.0, 0.0]],
    ):
        x = tg.tensor(rows, dtype="float64", requires_grad=True)
        tg.det(x).backward()
        t = torch.tensor(rows, dtype=torch.float64)
        minors = torch.tensor(
            [
                [
                    t[[k for k in range(len(rows)) if k != i]][:, [k for k in range(len(rows)) if k != j]].det()
                    * (-1) ** (i + j)
                    for j in range(len(rows))
                ]
                for i in range(len(rows))
            ]
        )
        np.testing.assert_allclose(x.grad.numpy(), minors.numpy(), atol=1e-9)


def test_log_determinants_at_and_below_zero():
    assert tg.logdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]])).isnan()
    assert tg.logdet(tg.zeros(2, 2)).item() == -math.inf
    sign, logarithm = tg.slogdet(tg.zeros(2, 2))
    assert (sign.item(), logarithm.item()) == (0.0, -math.inf)


@pytest.mark.parametrize(
    ("A", "B", "left"),
    [
        ((3, 3), (3,), True),
        ((3, 3), (3, 2), True),
        ((3, 3), (2, 3), False),
        ((3, 3), (3,), False),
        ((2, 3, 3), (2, 3), True),
        ((2, 3, 3), (2, 3, 4), True),
        ((4, 1, 3, 3), (2, 3, 4), True),
        ((2, 3, 3), (2, 4, 3), False),
        ((3, 3), (5, 3, 2), True),
    ],
)
def test_solve_agrees_with_torch(A, B, left, rng):
    if A == (3, 3) and B == (3,) and not left:
        expected = tg.tensor(np.eye(3) * 2)
        assert la.solve(expected, tg.ones(3).double(), left=False).tolist() == [0.5] * 3
        return
    agree(
        lambda a, b: la.solve(a, b, left=left),
        lambda a, b: torch.linalg.solve(a, b, left=left),
        definite(rng, *A),
        normal(rng, *B),
        rng=rng,
    )


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 4, 3), (3, 3)])
def test_pinv_agrees_with_torch(shape, rng):
    agree(la.pinv, torch.linalg.pinv, normal(rng, *shape), rng=rng, rtol=1e-7, atol=1e-9)
    low = normal(rng, 4, 2) @ normal(rng, 2, 3)
    np.testing.assert_allclose(la.pinv(tg.tensor(low)).numpy(), np.linalg.pinv(low), atol=1e-12)
    np.testing.assert_allclose(la.pinv(tg.tensor(low), rtol=0.9).numpy(), np.linalg.pinv(low, rcond=0.9), atol=1e-12)
    with np.errstate(all="raise"):
        assert la.pinv(tg.zeros(2, 3)).tolist() == [[0.0, 0.0]] * 3


def test_failures_of_lapack_are_told():
    for call, message in (
        (lambda: la.inv(tg.zeros(2, 2)), r"^inv: singular matrix; use linalg\.pinv\(\)"),
        (lambda: la.solve(tg.zeros(2, 2), tg.ones(2)), r"^solve: singular matrix; use linalg\.lstsq\(\)"),
        (lambda: la.cholesky(-tg.eye(2)), r"^cholesky: matrix is not positive definite; .*eigenvalues above 0"),
    ):
        with pytest.raises(la.LinAlgError, match=message):
            call()
    assert issubclass(la.LinAlgError, RuntimeError)


@pytest.mark.parametrize("call", [la.inv, la.cholesky, la.eigh, la.qr, la.svd, tg.det, tg.slogdet])
def test_integers_are_refused(call):
    with pytest.raises(errors.DTypeError, match=r"has dtype int64; make it floating-point"):
        call(tg.eye(2).long())


# -- factorisations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (3, 2, 2), (2, 2, 3)])
def test_qr_agrees_with_torch(shape, rng):
    agree(la.qr, torch.linalg.qr, normal(rng, *shape), rng=rng)
    a = tg.tensor(normal(rng, *shape), requires_grad=True)
    assert gradgradcheck(lambda x: la.qr(x).R ** 2, (a,))


def test_modes_of_qr(rng):
    a = normal(rng, 4, 2)
    for mode in ("complete", "r"):
        agree(lambda x, m=mode: la.qr(x, m), lambda x, m=mode: torch.linalg.qr(x, m), a, gradient=False)
    with pytest.raises(errors.GradError, match=r"qr: mode='complete' of a 4 by 2 matrix has no gradient"):
        la.qr(tg.tensor(a, requires_grad=True), "complete")
    square = normal(rng, 3, 3)
    agree(lambda x: la.qr(x, "complete"), lambda x: torch.linalg.qr(x, "complete"), square, rng=rng)
    with pytest.raises(errors.ArgumentError, match="mode='thin'"):
        la.qr(tg.ones(2, 2), "thin")


def invariant(values, vectors, power=2):
    """A function of eigenvectors that does not see their signs."""
    return values, (vectors**power * values.unsqueeze(-2)).sum(-1)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4)])
@pytest.mark.parametrize("triangle", ["L", "U"])
def test_eigh_agrees_with_torch(shape, triangle, rng):
    agree(
        lambda x: invariant(*la.eigh(x, triangle)),
        lambda x: invariant(*torch.linalg.eigh(x, triangle)),
        symmetric(rng, *shape),
        rng=rng,
        rtol=1e-8,
        atol=1e-9,
    )


def test_factors_at_second_order(rng):
    a = tg.tensor(symmetric(rng, 3, 3), requires_grad=True)
    assert gradgradcheck(lambda x: invariant(*la.eigh((x + x.mT) / 2)), a, atol=1e-4)
    for shape in ((3, 3), (3, 2), (2, 3)):
        b = tg.tensor(normal(rng, *shape), requires_grad=True)
        assert gradgradcheck(lambda x: flip_free(*la.svd(x, full_matrices=False)), b, atol=1e-4)


def test_eigh_reads_one_triangle(rng):
    a = normal(rng, 3, 3)
    for triangle in "LU":
        expected = np.linalg.eigvalsh(a, UPLO=triangle)
        np.testing.assert_allclose(la.eigh(tg.tensor(a), triangle).eigenvalues.numpy(), expected)
        np.testing.assert_allclose(la.eigvalsh(tg.tensor(a), triangle).numpy(), expected)


def test_eigenvalues_that_coincide_have_a_gradient():
    x = tg.eye(3, dtype="float64").requires_grad_()
    la.eigvalsh(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-15)


def test_cholesky_reads_one_triangle_and_has_a_symmetric_gradient(rng):
    a = definite(rng, 3, 3)
    np.testing.assert_allclose(la.cholesky(tg.tensor(np.tril(a))).numpy(), np.linalg.cholesky(a))
    np.testing.assert_allclose(la.cholesky(tg.tensor(np.triu(a)), upper=True).numpy(), np.linalg.cholesky(a).T)
    agree(lambda x: la.cholesky(x, upper=True), lambda x: torch.linalg.cholesky(x, upper=True), a, rng=rng)


def flip_free(U, S, Vh):
    """What the signs of the singular vectors do not change."""
    return U @ (S.unsqueeze(-1) ** 2 * Vh), S, (U**2).sum(-2) * S


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 4)])
@pytest.mark.parametrize("full", [True, False])
def test_svd_agrees_with_torch(shape, full, rng):
    k = min(shape[-2:])

    def through(svd):
        def call(x):
            U, S, Vh = svd(x, full_matrices=full)
            return flip_free(U[..., :k], S, Vh[..., :k, :])

        return call

    agree(through(la.svd), through(torch.linalg.svd), normal(rng, *shape), rng=rng, rtol=1e-7, atol=1e-8)
    agree(la.svdvals, torch.linalg.svdvals, normal(rng, *shape), rng=rng, rtol=1e-8)
    assert [tuple(t.shape) for t in la.svd(tg.ones(*shape), full)] == [
        tuple(t.shape) for t in torch.linalg.svd(torch.ones(*shape), full)
    ]


def test_classic_svd_returns_v_itself(rng):
    a = normal(rng, 4, 3)
    U, S, V = tg.svd(tg.tensor(a))
    np.testing.assert_allclose((U @ (S[:, None] * V.T)).numpy(), a, atol=1e-12)
    assert [tuple(t.shape) for t in tg.svd(tg.tensor(a), some=False)] == [(4, 4), (3,), (3, 3)]
    empty = tg.svd(tg.tensor(a), compute_uv=False)
    assert float(empty.U.abs().sum()) == 0.0
    np.testing.assert_allclose(empty.S.numpy(), S.numpy())


def test_names_of_the_results():
    assert la.svd(tg.eye(2))._fields == ("U", "S", "Vh")
    assert tg.svd(tg.eye(2))._fields == ("U", "S", "V")
    assert la.qr(tg.eye(2))._fields == tg.qr(tg.eye(2))._fields == ("Q", "R")
    assert la.eigh(tg.eye(2))._fields == ("eigenvalues", "eigenvectors")
    assert tg.slogdet(tg.eye(2))._fields == ("sign", "logabsdet")
    assert la.lstsq(tg.eye(2), tg.ones(2, 1))._fields == ("solution", "residuals", "rank", "singular_values")


def test_float32_stays_float32(rng):
    a = tg.tensor(definite(rng, 3, 3).astype(np.float32), requires_grad=True)
    for call in (la.inv, la.cholesky, la.pinv, tg.det, la.qr, la.svd, la.eigh, tg.slogdet, la.matrix_exp, la.svdvals):
        outs = flat(call(a))
        assert all(o.dtype == np.float32 for o in outs)
        (g,) = tg.autograd.grad(outs[-1].sum(), a)
        assert g.dtype == np.float32


# -- NumPy's functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda np_, x: np_.linalg.inv(x),
        lambda np_, x: np_.linalg.det(x),
        lambda np_, x: np_.linalg.norm(x),
        lambda np_, x: np_.linalg.norm(x, 2),
        lambda np_, x: np_.linalg.norm(x, axis=1),
        lambda np_, x: np_.linalg.svd(x)[2] ** 2,
        lambda np_, x: np_.linalg.qr(x)[1],
        lambda np_, x: np_.linalg.eigh(x)[0],
        lambda np_, x: np_.linalg.cholesky(x),
        lambda np_, x: np_.linalg.solve(x, x[0]),
        lambda np_, x: np_.linalg.matrix_power(x, 3),
        lambda np_, x: np_.trace(x),
        lambda np_, x: np_.cross(x[:, :3], x[:, :3] * 2 + 1),
        lambda np_, x: np_.matmul(x, x),
        lambda np_, x: np_.outer(x[0], x[1]),
        lambda np_, x: np_.kron(x, x),
        lambda np_, x: np_.tensordot(x, x, 1),
        lambda np_, x: np_.dot(x, x),
    ],
)
def test_numpy_functions_mean_what_numpy_means(call, rng):
    a = definite(rng, 3, 3)
    x = tg.tensor(a, requires_grad=True)
    out = call(np, x)
    assert isinstance(out, tg.Tensor)
    assert out.requires_grad
    np.testing.assert_allclose(out.detach().numpy(), call(np, a), atol=1e-12)
