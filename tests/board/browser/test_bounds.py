"""A run that says far more than anybody reads still has a page."""

import json

import pytest

from tapegrad.train import Run
from tests.board.conftest import serving

NAMES = {f"{'metric' * 10}{i}": 0.5 for i in range(300)}


@pytest.fixture
def vast(tmp_path):
    """A board over a run with too much of everything."""
    keys = {f"key{i}": {"deep": ["v" * 200] * 5} for i in range(400)}
    run = Run.prepare(tmp_path / "runs" / "vast", json.dumps({"data": {"set": "s" * 9000}, **keys}), {"e" * 5000: 1})
    layers = {f"layer{i}": {"kind": "Linear", "activation": {"mean": 1.0}} for i in range(500)}
    evidence = {"series": [[i, 0.5] for i in range(500)], "text": "w" * 3000}
    with open(run.folder / "events.jsonl", "w") as file:
        for step in range(5):
            file.write(json.dumps({"event": "epoch", "epoch": step, "step": step, **NAMES}) + "\n")
            file.write(json.dumps({"event": "statistics", "step": step, "layers": layers}) + "\n")
        for step in range(400):
            finding = {
                "fault": "f" * 400,
                "where": "w" * 5000,
                "since": step,
                "severity": 0.5,
                "advice": "a: b\n" * 2000,
            }
            file.write(json.dumps({"event": "finding", **finding, "evidence": evidence}) + "\n")
    with serving(tmp_path / "runs") as client:
        yield client


def test_a_run_with_too_much_of_everything_has_a_row_and_a_page(visit, vast):
    watched = visit(vast)
    watched.open("/")
    assert "vast" in watched.settled()
    number = vast.number_of("vast")
    for tab in ("curves", "statistics", "findings", "recipe"):
        page = watched.open(f"/run/{number}/{tab}")
        said = watched.settled()
        assert "vast" in said, tab
        assert page.locator("main .errorbox").count() == 0, tab
        # Nothing makes the page wider than the window.
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
