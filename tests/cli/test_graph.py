"""``tapegrad graph``: scripts, recipes and runs drawn into each kind of file, and one sentence for what cannot be."""

import subprocess
import sys

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("pydantic")

from tapegrad.cli.main import main

SCRIPT = """
import sys
import tapegrad as tg
from tapegrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        return self.out(self.hidden(x).relu())


class Failing(Net):
    def forward(self, x):
        return {}["no"]


class Demanding(nn.Module):
    def __init__(self, size):
        super().__init__()


net = Net()
number = 3
made = lambda: 4

if __name__ == "__main__":
    sys.exit("this must not run")
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(SCRIPT)
    return tmp_path


def graph(*arguments):
    return main(["graph", *map(str, arguments)])


@pytest.mark.parametrize("name", ["Net", "net"])
@pytest.mark.parametrize(("ending", "begin"), [("svg", "<svg"), ("html", "<!doctype html>"), ("dot", "digraph")])
def test_a_network_in_a_script(script, capsys, name, ending, begin):
    assert graph(f"nets.py:{name}", "--input", "4", "-o", f"out.{ending}") == 0
    assert capsys.readouterr().out == f"out.{ending}: graph of Net: 3 operations in 3 modules\n"
    text = (script / f"out.{ending}").read_text(encoding="utf-8")
    assert text.startswith(begin)
    assert "hidden" in text
    assert "nets" not in sys.modules or sys.modules["nets"].__file__ == "nets.py"


def test_values_depth_and_batch(script):
    assert graph("nets.py:Net", "--input", "4", "--values", "--batch", "5") == 0
    text = (script / "graph.svg").read_text(encoding="utf-8")
    assert "‖∇‖" in text
    assert "5×8" in text
    assert graph("nets.py:Net", "--input", "4", "--depth", "0") == 0
    folded = (script / "graph.svg").read_text(encoding="utf-8")
    assert "hidden" not in folded
    assert "58 parameters" in folded


def test_all_operations_on_request(script):
    linear = '<tspan class="title">linear</tspan>'
    assert graph("nets.py:net", "--input", "4") == 0
    assert linear not in (script / "graph.svg").read_text(encoding="utf-8")
    assert graph("nets.py:net", "--input", "4", "--depth", "-1") == 0
    assert linear in (script / "graph.svg").read_text(encoding="utf-8")


def test_a_script_written_for_pytorch(script):
    source = SCRIPT.replace("import tapegrad as tg", "import torch").replace("from tapegrad", "from torch")
    (script / "theirs.py").write_text(source)
    code = "import sys; from tapegrad.cli.main import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["graph", "theirs.py:Net", "--input", "4"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=script)
    assert (done.returncode, done.stdout) == (0, "graph.svg: graph of Net: 3 operations in 3 modules\n")


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    assert main(["train", "digits", "--epochs", "1", "--runs", str(parent)]) == 0
    return next(parent.iterdir())


def test_a_run_by_name_and_by_path(digits_run, tmp_path, capsys):
    out = tmp_path / "run.svg"
    assert graph(digits_run.name, "--runs", digits_run.parent, "-o", out) == 0
    plain = out.read_text(encoding="utf-8")
    assert graph(digits_run, "--checkpoint", "last", "--values", "--batch", "8", "-o", out) == 0
    assert "CrossEntropyLoss" not in plain
    assert "CrossEntropyLoss" in out.read_text(encoding="utf-8")
    assert "graph of Sequential" in capsys.readouterr().out


def test_a_recipe_with_and_without_its_data(tmp_path):
    out = tmp_path / "recipe.html"
    assert graph("digits", "-o", out) == 0
    assert "1×1×8×8" in out.read_text(encoding="utf-8")
    assert graph("mnist", "--input", "1,28,28", "--data", tmp_path / "empty", "-o", out) == 0
    assert "1×1×28×28" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nofile.py:Net"], "graph: there is no file nofile.py; check the path"),
        (["nets.py"], "graph: nets.py may hold several networks; name one: nets.py:Net"),
        (["nets.py:Nett"], "graph: nets.py has no 'Nett'; did you mean 'Net'?"),
        (["nets.py:Net"], "graph: the shape of the network's input is not known; give it: --input 1,28,28"),
        (["nets.py:number"], "graph: number in nets.py is an int; name a network (an nn.Module)"),
        (["nets.py:made"], "graph: made in nets.py is an int; name a network (an nn.Module)"),
        (
            ["nets.py:Demanding"],
            "graph: Demanding() fails (TypeError: Demanding.__init__() missing 1 required positional argument: 'size'); "
            "name a network, or what makes one without arguments",
        ),
        (
            ["nets.py:Failing", "--input", "4"],
            "graph: Failing fails on its input (KeyError: 'no', at line 19); check --input, or the network",
        ),
        (
            ["nets.py:Net", "--input", "4", "-o", "x.png"],
            "graph: 'x.png' does not end in .svg, .dot, .html; choose one of them",
        ),
        (
            ["nets.py:Net", "--input", "a"],
            "graph: --input is 'a'; write the sizes of one sample, as in --input 1,28,28",
        ),
        (
            ["nets.py:Net", "--checkpoint", "best"],
            "graph: a script has no checkpoint and no data set; leave --checkpoint and --data out",
        ),
        (["raising.py:Net"], "graph: raising.py cannot be run (ValueError: oh, at line 2); try it in Python by itself"),
        (
            ["leaving.py:make"],
            "graph: make() fails (SystemExit: 3, at line 2); name a network, or what makes one without arguments",
        ),
        (
            ["leaving.py:Leaving", "--input", "4"],
            "graph: Leaving fails on its input (SystemExit: 4, at line 6); check --input, or the network",
        ),
        (["digits", "--checkpoint", "best"], "graph: digits is a recipe and has no checkpoint; leave --checkpoint out"),
    ],
)
def test_one_sentence_for_what_cannot_be_drawn(script, capsys, arguments, message):
    (script / "raising.py").write_text("x = 1\nraise ValueError('oh')\n")
    (script / "leaving.py").write_text(
        "def make():\n    raise SystemExit(3)\n"
        "from tapegrad import nn\nclass Leaving(nn.Module):\n"
        "    def forward(self, x):\n        raise SystemExit(4)\n"
    )
    assert graph(*arguments) == 2
    assert capsys.readouterr().err == f"tapegrad: {message}\n"


def test_a_wrong_size_says_what_the_first_layer_expects(script, capsys):
    assert graph("nets.py:Net", "--input", "5") == 2
    told = capsys.readouterr().err
    assert "Net does not take an input of shape (1, 5)" in told
    assert told.endswith("the first layer, hidden (Linear), expects inputs whose last dimension is 4\n")


def test_a_script_with_a_mistake_in_its_syntax(script, capsys):
    (script / "broken.py").write_text("x = (\n")
    assert graph("broken.py:x") == 2
    assert "broken.py cannot be run (SyntaxError: '(' was never closed" in capsys.readouterr().err


def test_an_unknown_recipe(capsys, tmp_path):
    assert graph("nothing-such", "-o", tmp_path / "x.svg") == 2
    assert "there is no recipe and no file 'nothing-such'" in capsys.readouterr().err
