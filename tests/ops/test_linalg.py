"""Linear algebra against PyTorch: values, gradients, shapes, and the errors that name the number that would fit."""

import math

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.linalg as la
from tapegrad import errors
from tapegrad.autograd import gradcheck, gradgradcheck

torch = pytest.importorskip("torch")


def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def agree(ours, theirs, *arrays, rng=None, rtol=1e-9, atol=1e-11, gradient=True):
    """The same values, shapes and dtypes; and the same gradients of a random projection of the outputs."""
    rng = rng or np.random.default_rng(0)
    a = [tg.tensor(x, requires_grad=gradient) if isinstance(x, np.ndarray) else x for x in arrays]
    b = [torch.tensor(x, requires_grad=gradient) if isinstance(x, np.ndarray) else x for x in arrays]
    outs, refs = flat(ours(*a)), flat(theirs(*b))
    assert len(outs) == len(refs)
    for o, r in zip(outs, refs, strict=True):
        assert tuple(o.shape) == tuple(r.shape)
        assert str(o.dtype) == str(r.dtype).removeprefix("torch.")
        np.testing.assert_allclose(o.detach().numpy(), r.detach().resolve_conj().numpy(), rtol=rtol, atol=atol)
    if not gradient:
        return
    pairs = [(o, r, rng.standard_normal(o.shape)) for o, r in zip(outs, refs, strict=True) if r.requires_grad]
    got = tg.autograd.grad(
        [o for o, _, _ in pairs],
        [t for t in a if isinstance(t, tg.Tensor)],
        [tg.tensor(w) for *_, w in pairs],
        materialize_grads=True,
    )
    want = torch.autograd.grad(
        [r for _, r, _ in pairs],
        [t for t in b if isinstance(t, torch.Tensor)],
        [torch.tensor(w) for *_, w in pairs],
        materialize_grads=True,
    )
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=rtol * 100, atol=atol * 100)


def normal(rng, *shape):
    return rng.standard_normal(shape)


def definite(rng, *shape):
    a = rng.standard_normal(shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def symmetric(rng, *shape):
    a = rng.standard_normal(shape)
    return a + np.swapaxes(a, -1, -2)


# -- matmul -----------------------------------------------------------------------------------------------------------

MATMUL = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((2, 1, 2, 3), (1, 5, 3, 4)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((0, 2, 3), (3, 4)),
    ((2, 3), (3, 0)),
]


@pytest.mark.parametrize(("left", "right"), MATMUL)
def test_matmul_in_every_combination_of_dimensions(left, right, rng):
    agree(lambda a, b: a @ b, lambda a, b: a @ b, normal(rng, *left), normal(rng, *right), rng=rng)


def test_matmul_of_transposed_and_strided_operands(rng):
    a, b = normal(rng, 4, 2, 6), normal(rng, 5, 4)
    agree(lambda x, y: x.permute(2, 1, 0)[::2] @ y.t(), lambda x, y: x.permute(2, 1, 0)[::2] @ y.t(), a, b, rng=rng)


def test_numpy_arrays_on_either_side_of_the_operator(rng):
    a, t = normal(rng, 2, 3), tg.tensor(normal(rng, 3, 3), requires_grad=True)
    for product, values in ((a @ t, a @ t.detach().numpy()), (t @ a.T, t.detach().numpy() @ a.T)):
        assert isinstance(product, tg.Tensor)
        assert product.requires_grad
        np.testing.assert_allclose(product.detach().numpy(), values)


def test_matmul_of_integers_stays_integer():
    out = tg.tensor([[1, 2], [3, 4]]) @ tg.tensor([1, 1])
    assert out.tolist() == [3, 7]
    assert out.dtype == np.int64


def test_matmul_refuses_mixed_dtypes():
    with pytest.raises(errors.DTypeError, match=r"matmul: the inputs have dtypes float32, int64; make them equal"):
        tg.ones(2, 3) @ tg.ones(3, 2).long()


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (
            (2, 3),
            (4, 5),
            r"^matmul: shapes \(2, 3\) and \(4, 5\) cannot be multiplied: the first ends in 3, "
            r"the second has 4 rows; give the second 3 rows, or transpose one of them$",
        ),
        ((3,), (4,), r"the first ends in 3, the second has 4 rows"),
        ((2, 2, 3), (4, 4), r"give the second 3 rows"),
        ((2, 3, 3), (3, 3, 3), r"the batch dimensions \(2,\) and \(3,\) do not broadcast"),
        ((), (3,), r"both factors need at least one dimension; use \* for 0-d tensors"),
    ],
)
def test_matmul_says_what_would_fit(left, right, message):
    with pytest.raises(errors.ShapeError, match=message):
        tg.ones(left) @ tg.ones(right)


