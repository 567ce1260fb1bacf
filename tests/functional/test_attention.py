"""Scaled dot-product attention: values, gradients to second order, masks, pieces, errors."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.nn import functional as F
from tests.nn.beside import agree

torch = pytest.importorskip("torch")


def draw(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def both(*arrays, **options):
    theirs = torch.nn.functional.scaled_dot_product_attention
    return agree(F.scaled_dot_product_attention, theirs, *arrays, **options)[0]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shapes", [[(3, 4), (3, 4), (3, 4)], [(2, 3, 4), (2, 5, 4), (2, 5, 2)], [(2, 2, 5, 3)] * 3])
def test_without_a_mask(shapes, causal):
    both(*draw(*shapes), is_causal=causal)


@pytest.mark.parametrize("shape", [(3, 5), (1, 5), (2, 1, 3, 5), (2, 4, 3, 5), (2, 4, 1, 1)])
def test_masks_of_bool(shape):
    mask = np.random.default_rng(1).random(shape) < 0.6
    both(*draw((2, 4, 3, 2), (2, 4, 5, 2), (2, 4, 5, 2)), attn_mask=mask)


@pytest.mark.parametrize("constants", [(), ("attn_mask",)])
@pytest.mark.parametrize("shape", [(3, 5), (2, 1, 3, 5), (2, 4, 3, 5)])
def test_masks_that_are_added_get_gradients(shape, constants):
    mask = draw(shape, seed=1)[0]
    both(*draw((2, 4, 3, 2), (2, 4, 5, 2), (2, 4, 5, 2)), attn_mask=mask, constants=constants)


def test_a_query_that_may_look_at_nothing_gets_zero():
    mask = np.ones((3, 3), bool)
    mask[1] = False
    result = both(*draw((2, 3, 2), (2, 3, 2), (2, 3, 2)), attn_mask=mask)
    assert (result.detach().numpy()[:, 1] == 0).all()


@pytest.mark.parametrize("scale", [0.0, -0.7, 2.0])
def test_scale(scale):
    both(*draw((2, 3, 4), (2, 3, 4), (2, 3, 4)), scale=scale)


@pytest.mark.parametrize("shapes", [[(1, 3, 4), (2, 5, 4), (5, 2)], [(2, 1, 3, 4), (3, 5, 4), (1, 5, 4)]])
def test_leading_dimensions_broadcast(shapes):
    both(*draw(*shapes))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_heads_of_keys_serve_several_of_queries(heads):
    both(*draw((2, 4, 3, 2), (2, heads, 5, 2), (2, heads, 5, 2)), enable_gqa=True)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(300, 200), (150, 400), (600, 900)])
def test_longer_than_a_piece(rows, columns, causal):
    both(*draw((1, 3, rows, 2), (1, 3, columns, 2), (1, 3, columns, 2)), is_causal=causal)


def test_nothing_to_look_at_and_nobody_who_looks():
    assert (
        F.scaled_dot_product_attention(tg.ones(2, 3, 4), tg.ones(2, 0, 4), tg.ones(2, 0, 5)).tolist()
        == [[[0.0] * 5] * 3] * 2
    )
    assert F.scaled_dot_product_attention(tg.ones(2, 0, 4), tg.ones(2, 3, 4), tg.ones(2, 3, 5)).shape == (2, 0, 5)


def test_half_precision_is_summed_in_single():
    x = draw((2, 40, 8))[0].astype(np.float16)
    exact = F.scaled_dot_product_attention(*[tg.tensor(x.astype(np.float64))] * 3).numpy()
    result = F.scaled_dot_product_attention(*[tg.tensor(x)] * 3)
    assert result.dtype == tg.float16
    assert abs(result.numpy() - exact).max() < 1e-3


def test_dropped_weights_keep_their_mean():
    tg.manual_seed(0)
    q, k = tg.zeros(2000, 1, 4), tg.zeros(2000, 8, 4)
    v = tg.ones(2000, 8, 1)
    dropped = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25).numpy().ravel()
    assert abs(dropped.mean() - 1) < 0.02
    assert abs(dropped.var() - 0.25 / 0.75 / 8) < 0.01
    assert (F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).numpy() == 0).all()


def test_kept_weights_agree_with_what_is_not_dropped():
    q, k, v = (tg.tensor(a, requires_grad=True) for a in draw((2, 3, 4), (2, 5, 4), (2, 5, 4)))
    tg.manual_seed(0)
    dropped = F.scaled_dot_product_attention(q, k, v, dropout_p=1e-12)
    whole = F.scaled_dot_product_attention(q, k, v)
    np.testing.assert_allclose(dropped.detach().numpy(), whole.detach().numpy(), rtol=1e-10)
    for a, b in zip(tg.autograd.grad(dropped.sum(), [q, k, v]), tg.autograd.grad(whole.sum(), [q, k, v]), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


WRONG = {
    "one dimension": (((4,), (2, 3, 4), (2, 3, 4)), {}),
    "features": (((2, 3, 4), (2, 3, 5), (2, 3, 4)), {}),
    "keys and values": (((2, 3, 4), (2, 3, 4), (2, 5, 4)), {}),
    "batches": (((2, 3, 4), (3, 3, 4), (3, 3, 4)), {}),
    "heads without gqa": (((2, 4, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)), {}),
    "heads with gqa": (((2, 4, 3, 2), (2, 3, 3, 2), (2, 3, 3, 2)), {"enable_gqa": True}),
    "mask and causal": (((2, 3, 4),) * 3, {"attn_mask": np.zeros((3, 3)), "is_causal": True}),
    "integer mask": (((2, 3, 4),) * 3, {"attn_mask": np.zeros((3, 3), np.int64)}),
    "mask's shape": (((2, 3, 4),) * 3, {"attn_mask": np.zeros((3, 5))}),
    "probability": (((2, 3, 4),) * 3, {"dropout_p": 1.5}),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_of_pytorchs_kind(name):
    shapes, options = WRONG[name]
    for lib in (tg, torch):
        given = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        with pytest.raises(RuntimeError):
            lib.nn.functional.scaled_dot_product_attention(*[lib.tensor(a) for a in draw(*shapes)], **given)


def test_dtypes_must_be_one():
    with pytest.raises(RuntimeError, match="float32, float64 and float32"):
        F.scaled_dot_product_attention(tg.ones(2, 3), tg.ones(2, 3).double(), tg.ones(2, 3))
    with pytest.raises(RuntimeError, match="float"):
        F.scaled_dot_product_attention(*[tg.ones(2, 3).long()] * 3)
    with pytest.raises(TypeError, match="'key'"):
        F.scaled_dot_product_attention(tg.ones(2, 3), None, tg.ones(2, 3))
