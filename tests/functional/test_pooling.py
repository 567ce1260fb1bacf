"""Pooling, adaptive pooling and windows as columns: against PyTorch over generated geometry, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import DTypeError, IndexRangeError, ShapeError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")


def generated(strategy, check, examples=80):
    settings(max_examples=examples, deadline=None, derandomize=True, database=None)(
        given(strategy, st.integers(0, 2**32 - 1))(check)
    )()


@st.composite
def calls(draw, dilated):
    """The number of dimensions, a shape, and arguments by which at least one window fits."""
    n = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    kernel, dilation = sizes(1, 4), sizes(1, 3) if dilated else (1,) * n
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    # PyTorch wants volumes to be as large as the kernel even with padding; and windows may not miss the input.
    least = spans if n == 3 or dilated else [max(1, span - 2 * p) for span, p in zip(spans, padding, strict=True)]
    size = tuple(a + b for a, b in zip(least, sizes(0, 6), strict=True))
    options = {"kernel_size": kernel, "padding": padding, "ceil_mode": draw(st.booleans())}
    if draw(st.booleans()):
        options["stride"] = sizes(1, 4)
    if dilated:
        options["dilation"] = dilation
    lead = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))[draw(st.integers(0, 1)) :]
    return n, (*lead, *size), options


def distinct(rng, shape):
    return rng.permutation(np.linspace(-2, 2, int(np.prod(shape)))).reshape(shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_pool(dtype):
    def check(call, seed):
        n, shape, options = call
        x = distinct(np.random.default_rng(seed), shape)
        agree(f"max_pool{n}d", [x], dtype, **options)
        rounded = np.round(x)
        ours = getattr(F, f"max_pool{n}d")(tg.tensor(rounded), **options, return_indices=True)
        theirs = getattr(torch.nn.functional, f"max_pool{n}d")(torch.tensor(rounded), **options, return_indices=True)
        for a, b in zip(ours, theirs, strict=True):
            assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
            np.testing.assert_array_equal(a.numpy(), b.numpy())

    generated(calls(dilated=True), check)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_avg_pool(dtype):
    def check(call, seed):
        n, shape, options = call
        rng = np.random.default_rng(seed)
        options["count_include_pad"] = bool(rng.integers(2))
        if n > 1 and rng.integers(2):
            options["divisor_override"] = int(rng.integers(1, 5))
        agree(f"avg_pool{n}d", [rng.standard_normal(shape)], dtype, **options)

    generated(calls(dilated=False), check)


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize(
    ("shape", "output_size"),
    [
        ((2, 3, 7), 3),
        ((2, 3, 7), 1),
        ((3, 7), (10,)),
        ((2, 3, 8, 6), (4, 3)),
        ((2, 3, 7, 5), (3, None)),
        ((3, 7, 5), 4),
        ((1, 2, 4, 5, 6), (2, 3, 4)),
        ((2, 3, 6, 6), 1),
    ],
)
def test_adaptive(kind, shape, output_size, rng):
    n = (
        1
        if isinstance(output_size, tuple) and len(output_size) == 1
        else len(shape) - 1
        if shape[0] == 3
        else len(shape) - 2
    )
    name = f"adaptive_{kind}_pool{n}d"
    x = distinct(rng, shape)
    for dtype in (np.float32, np.float64):
        agree(name, [x], dtype, output_size=output_size)
    if kind == "max":
        ours = getattr(F, name)(tg.tensor(np.round(x)), output_size, return_indices=True)
        theirs = getattr(torch.nn.functional, name)(torch.tensor(np.round(x)), output_size, return_indices=True)
        for a, b in zip(ours, theirs, strict=True):
            assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_to_nothing(name):
    agree(name, [np.ones((2, 1, 3, 3))], tracked=(), output_size=(0, 2))


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("lp_pool1d", (2, 3, 7), {"norm_type": 2, "kernel_size": 3}),
        ("lp_pool2d", (2, 3, 7, 6), {"norm_type": 3, "kernel_size": (2, 3), "stride": 2, "ceil_mode": True}),
        ("lp_pool3d", (1, 2, 4, 5, 4), {"norm_type": 1.5, "kernel_size": 2}),
    ],
)
def test_lp_pool(name, shape, options, rng):
    agree(name, [rng.uniform(0.5, 2, shape)], **options)


@pytest.mark.parametrize(
    ("n", "shape", "options", "output_size"),
    [
        (1, (2, 3, 8), {"kernel_size": 2}, None),
        (1, (2, 3, 9), {"kernel_size": 2}, (9,)),
        (2, (2, 3, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1}, None),
        (2, (3, 5, 7), {"kernel_size": 2}, (5, 7)),
        (2, (1, 3, 5, 7), {"kernel_size": 2}, (1, 3, 5, 7)),
        (3, (1, 2, 4, 4, 4), {"kernel_size": 2}, None),
    ],
)
def test_max_unpool(n, shape, options, output_size, rng):
    values, indices = getattr(F, f"max_pool{n}d")(tg.tensor(distinct(rng, shape)), **options, return_indices=True)
    agree(f"max_unpool{n}d", [values.numpy(), indices.numpy()], **options, output_size=output_size)


COLUMNS = [
    ((2, 3, 5, 6), {"kernel_size": 2}),
    ((3, 5, 6), {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
    ((1, 2, 7, 6), {"kernel_size": 2, "dilation": (3, 2), "padding": (0, 2)}),
]


@pytest.mark.parametrize(("shape", "options"), COLUMNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unfold_and_fold(shape, options, dtype, rng):
    columns = agree("unfold", [rng.standard_normal(shape)], dtype, **options)
    agree("fold", [rng.standard_normal(columns.shape)], dtype, output_size=shape[-2:], **options)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("max_pool2d", (2, 2, 5, 4), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("max_pool1d", (2, 6), {"kernel_size": 2}),
        ("avg_pool2d", (2, 2, 5, 4), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        ("adaptive_avg_pool2d", (1, 2, 5, 4), {"output_size": (3, 2)}),
        ("adaptive_max_pool2d", (1, 2, 5, 4), {"output_size": (3, 2)}),
        ("unfold", (1, 2, 4, 4), {"kernel_size": 2}),
    ],
)
def test_second_derivatives(name, shape, options, rng):
    function = getattr(F, name)
    assert second_order_error(lambda x: function(x, **options) ** 3, [distinct(rng, shape)]) is None


REFUSED = [
    (
        "max_pool2d",
        (28, 28),
        {"kernel_size": 2},
        ShapeError,
        "max_pool2d: the input has shape (28, 28); give an input (batch, channels, height, width), or one without batch",
    ),
    (
        "max_pool2d",
        (1, 1, 4, 4),
        {"kernel_size": 5},
        ShapeError,
        "max_pool2d: windows that span (5, 5) do not fit into an input of shape (1, 1, 4, 4) with padding (0, 0); "
        "use smaller windows, or an input of at least (5, 5)",
    ),
    (
        "max_pool1d",
        (1, 1, 4),
        {"kernel_size": 2, "padding": 2},
        ShapeError,
        "max_pool1d: padding (2,) with windows that span (2,); use at most half of a window's span",
    ),
    (
        "max_pool1d",
        (1, 1, 1),
        {"kernel_size": 2, "padding": 1, "dilation": 2},
        ShapeError,
        "max_pool1d: a window sees nothing but padding: kernel_size=(2,), stride=(2,), padding=(1,), dilation=(2,) over "
        "size (1,); use less padding",
    ),
    ("max_pool1d", (1, 1, 4), {"kernel_size": 2, "stride": 0}, ShapeError, "max_pool1d: stride is 0; use at least 1"),
    (
        "avg_pool2d",
        (1, 1, 4, 4),
        {"kernel_size": 2, "divisor_override": 0},
        ShapeError,
        "avg_pool2d: divisor_override is 0; use another number, or None for the size of the window",
    ),
    (
        "adaptive_avg_pool2d",
        (1, 1, 4, 4),
        {"output_size": (1, 2, 3)},
        ShapeError,
        "adaptive_avg_pool2d: output_size is (1, 2, 3); give one number, or 2",
    ),
    (
        "adaptive_max_pool1d",
        (1, 1, 0),
        {"output_size": 1},
        ShapeError,
        "adaptive_max_pool1d: the input has shape (1, 1, 0); give one that is not empty",
    ),
    (
        "unfold",
        (1, 1, 4, 4),
        {"kernel_size": 5},
        ShapeError,
        "unfold: no window fits into size (4, 4) with kernel_size=(5, 5), dilation=(1, 1), padding=(0, 0), "
        "stride=(1, 1); use smaller windows or more padding",
    ),
    (
        "fold",
        (1, 4, 5),
        {"output_size": (3, 3), "kernel_size": 2},
        ShapeError,
        "fold: the input has shape (1, 4, 5), windows (2, 2) in size (3, 3) make 4 columns; "
        "give an input (batch, multiple of 4, 4)",
    ),
]


@pytest.mark.parametrize(("name", "shape", "options", "kind", "message"), REFUSED)
def test_refusals(name, shape, options, kind, message):
    with pytest.raises(kind) as caught:
        getattr(F, name)(tg.zeros(*shape), **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["avg_pool2d", "adaptive_avg_pool2d"])
def test_averages_of_integers_are_refused(name):
    with pytest.raises(DTypeError) as caught:
        getattr(F, name)(tg.zeros(1, 1, 4, 4).int(), 2)
    assert str(caught.value) == f"{name}: the input has dtype int32; convert it with .float()"


def test_averages_of_int64_are_cut_off():
    assert F.avg_pool1d(tg.tensor([[1, 2, -1, -2]]), 2).tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("indices", "options", "kind", "message"),
    [
        (
            [[[9]]],
            {},
            IndexRangeError,
            "max_unpool1d: indices up to 9 in an output of size (2,); give the output_size",
        ),
        (
            [[[0, 1]]],
            {},
            ShapeError,
            "max_unpool1d: the input has shape (1, 1, 1), the indices (1, 1, 2); pass both as max_pool returned them",
        ),
        (
            [[[0]]],
            {"output_size": (1, 1, 9)},
            ShapeError,
            "max_unpool1d: output_size (1, 1, 9), where (2,) is usual; stay within one stride of it",
        ),
    ],
)
def test_unpooling_refuses(indices, options, kind, message):
    with pytest.raises(kind) as caught:
        F.max_unpool1d(tg.ones(1, 1, 1), tg.tensor(indices), 2, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("change", ["relu", "a view", "nothing"])
def test_the_output_of_max_pooling_may_be_written_into(change, ceil_mode):
    values = np.random.default_rng(0).standard_normal((2, 3, 7, 7))
    found = []
    for m in (tg, torch):
        x = m.tensor(values, requires_grad=True)
        y = m.nn.functional.max_pool2d(x * 2, 3, 2, ceil_mode=ceil_mode)
        if change == "relu":
            y = m.nn.functional.relu(y, inplace=True)
        elif change == "a view":
            view = y.flatten(2)
            view += 1
        (first,) = m.autograd.grad((y * y * y).sum(), x, create_graph=True)
        first.square().sum().backward()
        found.append((first.detach().numpy(), x.grad.numpy()))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_a_compiled_step_writes_into_the_output_of_max_pooling():
    layer = tg.nn.Sequential(tg.nn.MaxPool2d(2), tg.nn.ReLU(inplace=True))
    weight = tg.randn(1, 1, 4, 4, dtype=tg.float64, requires_grad=True)

    def step():
        weight.grad = None
        layer(weight * 2).sum().backward()
        return weight.grad

    np.testing.assert_array_equal(tg.compile(step)().numpy(), step().numpy())
