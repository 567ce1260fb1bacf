"""Functions beside PyTorch's: values, dtypes, shapes and gradients over generated inputs."""

import numpy as np
import pytest

import tapegrad as tg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")
NAN = float("nan")


def drawn(*shape, whole=False, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-9, 9, shape) if whole else rng.standard_normal(shape)


def flat(result):
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return [result]


def values(result):
    return [np.asarray(x.detach().resolve_neg()) if hasattr(x, "detach") else x for x in flat(result)]


def check(call, *arrays, differentiable=True):
    """Hold a call against PyTorch's: ``call(module, *tensors)``."""
    results = []
    for module in (torch, tg):
        inputs = [module.from_numpy(np.array(a)) for a in arrays]
        leaves = [x for x in inputs if x.is_floating_point() and differentiable]
        for x in leaves:
            x.requires_grad_()
        out = call(module, *inputs)
        smooth = [x for x in flat(out) if getattr(x, "requires_grad", False)]
        grads = []
        if smooth:
            total = sum((x * (1 + module.arange(x.numel(), dtype=x.dtype).reshape(x.shape))).sum() for x in smooth)
            grads = module.autograd.grad(total, leaves, allow_unused=True)
        results.append((values(out), [None if g is None else np.asarray(g.resolve_neg()) for g in grads]))
    (want, want_grads), (got, got_grads) = results
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert getattr(a, "shape", None) == getattr(b, "shape", None)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert [g is None for g in got_grads] == [g is None for g in want_grads]
    for a, b in zip(got_grads, want_grads, strict=True):
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


M, V = drawn(3, 4), drawn(5)
INDEX = np.array([[0, 2, 1, 0], [2, 2, 0, 1]])