def test_matmul_with_a_number_is_refused():
    with pytest.raises(TypeError, match=r"matmul: one factor is the int 2; use \* for numbers"):
        tg.ones(2, 2) @ 2


def test_wide_batch_equals_the_loop_over_it(rng):
    """The fast path multiplies the batch as one matrix."""
    a, b = normal(rng, 7, 5, 3), normal(rng, 3, 4)
    out = tg.tensor(a) @ tg.tensor(b)
    np.testing.assert_allclose(out.numpy(), np.stack([m @ b for m in a]))


def test_gradients_of_matmul_at_second_order(rng):
    for left, right in (((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 1, 2, 3), (2, 3, 2))):
        a = tg.tensor(normal(rng, *left), requires_grad=True)
        b = tg.tensor(normal(rng, *right), requires_grad=True)
        assert gradcheck(tg.matmul, (a, b))
        assert gradgradcheck(tg.matmul, (a, b))


# -- products with fixed dimensions -------------------------------------------------------------------------------------

PRODUCTS = [
    ("mm", [(2, 3), (3, 4)], {}),
    ("bmm", [(5, 2, 3), (5, 3, 4)], {}),
    ("mv", [(2, 3), (3,)], {}),
    ("dot", [(3,), (3,)], {}),
    ("inner", [(2, 3), (4, 3)], {}),
    ("inner", [(3,), (3,)], {}),
    ("inner", [(2, 3), ()], {}),
    ("outer", [(2,), (3,)], {}),
    ("ger", [(2,), (3,)], {}),
    ("addmm", [(2, 4), (2, 3), (3, 4)], {"beta": 0.5, "alpha": 2.0}),
    ("addmm", [(4,), (2, 3), (3, 4)], {}),
    ("addmv", [(2,), (2, 3), (3,)], {"beta": 0.5, "alpha": 2.0}),
    ("addr", [(2, 3), (2,), (3,)], {"alpha": 2.0}),
    ("addbmm", [(2, 4), (5, 2, 3), (5, 3, 4)], {"beta": 2.0, "alpha": 0.5}),
    ("baddbmm", [(5, 2, 4), (5, 2, 3), (5, 3, 4)], {"beta": 2.0, "alpha": 0.5}),
    ("baddbmm", [(1, 1, 4), (5, 2, 3), (5, 3, 4)], {}),
    ("kron", [(2, 3), (3, 2)], {}),
    ("kron", [(2,), (2, 2)], {}),
    ("trace", [(3, 4)], {}),
    ("matrix_power", [(3, 3)], {"n": 3}),
    ("matrix_power", [(2, 3, 3)], {"n": 5}),
    ("matrix_power", [(3, 3)], {"n": 1}),
    ("matrix_power", [(3, 3)], {"n": -2}),
    ("cov", [(3, 5)], {}),
    ("cov", [(5,)], {"correction": 0}),
    ("corrcoef", [(3, 5)], {}),
]


@pytest.mark.parametrize(
    ("name", "shapes", "keywords"), PRODUCTS, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(PRODUCTS)]
)
def test_products_agree_with_torch(name, shapes, keywords, rng):
    arrays = [normal(rng, *s) for s in shapes]
    reference = getattr(torch.Tensor, name)
    agree(lambda x, *r: getattr(x, name)(*r, **keywords), lambda x, *r: reference(x, *r, **keywords), *arrays, rng=rng)


