"""Linear layers against PyTorch's, how they begin, and what they refuse."""

import math

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, DTypeError, ShapeError, UsageError


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def paired(torch, ours, theirs):
    """Give PyTorch's layer our values."""
    state = {k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    return ours, theirs


CASES = [
    ("Linear", (3, 4), {}, [(5, 3)]),
    ("Linear", (3, 4), {"bias": False}, [(2, 5, 3)]),
    ("Linear", (3, 4), {}, [(3,)]),
    ("Linear", (3, 4), {}, [(0, 3)]),
    ("Bilinear", (3, 2, 4), {}, [(5, 3), (5, 2)]),
    ("Bilinear", (3, 2, 4), {"bias": False}, [(2, 5, 3), (2, 5, 2)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, -1)), {}, [(3, 6)]),
    ("Identity", (7,), {"anything": 3}, [(3, 6)]),
]


@pytest.mark.parametrize(("name", "args", "options", "shapes"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_agree_with_pytorch(torch, rng, name, args, options, shapes, dtype):
    more = {} if name in ("Flatten", "Unflatten", "Identity") else {"dtype": dtype}
    ours = getattr(nn, name)(*args, **options, **more)
    theirs = getattr(torch.nn, name)(*args, **options, **({"dtype": getattr(torch, dtype)} if more else {}))
    paired(torch, ours, theirs)
    arrays = [rng.normal(size=s).astype(dtype) for s in shapes]
    inputs = [tg.tensor(a, requires_grad=True) for a in arrays]
    references = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, reference = ours(*inputs), theirs(*references)
    weight = rng.normal(size=reference.shape).astype(dtype)
    (out * tg.tensor(weight)).sum().backward()
    (reference * torch.tensor(weight)).sum().backward()
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-14}
    np.testing.assert_allclose(out.detach().numpy(), reference.detach().numpy(), **close)
    pairs = [*zip(inputs, references, strict=True), *zip(ours.parameters(), theirs.parameters(), strict=True)]
    for a, b in pairs:
        assert a.grad.dtype == dtype
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **close)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(("make", "fan"), [(lambda: nn.Linear(100, 300), 100), (lambda: nn.Bilinear(100, 30, 20), 100)])
def test_weights_begin_uniform_within_one_over_the_root_of_the_inputs(make, fan):
    layer = make()
    bound = 1 / math.sqrt(fan)
    for p in (layer.weight, layer.bias):
        values = p.detach().numpy()
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.8 * bound
    values = layer.weight.detach().numpy()
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert values.mean() == pytest.approx(0, abs=0.05 * bound)


def test_layers_are_drawn_from_the_seeded_generator():
    tg.manual_seed(3)
    a = nn.Linear(2, 2)
    b = nn.Linear(2, 2)
    tg.manual_seed(3)
    assert nn.Linear(2, 2).weight.tolist() == a.weight.tolist()
    assert a.weight.tolist() != b.weight.tolist()
    before = a.weight.tolist()
    a.reset_parameters()
    assert a.weight.tolist() != before


def test_no_inputs_leave_zeros():
    layer = nn.Linear(0, 3)
    assert layer.bias.tolist() == [0.0, 0.0, 0.0]
    assert layer(tg.zeros(2, 0)).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (lambda: nn.Linear(-1, 3), ArgumentError, "Linear: in_features is -1; use at least 0"),
        (lambda: nn.Bilinear(0, 1, 1), ArgumentError, "Bilinear: in1_features is 0; use at least 1"),
        (lambda: nn.Bilinear(1, -1, 1), ArgumentError, "Bilinear: in2_features is -1; use at least 0"),
        (lambda: nn.Linear(2, 3, device="cuda"), ArgumentError, "device: 'cuda' is not available; use 'cpu'"),
        (lambda: nn.Unflatten(1, 3), UsageError, "Unflatten: unflattened_size is 3; use a tuple of integers"),
        (lambda: nn.Unflatten(1, (2.0,)), UsageError, "Unflatten: unflattened_size is"),
        (
            lambda: nn.Linear(120, 84)(tg.zeros(2, 128)),
            ShapeError,
            r"has 128 features, .* wants 120; .*nn.Linear\(128, 84\)",
        ),
        (lambda: nn.Linear(2, 3)(tg.zeros(2, 2, dtype=tg.float64)), DTypeError, "float64, float32"),
    ],
)
def test_misuse_is_explained(use, kind, message):
    with pytest.raises(kind, match=message):
        use()
