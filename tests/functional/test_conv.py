"""Convolutions and their transposes: against PyTorch over generated geometry, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, ShapeError, UsageError

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
FLOAT32 = {"rtol": 2e-4, "atol": 2e-4}


def fitting(kernel, dilation, padding, extra):
    return tuple(
        max(1, d * (k - 1) + 1 - 2 * p) + e for k, d, p, e in zip(kernel, dilation, padding, extra, strict=True)
    )


@st.composite
def calls(draw, transposed):
    """Shapes of input, weight and bias, and the arguments."""
    n = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    groups, kernel, stride, dilation = draw(st.integers(1, 3)), sizes(1, 3), sizes(1, 3), sizes(1, 2)
    padding = sizes(0, 2)
    ins, outs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
        options["output_padding"] = extra
        size = tuple(2 * p + 1 + e for p, e in zip(padding, sizes(0, 4), strict=True))
        weight = (ins, outs // groups, *kernel)
    else:
        size = fitting(kernel, dilation, padding, sizes(0, 6))
        weight = (outs, ins // groups, *kernel)
    lead = (draw(st.integers(0, 3)), ins) if draw(st.booleans()) else (ins,)
    return n, (*lead, *size), weight, (outs,) if draw(st.booleans()) else None, options


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_pytorch(transposed, dtype):
    @settings(max_examples=80, deadline=None, derandomize=True, database=None)
    @given(calls(transposed), st.integers(0, 2**32 - 1))
    def check(call, seed):
        n, x, w, b, options = call
        rng = np.random.default_rng(seed)
        arrays = [rng.standard_normal(x), rng.standard_normal(w), None if b is None else rng.standard_normal(b)]
        tracked = (0, 1) if b is None else (0, 1, 2)
        tolerance = FLOAT32 if dtype == np.float32 else None
        name = f"conv_transpose{n}d" if transposed else f"conv{n}d"
        agree(name, arrays, dtype, tracked, tolerance, **options)

    check()


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "dilation"), [((3, 3), 1), ((2, 4), 1), ((2, 3), (3, 2)), ((1, 1), 1)])
def test_padding_by_word(padding, kernel, dilation, rng):
    arrays = [rng.standard_normal((2, 3, 7, 8)), rng.standard_normal((4, 3, *kernel)), rng.standard_normal(4)]
    out = agree("conv2d", arrays, tracked=(0, 1, 2), padding=padding, dilation=dilation)
    assert padding == "valid" or out.shape[2:] == (7, 8)


@pytest.mark.parametrize(
    ("name", "shapes", "options"),
    [
        ("conv1d", [(2, 2, 6), (3, 2, 3), (3,)], {"stride": 2, "padding": 1}),
        ("conv2d", [(1, 2, 5, 4), (2, 1, 3, 2), (2,)], {"groups": 2, "dilation": (1, 2), "padding": 1}),
        ("conv_transpose2d", [(1, 2, 3, 2), (2, 2, 2, 3), (2,)], {"stride": 2, "output_padding": 1}),
        ("conv3d", [(1, 1, 3, 3, 3), (2, 1, 2, 2, 2), (2,)], {}),
    ],
)
def test_second_derivatives(name, shapes, options, rng):
    arrays = [rng.standard_normal(s) for s in shapes]
    function = getattr(F, name)
    assert second_order_error(lambda x, w, b: function(x, w, b, **options) ** 2, arrays, (0, 1, 2)) is None


def zeros(*shapes):
    return [tg.zeros(*s) for s in shapes]


REFUSED = [
    (
        "conv2d",
        [(1, 2, 5, 5), (4, 3, 3, 3)],
        {},
        ShapeError,
        "conv2d: the input of shape (1, 2, 5, 5) has 2 channels, the weight of shape (4, 3, 3, 3) with groups=1 wants 3; "
        "give an input with 3 channels, or make the layer with in_channels=2",
    ),
    (
        "conv2d",
        [(28, 28), (4, 1, 3, 3)],
        {},
        ShapeError,
        "conv2d: the input has shape (28, 28); give an input (batch, channels, height, width), or one without batch",
    ),
    (
        "conv1d",
        [(1, 2, 3), (4, 2, 5)],
        {"padding": 0},
        ShapeError,
        "conv1d: the kernel spans (5,), but the padded input is only (3,) (input of shape (1, 2, 3)); "
        "use a smaller kernel, more padding, or an input of at least (5,)",
    ),
    (
        "conv2d",
        [(1, 2, 5, 5), (4, 2, 3)],
        {},
        ShapeError,
        "conv2d: the weight has shape (4, 2, 3); it should have 4 dimensions",
    ),
    (
        "conv1d",
        [(1, 2, 5), (4, 2, 3), (3,)],
        {},
        ShapeError,
        "conv1d: the bias has shape (3,), the weight (4, 2, 3); give a bias of shape (4,)",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 1, 3)],
        {"groups": 2},
        ShapeError,
        "conv1d: 3 channels in 2 groups; use groups that divide the channels",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 2, 3)],
        {"stride": 0},
        ShapeError,
        "conv1d: stride is 0; use at least 1",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 2, 3)],
        {"padding": (1, 1)},
        ShapeError,
        "conv1d: padding has 2 numbers: (1, 1); give one",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 2, 3)],
        {"padding": "same", "stride": 2},
        ShapeError,
        "conv1d: padding='same' with stride (2,); use stride 1, or numbers of padding",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 2, 3)],
        {"padding": "full"},
        ArgumentError,
        "conv1d: padding is 'full'; use 'same', 'valid' or numbers",
    ),
    (
        "conv1d",
        [(1, 2, 5), (3, 2, 3)],
        {"stride": 1.5},
        UsageError,
        "conv1d: stride is 1.5; use a whole number, or a tuple of 1",
    ),
    (
        "conv_transpose1d",
        [(1, 2, 5), (2, 3, 3)],
        {"output_padding": 1},
        ShapeError,
        "conv_transpose1d: output_padding (1,) with stride (1,) and dilation (1,); "
        "use an output_padding below the stride or the dilation",
    ),
    (
        "conv_transpose1d",
        [(1, 2, 1), (2, 3, 3)],
        {"padding": 2},
        ShapeError,
        "conv_transpose1d: an input of shape (1, 2, 1) gives a result of size (-1,); use less padding",
    ),
    (
        "conv_transpose1d",
        [(1, 3, 5), (2, 3, 3)],
        {},
        ShapeError,
        "conv_transpose1d: the input of shape (1, 3, 5) has 3 channels, the weight of shape (2, 3, 3) with groups=1 "
        "wants 2; give an input with 2 channels, or make the layer with in_channels=3",
    ),
]


@pytest.mark.parametrize(("name", "shapes", "options", "kind", "message"), REFUSED)
def test_refusals(name, shapes, options, kind, message):
    with pytest.raises(kind) as caught:
        getattr(F, name)(*zeros(*shapes), **options)
    assert str(caught.value) == message
