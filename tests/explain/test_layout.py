"""Drawings: no two boxes overlap, no edge runs through a box, all text fits and is escaped, pages and .dot files are whole."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.explain.drawing.folding import fold
from tapegrad.explain.drawing.labels import describe, text_width
from tapegrad.explain.drawing.layout import arrange
from tapegrad.explain.drawing.svg import FONT, box_size
from tapegrad.explain.network.graph import graph
from tapegrad.vision import models

EVIL = '<img src=x onerror="alert(1)">'


class Residual(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))

    def forward(self, x):
        return (x + self.body(x)).relu()


class Named(nn.Module):
    """Children with hostile, long and Chinese names, and two inputs and outputs."""

    def __init__(self):
        super().__init__()
        self.add_module(EVIL, nn.Linear(3, 3))
        self.add_module("一个名字很长的模块" * 5, nn.Sequential(nn.Linear(3, 3), Residual(3)))

    def forward(self, x, y):
        for module in self.children():
            x = module(x)
        return {EVIL: x, "other": self._modules[EVIL](y)}


def transformer(depth=2):
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), depth).eval()


def dense_blocks():
    return models.DenseNet(4, (3, 2), 4, num_classes=3).eval()


def bottlenecks():
    from tapegrad.vision.models.resnet import Bottleneck, ResNet

    return ResNet(Bottleneck, [1, 1, 1, 1], num_classes=3).eval()


NETS = {
    "dense": lambda: graph(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), tg.ones(2, 4), values=True),
    "residual": lambda: graph(nn.Sequential(*[Residual(4) for _ in range(3)]), tg.ones(2, 4)),
    "loss": lambda: graph(
        nn.Sequential(nn.Linear(4, 3)), tg.ones(2, 4), loss=nn.CrossEntropyLoss(), target=tg.tensor([0, 1]), values=True
    ),
    "lenet": lambda: graph(models.LeNet(), input_size=(1, 1, 28, 28)),
    "squeezenet": lambda: graph(models.SqueezeNet("1_1", num_classes=3).eval(), input_size=(1, 3, 64, 64)),
    "densenet": lambda: graph(dense_blocks(), input_size=(1, 3, 32, 32)),
    "bottlenecks": lambda: graph(bottlenecks(), input_size=(1, 3, 32, 32)),
    "batch norm in training": lambda: graph(nn.Sequential(nn.BatchNorm1d(3), nn.Tanh()), tg.randn(4, 3), values=True),
    "lstm": lambda: graph(nn.LSTM(3, 4, num_layers=2, bidirectional=True), input_size=(5, 2, 3)),
    "attention": lambda: graph(nn.MultiheadAttention(8, 2), *[tg.ones(3, 2, 8)] * 3),
    "encoder": lambda: graph(transformer(), input_size=(2, 5, 8)),
    "transformer": lambda: graph(
        nn.Transformer(8, 2, 1, 2, 16, batch_first=True).eval(), tg.ones(2, 4, 8), tg.ones(2, 3, 8)
    ),
    "names": lambda: graph(Named(), tg.ones(2, 3), tg.ones(1, 3)),
    "function": lambda: graph(lambda x: tg.stack([x * i for i in range(12)]), tg.ones(2)),
}
DRAWN = {}


def drawn(name):
    if name not in DRAWN:
        tg.manual_seed(0)
        DRAWN[name] = NETS[name]()
    return DRAWN[name]


def laid_out(g, depth, parameters=False):
    folding = fold(g, depth, parameters)
    labels = describe(g, folding, bool(g.values))
    sizes = [box_size(label) for label in labels]
    parents, frames = [box.parent for box in folding.boxes], [box.frame for box in folding.boxes]
    return folding, labels, arrange(parents, frames, sizes, folding.edges)


def overlap(a, b):
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def inside(a, b):
    return (
        b.x <= a.x and a.x + a.width <= b.x + b.width + 1e-6 and b.y <= a.y and a.y + a.height <= b.y + b.height + 1e-6
    )


def around(folding, i):
    while i >= 0:
        yield i
        i = folding.boxes[i].parent


DEPTHS = [None, 0, 1, -1]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", NETS)
def test_boxes_overlap_only_the_frames_around_them(name, depth):
    folding, _, layout = laid_out(drawn(name), depth, parameters=depth == -1)
    for i, j in itertools.combinations(range(len(folding.boxes)), 2):
        a, b = layout.rectangles[i], layout.rectangles[j]
        if i in around(folding, j):
            assert inside(b, a), (i, j)
        elif j not in around(folding, i):
            assert not overlap(a, b), (i, j)


def points_of(path):
    """Points along a path, near enough to each other that no box fits between them."""
    for (x0, y0), (x1, y1) in itertools.pairwise(path.points):
        t = np.linspace(0, 1, 3 + int((abs(x1 - x0) + abs(y1 - y0)) / 4))
        # A Bézier curve whose inner points lie at half the height, over its ends.
        x = x0 * ((1 - t) ** 3 + 3 * t * (1 - t) ** 2) + x1 * (t**3 + 3 * t**2 * (1 - t))
        y = y0 * (1 - t) ** 3 + 1.5 * (y0 + y1) * t * (1 - t) + y1 * t**3
        yield from zip(x, y, strict=True)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", NETS)
def test_edges_touch_no_box_but_at_their_ends_and_no_title(name, depth):
    folding, labels, layout = laid_out(drawn(name), depth)
    boxes = [r for r, box in zip(layout.rectangles, folding.boxes, strict=True) if not box.frame]
    titles = [
        (r.x + r.title, r.y, box_size(label)[0])
        for r, label, box in zip(layout.rectangles, labels, folding.boxes, strict=True)
        if box.frame
    ]
    for path in layout.paths:
        for x, y in points_of(path):
            assert not any(r.x < x < r.x + r.width and r.y + 0.01 < y < r.y + r.height - 0.01 for r in boxes)
            assert not any(left < x < left + width and top + 3 < y < top + 17 for left, top, width in titles)


@pytest.mark.parametrize("name", NETS)
def test_every_edge_arrives_and_the_pieces_of_an_edge_meet(name):
    folding, _, layout = laid_out(drawn(name), None)
    arrivals = [path for path in layout.paths if path.arrow]
    assert len(arrivals) == len(folding.edges)
    tops = {(round(r.y, 3)) for r in layout.rectangles}
    assert all(round(path.points[-1][1], 3) in tops for path in arrivals)
    starts = [(path.source, *np.round(path.points[0], 3)) for path in layout.paths]
    for path in layout.paths:
        if not path.arrow:  # it ends at a frame, where another piece of the same value goes on
            x, y = np.round(path.points[-1], 3)
            assert any(s == path.source and abs(x - a) < 1e-2 and abs(y - b) < 1e-2 for s, a, b in starts)


@pytest.mark.parametrize("name", NETS)
def test_texts_fit_into_their_boxes(name):
    _, labels, layout = laid_out(drawn(name), None)
    for label, rectangle in zip(labels, layout.rectangles, strict=True):
        first = text_width(label.title, FONT, bold=True) + (text_width(f" {label.name}", FONT) if label.name else 0)
        lines = [] if label.frame else [text_width(line, FONT) for line in label.lines]
        assert rectangle.title + max([first, *lines]) <= rectangle.width


def test_a_chain_of_two_thousand_operations_is_laid_out():
    def chain(x):
        y = x
        for _ in range(2000):
            y = y * 1.0
        return y + x

    folding, _, layout = laid_out(graph(chain, tg.ones(2)), None)
    assert len(folding.boxes) == 2003
    tops = [r.y for r in layout.rectangles]
    assert tops == sorted(tops)


def test_where_too_many_values_pass_they_run_at_the_side():
    edges = [(i, i + 1) for i in range(159)] + [(i, 160) for i in range(159)]
    sizes = [(40.0, 20.0)] * 161
    layout = arrange([-1] * 161, [False] * 161, sizes, edges)
    assert sum(path.arrow for path in layout.paths) == len(edges)
    assert any(path.points[2][0] < 20 for path in layout.paths if len(path.points) > 3)
    left, top = (np.array([getattr(r, side) for r in layout.rectangles]) for side in "xy")
    for path in layout.paths[::23]:
        x, y = np.array(list(points_of(path))).T[..., None]
        assert not ((left < x) & (x < left + 40) & (top + 0.01 < y) & (y < top + 19.99)).any()


def test_depth_folds_modules_and_parameters_can_be_drawn():
    g = drawn("residual")
    assert len(fold(g, 0).boxes) == 3
    assert [g.calls[box.call].path for box in fold(g, 1).boxes if box.call >= 0] == ["0", "1", "2"]
    operations = sum(node.kind == "operation" for node in g.nodes)
    assert sum(not box.frame for box in fold(g, -1).boxes) == operations + 2
    assert sum(not box.frame for box in fold(g, -1, True).boxes) == len(g.nodes)


def test_edges_of_a_folding_lead_from_module_to_module():
    folding = fold(drawn("residual"), 1)
    assert folding.edges == [(0, 1), (1, 2), (2, 3), (3, 4)]


# -- files ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_an_svg_is_well_formed_and_holds_names_as_text(name):
    g = drawn(name)
    root = ET.fromstring(g.to_svg())
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "style", "rect", "text", "tspan", "g", "path", "title"}
    assert "prefers-color-scheme" in g.to_svg()
    assert not any(key.lower().startswith("on") for element in root.iter() for key in element.attrib)
    tips = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("title")]
    assert len(tips) == len(fold(g).boxes)
    assert any("multiply-adds" in tip for tip in tips)


def test_hostile_names_are_text_everywhere():
    g = drawn("names")
    for text in (g.to_svg(), g.to_html(), g._repr_html_()):
        assert "<img" not in text
        assert "&lt;img" in text
    assert f'"{EVIL}"' not in g.to_dot()


def test_values_are_written_where_they_are_known():
    g = drawn("loss")
    assert "‖∇‖" in g.to_svg()
    assert "‖∇‖" not in g.to_svg(values=False)
    assert re.search(r"gradient: mean [-\d.e]+, from", g.to_svg())


class Page(HTMLParser):
    """Reads a page: its elements with their attributes, and the ids of those that are open at each."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.ids = {}
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            assert attributes["id"] not in self.ids
            self.ids[attributes["id"]] = [a.get("id") for _, a in self.open]
        if tag not in ("meta", "img"):
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag


@pytest.mark.parametrize("name", NETS)
def test_a_page_holds_every_operation_and_frames_that_fold(name):
    g = drawn(name)
    text = g.to_html()
    page = Page(text)
    assert page.open == []
    boxes = [a for tag, a in page.tags if tag == "div" and "box" in a.get("class", "").split()]
    assert len(boxes) == sum(node.kind not in ("parameter", "buffer") for node in g.nodes)
    buttons = [a for tag, a in page.tags if tag == "button" and a.get("class") == "fold"]
    assert len(buttons) == sum(box.frame for box in fold(g, -1).boxes)
    assert all(a["aria-controls"] in page.ids for a in buttons)
    assert not any(key.startswith("on") or key == "style" for _, a in page.tags for key in a)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    links = json.loads(re.search(r'id="links">(.*?)</script>', text, re.DOTALL)[1])
    named = [end for _, inside in links for a, b, _ in inside for end in (a, b)]
    assert set(named) <= set(page.ids)


def test_a_page_is_unfolded_as_far_as_asked():
    def folded(text):
        page = Page(text)
        return sum("folded" in a.get("class", "").split() for tag, a in page.tags if tag == "section")

    g = drawn("residual")
    assert folded(g.to_html(depth=-1)) == 0
    assert folded(g.to_html(depth=1)) == 3
    assert folded(g.to_html()) == 9


