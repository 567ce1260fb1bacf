"""Watching a script: what is seen of it, and that nothing of the watching is left."""

import builtins
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.explain.doctor.gathering import Gathering
from tapegrad.explain.doctor.script import course_of_script, watch_script
from tapegrad.explain.doctor.truth import factor_between, factor_of_function
from tapegrad.nn import functional as F
from tapegrad.nn.hooks import GLOBAL_HOOKS

LOOP = """
import sys
import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x[:, 0] > 0).long()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(5):
    for i in range(0, 64, 16):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[i : i + 16]), y[i : i + 16])
        loss.backward()
        optimizer.step()
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "training.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def test_the_rate_is_that_of_the_optimizer_that_steps_however_many_were_made(script):
    unused = "unused = torch.optim.Adam(nn.Linear(4, 2).parameters(), lr=0.5)\n"
    course = course_of_script(script(LOOP.replace("optimizer = ", unused + "optimizer = ", 1)))
    assert (course.rates, course.facts.optimizer) == ([(1, 0.1)], "SGD")


def test_the_course_is_what_happened(script):
    course = course_of_script(script(LOOP))
    assert course.steps == list(range(1, 21))
    assert course.losses[-1] < course.losses[0]
    assert course.rates == [(1, 0.1)]
    facts = course.facts
    assert (facts.loss, facts.optimizer, facts.task) == ("CrossEntropyLoss", "SGD", "classification")
    assert (facts.classes, facts.batch_size) == (2, 16)
    assert facts.kinds == {"0": "Linear", "1": "ReLU", "2": "Linear"}
    first = course.looks[0].layers
    assert list(first) == ["0", "1", "2"]
    assert first["0"].grad_norm > 0
    assert first["0"].update_ratio == pytest.approx(0.1 * first["0"].grad_norm / first["0"].weight_norm, rel=1e-4)
    assert course.sample.rows == 64
    assert course.practice.unseen == ""


def test_what_cannot_be_looked_at_ends_no_script(script, monkeypatch):
    def fail(*details):
        raise ValueError("no look")

    for name in ("enters", "leaves", "loss", "before_backward", "after_backward", "before_step", "after_step"):
        monkeypatch.setattr(Gathering, name, fail)
    course = course_of_script(script(LOOP))
    assert course.practice.error == ""
    assert course.practice.unseen == "ValueError: no look"


def test_watching_changes_no_number(script, monkeypatch):
    path = script(LOOP + "\nresult.extend(p.detach().numpy().copy() for p in model.parameters())\n")
    plain = {"result": [], "__name__": "__main__"}
    exec(compile(path.read_text(), str(path), "exec"), plain)
    watched = []
    monkeypatch.setattr(builtins, "result", watched, raising=False)
    course_of_script(path)
    assert len(watched) == 4
    for a, b in zip(plain["result"], watched, strict=True):
        np.testing.assert_array_equal(a, b)


def state():
    """What watching replaces while it goes on."""
    functions = F.cross_entropy, tg.nn.utils.clip_grad_norm_, tg.Tensor.backward, tg.optim.Optimizer.__init__
    others = tg.nn.Module.load_state_dict, vars(tg.autograd.Function)["apply"], sys.modules["__main__"]
    return functions, others, list(sys.argv), list(sys.path), len(GLOBAL_HOOKS)


def test_nothing_of_it_is_left(script):
    before = state()
    for text in (LOOP, LOOP + "\n1 / 0\n"):
        watch_script(script(text))
        assert state() == before


def test_it_stops_after_so_many_updates(script):
    forever = LOOP.replace("range(5)", "range(10**9)")
    assert course_of_script(script(forever), steps=7).step == 7


def test_a_script_sees_its_arguments_and_its_name(script):
    text = LOOP + "\nassert (__name__, sys.argv[1:]) == ('__main__', ['--lr', '3']), sys.argv\n"
    assert watch_script(script(text), ["--lr", "3"]) == []


def test_an_error_of_the_script_is_told_with_its_line(script):
    (finding,) = watch_script(script(LOOP + "\n\nraise KeyError('weights')\n"))
    assert finding.fault == "script-error"
    assert finding.where == "training.py:20"
    assert "KeyError" in finding.message()
    assert "KeyError" in finding.message("zh")


def test_a_mistake_of_syntax_is_told_with_its_line(script):
    (finding,) = watch_script(script("x = 1\ny = = 2\n"))
    assert (finding.fault, finding.where) == ("script-error", "training.py:2")


WEIRD = {
    "an error without words": (
        "class E(Exception):\n def __str__(self): raise RuntimeError\nraise E",
        "training.py:3",
        "E: E",
    ),
    "no Exception": ("raise GeneratorExit('so')", "training.py:1", "GeneratorExit: so"),
    "an exit code without words": (
        "class E:\n def __str__(self): raise RuntimeError\nraise SystemExit(E())",
        "",
        "it ended with exit code",
    ),
    "no text": ("x = 1\n\0", "training.py", "SyntaxError"),
}


@pytest.mark.parametrize(("text", "where", "words"), WEIRD.values(), ids=WEIRD)
def test_errors_of_all_kinds_are_told(tmp_path, text, where, words):
    path = tmp_path / "training.py"
    path.write_text(text)
    (finding,) = watch_script(path)
    assert (finding.fault, finding.where) == ("script-error", where)
    assert words in finding.message()


STREAMS = {
    "closed": "sys.stdout.close()",
    "gone": "sys.stdout = sys.stderr = None",
    "a child": "if os.fork() == 0: sys.exit(0)\nos.wait()",
}


@pytest.mark.parametrize("text", STREAMS.values(), ids=STREAMS)
def test_what_a_script_does_to_its_streams_or_in_a_child_hides_no_finding(tmp_path, text):
    if "fork" in text and not hasattr(os, "fork"):
        pytest.skip("needs fork")
    path = tmp_path / "training.py"
    path.write_text(f"import os, sys\nprint('before')\n{text}\nraise ValueError('here')\n")
    command = "import sys; from tapegrad.cli.main import main; sys.exit(main(['doctor', sys.argv[1], '--lang', 'en']))"
    done = subprocess.run([sys.executable, "-c", command, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("before") == 1
    assert done.stdout.count("The script ended with an error") == 1


def test_ending_well_is_no_error(script):
    assert watch_script(script(LOOP + "\nsys.exit(0)\n")) == []


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        watch_script(tmp_path / "absent.py")


def test_prepare_is_called_before(script):
    seen = []
    watch_script(script("import tapegrad\n"), prepare=lambda: seen.append(1))
    assert seen == [1]


def test_a_module_that_is_made_on_the_way_is_no_network(script):
    text = LOOP.replace("model(x[i : i + 16])", "nn.Softmax(dim=1)(model(x[i : i + 16]))")
    path = script(text)
    assert list(course_of_script(path).facts.kinds) == ["0", "1", "2"]
    finding = watch_script(path)[0]
    assert (finding.fault, finding.where) == ("double-softmax", "Softmax")


def test_two_networks_are_told_apart_by_their_variables(script):
    text = LOOP.replace("model(x[i : i + 16])", "head(model(x[i : i + 16]))").replace(
        "optimizer =", "head = nn.Linear(2, 2)\noptimizer ="
    )
    first = course_of_script(script(text)).looks[0].layers
    assert list(first) == ["model.0", "model.1", "model.2", "head"]
    assert all(layer.mean is not None for layer in first.values())


# -- gradients ----------------------------------------------------------------------------------------------------------


class Twice(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 4 * g * x


class Right(Twice):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x


def test_the_factor_of_a_function():
    x = tg.tensor([1.0, -2.0, 3.0], requires_grad=True)
    assert factor_of_function(Twice.apply, (x,)) == pytest.approx(2.0, rel=1e-3)
    assert factor_of_function(Right.apply, (x,)) == 1.0
    assert x.grad is None


def test_gradients_that_are_not_parallel_have_no_factor():
    rng = np.random.default_rng(0)
    a = rng.standard_normal(20)
    assert factor_between([a / 128], [a]) == pytest.approx(1 / 128)
    assert factor_between([a], [rng.standard_normal(20)]) is None
    assert factor_between([np.zeros(3)], [np.zeros(3)]) is None


def test_clipping_is_no_wrong_factor(script):
    text = LOOP.replace("loss.backward()", "loss.backward(); nn.utils.clip_grad_norm_(model.parameters(), 0.1)")
    assert watch_script(script(text)) == []


def test_a_hook_that_scales_gradients_is_seen(script):
    text = LOOP.replace("for epoch", "for p in model.parameters():\n    p.register_hook(lambda g: g / 16)\nfor epoch")
    finding = watch_script(script(text))[0]
    assert finding.fault == "gradient-scale"
    assert finding.evidence["factor"] == pytest.approx(1 / 16)


# -- what is easily mistaken for something else ------------------------------------------------------------------------


def faults(path):
    return [finding.fault for finding in watch_script(path)]


def test_a_single_sequence_in_a_batch_is_not_the_same_answer_for_all(script):
    text = """
    import tapegrad as torch
    from tapegrad import nn

    torch.manual_seed(0)
    letters = torch.arange(1210) % 7
    network, last = nn.RNN(7, 20, batch_first=True), nn.Linear(20, 7)
    optimizer = torch.optim.Adam([*network.parameters(), *last.parameters()], lr=5e-3)
    hidden = None
    for i in range(0, 1200, 10):
        inputs = nn.functional.one_hot(letters[i : i + 10], 7).float().unsqueeze(0)
        outputs, hidden = network(inputs, hidden)
        hidden = hidden.detach()
        loss = nn.functional.cross_entropy(last(outputs)[0], letters[i + 1 : i + 11])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    """
    assert faults(script(text)) == []


def test_the_same_answer_is_told_without_classes_that_nobody_knows(script):
    text = """
    import tapegrad as torch
    from tapegrad import nn

    torch.manual_seed(0)
    x = torch.randn(300, 5)
    y = x @ torch.randn(5)
    model = nn.Linear(5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = ((model(x).flatten() - y.mean() - 1) ** 2).mean()
        loss.backward()
        optimizer.step()
    """
    (finding,) = watch_script(script(text))
    assert finding.fault == "same-value"
    assert "?" not in finding.message("en") + finding.message("zh")


def test_gradients_that_never_were_are_not_thrown_away(script):
    text = LOOP.replace(
        "        loss.backward()", "        loss = loss.detach().requires_grad_()\n        loss.backward()"
    )
    assert text != LOOP
    assert faults(script(text))[0] == "no-gradient"
    assert "gradients-dropped" not in faults(script(text))


@pytest.mark.parametrize(
    ("targets", "fault"),
    [
        ("(torch.arange(2) <= y.unsqueeze(1)).float()", "labels-share"),
        ("F.one_hot(y, 2).float() * 2 - 1", "labels-share"),
        ("F.one_hot(y * 0, 2).float()", "one-class"),
        ("F.one_hot(y, 2).float()", None),
        ("0.9 * F.one_hot(y, 2) + 0.05", None),
    ],
)
def test_targets_in_the_shape_of_the_outputs_are_probabilities(script, targets, fault):
    text = LOOP.replace("model = ", f"y = {targets}\nmodel = ")
    assert faults(script(text))[:1] == ([fault] if fault else [])
