"""How programs become text: lines as a formatter writes them, names, formulas, and functions copied with what they need."""

import ast
import subprocess
import sys

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.compiler.export import _operation_with, _without_modules
from tapegrad.compiler.formatting import formatted, renamed, without_dead_setup
from tapegrad.compiler.formulas import in_plain_text
from tapegrad.compiler.harvest import Harvest, edited
from tapegrad.core import REGISTRY, ops
from tapegrad.errors import UsageError

LONG = "x" * 50
LINES = [
    f"np.matmul({LONG}, {LONG}, out=result)",
    f"loss, slope = some_function({LONG}, {LONG}, {LONG}, 'mean', (5,))",
    f"pieces = [({LONG}[i : i + 8], {LONG}[i : i + 8], work[: min(8, 20 - i)]) for i in range(0, 20, 8)]",
    f"steps = {{'first': {LONG}, 'second': {LONG}, 'third': {LONG}}}",
    "a = b ** 2 + c ** 0.5",
    "a = 'it is \"quoted\"'",
    "y = x[begin:begin + 8]",
    "a = (b + 1) ** 2",
    f"y = {LONG}[0:8].view(np.float32).reshape(({LONG}, 1000)).transpose((0, 3, 1, 2))",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("depth", [0, 2])
def test_lines_are_what_a_formatter_makes_of_them(line, depth):
    pytest.importorskip("ruff")
    indent = "    " * depth
    head = "".join(f"{'    ' * d}if True:\n" for d in range(depth))
    text = head + "\n".join(formatted(indent + line)) + "\n"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "-"]
    done = subprocess.run(command, input=head + indent + line + "\n", capture_output=True, text=True, check=True)
    assert text == done.stdout
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(head + indent + line))


def test_names_change_and_attributes_and_keywords_do_not():
    text = "out = np.add(x, y, out=out)  # out\nf(out=x.out)\n"
    assert renamed(text, {"out": "z", "x": "w"}) == "z = np.add(w, y, out=z)  # out\nf(out=w.out)\n"


def test_setup_that_nobody_reads_is_left_out():
    setup = ["a = np.empty(8)", "b = a[0:4]", "c = a[4:8]", "d = c.T", "# note"]
    assert without_dead_setup(setup, "np.exp(b, out=b)") == ["a = np.empty(8)", "b = a[0:4]", "# note"]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"x W^\top + b", "x Wᵀ + b"),
        (r"\left(\sum_i |x_i|^p\right)^{1/p}", "(Σ_i |x_i|^p)^(1/p)"),
        (r"m \sim \mathrm{Bernoulli}(1 - p) / (1 - p)", "m ~ Bernoulli(1 - p) / (1 - p)"),
        (r"s \, (x - \bar{x} - \hat{x} \, \overline{x \hat{x}})", "s (x - x̄ - x̂ mean(x x̂))"),
        (r"x^2", "x²"),
    ],
)
def test_formulas_in_plain_text(formula, text):
    assert in_plain_text(formula) == text


def test_nearly_all_formulas_lose_their_backslashes():
    left = [name for name, primitive in REGISTRY.items() if "\\" in in_plain_text(primitive.formula)]
    assert len(left) < 12


def test_edits_are_made_from_the_end():
    edits = [((1, 8), (1, 11), ""), ((1, 0), (1, 2), "value")]
    assert edited("ä = f(x, y)\nz", edits) == "value = f(x)\nz"


# -- functions --------------------------------------------------------------------------------------------------------


def harvested(name, taken=()):
    harvest = Harvest(set(taken))
    found = harvest.add(REGISTRY[name].kernel)
    space = {"np": np, "random_numbers": np.random.Generator(np.random.PCG64DXSM(5))}
    exec("\n".join(harvest.imports), space)
    text = harvest.text()
    exec(compile(text, name, "exec"), space)
    return space[found], text, harvest, found


COPIED = [name for name, primitive in REGISTRY.items() if not primitive.random]


