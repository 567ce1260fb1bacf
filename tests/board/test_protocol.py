"""Clients that hold the board up."""

import contextlib
import socket
import time

import pytest

from tapegrad.board import security
from tapegrad.board.protocol import Protocol

from .conftest import serving


@pytest.fixture
def hasty(runs, monkeypatch):
    """A board whose patience is short."""
    monkeypatch.setattr(Protocol, "head_seconds", 0.3)
    monkeypatch.setattr(Protocol, "read_seconds", 0.3)
    monkeypatch.setattr(security.Guard.__init__, "__defaults__", ("127.0.0.1", None, 0.3))
    with serving(runs) as client:
        yield client


HEAD = "POST /api/playground HTTP/1.1\r\nHost: localhost:{0}\r\nOrigin: http://localhost:{0}\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("data", ["", "GET / HT", "GET /api/session HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_head_that_does_not_end_closes_the_connection(hasty, data):
    assert hasty.raw(data.encode()) == b""


def test_a_second_head_that_does_not_end_closes_as_well(hasty):
    first = "GET /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert hasty.raw((first + "GET /api/se").encode()).count(b"HTTP/1.1 200") == 1


def test_a_body_that_does_not_come_is_refused(hasty):
    said = hasty.raw((HEAD.format(hasty.port) + "Content-Length: 100\r\n\r\n{").encode())
    assert b" 408 " in said
    assert security.CSP.encode() in said


def _ask_and_do_not_read(connection):
    wanted = b"GET /api/runs/1 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000
    for _ in range(200):
        connection.sendall(wanted)
        time.sleep(0.02)


def test_a_client_that_does_not_read_is_let_go(hasty):
    with socket.create_connection((hasty.host, hasty.port), timeout=20) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(ConnectionError):
            _ask_and_do_not_read(connection)
    assert hasty.get("/api/session")[0] == 200


def test_a_running_stream_is_no_slow_client(hasty):
    with socket.create_connection((hasty.host, hasty.port), timeout=10) as connection:
        connection.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connection.recv(65536)
        time.sleep(0.8)
        connection.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            assert connection.recv(65536) != b""