def test_power_zero_is_the_identity(rng):
    agree(lambda x: x.matrix_power(0), lambda x: x.matrix_power(0), normal(rng, 2, 3, 3), gradient=False)


@pytest.mark.parametrize("name", ["addmm", "addmv", "addr", "baddbmm"])
def test_sums_with_products_in_place(name, rng):
    shapes = next(s for n, s, _ in PRODUCTS if n == name)
    arrays = [normal(rng, *s) for s in shapes]
    mine, theirs = [tg.tensor(a) for a in arrays], [torch.tensor(a) for a in arrays]
    out = getattr(mine[0], name + "_")(*mine[1:])
    assert out is mine[0]
    np.testing.assert_allclose(out.numpy(), getattr(theirs[0], name + "_")(*theirs[1:]).numpy())


def test_beta_zero_ignores_what_is_in_the_input():
    out = tg.addmm(tg.full((2, 2), float("nan")), tg.ones(2, 3), tg.ones(3, 2), beta=0)
    assert out.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_weighted_covariance_agrees_with_torch(rng):
    x, f, w = normal(rng, 3, 6), np.array([1, 2, 1, 3, 1, 2]), rng.uniform(0.1, 1.0, 6)
    for keys in ({"fweights": f}, {"aweights": w}, {"fweights": f, "aweights": w, "correction": 0}):
        out = tg.cov(tg.tensor(x), **{k: tg.tensor(v) if k != "correction" else v for k, v in keys.items()})
        ref = torch.cov(torch.tensor(x), **{k: torch.tensor(v) if k != "correction" else v for k, v in keys.items()})
        np.testing.assert_allclose(out.numpy(), ref.numpy())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.mm(tg.ones(2, 3), tg.ones(4, 5)), r"mm: shapes \(2, 3\) and \(4, 5\) .* should have 3 rows"),
        (lambda: tg.mm(tg.ones(3), tg.ones(3, 2)), r"mm: shape \(3,\) has 1 dimensions instead of 2"),
        (lambda: tg.bmm(tg.ones(2, 2, 3), tg.ones(4, 3, 2)), r"bmm: batches of 2 and 4 matrices"),
        (lambda: tg.bmm(tg.ones(2, 2, 3), tg.ones(2, 4, 2)), r"bmm: .* should have 3 rows"),
        (lambda: tg.mv(tg.ones(2, 3), tg.ones(2)), r"mv: .* the second should have 3 elements"),
        (lambda: tg.dot(tg.ones(2), tg.ones(3)), r"dot: .* should have 2 elements"),
        (lambda: tg.dot(tg.ones(2, 2), tg.ones(2)), r"dot: shape \(2, 2\) has 2 dimensions instead of 1"),
        (lambda: tg.inner(tg.ones(2, 3), tg.ones(4, 2)), r"inner: .* the second should end in 3"),
        (lambda: tg.outer(tg.ones(2, 2), tg.ones(2)), r"outer: .* pass two vectors"),
        (lambda: tg.addmm(tg.ones(5), tg.ones(2, 3), tg.ones(3, 4)), r"addmm: .* it should be \(2, 4\)"),
        (lambda: tg.matrix_power(tg.ones(2, 3), 2), r"matrix_power: shape \(2, 3\) is not square"),
        (lambda: tg.ones(2, 2, 2).trace(), r"trace: shape \(2, 2, 2\) is no matrix"),
        (lambda: tg.cross(tg.ones(2, 2), tg.ones(2, 2)), r"cross: no dimension of shape \(2, 2\) has size 3"),
        (lambda: la.cross(tg.ones(3, 2), tg.ones(3, 2)), r"cross: .* do not both have size 3 along dim -1"),
        (lambda: tg.cdist(tg.ones(2, 3), tg.ones(2, 4)), r"cdist: .* the second should end in 3"),
        (lambda: la.inv(tg.ones(2, 3)), r"inv: the matrices are 2 by 3 \(shape \(2, 3\)\), not square; pass 2 by 2"),
        (lambda: la.solve(tg.eye(2), tg.ones(3)), r"solve: A is 2 by 2, .* B should have 2 rows"),
        (lambda: la.multi_dot([tg.ones(2, 3), tg.ones(4, 5)]), r"cannot be multiplied"),
    ],
)
def test_shape_errors_say_what_would_fit(call, message):
    with pytest.raises(errors.ShapeError, match=message):
        call()


