"""Integers where functions of layers take them: results and dtypes as PyTorch's, and its refusals."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import functional as F
from tapegrad.errors import DTypeError, OptionError, UnsupportedDTypeError

torch = pytest.importorskip("torch")
NUMBERS = np.array([-9, -1, 0, 3, 8])


def same(name, arrays, **options):
    got = getattr(F, name)(*(tg.from_numpy(a.copy()) for a in arrays), **options)
    want = getattr(torch.nn.functional, name)(*(torch.from_numpy(a.copy()) for a in arrays), **options)
    assert str(got.dtype) == str(want.dtype).removeprefix("torch.")
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8"])
def test_relu6_keeps_the_dtype(dtype):
    same("relu6", [NUMBERS.astype(dtype)])
    same("relu6", [NUMBERS.astype(dtype)], inplace=True)


@pytest.mark.parametrize("limits", [(-1, 1), (-0.5, 0.5), (-2.5, 3.7)], ids=str)
def test_the_limits_of_hardtanh_lose_their_fractions(limits):
    same("hardtanh", [NUMBERS], min_val=limits[0], max_val=limits[1])


def test_an_infinite_limit_is_none():
    assert F.hardtanh(tg.tensor([-9, 3]), -np.inf, 2).tolist() == [-9, 2]


@pytest.mark.parametrize(
    "input", [tg.tensor([True]), tg.tensor([1], dtype=tg.uint8)], ids=["bool", "negative limit of uint8"]
)
def test_hardtanh_refuses(input):
    with pytest.raises(DTypeError, match="hardtanh"):
        F.hardtanh(input)


@pytest.mark.parametrize(
    "name",
    [
        *("elu_", "celu_", "selu_", "elu", "celu", "selu", "hardsigmoid", "hardswish", "silu", "mish", "softplus"),
        *("logsigmoid", "gelu", "leaky_relu", "hardshrink", "softshrink", "rrelu", "glu"),
    ],
)
def test_smooth_activations_refuse_integers(name):
    with pytest.raises(NotImplementedError):
        getattr(torch.nn.functional, name)(torch.arange(4))
    with pytest.raises(UnsupportedDTypeError, match=r"dtype int64; convert it with .float\(\)"):
        getattr(F, name)(tg.arange(4))


def test_local_response_norm_divides_sums_without_a_rest():
    same("local_response_norm", [np.arange(36).reshape(2, 6, 3) - 9], size=3, alpha=3.0)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_bilinear_keeps_the_dtype(dtype):
    rng = np.random.default_rng(0)
    same("bilinear", [rng.integers(0, 100, s).astype(dtype) for s in [(2, 3), (2, 4), (5, 3, 4), (5,)]])


@pytest.mark.parametrize("margin", [0, 1.0])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_margins_of_numbers_without_a_sign(margin, reduction):
    arrays = [np.array(a, dtype=np.uint8) for a in ([3, 5, 9], [5, 3, 9], [1, 1, 0])]
    same("margin_ranking_loss", arrays, margin=margin, reduction=reduction)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("options", [{}, {"align_corners": True}, {"antialias": True}], ids=str)
@pytest.mark.parametrize("size", [(9, 11), (30, 40), (17, 50)], ids=str)
def test_pixels_are_interpolated_as_pytorch_rounds_them(mode, options, size):
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 17, 23), dtype=np.uint8)
    same("interpolate", [image], size=size, mode=mode, **options)


def test_other_integers_are_not_interpolated():
    with pytest.raises(UnsupportedDTypeError, match="interpolate: the input has dtype int64"):
        F.interpolate(tg.zeros(1, 1, 4, 4, dtype=tg.int64), 2, mode="bilinear")


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_pooling_of_an_empty_batch(n):
    result, indices = getattr(F, f"fractional_max_pool{n}d")(tg.zeros(0, 1, *(5,) * n), 2, 2, return_indices=True)
    assert result.shape == indices.shape == (0, 1, *(2,) * n)


@pytest.mark.parametrize("module", [tg, F], ids=["torch", "functional"])
def test_a_probability_above_1_is_pytorchs_kind_of_error_in_both_places(module):
    with pytest.raises(OptionError, match=r"the probability is 1\.5"):
        module.dropout(tg.ones(3), 1.5, False)


def test_adaptive_max_pool1d_is_a_pair_at_the_top_level():
    values, indices = tg.adaptive_max_pool1d(tg.tensor([[0.0, 3.0, 6.0]]), 2)
    assert (values.tolist(), indices.tolist()) == ([[3.0, 6.0]], [[1, 2]])
