"""What the page shows of a network's inside is what the library computes."""

import numpy as np
import pytest

import tapegrad as tg
from tapegrad.lab.build import build_model
from tapegrad.lab.config import load_config
from tapegrad.lab.data import load_sets
from tapegrad.train import load_weights

from .chromium import choose


@pytest.fixture(scope="module")
def own(furnished):
    """The digits run's network and training data, made without the board."""
    folder = furnished / "runs" / "digits"
    config = load_config(folder / "recipe.yaml")
    sets = load_sets(config)
    model = build_model(config, sets.train.inputs.shape[1:])
    load_weights(folder / "checkpoints" / "last.safetensors", model)
    return model.eval(), sets


@pytest.fixture(scope="module")
def number(board):
    return board.number_of("digits")


def batch_of(sets, rows):
    return tg.tensor(sets.train.inputs[rows]), tg.tensor(sets.train.targets[rows])


def checkpoint_of(board, number, kind):
    return next(s["id"] for s in board.fetch(f"/api/runs/{number}")["checkpoints"] if s["kind"] == kind)


def expected_means(model, inputs, targets):
    """Return the mean of every parameter and of every layer's output, by the node that stands for it."""
    means = {("parameter", path): p.mean().item() for path, p in model.named_parameters()}
    value = inputs
    for path, layer in model.named_children():
        value = layer(value)
        means["operation", path] = value.mean().item()
    means["operation", ""] = tg.nn.CrossEntropyLoss()(value, targets).mean().item()
    return means


def unfolded(watched, route):
    page = watched.open(route)
    watched.settled()
    page.get_by_role("button", name="Unfold all").click()
    page.wait_for_function(
        """() => {
          const graph = document.querySelector(".graph");
          const drawn = document.querySelectorAll("[data-kind=operation]").length;
          return drawn === Number(graph.dataset.operations) && !graph.querySelector("[data-ready=no]");
        }"""
    )
    return page


def test_the_graph_has_the_programs_operations_and_the_tensors_means(watched, board, number, own):
    page = unfolded(watched, f"/run/{number}/graph")
    graph = board.fetch(f"/api/runs/{number}/graph?checkpoint={checkpoint_of(board, number, 'last')}")
    model, sets = own
    inputs, targets = batch_of(sets, graph["rows"])
    traced = tg.trace(lambda x, y: tg.nn.CrossEntropyLoss()(model(x), y), inputs, targets)
    program = traced[0] if isinstance(traced, tuple) else traced
    assert page.locator("[data-kind=operation]").count() == len(program.equations)
    assert f"{len(program.equations)} operations" in page.inner_text(".graph-count")

    nodes = {node["id"]: node for node in graph["nodes"]}
    shown = page.eval_on_selector_all(
        "[data-node][data-mean]", "boxes => boxes.map(box => [Number(box.dataset.node), Number(box.dataset.mean)])"
    )
    expected = expected_means(model, inputs, targets)
    compared = 0
    for node, mean in shown:
        kind, path = nodes[node]["kind"], nodes[node]["module"]
        place = (kind, nodes[node]["name"]) if kind == "parameter" else (kind, path)
        if nodes[node]["kind"] == "loss":
            place = ("operation", "")
        if place in expected:
            assert abs(mean - expected[place]) <= 1e-6, nodes[node]
            compared += 1
    assert compared >= 20


def test_a_node_opens_to_its_values(watched, board, number, own):
    page = unfolded(watched, f"/run/{number}/graph")
    page.locator("[data-kind=parameter]").first.focus()
    page.keyboard.press("Enter")
    panel = page.locator(".node-panel")
    panel.locator("[data-panel-mean]").wait_for()
    name = panel.locator("h3").inner_text()
    expected = dict(own[0].named_parameters())[name]
    assert (
        abs(float(panel.locator("[data-panel-mean]").get_attribute("data-panel-mean")) - expected.mean().item()) <= 1e-6
    )
    choose(page, "Show as", "Numbers")
    first = panel.locator(".number-table td").nth(1).inner_text()
    assert abs(float(first.replace("−", "-")) - float(expected.array.reshape(len(expected.array), -1)[0, 0])) < 1e-3
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")


