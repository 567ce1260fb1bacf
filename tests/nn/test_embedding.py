"""Embedding, and the layers of distances: PyTorch's arguments, printing, state and results."""

import inspect

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ContractError, IndexRangeError, ShapeError

torch = pytest.importorskip("torch")

OPTIONS = [
    {},
    {"padding_idx": 2},
    {"padding_idx": -1},
    {"max_norm": 1.0},
    {"max_norm": 1.0, "norm_type": 1.0},
    {"scale_grad_by_freq": True},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_embedding(options, rng):
    weight, indices = rng.standard_normal((5, 3)), rng.integers(0, 5, (2, 4))
    ours = nn.Embedding(5, 3, **options, dtype=tg.float64)
    theirs = torch.nn.Embedding(5, 3, **options, dtype=torch.float64)
    ours.load_state_dict({"weight": tg.tensor(weight)})
    theirs.load_state_dict({"weight": torch.tensor(weight)})
    assert repr(ours) == repr(theirs)
    assert ours.padding_idx == theirs.padding_idx
    out, expected = ours(tg.tensor(indices)), theirs(torch.tensor(indices))
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-6, atol=1e-12)


def test_embedding_begins_normal_and_its_padding_at_zero():
    layer = nn.Embedding(1000, 50, padding_idx=3)
    values = layer.weight.detach().numpy()
    assert values.dtype == np.float32
    assert (values[3] == 0).all()
    rest = np.delete(values, 3, 0)
    assert rest.mean() == pytest.approx(0, abs=0.02)
    assert rest.std() == pytest.approx(1, abs=0.02)


def test_embedding_from_vectors():
    vectors = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    frozen = nn.Embedding.from_pretrained(vectors)
    assert not frozen.weight.requires_grad
    assert frozen(tg.tensor([1])).tolist() == [[3.0, 4.0]]
    trained = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=0)
    assert trained.weight.requires_grad
    assert repr(trained) == "Embedding(2, 2, padding_idx=0)"
    # Vectors that are given keep their padding.
    assert trained(tg.tensor([0])).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag", "CosineSimilarity", "PairwiseDistance"])
def test_arguments_are_pytorchs(name):
    ours, theirs = (inspect.signature(getattr(library, name)).parameters for library in (nn, torch.nn))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.Embedding(3, 2, padding_idx=3), ContractError, "Embedding: padding_idx is 3, and there are 3 rows; stay within them"),
        (lambda: nn.Embedding(3, 2, _weight=tg.ones(2, 2)), ShapeError, "Embedding: _weight has shape (2, 2); it should be (3, 2)"),
        (lambda: nn.Embedding.from_pretrained(tg.ones(2)), ShapeError, "from_pretrained: the vectors have shape (2,); give a matrix"),
        (lambda: nn.Embedding(3, 2)(tg.tensor([[0, 3]])), IndexRangeError, "embedding: input[0, 1] is 3, and there are 3 rows; indices go from 0 to 2"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options", [{}, {"mode": "max"}, {"mode": "sum", "padding_idx": -1}, {"max_norm": 1.0, "norm_type": 1.0}]
)
def test_embedding_bag(options, rng):
    weight, numbers = rng.standard_normal((5, 3)), rng.integers(0, 5, (2, 4))
    ours = nn.EmbeddingBag(5, 3, **options, dtype=tg.float64)
    theirs = torch.nn.EmbeddingBag(5, 3, **options, dtype=torch.float64)
    ours.load_state_dict({"weight": tg.tensor(weight)})
    theirs.load_state_dict({"weight": torch.tensor(weight)})
    assert repr(ours) == repr(theirs)
    np.testing.assert_allclose(
        ours(tg.tensor(numbers)).detach().numpy(), theirs(torch.tensor(numbers)).detach().numpy(), rtol=1e-6
    )
    assert not nn.EmbeddingBag.from_pretrained(tg.tensor(weight), mode="sum").weight.requires_grad


def test_distances(rng):
    x, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    for name, options in (("CosineSimilarity", {"dim": 0}), ("PairwiseDistance", {"p": 1.0, "keepdim": True})):
        ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
        np.testing.assert_allclose(ours(tg.tensor(x), tg.tensor(y)).numpy(), theirs(torch.tensor(x), torch.tensor(y)))
        assert repr(ours) == repr(theirs)
