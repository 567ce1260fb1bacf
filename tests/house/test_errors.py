"""The error table: what common mistakes are told, word for word, and that every error keeps the form."""

import ast
import pathlib
import re

import pytest

import tapegrad as tg
import tapegrad.nn.functional as F
from tapegrad import errors, nn, optim
from tapegrad.utils.data import DataLoader, TensorDataset

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "src" / "tapegrad"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(5, 2))

    def forward(self, x):
        return self.body(x)


class Forgetful(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(1, 1)


def backward_twice():
    y = (tg.ones((), requires_grad=True) * 2).exp()
    y.backward()
    y.backward()


TABLE = {
    "wrong features deep in a model": (
        lambda: Net()(tg.ones(1, 4)),
        errors.ShapeError,
        "body.2 (linear): input of shape (1, 3) has 3 features, weight of shape (2, 5) "
        "wants 5; give the input 5 features; nn.Linear(3, 2) would fit",
    ),
    "matrices that do not fit": (
        lambda: tg.ones(2, 3) @ tg.ones(4, 5),
        errors.ShapeError,
        "matmul: shapes (2, 3) and (4, 5) cannot be multiplied: the first ends in 3, th"
        "e second has 4 rows; give the second 3 rows, or transpose one of them",
    ),
    "shapes that do not broadcast": (
        lambda: tg.ones(2, 3) + tg.ones(4),
        errors.ShapeError,
        "add: inputs of shape (2, 3), (4,) do not fit: operands could not be broadcast "
        "together with shapes (2,3) (4,); make the shapes fit",
    ),
    "channels of a convolution": (
        lambda: nn.Conv2d(3, 8, 3)(tg.ones(1, 1, 8, 8)),
        errors.ShapeError,
        "conv2d: the input of shape (1, 1, 8, 8) has 1 channels, the weight of shape (8"
        ", 3, 3, 3) with groups=1 wants 3; give an input with 3 channels, or make the l"
        "ayer with in_channels=1",
    ),
    "features of a batch norm": (
        lambda: nn.BatchNorm1d(4)(tg.ones(2, 5)),
        errors.ShapeError,
        "batch_norm: running_mean of shape (4,) should contain 5 elements; the input ha"
        "s 5 channels (dimension 1): give running_mean the shape (5,)",
    ),
    "label out of range": (
        lambda: F.cross_entropy(tg.ones(2, 3), tg.tensor([0, 3])),
        errors.IndexRangeError,
        "cross_entropy: target[1] is 3, and there are 3 classes; labels go from 0 to 2, and -100 is ignored",
    ),
    "float labels": (
        lambda: F.cross_entropy(tg.ones(2, 3), tg.tensor([0.0, 1.0])),
        errors.DTypeError,
        "cross_entropy: argument 'target' has dtype float32, class labels are integers;"
        " convert it with .long(), or give one probability for each class, in the shape"
        " of 'input'",
    ),
    "shapes of logits and probabilities": (
        lambda: F.cross_entropy(tg.ones(2, 3), tg.ones(2, 4)),
        errors.ArgumentError,
        "cross_entropy: input of shape (2, 3) does not fit target of shape (2, 4); the "
        "target should have shape (2,), or that of the input for probabilities",
    ),
    "word that embedding does not know": (
        lambda: nn.Embedding(4, 2)(tg.tensor([4])),
        errors.IndexRangeError,
        "embedding: input[0] is 4, and there are 4 rows; indices go from 0 to 3",
    ),
    "backward of many elements": (
        lambda: tg.ones(2, requires_grad=True).mul(2).backward(),
        errors.GradError,
        "backward: a gradient can be left out for one-element outputs only, this one ha"
        "s shape (2,); reduce it with .sum() or .mean(), or pass gradient=",
    ),
    "backward of a constant": (
        lambda: tg.ones(()).backward(),
        errors.GradError,
        "backward: the tensor does not require a gradient and has no grad_fn; compute i"
        "t from a tensor with requires_grad=True, outside no_grad()",
    ),
    "backward twice": (
        lambda: backward_twice(),
        errors.GradError,
        "backward through exp: the saved values were freed by an earlier backward(); pa"
        "ss retain_graph=True to the earlier backward(), or compute the forward pass ag"
        "ain",
    ),
    "in place on a leaf": (
        lambda: tg.ones(2, requires_grad=True).add_(1),
        errors.GradError,
        "add_: a leaf Variable that requires grad is being used in an in-place operatio"
        "n; write inside `with tapegrad.no_grad():`, or out of place",
    ),
    "numpy of a tracked tensor": (
        lambda: tg.ones(2, requires_grad=True).numpy(),
        errors.GradError,
        "numpy: this tensor requires a gradient, which the array would lose; use t.detach().numpy(), or np.asarray(t)",
    ),
    "truth of many": (
        lambda: bool(tg.ones(2)),
        errors.ShapeError,
        "bool: the truth of a tensor of shape (2,) is ambiguous; use .any() or .all(), or compare one element",
    ),
    "item of many": (
        lambda: tg.ones(2).item(),
        errors.ShapeError,
        "item: a tensor of shape (2,) has 2 elements; use tolist(), or reduce it",
    ),
    "view of what is not contiguous": (
        lambda: tg.ones(2, 3).t().view(6),
        errors.ShapeError,
        "view: a tensor of shape (3, 2) and stride (1, 3) has no view of shape (6,); us"
        "e .reshape(...), which copies where it must, or .contiguous() first",
    ),
    "reshape to another size": (
        lambda: tg.ones(2, 3).reshape(4, 2),
        errors.ShapeError,
        "reshape: inputs of shape (2, 3), shape=(4, 2) do not fit: cannot reshape array"
        " of size 6 into shape (4,2); make the shapes fit",
    ),
    "index out of range": (
        lambda: tg.ones(2)[5],
        errors.IndexRangeError,
        "index: 5 does not fit a tensor of shape (2,) (index 5 is out of bounds for axi"
        "s 0 with size 2); use an index in range",
    ),
    "dimension out of range": (
        lambda: tg.ones(2, 3).sum(dim=2),
        errors.IndexRangeError,
        "sum: inputs of shape (2, 3), dim=2, keepdim=False: axis 2 is out of bounds for"
        " array of dimension 2; use a dimension or index in range",
    ),
    "integers that require a gradient": (
        lambda: tg.tensor([1], requires_grad=True),
        errors.DTypeError,
        "requires_grad: a tensor of dtype int64 has no gradient; make it floating-point first, e.g. with .float()",
    ),
    "a keyword that does not exist": (
        lambda: tg.exp(tg.ones(1), dmi=0),
        errors.UsageError,
        "exp: there is no argument 'dmi'; known: input",
    ),
    "a list for a tensor": (
        lambda: tg.exp([1.0]),
        errors.UsageError,
        "exp: expected a tensor, got list; wrap the values in tapegrad.tensor(...)",
    ),
    "mixed dtypes in a product": (
        lambda: tg.ones(2, 2) @ tg.ones(2, 2).double(),
        errors.DTypeError,
        "matmul: the inputs have dtypes float32, float64; make them equal, e.g. with .float() or .to(other.dtype)",
    ),
    "optimizer without parameters": (
        lambda: optim.SGD([], lr=0.1),
        errors.ArgumentError,
        "SGD: there are no parameters; pass model.parameters() of a model",
    ),
    "negative rate": (
        lambda: optim.SGD([nn.Parameter(tg.ones(1))], lr=-1),
        errors.ArgumentError,
        "SGD: lr is -1; use 0 or more",
    ),
    "no data": (
        lambda: next(iter(DataLoader(TensorDataset(tg.ones(0, 2)), shuffle=True))),
        errors.DataError,
        "DataLoader: the dataset (a TensorDataset) is empty; check where it is read from",
    ),
    "forward forgotten": (
        lambda: nn.Module()(1),
        errors.MissingMethodError,
        "Module: has no forward method; write `def forward(self, x): ...` in the class",
    ),
    "super().__init__() forgotten": (
        lambda: Forgetful(),
        errors.MissingAttributeError,
        "Forgetful: cannot assign module before Module.__init__() call; begin Forgetful"
        ".__init__ with super().__init__()",
    ),
    "a name that does not exist": (
        lambda: tg.linspce,
        AttributeError,
        "module 'tapegrad' has no attribute 'linspce'; did you mean 'linspace'?",
    ),
    "cuda": (
        lambda: tg.zeros(2).to("cuda"),
        errors.DeviceError,
        "device: 'cuda' is not available; use 'cpu'",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_word_for_word(name):
    mistake, kind, message = TABLE[name]
    with pytest.raises(kind) as caught:
        mistake()
    assert str(caught.value) == message


KINDS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
FREE = {"MissingExtraError"}  # writes its own sentence


def raised(tree):
    """Every ``raise Kind(...)`` of ours in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = getattr(node.exc.func, "id", "")
            if name in KINDS - FREE and not any(isinstance(a, ast.Starred) for a in node.exc.args):
                yield name, node.exc


def faults(source):
    return [
        f"line {call.lineno}: {name} has {len(call.args)} parts, wants who, what, fix"
        for name, call in raised(ast.parse(source))
        if len(call.args) + len(call.keywords) < 3
    ]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_error_says_who_what_and_what_to_do(path):
    assert faults(path.read_text()) == []


def test_an_error_without_a_remedy_is_seen():
    assert faults("raise ShapeError('linear', 'does not fit')")
    assert faults("raise ShapeError('linear', 'does not fit', 'make it fit')") == []


def test_the_form_of_the_table():
    for _, _, message in TABLE.values():
        assert re.fullmatch(r"[\w. ()]+: .+; .+", message) or message.startswith("module 'tapegrad'"), message
