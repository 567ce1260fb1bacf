"""Sparse tensors against PyTorch's: values, structure, gradients and kinds of errors."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

POSITIONS = [[0, 1, 1, 0], [2, 0, 2, 2]]
VALUES = [3.0, 4.0, 5.0, 6.5]


def matrix(lib, size=(2, 3), requires_grad=False, values=VALUES):
    return lib.sparse_coo_tensor(POSITIONS, values, size, dtype=lib.float64, requires_grad=requires_grad)


def rows(lib):
    values = lib.tensor([[1.0, -2.0], [3.0, 0.5], [-1.0, 2.0], [4.0, 1.5]], dtype=lib.float64)
    return lib.sparse_coo_tensor(POSITIONS, values, (2, 3, 2))


def dense(lib, *shape):
    return lib.tensor(np.linspace(-1, 2, int(np.prod(shape))).reshape(shape).tolist(), dtype=lib.float64)


def described(x):
    """A result as something that compares: sparse ones with their entries in order."""
    if isinstance(x, (tuple, list)):
        return [described(part) for part in x]
    if not hasattr(x, "is_sparse"):
        return str(x).replace("tapegrad.", "torch.").replace("dtype=torch.", "dtype=")
    kind = str(x.dtype).replace("torch.", "")
    if not x.is_sparse:
        return ("dense", tuple(x.shape), kind, x.detach().tolist())
    c = x.detach().coalesce()
    return ("sparse", tuple(x.shape), kind, x.sparse_dim(), c.indices().tolist(), c.values().tolist())


def same(a, b):
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float):
        return a == pytest.approx(b, rel=1e-12, abs=1e-12, nan_ok=True)
    return a == b


CALLS = {
    "to_dense": lambda lib: matrix(lib).to_dense(),
    "to_dense of rows": lambda lib: rows(lib).to_dense(),
    "coalesce": lambda lib: matrix(lib).coalesce(),
    "raw indices": lambda lib: matrix(lib)._indices(),
    "raw values": lambda lib: matrix(lib)._values(),
    "indices": lambda lib: matrix(lib).coalesce().indices(),
    "values": lambda lib: rows(lib).coalesce().values(),
    "to_sparse": lambda lib: lib.diag(lib.tensor([1.0, 0.0, 2.0])).to_sparse(),
    "to_sparse of one dimension": lambda lib: dense(lib, 3, 2).to_sparse(1),
    "to_sparse_coo": lambda lib: dense(lib, 3, 2).to_sparse_coo(),
    "inferred size": lambda lib: lib.sparse_coo_tensor(POSITIONS, VALUES),
    "no entries": lambda lib: lib.sparse_coo_tensor((2, 3)),
    "integers": lambda lib: lib.sparse_coo_tensor([[0, 0]], [1, 2], (3,)),
    "dtype": lambda lib: lib.sparse_coo_tensor([[0, 0]], lib.ones(2), (3,), dtype=lib.int64),
    "numpy indices": lambda lib: lib.sparse_coo_tensor(np.array(POSITIONS, np.int32), np.array(VALUES), (2, 3)),
    "FloatTensor": lambda lib: lib.sparse.FloatTensor(lib.tensor(POSITIONS), lib.tensor(VALUES), lib.Size([2, 3])),
    "FloatTensor of sizes": lambda lib: lib.sparse.FloatTensor(2, 3),
    "LongTensor": lambda lib: lib.sparse.LongTensor(lib.tensor(POSITIONS), lib.tensor([1, 2, 3, 4]), lib.Size([2, 3])),
    "spdiags": lambda lib: lib.sparse.spdiags(dense(lib, 2, 3), lib.tensor([0, -2]), (4, 3)),
    "dense + sparse": lambda lib: dense(lib, 2, 3) + matrix(lib),
    "dense - sparse": lambda lib: dense(lib, 2, 3) - matrix(lib),
    "add with alpha": lambda lib: lib.add(dense(lib, 2, 3), matrix(lib), alpha=2),
    "eye + integers": lambda lib: lib.eye(3) + lib.sparse_coo_tensor(POSITIONS, lib.ones(4), (3, 3), dtype=lib.int64),
    "sparse + sparse": lambda lib: matrix(lib) + matrix(lib),
    "other pattern": lambda lib: matrix(lib) + dense(lib, 2, 3).to_sparse(),
    "sparse - sparse": lambda lib: matrix(lib) - dense(lib, 2, 3).to_sparse(),
    "times number": lambda lib: 2 * matrix(lib) * 1.5,
    "divided": lambda lib: matrix(lib) / 4,
    "floor divided": lambda lib: matrix(lib) // 4,
    "div rounded": lambda lib: lib.div(matrix(lib), 2, rounding_mode="floor"),
    "times dense": lambda lib: matrix(lib) * dense(lib, 2, 3),
    "dense times": lambda lib: dense(lib, 2, 3) * rows(lib).sum(2),
    "times sparse": lambda lib: matrix(lib) * dense(lib, 2, 3).to_sparse(),
    "negative": lambda lib: -matrix(lib),
    "power": lambda lib: matrix(lib) ** 2,
    "abs": lambda lib: abs(-matrix(lib)),
    "sqrt": lambda lib: matrix(lib).sqrt(),
    "relu": lambda lib: lib.relu(-matrix(lib)),
    "sum": lambda lib: matrix(lib).sum(),
    "sum of rows": lambda lib: lib.sum(matrix(lib), dim=1),
    "sum kept": lambda lib: matrix(lib).sum(0, keepdim=True),
    "sparse.sum": lambda lib: lib.sparse.sum(rows(lib), [0, 1]),
    "sparse.sum of one": lambda lib: lib.sparse.sum(rows(lib), 0),
    "sparse.sum in dtype": lambda lib: lib.sparse.sum(matrix(lib), dim=1, dtype=lib.float32),
    "sum of the dense dimension": lambda lib: rows(lib).sum(2),
    "t": lambda lib: matrix(lib).t(),
    "T": lambda lib: matrix(lib).T,
    "transpose": lambda lib: rows(lib).transpose(0, 1),
    "permute": lambda lib: matrix(lib).permute(1, 0),
    "matmul": lambda lib: matrix(lib) @ dense(lib, 3, 4),
    "matmul of vector": lambda lib: matrix(lib) @ dense(lib, 3),
    "mv": lambda lib: matrix(lib).mv(dense(lib, 3)),
    "mm": lambda lib: lib.mm(matrix(lib), dense(lib, 3, 4)),
    "spmm": lambda lib: lib.spmm(matrix(lib), dense(lib, 3, 4)),
    "sparse.mm": lambda lib: lib.sparse.mm(matrix(lib), dense(lib, 3, 4)),
    "dense @ sparse": lambda lib: dense(lib, 4, 2) @ matrix(lib),
    "sparse @ sparse": lambda lib: matrix(lib) @ matrix(lib).t(),
    "bmm": lambda lib: lib.bmm(lib.stack([matrix(lib)] * 2), dense(lib, 2, 3, 2)),
    "addmm": lambda lib: lib.addmm(dense(lib, 2, 4), matrix(lib), dense(lib, 3, 4), beta=0.5, alpha=2),
    "sparse.addmm": lambda lib: lib.sparse.addmm(dense(lib, 2, 4), matrix(lib), dense(lib, 3, 4), beta=0.5, alpha=2.0),
    "hspmm": lambda lib: lib.hspmm(matrix(lib), dense(lib, 3, 4)),
    "smm": lambda lib: lib.smm(matrix(lib), dense(lib, 3, 4)),
    "softmax": lambda lib: lib.sparse.softmax(matrix(lib), 1),
    "softmax of rows": lambda lib: lib.sparse.softmax(rows(lib), 0),
    "softmax of the dense dimension": lambda lib: lib.sparse.softmax(rows(lib), 2),
    "log_softmax": lambda lib: lib.sparse.log_softmax(matrix(lib), -1),
    "to": lambda lib: matrix(lib).to(lib.float32),
    "float": lambda lib: matrix(lib).float(),
    "to device": lambda lib: matrix(lib).to("cpu").to(device="cpu", dtype=lib.int32),
    "clone": lambda lib: matrix(lib).clone(),
    "cat": lambda lib: lib.cat([matrix(lib), matrix(lib)], 1),
    "stack": lambda lib: lib.stack([matrix(lib), matrix(lib)]),
    "unsqueeze": lambda lib: matrix(lib).unsqueeze(1),
    "row": lambda lib: matrix(lib)[0],
    "element": lambda lib: matrix(lib)[0, 2],
    "column": lambda lib: matrix(lib)[:, 2],
    "select": lambda lib: rows(lib).select(0, 1),
    "index_select": lambda lib: matrix(lib).index_select(1, lib.tensor([2, 0, 2])),
    "unbind": lambda lib: matrix(lib).unbind(0),
    "sparse_mask": lambda lib: dense(lib, 2, 3).sparse_mask(matrix(lib).coalesce()),
    "norm": lambda lib: matrix(lib).norm(),
    "any": lambda lib: matrix(lib).any(),
    "zero_": lambda lib: matrix(lib).zero_(),
    "mul_": lambda lib: matrix(lib).mul_(3),
    "add_": lambda lib: matrix(lib).add_(matrix(lib)),
    "in-place division": lambda lib: matrix(lib).div_(2),
    "new_zeros": lambda lib: matrix(lib).new_zeros(4, 5),
    "data": lambda lib: matrix(lib, requires_grad=True).data,
    "nnz": lambda lib: [matrix(lib)._nnz(), matrix(lib).coalesce()._nnz(), len(matrix(lib)), matrix(lib).numel()],
    "dimensions": lambda lib: [rows(lib).sparse_dim(), rows(lib).dense_dim(), rows(lib).ndim, rows(lib).size(-1)],
    "flags": lambda lib: [matrix(lib).is_sparse, matrix(lib).layout, matrix(lib).is_coalesced(), lib.ones(1).is_sparse],
    "leaf": lambda lib: [matrix(lib, requires_grad=True).is_leaf, (matrix(lib, requires_grad=True) * 2).is_leaf],
    "instance": lambda lib: [isinstance(matrix(lib), lib.Tensor), lib.is_tensor(matrix(lib)), matrix(lib).type()],
    "repr": lambda lib: repr(lib.sparse_coo_tensor(POSITIONS, VALUES, (2, 3))),
    "repr of rows": lambda lib: repr(rows(lib)),
    "repr with gradient": lambda lib: repr(lib.sparse_coo_tensor(POSITIONS, VALUES, requires_grad=True)),
    "repr of a result": lambda lib: repr(matrix(lib, requires_grad=True) * 2),
    "repr without entries": lambda lib: repr(lib.sparse_coo_tensor((2, 3))),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_pytorchs(name):
    assert same(described(CALLS[name](tg)), described(CALLS[name](torch)))


FAILING = {
    "sparse + dense": lambda lib: matrix(lib) + dense(lib, 2, 3),
    "sparse + number": lambda lib: matrix(lib) + 1,
    "by sparse": lambda lib: 2 / matrix(lib),
    "exp": lambda lib: matrix(lib).exp(),
    "comparison": lambda lib: matrix(lib) > 0,
    "mean": lambda lib: matrix(lib).mean(),
    "view": lambda lib: matrix(lib).view(3, 2),
    "softmax": lambda lib: lib.softmax(matrix(lib), 1),
    "uncoalesced indices": lambda lib: matrix(lib).indices(),
    "uncoalesced values": lambda lib: matrix(lib).values(),
    "numpy": lambda lib: matrix(lib).numpy(),
    "tolist": lambda lib: matrix(lib).tolist(),
    "truth": lambda lib: bool(matrix(lib)),
    "item": lambda lib: matrix(lib).item(),
    "inner sizes": lambda lib: matrix(lib) @ dense(lib, 2, 2),
    "shapes": lambda lib: matrix(lib) + lib.sparse_coo_tensor((3, 2)).to(lib.float64),
    "counts": lambda lib: lib.sparse_coo_tensor([[0, 1]], [1.0, 2.0, 3.0], (3,)),
    "size": lambda lib: lib.sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3, 4)),
    "range": lambda lib: lib.sparse_coo_tensor([[0, 3]], [1.0, 2.0], (3,), check_invariants=True),
    "dtype without gradient": lambda lib: lib.sparse_coo_tensor([[0]], [1], requires_grad=True),
    "indices of dense": lambda lib: dense(lib, 2).indices(),
    "coalesce of dense": lambda lib: dense(lib, 2).coalesce(),
    "nnz of dense": lambda lib: dense(lib, 2)._nnz(),
}


@pytest.mark.parametrize("name", FAILING)
def test_errors_are_of_pytorchs_kind(name):
    with pytest.raises((RuntimeError, TypeError, ValueError, IndexError)) as theirs:
        FAILING[name](torch)
    with pytest.raises(theirs.type if theirs.type is not NotImplementedError else RuntimeError) as ours:
        FAILING[name](tg)
    assert isinstance(ours.value, tg.errors.TapegradError)


LOSSES = {
    "mm": lambda lib, a, v, d: a @ d,
    "sparse.mm": lambda lib, a, v, d: lib.sparse.mm(a, d).sin(),
    "mv": lambda lib, a, v, d: a @ d[:, 0],
    "sum": lambda lib, a, v, d: lib.sparse.sum(a) * d.sum(),
    "sum of rows": lambda lib, a, v, d: lib.sparse.sum(a, 1).to_dense(),
    "times dense": lambda lib, a, v, d: (a * d[:, :2].t()).to_dense() ** 2,
    "scaled": lambda lib, a, v, d: (a * 3 / 2).to_dense() ** 2,
    "coalesced": lambda lib, a, v, d: a.coalesce().values() ** 2,
    "sum of both": lambda lib, a, v, d: (a + a.coalesce()).to_dense() ** 2,
    "softmax": lambda lib, a, v, d: lib.sparse.mm(lib.sparse.softmax(a, 1), d),
    "log_softmax": lambda lib, a, v, d: lib.sparse.log_softmax(a, 0).to_dense(),
    "transposed": lambda lib, a, v, d: a.t() @ d[:2],
    "both sparse": lambda lib, a, v, d: lib.sparse.mm(a, a.t()).to_dense(),
    "dense first": lambda lib, a, v, d: lib.mm(d[:, :2], a),
    "addmm": lambda lib, a, v, d: lib.sparse.addmm(d[:2], a, d),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_pytorchs(name):
    def gradients(lib):
        v = lib.tensor(VALUES, dtype=lib.float64, requires_grad=True)
        d = dense(lib, 3, 4).requires_grad_()
        a = lib.sparse_coo_tensor(POSITIONS, v, (2, 3))
        (LOSSES[name](lib, a, v, d) ** 2).sum().backward()
        return [x.grad.tolist() if x.grad is not None else None for x in (v, d)]

    try:
        wanted = gradients(torch)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch has no such gradient: {error}")
    assert same(gradients(tg), wanted)


def test_the_gradient_of_a_sparse_leaf_is_sparse():
    def gradient(lib):
        a = matrix(lib).coalesce().detach().requires_grad_()
        lib.sparse.mm(a, dense(lib, 3, 4)).pow(2).sum().backward()
        return a.grad

    ours, theirs = gradient(tg), gradient(torch)
    assert ours.is_sparse
    assert ours._nnz() == 3
    assert same(ours.to_dense().tolist(), theirs.to_dense().tolist())


def test_to_sparse_hands_gradients_to_the_dense_tensor():
    def gradient(lib):
        d = lib.tensor([[0.0, 2.0], [3.0, 0.0]], requires_grad=True)
        lib.sparse.sum(d.to_sparse() * 3).backward()
        return d.grad.tolist()

    assert gradient(tg) == gradient(torch)
