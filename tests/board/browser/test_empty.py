"""Where there is nothing to show, the page says so, and what to do."""

import re

import pytest

from tests.board.conftest import serving

TABS = ("curves", "graph", "statistics", "findings", "data", "weights", "steps", "recipe")
SENTENCE = re.compile(r"\w+ \w+ \w+")


def words(watched):
    """Return what the view says: a notice for an empty place, or what went wrong and what to do."""
    watched.settled()
    return watched.page.locator("main :is(.empty, .errorbox)").all_inner_texts()


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("nothing")) as client:
        yield client


def test_an_empty_folder_is_told(visit, nothing):
    watched = visit(nothing)
    for route in ("/", "/compare/1,2", "/compare", "/run/1", "/draw/1", "/nonsense", "/run/x"):
        watched.open(route)
        (said,) = words(watched)
        assert SENTENCE.search(said), route
        assert watched.page.locator("main :is(a, button)").count() >= 1
    watched.said[:] = [text for text in watched.said if "404" not in text]  # the browser's own note


def test_what_needs_no_run_works_in_an_empty_folder(visit, nothing):
    watched = visit(nothing)
    for route, expected in (("/new", "Start training"), ("/playground", "100 steps")):
        watched.open(route)
        assert expected in watched.settled()
        assert words(watched) == []


def test_a_run_without_checkpoints_is_told(watched, board):
    for tab in TABS:
        watched.open(f"/run/{board.number_of('bare')}/{tab}")
        said = words(watched)
        if tab == "recipe":
            assert said == []
        else:
            assert SENTENCE.search(said[0]), tab
            assert "did not work" not in said[0], "nothing went wrong: there is nothing yet"


def test_a_failed_run_says_why(watched, board):
    for tab in TABS:
        page = watched.open(f"/run/{board.number_of('diverged')}/{tab}")
        assert words(watched) == [], tab
        assert "the loss is nan at step" in page.inner_text(".run-head")
        assert len(page.inner_text("#run-view")) > 40


def test_a_board_that_is_gone_is_told(visit, tmp_path):
    with serving(tmp_path) as client:
        watched = visit(client)
        page = watched.open("/")
        watched.settled()
        client.board.closing.set()
    page.get_by_role("alert").filter(has_text="The board cannot be reached").wait_for()
    watched.said.clear()  # the browser's own notes of the connection
