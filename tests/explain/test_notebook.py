"""What notebooks show: tables of values coloured by sign, trees that fold, curves; all text escaped; explain read only then."""

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.explain.html import as_html, history_html
from tapegrad.train import Run, Trainer
from tapegrad.train.history import History
from tapegrad.utils.data import DataLoader, TensorDataset

EVIL = "<img src=x onerror=alert(1)>"


class Reader(HTMLParser):
    """Checks that tags close in order, and collects them with the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("img", "rect", "path", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("img", "rect", "path", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def cells(text):
    return re.findall(r"<td[^>]*>([^<]*)</td>", text)


def test_a_tensor_is_a_table_of_its_values():
    text = tg.tensor([[1.5, -2.0], [0.0, 4.0]])._repr_html_()
    assert cells(text) == ["1.5", "-2", "0", "4"]
    assert "Tensor · 2×2 · float32" in text
    colors = re.findall(r"background:rgba\((\d+),\d+,(\d+),([\d.]+)\)", text)
    assert [int(red) > int(blue) for red, blue, _ in colors] == [True, False, True]
    assert [float(alpha) for *_, alpha in colors] == [0.27, 0.33, 0.58]


def test_large_tensors_are_cut():
    text = tg.arange(3000).reshape(100, 30)._repr_html_()
    found = cells(text)
    assert len(found) == 9 * 11
    assert found.count("…") == 9 + 11 - 1
    assert {"0", "29", "2970", "2999"} <= set(found)
    assert "1500" not in found


@pytest.mark.parametrize(
    ("t", "wanted"),
    [
        (tg.tensor(3.5), ["3.5"]),
        (tg.tensor([1, 2]), ["1", "2"]),
        (tg.tensor([True, False]), ["True", "False"]),
        (tg.tensor([float("nan"), float("inf"), -1.0]), ["nan", "inf", "-1"]),
        (tg.zeros(2, 3, 1, 2), ["0", "0"]),
        (tg.zeros(0, 3), []),
        (tg.tensor([1 + 2j]), ["1+2j"]),
        (tg.tensor([1e30, 3e38]), ["1e+30", "3e+38"]),
    ],
)
def test_tensors_of_all_kinds(t, wanted):
    text = t._repr_html_()
    Reader(text)
    assert cells(text) == wanted


def test_of_many_dimensions_the_first_matrix_is_shown():
    assert "[0, 0, :, :]" in tg.zeros(2, 3, 1, 2)._repr_html_()


def test_the_gradient_is_shown_when_there_is_one():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    assert "gradient" not in w._repr_html_()
    (w * w).sum().backward()
    assert cells(w._repr_html_()) == ["1", "2", "2", "4"]
    assert "requires grad" in w._repr_html_()
    assert "MulBackward0" in (w * 2)._repr_html_()


def test_sparse_tensors_are_left_to_their_text():
    assert tg.eye(3).to_sparse()._repr_html_() is None


def test_nothing_is_drawn_of_other_objects():
    assert as_html(object()) is None


def hostile():
    net = nn.Module()
    net.add_module(EVIL, nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    net.register_parameter("<b>", nn.Parameter(tg.zeros(2), requires_grad=False))
    return net


def test_a_module_is_a_tree_that_folds():
    text = hostile()._repr_html_()
    reader = Reader(text)
    assert [tag for tag, _ in reader.tags].count("details") == 4
    assert "<img" not in text
    assert EVIL in reader.text
    assert {"weight", "2×3", "running_mean", "<b>", "frozen"} <= set(reader.text)
    assert "12 parameters" in text


def test_a_long_description_is_cut():
    class Long(nn.Module):
        def extra_repr(self):
            return "x" * 5000

    assert len(Long()._repr_html_()) < 1000


def fitted(epochs=20):
    x = tg.linspace(-1, 1, 16).reshape(16, 1)
    model = nn.Linear(1, 1)
    loader = DataLoader(TensorDataset(x, 3 * x), batch_size=8)
    trainer = Trainer(model, nn.MSELoss(), tg.optim.SGD(model.parameters(), lr=0.1))
    return trainer, trainer.fit(loader, loader, epochs=epochs)


def test_a_history_is_a_list_with_a_table_and_a_curve():
    trainer, history = fitted()
    assert isinstance(history, list)
    assert history == [dict(record) for record in history]
    text = history._repr_html_()
    reader = Reader(text)
    assert [tag for tag, _ in reader.tags].count("polyline") == 2
    assert "valid_loss" in text
    assert cells(text)[0] == "1"
    assert len(cells(text)) == 13 * len(history[0])
    trainer.load_state_dict(trainer.state_dict())
    assert isinstance(trainer.history, History)
    assert trainer.history == history


def test_histories_without_reports_with_text_and_values_that_are_not_finite():
    assert "no reports yet" in History()._repr_html_()
    text = history_html([{"loss": float("nan"), "note": EVIL}, {"loss": 1.0}, {"loss": 0.5, "other": None}])
    Reader(text)
    assert "<img" not in text
    assert "polyline" in text
    assert "polyline" not in history_html([{"loss": 1.0}])


def test_a_run_shows_status_the_last_metrics_and_its_curves(tmp_path):
    run = Run.create(tmp_path, "spiral", "seed: 0\n", stamp=False)
    assert "no epoch is over yet" in run._repr_html_()
    run.log("epoch", epoch=1, step=3, loss=0.5)
    run.log("epoch", epoch=2, step=6, loss=0.25)
    text = run._repr_html_()
    assert cells(text) == ["2", "6", "0.25"]
    assert "interrupted" in text
    assert "<img" not in text
    (run.pictures / "curves.png").write_bytes(b"picture")
    assert f"data:image/png;base64,{base64.b64encode(b'picture').decode()}" in run._repr_html_()


def test_a_runs_name_is_text(tmp_path):
    folder = tmp_path / EVIL
    run = Run.prepare(folder, "seed: 0\n")
    text = run._repr_html_()
    assert "<img" not in text
    assert EVIL in Reader(text).text


def test_a_graph_is_a_picture():
    g = tg.explain.graph(nn.Linear(2, 1), tg.ones(1, 2))
    assert g._repr_svg_().startswith("<svg")
    assert "<svg" in g._repr_html_()


def test_tensors_in_use_elsewhere_stay_what_they_are():
    w = tg.tensor([1.0], requires_grad=True)
    y = w * 2
    before = w.memory.version
    y._repr_html_()
    assert w.memory.version == before
    y.sum().backward()
    assert np.array_equal(w.grad.array, [2.0])


def test_explain_is_read_when_a_notebook_asks_and_not_before():
    code = """
import sys
import tapegrad as tg
layer = tg.nn.Linear(2, 1)
assert not [name for name in sys.modules if name.startswith("tapegrad.explain")]
assert "Linear" in layer._repr_html_()
assert "tapegrad.explain.html" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