# -- einsum and tensordot ---------------------------------------------------------------------------------------------

EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i", (3,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iji->j", (3, 2, 3)),
    ("iii->i", (2, 2, 2)),
    ("ii,i->i", (3, 3), (3,)),
    ("...ij->...ji", (2, 4, 3)),
    ("...ij,...jk->...ik", (5, 2, 3), (5, 3, 4)),
    ("...ij,...jk", (6, 1, 2, 3), (5, 3, 4)),
    ("i...,i->...", (3, 2, 4), (3,)),
    ("i...->...", (3, 2)),
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("ij,ik,il->jkl", (2, 3), (2, 4), (2, 2)),
    ("ijk,k,j->i", (2, 3, 4), (4,), (3,)),
    ("ij,k->k", (2, 3), (4,)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("zb,Ba", (2, 3), (3, 4)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    (",ij->ij", (), (2, 3)),
    ("a,b,c,d->", (2,), (3,), (2,), (3,)),
]


@pytest.mark.parametrize(
    ("equation", "shapes"), [(e, s) for e, *s in EINSUM], ids=[f"{e}-{i}" for i, (e, *_) in enumerate(EINSUM)]
)
def test_einsum_agrees_with_torch(equation, shapes, rng):
    arrays = [normal(rng, *s) for s in shapes]
    agree(lambda *t: tg.einsum(equation, *t), lambda *t: torch.einsum(equation, *t), *arrays, rng=rng)


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ii,i->", "ij,ik,il->jkl", "...i,ij->...j"])
def test_einsum_at_second_order(equation, rng):
    shapes = {"ij,jk->ik": [(2, 3), (3, 2)], "ii,i->": [(3, 3), (3,)], "...i,ij->...j": [(2, 2, 3), (3, 2)]}
    operands = [tg.tensor(normal(rng, *s), requires_grad=True) for s in shapes.get(equation, [(2, 2)] * 3)]
    assert gradcheck(lambda *t: tg.einsum(equation, *t), operands)
    assert gradgradcheck(lambda *t: tg.einsum(equation, *t), operands)


def test_einsum_takes_lists_of_numbers_and_a_list_of_operands(rng):
    a, b = tg.tensor(normal(rng, 2, 3)), tg.tensor(normal(rng, 3, 4))
    expected = (a @ b).numpy()
    np.testing.assert_allclose(tg.einsum(a, [0, 1], b, [1, 2], [0, 2]).numpy(), expected)
    np.testing.assert_allclose(tg.einsum(a, [7, 1], b, [1, 9]).numpy(), expected)
    np.testing.assert_allclose(tg.einsum(a, [..., 1], b, [1, 2], [..., 2]).numpy(), expected)
    np.testing.assert_allclose(tg.einsum("ij,jk", [a, b]).numpy(), expected)
    np.testing.assert_allclose(np.einsum("ij,jk->ik", a, b).numpy(), expected)


def test_einsum_of_many_operands_stays_small():
    """Contracted from left to right, the first product would have 10^12 elements."""
    a, b = tg.ones(10**6), tg.ones(10**6)
    assert tg.einsum("i,j,i,j->", a, b, a, b).item() == pytest.approx(1e12)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tg.einsum("ij,jk->ik", tg.ones(2, 3), tg.ones(4, 5)),
            errors.ShapeError,
            r"einsum: 'j' has size 4 in operand 1 of shape \(4, 5\), but 3 before; make both 3, or one of them 1",
        ),
        (
            lambda: tg.einsum("ijk->i", tg.ones(3, 3)),
            errors.ShapeError,
            r"'ijk' names 3 dimensions; name 2, or use \.\.\.",
        ),
        (lambda: tg.einsum("i->i", tg.ones(3, 3)), errors.ShapeError, r"names 1 dimensions; name 2"),
        (lambda: tg.einsum("ii->i", tg.ones(3, 2)), errors.ShapeError, r"'i' has size 2"),
        (lambda: tg.einsum("ij->ii", tg.ones(3, 3)), errors.UsageError, r"'i' is twice in the result"),
        (lambda: tg.einsum("ij->k", tg.ones(3, 3)), errors.UsageError, r"'k' in the result .* is in no operand"),
        (lambda: tg.einsum("i1", tg.ones(3, 3)), errors.UsageError, r"'1' in 'i1' is no letter"),
        (lambda: tg.einsum("ij,jk", tg.ones(3, 3)), errors.UsageError, r"names 2 operands, 1 are given"),
        (lambda: tg.einsum(tg.ones(2), [60]), errors.UsageError, r"\[60\] is no list of dimensions"),
    ],
)
def test_einsum_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("left", "right", "dims"),
    [
        ((2, 3), (3, 4), 1),
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4, 5), 0),
        ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
        ((2, 3, 4), (4, 3, 5), ([-2, -1], [1, 0])),
        ((2, 1), (4, 4), 1),
    ],
)
def test_tensordot_agrees_with_torch(left, right, dims, rng):
    agree(
        lambda a, b: tg.tensordot(a, b, dims),
        lambda a, b: torch.tensordot(a, b, dims),
        normal(rng, *left),
        normal(rng, *right),
        rng=rng,
    )


