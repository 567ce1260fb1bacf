"""The page of ``tapegrad graph``: it folds by mouse and by key, its edges lie between boxes that are seen, nothing overlaps."""

from types import SimpleNamespace

import pytest

import tapegrad as tg
from tapegrad import nn
from tapegrad.explain.drawing.folding import fold

# What is seen: boxes (folded frames among them) with their places, and where edges begin and end.
SEEN = """() => {
  const place = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] }
  const shown = (e) => e.offsetParent !== null
  const boxes = [...document.querySelectorAll(".box, .frame.folded")].filter(shown)
  const frames = [...document.querySelectorAll(".frame:not(.folded)")].filter(shown)
  const origin = place(document.getElementById("canvas"))
  const tips = [...document.querySelectorAll("#edges path.tip")].map((p) => {
    const found = /^M([\\d.-]+) ([\\d.-]+)/.exec(p.getAttribute("d"))
    return [Number(found[1]) + origin[0], Number(found[2]) + origin[1]]
  })
  return {
    boxes: boxes.map((e) => [e.id, ...place(e.classList.contains("frame") ? e.querySelector(".fold") : e)]),
    frames: frames.map((e) => [e.id, ...place(e)]),
    tips,
    edges: document.querySelectorAll("#edges path:not(.tip)").length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }
}"""


class Block(nn.Module):
    """Two ways that meet: an edge passes other boxes."""

    def __init__(self):
        super().__init__()
        self.way = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x):
        return (x + self.way(x)).tanh()


def drawn():
    network = nn.Sequential(Block(), Block(), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    return tg.explain.graph(network, tg.zeros(2, 3, 4), loss=lambda y: y.square().mean())


@pytest.fixture(scope="module")
def graph():
    return drawn()


@pytest.fixture(scope="module")
def address(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "graph.html"
    path.write_text(graph.to_html())
    return path.as_uri()


@pytest.fixture(params=["light", "dark"])
def page(request, visit, address):
    watched = visit(SimpleNamespace(origin="file:"), color_scheme=request.param)
    watched.page.goto(address)
    return watched.page


def check(page, graph, depth):
    """Compare what is seen with the folding at a depth, and look for overlaps; return what is seen."""
    seen = page.evaluate(SEEN)
    folding = fold(graph, depth)
    boxes = [box for box in folding.boxes if not box.frame]
    assert len(seen["boxes"]) == len(boxes)
    # Every edge ends with a tip at the top of a box that is seen; several edges into one box may share theirs.
    assert len({target for _, target in folding.edges}) <= len(seen["tips"]) <= len(folding.edges)
    for x, y in seen["tips"]:
        assert any(left - 1 <= x <= right + 1 and abs(y - top) <= 2 for _, left, top, right, _ in seen["boxes"]), (x, y)
    apart(seen["boxes"])
    for name, *box in seen["boxes"]:
        for other, *frame in seen["frames"]:
            assert are_apart(box, frame) or lies_in(box, frame), (name, other)
    return seen


def apart(boxes):
    for i, (name, *box) in enumerate(boxes):
        left, top, right, bottom = box
        assert min(right - left, bottom - top) > 0, name
        for other, *place in boxes[i + 1 :]:
            assert are_apart(box, place), (name, other)


def are_apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def lies_in(a, b):
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def test_it_opens_down_to_the_layers_and_folds_by_its_buttons(page, graph):
    check(page, graph, None)
    page.click("#all")
    everything = check(page, graph, -1)
    operations = sum(node.kind == "operation" for node in graph.nodes)
    ends = sum(node.kind in ("input", "output", "loss") for node in graph.nodes)
    assert len(everything["boxes"]) == operations + ends
    page.click("#layers")
    check(page, graph, None)
    page.click("#none")
    assert len(check(page, graph, 1)["boxes"]) < len(everything["boxes"])


def test_one_module_folds_by_mouse_and_opens_by_key(page, graph):
    before = page.evaluate(SEEN)
    button = page.locator(".fold[aria-expanded=true]").first
    inner = page.locator(f"#{button.get_attribute('aria-controls')}")
    assert inner.is_visible()
    button.click()
    folded = page.evaluate(SEEN)
    assert not inner.is_visible()
    assert page.locator(".fold").first.get_attribute("aria-expanded") == "false"
    assert len(folded["boxes"]) < len(before["boxes"])
    assert folded["edges"] < before["edges"]
    apart(folded["boxes"])
    button = page.locator(f".fold[aria-controls={inner.get_attribute('id')}]")
    button.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SEEN) == before
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(SEEN) == folded
    page.keyboard.press("Enter")
    assert page.evaluate(SEEN) == before


def test_the_facts_of_a_box_are_told_and_put_away(page):
    box = page.locator(".box").first
    box.focus()
    assert page.locator("#facts").inner_text() == box.get_attribute("title")
    page.keyboard.press("Escape")
    assert page.locator("#facts").inner_text() == ""


def test_words_stand_out_from_their_boxes(page):
    """Text has a contrast of at least 4.5 with what it stands on, in light and dark."""
    contrasts = page.evaluate("""() => {
      const light = (c) => {
        const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => { const s = v / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4 })
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      return [...document.querySelectorAll(".box, .box small")].map((e) => {
        const a = light(getComputedStyle(e).color), b = light(getComputedStyle(e.closest(".box")).backgroundColor)
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      })
    }""")
    assert min(contrasts) >= 4.5