def test_the_step_through_ends_with_the_gradients_of_backward(watched, board, number, own):
    page = watched.open(f"/run/{number}/steps")
    watched.settled()
    steps = page.locator(".steps")
    told = int(steps.get_attribute("data-steps"))
    page.get_by_role("button", name="Next step").focus()
    for at in range(told):
        assert steps.get_attribute("data-at") == str(at)
        assert page.locator(".step-formulas").inner_text().strip()
        page.keyboard.press("ArrowRight")
    leaves = page.locator("[data-leaf]")
    leaves.first.wait_for()
    shown = {leaf.get_attribute("data-leaf"): leaf.get_attribute("data-norm") for leaf in leaves.all()}

    asked = f"/api/runs/{number}/steps?samples=8&checkpoint={checkpoint_of(board, number, 'last')}"
    model, sets = own
    inputs, targets = batch_of(sets, board.fetch(asked)["rows"])
    tg.nn.CrossEntropyLoss()(model(inputs), targets).backward()
    expected = {}
    for path, parameter in model.named_parameters():
        expected[path] = float(np.sqrt((parameter.grad.array.astype(np.float64) ** 2).sum()))
        parameter.grad = None
    assert {path: float(norm) for path, norm in shown.items()} == expected


@pytest.mark.parametrize(
    ("locale", "part"), [("en-US", "the first {} of 2,048 numbers"), ("zh-CN", "仅前 {} 个，共 2,048 个数")]
)
def test_steps_say_how_many_of_an_arrays_numbers_they_show(visit, board, number, locale, part):
    watched = visit(board, locale=locale)
    page = watched.open(f"/run/{number}/steps")
    watched.settled()
    steps = page.locator(".steps")
    told = int(steps.get_attribute("data-steps"))
    # The first layer's weight is 32 × 64: three rows of it are sent with a step, 31 with the gradients.
    page.locator(".steps-list button").nth(told - 1).click()
    assert part.format(192) in page.locator(".sent").first.inner_text() + page.locator(".steps-detail").inner_text()
    cards = [card.bounding_box() for card in page.locator(".sent").first.locator(".card-array").all()]
    assert cards[0]["x"] + cards[0]["width"] < cards[1]["x"], (
        "what is sent on stands beside the sum that it is added to"
    )
    page.locator(".steps-list button").last.click()
    assert part.format("1,984") in page.locator("[data-leaf='fc1.weight']").inner_text()
    assert "，共" not in page.locator("[data-leaf='fc1.bias']").inner_text()
    assert "of 32" not in page.locator("[data-leaf='fc1.bias']").inner_text()


def test_checkpoints_are_scrubbed_through(watched, board, number, own):
    states = board.fetch(f"/api/runs/{number}")["checkpoints"]
    page = watched.open(f"/run/{number}/weights")
    watched.settled()
    slider = page.get_by_role("slider", name="Checkpoint")
    seen = set()
    for place, state in enumerate(states):
        slider.focus()
        with page.expect_response(
            lambda r, s=state: "/weights" in r.url and f"checkpoint={s['id']}&" in f"{r.url}&"
        ) as answer:
            slider.press("Home")
            for _ in range(place):
                slider.press("ArrowRight")
        seen.add(str(answer.value.json()["values"][0][:5]))
        watched.settled()
        assert f"checkpoint={state['id']}" in page.url
    assert len(seen) >= 3
    page.get_by_label("Parameter").select_option("fc2.bias")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('32')")
    assert watched.settled()


def test_the_boundary_moves_with_the_checkpoint(watched, board):
    spiral = board.number_of("spiral")
    page = watched.open(f"/run/{spiral}/boundary")
    watched.settled()
    pictures = [page.locator(".boundary canvas").first.screenshot()]
    slider = page.get_by_role("slider", name="Checkpoint")
    slider.focus()
    slider.press("Home")
    page.wait_for_url(f"**checkpoint={checkpoint_of(board, spiral, 'initial')}*")
    watched.settled()
    pictures.append(page.locator(".boundary canvas").first.screenshot())
    assert pictures[0] != pictures[1]
    watched.open(f"/run/{board.number_of('sine')}/boundary")
    watched.settled()
    assert page.locator("#run-view svg, #run-view canvas").count()


def test_mistakes_are_those_of_the_network(watched, number, own):
    model, sets = own
    said = model(tg.tensor(sets.test.inputs)).argmax(dim=1).array
    wrong = {int(sets.test.labels[row]): int(said[row]) for row in np.flatnonzero(said != sets.test.labels)}
    page = watched.open(f"/run/{number}/data")
    watched.settled()
    choose(page, "Part of the data", "test")
    choose(page, "Which samples", "mistakes")
    page.wait_for_function("() => document.querySelectorAll('.sample.wrong').length > 0")
    watched.settled()
    assert page.locator(".sample").count() == page.locator(".sample.wrong").count()
    assert f"of {np.count_nonzero(said != sets.test.labels)}" in page.inner_text(".more")
    label, predicted = page.locator(".sample").first.locator("strong").all_inner_texts()
    assert wrong.keys() >= {int(label)}
    assert label != predicted
    choose(page, "Part of the data", "train")
    choose(page, "Which samples", "suspects")
    watched.settled()