def test_tensordot_errors():
    with pytest.raises(
        errors.ShapeError, match=r"dim 1 of shape \(2, 3\) has size 3, dim 0 of \(4, 4\) has 4; .* size 3 there"
    ):
        tg.tensordot(tg.ones(2, 3), tg.ones(4, 4), dims=1)
    with pytest.raises(errors.ShapeError, match="name equally many"):
        tg.tensordot(tg.ones(2, 3), tg.ones(4, 4), dims=([0, 1], [0]))


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


# -- more of torch.linalg ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 2), (5, 4, 2), (2, 4)])
def test_lstsq_agrees_with_torch(shape, rng):
    B = (*shape[:-1], 3)
    agree(
        lambda a, b: la.lstsq(a, b).solution,
        lambda a, b: torch.linalg.lstsq(a, b).solution,
        normal(rng, *shape),
        normal(rng, *B),
        rng=rng,
        rtol=1e-8,
        atol=1e-9,
    )
    a, b = normal(rng, *shape), normal(rng, *B)
    ours, theirs = la.lstsq(tg.tensor(a), tg.tensor(b)), torch.linalg.lstsq(torch.tensor(a), torch.tensor(b))
    assert ours.rank.tolist() == theirs.rank.tolist()
    assert ours.residuals.shape == theirs.residuals.shape == (0,)
    exact = {"driver": "gelsd"}
    ours = la.lstsq(tg.tensor(a), tg.tensor(b), **exact)
    theirs = torch.linalg.lstsq(torch.tensor(a), torch.tensor(b), **exact)
    np.testing.assert_allclose(ours.residuals.numpy(), theirs.residuals.numpy())
    np.testing.assert_allclose(ours.singular_values.numpy(), theirs.singular_values.numpy())


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_solve_triangular_agrees_with_torch(upper, left, unit, rng):
    keys = {"upper": upper, "left": left, "unitriangular": unit}
    A = np.triu(definite(rng, 3, 3)) if upper else np.tril(definite(rng, 3, 3))
    B = normal(rng, 3, 2) if left else normal(rng, 2, 3)
    agree(
        lambda a, b: la.solve_triangular(a, b, **keys),
        lambda a, b: torch.linalg.solve_triangular(a, b, **keys),
        A,
        B,
        rng=rng,
    )


