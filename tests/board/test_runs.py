"""The table of runs, a run's page, and its curves."""

import json

import pytest

from tapegrad.train import Run


def test_the_table_and_a_page_say_what_the_folder_says(shared, trained_runs):
    rows = {run["name"]: run for run in shared.fetch("/api/runs")["runs"]}
    run = Run(trained_runs / "digits")
    row = rows["digits"]
    last = run.events("epoch")[-1]
    assert (row["status"], row["epoch"], row["epochs"], row["step"]) == ("finished", 2, 2, last["step"])
    assert (row["set"], row["model"]) == ("digits", "64-64-10")
    assert row["metrics"]["valid_accuracy"] == last["valid_accuracy"]
    assert row["metrics"]["test_accuracy"] == (run.result or {})["test_accuracy"]
    assert row["best"]["loss"] == min(event["loss"] for event in run.events("epoch"))
    assert row["config"]["optimizer.type"]
    page = shared.fetch(f"/api/runs/{row['id']}")
    assert page["recipe"] == run.recipe
    assert page["environment"] == run.environment
    assert (page["shape"], page["classes"]) == ([1, 8, 8], [str(i) for i in range(10)])
    assert {"loss", "valid_loss", "rate"} <= set(page["names"])
    assert page["result"]["confusion"] == (run.result or {})["confusion"]


def test_curves_are_those_of_the_events(shared, trained_runs):
    number = shared.number_of("spiral")
    found = shared.fetch(f"/api/runs/{number}/series?names=loss,nothing&points=100")
    events = Run(trained_runs / "spiral").events("epoch")
    assert list(found["series"]) == ["loss"]
    assert found["series"]["loss"]["step"] == [event["step"] for event in events]
    assert found["series"]["loss"]["value"] == [event["loss"] for event in events]
    assert found["last_step"] == 40
    part = shared.fetch(f"/api/runs/{number}/series?names=loss&from=15&to=35")["series"]["loss"]
    assert part["step"] == [20, 30]
    assert len(shared.fetch(f"/api/runs/{number}/series?points=2")["series"]["loss"]["step"]) == 2


def test_layers_have_their_statistics(shared, trained_runs):
    found = shared.fetch(f"/api/runs/{shared.number_of('spiral')}/statistics")
    events = Run(trained_runs / "spiral").events("statistics")
    assert found["steps"] == [event["step"] for event in events]
    assert found["layers"]["fc1"]["kind"] == "Linear"
    assert found["layers"]["fc1"]["mean"] == [event["layers"]["fc1"]["activation"]["mean"] for event in events]
    assert found["layers"]["fc1"]["gradient_norm"][-1] == events[-1]["layers"]["fc1"]["gradient"]["norm"]
    assert found["layers"]["fc1"]["histogram"] == events[-1]["layers"]["fc1"]["activation"]["histogram"]


@pytest.mark.parametrize(
    "query", ["points=0", "points=x", "points=9999999", "from=x", "from=nan", "to=1e999", "points=" + "1" * 5000]
)
def test_queries_out_of_bounds_are_refused(shared, query):
    status, said = shared.get(f"/api/runs/{shared.number_of('spiral')}/series?{query}")
    assert status == 400
    assert said["error"]["what"]


def test_what_is_no_number_travels_as_a_word(client, runs):
    Run(runs / "spiral").log("epoch", epoch=9, step=99, loss=float("nan"), valid_loss=float("-inf"))
    number = client.number_of("spiral")
    status, _, body = client.ask("GET", f"/api/runs/{number}/series?names=loss,valid_loss")
    assert status == 200
    found = json.loads(body, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))["series"]
    assert (found["loss"]["value"][-1], found["valid_loss"]["value"][-1]) == ("NaN", "-Infinity")


def test_a_long_run_is_answered_as_quickly_as_a_short_one(client, runs):
    """What is read once is not read again: the second question costs what a question to a short run costs, in lines parsed."""
    run = Run.prepare(runs / "long", "seed: 0\n", {})
    with open(run.folder / "events.jsonl", "w") as file:
        file.writelines(
            f'{{"event": "epoch", "epoch": {i}, "step": {i}, "loss": {1 / (i + 1)}}}\n' for i in range(200_000)
        )
    number = client.number_of("long")
    first = client.fetch(f"/api/runs/{number}/series?names=loss&points=1500")
    assert first["last_step"] == 199_999
    assert len(first["series"]["loss"]["step"]) == 1500
    entry = client.board.library.get(number)
    lines = []
    take = entry.follower._take
    entry.follower._take = lambda given: (lines.extend(given), take(given))
    run.log("epoch", epoch=200_000, step=200_000, loss=0.5)
    again = client.fetch(f"/api/runs/{number}/series?names=loss&points=1500")
    assert again["series"]["loss"]["value"][-1] == 0.5
    assert len([line for line in lines if line]) == 1


def test_a_finding_is_told_in_both_languages(client, runs):
    run = Run(runs / "spiral")
    run.log("finding", fault="no-such-fault", where="<b>x</b>", since="never", evidence=[1])
    page = client.fetch(f"/api/runs/{client.number_of('spiral')}")
    finding = page["findings"][-1]
    assert (finding["fault"], finding["where"], finding["since"]) == ("no-such-fault", "<b>x</b>", 0)
    assert set(finding["text"]) == {"en", "zh"}


def test_the_language_follows_the_browser(shared):
    assert shared.get("/api/session", **{"Accept-Language": "zh-CN,zh;q=0.9"})[1]["language"] == "zh"
    assert shared.get("/api/session")[1]["language"] == "en"
    assert shared.fetch("/api/session")["can_train"] is True


def test_recipes_are_listed_in_both_languages(shared):
    recipes = {recipe["name"]: recipe for recipe in shared.fetch("/api/recipes")["recipes"]}
    assert recipes["digits/best"]["available"] is True
    assert recipes["digits/best"]["title"]["zh"] != recipes["digits/best"]["title"]["en"]
    assert all(recipe["set"] for recipe in recipes.values())
