"""Products of matrices against PyTorch: matmul, those of fixed dimensions, einsum and tensordot."""

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.linalg as la
from tapegrad import errors
from tapegrad.autograd import gradcheck, gradgradcheck
from tests.ops.beside import agree, normal

torch = pytest.importorskip("torch")


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
