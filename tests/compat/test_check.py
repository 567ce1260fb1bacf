"""``tapegrad check``: what is read from a script's syntax."""

import json
import subprocess
import sys
import textwrap

import pytest

from tapegrad.compat import check_file, check_source
from tapegrad.compat.lookup import resolve
from tapegrad.compat.names import ABSENT, METHODS, explain, find_absent
from tapegrad.core import Tensor
from tapegrad.errors import FileFormatError


def names(source):
    return check_source(textwrap.dedent(source)).names


def missing(source):
    return [(found.name, found.line) for found in check_source(textwrap.dedent(source)).missing]


def test_imports_and_attributes_are_followed():
    found = names("""
        import torch
        import torch.nn as nn, torch.nn.functional as F
        from torch import optim
        from torch.utils.data import DataLoader as Loader
        class Net(nn.Module):
            def forward(self, x):
                return F.relu(x)
        optim.SGD; torch.optim.lr_scheduler.StepLR
        Loader([])
    """)
    assert found["torch.nn.Module"] == [6]
    assert found["torch.nn.functional.relu"] == [8]
    assert found["torch.optim.SGD"] == [9]
    assert found["torch.optim.lr_scheduler.StepLR"] == [9]
    assert found["torch.utils.data.DataLoader"] == [5]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\ntorch.export.Tracer()", [("torch.export", 2)]),
        ("from torch.export import Tracer", [("torch.export", 1)]),
        ("import torch.export as fx\nfx.Tracer", [("torch.export", 1), ("torch.export", 2)]),
        ("from torch import nn\nnn.NoSuchLayer(3)", [("torch.nn.NoSuchLayer", 2)]),
        ("import torch\nx = torch.ones(2)\nx.reinforce(1)", [("torch.Tensor.reinforce", 3)]),
        ("import torch\ntorch.Tensor.no_such", [("torch.Tensor.no_such", 2)]),
        ("import torchaudio", [("torchaudio", 1)]),
        ("from torch.nn import math", [("torch.nn.math", 1)]),
        ("from torch.nn.init.annotations import List", [("torch.nn.init.annotations", 1)]),
        ("from torch import nn\nnn.Linear(2, 2, wheels=4)", [("torch.nn.Linear(wheels=)", 2)]),
    ],
)
def test_what_is_missing_is_told_with_its_line(source, expected):
    assert missing(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.__version__, torch.bfloat16, torch.cuda.is_available(), torch.version.cuda",
        "import torch\ntorch.max(torch.ones(2), torch.ones(2), out=torch.ones(2)); torch.FloatTensor(2, device='cpu')",
        "import torch\ntorch.sum(torch.ones(2), dim=0); torch.ones(2, dtype=torch.float32, device='cpu')",
        "import numpy as np\nnp.fx.anything.reinforce(3)",
        "from .torch import nothing\nimport torchmetrics",
        "from torch.utils import data\ndef f(data):\n    return data.anything",
        "from torch.utils import data\ndef f(loader):\n    for data in loader:\n        data.anything",
        "import torch.nn as nn\nmodel = nn\nnn = model.Linear(2, 2)\nnn.anything",
        "try:\n    from torch._six import string_classes\nexcept ImportError:\n    string_classes = str",
        "import torch\ntry:\n    torch.export\nexcept (ValueError, AttributeError):\n    pass",
        "import torch\nlambda torch: torch.export",
    ],
)
def test_what_is_there_or_something_else_is_not_missing(source):
    assert missing(source) == []


def test_only_forgiving_handlers_guard():
    assert missing("import torch\ntry:\n    torch.export\nexcept ValueError:\n    torch.library") == [
        ("torch.export", 3),
        ("torch.library", 5),
    ]


def test_what_is_no_python_is_refused():
    with pytest.raises(FileFormatError, match=r"broken\.py:2: this is no Python"):
        check_source("import torch\ndef", "broken.py")


def test_files_in_other_encodings(tmp_path):
    path = tmp_path / "latin.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nimport torch\nword = 'größer'\ntorch.export".encode("latin-1"))
    assert [found.line for found in check_file(path).missing] == [4]
    path.write_bytes(b"import torch\nword = '\xff'\n")
    with pytest.raises(FileFormatError, match=r"latin\.py"):
        check_file(path)


def check(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tapegrad", "check", *map(str, arguments)], capture_output=True, text=True
    )


def test_the_command_tells_lines_and_ends_with_1(tmp_path):
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("import torch\ntorch.ones(2)\nraise SystemExit('it was run')\n")
    bad.write_text("import torch\ntorch.onnx.verification\ntorch.export.export(None, ())\n")
    done = check(good)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{good}: 2 names of PyTorch, all there"]
    done = check(good, bad)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[1].startswith(f"{bad}:2: torch.onnx.verification: tapegrad has no such name yet, it is planned; ")
    assert told[-1] == f"{bad}: 3 names of PyTorch, 2 missing (1 planned)"


def test_the_command_writes_json(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import torch\ntorch.export\n")
    (report,) = json.loads(check("--json", path).stdout)
    assert report["file"] == str(path)
    assert report["names"] == [{"name": "torch", "lines": [1]}, {"name": "torch.export", "lines": [2]}]
    (lacking,) = report["missing"]
    assert (lacking["name"], lacking["line"], lacking["planned"]) == ("torch.export", 2, False)
    assert "tapegrad.trace" in lacking["message"]


def test_the_longest_pattern_speaks():
    assert (
        find_absent("torch.nn.parallel.DistributedDataParallel") == ABSENT["torch.nn.parallel.DistributedDataParallel"]
    )
    assert find_absent("torch.cuda.whatever") == ABSENT["torch.cuda.*"]
    assert find_absent("torch.ones") is None
    assert explain("torch.nothing") == "torch.nothing: tapegrad has no such name, and none is planned"


def test_the_table_is_not_stale():
    # A pattern speaks for what is missing: a name that was added since has to go from the table.
    names = [pattern.removesuffix("*") for pattern in ABSENT if not pattern.endswith(".*")]
    ours = [n for n in names if "*" not in n and n.startswith(("torch.", "torchvision.")) and not n.endswith("_")]
    assert [name for name in ours if resolve(name)[1] is None] == []
    assert [method for method in METHODS if hasattr(Tensor, method)] == []


# Methods that arrays and modules have as well, or that PyTorch itself only refuses.
COMMON = {"eig", "hardshrink", "index", "prelu", "resize", "resize_as", "smm", "solve", "sspaddmm"}


def test_the_methods_that_are_missing_are_known():
    torch = pytest.importorskip("torch")
    absent = {name for name in dir(torch.Tensor) if name[0] != "_" and not hasattr(Tensor, name)}
    assert absent - COMMON - METHODS == set()
    assert METHODS - set(dir(torch.Tensor)) == set()
