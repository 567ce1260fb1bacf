"""One browser, one furnished folder and one board over it for all tests of a process."""

import pytest

from tests.board.conftest import serving

from .chromium import Watched, chromium, missing
from .stage import furnish

# What a slow machine needs for the slowest answer; nothing waits for it in vain.
SECONDS = 30


def pytest_collection_modifyitems(items):
    lacking = missing()
    for item in items:
        if lacking and "tests/board/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=lacking))


@pytest.fixture(scope="session")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def furnished(tmp_path_factory):
    return furnish(tmp_path_factory.mktemp("furnished"))


@pytest.fixture(scope="session")
def board(furnished):
    with serving(furnished) as client:
        yield client


@pytest.fixture
def visit(browser):
    """Open a board with options of the browser's context; at the end nothing may have gone wrong in any of its pages."""
    contexts, pages = [], []

    def open_board(board, **options):
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        pages.append(Watched(context, board.origin))
        return pages[-1]

    yield open_board
    said = [text for page in pages for text in page.said]
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def watched(visit, board):
    return visit(board)


@pytest.fixture
def page(watched):
    return watched.page