@pytest.mark.parametrize("name", COPIED)
def test_a_copied_kernel_computes_what_the_kernel_computes(name):
    kernel, text, harvest, found = harvested(name)
    assert "import tapegrad" not in text
    assert "from tapegrad" not in text
    without = harvest.leaves_out_np(found)
    primitive, rng = REGISTRY[name], np.random.default_rng(3)
    for sample in primitive.samples() if primitive.samples else ():
        arrays = sample.draw(rng, np.float32)
        with np.errstate(all="ignore"):
            expected = primitive.kernel(np, *arrays, **sample.keywords)
            values = kernel(*(() if without else (np,)), *arrays, **sample.keywords)
        for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (expected, values)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_name_that_is_taken_is_given_to_nobody_else():
    _, text, harvest, _ = harvested("softmax_cross_entropy", taken={"into", "steps", "_labels"})
    names = {n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    assert names.isdisjoint({"into", "steps", "_labels"})
    assert "steps_2" in names
    assert harvest.names["tapegrad.ops.buffers", "steps"] == "steps_2"


def test_errors_become_pythons():
    kernel, text, harvest, found = harvested("softmax_cross_entropy")
    assert "IndexRangeError(" not in text
    assert "raise ValueError(" in text
    assert "return IndexError(" in text
    keywords = next(iter(REGISTRY["softmax_cross_entropy"].samples())).keywords
    told = r"cross_entropy: target\[1\] is 7, and there are 3 classes; labels go from 0 to 2"
    with pytest.raises(IndexError, match=told):
        kernel(
            *(() if harvest.leaves_out_np(found) else (np,)), np.zeros((2, 3), np.float32), np.array([0, 7]), **keywords
        )


def test_operations_within_a_kernel_are_called_by_their_names_alone():
    text = "import numpy as np\n\ndef step(x):\n    erf = x\n    return ops.erf(x) + ops.exp(x) + erf\n"
    found, held = _without_modules(text, {"ops": ops})
    assert found.endswith("return erf_2(np, x) + exp(np, x) + erf\n")
    assert held == {"erf_2": REGISTRY["erf"].kernel, "exp": REGISTRY["exp"].kernel}


def test_the_operation_is_named_that_uses_what_has_no_source():
    text = "def step(x):\n    # exp: e^x  (3,)\n    y = np.exp(x)\n    # odd: f(x)  (3,)\n    odd_thing(y)\n"
    assert _operation_with("odd_thing", text) == "the operation odd"
    assert _operation_with("other", text) == "the step"


def test_what_has_no_source_is_refused():
    with pytest.raises(UsageError, match="has no source of missing"):
        Harvest(set())._unit("tapegrad.ops.buffers", "missing")


# -- names ------------------------------------------------------------------------------------------------------------


def test_names_come_from_the_network():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    adam = tg.optim.Adam(model.parameters())

    @tg.compile
    def step(images, labels):
        adam.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        adam.step()
        return loss

    step(tg.randn(3, 1, 4, 4), tg.tensor([0, 1, 1]))
    assert step.refusals == []
    for name in (
        "conv1_weight",
        "grad_conv1_weight",
        "relu1",
        "relu2",
        "linear2_bias",
        "grad_linear1",
        "images",
        "labels",
    ):
        assert name in step.source
    assert "one_minus_beta1" in step.source
    assert "\\" not in step.source


class Tricky(nn.Module):
    """A layer whose parameters are called like the variables of a kernel."""

    def __init__(self):
        super().__init__()
        self.result = nn.Parameter(tg.full((3,), 2.0))

    def forward(self, x):
        return nn.functional.linear(x, tg.eye(3), self.result)


def test_a_kernels_variables_are_never_called_like_a_parameter():
    model = nn.Sequential(Tricky())
    sgd = tg.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        sgd.zero_grad()
        loss = model(x).sum()
        loss.backward()
        sgd.step()
        return loss

    compiled = tg.compile(step)
    losses = [compiled(tg.ones(2, 3)).item() for _ in range(3)]
    assert compiled.refusals == []
    assert losses == pytest.approx([18.0, 16.8, 15.6])
    assert "tricky1_result" in compiled.source
