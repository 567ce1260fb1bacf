"""What it costs a training that the board is open on it: ``python -m benchmarks.board`` on an idle machine, after
``make board``. With Chromium and playwright (``requirements/test.txt``); it takes about fifteen minutes.

While ``tapegrad train`` trains 784-512-512-10 (MNIST where TAPEGRAD_DATA has it, else noise of its size), the page shows the
run for some epochs and nothing for some, in turns. A ratio is what the epochs of one look took beside those without a page
before and after it, so that a machine whose pace drifts over minutes does not count: more than 1 is slower. The two epochs in
which the page is opened or closed are left out (opening a graph computes the network once). The column "none" changes nothing at its turns: what equal epochs differ by.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np

COLUMNS = ("none", "curves", "graph")
# Epochs of a turn that are counted; before them are those in which the page is opened or closed, and drawn for the first time.
COUNTED, CHANGE = 6, 2
RECIPE = """
data: {{{data}, batch_size: 128, split: {{valid: 40000}}}}
model: {{layers: [784, 512, 512, 10]}}
loss: CrossEntropyLoss
optimizer: {{type: Adam, lr: 0.001}}
training: {{epochs: {epochs}}}
metrics: [accuracy]
threads: {threads}
"""


def data_of(folder: pathlib.Path) -> str:
    """Return the recipe's data: MNIST, or a file of noise that is made in a folder."""
    root = os.environ.get("TAPEGRAD_DATA")
    if root and pathlib.Path(root, "mnist").is_dir():
        return f"set: mnist, standardize: true, root: {json.dumps(os.path.abspath(root))}"
    rng = np.random.default_rng(0)
    sizes = {"train": 60_000, "test": 10_000}
    arrays = {}
    for part, count in sizes.items():
        arrays[f"x_{part}"] = rng.standard_normal((count, 784)).astype(np.float32)
        arrays[f"y_{part}"] = rng.integers(0, 10, count)
    np.savez(folder / "noise.npz", **arrays)
    return f"set: npz, arguments: {{path: {json.dumps(str(folder / 'noise.npz'))}}}"


@contextlib.contextmanager
def board(runs: pathlib.Path) -> Iterator[str]:
    """Start the board as its command does, and give its address."""
    command = [sys.executable, "-m", "tapegrad", "board", str(runs), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?(?=/\s)", process.stdout.readline())
        try:
            assert found is not None, "the board did not start"
            yield found[0]
        finally:
            process.terminate()


@contextlib.contextmanager
def page(address: str) -> Iterator[Any]:
    """Open the board's table of runs in a browser."""
    from tests.board.browser.chromium import chromium, missing

    if lacking := missing():
        raise SystemExit(lacking)
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(f"{address}/#/")
        opened.wait_for_selector("main h1")
        yield opened


def train(recipe: pathlib.Path, runs: pathlib.Path, address: str, opened: Any, view: str) -> list[float]:
    """Train, with a view of the run open in every other turn, and return the seconds of each epoch."""
    command = [sys.executable, "-m", "tapegrad", "train", str(recipe), "--runs", str(runs)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        name = name_of(process, said)
        number = number_of(address, name)
        shown = False
        while process.poll() is None:
            wanted = view != "none" and len(epochs(runs / name)) // (COUNTED + CHANGE) % 2 == 1
            if wanted != shown:
                opened.goto(f"{address}/#/run/{number}/{view}" if wanted else "about:blank")
                shown = wanted
            opened.wait_for_timeout(100)  # the browser's events are heard meanwhile
    return epochs(runs / name)


def epochs(run: pathlib.Path) -> list[float]:
    """Return the seconds of the epochs that a run has ended."""
    whole = (run / "events.jsonl").read_bytes().rpartition(b"\n")[0]
    events = [json.loads(line) for line in whole.splitlines()]
    return [event["seconds"] for event in events if event["event"] == "epoch"]


def name_of(process: subprocess.Popen, said: Any) -> str:
    """Return the name of the run that a training tells of when it begins."""
    while True:
        ended = process.poll() is not None
        said.seek(0)
        text = said.read()
        if found := re.search(r"^run: (.+)\n", text, re.MULTILINE):
            return pathlib.Path(found[1]).name
        if ended:
            raise SystemExit(text)
        time.sleep(0.05)


def number_of(address: str, name: str) -> int:
    """Return the number that the board gave a run, which it may not have seen yet."""
    while True:
        with urllib.request.urlopen(f"{address}/api/runs") as answer:
            for run in json.load(answer)["runs"]:
                if run["name"] == name:
                    return run["id"]
        time.sleep(0.1)


def ratios(seconds: list[float]) -> list[float]:
    """Return what each look's epochs took beside those of the turns around it."""
    length = COUNTED + CHANGE
    turns = [sum(seconds[at + CHANGE : at + length]) for at in range(0, len(seconds) - length + 1, length)]
    return [2 * turns[at] / (turns[at - 1] + turns[at + 1]) for at in range(1, len(turns) - 1, 2)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--looks", type=int, default=6, help="how many times each view is opened")
    parser.add_argument("--views", choices=COLUMNS, default=COLUMNS, nargs="+")
    parser.add_argument("--threads", type=int, default=[1, os.cpu_count() or 1], nargs="+", help="of BLAS")
    options = parser.parse_args()
    print(
        f"| BLAS threads | view | epochs, s | ratio | lowest … highest of {options.looks} |\n| ---: | --- | ---: | ---: | --- |"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        data, runs = data_of(folder), folder / "runs"
        runs.mkdir()
        for threads in dict.fromkeys(options.threads):
            recipe = folder / f"threads-{threads}.yaml"
            count = (2 * options.looks + 1) * (COUNTED + CHANGE)
            recipe.write_text(RECIPE.format(data=data, epochs=count, threads=threads))
            for view in options.views:
                with board(runs) as address, page(address) as opened:
                    seconds = train(recipe, runs, address, opened, view)
                found = ratios(seconds)
                line = f"{statistics.median(seconds):.2f} | {statistics.median(found):.3f} | {min(found):.3f} … {max(found):.3f}"
                print(f"| {threads} | {view} | {line} |", flush=True)


if __name__ == "__main__":
    main()
