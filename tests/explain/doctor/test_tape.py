"""Where the way to parameters is cut, and outputs that meet targets of another shape, in scripts and in a trainer."""

import textwrap

import pytest

import tapegrad as tg
from tapegrad import nn, optim
from tapegrad.autograd import is_anomaly_enabled
from tapegrad.explain.doctor.doctor import diagnose
from tapegrad.explain.doctor.script import watch_script
from tapegrad.train import Trainer
from tapegrad.utils.data import DataLoader, TensorDataset

NETWORK = """
import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x):
        h = self.encoder(x).relu()
        CUT
        return self.head(h)
"""
LOOP = """
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x[:, 0] > 0).long()
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(12):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
CUTS = {
    "detach": ("h = h.detach()", 13),
    "data": ("h = h.data", 13),
    "numpy": ("h = torch.from_numpy(2 * h.detach().numpy())", 13),
    "tolist": ("h = torch.tensor(h.tolist())", 13),
    "item": ("h = torch.tensor([[v.item() for v in row] for row in h])", 13),
    "argmax": ("h = (h.argmax(1) / 8).unsqueeze(1).expand(-1, 8)", 13),
    "no_grad": ("with torch.no_grad(): h = self.encoder(x).relu()", 13),
}


@pytest.mark.parametrize(("cut", "line"), CUTS.values(), ids=CUTS)
def test_the_line_of_a_cut_is_told_in_a_script(tmp_path, cut, line):
    path = tmp_path / "training.py"
    path.write_text(NETWORK.replace("CUT", cut) + LOOP)
    finding = watch_script(path)[0]
    assert (finding.fault, finding.where) == ("no-gradient", "encoder")
    assert finding.evidence["line"] == f"training.py:{line}"
    for language in ("en", "zh"):
        assert f"training.py:{line}" in finding.message(language)
        assert cut in finding.message(language)


@pytest.mark.parametrize(("cut", "line"), CUTS.values(), ids=CUTS)
def test_the_line_of_a_cut_is_told_in_a_trainer(tmp_path, cut, line):
    path = tmp_path / "net.py"
    path.write_text(NETWORK.replace("CUT", cut))
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    finding = diagnosed(names["Net"]())
    assert (finding.fault, finding.where) == ("no-gradient", "encoder")
    assert finding.evidence["line"] == f"net.py:{line}"


def diagnosed(model):
    tg.manual_seed(0)
    inputs = tg.randn(64, 4)
    loader = DataLoader(TensorDataset(inputs, (inputs[:, 0] > 0).long()), batch_size=16)
    before = [p.array.copy() for p in model.parameters()]
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.0), compile=False)
    found = diagnose(trainer, loader, epochs=1, mode="cheap")
    assert all((p.array == b).all() for p, b in zip(model.parameters(), before, strict=True))
    return found[0]


UNUSED = NETWORK.replace("nn.Linear(8, 2)", "nn.Linear(8, 2); self.spare = nn.Linear(3, 3)").replace("CUT", "")


def test_a_layer_that_is_never_called_is_no_cut(tmp_path):
    path = tmp_path / "training.py"
    path.write_text(UNUSED + LOOP)
    names = {}
    exec(compile(UNUSED, str(path), "exec"), names)
    for finding in (watch_script(path)[0], diagnosed(names["Net"]())):
        assert (finding.fault, finding.where) == ("no-gradient", "spare")
        assert finding.evidence["unused"] == "spare"
        assert "spare is never called" in finding.message()


def test_blocks_before_the_training_are_no_cuts(tmp_path):
    path = tmp_path / "training.py"
    first = "net = Net()\nwith torch.no_grad(): F.cross_entropy(net(x + 1), y).item()\n"
    path.write_text(NETWORK.replace("CUT", "") + LOOP.replace("net = Net()\n", first))
    assert watch_script(path) == []


# -- outputs and targets ------------------------------------------------------------------------------------------------

REGRESSION = """
import tapegrad as torch
from tapegrad import nn
from tapegrad.nn import functional as F

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1) + 0.1 * torch.randn(64)
weights = torch.rand(64)
model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for _ in range(150):
    outputs = model(x)
    loss = LOSS
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
MET = {
    "squared": "((outputs - y) ** 2).mean()",
    "the other way": "(y - outputs).abs().mean()",
    "functions": "torch.mean(torch.square(torch.sub(outputs, y)))",
    "flat outputs": "((outputs.squeeze(1) - y.unsqueeze(1)) ** 2).mean()",
    "a product": "-(torch.sigmoid(outputs).log() * (y > 0).float()).mean()",
}
RIGHT = {
    "same shape": "((outputs - y.unsqueeze(1)) ** 2).mean()",
    "flat": "((outputs.flatten() - y) ** 2).mean()",
    "weighted": "(weights * (outputs.flatten() - y) ** 2).mean()",
    "pairs": "((outputs - outputs.T - (y.unsqueeze(1) - y)) ** 2).mean() + ((outputs.squeeze(1) - y) ** 2).mean()",
}


@pytest.mark.parametrize("loss", MET.values(), ids=MET)
def test_outputs_that_meet_all_targets_are_told_with_their_line(tmp_path, loss):
    path = tmp_path / "training.py"
    path.write_text(REGRESSION.replace("LOSS", loss))
    finding = watch_script(path)[0]
    assert finding.fault == "target-shape"
    assert finding.evidence["line"] == "training.py:14"
    assert "training.py:14" in finding.message("en")
    assert "training.py:14" in finding.message("zh")
    assert not is_anomaly_enabled()


@pytest.mark.parametrize("loss", RIGHT.values(), ids=RIGHT)
def test_shapes_that_fit_are_no_finding(tmp_path, loss):
    path = tmp_path / "training.py"
    path.write_text(REGRESSION.replace("LOSS", loss))
    assert watch_script(path) == []


def test_a_single_update_is_enough_but_for_the_line(tmp_path):
    path = tmp_path / "training.py"
    path.write_text(textwrap.dedent(REGRESSION.replace("LOSS", MET["squared"]).replace("150", "1")))
    finding = watch_script(path)[0]
    assert finding.fault == "target-shape"
    assert "64 × 1" in finding.message()
    assert not is_anomaly_enabled()
