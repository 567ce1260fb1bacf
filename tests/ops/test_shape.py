"""Shapes against PyTorch: values, gradients, which memory is shared, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad.core import ops
from tapegrad.errors import ArgumentError, GradError, IndexRangeError, ShapeError, UsageError

torch = pytest.importorskip("torch")

X = np.arange(24.0).reshape(2, 3, 4)

CALLS = {
    "reshape": lambda m, x: x.reshape(4, -1),
    "reshape tuple": lambda m, x: m.reshape(x, (6, 4)),
    "reshape transposed": lambda m, x: x.transpose(0, 2).reshape(-1),
    "view": lambda m, x: x.view(6, -1),
    "view size": lambda m, x: x.view(x.shape[0], -1),
    "view of a permutation": lambda m, x: x.transpose(0, 1).view(3, 2, 2, 2),
    "view_as": lambda m, x: x.view_as(m.zeros(4, 6)),
    "reshape_as": lambda m, x: x.reshape_as(m.zeros(4, 6)),
    "expand": lambda m, x: x[:, :1].expand(2, 5, -1),
    "expand new": lambda m, x: x[0, 0].expand(2, 3, 4),
    "expand_as": lambda m, x: x[:, :1].expand_as(x),
    "broadcast_to": lambda m, x: m.broadcast_to(x[0], (5, 3, 4)),
    "permute": lambda m, x: x.permute(2, 0, 1),
    "permute tuple": lambda m, x: m.permute(x, (-1, 0, 1)),
    "transpose": lambda m, x: x.transpose(0, -1),
    "swapaxes": lambda m, x: m.swapaxes(x, 0, 1),
    "swapdims": lambda m, x: x.swapdims(1, 2),
    "t": lambda m, x: x[0].t(),
    "t of a vector": lambda m, x: m.t(x[0, 0]),
    "T": lambda m, x: x[0].T,
    "mT": lambda m, x: x.mT,
    "H": lambda m, x: x[0].H,
    "mH": lambda m, x: x.mH,
    "adjoint": lambda m, x: x.adjoint(),
    "movedim": lambda m, x: x.movedim(0, -1),
    "movedim several": lambda m, x: m.movedim(x, (0, 2), (1, 0)),
    "moveaxis": lambda m, x: m.moveaxis(x, -1, 0),
    "squeeze": lambda m, x: x[:1, :, :1].squeeze(),
    "squeeze dim": lambda m, x: x[:1, :, :1].squeeze(-1),
    "squeeze dims": lambda m, x: x[:1, :, :1].squeeze((0, 1)),
    "unsqueeze": lambda m, x: x.unsqueeze(-2),
    "unsqueeze front": lambda m, x: m.unsqueeze(x.transpose(0, 1), 0),
    "flatten": lambda m, x: x.flatten(),
    "flatten from": lambda m, x: m.flatten(x, 1),
    "flatten to": lambda m, x: x.flatten(0, -2),
    "flatten scalar": lambda m, x: x[0, 0, 0].flatten(),
    "unflatten": lambda m, x: x.unflatten(-1, (2, -1)),
    "ravel": lambda m, x: x.mT.ravel(),
    "contiguous": lambda m, x: x.mT.contiguous(),
    "clone": lambda m, x: x.clone(),
    "atleast_1d": lambda m, x: m.atleast_1d(x[0, 0, 0]),
    "atleast_2d": lambda m, x: m.atleast_2d(x[0, 0]),
    "atleast_3d": lambda m, x: m.atleast_3d(x[0, 0], x[0])[1],
    "broadcast_tensors": lambda m, x: m.broadcast_tensors(x[0, :, :1], x[0, :1])[1],
    "cat": lambda m, x: m.cat([x, x * 2], 1),
    "cat negative": lambda m, x: m.cat((x[:, :1], x), dim=-2),
    "cat empty": lambda m, x: m.cat([m.zeros(0, dtype=m.float64), x]),
    "cat keyword": lambda m, x: m.cat(tensors=[x, x], dim=0),
    "concat": lambda m, x: m.concat([x, x]),
    "concatenate": lambda m, x: m.concatenate((x, x), 2),
    "stack": lambda m, x: m.stack([x[0], x[1], x[0]], dim=-1),
    "hstack": lambda m, x: m.hstack((x, x)),
    "hstack vectors": lambda m, x: m.hstack([x[0, 0], x[1, 1]]),
    "vstack": lambda m, x: m.vstack([x[0, 0], x[0]]),
    "dstack": lambda m, x: m.dstack([x[0], x[1]]),
    "column_stack": lambda m, x: m.column_stack([x[0, :, 0], x[0]]),
    "split": lambda m, x: m.cat([p * i for i, p in enumerate(x.split(3, -1))], -1),
    "split one part": lambda m, x: m.split(x, 1, dim=1)[1],
    "split sizes": lambda m, x: m.split(x, [1, 3], 2)[1],
    "chunk": lambda m, x: m.chunk(x, 3, 2)[1],
    "tensor_split": lambda m, x: x.tensor_split(3, dim=2)[0],
    "tensor_split at": lambda m, x: m.tensor_split(x, (1, 3), dim=2)[1],
    "tensor_split backwards": lambda m, x: m.tensor_split(x, (3, 1), dim=2)[0],
    "hsplit": lambda m, x: m.hsplit(x, 3)[1],
    "hsplit vector": lambda m, x: x[0, 0].hsplit(2)[1],
    "vsplit": lambda m, x: x.vsplit([1])[1],
    "dsplit": lambda m, x: m.dsplit(x, (1, 2))[2],
    "squeeze_": lambda m, x: (x[:, :1] * 1).squeeze_(1),
    "unsqueeze_": lambda m, x: (x * 1).unsqueeze_(0),
    "t_": lambda m, x: (x[0] * 1).t_(),
    "transpose_": lambda m, x: (x * 1).transpose_(0, 2) * 2,
    "unbind": lambda m, x: x.unbind(1)[2],
    "iteration": lambda m, x: sum(row * i for i, row in enumerate(x)),
    "repeat": lambda m, x: x.repeat(2, 1, 3),
    "repeat in front": lambda m, x: x[0].repeat((2, 1, 1)),
    "repeat nothing": lambda m, x: x.repeat(1, 0, 1),
    "tile": lambda m, x: m.tile(x, (2,)),
    "tile in front": lambda m, x: x[0, 0].tile(2, 2),
    "repeat_interleave": lambda m, x: x.repeat_interleave(2, dim=1),
    "repeat_interleave flat": lambda m, x: m.repeat_interleave(x, 2),
    "repeat_interleave each": lambda m, x: x.repeat_interleave(m.tensor([2, 0, 1]), dim=1),
    "flip": lambda m, x: x.flip(0, -1),
    "flip list": lambda m, x: m.flip(x, [1]),
    "fliplr": lambda m, x: m.fliplr(x),
    "flipud": lambda m, x: m.flipud(x),
    "roll": lambda m, x: x.roll(5),
    "roll dims": lambda m, x: m.roll(x, (1, -1), (0, 2)),
    "rot90": lambda m, x: m.rot90(x, 1, [1, 2]),
    "rot90 back": lambda m, x: m.rot90(x, -1, (0, 2)),
    "rot90 twice": lambda m, x: x.rot90(2),
    "rot90 not": lambda m, x: x.rot90(4),
    "meshgrid": lambda m, x: m.stack(m.meshgrid(x[0, 0], x[0, :, 0], indexing="ij")),
    "meshgrid xy": lambda m, x: m.meshgrid([x[0, 0], x[0, :, 0]], indexing="xy")[0],
    "cartesian_prod": lambda m, x: m.cartesian_prod(x[0, 0], x[0, :, 0]),
    "combinations": lambda m, x: m.combinations(x[0, 0]),
    "combinations with": lambda m, x: m.combinations(x[0, 0], 3, with_replacement=True),
    "diag": lambda m, x: m.diag(x[0], 1),
    "diag of a vector": lambda m, x: m.diag(x[0, 0], -1),
    "diagonal": lambda m, x: x.diagonal(1, 2, 0),
    "diag_embed": lambda m, x: m.diag_embed(x, offset=-1, dim1=0, dim2=2),
    "diagflat": lambda m, x: m.diagflat(x[0, :2]),
    "tril": lambda m, x: x.tril(1),
    "triu": lambda m, x: m.triu(x, -1),
    "tril in place": lambda m, x: (x * 1).tril_(),
    "unfold": lambda m, x: x.unfold(2, 3, 1),
    "unfold step": lambda m, x: x.unfold(-2, 2, 2),
    "narrow": lambda m, x: x.narrow(2, 1, 2),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_values_and_gradients_agree_with_pytorch(call):
    ours, theirs = tg.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    out, expected = call(tg, ours), call(torch, theirs)
    assert tuple(out.shape) == tuple(expected.shape)
    np.testing.assert_array_equal(out.array, expected.detach().numpy())
    g = np.random.default_rng(0).standard_normal(tuple(expected.shape))
    out.backward(tg.tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"repeat nothing"}))
def test_second_derivatives_agree_with_pytorch(name):
    """d/dx of <grad of <f(x)^2, u>, v>: the rules are differentiated themselves."""

    def twice(m, x, u, v):
        y = CALLS[name](m, x)
        (g,) = m.autograd.grad((y * y * u(y)).sum(), x, create_graph=True)
        return m.autograd.grad((g * v).sum(), x)[0]

    v = np.random.default_rng(1).standard_normal(X.shape)
    rng = np.random.default_rng(2)
    weights = rng.standard_normal(4096)

    def u(m, make):
        return lambda y: make(weights[: int(np.prod(tuple(y.shape)))].reshape(tuple(y.shape)))

    ours = twice(tg, tg.tensor(X, requires_grad=True), u(tg, tg.tensor), tg.tensor(v))
    theirs = twice(torch, torch.tensor(X, requires_grad=True), u(torch, torch.tensor), torch.tensor(v))
    np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-9, atol=1e-9)


VIEWS = (
    "view,view of a permutation,expand,permute,transpose,t,T,mT,movedim,squeeze,squeeze dim,unsqueeze,flatten,unflatten"
)
VIEWS = [*VIEWS.split(","), "split one part", "split sizes", "chunk", "tensor_split at", "unbind", "diagonal", "narrow"]


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_versions(name):
    x = tg.tensor(X)
    view = CALLS[name](tg, x)
    assert view.memory is x.memory
    x[...] = -1.0
    assert (view.array == -1.0).all()
    if view.array.flags.writeable:
        before = x._version
        view[...] = 5.0
        assert x._version == before + 1
        assert (x.array == 5.0).sum() == view.numel()


@pytest.mark.parametrize(
    "name", ["clone", "cat", "stack", "repeat", "repeat nothing", "flip", "roll", "rot90 not", "tril", "diag"]
)
def test_copies_share_nothing(name):
    x = tg.tensor(X)
    copy = CALLS[name](tg, x)
    assert not np.shares_memory(copy.array, x.array)
    assert copy.memory is not x.memory


def test_a_base_written_to_in_place_is_noticed_through_a_view():
    w = tg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    x = w * 1
    y = x.view(2, 2).t()
    z = (y * y).sum()
    x[0] = 3.0
    with pytest.raises(GradError, match="modified by an inplace operation"):
        z.backward()


def test_reshape_copies_where_it_must():
    x = tg.tensor(X)
    assert not np.shares_memory(x.mT.reshape(-1).array, x.array)
    assert x.mT.reshape(-1).memory is not x.memory


def test_contiguous_and_flatten_return_the_tensor_itself_when_nothing_changes():
    x = tg.tensor(X)
    assert x.contiguous() is x
    assert x.flatten(1, 1) is x


def test_reshaping_in_place_keeps_the_memory_and_refuses_leaves():
    x = tg.tensor(X)
    held = x.array
    assert x.transpose_(0, 1).unsqueeze_(0) is x
    assert x.shape == (1, 3, 2, 4)
    assert np.shares_memory(x.array, held)
    w = tg.zeros(2, 3, requires_grad=True)
    with pytest.raises(GradError, match="t_: a leaf Variable that requires grad"):
        w.t_()
    with tg.no_grad():
        assert w.t_().shape == (3, 2)
    assert w.requires_grad


def test_view_refuses_to_copy():
    x = tg.tensor(X)
    with pytest.raises(ShapeError) as caught:
        x.transpose(1, 2).view(-1)
    assert str(caught.value) == (
        "view: a tensor of shape (2, 4, 3) and stride (12, 1, 4) has no view of shape (24,); "
        "use .reshape(...), which copies where it must, or .contiguous() first"
    )
    assert isinstance(caught.value, RuntimeError)
    assert tg.zeros(2, 0, 3).transpose(0, 2).view(-1).shape == (0,)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.permutations(range(3)),
    st.sampled_from([(24,), (2, 12), (6, 4), (2, 3, 4), (4, 3, 2), (2, 3, 2, 2), (1, 24, 1), (8, 3)]),
    st.integers(0, 3),
)
def test_view_is_possible_where_pytorch_says(order, shape, cut):
    def view(m, x):
        x = x.permute(*order)
        x = x[1:] if cut == 1 else x[..., :1] if cut == 2 else x[:, ::2] if cut == 3 else x
        size = int(np.prod(tuple(x.shape)))
        return x.view(*(n for n in shape[:-1] if size % 24 == 0), -1)

    try:
        expected = view(torch, torch.tensor(X))
    except RuntimeError:
        with pytest.raises(ShapeError):
            view(tg, tg.tensor(X))
        return
    np.testing.assert_array_equal(view(tg, tg.tensor(X)).array, expected.numpy())


def test_view_as_another_dtype():
    x = tg.tensor([1.0, -2.0])
    bits = x.view(tg.int32)
    assert bits.tolist() == torch.tensor([1.0, -2.0]).view(torch.int32).tolist()
    assert bits.memory is x.memory
    assert tg.zeros(2, 4, dtype=tg.uint8).view(tg.float32).shape == (2, 1)
    with pytest.raises(ShapeError):
        tg.zeros(3, dtype=tg.uint8).view(tg.float32)


def test_cat_promotes():
    out = tg.cat([tg.ones(2), tg.ones(1, dtype=tg.int64), tg.ones(1, dtype=tg.float64)])
    assert out.dtype == np.float64
    assert tg.stack([tg.tensor(1), tg.tensor(True)]).dtype == np.int64


def test_parts_that_nobody_used_have_zero_gradients():
    x = tg.tensor(X, requires_grad=True)
    _, b, _, d = x.unbind(2)
    (b * d).sum().backward()
    expected = np.zeros_like(X)
    expected[..., 1], expected[..., 3] = X[..., 3], X[..., 1]
    np.testing.assert_array_equal(x.grad.array, expected)


def test_chunks_and_splits_have_pytorchs_sizes():
    for n in range(6):
        for k in (1, 2, 3, 7):
            x, y = tg.arange(n), torch.arange(n)
            for name in ("chunk", "tensor_split", "split"):
                assert [p.tolist() for p in getattr(x, name)(k)] == [p.tolist() for p in getattr(y, name)(k)]


def test_numpy_words():
    x = tg.tensor(X)
    assert tg.squeeze(x[:1], axis=0).shape == (3, 4)
    assert tg.cat([x, x], axis=2).shape == (2, 3, 8)
    assert np.concatenate([x, x], axis=1).shape == (2, 6, 4)
    assert np.moveaxis(x, 0, -1).shape == (3, 4, 2)
    assert isinstance(np.stack([x, x]), tg.Tensor)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.repeat(x, 2),
        lambda x: np.repeat(x, 2, axis=0),
        lambda x: np.split(x, 2, 2)[1],
        lambda x: np.array_split(x, 3, axis=2)[0],
        lambda x: np.sort(-x, axis=0),
        lambda x: np.pad(x, (1, 2)),
        lambda x: np.nonzero(x)[1],
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0])[0],
        lambda x: np.argsort(-x, -1, "stable"),
        lambda x: np.select([x > 3, x > 1], [x, -x]),
        lambda x: np.shape(x),
        lambda x: np.ndim(x),
    ],
)
def test_numpy_functions_mean_what_they_mean_in_numpy(call):
    """Where PyTorch has another function of that name."""
    np.testing.assert_array_equal(np.asarray(call(tg.tensor(X))), call(X))


def test_numpy_questions_about_a_tracked_tensor_are_answered():
    x = tg.tensor(X, requires_grad=True)
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3, 4), 3, 24)


def test_broadcast_shapes():
    assert tg.broadcast_shapes((2, 1), (3,), ()) == (2, 3)
    assert tg.broadcast_shapes((0, 1), (1, 3)) == (0, 3)
    assert tg.broadcast_shapes(3, (2, 1)) == (2, 3)


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (
            ShapeError,
            "reshape: inputs of shape (2, 3, 4), shape=(5,) do not fit: cannot reshape array of size 24 into shape (5,); ",
            lambda x: x.reshape(5),
        ),
        (
            ShapeError,
            "reshape: inputs of shape (2, 0), shape=(0, -1) do not fit: ",
            lambda x: tg.zeros(2, 0).reshape(0, -1),
        ),
        (
            ShapeError,
            "expand: shape (2, 3, 4) cannot be expanded to (2, 4, 4); only dimensions of size 1 stretch, ",
            lambda x: x.expand(2, 4, 4),
        ),
        (IndexRangeError, "squeeze: dimension 3 is out of range for 3 dimensions; use -3 to 2", lambda x: x.squeeze(3)),
        (
            IndexRangeError,
            "unsqueeze: dimension 4 is out of range for 4 dimensions; use -4 to 3",
            lambda x: x.unsqueeze(4),
        ),
        (IndexRangeError, "transpose: ", lambda x: x.transpose(0, 3)),
        (ShapeError, "t: expected at most 2 dimensions, got 3; use transpose(dim0, dim1)", lambda x: x.t()),
        (ShapeError, "mT: expected at least 2 dimensions, got 1; ", lambda x: x[0, 0].mT),
        (ShapeError, "H: expected a matrix, got 3 dimensions; use mH for a batch of matrices", lambda x: x.H),
        (ShapeError, "flatten: start_dim 2 comes after end_dim 1; swap them", lambda x: x.flatten(2, 1)),
        (
            ShapeError,
            "unflatten: the sizes (3, 2) do not multiply to 4, dimension -1; make them fit",
            lambda x: x.unflatten(-1, (3, 2)),
        ),
        (
            ShapeError,
            "broadcast_shapes: the shapes (2,), (3,) differ in dimension -1; ",
            lambda x: tg.broadcast_shapes((2,), (3,)),
        ),
        (
            ShapeError,
            "movedim: 1 dimensions are to move to 2 places; give as many of each",
            lambda x: x.movedim(0, (1, 2)),
        ),
        (ShapeError, "cat: inputs of shape (2, 3, 4), (3, 4), dim=0 do not fit: ", lambda x: tg.cat([x, x[0]])),
        (ShapeError, "stack: inputs of shape (3, 4), (4,), dim=0 do not fit: ", lambda x: tg.stack([x[0], x[0, 0]])),
        (ShapeError, "split: the sizes (1, 1) do not add up to 4; ", lambda x: x.split([1, 1], 2)),
        (ShapeError, "hsplit: 3 do not split into 2 equal parts; use tensor_split()", lambda x: x.hsplit(2)),
        (ShapeError, "dsplit: expected at least 3 dimensions, got 2; ", lambda x: x[0].dsplit(2)),
        (ArgumentError, "chunk: 0 chunks; use at least 1", lambda x: x.chunk(0)),
        (ShapeError, "repeat: 1 repeats for 3 dimensions; give a number for every dimension", lambda x: x.repeat(2)),
        (
            ShapeError,
            "repeat_interleave: repeats has shape (2,), dimension 1 has 3 elements; ",
            lambda x: x.repeat_interleave(tg.tensor([1, 2]), 1),
        ),
        (ArgumentError, "rot90: both dimensions are 0; give two different ones", lambda x: x.rot90(1, (0, 0))),
        (ArgumentError, "meshgrid: indexing is 'yx'; use 'ij' or 'xy'", lambda x: tg.meshgrid(x[0, 0], indexing="yx")),
        (ShapeError, "diag: expected a vector or a matrix, got 3 dimensions; use diagonal()", lambda x: tg.diag(x)),
        (ShapeError, "tril: expected a matrix or a batch of them, got shape (4,); ", lambda x: x[0, 0].tril()),
        (ShapeError, "unfold: dimension 2 of 4 elements has no window of 5; use less", lambda x: x.unfold(2, 5, 1)),
    ],
)
def test_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call(tg.tensor(X))
    assert str(caught.value).startswith(message)


# -- adjoint pairs ------------------------------------------------------------------------------------------------------


PAIRS = [
    ("expand", "sum_to", (3, 1), {"shape": (2, 3, 4)}, {"shape": (3, 1)}),
    ("split_with_sizes", "cat_parts", (5, 2), {"split_sizes": (2, 3)}, {"split_sizes": (2, 3)}),
    ("unbind", "stack", (3, 2), {"dim": 1}, {"dim": 1}),
    (
        "diagonal",
        "diagonal_place",
        (2, 3, 4),
        {"offset": 1, "dim1": 2, "dim2": 0},
        {"offset": 1, "dim1": 2, "dim2": 0, "shape": (2, 3, 4)},
    ),
    ("constant_pad", "crop", (2, 3), {"padding": ((1, 2), (0, 1))}, {"padding": ((1, 2), (0, 1))}),
    (
        "windows",
        "fold_windows",
        (2, 6),
        {"dimension": 1, "size": 3, "step": 2},
        {"dimension": 1, "step": 2, "shape": (2, 6)},
    ),
    ("flip", "flip", (2, 3), {"dims": (0,)}, {"dims": (0,)}),
    ("roll", "roll", (2, 3), {"shifts": 2, "dims": 1}, {"shifts": -2, "dims": 1}),
    ("permute", "permute", (2, 3, 4), {"dims": (2, 0, 1)}, {"dims": (1, 2, 0)}),
    (
        "index_view",
        "index_place",
        (3, 4),
        {"layout": (slice(1, None), 2)},
        {"layout": (slice(1, None), 2), "shape": (3, 4)},
    ),
]


@pytest.mark.parametrize(("forward", "back", "shape", "keywords", "back_keywords"), PAIRS, ids=[p[0] for p in PAIRS])
def test_adjoint_pairs(forward, back, shape, keywords, back_keywords):
    """<A x, y> = <x, A* y>."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)
    out = getattr(ops, forward)(x, **keywords)
    parts = out if isinstance(out, tuple) else (out,)
    y = [rng.standard_normal(p.shape) for p in parts]
    returned = getattr(ops, back)(*y, **back_keywords)
    assert returned.shape == shape
    np.testing.assert_allclose(sum((p * q).sum() for p, q in zip(parts, y, strict=True)), (x * returned).sum())


