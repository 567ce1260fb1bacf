"""Loss layers: PyTorch's names, arguments, attributes, state and results."""

import inspect

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.errors import ArgumentError, IndexRangeError, TapegradWarning

torch = pytest.importorskip("torch")
W = np.array([0.5, 1.0, 2.0])

# A loss, its options, and which inputs it takes: x, y, z real, p probabilities, l log-probabilities, s signs, c labels.
LOSSES = [
    ("MSELoss", {}, "xy"),
    ("L1Loss", {"reduction": "sum"}, "xy"),
    ("SmoothL1Loss", {"beta": 0.5}, "xy"),
    ("HuberLoss", {"delta": 0.5, "reduction": "none"}, "xy"),
    ("CrossEntropyLoss", {}, "xc"),
    ("CrossEntropyLoss", {"weight": W, "ignore_index": 1, "label_smoothing": 0.2}, "xc"),
    ("CrossEntropyLoss", {"reduction": "sum"}, "xp"),
    ("NLLLoss", {}, "lc"),
    ("NLLLoss", {"weight": W, "ignore_index": 0, "reduction": "none"}, "lc"),
    ("BCELoss", {}, "pp"),
    ("BCELoss", {"weight": W, "reduction": "sum"}, "pp"),
    ("BCEWithLogitsLoss", {}, "xp"),
    ("BCEWithLogitsLoss", {"weight": W, "pos_weight": W, "reduction": "none"}, "xp"),
    ("KLDivLoss", {"reduction": "batchmean"}, "lp"),
    ("KLDivLoss", {"reduction": "sum", "log_target": True}, "ll"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, "ps"),
    ("MarginRankingLoss", {"margin": 0.5}, "xys"),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": W}, "xc"),
    ("MultiLabelMarginLoss", {}, "xm"),
    ("SoftMarginLoss", {}, "xs"),
    ("MultiLabelSoftMarginLoss", {"weight": W}, "xp"),
    ("CosineEmbeddingLoss", {"margin": 0.2}, "xyt"),
    ("TripletMarginLoss", {"margin": 0.5, "p": 1.0, "eps": 1e-4, "swap": True}, "xyz"),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5, "swap": True}, "xyz"),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 1e-3}, "pp"),
    ("GaussianNLLLoss", {"full": True, "eps": 1e-3}, "xyp"),
]
IDS = [f"{name}-{'-'.join(options)}" for name, options, _ in LOSSES]
every_loss = pytest.mark.parametrize(("name", "options", "takes"), LOSSES, ids=IDS)


def inputs(takes, rng):
    kinds = {
        "p": lambda: rng.uniform(0.1, 0.9, (4, 3)),
        "l": lambda: np.log(rng.dirichlet(np.ones(3), 4)),
        "s": lambda: rng.choice([-1.0, 1.0], (4, 3)),
        "t": lambda: rng.choice([-1.0, 1.0], 4),
        "c": lambda: np.array([0, 2, 1, 2]),
        "m": lambda: np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 1], [2, 1, 0]]),
    }
    return [kinds.get(kind, lambda: rng.uniform(-2, 2, (4, 3)))() for kind in takes]


def build(library, wrap, name, options):
    return getattr(library, name)(**{k: wrap(v) if isinstance(v, np.ndarray) else v for k, v in options.items()})


@every_loss
def test_forward_and_backward(name, options, takes, rng):
    arrays = inputs(takes, rng)
    ours, theirs = build(nn, tg.tensor, name, options), build(torch.nn, torch.tensor, name, options)
    a = [tg.tensor(v, requires_grad=i == 0) for i, v in enumerate(arrays)]
    b = [torch.tensor(v, requires_grad=i == 0) for i, v in enumerate(arrays)]
    out, expected = ours(*a), theirs(*b)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-10)
    out.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(a[0].grad.numpy(), b[0].grad.numpy(), rtol=1e-8, atol=1e-10)


@every_loss
def test_prints_like_pytorch(name, options, takes):
    ours, theirs = build(nn, tg.tensor, name, options), build(torch.nn, torch.tensor, name, options)
    assert repr(ours) == repr(theirs)


@every_loss
def test_attributes_and_state_are_pytorchs(name, options, takes):
    ours, theirs = build(nn, tg.tensor, name, options), build(torch.nn, torch.tensor, name, options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in vars(theirs).items():
        if isinstance(value, (int, float, str)) and key != "call_super_init":
            assert getattr(ours, key) == value


@pytest.mark.parametrize("name", sorted({name for name, _, _ in LOSSES} | {"NLLLoss2d"}))
def test_arguments_are_pytorchs(name):
    ours, theirs = (inspect.signature(getattr(library, name).__init__).parameters for library in (nn, torch.nn))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


def test_deprecated_reductions_are_read_when_built():
    with pytest.warns(TapegradWarning, match="use reduction='sum'"):
        loss = nn.MSELoss(size_average=False)
    assert loss.reduction == "sum"
    with pytest.warns(TapegradWarning, match="use reduction='none'"):
        loss = nn.CrossEntropyLoss(reduce=False)
    assert loss.reduction == "none"


def test_nll_loss_2d_is_an_old_name():
    with pytest.warns(TapegradWarning, match="NLLLoss2d: the name is deprecated; use NLLLoss"):
        loss = nn.NLLLoss2d(ignore_index=3)
    assert isinstance(loss, nn.NLLLoss)
    assert loss.ignore_index == 3


def test_a_weight_is_a_buffer_that_moves():
    loss = nn.CrossEntropyLoss(weight=tg.ones(3)).double()
    assert loss.weight.dtype == tg.float64
    assert list(loss.parameters()) == []
    assert nn.CrossEntropyLoss().weight is None


def test_hinge_loss():
    x, labels = tg.tensor([[2.0, 1.5, 0.0]]), tg.tensor([0])
    assert nn.HingeLoss()(x, labels).item() == 0.5
    assert nn.HingeLoss(margin=2.0, reduction="none")(x, labels).tolist() == [1.5]
    assert repr(nn.HingeLoss()) == "HingeLoss()"


def test_an_error_names_the_layer_in_the_model():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = nn.CrossEntropyLoss()

        def forward(self, x, y):
            return self.loss(x, y)

    with pytest.raises(IndexRangeError) as caught:
        Model()(tg.zeros(1, 2), tg.tensor([2]))
    assert str(caught.value).startswith("loss (cross_entropy): target[0] is 2, and there are 2 classes;")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.TripletMarginLoss(margin=0), "TripletMarginLoss: margin must be greater than 0, got 0; use a positive number"),
        (lambda: nn.MultiMarginLoss(p=3), "MultiMarginLoss: p is 3; use 1 or 2"),
        (lambda: nn.MultiMarginLoss(weight=tg.ones(2, 2)), "MultiMarginLoss: weight has shape (2, 2); give a vector"),
    ],
)  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value) == message
