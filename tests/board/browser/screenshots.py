"""Pictures of every view, light and dark, wide and phone-wide, in both languages, to be looked at.

``python -m tests.board.browser.screenshots FOLDER [PART OF A NAME]...`` writes ``NAME-wide-light.png`` and so on; with
parts of names only those. It takes a minute or two.
"""

import pathlib
import sys
import tempfile

from tests.board.conftest import serving

from .chromium import Watched, chromium, missing
from .stage import HOSTILE, furnish

SIZES = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 375, "height": 812}}
LOOKS = [("light", "en-US"), ("dark", "en-US"), ("light", "zh-CN")]


def views(number):
    """Return the views by name: a route, and what is done there first. ``number`` gives a run's number by its name."""
    digits, spiral, sine, diverged, bare = (number(name) for name in ("digits", "spiral", "sine", "diverged", "bare"))
    trials = [number(f"{number.sweep}/{trial:04d}") for trial in range(1, 5)]
    return {
        "runs": ("/", None),
        "runs-selected": ("/", selected),
        "runs-columns": (
            "/",
            lambda page: page.locator("button, summary", has_text=text_of(page, "Columns", "列")).first.click(),
        ),
        "sweeps": ("/", lambda page: page.locator(".segmented label").nth(1).click()),
        "nomatch": ("/", lambda page: page.locator("input[type=search]").fill("no such run")),
        "help": ("/", lambda page: page.keyboard.press("?")),
        "compare": (f"/compare/{digits},{spiral},{diverged}", None),
        "compare-sweep": (f"/compare/{','.join(map(str, trials))}", None),
        "new": ("/new", None),
        "new-wrong": ("/new", wrong),
        "curves": (f"/run/{digits}/curves", None),
        "curves-findings": (f"/run/{diverged}/curves", None),
        "graph": (f"/run/{digits}/graph", None),
        "graph-unfolded": (f"/run/{digits}/graph", unfold),
        "graph-node": (f"/run/{spiral}/graph", node),
        "statistics": (f"/run/{digits}/statistics", None),
        "findings": (f"/run/{diverged}/findings", None),
        "findings-none": (f"/run/{spiral}/findings", None),
        "data": (f"/run/{digits}/data", None),
        "mistakes": (f"/run/{digits}/data", mistakes),
        "data-points": (f"/run/{spiral}/data", None),
        "boundary": (f"/run/{spiral}/boundary", None),
        "boundary-line": (f"/run/{sine}/boundary", None),
        "weights": (f"/run/{digits}/weights", None),
        "weights-points": (f"/run/{spiral}/weights", None),
        "steps": (f"/run/{digits}/steps", None),
        "steps-linear": (f"/run/{digits}/steps", lambda page: press(page, "ArrowRight", 2)),
        "steps-table": (f"/run/{spiral}/steps", steps_table),
        "steps-leaves": (f"/run/{digits}/steps", lambda page: press(page, "End", 1)),
        "recipe": (f"/run/{digits}/recipe", None),
        "bare": (f"/run/{bare}/curves", None),
        "bare-graph": (f"/run/{bare}/graph", None),
        "hostile": (f"/run/{number(HOSTILE)}/findings", None),
        "hostile-data": (f"/run/{number(HOSTILE)}/data", None),
        "playground": ("/playground?data=spiral", hundred),
        "playground-digits": ("/playground?data=digits", hundred),
        "playground-deep": ("/playground?data=moons&layers=12-10-8-6-4-4", hundred),
        "draw": (f"/draw/{digits}", draw),
        "draw-blank": (f"/draw/{digits}", None),
        "draw-none": (f"/draw/{spiral}", None),
        "nonsense": ("/nonsense", None),
    }


def text_of(page, english, chinese):
    return english if page.evaluate("document.documentElement.lang") == "en" else chinese


def selected(page):
    for box in page.locator("tbody input[type=checkbox]").all()[:2]:
        box.check()


def wrong(page):
    page.locator("textarea").fill("model.activation=ReLUU")
    page.locator("button[type=submit]").click()
    page.locator(".errorbox").wait_for()


def unfold(page):
    page.locator(".graph .toolbar button").first.click()
    page.wait_for_function("() => document.querySelectorAll('[data-node]').length > 20")


def node(page):
    page.locator(".graph .toolbar button").first.click()
    page.locator("[data-kind=parameter]").first.focus()
    page.keyboard.press("Enter")
    page.locator(".node-panel canvas, .node-panel table").first.wait_for()


def mistakes(page):
    for group in page.locator(".segmented").all()[:2]:
        group.locator("label").nth(1).click()
    page.locator(".sample.wrong").first.wait_for()


def press(page, key, times):
    page.locator(".steps .toolbar button:not([disabled])").first.focus()
    for _ in range(times):
        page.keyboard.press(key)


def steps_table(page):
    page.locator(".steps .segmented label").nth(1).click()
    press(page, "ArrowRight", 1)


def hundred(page):
    page.wait_for_function("() => document.querySelector('.playground').dataset.step === '0'")
    page.locator(".playground-controls button").nth(3).click()
    page.wait_for_function("() => document.querySelector('.playground').dataset.step === '100'")


def draw(page):
    sheet = page.locator("canvas.sheet").bounding_box()
    at = [(0.3, 0.25), (0.65, 0.2), (0.7, 0.4), (0.35, 0.8), (0.75, 0.78)]
    for place, (x, y) in enumerate(at):
        page.mouse.move(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"], steps=5)
        if place == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator("[data-predicted]").wait_for()
    page.wait_for_timeout(1000)  # the answer to the last stroke


def empty_views():
    return {"empty-runs": ("/", None), "empty-compare": ("/compare/1,2", None), "empty-run": ("/run/1", None)}


def take(browser, client, names, folder, wanted):
    for size, viewport in SIZES.items():
        for scheme, locale in LOOKS:
            chosen = {name: view for name, view in names.items() if not wanted or any(part in name for part in wanted)}
            for name, (route, act) in chosen.items():
                context = browser.new_context(
                    viewport=viewport,
                    color_scheme=scheme,
                    locale=locale,
                    has_touch=size == "phone",
                    reduced_motion="reduce",
                )
                context.set_default_timeout(60_000)
                watched = Watched(context, client.origin)
                page = watched.open(route)
                try:
                    watched.settled()
                    if act is not None:
                        act(page)
                        watched.settled()
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if wide > 0:
                        print(f"{name} {size} {locale}: {wide} px too wide")
                except Exception as error:
                    print(f"{name} {size} {locale}: {str(error).splitlines()[0]}")
                look = scheme if locale == "en-US" else "chinese"
                page.screenshot(path=folder / f"{name}-{size}-{look}.png", full_page=True)
                if watched.said and not name.startswith(("empty", "new-wrong", "nonsense")):
                    print(f"{name} {size} {locale}: {watched.said}")
                context.close()


class Numbers:
    """Runs' numbers by their names."""

    def __init__(self, client):
        self.client = client
        self.sweep = next(run["sweep"] for run in client.fetch("/api/runs")["runs"] if run["sweep"])

    def __call__(self, name):
        return self.client.number_of(name)


def main(folder, *wanted):
    """Take the pictures."""
    lacking = missing()
    if lacking:
        raise SystemExit(lacking)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        nothing = pathlib.Path(scratch, "nothing")
        nothing.mkdir()
        with serving(nothing) as client:
            take(browser, client, empty_views(), folder, wanted)
        with serving(furnish(pathlib.Path(scratch, "furnished"))) as client:
            take(browser, client, views(Numbers(client)), folder, wanted)


if __name__ == "__main__":
    if not sys.argv[1:] or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
