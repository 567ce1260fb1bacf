"""Runs subjects in processes of their own and keeps what they gave, so that a run can go on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import multiprocessing.connection
import pathlib
import signal
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from .case import seed
from .differences import deliberate
from .values import Incomparable, Meter

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 60  # of the processor, for one subject: beyond it the case at hand counts as differing


@dataclass
class Record:
    """What became of one subject."""

    name: str
    kind: str
    present: bool
    cases: int = 0
    agreeing: int = 0
    largest: dict = field(default_factory=dict)
    differing: list = field(default_factory=list)
    deliberate: list = field(default_factory=list)
    seconds: float = 0.0


class TooLong(BaseException):
    """A subject took its time."""


def examine(subject, fast=False) -> Record:
    """Run a subject's cases."""
    record, meter, start = Record(subject.name, subject.kind, subject.present), Meter(), time.process_time()
    if not subject.present:
        return record
    before = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    label = "making samples"
    try:
        for case in subject.cases(fast=fast):
            label = case.label
            seed(f"{subject.name} {case.label}")
            try:
                wrong = case.run(meter)
            except Incomparable:
                continue
            except Exception as error:
                wrong = f"{type(error).__name__}: {str(error)[:160]}"
            _note(record, case.label, wrong)
    except Exception as error:
        _note(record, label, f"making the next case: {type(error).__name__}: {error}")
    except TooLong:
        _note(record, label, f"took more than {SECONDS} s")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    record.largest = meter.largest
    record.seconds = round(time.process_time() - start, 2)
    return record


def _too_long(*_):
    raise TooLong


def _note(record, label, wrong):
    record.cases += 1
    if wrong is None:
        record.agreeing += 1
        return
    wrong = " ".join(wrong.split())
    reason = deliberate(record.name, f"{label} -> {wrong}")
    (record.deliberate if reason else record.differing).append([label, wrong, *([reason] if reason else [])])


def digest(*options) -> str:
    """Of the package, of this harness and of the options: results of other code are not taken up."""
    h = hashlib.sha256(repr(options).encode())
    for folder in (ROOT / "src" / "tapegrad", ROOT / "tests" / "conformance"):
        for path in sorted(folder.rglob("*.py")):
            h.update(path.read_bytes())
    return h.hexdigest()[:16]


def _serve(pipe, subjects, fast):
    """A process of its own: names come in, records go out."""
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    while (name := pipe.recv()) is not None:
        pipe.send(asdict(examine(subjects[name], fast)))


class Worker:
    """A process with the name that it works on: if it dies of that, the name is told and another process goes on."""

    def __init__(self, subjects, fast):
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, subjects, fast), daemon=True)
        self.process.start()
        theirs.close()
        self.name = None

    def give(self, name):
        self.name = name
        self.pipe.send(name)

    def take(self):
        try:
            return self.pipe.recv()
        except EOFError:
            return None


def run(subjects, *, jobs=2, fast=False, cache: pathlib.Path | None = None, show=None) -> list[Record]:
    """Records of all subjects, in their order; ``cache`` is a file of what is already known."""
    by_name = {s.name: s for s in subjects}
    known = {}
    if cache and cache.is_file():
        known = {r["name"]: r for r in map(json.loads, cache.read_text().splitlines())}
    if cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
    todo = [s.name for s in reversed(subjects) if s.name not in known]
    workers = []
    while todo or workers:
        while todo and len(workers) < jobs:
            workers.append(Worker(by_name, fast))
            workers[-1].give(todo.pop())
        for pipe in multiprocessing.connection.wait([w.pipe for w in workers]):
            worker = next(w for w in workers if w.pipe is pipe)
            result = worker.take()
            if result is None:
                workers.remove(worker)
                subject = by_name[worker.name]
                died = Record(subject.name, subject.kind, True, 1, 0, differing=[["all", "the interpreter died"]])
                result = asdict(died)
            elif todo:
                worker.give(todo.pop())
            else:
                worker.pipe.send(None)
                workers.remove(worker)
            known[result["name"]] = result
            if cache:
                with cache.open("a") as file:
                    file.write(json.dumps(result) + "\n")
            if show:
                show(Record(**result))
    return [Record(**known[s.name]) for s in subjects]