CASES = {
    "as_strided": (lambda m, x: m.as_strided(x, (2, 2), (4, 1), 1), M),
    "as_strided that overlaps": (lambda m, x: m.as_strided(x, (3, 3), (1, 1)), V),
    "as_strided of a view": (lambda m, x: x.t()[1:].as_strided((2, 2), (1, 4)), M),
    "as_strided_copy": (lambda m, x: m.as_strided_copy(x, (2,), (2,)), V),
    "select_scatter": (lambda m, x, y: m.select_scatter(x, y, 1, -1), M, drawn(3)),
    "slice_scatter": (lambda m, x, y: m.slice_scatter(x, y, 1, 0, 4, 2), M, drawn(3, 2)),
    "diagonal_scatter": (lambda m, x, y: m.diagonal_scatter(x, y, 1), M, drawn(3)),
    "narrow_copy": (lambda m, x: x.narrow_copy(1, 1, 2), M),
    "split_copy": (lambda m, x: m.split_copy(x, 2, 1), M),
    "permute_copy": (lambda m, x: m.permute_copy(x, (1, 0)), M),
    "unfold_copy": (lambda m, x: m.unfold_copy(x, 0, 3, 2), V),
    "scatter_reduce sum": (lambda m, x, i, s: x.scatter_reduce(0, i, s, "sum"), M, INDEX, drawn(2, 4, seed=1)),
    "scatter_reduce mean": (
        lambda m, x, i, s: x.scatter_reduce(0, i, s, "mean", include_self=False),
        M,
        INDEX,
        drawn(2, 4, seed=1),
    ),
    "scatter_reduce amax": (lambda m, x, i, s: x.scatter_reduce(0, i, s, "amax"), M, INDEX, drawn(2, 4, seed=1)),
    "scatter_reduce ties": (
        lambda m, x, i, s: x.scatter_reduce(0, i, s, "amin", include_self=True),
        np.ones((3, 4)),
        INDEX,
        np.ones((2, 4)),
    ),
    "scatter_reduce prod with zeros": (
        lambda m, x, i, s: x.scatter_reduce(0, i, s, "prod"),
        M * (M > 0),
        INDEX,
        drawn(2, 4, seed=1) * (drawn(2, 4, seed=2) > 0),
    ),
    "index_reduce": (
        lambda m, x, i, s: x.index_reduce(1, i, s, "mean"),
        M,
        np.array([0, 3, 0]),
        drawn(3, 3, seed=1),
    ),
    "put": (lambda m, x, i, s: x.put(i, s), M, np.array([[0, 5], [-1, 3]]), drawn(2, 2, seed=1)),
    "put accumulates": (lambda m, x, i, s: x.put(i, s, True), M, np.array([0, 5, 0]), drawn(3, seed=1)),
    "renorm": (lambda m, x: x.renorm(2, 0, 1.0), M),
    "unravel_index": (lambda m, i: m.unravel_index(i, (2, 3)), np.array([0, 5, 3])),
    "unique_consecutive": (
        lambda m, x: m.unique_consecutive(x, return_inverse=True, return_counts=True),
        np.array([1, 1, 2, 2, 2, 1]),
    ),
    "unique_consecutive of rows": (
        lambda m, x: m.unique_consecutive(x, return_counts=True, dim=0),
        np.array([[1, 2], [1, 2], [1, 3]]),
    ),
    "nonzero_static": (lambda m, x: m.nonzero_static(x, size=3, fill_value=-2), np.array([[0, 1], [2, 0]])),
    "heaviside": (lambda m, x, y: m.heaviside(x.detach(), y.detach()), np.array([-1.0, 0.0, NAN, 2.0]), np.array(0.5)),
    "gcd": (lambda m, x, y: m.gcd(x, y), drawn(9, whole=True), drawn(9, whole=True, seed=1)),
    "lcm": (lambda m, x, y: m.lcm(x, y), drawn(9, whole=True), drawn(9, whole=True, seed=1)),
    "ldexp": (lambda m, x, y: m.ldexp(x, y), V, np.array([1.0, -2, 0, 3, 4])),
    "frexp": (lambda m, x: m.frexp(x), V * 100),
    "nextafter": (lambda m, x, y: m.nextafter(x.detach(), y.detach()), V, drawn(5, seed=1)),
    "float_power": (lambda m, x: m.float_power(x, 2), drawn(5, whole=True).astype("float32")),
    "logaddexp2": (lambda m, x, y: m.logaddexp2(x, y), V, drawn(5, seed=1)),
    "isin": (lambda m, x, y: m.isin(x, y, invert=True), drawn(3, 3, whole=True), np.array([1, 2, 3])),
    "isin of a number": (lambda m, x: m.isin(x, 2), drawn(9, whole=True)),
    "nanmedian": (lambda m, x: m.nanmedian(x, 1), np.where(M > 1, NAN, M)),
    "nanmedian of all": (lambda m, x: m.nanmedian(x), np.where(M > 1, NAN, M)),
    "nanquantile": (lambda m, x: m.nanquantile(x, 0.3, 1), np.where(M > 1, NAN, M)),
    "quantile": (lambda m, x, q: m.quantile(x, q, 0, interpolation="midpoint"), M, np.array([0.1, 0.8])),
    "histogram": (lambda m, x: m.histogram(x.detach(), 4, range=(-1.0, 1.0), density=True), V),
    "histogram with weights": (
        lambda m, x, b, w: m.histogram(x.detach(), b.detach(), weight=w.detach()),
        V,
        np.array([-1.0, 0, 2]),
        V**2,
    ),
    "histogramdd": (lambda m, x: m.histogramdd(x.detach(), [2, 3]), drawn(20, 2)),
    "trapezoid": (lambda m, y, x: m.trapezoid(y, x), M, np.sort(drawn(4))),
    "cumulative_trapezoid": (lambda m, y: m.cumulative_trapezoid(y, dx=0.5, dim=0), M),
    "gradient": (lambda m, x: m.gradient(x, spacing=2.0), M),
    "gradient at places": (lambda m, x, p: m.gradient(x, spacing=(p,), edge_order=2), V, np.sort(V)),
    "block_diag": (lambda m, x, y: m.block_diag(x, y), M, V),
    "vander": (lambda m, x: m.vander(x.detach(), 4, True), V),
    "range": (lambda m: m.arange(0, 3, 0.5),),
    "sum_to_size": (lambda m, x: x.sum_to_size(1, 4), M),
    "fill": (lambda m, x, v: m.fill(x, v), M, np.array(2.0)),
    "masked_scatter": (
        lambda m, x, s: x.masked_scatter(m.tensor([True, False, True, True]), s),
        M,
        drawn(3, 4, seed=1),
    ),
    "index_fill with a tensor": (lambda m, x, v: x.index_fill(1, m.tensor([0, 0, 2]), v), M, np.array(2.0)),
    "cumsum of bytes": (lambda m, x: m.cumsum(x, 0, dtype=m.uint8), np.full(9, 40)),
    "all of bytes": (lambda m, x: m.all(x, 1), np.array([[1, 0], [1, 1]], np.uint8)),
    "square of bool": (lambda m, x: m.square(x), np.array([True, False])),
    "resize_": (lambda m, x: x.detach().resize_(2, 3), M),
    "set_": (lambda m, x: m.empty(0, dtype=m.float64).set_(x.detach(), 1, (2, 2), (4, 1)), M),
    "apply_": (lambda m, x: x.detach().apply_(lambda v: v * 2), M),
    "map_": (lambda m, x, y: x.detach().map_(y.detach(), lambda a, b: a - b), V, drawn(5, seed=1)),
    "fill_diagonal_": (lambda m, x: x.detach().fill_diagonal_(7, wrap=True), drawn(7, 3)),
    "batch_norm": (
        lambda m, x, w, b: m.batch_norm(x, w, b, b.detach(), w.detach() ** 2, False, 0.1, 1e-5, False),
        M,
        *drawn(2, 4),
    ),
    "instance_norm": (lambda m, x: m.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False), drawn(2, 3, 4)),
    "native_layer_norm": (lambda m, x: m.native_layer_norm(x, (4,), None, None, 1e-5)[0], M),
    "dropout": (lambda m, x: m.dropout(x, p=0.5, train=False) * 1, M),
    "kl_div": (lambda m, x, y: m.kl_div(x, y, 2, log_target=True), M, drawn(3, 4, seed=1)),
    "hinge_embedding_loss": (lambda m, x: m.hinge_embedding_loss(x, m.sign(x.detach())), M),
    "triplet_margin_loss": (lambda m, x, y, z: m.triplet_margin_loss(x, y, z, reduction=2), *drawn(3, 4, 5)),
    "constant_pad_nd": (lambda m, x: m.constant_pad_nd(x, (1, 2), 3.0), M),
    "norm_except_dim": (lambda m, x: m.norm_except_dim(x, 2, 1), M),
    "affine_grid_generator": (lambda m, x: m.affine_grid_generator(x, (2, 1, 3, 3), False), drawn(2, 2, 3)),
    "var of complex": (lambda m, x, y: m.var(m.complex(x, y), 1), M, drawn(3, 4, seed=1)),
    "logcumsumexp of complex": (lambda m, x, y: m.view_as_real(m.complex(x, y).logcumsumexp(0)), V, drawn(5, seed=1)),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_case(case):
    call, *arrays = CASES[case]
    check(call, *arrays)


