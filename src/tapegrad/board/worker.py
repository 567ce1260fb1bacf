"""A process of its own that answers questions: the page stays quick, and what takes too long is ended.

Requests go to it as lines of JSON. An answer is a line of JSON that says how it went and how many bytes of JSON follow.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from typing import Any, BinaryIO

from ..errors import TapegradError
from ..train.lines import dump
from .refusal import Refusal

__all__ = ["Worker", "main"]

# Questions that may wait for their answers, one of them being answered: whoever waits holds a thread of the board.
_MOST = 12
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Worker:
    """A process that is started by the first question and answers one at a time.

    ``service``: the module below ``tapegrad.board`` whose ``METHODS`` answer. ``priority``: by how much it steps back
    behind other processes. A question that takes more than ``seconds`` ends the process; after ``idle`` seconds without a
    question it ends as well. The next question starts another. What a process writes into the folder for temporary files
    is gone when it ends.
    """

    def __init__(self, service: str, *, priority: int, seconds: float, idle: float | None = None):
        self.service = service
        self.priority = priority
        self.seconds = seconds
        self.idle = idle
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_MOST)
        self._process: subprocess.Popen | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._rest: threading.Timer | None = None
        self._closed = False

    def ask(self, method: str, **arguments: Any) -> bytes:
        """Return an answer as JSON. Raises the error that the process raised, Refusal when it took or would take too long."""
        question = dump({"method": method, "arguments": arguments}).encode("utf-8", "replace") + b"\n"
        if not self._room.acquire(blocking=False):
            raise Refusal(503, self.service, f"{_MOST} questions wait for an answer already", "try again in a while")
        try:
            with self._lock:
                self._wake(False)
                try:
                    return self._ask(question)
                finally:
                    self._wake(True)
        finally:
            self._room.release()

    def _ask(self, question: bytes) -> bytes:
        if self._closed:
            raise Refusal(503, self.service, "the board is ending", "")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
        process, late = self._process, threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, end)
        timer.daemon = True
        timer.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(question)
            process.stdin.flush()
            head = json.loads(process.stdout.readline())
            body = process.stdout.read(head["length"])
            if len(body) != head["length"]:
                raise ValueError("the answer is not whole")
        except (OSError, ValueError):
            self._end()
            what = f"it took more than {self.seconds:g} s" if late.is_set() else "its process ended"
            raise Refusal(503, self.service, what, "try a smaller network, fewer samples, or again") from None
        finally:
            timer.cancel()
        if not head["ok"]:
            error = json.loads(body)
            raise Refusal(error["status"], error["who"], error["what"], error["fix"])
        return body

    def _start(self) -> subprocess.Popen:
        # -P: a file in the working folder must not pass for a module.
        self._folder = tempfile.TemporaryDirectory(prefix="tapegrad-board-", ignore_cleanup_errors=True)
        arguments = [self.service, str(self.priority), self._folder.name]
        command = [sys.executable, "-P", "-m", "tapegrad.board.worker", *arguments]
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name)
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), **places},
        )

    def _wake(self, done: bool) -> None:
        """Begin, or with a new question forget, to count the seconds without one."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if done and self.idle is not None and not self._closed:
            self._rest = threading.Timer(self.idle, self._sleep)
            self._rest.daemon = True
            self._rest.start()

    def _sleep(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def close(self) -> None:
        """End the process, also in the middle of a question."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._wake(False)
            self._end()


def main(service: str, priority: str, folder: str) -> None:
    """Answer questions from the standard input until it ends, also in the middle of one: then the board was killed.

    ``folder``: what this process writes, which is removed then, as the board cannot any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the board, which then ends this process
    if hasattr(os, "nice"):
        os.nice(int(priority))
    # What a network prints must not get among the answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        warnings.simplefilter("ignore")
        methods = importlib.import_module(f".{service}", __package__).METHODS
        questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=[questions, folder], daemon=True).start()
        while True:
            _answer(methods, questions.get(), answers)


def _listen(questions: queue.SimpleQueue[bytes], folder: str) -> None:
    for line in sys.stdin.buffer:
        questions.put(line)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answer(methods: dict[str, Any], line: bytes, answers: BinaryIO) -> None:
    ok = True
    try:
        question = json.loads(line)
        body = dump(methods[question["method"]](**question["arguments"]))
    except TapegradError as error:
        ok, body = False, _told(getattr(error, "status", 400), error.who, _whole(error), error.fix)
    except MemoryError:
        ok, body = False, _told(503, "board", "there is not enough memory", "use a smaller network or fewer samples")
    except Exception as error:
        what = f"it failed with {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ok, body = False, _told(500, "board", what, "try again; if it stays, it is a fault of the board")
    data = body.encode("utf-8", "replace")
    answers.write(json.dumps({"ok": ok, "length": len(data)}).encode() + b"\n" + data)
    answers.flush()


def _whole(error: TapegradError) -> str:
    return "\n".join([error.what, *getattr(error, "more", ())])


def _told(status: int, who: str, what: str, fix: str) -> str:
    return json.dumps({"status": status, "who": str(who), "what": what, "fix": fix})


if __name__ == "__main__":
    main(*sys.argv[1:])