@pytest.mark.parametrize("name", NETS)
def test_a_dot_file_has_each_box_its_edges_and_balanced_clusters(name):
    g = drawn(name)
    text = g.to_dot()
    folding = fold(g)
    bare = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    assert bare.count("{") == bare.count("}") == 1 + sum(box.frame for box in folding.boxes)
    assert bare.count("[") == bare.count("]")
    assert len(re.findall(r"^  n\d+ -> n\d+;$", bare, re.MULTILINE)) == len(folding.edges)
    assert len(re.findall(r"^ +n\d+ \[", bare, re.MULTILINE)) == sum(not box.frame for box in folding.boxes)
    node = r'n\d+ \[label="", tooltip="", fillcolor="", color=""\];'
    rest = r'digraph "" \{|rankdir=TB;|(graph|node|edge) \[[\w=". ,]+\];|subgraph cluster_\d+ \{ label="";|\}|n\d+ -> n\d+;'
    assert [line for line in bare.splitlines() if not re.fullmatch(f"{node}|{rest}", line.strip())] == []


@pytest.mark.parametrize("style", ["DejaVuSans", "DejaVuSans-Bold"])
def test_texts_are_no_wider_than_thought(style):
    """Measured in a font that is wider than most: what fits in it fits in the others."""
    pytest.importorskip("matplotlib")
    font_of = pytest.importorskip("PIL.ImageFont")
    from matplotlib import get_data_path

    font = font_of.truetype(f"{get_data_path()}/fonts/ttf/{style}.ttf", 110)
    bold = style.endswith("Bold")
    labels = [label for name in NETS if name != "names" for label in laid_out(drawn(name), None)[1]]
    texts = {label.title if bold else line for label in labels for line in [label.name, *label.lines]}
    for text in texts | {chr(code) for code in range(32, 127)} | set("×±−·…‖∇"):
        assert font.getlength(text) <= text_width(text, 110, bold), text