def test_cholesky_solve_and_inverse_agree_with_torch(rng):
    L, B = np.linalg.cholesky(definite(rng, 3, 3)), normal(rng, 3, 2)
    for upper in (False, True):
        factor = np.ascontiguousarray(L.T) if upper else L
        agree(
            lambda b, f, u=upper: tg.cholesky_solve(b, f, u),
            lambda b, f, u=upper: torch.cholesky_solve(b, f, u),
            B,
            factor,
            rng=rng,
        )
        agree(
            lambda f, u=upper: tg.cholesky_inverse(f, u),
            lambda f, u=upper: torch.cholesky_inverse(f, u),
            factor,
            rng=rng,
        )


@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
def test_matrix_exp_agrees_with_torch(scale, rng):
    agree(la.matrix_exp, torch.linalg.matrix_exp, scale * symmetric(rng, 2, 3, 3) / 3, rng=rng, rtol=1e-8)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2])
@pytest.mark.parametrize("keepdim", [False, True])
def test_matrix_norms_agree_with_torch(ord, keepdim, rng):
    a = normal(rng, 2, 3, 4)
    agree(
        lambda x: la.norm(x, ord, dim=(-2, -1), keepdim=keepdim),
        lambda x: torch.linalg.norm(x, ord, dim=(-2, -1), keepdim=keepdim),
        a,
        rng=rng,
    )
    agree(lambda x: la.norm(x, ord), lambda x: torch.linalg.norm(x, ord), a[0], rng=rng)
    if ord is not None:
        agree(
            lambda x: la.matrix_norm(x, ord, (2, 0), keepdim),
            lambda x: torch.linalg.matrix_norm(x, ord, (2, 0), keepdim),
            a,
            rng=rng,
        )


@pytest.mark.parametrize("ord", [2, 1, 0, 3, 2.5, 0.5, math.inf, -math.inf, -1])
@pytest.mark.parametrize("dim", [None, 0, (0, 2), -1])
def test_vector_norms_agree_with_torch(ord, dim, rng):
    a = normal(rng, 2, 3, 4)
    for keepdim in (False, True):
        agree(
            lambda x, k=keepdim: la.vector_norm(x, ord, dim, k),
            lambda x, k=keepdim: torch.linalg.vector_norm(x, ord, dim, k),
            a,
            rng=rng,
            gradient=ord != 0,
        )


@pytest.mark.parametrize("p", ["fro", None, 1, 2, 3, math.inf, "nuc"])
def test_norm_method_agrees_with_torch(p, rng):
    a = normal(rng, 3, 4)
    agree(lambda x: x.norm(p), lambda x: x.norm(p), a, rng=rng)
    if p != "nuc":
        agree(lambda x: x.norm(p, dim=1), lambda x: x.norm(p, dim=1), a, rng=rng)


@pytest.mark.parametrize("ord", [2, 1, 3, 1.5, math.inf])
def test_norms_at_zero_have_the_gradient_zero(ord):
    x = tg.zeros(3, requires_grad=True)
    la.vector_norm(x, ord).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_norm_is_safe_to_differentiate_twice_at_zero():
    """A gradient penalty meets rows of zeros."""
    x = tg.zeros(2, 3, requires_grad=True)
    (g,) = tg.autograd.grad(la.vector_norm(x, dim=1).sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x)
    assert h.isfinite().all()


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, math.inf, 0.0])
@pytest.mark.parametrize(
    ("x1", "x2"), [((4, 3), (5, 3)), ((2, 4, 3), (2, 5, 3)), ((2, 1, 4, 3), (3, 5, 3)), ((30, 3), (28, 3))]
)
def test_cdist_agrees_with_torch(p, x1, x2, rng):
    agree(
        lambda a, b: tg.cdist(a, b, p),
        lambda a, b: torch.cdist(a, b, p),
        normal(rng, *x1),
        normal(rng, *x2),
        rng=rng,
        rtol=1e-7,
        gradient=p != 0.0,
    )


