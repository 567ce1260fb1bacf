"""The Transformer and its layers beside PyTorch's, to second order; masks, hints, padding, warnings, errors."""

import copy
import warnings

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tests.nn.beside import agree, give_weights

torch = pytest.importorskip("torch")
N, S, T, D, H, W = 2, 4, 3, 4, 2, 6
KINDS = [{}, {"norm_first": True}, {"activation": "gelu", "bias": False}, {"layer_norm_eps": 0.1, "batch_first": True}]


def sequence(length, batch_first=False, batched=True, seed=0):
    shape = (length, D) if not batched else (N, length, D) if batch_first else (length, N, D)
    return np.random.default_rng(seed).standard_normal(shape)


def made(name, options):
    """A layer of both libraries, without dropout."""
    return [getattr(lib.nn, name)(D, H, W, **{"dropout": 0.0} | options, dtype=lib.float64) for lib in (tg, torch)]


def padding(length, batched=True):
    rows = np.zeros((N, length), bool)
    rows[0, -1] = True
    return rows if batched else rows[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_encoder_layer(options, masked, training):
    ours, theirs = (layer.train(training) for layer in made("TransformerEncoderLayer", options))
    masks = {"src_mask": np.triu(np.ones((S, S), bool), 1), "src_key_padding_mask": padding(S)} if masked else {}
    agree(ours, theirs, sequence(S, options.get("batch_first", False)), **masks)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_decoder_layer(options, masked, training):
    ours, theirs = (layer.train(training) for layer in made("TransformerDecoderLayer", options))
    masks = {"tgt_mask": np.triu(np.ones((T, T), bool), 1), "memory_mask": np.triu(np.ones((T, S), bool), 2)}
    masks |= {"tgt_key_padding_mask": padding(T), "memory_key_padding_mask": padding(S)}
    first = options.get("batch_first", False)
    agree(ours, theirs, sequence(T, first), sequence(S, first, seed=1), **(masks if masked else {}))


@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_without_batches(name):
    more = [sequence(S, batched=False, seed=1)] if "Decoder" in name else []
    agree(*made(name, {"batch_first": True}), sequence(T, batched=False), *more)


@pytest.mark.parametrize("activation", ["function", "module"])
def test_activations_that_are_no_names(activation):
    layers = [
        lib.nn.TransformerEncoderLayer(
            D, H, W, 0.0, lib.tanh if activation == "function" else lib.nn.ELU(), dtype=lib.float64
        )
        for lib in (tg, torch)
    ]
    assert list(layers[0].state_dict()) == list(layers[1].state_dict())
    assert [n for n, _ in layers[0].named_modules()] == [n for n, _ in layers[1].named_modules()]
    agree(*layers, sequence(S))


def stacks(options, norm=True, **more):
    layers = made("TransformerEncoderLayer", options)
    norms = [lib.nn.LayerNorm(D, dtype=lib.float64) if norm else None for lib in (tg, torch)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            lib.nn.TransformerEncoder(layer, 2, last, **more)
            for lib, layer, last in zip((tg, torch), layers, norms, strict=True)
        ]


@pytest.mark.parametrize("hint", [None, True, False])
@pytest.mark.parametrize("mask", [None, "causal", "other"])
def test_encoder(mask, hint):
    if mask is None and hint:
        pytest.skip("a hint wants a mask")
    causal = np.triu(np.full((S, S), -np.inf), 1)
    masks = {None: None, "causal": causal, "other": np.where(causal == 0, -0.5, 0.0)}
    constants = () if mask is None else ("mask",)
    agree(*stacks({}), sequence(S), mask=masks[mask], is_causal=hint, constants=constants)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("kind", ["ends", "begins", "all", "numbers"])
@pytest.mark.parametrize("enable", [True, False])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_padded_positions_in_evaluation(kind, norm, enable):
    """Without gradients both give 0 where sequences end early, and only there."""
    ours, theirs = stacks({"batch_first": True}, norm, enable_nested_tensor=enable)
    give_weights(ours, theirs)
    mask = padding(S)
    if kind == "begins":
        mask = mask[:, ::-1].copy()
    if kind == "all" and enable:
        mask[0] = True
    if kind == "numbers":
        mask = np.where(mask, -np.inf, 0.0)
    x = sequence(S, True)
    with tg.no_grad(), torch.no_grad():
        got = ours.eval()(tg.tensor(x), src_key_padding_mask=tg.tensor(mask)).numpy()
        want = theirs.eval()(torch.tensor(x), src_key_padding_mask=torch.tensor(mask)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)
    if kind == "ends" and enable and not norm:
        assert (got[0, -1] == 0).all()
    with_gradients = ours(tg.tensor(x), src_key_padding_mask=tg.tensor(mask))
    assert kind == "all" or not (with_gradients.detach().numpy()[0, -1] == 0).any()


@pytest.mark.parametrize("hint", [None, True])
def test_decoder(hint):
    layers = made("TransformerDecoderLayer", {"norm_first": True})
    ours, theirs = (
        lib.nn.TransformerDecoder(layer, 2, lib.nn.LayerNorm(D, dtype=lib.float64))
        for lib, layer in zip((tg, torch), layers, strict=True)
    )
    mask = np.triu(np.full((T, T), -np.inf), 1)
    agree(ours, theirs, sequence(T), sequence(S, seed=1), tgt_mask=mask, tgt_is_causal=hint, constants=("tgt_mask",))


@pytest.mark.parametrize(
    "options", [{}, {"norm_first": True, "bias": False}, {"batch_first": True, "activation": "gelu"}]
)
def test_transformer(options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (lib.nn.Transformer(D, H, 2, 1, W, 0.0, **options, dtype=lib.float64) for lib in (tg, torch))
    first = options.get("batch_first", False)
    masks = {"src_key_padding_mask": padding(S), "memory_key_padding_mask": padding(S)}
    masks |= {"tgt_mask": np.triu(np.ones((T, T), bool), 1)}
    agree(ours, theirs, sequence(S, first), sequence(T, first, seed=1), **masks)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)


def test_custom_stacks():
    class Echo(nn.Module):
        def forward(self, *args, **kwargs):
            return args[0]

    model = nn.Transformer(D, H, custom_encoder=Echo(), custom_decoder=Echo())
    x = tg.ones(T, N, D)
    assert model(tg.zeros(S, N, D), x) is x


def test_matrices_begin_xavier_uniform():
    tg.manual_seed(0)
    model = nn.Transformer(16, 2, 1, 1, 64, batch_first=True)
    bound = (6 / (16 + 64)) ** 0.5
    assert 0.97 * bound < abs(model.encoder.layers[0].linear1.weight).max() <= bound
    assert 0.97 * bound < abs(model.decoder.layers[0].linear2.weight).max() <= bound


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(D, H, W, batch_first=True)
    stack = nn.TransformerEncoder(layer, 3)
    weights = [one.linear1.weight for one in stack.layers]
    assert all((w == layer.linear1.weight).all() and w is not layer.linear1.weight for w in weights)
    assert len({id(w) for w in weights}) == 3
    assert repr(copy.deepcopy(stack)) == repr(stack)


def test_dropout_acts_in_training_alone():
    tg.manual_seed(0)
    layer = nn.TransformerEncoderLayer(D, H, W, dropout=0.5)
    x = tg.randn(S, N, D)
    assert not (layer(x) == layer(x)).all()
    layer.eval()
    assert (layer(x) == layer(x)).all()


def test_the_causal_mask():
    for size in (0, 1, 4):
        got = nn.Transformer.generate_square_subsequent_mask(size)
        want = torch.nn.Transformer.generate_square_subsequent_mask(size)
        np.testing.assert_array_equal(got.numpy(), want.numpy())
        assert got.dtype == tg.float32
    assert nn.Transformer.generate_square_subsequent_mask(2, dtype=tg.float64).dtype == tg.float64


def test_detecting_a_causal_mask():
    from torch.nn.modules.transformer import _detect_is_causal_mask as theirs

    from tapegrad.nn.transformer import _detect_is_causal_mask as ours

    causal = np.triu(np.full((3, 3), -np.inf), 1)
    for mask in (None, causal, np.zeros((3, 3)), causal[:2], causal[None], causal[:, :2]):
        for hint in (None, True, False):
            for size in (None, 3, 2):
                given = [
                    None if mask is None else lib.tensor(np.nan_to_num(mask, neginf=-np.inf)) for lib in (tg, torch)
                ]
                assert ours(given[0], hint, size) == theirs(given[1], hint, size)


QUIET = {"batch_first": True}
LOUD = [
    {},
    QUIET | {"norm_first": True},
    QUIET | {"bias": False},
    QUIET | {"activation": "tanh"},
    QUIET | {"odd": True},
]


@pytest.mark.parametrize("options", [QUIET, QUIET | {"activation": "gelu"}, *LOUD])
def test_warnings_of_a_setting_without_effect(options):
    said = []
    for lib in (tg, torch):
        chosen = {k: v for k, v in options.items() if k != "odd"}
        if chosen.get("activation") == "tanh":
            chosen["activation"] = lib.tanh
        layer = lib.nn.TransformerEncoderLayer(6, 3 if "odd" in options else 2, W, **chosen)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            stack = lib.nn.TransformerEncoder(layer, 1)
        said.append([issubclass(w.category, UserWarning) for w in caught])
        assert stack.use_nested_tensor == (options not in LOUD)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            lib.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    assert said[0] == said[1] == ([True] if options in LOUD else [])


def test_errors_are_of_pytorchs_kind():
    for lib in (tg, torch):
        with pytest.raises(RuntimeError, match="selu"):
            lib.nn.TransformerEncoderLayer(D, H, W, activation="selu")
        model = lib.nn.Transformer(D, H, 1, 1, W, batch_first=True)
        with pytest.raises(RuntimeError, match="batch number"):
            model(lib.ones(2, S, D), lib.ones(3, T, D))
        with pytest.raises(RuntimeError, match="feature number"):
            model(lib.ones(2, S, D), lib.ones(2, T, D + 1))
        with pytest.raises(AssertionError):
            model(lib.ones(S, D), lib.ones(2, T, D))


@pytest.mark.parametrize("target", ["numpy", None])
def test_a_training_step_of_an_encoder_is_compiled(target):
    def losses(compiled):
        tg.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, dtype=tg.float64)
        model = nn.TransformerEncoder(layer, 2)
        optimizer = tg.optim.AdamW(model.parameters(), lr=1e-2)
        mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=tg.float64)
        padded = tg.tensor([[False] * 5, [False] * 3 + [True] * 2])

        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x, mask, padded.double() * -1e9), y)
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step, target=target) if compiled else step
        rng = np.random.default_rng(0)
        found = [run(*[tg.tensor(rng.standard_normal((2, 5, 8))) for _ in range(2)]).item() for _ in range(6)]
        assert not compiled or (run.refusals == [] and run.programs == 1)
        return found

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-9)
