"""`tapegrad board` as a person meets it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("click")

from tapegrad.board import server
from tapegrad.cli.main import main


@pytest.fixture
def board(tmp_path):
    command = [sys.executable, "-m", "tapegrad", "board", str(tmp_path), "--no-open", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_of(process):
    line = process.stdout.readline()
    assert line.startswith("board: http://127.0.0.1:"), process.stderr.read()
    assert process.stdout.readline() == "Ctrl-C ends it; trainings go on\n"
    return int(line.strip().rstrip("/").rpartition(":")[2])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_also_with_a_page_open(board, how):
    port = address_of(board)
    stream, table = (http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(2))
    stream.request("GET", "/api/stream")
    table.request("GET", "/api/runs")
    with (
        contextlib.closing(stream),
        contextlib.closing(table),
        stream.getresponse() as events,
        table.getresponse() as runs,
    ):
        assert events.status == 200
        assert json.loads(runs.read()) == {"runs": []}
        board.send_signal(how)
        _, err = board.communicate(timeout=20)
    assert err == ""
    assert board.returncode == (0 if how == signal.SIGINT else -signal.SIGTERM)


def test_a_port_in_use_is_told_and_without_a_wish_the_next_is_taken(tmp_path, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["board", str(tmp_path), "--no-open", "--port", str(port)]) == 2
        assert f"it cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
        monkeypatch.setattr(server, "PORT", port)
        with server.listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != port


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such/folder"], "there is no folder /no/such/folder"),
        (["--trust"], "--trust is given without a folder"),
        (["--host", "no.such.host.invalid"], "there is no address 'no.such.host.invalid'"),
        (["--token", "short"], "the token is too short"),
        (["--port", "99999"], "99999"),
        (["--prot", "1"], "'--port'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(["board", *arguments, "--no-open"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_no_browser_opens_in_a_terminal_without_windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not server._has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert server._has_screen()


def test_it_stands_soon_after_its_imports(tmp_path):
    """Everything between the imports and the open port takes less than a second, on a machine that has others to serve."""
    code = f"""
import time
import tapegrad.board.app, tapegrad.board.protocol, uvicorn
from tapegrad.board import server
began = time.process_time()
listening = server.listen("127.0.0.1", 0)
server.make_server([{str(tmp_path)!r}], "127.0.0.1", None)
listening.close()
print(time.process_time() - began)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout) < 1.0


def test_a_board_that_is_closed_costs_nothing(board):
    """With no page open it looks at no files: between two looks at its clock it has worked for next to no time."""
    address_of(board)

    def worked():
        with open(f"/proc/{board.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    if not os.path.exists(f"/proc/{board.pid}/stat"):
        pytest.skip("no /proc")
    time.sleep(1)
    before = worked()
    time.sleep(3)
    assert worked() - before <= 0.03 * 3 * os.sysconf("SC_CLK_TCK")
