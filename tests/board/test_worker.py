"""The processes that answer for the board."""

import json
import os
import pathlib
import threading
import time

import pytest

import tapegrad.board
from tapegrad.board.refusal import Refusal
from tapegrad.board.worker import Worker

SERVICE = """
import os, tempfile, time

def _sleep(seconds):
    time.sleep(seconds)

def _print(text):
    print(text)
    os.write(1, b"noise")
    return {"said": text}

def _fail(kind):
    raise {"ValueError": ValueError, "MemoryError": MemoryError}[kind]("no \\n such")

METHODS = {
    "echo": lambda **given: given, "sleep": _sleep, "print": _print, "fail": _fail, "end": lambda: os._exit(3),
    "pid": os.getpid, "keep": lambda: tempfile.mkdtemp(), "threads": lambda: os.environ["OPENBLAS_NUM_THREADS"], "nice": lambda: os.nice(0),
}
"""


@pytest.fixture
def worker():
    # A service is a module of the board: this one is laid beside the others for as long as the test runs.
    name = f"_service_of_a_test_{os.getpid()}"
    path = pathlib.Path(tapegrad.board.__file__).with_name(f"{name}.py")
    path.write_text(SERVICE)
    found = Worker(name, priority=3, seconds=30.0)
    try:
        yield found
    finally:
        found.close()
        path.unlink()


def ask(worker, method, **arguments):
    return json.loads(worker.ask(method, **arguments))


def test_it_answers_what_it_was_asked(worker):
    given = {"a": [1, 2.5, None, "ü\n"], "b": {"c": float("inf")}}
    assert ask(worker, "echo", **given) == {**given, "b": {"c": "Infinity"}}
    assert ask(worker, "threads") == "1"
    assert ask(worker, "nice") >= min(os.nice(0) + 3, 19)
    assert ask(worker, "pid") == ask(worker, "pid")


def test_what_a_service_prints_is_no_answer(worker):
    assert ask(worker, "print", text="hello") == {"said": "hello"}
    assert ask(worker, "echo", a=1) == {"a": 1}


def test_errors_come_as_sentences(worker):
    for kind, status, words in (
        ("ValueError", 500, "it failed with ValueError: no such"),
        ("MemoryError", 503, "memory"),
    ):
        with pytest.raises(Refusal, match=words) as caught:
            worker.ask("fail", kind=kind)
        assert caught.value.status == status
    with pytest.raises(Refusal, match="KeyError"):
        worker.ask("nothing")
    assert ask(worker, "echo", a=1) == {"a": 1}


def test_what_takes_too_long_is_ended_and_the_next_is_answered(worker):
    before = ask(worker, "pid")
    worker.seconds = 0.5
    with pytest.raises(Refusal, match=r"more than 0.5 s"):
        worker.ask("sleep", seconds=60)
    worker.seconds = 30.0
    assert ask(worker, "pid") != before


def test_a_process_that_died_is_started_again(worker):
    with pytest.raises(Refusal, match="its process ended"):
        worker.ask("end")
    assert ask(worker, "echo", a=1) == {"a": 1}


def test_an_idle_process_ends(worker):
    worker.idle = 0.2
    before = ask(worker, "pid")
    until = time.monotonic() + 20
    while worker._process is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert worker._process is None
    assert ask(worker, "pid") != before


def test_questions_are_refused_when_many_wait(worker):
    ask(worker, "pid")
    said = []

    def wait():
        try:
            said.append(ask(worker, "sleep", seconds=0.2))
        except Refusal as error:
            said.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = f"{worker.service}: 12 questions wait for an answer already; try again in a while"
    assert said.count(None) == 12
    assert said.count(refused) == 3
    assert ask(worker, "echo", a=1) == {"a": 1}


def test_what_a_process_wrote_for_itself_is_gone_with_it(worker):
    folder = pathlib.Path(ask(worker, "keep"))
    assert folder.is_dir()
    worker.close()
    assert not folder.parent.exists()


def test_a_process_ends_with_its_board_also_in_the_middle_of_an_answer(worker):
    ask(worker, "pid")
    folder = pathlib.Path(ask(worker, "keep")).parent
    process = worker._process
    process.stdin.write(json.dumps({"method": "sleep", "arguments": {"seconds": 600}}).encode() + b"\n")
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert not folder.exists()


def test_the_boards_end_does_not_wait_for_an_answer(worker):
    ask(worker, "pid")
    said = []

    def wait():
        try:
            worker.ask("sleep", seconds=600)
        except Refusal as error:
            said.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    worker.close()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert said
    with pytest.raises(Refusal, match="ending"):
        worker.ask("pid")