# -- padding ------------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.lists(st.integers(-2, 3), min_size=1, max_size=2),
    st.data(),
)
def test_pad_agrees_with_pytorch(mode, firsts, data):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)[: 2 + len(firsts)])
    pad = [n for first in firsts for n in (first, data.draw(st.integers(-1, 3)))]
    if mode == "circular":  # PyTorch wraps more than is left after taking away, which nobody means
        pad = [n if n >= 0 or pad[i ^ 1] <= 0 else -1 for i, n in enumerate(pad)]
        pad = [min(n, 2) for n in pad]
    ours, theirs = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    keywords = {"value": 1.5} if mode == "constant" else {}
    try:
        expected = torch.nn.functional.pad(theirs, pad, mode, **keywords)
    except RuntimeError:
        with pytest.raises(ShapeError):
            tg.pad(ours, pad, mode, **keywords)
        return
    out = tg.pad(ours, pad, mode, **keywords)
    np.testing.assert_array_equal(out.array, expected.detach().numpy())
    g = np.random.default_rng(1).standard_normal(tuple(out.shape))
    out.backward(tg.tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_pad_makes_fresh_memory():
    x = tg.zeros(3)
    for mode in ("constant", "reflect", "circular"):
        assert not np.shares_memory(tg.pad(x, (0, 0), mode).array, x.array)


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (ShapeError, "pad: 3 numbers of padding for 2 dimensions; give two for each ", lambda x: tg.pad(x, (1, 1, 1))),
        (UsageError, "pad: the padding is 1; give two numbers for each dimension, ", lambda x: tg.pad(x, 1)),
        (ShapeError, "pad: 6 numbers of padding for 2 dimensions; ", lambda x: tg.pad(x, (1,) * 6)),
        (
            ShapeError,
            "crop: cannot take away ((0, 0), (2, 2)) from shape (2, 3); crop less",
            lambda x: tg.pad(x, (-2, -2)),
        ),
        (
            ShapeError,
            "pad: reflecting 3 elements of dimension 1, which has 3; pad less",
            lambda x: tg.pad(x, (3, 0), "reflect"),
        ),
        (
            ShapeError,
            "pad: wrapping 4 elements of dimension 1, which has 3; pad less",
            lambda x: tg.pad(x, (4, 0), "circular"),
        ),
        (ArgumentError, "pad: mode is 'mirror'; use 'constant', ", lambda x: tg.pad(x, (1, 1), "mirror")),
        (ArgumentError, "pad: value=1.0 with mode 'reflect'; ", lambda x: tg.pad(x, (1, 1), "reflect", 1.0)),
    ],
)
def test_pad_errors(kind, message, call):
    with pytest.raises(kind) as caught:
        call(tg.zeros(2, 3))
    assert str(caught.value).startswith(message)
