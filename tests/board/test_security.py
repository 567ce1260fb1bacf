import http.client
import json
import os

import pytest

from tapegrad.board.security import CSP, MOST_BYTES
from tapegrad.errors import ArgumentError
from tapegrad.train import Run

from .conftest import serving

TOKEN = "a-token-of-some-length"
FOREIGN = "http://evil.example"


def refused(answer, status):
    assert answer[0] == status, answer
    assert set(answer[1]["error"]) == {"who", "what", "fix", "zh"}


def get(client, path="/api/session", **headers):
    return client.get(path, **{name.replace("_", "-"): value for name, value in headers.items()})


# -- hosts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "192.168.1.5", "0.0.0.0", "[::2]", "localhost:x", "localhost:123456", "a@localhost", "localhost/"])  # fmt: skip
def test_a_foreign_host_is_refused(shared, host):
    refused(get(shared, Host=host), 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:9000", "[::1]:1", "127.0.0.2"])
def test_this_machine_is_known_by_its_names(shared, host):
    assert get(shared, Host=host)[0] == 200


@pytest.mark.parametrize("lines", ["Host: localhost\r\nHost: evil.example", "Host: evil.example\r\nhost: localhost", "Host: localhost\r\nHost: localhost", "X: y"])  # fmt: skip
def test_none_or_several_hosts_are_refused(shared, lines):
    for version in ("1.1", "1.0"):
        head, _, body = shared.raw(
            f"GET /api/session HTTP/{version}\r\n{lines}\r\nConnection: close\r\n\r\n".encode()
        ).partition(b"\r\n\r\n")
        assert head.split()[1] in (b"400", b"403"), head
        assert b"version" not in body
        assert CSP.encode() in head


# -- other pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost", "http://127.0.0.1:1", "file://", "", "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port} http://x"])  # fmt: skip
def test_a_foreign_origin_is_refused(shared, origin):
    origin = origin.format(port=shared.port)
    refused(get(shared, Origin=origin), 403)
    refused(shared.post("/api/playground", {}, {"Origin": origin}), 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "strange"])
def test_what_another_site_fetches_is_refused(shared, site):
    refused(get(shared, Sec_Fetch_Site=site), 403)
    refused(shared.post("/api/playground", {}, {"Sec-Fetch-Site": site}), 403)
    # A link to the page itself may be followed from anywhere, to nothing else.
    visit = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert shared.ask("GET", "/", headers=visit)[0] != 403
    assert shared.ask("GET", "/api/runs", headers=visit)[0] == 403
    assert shared.ask("GET", "/", headers={**visit, "Sec-Fetch-Mode": "cors"})[0] == 403


def test_no_response_allows_other_origins(shared):
    for method in ("GET", "POST", "OPTIONS"):
        _, headers, _ = shared.ask(method, "/api/runs", headers={"Origin": shared.origin})
        assert not [name for name in headers if name.lower().startswith("access-control")]
    assert shared.ask("OPTIONS", "/api/playground", headers={"Origin": shared.origin})[0] == 405


def test_state_changes_by_post_with_json_alone(shared):
    for path in (
        "/api/playground",
        "/api/trainings",
        "/api/trainings/1/stop",
        "/api/playground/upload",
        "/api/playground/x/close",
    ):
        assert shared.ask("GET", path)[0] in (404, 405)
        own = {"Origin": shared.origin}
        for kind in (
            None,
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonx",
        ):
            headers = own if kind is None else {**own, "Content-Type": kind}
            assert shared.ask("POST", path, b"{}", headers)[0] == 415
        assert shared.ask("POST", path, b"{}", {"Content-Type": "application/json"})[0] == 403


def test_sec_fetch_site_alone_says_that_the_page_asks(shared):
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json; charset=utf-8"}
    assert shared.ask("POST", "/api/playground/0a/close", b"{}", headers)[0] == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"3", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(shared, body):
    headers = {"Origin": shared.origin, "Content-Type": "application/json"}
    assert shared.ask("POST", "/api/playground", body, headers)[0] == 400


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_a_large_body_is_refused_before_it_is_read(shared):
    head = f"POST /api/playground HTTP/1.1\r\nHost: localhost:{shared.port}\r\nOrigin: http://localhost:{shared.port}\r\nContent-Type: application/json\r\n"
    for length, status in ((str(MOST_BYTES + 1), b"413"), ("9" * 15, b"413"), ("9" * 30, b"400"), ("-1", b"400")):
        assert shared.raw(f"{head}Content-Length: {length}\r\n\r\n".encode()).split()[1] == status


def test_a_large_body_without_a_length_is_refused(shared):
    connection = http.client.HTTPConnection(shared.host, shared.port, timeout=30)
    headers = {"Origin": shared.origin, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/api/playground", (b"x" * 100_000 for _ in range(11)), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_long_head_is_refused(shared):
    assert shared.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200_000 + b"\r\n\r\n").split()[1:2] in (
        [b"400"],
        [],
    )


# -- paths ------------------------------------------------------------------------------------------------------------

