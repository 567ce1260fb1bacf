"""Cross entropy and the negative log-likelihood: against PyTorch in every option, and what they refuse."""

import itertools
import warnings

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError, TapegradWarning

from .compare import agree, second_order_error

torch = pytest.importorskip("torch")
SHAPES = [(5, 3), (3,), (4, 3, 2), (2, 3, 2, 2), (3, 40)]
REDUCTIONS = ["mean", "sum", "none"]


def labels_for(shape, rng, ignored=None):
    """Labels that fit logits of a shape, one of them ignored."""
    classes = shape[0] if len(shape) == 1 else shape[1]
    labels = rng.integers(0, classes, () if len(shape) == 1 else (shape[0], *shape[2:]))
    if ignored is not None and labels.ndim:
        labels.flat[1] = ignored
    return np.asarray(labels), classes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_labels(shape, reduction, dtype, rng):
    x = rng.uniform(-3, 3, shape)
    labels, _ = labels_for(shape, rng)
    agree("cross_entropy", [x, labels], dtype, reduction=reduction)
    agree("nll_loss", [x, labels], dtype, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("ignored", [None, -100, 1, 7])
def test_every_option(shape, reduction, weighted, smoothing, ignored, rng):
    if ignored == 7 and shape[-1] == 40:
        ignored = 77
    x = rng.uniform(-3, 3, shape)
    labels, classes = labels_for(shape, rng, ignored)
    if labels.ndim == 0 and ignored is not None and labels == ignored:
        labels = np.asarray((int(labels) + 1) % classes)
    options = {"reduction": reduction}
    if weighted:
        options["weight"] = rng.uniform(0.5, 2, classes)
    if ignored is not None:
        options["ignore_index"] = ignored
    agree("cross_entropy", [x, labels], label_smoothing=smoothing, **options)
    if not smoothing:
        agree("nll_loss", [x, labels], **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_as_target(shape, reduction, weighted, smoothing, rng):
    x, target = rng.uniform(-3, 3, shape), rng.uniform(0, 1, shape)
    classes = shape[0] if len(shape) == 1 else shape[1]
    options = {"weight": rng.uniform(0.5, 2, classes)} if weighted else {}
    agree("cross_entropy", [x, target], tracked=(0, 1), reduction=reduction, label_smoothing=smoothing, **options)


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8", "int8", "uint16"])
def test_labels_of_any_integer_dtype(kind, rng):
    x = rng.uniform(-3, 3, (6, 200))
    labels = rng.integers(0, 100, 6)
    expected = agree("cross_entropy", [x, labels], tracked=())
    assert F.cross_entropy(tg.tensor(x), tg.tensor(labels.astype(kind))) == expected


def test_half_precision_computes_in_single():
    # In half precision the sum of the exponentials would be infinite.
    x = tg.zeros(1, 70000, dtype="float16", requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([0]))
    assert loss.dtype == tg.float16
    assert loss.item() == pytest.approx(np.log(70000), rel=1e-3)
    loss.backward()
    assert x.grad[0, 0].item() == -1


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_all_ignored_is_nan_without_a_gradient(name):
    x = tg.tensor(np.ones((2, 3)), requires_grad=True)
    loss = getattr(F, name)(x, tg.tensor([-100, -100]))
    loss.backward()
    assert np.isnan(loss.item())
    assert x.grad.tolist() == [[0.0] * 3] * 2
    assert getattr(F, name)(x, tg.tensor([-100, -100]), reduction="sum").item() == 0


def test_no_rows(rng):
    for reduction in REDUCTIONS:
        agree("cross_entropy", [np.zeros((0, 3)), np.zeros(0, np.int64)], tracked=(), reduction=reduction)


def test_logits_far_apart_and_infinite():
    labels = np.array([0, 1, 1])
    for dtype in (np.float32, np.float64):
        agree("cross_entropy", [np.array([[1e30, -1e30], [1e4, -1e4], [0, 1e30]]), labels], dtype, reduction="none")
    out = agree("cross_entropy", [np.array([[0.0, -np.inf]]), np.array([1])], tracked=())
    assert out.item() == np.inf


def test_an_ignored_row_counts_nothing_even_when_infinite():
    x = np.array([[-np.inf, 0.0], [1.0, 2.0]])
    for name in ("cross_entropy", "nll_loss"):
        agree(name, [x, np.array([-100, 1])], tracked=(), reduction="sum")


SECOND = [
    {},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"ignore_index": 1},
    {"label_smoothing": 0.3},
    {"weight": np.array([0.5, 2.0, 1.0])},
    {"weight": np.array([0.5, 2.0, 1.0]), "label_smoothing": 0.3, "ignore_index": 1},
]


@pytest.mark.parametrize("options", SECOND, ids=[str(list(o)) for o in SECOND])
def test_second_derivative(options, rng):
    x, labels = rng.uniform(-2, 2, (4, 3)), np.array([0, 1, 2, 1])
    options = {k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    assert second_order_error(lambda t: F.cross_entropy(t, tg.tensor(labels), **options), [x]) is None
    options.pop("label_smoothing", None)
    assert second_order_error(lambda t: F.nll_loss(tg.exp(t), tg.tensor(labels), **options), [x]) is None


def test_second_derivative_of_probabilities_as_target(rng):
    x, target = rng.uniform(-2, 2, (4, 3)), rng.uniform(0, 1, (4, 3))
    assert second_order_error(F.cross_entropy, [x, target], (0, 1)) is None


def test_third_derivative_agrees_with_pytorch(rng):
    x, labels = rng.uniform(-2, 2, (4, 3)), np.array([0, 1, 2, 1])
    u, v = rng.standard_normal((2, 4, 3))

    def third(lib, functional, grad):
        t = lib.tensor(x, requires_grad=True)
        (g,) = grad(functional.cross_entropy(t, lib.tensor(labels)), t, create_graph=True)
        (h,) = grad((g * lib.tensor(u)).sum(), t, create_graph=True)
        return grad((h * lib.tensor(v)).sum(), t)[0].numpy()

    expected = third(torch, torch.nn.functional, torch.autograd.grad)
    np.testing.assert_allclose(third(tg, F, tg.autograd.grad), expected, rtol=1e-9, atol=1e-12)


def test_a_penalty_on_the_gradient_beside_the_loss(rng):
    """Then the node hears of the loss and of the probabilities in one pass."""
    x, labels = rng.uniform(-2, 2, (4, 3)), np.array([0, 1, 2, 1])

    def both(lib, functional, grad):
        t = lib.tensor(x, requires_grad=True)
        loss = functional.cross_entropy(t, lib.tensor(labels))
        (g,) = grad(loss, t, create_graph=True)
        return grad(loss + (g * g).sum(), t)[0].numpy()

    expected = both(torch, torch.nn.functional, torch.autograd.grad)
    np.testing.assert_allclose(both(tg, F, tg.autograd.grad), expected, rtol=1e-9, atol=1e-12)


def test_the_gradient_is_probabilities_less_one_hot(rng):
    x = tg.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    labels = tg.tensor([2, 0, 1, 1])
    F.cross_entropy(x, labels).backward()
    expected = (F.softmax(x.detach(), 1) - F.one_hot(labels, 3)) / 4
    np.testing.assert_allclose(x.grad.numpy(), expected.numpy())


def test_the_common_path_is_one_step():
    with tg.no_grad():
        program = tg.trace(F.cross_entropy, tg.zeros(2, 3), tg.tensor([0, 1]))
    assert [e.primitive.name for e in program.equations] == ["softmax_cross_entropy"]
    assert program(tg.ones(2, 3), tg.tensor([2, 2])).item() == pytest.approx(np.log(3))


# -- what is refused ------------------------------------------------------------------------------------------------------

X = np.zeros((4, 3))
REFUSED = [
    (
        X,
        [0, 1, 2, 3],
        IndexRangeError,
        "target[3] is 3, and there are 3 classes; labels go from 0 to 2, and -100 is ignored",
    ),
    (X, [0, -1, 2, -1], IndexRangeError, "target[1] is -1, and there are 3 classes (1 more are out of range)"),
    (np.zeros((2, 3, 2)), [[0, 1], [5, 0]], IndexRangeError, "target[1, 0] is 5, and there are 3 classes"),
    (
        X,
        [0.0, 1.0, 2.0, 1.0],
        DTypeError,
        "argument 'target' has dtype float32, class labels are integers; convert it with .long()",
    ),
    (X, [True, False, True, False], DTypeError, "argument 'target' has dtype bool, class labels are integers"),
    (X.astype(int), [0, 1, 2, 1], DTypeError, "argument 'input' has dtype int64; make it floating-point"),
    (
        X,
        [0, 1, 2],
        ArgumentError,
        "input of shape (4, 3) does not fit target of shape (3,); the target should have shape (4,)",
    ),
    (
        X,
        [[0], [1], [2], [1]],
        ArgumentError,
        "input of shape (4, 3) does not fit target of shape (4, 1); use target.squeeze(1)",
    ),
    (np.zeros((2, 3, 4)), np.zeros((2, 5), int), ArgumentError, "the target should have shape (2, 4)"),
    (np.zeros(3), [1, 2], ArgumentError, "one row of 3 classes, but target has shape (2,); give one 0-d label"),
    (np.zeros(()), 1, ShapeError, "the input is 0-d; give it a dimension for the classes"),
]


@pytest.mark.parametrize(("x", "target", "kind", "message"), REFUSED, ids=[r[3][:40] for r in REFUSED])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_refused(name, x, target, kind, message):
    with pytest.raises(kind) as caught:
        getattr(F, name)(tg.tensor(x), tg.tensor(target))
    assert str(caught.value).startswith(f"{name}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"label_smoothing": 1.5}, ArgumentError, "cross_entropy: label_smoothing is 1.5; use a number from 0 to 1"),
        ({"reduction": "avg"}, ArgumentError, "loss: 'avg' is not a valid value for reduction; use none, mean, sum"),
        (
            {"weight": tg.ones(2)},
            ShapeError,
            "cross_entropy: argument 'weight' has shape (2,), and there are 3 classes; give one weight for each class: shape (3,)",
        ),
    ],
)
def test_options_refused(options, kind, message):
    with pytest.raises(kind) as caught:
        F.cross_entropy(tg.zeros(4, 3), tg.tensor([0, 1, 2, 1]), **options)
    assert str(caught.value) == message


def test_probabilities_as_target_refused():
    with pytest.raises(DTypeError, match=r"so it holds probabilities, but dtype int64; convert it with .float\(\)"):
        F.cross_entropy(tg.zeros(4, 3), tg.zeros(4, 3).long())
    with pytest.raises(ArgumentError, match="ignore_index=1 with probabilities as target"):
        F.cross_entropy(tg.zeros(4, 3), tg.zeros(4, 3), ignore_index=1)


def test_the_smoothed_loss_checks_labels_too():
    with pytest.raises(IndexRangeError, match=r"nll_loss: target\[0\] is 9"):
        F.cross_entropy(tg.zeros(1, 3), tg.tensor([9]), label_smoothing=0.1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_rows_that_are_all_ignored_have_a_gradient_of_zero(smoothing):
    x = tg.zeros(2, 3, requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([1, 1]), ignore_index=1, label_smoothing=smoothing)
    loss.backward()
    assert np.isnan(loss.item())
    assert x.grad.abs().max() == 0


# -- warnings -------------------------------------------------------------------------------------------------------------


def test_deprecated_reductions():
    x, t = tg.tensor([[0.0, 1.0], [2.0, 0.0]]), tg.tensor([0, 1])
    for size_average, reduce in itertools.product((None, True, False), repeat=2):
        if size_average is None and reduce is None:
            continue
        with pytest.warns(
            TapegradWarning, match="'size_average' and 'reduce' are deprecated; use reduction="
        ) as caught:
            out = F.cross_entropy(x, t, size_average=size_average, reduce=reduce)
        assert caught[0].filename == __file__
        with pytest.warns(UserWarning, match="will be deprecated"):
            expected = torch.nn.functional.cross_entropy(
                torch.tensor(x.numpy()), torch.tensor(t.numpy()), size_average=size_average, reduce=reduce
            )
        np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 10, 500])
