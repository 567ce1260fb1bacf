"""Who is refused: other pages, other names, and paths that lead out of the runs."""

import http.server
import threading

import pytest


@pytest.fixture(scope="module")
def elsewhere():
    """The origin of a page that is not the board's."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://elsewhere.test:{server.server_port}"
        server.shutdown()
        thread.join()


ASK = """async ([url, options]) => {
  try { return await (await fetch(url, options)).text(); } catch { return "refused"; }
}"""


@pytest.fixture
def statuses(page):
    """What the board answered, also where the browser keeps it from the page."""
    found = []
    session = page.context.new_cdp_session(page)
    session.on("Network.responseReceivedExtraInfo", lambda event: found.append(event["statusCode"]))
    session.send("Network.enable")
    return found


@pytest.mark.parametrize(
    ("status", "path", "options"),
    [
        (403, "/api/runs", {}),
        (403, "/api/runs", {"mode": "no-cors"}),
        (403, "/api/trainings", {"method": "POST", "mode": "no-cors", "body": '{"recipe": "digits"}'}),
        # The browser asks first whether it may.
        (405, "/api/trainings", {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"}),
        (403, "/main.js", {"mode": "no-cors"}),
    ],
)
def test_another_page_gets_nothing(watched, page, board, elsewhere, statuses, status, path, options):
    page.goto(elsewhere)
    statuses.clear()
    with page.expect_event("requestfailed"):
        assert page.evaluate(ASK, [board.origin + path, options]) == "refused"
    assert [one for one in statuses if one != 200] == [status]  # 200: what the other page is made of
    watched.said.clear()  # the browser's own notes of what was refused


def test_a_rebound_name_gets_nothing(watched, page, board):
    answer = page.goto(board.origin.replace("127.0.0.1", "elsewhere.test"))
    assert answer.status == 403
    assert "Host" in page.inner_text("body")
    assert page.locator("script").count() == 0
    watched.said.clear()  # the browser's own note of the 403


def test_the_page_is_not_shown_within_another(watched, page, board, elsewhere):
    page.goto(elsewhere)
    page.evaluate(
        """origin => new Promise(done => {
          const frame = document.createElement("iframe");
          frame.onload = done;
          frame.src = origin;
          document.body.append(frame);
        })""",
        board.origin,
    )
    assert all(frame.locator("#main").count() == 0 for frame in page.frames)
    watched.said.clear()  # the browser's own note of what it did not show


# With a foreign Host comes its own Origin, as from a rebound name: each of the two must be looked at for itself.
FOREIGN = [
    {"Host": "elsewhere.test", "Origin": "http://elsewhere.test"},
    {"Origin": "http://elsewhere.test"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/api/runs"), ("POST", "/api/trainings")])
def test_a_foreign_host_or_origin_is_refused(board, method, path, headers):
    own = {"Content-Type": "application/json", "Origin": board.origin}
    status, _, body = board.ask(method, path, "{}" if method == "POST" else None, {**own, **headers})
    assert status == 403
    assert b"tapegrad</title>" not in body


UPWARDS = ("../", "..%2f", "%2e%2e/", "%2E%2E%5C", "..\\", "%252e%252e%252f", "....//", "1/../../", "1%00../")
SECRET = "what-nobody-may-read"


def parameters(board):
    """Every route of the board with a place for a parameter, as (method, path with {} in its place)."""
    from tapegrad.board.app import make_app

    for route in make_app(board.board).app.routes:
        names = [part for part in route.path.split("/") if part.startswith("{")]
        for name in names:
            path = route.path
            for other in names:
                path = path.replace(other, "{}" if other == name else "1")
            yield from ((method, path) for method in route.methods - {"HEAD"})


def test_no_path_leads_out_of_the_runs(board, furnished):
    for place in (furnished, furnished.parent, furnished / "runs"):
        (place / "secret.txt").write_text(SECRET)
        (place / "secret.json").write_text(f'"{SECRET}"')
    asked = 0
    for method, path in parameters(board):
        for step in UPWARDS:
            for ways in (step + "secret.txt", step + "runs/digits", step * 9 + "etc/passwd"):
                body = "{}" if method == "POST" else None
                headers = {"Content-Type": "application/json", "Origin": board.origin}
                status, _, answer = board.ask(method, path.replace("{}", ways), body, headers)
                assert 400 <= status < 500, (method, path, ways)
                assert SECRET.encode() not in answer
                assert b"root:" not in answer
                asked += 1
    assert asked > 300


QUERIES = {
    "graph": ["checkpoint"], "nodes/1": ["checkpoint", "part"], "steps": ["checkpoint", "samples"], "boundary": ["checkpoint"],
    "samples": ["checkpoint", "part", "which", "offset", "limit"], "weights": ["checkpoint", "parameter"],
    "series": ["points", "from", "to"], "statistics": ["points"],
}  # fmt: skip


@pytest.mark.parametrize("what", QUERIES)
def test_no_query_leads_out_of_the_runs(board, what):
    number = board.number_of("digits")
    for name in QUERIES[what]:
        for way in ("../", "%2e%2e%2f", "..%5c", "/etc/passwd", "../../secret.txt", "1/../2"):
            status, _, answer = board.ask("GET", f"/api/runs/{number}/{what}?{name}={way}")
            assert 400 <= status < 500, (name, way)
            assert b"root:" not in answer
    assert board.fetch(f"/api/runs/{number}/series?names=../events,..%2f..%2fsecret")["series"] == {}
    status, _, _ = board.ask("GET", "/api/stream?runs=../1")
    assert status == 400
