"""Sparse tensors inside of what programs are made of: modules, functions of one's own, copies, compiled steps."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.errors import GradError, LayoutError, PositionError, ShapeError, UsageError

POSITIONS = [[0, 1, 1, 0], [2, 0, 2, 2]]
DENSE = [[0.0, 0.0, 9.0], [4.0, 0.0, 5.0]]


def matrix(requires_grad=False):
    return tg.sparse_coo_tensor(POSITIONS, [3.0, 4.0, 5.0, 6.0], (2, 3), requires_grad=requires_grad)


class Graph(tg.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("adjacency", matrix())
        self.linear = tg.nn.Linear(2, 2)

    def forward(self, x):
        return self.linear(tg.spmm(self.adjacency, x))


def test_a_module_holds_converts_and_copies_a_sparse_buffer():
    module = Graph()
    assert list(module.state_dict()) == ["adjacency", "linear.weight", "linear.bias"]
    other = Graph()
    other.adjacency = matrix() * 5
    other.load_state_dict(module.state_dict())
    assert other.adjacency.to_dense().tolist() == DENSE
    assert tg.equal(other(tg.ones(3, 2)), module(tg.ones(3, 2)))
    copied = copy.deepcopy(module).double()
    assert copied.adjacency.dtype == tg.float64
    assert copied(tg.ones(3, 2).double()).dtype == tg.float64
    assert module.adjacency.dtype == tg.float32


def test_a_state_of_another_shape_is_refused():
    other = Graph()
    other.adjacency = tg.sparse_coo_tensor((3, 3))
    with pytest.raises(RuntimeError, match="size mismatch for adjacency"):
        other.load_state_dict(Graph().state_dict())


def test_copies_and_pickles():
    a = matrix(requires_grad=True)
    for made in (copy.deepcopy(a), pickle.loads(pickle.dumps(a)), copy.copy(a)):
        assert made.to_dense().tolist() == DENSE
        assert made.requires_grad
        assert made.is_leaf
    b = copy.deepcopy(a)
    b.detach()._values().mul_(2)
    assert a.to_dense().tolist() == DENSE
    with pytest.raises(GradError):
        copy.deepcopy(a * 2)


class Product(tg.autograd.Function):
    """The product as attention over edges computes it, with a sparse tensor saved for the gradient."""

    @staticmethod
    def forward(ctx, values, dense):
        a = tg.sparse_coo_tensor(POSITIONS, values, (2, 3))
        ctx.save_for_backward(a, dense)
        return tg.matmul(a, dense)

    @staticmethod
    def backward(ctx, g):
        a, dense = ctx.saved_tensors
        rows, columns = a._indices()
        return (g @ dense.t())[rows, columns], a.t() @ g


def test_a_function_saves_a_sparse_tensor():
    results = []
    for product in (Product.apply, lambda v, d: tg.sparse.mm(tg.sparse_coo_tensor(POSITIONS, v, (2, 3)), d)):
        values = tg.tensor([3.0, 4.0, 5.0, 6.0], requires_grad=True)
        dense = tg.arange(6.0).reshape(3, 2).requires_grad_()
        product(values, dense).pow(2).sum().backward()
        results.append((values.grad.tolist(), dense.grad.tolist()))
    assert results[0] == results[1]


def test_a_function_takes_a_sparse_tensor():
    class Times(tg.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a)
            return a @ b

        @staticmethod
        def backward(ctx, g):
            return None, ctx.saved_tensors[0].t() @ g

    b = tg.ones(3, 2, requires_grad=True)
    Times.apply(matrix(), b).sum().backward()
    assert b.grad.tolist() == [[4.0, 4.0], [0.0, 0.0], [14.0, 14.0]]


def test_second_derivatives_agree_with_the_dense_product():
    def gradients(product):
        values = tg.tensor([3.0, 4.0, 5.0, 6.0], dtype=tg.float64, requires_grad=True)
        dense = tg.arange(6.0).double().reshape(3, 2).requires_grad_()
        y = product(values, dense).pow(3).sum()
        first = tg.autograd.grad(y, [values, dense], create_graph=True)
        sum(g.pow(2).sum() for g in first).backward()
        return [*first, values.grad, dense.grad]

    def by_dense(values, dense):
        rows, columns = tg.tensor(POSITIONS)
        return tg.zeros(2, 3, dtype=tg.float64).index_put((rows, columns), values, accumulate=True) @ dense

    sparse = gradients(lambda v, d: tg.sparse.mm(tg.sparse_coo_tensor(POSITIONS, v, (2, 3)), d))
    for ours, wanted in zip(sparse, gradients(by_dense), strict=True):
        assert tg.allclose(ours, wanted, rtol=1e-12)


def test_products_in_pieces_are_the_same(monkeypatch):
    from tapegrad.ops import coordinates

    generator = np.random.default_rng(0)
    places = tg.from_numpy(generator.integers(0, 50, (2, 300)))
    values, dense = tg.from_numpy(generator.random(300)), tg.from_numpy(generator.random((50, 7)))
    a = tg.sparse_coo_tensor(places, values, (50, 50))
    wanted = a.to_dense() @ dense
    assert tg.allclose(a @ dense, wanted, rtol=1e-12)
    monkeypatch.setattr(coordinates, "_PIECE", 600)
    assert tg.allclose(a @ dense, wanted, rtol=1e-12)
    assert tg.allclose(tg.sparse.sampled_addmm(a * 0, dense, dense.t()).to_dense() * 1.0, _kept(a, dense), rtol=1e-12)


def _kept(a, dense):
    return tg.where(a.to_dense() != 0, dense @ dense.t(), 0.0)


def test_sampled_addmm_has_gradients():
    a, left, right = matrix().coalesce(), tg.rand(2, 4, requires_grad=True), tg.rand(4, 3, requires_grad=True)
    out = tg.sparse.sampled_addmm(a, left, right, beta=2.0, alpha=3.0)
    mask = tg.tensor(DENSE) != 0
    wanted = tg.where(mask, 2 * tg.tensor(DENSE) + 3 * left @ right, 0.0)
    assert tg.allclose(out.to_dense(), wanted)
    g = tg.autograd.grad(out.values().pow(2).sum(), [left, right])
    h = tg.autograd.grad(wanted.pow(2).sum(), [left, right])
    assert all(tg.allclose(x, y) for x, y in zip(g, h, strict=True))


def test_a_slice_of_a_sparse_tensor():
    assert matrix()[:, 1:].to_dense().tolist() == [row[1:] for row in DENSE]
    assert matrix()[1:2].to_dense().tolist() == DENSE[1:]
    with pytest.raises(LayoutError, match="step"):
        matrix()[:, ::2]
    with pytest.raises(IndexError):
        matrix()[2]


def test_writing_in_place_keeps_a_leaf_a_leaf():
    a = matrix(requires_grad=True)
    with tg.no_grad():
        a.mul_(2)
    assert a.is_leaf
    tg.sparse.sum(a * 3).backward()
    assert a.grad.to_dense().tolist() == [[0, 0, 6], [3, 0, 3]]
    a.grad = None
    assert a.grad is None
    with pytest.raises(GradError):
        a.mul_(2)


def test_every_coordinate_is_checked():
    with pytest.raises(PositionError, match="index 3 in dimension 0"):
        tg.sparse_coo_tensor([[3]], [1.0], (3,))
    with pytest.raises(PositionError, match="index -1"):
        tg.sparse_coo_tensor([[-1]], [1.0], (3,))
    with pytest.raises(ShapeError, match="not sorted"):
        tg.sparse_coo_tensor([[1, 0]], [1.0, 2.0], (3,), is_coalesced=True, check_invariants=True)


@pytest.mark.parametrize("name", ["to_sparse_csr", "to_sparse_csc", "to_sparse_bsr", "to_sparse_bsc"])
def test_other_layouts_are_refused(name):
    for t in (matrix(), tg.eye(2)):
        with pytest.raises(LayoutError, match="coordinates"):
            getattr(t, name)()


def test_an_operation_without_a_sparse_form_names_itself():
    with pytest.raises(LayoutError, match=r"^exp: .*to_dense"):
        matrix().exp()
    with pytest.raises(UsageError, match="to_dense"):
        np.asarray(matrix())


def test_a_compiled_module_with_a_sparse_buffer_runs_eagerly():
    module = Graph()
    compiled = tg.compile(module)
    x = tg.rand(3, 2)
    with tg.no_grad(), pytest.warns(tg.errors.TapegradWarning, match="a sparse tensor is used"):
        assert tg.allclose(compiled(x), module(x))
    with tg.no_grad():
        for _ in range(3):
            module.adjacency.mul_(3)
            assert tg.allclose(compiled(x), module(x))


def test_a_compiled_function_of_a_sparse_tensor_runs_eagerly():
    compiled = tg.compile(lambda a, x: tg.spmm(a, x))
    with pytest.warns(tg.errors.TapegradWarning, match="an argument is a sparse tensor"):
        assert compiled(matrix(), tg.eye(3)).tolist() == DENSE


def test_gradients_of_a_batch_by_vmap():
    a, x = matrix(), tg.rand(4, 3, 2)
    wanted = tg.stack([a @ one for one in x])
    assert tg.allclose(tg.func.vmap(lambda one: tg.sparse.mm(a, one))(x), wanted)


def test_embeddings_and_sparse_adam_have_dense_gradients():
    table = tg.nn.Embedding(4, 2, sparse=True)
    table(tg.tensor([1, 1])).sum().backward()
    assert not table.weight.grad.is_sparse
    assert table.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]
