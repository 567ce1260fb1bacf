"""The table of runs, what is made of several, and a run's own page."""

import json
import re

from .stage import HOSTILE


def names(page):
    return page.locator("tbody tr .run-name a").all_inner_texts()


def test_the_table_is_filtered_and_sorted(watched, board):
    page = watched.open("/")
    watched.settled()
    assert sorted(names(page)) == sorted(run["name"] for run in board.fetch("/api/runs")["runs"])
    search = page.get_by_role("searchbox", name="Filter the runs")
    search.fill("spiral optimizer.lr>0.02")
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 2")
    assert all(name.startswith("rates-") for name in names(page))
    search.fill("status=failed")
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    assert names(page) == ["diverged"]
    search.fill("nothing-is-called-so")
    assert "No run fits the filter" in watched.settled()
    page.get_by_role("button", name="Clear the filter").click()
    page.get_by_role("button", name="Name", exact=True).click()
    assert [name for name in names(page) if name != HOSTILE] == sorted(set(names(page)) - {HOSTILE})
    page.get_by_role("button", name="Name", exact=True).click()
    assert page.locator("th[aria-sort=descending]").inner_text().strip() == "Name"


def test_runs_are_compared(watched, board):
    page = watched.open("/")
    watched.settled()
    for name in ("digits", "diverged"):
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Compare 2").click()
    page.wait_for_url(re.compile(r"#/compare/\d+,\d+"))
    said = watched.settled()
    page.locator(".chart-frame").first.wait_for()
    assert "Comparing 2 runs" in said
    assert page.locator(".chosen-runs li").count() == 2
    different = page.locator("section", has=page.get_by_text("Where the configurations differ"))
    keys = different.locator("th code").all_inner_texts()
    assert {"model.layers", "optimizer.type", "optimizer.lr"} <= set(keys)
    assert "data.set" not in keys
    page.get_by_role("button", name="Take diverged away").click()
    assert "Nothing to compare" in watched.settled()


def test_trials_differ_from_runs_in_their_factors_alone(watched, board):
    numbers = [run["id"] for run in board.fetch("/api/runs")["runs"] if run["sweep"]]
    page = watched.open(f"/compare/{numbers[0]},{numbers[-1]},{board.number_of('spiral')}")
    watched.settled()
    page.locator(".chart-frame").first.wait_for()
    different = page.locator("section", has=page.get_by_text("Where the configurations differ"))
    assert {"optimizer.lr", "seed", "training.steps"} == set(different.locator("th code").all_inner_texts())


def test_a_sweep_is_grouped_by_its_factor(watched, board):
    trials = [run for run in board.fetch("/api/runs")["runs"] if run["sweep"]]
    page = watched.open("/")
    watched.settled()
    page.locator("label", has_text="By factor").click()
    page.get_by_label("Metric").first.select_option(label="train loss")
    page.locator("table.levels").wait_for()
    rows = page.locator("table.levels tbody tr")
    assert rows.count() == 2
    for place, level in enumerate(("0.01", "0.05")):
        losses = [run["metrics"]["loss"] for run in trials if run["factors"]["optimizer.lr"] == level]
        assert len(losses) == 2
        cells = rows.nth(place).locator("th, td").all_inner_texts()
        mean, spread = (float(text) for text in re.split(r"\s*±\s*", cells[2]))
        assert cells[:2] == [level, "2"]
        assert abs(mean - sum(losses) / 2) < 1e-3
        assert abs(spread - abs(losses[0] - losses[1]) / 2**0.5) < 1e-3


def test_findings_stand_on_the_curve_and_lead_to_their_words(watched, board):
    number = board.number_of("diverged")
    finding = board.fetch(f"/api/runs/{number}")["findings"][0]
    page = watched.open(f"/run/{number}")
    watched.settled()
    mark = page.locator(".chart-mark").first
    mark.wait_for()
    assert finding["title"]["en"] in page.inner_text(".finding-line")
    assert f"since step {finding['since']}" in page.locator(".chart-mark").evaluate_all(
        "m => m.map(one => one.title).join()"
    )
    mark.locator("span").click()
    page.wait_for_url("**/findings")
    said = watched.settled()
    assert finding["text"]["en"] in said
    assert finding["advice"] in said
    assert page.locator(".finding .chart-frame").count()


def test_hostile_names_are_text_and_run_nothing(watched, board, page):
    page.add_init_script("window.alert = text => console.error(`alert ${text}`)")
    number = board.number_of(HOSTILE)
    for route in ("/", "/playground", f"/compare/{number},{board.number_of('digits')}", f"/draw/{number}"):
        page = watched.open(route)
        said = watched.settled()
        assert HOSTILE in said or route == "/playground"
    run = board.fetch(f"/api/runs/{number}")
    assert json.dumps(run).count(HOSTILE) > 12
    for tab in ("curves", "graph", "statistics", "findings", "data", "weights", "steps", "recipe"):
        watched.open(f"/run/{number}/{tab}")
        assert HOSTILE in watched.settled(), tab
        assert page.locator("img[src=x]").count() == 0
        assert page.title().startswith(HOSTILE)
    assert page.locator("main").inner_text().count(HOSTILE) >= 2


def test_a_recipe_is_as_it_was_trained(watched, board, furnished):
    page = watched.open(f"/run/{board.number_of('spiral')}/recipe")
    watched.settled()
    assert page.locator("pre").first.inner_text().strip() == (furnished / "runs/spiral/recipe.yaml").read_text().strip()