ERRORS = {
    "as_strided beyond": (RuntimeError, lambda m: m.as_strided(m.zeros(3), (4,), (1,))),
    "as_strided backwards": (RuntimeError, lambda m: m.as_strided(m.zeros(3), (2,), (-1,))),
    "select_scatter of another shape": (RuntimeError, lambda m: m.select_scatter(m.zeros(2, 2), m.zeros(3), 0, 0)),
    "scatter_reduce by what": (RuntimeError, lambda m: m.zeros(2).scatter_reduce(0, m.tensor([0]), m.ones(1), "x")),
    "scatter out of range": (RuntimeError, lambda m: m.zeros(2).scatter(0, m.tensor([5]), m.ones(1))),
    "gather out of range": (RuntimeError, lambda m: m.zeros(2).gather(0, m.tensor([5]))),
    "heaviside of two dtypes": (RuntimeError, lambda m: m.heaviside(m.zeros(2), m.zeros(2).double())),
    "gcd of floats": (NotImplementedError, lambda m: m.gcd(m.ones(2), m.ones(2))),
    "gcd of a number": (TypeError, lambda m: m.gcd(m.tensor([2]), 2)),
    "histogram of nothing": (RuntimeError, lambda m: m.histogram(m.ones(3), 0)),
    "gradient of one sample": (RuntimeError, lambda m: m.gradient(m.ones(1))),
    "arange the wrong way": (RuntimeError, lambda m: m.arange(0, -3, 1)),
    "linspace of a fraction": (TypeError, lambda m: m.linspace(0, 1, 2.5)),
    "chunk into none": (RuntimeError, lambda m: m.ones(3).chunk(0)),
    "split backwards": (RuntimeError, lambda m: m.ones(3).split(-1)),
    "movedim twice": (RuntimeError, lambda m: m.zeros(2, 3).movedim((0, 0), (0, 1))),
    "rot90 in no plane": (RuntimeError, lambda m: m.rot90(m.zeros(2, 2), 1, (0, 0))),
    "roll without shifts": (RuntimeError, lambda m: m.roll(m.zeros(2), ())),
    "narrow beyond": (RuntimeError, lambda m: m.zeros(3).narrow(0, 2, 2)),
    "hsplit unevenly": (RuntimeError, lambda m: m.zeros(3).hsplit(2)),
    "amax of nothing": (IndexError, lambda m: m.zeros(2, 0).amax(1)),
    "cat of nothing": (ValueError, lambda m: m.cat([])),
    "hstack of nothing": (RuntimeError, lambda m: m.hstack([])),
    "negative bool": (RuntimeError, lambda m: -m.tensor([True])),
    "isclose with a negative tolerance": (RuntimeError, lambda m: m.isclose(m.ones(1), m.ones(1), rtol=-1.0)),
    "quantile out of range": (RuntimeError, lambda m: m.quantile(m.ones(3), 2.0)),
    "resize_ with a gradient": (RuntimeError, lambda m: m.ones(3, requires_grad=True).resize_(2)),
    "sum_to_size that does not fit": (RuntimeError, lambda m: m.ones(3).sum_to_size(2)),
    "frombuffer of nothing": (ValueError, lambda m: m.frombuffer(bytearray(), dtype=m.uint8)),
    "vander of a matrix": (RuntimeError, lambda m: m.vander(m.ones(2, 2))),
    "renorm of a vector": (RuntimeError, lambda m: m.ones(2).renorm(2, 0, 1.0)),
    "block_diag of more": (RuntimeError, lambda m: m.block_diag(m.ones(1, 1, 1))),
}


@pytest.mark.parametrize("case", ERRORS, ids=list(ERRORS))
def test_error(case):
    kind, call = ERRORS[case]
    for module in (torch, tg):
        with pytest.raises(kind):
            call(module)
