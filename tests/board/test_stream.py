"""What a page is told while it is open."""

import contextlib
import http.client
import json
import os
import shutil
import time

import pytest

from tapegrad.board.stream import MOST_STREAMS
from tapegrad.train import Run

from .conftest import serving


class Stream:
    """An open stream of events."""

    def __init__(self, client, query=""):
        self.connection = http.client.HTTPConnection(client.host, client.port, timeout=20)
        self.connection.request("GET", f"/api/stream{query}")
        self.response = self.connection.getresponse()

    def begun(self):
        """Wait for the first words, after which everything is told."""
        assert self.response.status == 200, self.response.read()
        while self.response.readline().strip():
            pass
        return self

    def events(self, wanted, seconds=15):
        """Return (name, data) of the next events, up to the first of which ``wanted(name, data)`` is true."""
        found, name, until = [], "", time.monotonic() + seconds
        while time.monotonic() < until:
            line = self.response.readline().decode().strip()
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
                if wanted(*found[-1]):
                    return found
        raise AssertionError(f"not told: {found}")

    def close(self):
        self.response.close()
        self.connection.close()


@contextlib.contextmanager
def following(client, query=""):
    stream = Stream(client, query)
    try:
        yield stream.begun()
    finally:
        stream.close()


def test_a_page_is_told_of_new_points_findings_states_and_runs(client, runs):
    number = client.number_of("spiral")
    run = Run(runs / "spiral")
    with following(client, f"?runs={number}") as stream:
        run.log("epoch", epoch=99, step=999, loss=0.25, valid_loss="NaN")
        told = dict(stream.events(lambda name, data: name == "points"))
        assert told["points"]["id"] == number
        assert told["points"]["series"]["loss"] == [[999.0, 0.25]]
        assert told["points"]["series"]["valid_loss"] == [[999.0, "NaN"]]
        assert told["runs"]["id"] == number
        run.log("finding", fault="dead-units", where="act1", since=3, evidence={}, advice="", severity=0.5)
        told = dict(stream.events(lambda name, data: name == "finding"))
        assert (told["finding"]["id"], told["finding"]["finding"]["where"]) == (number, "act1")
        os.unlink(runs / "spiral" / "result.json")
        told = dict(stream.events(lambda name, data: name == "status"))
        # This process, which trained it, is alive.
        assert told["status"] == {"id": number, "status": "running"}
        Run.prepare(runs / "another", "seed: 0\n", {})
        told = dict(stream.events(lambda name, data: name == "runs" and data["name"] == "another"))
        shutil.rmtree(runs / "another")
        gone = told["runs"]["id"]
        stream.events(lambda name, data: (name, data) == ("gone", {"id": gone}))


def test_a_course_that_was_taken_back_is_told_from_its_beginning(client, runs):
    number = client.number_of("spiral")
    with following(client, f"?runs={number}") as stream:
        Run(runs / "spiral").rewind(20, 20)
        told = stream.events(lambda name, data: name == "points")
        assert ("reset", {"id": number}) in told
        assert [step for step, _ in told[-1][1]["series"]["loss"]] == [10, 20]


def test_only_the_runs_that_were_asked_for_give_points(client, runs):
    with following(client) as stream:
        Run(runs / "spiral").log("epoch", epoch=99, step=999, loss=0.25)
        Run(runs / "digits").log("epoch", epoch=99, step=999, loss=0.25)
        told = stream.events(lambda name, data: name == "runs" and data["name"] == "digits")
        assert {name for name, _ in told} == {"runs"}


def test_the_last_stream_that_there_is_room_for(runs):
    with serving(runs) as client, contextlib.ExitStack() as stack:
        for _ in range(MOST_STREAMS):
            stack.enter_context(following(client))
        refused = Stream(client)
        assert refused.response.status == 503
        assert "close one" in json.loads(refused.response.read())["error"]["fix"]
        refused.close()
        assert client.get("/api/session")[0] == 200
        stack.close()
        until = time.monotonic() + 15
        while (again := Stream(client)).response.status != 200:
            again.close()
            assert time.monotonic() < until
            time.sleep(0.1)
        again.close()


def test_nobody_looks_at_files_when_nobody_asks(client, monkeypatch):
    looks = []
    scan = client.board.library._scan
    monkeypatch.setattr(client.board.library, "_scan", lambda: (looks.append(1), scan()))
    with following(client):
        time.sleep(1.5)
    assert looks
    time.sleep(1.5)
    before = len(looks)
    time.sleep(2.5)
    assert len(looks) == before


@pytest.mark.parametrize("query", ["?runs=x", "?runs=1,../2", "?runs=-1"])
def test_a_stream_of_nonsense_is_refused(shared, query):
    stream = Stream(shared, query)
    assert stream.response.status == 400
    stream.close()
