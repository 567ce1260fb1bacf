"""MultiheadAttention: every option beside PyTorch's, to second order; masks, initial values, errors."""

import math
import warnings

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tests.nn.beside import agree

torch = pytest.importorskip("torch")
N, L, S, E, H = 2, 3, 4, 6, 2


def layers(**options):
    return (lib.nn.MultiheadAttention(E, H, dtype=lib.float64, **options) for lib in (tg, torch))


def inputs(same=False, batch_first=False, batched=True, kdim=E, vdim=E):
    rng = np.random.default_rng(0)

    def one(length, features):
        shape = (length, features) if not batched else (N, length, features) if batch_first else (length, N, features)
        return rng.standard_normal(shape)

    return [one(L, E)] if same else [one(L, E), one(S, kdim), one(S, vdim)]


def beside(options, *arrays, constants=(), **call):
    """Compare a call; one array stands for all three inputs."""
    ours, theirs = layers(**options)
    if len(arrays) == 1:
        own, other = ours, theirs

        class Own(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = own

            def forward(self, x, **k):
                return self.layer(x, x, x, **k)

        class Other(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = other

            def forward(self, x, **k):
                return self.layer(x, x, x, **k)

        ours, theirs = Own(), Other()
    return agree(ours, theirs, *arrays, constants=constants, **call)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("same", [True, False])
def test_inputs(same, batched, batch_first, need_weights):
    beside({"batch_first": batch_first}, *inputs(same, batch_first, batched), need_weights=need_weights)


OPTIONS = {
    "no bias": {"bias": False},
    "kdim": {"kdim": 5},
    "vdim": {"vdim": 3, "kdim": 4, "bias": False},
    "bias_kv": {"add_bias_kv": True},
    "zero": {"add_zero_attn": True},
    "both": {"add_bias_kv": True, "add_zero_attn": True, "kdim": 2, "vdim": 3},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_options(name, masked, need_weights):
    options = OPTIONS[name]
    sizes = {k: options[k] for k in ("kdim", "vdim") if k in options}
    masks = {
        "attn_mask": np.triu(np.ones((L, S), bool), 2),
        "key_padding_mask": np.array([[0, 0, 0, 1], [0, 0, 1, 1]], bool),
    }
    beside(options, *inputs(**sizes), need_weights=need_weights, **(masks if masked else {}))


def masks_of(kind):
    rng = np.random.default_rng(3)
    flags = {
        "attn": rng.random((L, S)) < 0.3,
        "attn3": rng.random((N * H, L, S)) < 0.3,
        "padding": rng.random((N, S)) < 0.4,
    }
    flags["attn"][:, 0] = flags["attn3"][:, :, 0] = flags["padding"][:, 0] = False
    return {k: v if kind == "bool" else np.where(v, -np.inf, rng.standard_normal(v.shape)) for k, v in flags.items()}


@pytest.mark.parametrize("kind", ["bool", "float"])
@pytest.mark.parametrize("attn", [None, "attn", "attn3"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("average", [None, True, False])
def test_masks(kind, attn, padded, average):
    masks = masks_of(kind)
    call = {"attn_mask": masks[attn]} if attn else {}
    call |= {"key_padding_mask": masks["padding"]} if padded else {}
    weights = {"need_weights": False} if average is None else {"average_attn_weights": average}
    # Infinite numbers have no gradient worth comparing.
    beside({}, *inputs(), constants=() if kind == "bool" else tuple(call), **call, **weights)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_a_hint_that_the_mask_is_causal(padded, need_weights):
    call = {"attn_mask": np.triu(np.ones((L, L), bool), 1), "is_causal": True, "need_weights": need_weights}
    call |= {"key_padding_mask": np.array([[0, 0, 1], [0, 0, 0]], bool)} if padded else {}
    beside({}, *inputs(same=True), **call)


@pytest.mark.parametrize("training", [True, False])
def test_rows_that_may_look_at_nothing(training):
    ours, theirs = (layer.train(training) for layer in layers())
    padding = np.array([[1, 1, 1], [0, 0, 0]], bool)
    for need_weights in (True, False):
        arrays = [np.random.default_rng(0).standard_normal((L, N, E))] * 3
        results = []
        for lib, layer in ((tg, ours), (torch, theirs)):
            x = [lib.tensor(a) for a in arrays]
            result, _ = layer(*x, key_padding_mask=lib.tensor(padding), need_weights=need_weights)
            results.append(np.isnan(result.detach().numpy()))
        assert (results[0] == results[1]).all()


def test_dropout_acts_in_training_alone():
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(E, H, dropout=0.5)
    x = tg.randn(L, N, E)
    assert not (layer(x, x, x)[0] == layer(x, x, x)[0]).all()
    weights = layer(x, x, x, average_attn_weights=False)[1]
    assert (weights == 0).any()
    layer.eval()
    assert (layer(x, x, x)[0] == layer(x, x, x)[0]).all()


def test_initial_values():
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = math.sqrt(6 / (64 + 192))
    assert abs(layer.in_proj_weight).max() <= bound
    assert abs(layer.in_proj_weight).max() > 0.99 * bound
    assert abs(layer.out_proj.weight).max() <= 1 / 8
    assert (layer.in_proj_bias == 0).all()
    assert (layer.out_proj.bias == 0).all()
    assert layer.bias_k.shape == (1, 1, 64)
    assert 0.05 < layer.bias_k.std().item() < 0.3
    apart = nn.MultiheadAttention(64, 4, kdim=16, vdim=32)
    assert abs(apart.k_proj_weight).max() <= math.sqrt(6 / 80)
    assert abs(apart.k_proj_weight).max() > 0.98 * math.sqrt(6 / 80)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"kdim": 2}, {"add_bias_kv": True}])
def test_names_in_the_state_and_what_is_printed(options):
    ours, theirs = layers(**options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)


def test_numbers_that_do_not_fit():
    for lib in (tg, torch):
        for numbers in ((0, 1), (4, 0), (-4, 2)):
            with pytest.raises(ValueError, match=str(numbers[0])):
                lib.nn.MultiheadAttention(*numbers)
        with pytest.raises(AssertionError):
            lib.nn.MultiheadAttention(6, 4)


WRONG = {
    "1-d query": ([(E,)] * 3, {}, AssertionError),
    "unbatched key": ([(L, N, E), (S, E), (S, E)], {}, AssertionError),
    "features": ([(L, N, E + 1)] * 3, {}, AssertionError),
    "key and value": ([(L, N, E), (S, N, E), (S + 1, N, E)], {}, AssertionError),
    "padding's dimensions": ([(L, N, E)] * 3, {"key_padding_mask": np.zeros(L, bool)}, AssertionError),
    "padding's shape": ([(L, N, E)] * 3, {"key_padding_mask": np.zeros((N, L + 1), bool)}, AssertionError),
    "padding's dtype": ([(L, N, E)] * 3, {"key_padding_mask": np.zeros((N, L), np.int64)}, AssertionError),
    "mask's dimensions": ([(L, N, E)] * 3, {"attn_mask": np.zeros((1, 1, L, L), bool)}, AssertionError),
    "mask's shape": ([(L, N, E)] * 3, {"attn_mask": np.zeros((L, L + 1), bool)}, RuntimeError),
    "mask's batch": ([(L, N, E)] * 3, {"attn_mask": np.zeros((N, L, L), bool)}, RuntimeError),
    "mask of one sequence": ([(L, E)] * 3, {"attn_mask": np.zeros((1, L, L), bool)}, AssertionError),
    "hint alone": ([(L, N, E)] * 3, {"is_causal": True}, RuntimeError),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_of_pytorchs_kind(name):
    shapes, call, kind = WRONG[name]
    for lib, layer in zip((tg, torch), layers(), strict=True):
        given = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in call.items()}
        with pytest.raises(kind):
            layer(*[lib.ones(*shape, dtype=lib.float64) for shape in shapes], **given)


def test_masks_of_different_kinds_are_warned_of():
    layer = nn.MultiheadAttention(E, H)
    x = tg.ones(L, N, E)
    with pytest.warns(UserWarning, match="different kinds"):
        layer(x, x, x, attn_mask=tg.zeros(L, L), key_padding_mask=tg.zeros(N, L, dtype=tg.bool))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x, x, x, attn_mask=tg.zeros(L, L), key_padding_mask=tg.zeros(N, L))


def test_merged_masks():
    ours, theirs = layers()
    rng = np.random.default_rng(0)
    small, large, padding = rng.random((L, L)), rng.random((N * H, L, L)), rng.random((N, L))
    for mask in (None, small, large):
        for pad in (None, padding):
            found = []
            for lib, layer in ((tg, ours), (torch, theirs)):
                given = [None if m is None else lib.tensor(m) for m in (mask, pad)]
                found.append(layer.merge_masks(*given, lib.ones(N, L, E)))
            assert found[0][1] == found[1][1]
            if found[1][0] is not None:
                np.testing.assert_array_equal(found[0][0].numpy(), found[1][0].numpy())


def test_static_keys_and_values():
    rng = np.random.default_rng(0)
    query, other = rng.standard_normal((L, N, E)), rng.standard_normal((S, N, E))
    static = {name: rng.standard_normal((N * H, S + 1, E // H)) for name in ("static_k", "static_v")}
    weights = [rng.standard_normal(shape) for shape in ((3 * E, E), (3 * E,), (E, E), (E,))]

    def call(lib):
        def run(q, k, v, a, b, c, d, **given):
            forward = lib.nn.functional.multi_head_attention_forward
            return forward(q, k, v, E, H, a, b, None, None, False, 0.0, c, d, **given)

        return run

    agree(call(tg), call(torch), query, other, other, *weights, **static)


def test_backends_are_accepted():
    from tapegrad.nn.attention import SDPBackend, sdpa_kernel

    assert {b.name: int(b) for b in SDPBackend} == {
        name: int(b) for name, b in torch.nn.attention.SDPBackend.__members__.items()
    }
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], set_priority=True):
        x = nn.functional.scaled_dot_product_attention(*[tg.ones(1, 2)] * 3)
    assert x.tolist() == [[1.0, 1.0]]
    with pytest.raises(AssertionError), sdpa_kernel("math"):
        pass