OUTSIDE = ["..", "../..", "%2e%2e", "..%2f..%2fsecret", "%2fetc%2fpasswd", "/etc/passwd", "....//", "..%5c..", "1/../../secret", "%00", "1%00", "-1", "1e3", "٣", "9" * 40]  # fmt: skip
PLACES = [
    "/{}", "/assets/{}", "/api/{}", "/api/runs/{}", "/api/runs/{}/series", "/api/runs/{}/statistics", "/api/runs/{}/graph",
    "/api/runs/1/nodes/{}", "/api/runs/{}/steps", "/api/runs/{}/samples", "/api/runs/{}/boundary", "/api/runs/{}/weights",
    "/api/runs/1/graph?checkpoint={}", "/api/runs/1/samples?part={}", "/api/runs/1/samples?which={}",
    "/api/runs/1/nodes/1?part={}", "/api/runs/1/weights?parameter={}", "/api/stream?runs={}",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_path_leads_nowhere(shared, trained_runs, place):
    (trained_runs.parent / "secret").write_text("SECRET")
    for text in OUTSIDE:
        status, headers, body = shared.ask("GET", place.format(text).replace("٣", "%D9%A3"))
        assert status in (400, 404, 503), (place, text, status, body)
        assert b"SECRET" not in body
        assert b"root:" not in body
        assert headers["Content-Security-Policy"] == CSP


@pytest.mark.parametrize("place", ["/api/trainings/{}/stop", "/api/playground/{}/advance", "/api/runs/{}/predict"])
def test_a_posted_path_leads_nowhere(shared, place):
    for text in OUTSIDE[:-2]:
        assert shared.post(place.format(text), {})[0] in (400, 404), text


def test_the_front_end_is_found_by_name_and_not_through_links(tmp_path, runs):
    from tapegrad.board import pages

    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    (static / "assets" / "app.js").write_text("1")
    (tmp_path / "secret.js").write_text("SECRET")
    os.symlink(tmp_path / "secret.js", static / "linked.js")
    (static / "server.py").write_text("SECRET")
    found = pages._files(static)
    assert set(found) == {"index.html", "assets/app.js"}


def test_every_response_has_the_policy(shared):
    for method, path in (
        ("GET", "/"),
        ("GET", "/api/runs"),
        ("GET", "/nothing"),
        ("GET", "/api/nothing"),
        ("PUT", "/"),
        ("HEAD", "/"),
        ("POST", "/api/runs"),
    ):
        _, headers, _ = shared.ask(method, path)
        assert headers["Content-Security-Policy"] == CSP, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "unsafe" not in CSP
    assert CSP.encode() in shared.raw(b"nonsense\r\n\r\n")


def test_names_are_data_and_nothing_else(runs):
    name = "<img src=x onerror=alert(1)>"
    Run.prepare(runs / name, "title: '<script>alert(1)</script>'\n", {})
    with serving(runs) as client:
        status, headers, body = client.ask("GET", "/api/runs")
        assert status == 200
        assert headers["Content-Type"] == "application/json"
        assert name in [run["name"] for run in json.loads(body)["runs"]]


# -- the token --------------------------------------------------------------------------------------------------------


def test_an_open_address_needs_the_token(runs):
    with serving(runs, host="0.0.0.0", token=TOKEN) as client:
        for path in ("/", "/api/runs", "/api/stream", "/index.html"):
            assert client.ask("GET", path)[0] == 401
        assert client.post("/api/playground", {})[0] == 401
        for wrong in ("", "x", TOKEN[:-1], TOKEN + "x", "%00", TOKEN.upper()):
            assert client.ask("GET", f"/?token={wrong}")[0] == 401
        assert client.ask("GET", f"/api/runs?token={TOKEN}")[0] == 401
        status, headers, _ = client.ask("GET", f"/?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        kept = {"Cookie": cookie.partition(";")[0]}
        assert client.ask("GET", "/api/runs", headers=kept)[0] == 200
        assert client.ask("GET", "/api/runs", headers={**kept, "Host": "evil.example"})[0] == 403
        assert client.ask("GET", "/api/runs", headers={**kept, "Origin": FOREIGN})[0] == 403
        assert client.ask("GET", "/api/runs", headers={"Cookie": "tapegrad-board=x"})[0] == 401
        assert client.ask("GET", "/api/runs", headers={"Cookie": "a=b; " + kept["Cookie"]})[0] == 200
        # An address in numbers cannot be another's name.
        assert client.ask("GET", "/api/runs", headers={**kept, "Host": f"192.168.1.5:{client.port}"})[0] == 200


def test_cookies_of_other_servers_do_not_hide_the_token(trained_runs):
    with serving(trained_runs, token=TOKEN) as client:
        for others in ('prefs={"a": [1]}; ', "x[=1; ", "=; ;; "):
            assert client.ask("GET", "/api/runs", headers={"Cookie": f"{others}tapegrad-board={TOKEN}"})[0] == 200
        for wrong in ("tapegrad-board=", f"tapegrad-board={TOKEN}x", f"a=tapegrad-board={TOKEN}"):
            assert client.ask("GET", "/api/runs", headers={"Cookie": wrong})[0] == 401


def test_an_address_with_many_fields_is_refused_as_any_other(trained_runs):
    with serving(trained_runs, token=TOKEN) as client:
        status, headers, _ = client.ask("GET", "/?" + "a=1&" * 100 + f"token={TOKEN}")
        assert status == 401
        assert headers["Content-Security-Policy"]


def test_an_open_address_has_a_token_whatever_was_said(monkeypatch, runs):
    from tapegrad.board import server

    told = []
    monkeypatch.setattr(server, "make_server", lambda *given: (_Ended(), _Ended()))
    server.serve([runs], host="0.0.0.0", port=0, open_page=False, tell=told.append)
    assert len(told[0].partition("?token=")[2]) >= 32
    server.serve([runs], port=0, open_page=False, tell=told.append)
    assert "token" not in told[1]


class _Ended:
    def run(self, sockets):
        sockets[0].close()

    def close(self):
        pass


@pytest.mark.parametrize("token", ["short", "with spaces in it, long", "ü" * 20, "a" * 15])
def test_a_weak_token_is_refused(runs, token):
    from tapegrad.board.server import serve

    with pytest.raises(ArgumentError, match="token"):
        serve([runs], token=token)