def test_cdist_of_a_point_to_itself_has_the_gradient_zero():
    x = tg.tensor([[1.0, 2.0], [1.0, 2.0]], requires_grad=True)
    for p in (2.0, 1.0, 3.0):
        (g,) = tg.autograd.grad(tg.cdist(x, x, p).sum(), x)
        assert g.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_cross_agrees_with_torch(rng):
    for shapes, dim in (([(3,), (3,)], -1), ([(2, 3), (2, 3)], 1), ([(3, 4), (3, 1)], 0), ([(2, 1, 3), (1, 4, 3)], -1)):
        arrays = [normal(rng, *s) for s in shapes]
        agree(
            lambda a, b, d=dim: la.cross(a, b, dim=d),
            lambda a, b, d=dim: torch.linalg.cross(a, b, dim=d),
            *arrays,
            rng=rng,
        )
    a, b = normal(rng, 2, 3, 3), normal(rng, 2, 3, 3)
    np.testing.assert_allclose(tg.cross(tg.tensor(a), tg.tensor(b)).numpy(), np.cross(a, b, axis=1))


def test_small_functions_agree_with_torch(rng):
    a, b = normal(rng, 2, 3), normal(rng, 2, 3)
    agree(lambda x, y: la.vecdot(x, y), lambda x, y: torch.linalg.vecdot(x, y), a, b, rng=rng)
    agree(lambda x: la.vander(x, N=4), lambda x: torch.linalg.vander(x, N=4), a, rng=rng)
    agree(la.diagonal, torch.linalg.diagonal, normal(rng, 2, 3, 3), rng=rng)
    agree(tg.dist, torch.dist, a, b, rng=rng)
    agree(la.matrix_rank, torch.linalg.matrix_rank, normal(rng, 4, 2) @ normal(rng, 2, 4), gradient=False)
    for p in (None, 2, -2, 1, "fro"):
        agree(
            lambda x, q=p: la.cond(x, q),
            lambda x, q=p: torch.linalg.cond(x, q),
            definite(rng, 3, 3),
            rng=rng,
            rtol=1e-8,
            gradient=p not in (1, "fro"),  # PyTorch 2.13's own gradient fails for these
        )
    agree(
        lambda x: la.tensorinv(x, 2),
        lambda x: torch.linalg.tensorinv(x, 2),
        normal(rng, 4, 6, 8, 3),
        rng=rng,
        rtol=1e-6,
        atol=1e-7,
    )
    agree(la.tensorsolve, torch.linalg.tensorsolve, normal(rng, 2, 3, 6), normal(rng, 2, 3), rng=rng, rtol=1e-7)
    agree(
        lambda *m: la.multi_dot(m),
        lambda *m: torch.linalg.multi_dot(m),
        normal(rng, 4),
        normal(rng, 4, 2),
        normal(rng, 2, 5),
        normal(rng, 5),
        rng=rng,
    )
    agree(
        tg.chain_matmul,
        lambda *m: torch.linalg.multi_dot(m),
        normal(rng, 4, 2),
        normal(rng, 2, 9),
        normal(rng, 9, 3),
        rng=rng,
    )


def test_nothing_is_baked_into_a_trace(rng):
    """A program made from one matrix gives the right results for another."""
    low, full = tg.tensor(normal(rng, 4, 1) @ normal(rng, 1, 4)), tg.tensor(definite(rng, 4, 4))
    for call in (
        la.matrix_rank,
        la.pinv,
        la.cond,
        la.matrix_exp,
        tg.cov,
        la.svdvals,
        tg.det,
        lambda x: x.matrix_power(0),
    ):
        program = tg.trace(call, low)
        np.testing.assert_allclose(program(full).numpy(), call(full).numpy())


def test_general_eigenvalues_are_complex(rng):
    a = normal(rng, 3, 3)
    values, vectors = la.eig(tg.tensor(a))
    assert values.dtype == np.complex128
    np.testing.assert_allclose(a @ vectors.numpy(), vectors.numpy() * values.numpy())
    np.testing.assert_allclose(np.sort_complex(la.eigvals(tg.tensor(a)).numpy()), np.sort_complex(np.linalg.eigvals(a)))


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
