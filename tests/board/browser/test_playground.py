"""The playground: its address is all that a network is made from."""

import json

from tapegrad.lab.build import build
from tapegrad.lab.config import parse_config
from tapegrad.train.hashes import hash_model

ADDRESS = "/playground?data=moons&layers=6-5&activation=Tanh&lr=0.03&seed=4&points=120&noise=0.15"


def hundred_steps(watched, address):
    """Open an address, train for 100 steps, and return the hash of the weights before and after."""
    page = watched.open(address)
    watched.settled()
    place = page.locator(".playground")
    page.wait_for_function("() => document.querySelector('.playground').dataset.step === '0'")
    first = place.get_attribute("data-hash")
    page.get_by_role("button", name="100 steps").click()
    page.wait_for_function("() => document.querySelector('.playground').dataset.step === '100'")
    return first, place.get_attribute("data-hash")


def test_an_address_opens_twice_to_the_same_weights(visit, board):
    first = visit(board)
    before, after = hundred_steps(first, ADDRESS)
    assert before != after
    # What the page completed the address to is the address to hand on.
    second = visit(board)
    assert hundred_steps(second, first.page.url.partition("#")[2]) == (before, after)
    assert hundred_steps(second, ADDRESS.replace("seed=4", "seed=5"))[1] != after

    first.page.get_by_text("Show the code").click()
    assembly = build(parse_config(first.page.locator(".playground-code pre").first.inner_text()))
    assembly.trainer.fit(assembly.train_loader, steps=100)
    assert hash_model(assembly.model) == after


def test_choices_go_into_the_address_and_make_another_network(watched):
    page = watched.open("/playground?data=circles&layers=4")
    watched.settled()
    page.get_by_label("Activation").select_option("ReLU")
    page.get_by_role("button", name="One unit more").click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url("**activation=ReLU**")
    assert "layers=5-5" in page.url
    page.wait_for_function("() => document.querySelectorAll('[data-unit^=\"1.\"]').length === 5")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function("() => Number(document.querySelector('.playground').dataset.step) > 20")
    page.get_by_role("button", name="Pause").click()
    page.locator("[data-unit='0.2']").hover()
    assert page.locator("[data-unit='0.2']").get_attribute("aria-pressed") == "true"


def test_a_table_of_ones_own_is_learned(watched, tmp_path):
    rows = "\n".join(f"{x},{y},{'near' if x * x + y * y < 8 else 'far'}" for x in range(-4, 5) for y in range(-4, 5))
    path = tmp_path / "<b>points.csv"
    path.write_text(f"x,y,where\n{rows}\n")
    page = watched.open("/playground")
    watched.settled()
    before = page.locator(".playground").get_attribute("data-hash")
    page.locator("input[type=file]").set_input_files(path)
    page.wait_for_url("**data=csv:**")
    page.get_by_text("<b>points.csv: 81 rows").wait_for()
    page.wait_for_function("before => document.querySelector('.playground').dataset.hash !== before", arg=before)
    page.get_by_role("button", name="100 steps").click()
    page.wait_for_function("() => document.querySelector('.playground').dataset.step === '100'")
    path.write_text("no table")
    with page.expect_response("**/upload") as answer:
        page.locator("input[type=file]").set_input_files(path)
    assert json.loads(answer.value.body())["error"]["fix"] in page.locator(".errorbox").inner_text()
    watched.said.clear()  # the browser's own note of the 400