def test_a_softmax_before_the_loss_is_noticed(classes, rng):
    p = F.softmax(tg.tensor(rng.standard_normal((6, classes)).astype(np.float32)), 1)
    labels = tg.tensor(rng.integers(0, classes, 6))
    with pytest.warns(TapegradWarning, match="logits expected") as caught:
        F.cross_entropy(p, labels)
    assert caught[0].filename == __file__


def test_it_is_told_once_for_each_line(rng):
    p, labels = F.softmax(tg.zeros(4, 3), 1), tg.tensor([0, 1, 2, 0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            F.cross_entropy(p, labels)
        F.cross_entropy(p, labels)
    assert len(caught) == 2


@pytest.mark.parametrize(
    "x",
    [
        [[0.2, 0.8], [0.5, 0.5]],
        [[0.2, 0.8], [0.5, 0.6]],
        [[0.2, 0.9], [0.5, 0.5]],
        [[1.5, -0.5], [0.5, 0.5]],
        [[0.5, 0.5], [1.5, -0.5]],
        [[np.nan, 0.5], [0.5, 0.5]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[1.0], [1.0]],
    ],
)
def test_logits_that_only_look_like_probabilities_pass_in_silence(x):
    F.cross_entropy(tg.tensor(x), tg.tensor([0, 0]))


# -- one-hot ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 2)])
def test_one_hot(shape, rng):
    labels = np.asarray(rng.integers(0, 5, shape))
    assert agree("one_hot", [labels], tracked=(), num_classes=6).dtype == tg.int64
    if labels.size:
        agree("one_hot", [labels], tracked=())


@pytest.mark.parametrize(
    ("labels", "classes", "kind", "message"),
    [
        ([1, 5], 3, IndexRangeError, "one_hot: target[1] is 5, and there are 3 classes; labels go from 0 to 2"),
        ([1, -5], -1, IndexRangeError, "one_hot: target[1] is -5, and there are 2 classes; labels go from 0 to 1"),
        ([], -1, ArgumentError, "one_hot: an empty tensor does not tell the number of classes; give num_classes"),
        ([1.0], 3, DTypeError, "one_hot: argument 'target' has dtype float32, class labels are integers"),
    ],
)
def test_one_hot_refuses(labels, classes, kind, message):
    with pytest.raises(kind) as caught:
        F.one_hot(tg.tensor(labels), classes)
    assert str(caught.value).startswith(message)
